//! What waits to be written to one socket: bounded, filled by the hub's task without ever waiting, emptied by
//! the socket's own; or by the hub's, where the socket's has nothing to write and would only be woken for it.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, IoSlice},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::{Buf as _, Bytes};
use parlour_core::status::Status;
use thiserror::Error;
use tokio::net::tcp::OwnedWriteHalf;

/// What one write gathers at most, in buffers.
pub const SLICES: usize = 64;

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

/// Where [`Queue::flush`] writes.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Writes what is taken at once of these buffers, in order, and says how many bytes that was. Never waits.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is taken now; any other when nothing ever will be.
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Sink for OwnedWriteHalf {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match buffers {
            // The system does less for a call with one buffer.
            [buffer] => self.try_write(buffer),
            buffers => self.try_write_vectored(buffers),
        }
    }
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
    /// Since when more was to be put than the bounds allow, with nothing written since.
    over_since: Option<Instant>,
    pushed: u64,
    /// Something was not taken, and who is told when there is room again was not told.
    overflowed: bool,
    ending: Option<Ending>,
    waker: Option<Waker>,
    /// Where to write, while there is a connection.
    sink: Option<Arc<dyn Sink>>,
    /// The socket's task has something to write, or writes its last: nobody else may write.
    busy: bool,
    /// The first of `frames` is written in part.
    torn: bool,
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
    /// The first buffer is the rest of one that is written in part.
    pub torn: bool,
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

    /// Where [`flush`](Self::flush) writes, from now on.
    pub fn attach(&self, sink: Arc<dyn Sink>) {
        self.state().sink = Some(sink);
    }

    /// Nothing is written any more.
    pub fn detach(&self) {
        self.state().sink = None;
    }

    /// Puts whole frames at the end. Never waits. After an ending it does nothing. They go out with the next
    /// [`flush`](Self::flush), or before.
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
        Ok(())
    }

    /// Sees to it that what was put is written: at once and here, as far as the system takes it, or else by the
    /// socket's task, which is woken. Never waits.
    ///
    /// To write here spares the socket's task its turn, of which a room of hundreds takes hundreds for a message; but
    /// they are written one after the other then, and not by all cores.
    pub fn flush(&self, here: bool) {
        let mut state = self.state();
        if here && !state.busy && state.ending.is_none() {
            state.write();
        }
        // Who is told that there is room again is told by the task.
        if !state.frames.is_empty() || state.overflowed {
            wake(state);
        }
    }

    fn is_full(&self, state: &mut State, more: usize) -> bool {
        let over = |times: usize| {
            state.bytes + more > self.max_bytes.saturating_mul(times)
                || state.count >= self.max_frames.saturating_mul(times)
        };
        over(1) && (over(HARD) || state.over_since.get_or_insert_with(Instant::now).elapsed() >= self.grace)
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
        let rest = state.rest();
        state.frames = rest.into_iter().collect();
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
            state.over_since = None;
        }
        let torn = std::mem::take(&mut state.torn);
        if out.is_empty() || torn {
            // The rest of a frame goes before what the socket has to say itself.
            std::mem::swap(out, &mut state.frames);
        }
        if !state.frames.is_empty() {
            out.append(&mut state.frames);
        }
        state.busy = !out.is_empty();
        if state.frames.capacity() > KEPT {
            state.frames = VecDeque::new();
        }
        state.wakes(cx);
        let drained = state.overflowed && state.count == 0;
        state.overflowed &= !drained;
        // After the waker is there: what the hub handles from now on wakes it.
        let may_read = self.unhandled.load(Ordering::Acquire) < UNHANDLED;
        Taken { ending: state.ending, may_read, drained, torn }
    }

    /// For the socket, when it writes its last: drops what is queued, now and from now on, but for the rest of a frame
    /// that is written in part, and says how the hub's side has ended the connection, if it has.
    pub fn give_up(&self, cx: &Context<'_>) -> (Option<Ending>, Option<Bytes>) {
        let mut state = self.state();
        let rest = state.rest();
        (state.torn, state.busy) = (false, true);
        state.frames = VecDeque::new();
        state.wakes(cx);
        (state.ending, rest)
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

    /// Writes some of it, once. What went wrong, the socket's task will find out too.
    fn write(&mut self) {
        let Some(sink) = &self.sink else { return };
        let written = match self.frames.as_slices() {
            ([], []) => return,
            // Of most turns there is one.
            ([frame], []) => sink.write(&[IoSlice::new(frame)]),
            _ => {
                let mut slices = [IoSlice::new(&[]); SLICES];
                slices.iter_mut().zip(&self.frames).for_each(|(slice, frame)| *slice = IoSlice::new(frame));
                sink.write(&slices[..self.frames.len().min(SLICES)])
            }
        };
        let Ok(written @ 1..) = written else { return };
        self.bytes = self.bytes.saturating_sub(written);
        let done = advance(&mut self.frames, written);
        self.torn = done.torn;
        self.count = self.count.saturating_sub(done.buffers);
        self.over_since = None;
    }

    /// The rest of a frame that is written in part.
    fn rest(&mut self) -> Option<Bytes> {
        if self.torn { self.frames.pop_front() } else { None }
    }

    fn wakes(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }
}

/// What [`advance`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Advanced {
    /// So many buffers are done with.
    pub(super) buffers: usize,
    /// The first is written in part now.
    pub(super) torn: bool,
}

/// Takes so many bytes off the front; whether the first was written in part before is not known here.
pub(super) fn advance(buffers: &mut VecDeque<Bytes>, mut bytes: usize) -> Advanced {
    let mut done = Advanced { buffers: 0, torn: false };
    while let Some(first) = buffers.front_mut() {
        if bytes < first.len() {
            first.advance(bytes);
            done.torn = bytes > 0;
            break;
        }
        bytes -= first.len();
        buffers.pop_front();
        done.buffers += 1;
    }
    done
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
mod tests;
