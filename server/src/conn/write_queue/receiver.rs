//! The socket task's end of a write queue.

use std::{collections::VecDeque, mem, sync::Arc, task::Context};

use bytes::Bytes;

use super::{
    Ending, RETAINED_FRAMES,
    shared::{Shared, Writer},
};
use crate::conn::input_budget;

/// The socket task's end.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

/// The result of [`Receiver::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The hub ended the connection; no more frames will follow.
    pub ending: Option<Ending>,
    /// The socket task may read further messages.
    pub may_read: bool,
    /// The socket task may write, until the next call.
    pub may_write: bool,
    /// A queue that had overflowed is completely written. Reported once per overflow; the hub must be notified.
    pub drained: bool,
    /// The first buffer is the rest of a partially written frame.
    pub partially_written: bool,
}

impl Receiver {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Moves the frames that were handed over into `out`, and registers the task to be woken when there are more, or
    /// when it may read or write again. `written` is what was written from `out` since the last call, in bytes and
    /// buffers. If `out` is empty afterwards, the hub task may write, unless `last` is set.
    ///
    /// `last` means that the connection is closing: frames from the hub are discarded from now on, except the rest of
    /// a partially written one, and only the socket task writes.
    pub fn take(
        &mut self,
        cx: &Context<'_>,
        out: &mut VecDeque<Bytes>,
        written: (usize, usize),
        last: bool,
    ) -> Taken {
        let mut state = self.0.lock();
        state.register_waker(cx);
        state.written_bytes += written.0;
        state.written_buffers += written.1;
        let mut partially_written = false;
        if state.writer == Writer::Hub {
            state.socket_waits |= last || !out.is_empty();
        } else {
            partially_written = mem::take(&mut state.partially_written);
            if last {
                state.frames.truncate(usize::from(partially_written));
            }
            if out.is_empty() || partially_written {
                // The rest of a frame precedes the control frames that the socket task has queued.
                mem::swap(out, &mut state.frames);
            }
            out.append(&mut state.frames);
            if state.frames.capacity() > RETAINED_FRAMES {
                state.frames = VecDeque::new();
            }
            state.writer = if last || !out.is_empty() { Writer::Socket } else { Writer::Idle };
        }
        let drained = state.overflowed && state.writer == Writer::Idle;
        state.overflowed &= !drained;
        Taken {
            ending: state.ending,
            may_read: state.may_read(),
            may_write: state.writer == Writer::Socket,
            drained,
            partially_written,
        }
    }

    /// Counts a message of this length that is forwarded to the hub;
    /// [`Sender::message_handled`](super::Sender::message_handled) counts it out.
    pub fn message_forwarded(&self, length: usize) {
        self.0.lock().unhandled_bytes += input_budget::cost(length);
    }
}
