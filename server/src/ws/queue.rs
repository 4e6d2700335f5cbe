//! What waits to be written to one socket: bounded, filled by the hub's task without ever waiting, emptied by
//! the socket's own; or by the hub's, where the socket's has nothing to write and would only be woken for it.
//!
//! Nothing here is locked. The hub's task keeps what it puts to itself and writes it, if it is its [turn](Turn); what it
//! does not write it hands over whole, as one pointer in a mailbox, and the turn with it. So at any moment one of the
//! two may write, and who may not goes on with something else and is woken.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, IoSlice},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Buf as _, Bytes};
use crossbeam_utils::atomic::AtomicCell;
use futures_util::task::AtomicWaker;
use parlour_core::status::Status;
use thiserror::Error;
use tokio::net::tcp::OwnedWriteHalf;

pub use self::receiver::{Receiver, Taken};
use self::turn::Turn;

mod receiver;
mod turn;

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

/// Where [`Sender::flush`] writes.
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

/// An empty queue. `sink` is the socket's: once that is gone, nothing is written.
#[must_use]
pub fn channel(bounds: Bounds, sink: Weak<dyn Sink>) -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    let receiver = Receiver::new(shared.clone());
    let sender = Sender {
        shared,
        sink,
        bounds,
        frames: VecDeque::new(),
        bytes: 0,
        count: 0,
        over_since: None,
        pushed: 0,
        overflowed: false,
        ending: None,
    };
    (sender, receiver)
}

/// How much may wait to be written, and more while it is being written: nothing written for `grace` ends that.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes, without snapshots.
    pub bytes: usize,
    /// Buffers.
    pub frames: usize,
    /// How long more than that may wait while nothing is written.
    pub grace: Duration,
}

/// What the two ends share.
#[derive(Default)]
struct Shared {
    turn: Turn,
    mail: AtomicCell<Option<Box<Mail>>>,
    waker: AtomicWaker,
    /// Messages on their way to the hub.
    unhandled: AtomicUsize,
    /// Written by the socket's task, and not yet known to the hub's.
    written_bytes: AtomicUsize,
    written_buffers: AtomicUsize,
}

// A pointer is swapped by one instruction; were it not so, the cell would take a lock that all of them share.
const _: () = assert!(AtomicCell::<Option<Box<Mail>>>::is_lock_free());

/// What the hub's task hands over.
#[derive(Default)]
struct Mail {
    frames: VecDeque<Bytes>,
    /// The first of them is written in part.
    torn: bool,
    /// Something was not taken, and who is told when there is room again was not told.
    overflowed: bool,
    ending: Option<Ending>,
}

/// The hub's end.
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
    sink: Weak<dyn Sink>,
    bounds: Bounds,
    /// Put since the last flush.
    frames: VecDeque<Bytes>,
    /// Of what was put and is not known to be written; snapshots don't count.
    bytes: usize,
    count: usize,
    /// Since when more was to be put than the bounds allow, with nothing written since.
    over_since: Option<Instant>,
    pushed: u64,
    /// As in [`Mail`].
    overflowed: bool,
    ending: Option<Ending>,
}

impl Sender {
    /// Puts whole frames at the end. Never waits. After an ending it does nothing. They go out with the next
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Full`]; nothing was put.
    pub fn push(&mut self, frames: Bytes) -> Result<(), Full> {
        if self.ending.is_some() {
            return Ok(());
        }
        if self.is_full(frames.len()) {
            self.overflowed = true;
            return Err(Full);
        }
        self.bytes += frames.len();
        self.put(frames);
        Ok(())
    }

    /// Puts a page of a snapshot, which is shared and as large as the room: its bytes don't count.
    ///
    /// # Errors
    /// [`Full`] when there are too many frames; nothing was put.
    pub fn push_snapshot(&mut self, frames: Bytes) -> Result<(), Full> {
        if self.ending.is_some() {
            return Ok(());
        }
        if self.is_full(0) {
            return Err(Full);
        }
        self.put(frames);
        Ok(())
    }

    fn put(&mut self, frames: Bytes) {
        self.frames.push_back(frames);
        self.count += 1;
        self.pushed += 1;
    }

    fn is_full(&mut self, more: usize) -> bool {
        if !self.is_over(1, more) {
            return false;
        }
        // What the task has written is asked for when it matters. Snapshots and what sockets say by themselves were not
        // counted in but are counted out, all since this was asked last: once, there may be as much again. No harm.
        let bytes = self.shared.written_bytes.swap(0, Ordering::AcqRel);
        let buffers = self.shared.written_buffers.swap(0, Ordering::AcqRel);
        self.wrote(bytes, buffers);
        self.is_over(1, more)
            && (self.is_over(HARD, more)
                || self.over_since.get_or_insert_with(Instant::now).elapsed() >= self.bounds.grace)
    }

    fn is_over(&self, times: usize, more: usize) -> bool {
        self.bytes + more > self.bounds.bytes.saturating_mul(times)
            || self.count >= self.bounds.frames.saturating_mul(times)
    }

    fn wrote(&mut self, bytes: usize, buffers: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.count = self.count.saturating_sub(buffers);
        if bytes > 0 {
            self.over_since = None;
        }
    }

    /// Sees to it that what was put is written: at once and here, as far as the system takes it, or else by the
    /// socket's task, which is woken. Never waits.
    ///
    /// To write here spares the socket's task its turn, of which a room of hundreds takes hundreds for a message; but
    /// they are written one after the other then, and not by all cores.
    pub fn flush(&mut self, here: bool) {
        let mut torn = false;
        if here && self.ending.is_none() && !self.frames.is_empty() && self.shared.turn.begin() {
            torn = self.write();
            if self.frames.is_empty() && self.shared.turn.end() {
                self.shared.waker.wake();
            }
        }
        // Who is told that there is room again is told by the task.
        if !self.frames.is_empty() || self.overflowed {
            self.hand_over(torn);
        }
    }

    /// Writes some of it, once, and says whether the first is written in part now. What went wrong, the socket's task will
    /// find out too.
    fn write(&mut self) -> bool {
        let Some(sink) = self.sink.upgrade() else { return false };
        let written = match self.frames.as_slices() {
            // Of most turns there is one.
            ([frame], []) => sink.write(&[IoSlice::new(frame)]),
            _ => {
                let mut slices = [IoSlice::new(&[]); SLICES];
                slices.iter_mut().zip(&self.frames).for_each(|(slice, frame)| *slice = IoSlice::new(frame));
                sink.write(&slices[..self.frames.len().min(SLICES)])
            }
        };
        let Ok(written @ 1..) = written else { return false };
        let Advanced { buffers, torn } = advance(&mut self.frames, written);
        self.wrote(written, buffers);
        if self.frames.is_empty() && self.frames.capacity() > KEPT {
            self.frames = VecDeque::new();
        }
        torn
    }

    /// Puts all of it behind what is still in the mailbox, and wakes the task.
    fn hand_over(&mut self, torn: bool) {
        self.change(|sender, mail| {
            mail.torn |= torn;
            if mail.frames.is_empty() {
                mail.frames = std::mem::take(&mut sender.frames);
            } else {
                mail.frames.append(&mut sender.frames);
            }
        });
    }

    /// Changes what is in the mailbox, and wakes the task.
    fn change(&mut self, change: impl FnOnce(&mut Self, &mut Mail)) {
        self.shared.turn.hold();
        let mut mail = self.shared.mail.take().unwrap_or_default();
        change(self, &mut mail);
        mail.overflowed |= std::mem::take(&mut self.overflowed);
        mail.ending = self.ending;
        self.shared.mail.store(Some(mail));
        self.shared.turn.post();
        self.shared.waker.wake();
    }

    /// Nothing more comes after what is queued. The first ending counts, but for [`Ending::Drop`].
    pub fn end(&mut self, ending: Ending) {
        if self.ending.is_none() || ending == Ending::Drop {
            self.ending = Some(ending);
        }
        self.hand_over(false);
    }

    /// As [`end`](Self::end) with a Close, but what is queued is dropped, but for the rest of a frame that is written in
    /// part.
    pub fn fail(&mut self, status: Status) {
        self.ending.get_or_insert(Ending::Close(status));
        self.change(|sender, mail| {
            mail.frames.truncate(usize::from(mail.torn));
            sender.frames = VecDeque::new();
        });
    }

    /// A message of this connection was handled.
    pub fn handled(&self) {
        if self.shared.unhandled.fetch_sub(1, Ordering::AcqRel) == UNHANDLED {
            self.shared.waker.wake();
        }
    }

    /// How many buffers were ever put.
    #[must_use]
    pub const fn pushed(&self) -> u64 {
        self.pushed
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

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("turn", &self.turn).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
