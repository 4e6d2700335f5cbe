//! The write queue of one connection: bounded, filled by the hub task, written by the hub task or the socket task.
//!
//! The hub task must never wait for a connection, and in a large room waking a socket task costs more than the
//! delivery it is woken for. So the hub task writes directly to a connection that is idle, and hands the frames over
//! to the socket task if the socket is busy or the operating system does not accept all of them. A mutex protects the
//! frames that were handed over and the decision which task may write. It is not held during a write, so neither task
//! waits for the other: a task that may not write continues with its other work and is woken.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, IoSlice},
    mem,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use bytes::{Buf as _, Bytes};
use parking_lot::MutexGuard;
use parlour_core::status::Status;
use thiserror::Error;
use tokio::net::tcp::OwnedWriteHalf;

pub use self::receiver::{Receiver, Taken};
use self::shared::{Shared, State, Writer, wake};

mod receiver;
mod shared;

/// The most buffers passed to one vectored write.
pub const MAX_SLICES_PER_WRITE: usize = 64;

/// An empty queue retains capacity for at most this many frames, because most connections are idle.
const RETAINED_FRAMES: usize = 8;

/// The time for which a queue may exceed its bounds while nothing is written. A burst larger than the bounds does not
/// close a connection that reads it as it arrives.
pub const OVERLOAD_GRACE: Duration = Duration::from_secs(1);

/// A queue never exceeds its bounds by more than this factor, however fast it is written. The buffers are shared by all
/// recipients of a message.
pub const HARD_LIMIT_FACTOR: usize = 16;

/// The queue is full: the peer reads too slowly.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("the write queue is full")]
pub struct Full;

/// The way in which the hub ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Write the queued frames, then a Close frame with this status.
    Close(Status),
    /// Close the TCP connection at once.
    Abort,
}

/// The destination of [`Sender::flush`].
pub trait Sink: fmt::Debug + Send + Sync {
    /// Writes as much of these buffers, in order, as is accepted without waiting. Returns the number of bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is accepted now; any other error is final.
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Sink for OwnedWriteHalf {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match buffers {
            // `send` is cheaper than `writev` with one buffer.
            [buffer] => self.try_write(buffer),
            buffers => self.try_write_vectored(buffers),
        }
    }
}

/// Creates an empty queue. `sink` is the socket; after it is dropped, the hub task writes nothing.
#[must_use]
pub fn channel(bounds: Bounds, sink: Weak<dyn Sink>) -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    let receiver = Receiver::new(shared.clone());
    let sender = Sender {
        shared,
        sink,
        bounds,
        frames: VecDeque::new(),
        queued_bytes: 0,
        queued_buffers: 0,
        over_since: None,
        pushed: 0,
        overflowed: false,
        ending: None,
    };
    (sender, receiver)
}

/// The size limits of a queue. They may be exceeded, up to [`HARD_LIMIT_FACTOR`] times, while the peer keeps reading.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes.
    pub bytes: usize,
    /// Buffers.
    pub frames: usize,
    /// The time for which the limits may be exceeded while nothing is written.
    pub grace: Duration,
}

/// The hub task's end.
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
    sink: Weak<dyn Sink>,
    bounds: Bounds,
    /// Pushed since the last flush.
    frames: VecDeque<Bytes>,
    /// Pushed and not known to be written.
    queued_bytes: usize,
    queued_buffers: usize,
    /// The time at which a push first exceeded the bounds, with nothing written since.
    over_since: Option<Instant>,
    pushed: u64,
    /// A frame was rejected, and the socket task does not know yet.
    overflowed: bool,
    ending: Option<Ending>,
}

impl Sender {
    /// Appends whole frames, which are written by the next [`flush`](Self::flush). Never waits. Does nothing after the
    /// connection was ended.
    ///
    /// # Errors
    /// [`Full`]; nothing was appended.
    pub fn push(&mut self, frames: Bytes) -> Result<(), Full> {
        if self.ending.is_some() {
            return Ok(());
        }
        if self.is_full(frames.len()) {
            self.overflowed = true;
            return Err(Full);
        }
        self.queued_bytes += frames.len();
        self.queued_buffers += 1;
        self.pushed += 1;
        self.frames.push_back(frames);
        Ok(())
    }

    fn is_full(&mut self, additional_bytes: usize) -> bool {
        if !self.exceeds(1, additional_bytes) {
            return false;
        }
        // The lock is taken only when the result matters. The socket task also counts its own control frames as
        // written, although they were not counted as queued: the error allows at most one more queue's worth.
        let (bytes, buffers) = {
            let mut state = self.shared.lock();
            (mem::take(&mut state.written_bytes), mem::take(&mut state.written_buffers))
        };
        self.count_written(bytes, buffers);
        self.exceeds(1, additional_bytes)
            && (self.exceeds(HARD_LIMIT_FACTOR, additional_bytes)
                || self.over_since.get_or_insert_with(Instant::now).elapsed() >= self.bounds.grace)
    }

    fn exceeds(&self, factor: usize, additional_bytes: usize) -> bool {
        self.queued_bytes + additional_bytes > self.bounds.bytes.saturating_mul(factor)
            || self.queued_buffers >= self.bounds.frames.saturating_mul(factor)
    }

    fn count_written(&mut self, bytes: usize, buffers: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        self.queued_buffers = self.queued_buffers.saturating_sub(buffers);
        if bytes > 0 {
            self.over_since = None;
        }
    }

    /// Starts writing the appended frames: if `directly` is set and the connection is idle, with one write here, as far
    /// as the operating system accepts them; otherwise by waking the socket task. Never waits.
    ///
    /// A direct write saves waking the socket task, but all direct writes run one after another on the hub's core.
    pub fn flush(&mut self, directly: bool) {
        let mut partially_written = false;
        if directly && self.ending.is_none() && !self.frames.is_empty() && self.shared.begin_hub_write() {
            partially_written = self.write();
            if self.frames.is_empty() {
                self.shared.finish_hub_write();
            }
        }
        // After an overflow the socket task reports that the queue has drained.
        if !self.frames.is_empty() || self.overflowed {
            self.hand_over(partially_written);
        }
    }

    /// Writes once. Returns whether the first remaining frame is partially written. Errors are ignored, because the
    /// socket task gets them too.
    fn write(&mut self) -> bool {
        let Some(sink) = self.sink.upgrade() else { return false };
        let written = match self.frames.as_slices() {
            // The common case: one frame per flush.
            ([frame], []) => sink.write(&[IoSlice::new(frame)]),
            _ => {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES_PER_WRITE];
                slices.iter_mut().zip(&self.frames).for_each(|(slice, frame)| *slice = IoSlice::new(frame));
                sink.write(&slices[..self.frames.len().min(MAX_SLICES_PER_WRITE)])
            }
        };
        let Ok(written @ 1..) = written else { return false };
        let Advanced { buffers, partially_written } = advance(&mut self.frames, written);
        self.count_written(written, buffers);
        if self.frames.is_empty() && self.frames.capacity() > RETAINED_FRAMES {
            self.frames = VecDeque::new();
        }
        partially_written
    }

    /// Appends the frames to those handed over before, and wakes the socket task.
    fn hand_over(&mut self, partially_written: bool) {
        let shared = self.shared.clone();
        let mut state = shared.lock();
        state.partially_written |= partially_written;
        if state.frames.is_empty() {
            mem::swap(&mut state.frames, &mut self.frames);
        } else {
            state.frames.append(&mut self.frames);
        }
        self.pass_to_socket(state);
    }

    /// Makes the socket task the writer, with the current flags, and wakes it.
    fn pass_to_socket(&mut self, mut state: MutexGuard<'_, State>) {
        state.overflowed |= mem::take(&mut self.overflowed);
        state.ending = self.ending;
        state.writer = Writer::Socket;
        state.socket_waits = false;
        wake(state);
    }

    /// Ends the connection after the queued frames. Only the first call has an effect, except that [`Ending::Abort`]
    /// replaces a [`Ending::Close`].
    pub fn end(&mut self, ending: Ending) {
        if self.ending.is_none() || ending == Ending::Abort {
            self.ending = Some(ending);
        }
        self.hand_over(false);
    }

    /// Ends the connection with a Close frame and discards the queued frames, except the rest of a partially written
    /// one.
    pub fn discard_and_close(&mut self, status: Status) {
        self.ending.get_or_insert(Ending::Close(status));
        self.frames = VecDeque::new();
        let shared = self.shared.clone();
        let mut state = shared.lock();
        let rest = usize::from(state.partially_written);
        state.frames.truncate(rest);
        self.pass_to_socket(state);
    }

    /// The hub has handled a message of this length.
    pub fn message_handled(&self, length: usize) {
        self.shared.message_handled(length);
    }

    /// The number of buffers pushed since the connection was opened.
    #[must_use]
    pub const fn pushed(&self) -> u64 {
        self.pushed
    }
}

/// The result of [`advance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Advanced {
    /// Buffers that were completely written.
    pub(super) buffers: usize,
    /// The first remaining buffer is partially written. Not set if only an earlier call wrote a part of it.
    pub(super) partially_written: bool,
}

/// Removes the first `bytes` bytes, after they were written.
pub(super) fn advance(buffers: &mut VecDeque<Bytes>, mut bytes: usize) -> Advanced {
    let mut done = Advanced { buffers: 0, partially_written: false };
    while let Some(first) = buffers.front_mut() {
        if bytes < first.len() {
            first.advance(bytes);
            done.partially_written = bytes > 0;
            break;
        }
        bytes -= first.len();
        buffers.pop_front();
        done.buffers += 1;
    }
    done
}

#[cfg(test)]
mod tests;
