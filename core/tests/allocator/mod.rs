//! An allocator that counts what is allocated, for tests of memory.
#![allow(unsafe_code, reason = "the trait is unsafe; each call is passed on unchanged")]
#![allow(dead_code, reason = "no test uses all of it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes that the process has allocated now, and the most since [`measure_process`] began.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The same for this thread. Negative if it frees what another one has allocated.
    static THREAD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

impl Counting {
    fn count(added: isize) {
        let live = if added < 0 {
            LIVE.fetch_sub(added.unsigned_abs(), Relaxed);
            0
        } else {
            LIVE.fetch_add(added.unsigned_abs(), Relaxed) + added.unsigned_abs()
        };
        PEAK.fetch_max(live, Relaxed);
        THREAD.with(|thread| {
            let (live, peak) = thread.get();
            thread.set((live + added, peak.max(live + added)));
        });
    }
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(-layout.size().cast_signed());
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The memory that was allocated, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Allocated {
    /// The most at any moment.
    pub peak: usize,
    /// The memory that is still allocated at the end.
    pub retained: usize,
}

/// Measures what `work` allocates on this thread. What it returns is dropped first.
pub fn measure<T>(work: impl FnOnce() -> T) -> Allocated {
    let (before, _) = THREAD.get();
    THREAD.set((before, before));
    drop(work());
    let (live, peak) = THREAD.get();
    let of = |now: isize| usize::try_from(now - before).unwrap_or(0);
    Allocated { peak: of(peak), retained: of(live) }
}

/// Measures what all threads of the process allocate meanwhile.
pub fn measure_process<T>(work: impl FnOnce() -> T) -> Allocated {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    drop(work());
    let of = |now: usize| now.saturating_sub(before);
    Allocated { peak: of(PEAK.load(Relaxed)), retained: of(LIVE.load(Relaxed)) }
}
