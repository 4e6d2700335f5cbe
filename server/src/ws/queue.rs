//! What waits to be written to one socket: bounded, filled by the hub's task without ever waiting, emptied by
//! the socket's own.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use parlour_core::status::Status;
use thiserror::Error;

/// An emptied queue keeps room for so many frames; more is given back, as most connections are idle.
const KEPT: usize = 8;

/// How many messages a socket may have handed to the hub and not had handled; it does not read on beyond.
const UNHANDLED: usize = 64;

/// How long a queue may be over its bounds while nothing of it is written. A burst that is larger than the bound
/// is no reason to close who reads it as fast as it comes.
pub const GRACE: Duration = Duration::from_secs(1);

/// So many times its bounds a queue never holds, however fast it is emptied. What waits in it is shared by all who
/// are sent it.
pub const HARD: usize = 16;

/// The queue is full: the peer reads too slowly.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("the queue is full")]
pub struct Full;

/// How the hub's side ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Write what is queued, then a Close with this status.
    Close(Status),
    /// Let go at once.
    Drop,
}

/// The two ends' shared part of a connection.
#[derive(Debug)]
pub struct Queue {
    /// The most bytes that may wait.
    max_bytes: usize,
    /// The most frames that may wait.
    max_frames: usize,
    /// How long more than that may wait while nothing is written.
    grace: Duration,
    /// Messages on their way to the hub.
    unhandled: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Bytes>,
    /// Of what is in `frames` or was taken and is not yet written; snapshots don't count.
    bytes: usize,
    count: usize,
    /// When something was written last, or had nothing to wait for.
    progress: Option<Instant>,
    pushed: u64,
    /// Something was not taken, and who is told when there is room again was not told.
    overflowed: bool,
    ending: Option<Ending>,
    waker: Option<Waker>,
}

/// What [`Queue::take`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The hub's side ended the connection; nothing more will come.
    pub ending: Option<Ending>,
    /// The socket may read on.
    pub may_read: bool,
    /// All is written, of a queue that was too full: the hub is to be told, once.
    pub drained: bool,
}

impl Queue {
    /// An empty queue for `max_bytes` bytes in `max_frames` buffers, and for more while it is being emptied: nothing
    /// written for `grace` ends that.
    #[must_use]
    pub fn new(max_bytes: usize, max_frames: usize, grace: Duration) -> Self {
        Self { max_bytes, max_frames, grace, unhandled: AtomicUsize::new(0), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts whole frames at the end. Never waits. After an ending it does nothing.
    ///
    /// # Errors
    /// [`Full`]; nothing was put.
    pub fn push(&self, frames: Bytes) -> Result<(), Full> {
        let mut state = self.state();
        if state.ending.is_some() {
            return Ok(());
        }
        if self.is_full(&mut state, frames.len()) {
            state.overflowed = true;
            return Err(Full);
        }
        state.bytes += frames.len();
        state.put(frames);
        wake(state);
        Ok(())
    }

    /// Puts a page of a snapshot, which is shared and as large as the room: its bytes don't count.
    ///
    /// # Errors
    /// [`Full`] when there are too many frames; nothing was put.
    pub fn push_snapshot(&self, frames: Bytes) -> Result<(), Full> {
        let mut state = self.state();
        if state.ending.is_some() {
            return Ok(());
        }
        if self.is_full(&mut state, 0) {
            return Err(Full);
        }
        state.put(frames);
        wake(state);
        Ok(())
    }

    fn is_full(&self, state: &mut State, more: usize) -> bool {
        if state.count == 0 {
            state.progress = Some(Instant::now());
        }
        let over = |times: usize| {
            state.bytes + more > self.max_bytes.saturating_mul(times)
                || state.count >= self.max_frames.saturating_mul(times)
        };
        let stalled = || state.progress.is_none_or(|at| at.elapsed() >= self.grace);
        over(1) && (over(HARD) || stalled())
    }

    /// Nothing more comes after what is queued. The first ending counts, but for [`Ending::Drop`].
    pub fn end(&self, ending: Ending) {
        let mut state = self.state();
        if state.ending.is_none() || ending == Ending::Drop {
            state.ending = Some(ending);
        }
        wake(state);
    }

    /// As [`end`](Self::end) with a Close, but what is queued is dropped.
    pub fn fail(&self, status: Status) {
        let mut state = self.state();
        state.frames = VecDeque::new();
        if state.ending.is_none() {
            state.ending = Some(Ending::Close(status));
        }
        wake(state);
    }

    /// For the socket: moves what is queued into `out`, having written so many bytes and buffers of what it
    /// took before, and asks to be woken when there is more, or when it may read again.
    pub fn take(
        &self,
        cx: &Context<'_>,
        out: &mut VecDeque<Bytes>,
        written_bytes: usize,
        written: usize,
    ) -> Taken {
        let mut state = self.state();
        // Snapshots were not counted in but are counted out; a little more room for who just got one is no harm.
        state.bytes = state.bytes.saturating_sub(written_bytes);
        state.count = state.count.saturating_sub(written);
        if written_bytes > 0 {
            state.progress = Some(Instant::now());
        }
        if out.is_empty() {
            std::mem::swap(out, &mut state.frames);
        } else {
            out.append(&mut state.frames);
        }
        if state.frames.capacity() > KEPT {
            state.frames = VecDeque::new();
        }
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        let drained = state.overflowed && state.count == 0;
        state.overflowed &= !drained;
        // After the waker is there: what the hub handles from now on wakes it.
        let may_read = self.unhandled.load(Ordering::Acquire) < UNHANDLED;
        Taken { ending: state.ending, may_read, drained }
    }

    /// For the socket: a message goes to the hub.
    pub fn handing_over(&self) {
        self.unhandled.fetch_add(1, Ordering::AcqRel);
    }

    /// For the hub's task: a message of this connection was handled.
    pub fn handled(&self) {
        if self.unhandled.fetch_sub(1, Ordering::AcqRel) == UNHANDLED {
            wake(self.state());
        }
    }

    /// How many buffers were ever put.
    #[must_use]
    pub fn pushed(&self) -> u64 {
        self.state().pushed
    }
}

impl State {
    fn put(&mut self, frames: Bytes) {
        self.frames.push_back(frames);
        self.count += 1;
        self.pushed += 1;
    }
}

/// Wakes the socket's task, outside the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &Queue, out: &mut VecDeque<Bytes>) -> Taken {
        queue.take(&Context::from_waker(Waker::noop()), out, 0, 0)
    }

    #[test]
    fn full_by_bytes_or_by_frames() {
        let queue = Queue::new(10, 3, Duration::ZERO);
        assert_eq!(queue.push(Bytes::from_static(b"12345678")), Ok(()));
        assert_eq!(queue.push(Bytes::from_static(b"123")), Err(Full));
        assert_eq!(queue.push(Bytes::from_static(b"1")), Ok(()));
        assert_eq!(queue.push_snapshot(Bytes::from_static(b"123456789")), Ok(()));
        assert_eq!(queue.push(Bytes::new()), Err(Full));
        let mut out = VecDeque::new();
        take(&queue, &mut out);
        assert_eq!(out.len(), 3);
        assert_eq!(queue.push(Bytes::new()), Err(Full), "taken is not written");
        queue.take(&Context::from_waker(Waker::noop()), &mut out, 9, 2);
        assert_eq!(queue.push(Bytes::from_static(b"12345")), Ok(()));
    }

    #[test]
    fn it_is_told_once_that_all_is_written_after_it_was_too_full() {
        let queue = Queue::new(10, 3, Duration::ZERO);
        queue.push(Bytes::from_static(b"12345678")).unwrap();
        let mut out = VecDeque::new();
        assert!(!take(&queue, &mut out).drained);
        assert_eq!(queue.push(Bytes::from_static(b"12345678")), Err(Full));
        assert!(!take(&queue, &mut out).drained, "taken is not written");
        let cx = Context::from_waker(Waker::noop());
        assert!(queue.take(&cx, &mut out, 8, 1).drained);
        assert!(!take(&queue, &mut out).drained);
    }

    #[test]
    fn who_reads_may_be_sent_more_than_the_bound_but_not_without_end() {
        let queue = Queue::new(10, 1_000, GRACE);
        for _ in 0..HARD {
            assert_eq!(queue.push(Bytes::from_static(b"1234567890")), Ok(()));
        }
        assert_eq!(queue.push(Bytes::from_static(b"1")), Err(Full));
    }

    #[test]
    fn the_first_ending_counts() {
        let queue = Queue::new(10, 3, Duration::ZERO);
        queue.push(Bytes::from_static(b"1")).unwrap();
        queue.end(Ending::Close(Status::Normal));
        queue.fail(Status::TooSlow);
        queue.push(Bytes::from_static(b"2")).unwrap();
        let mut out = VecDeque::new();
        assert_eq!(take(&queue, &mut out).ending, Some(Ending::Close(Status::Normal)));
        assert!(out.is_empty());
        queue.end(Ending::Drop);
        assert_eq!(take(&queue, &mut out).ending, Some(Ending::Drop));
    }

    #[test]
    fn a_socket_stops_reading_while_the_hub_is_behind() {
        let queue = Queue::new(10, 3, Duration::ZERO);
        let mut out = VecDeque::new();
        for _ in 0..UNHANDLED {
            assert!(take(&queue, &mut out).may_read);
            queue.handing_over();
        }
        assert!(!take(&queue, &mut out).may_read);
        queue.handled();
        assert!(take(&queue, &mut out).may_read);
    }
}
