//! The socket's end of a queue.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    task::Context,
};

use bytes::Bytes;

use super::{Ending, Shared, UNHANDLED, turn::Task};

/// The socket's end.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    /// As in [`Mail`](super::Mail).
    overflowed: bool,
    ending: Option<Ending>,
}

/// What [`Receiver::take`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The hub's side ended the connection; nothing more will come.
    pub ending: Option<Ending>,
    /// The socket may read on.
    pub may_read: bool,
    /// The socket may write, until it asks again.
    pub may_write: bool,
    /// All is written, of a queue that was too full: the hub is to be told, once.
    pub drained: bool,
    /// The first buffer is the rest of one that is written in part.
    pub torn: bool,
}

impl Receiver {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, overflowed: false, ending: None }
    }

    /// Moves what is queued into `out`, of which so many bytes and buffers were `written` since the last time, and asks to
    /// be woken when there is more, or when the socket may read or write again. Whose `out` is empty afterwards leaves
    /// the writing to the hub's task, unless it writes its last.
    ///
    /// Who writes its `last` has no use for what is queued, now and from now on, but for the rest of a frame that is
    /// written in part; and nobody else writes any more.
    pub fn take(
        &mut self,
        cx: &Context<'_>,
        out: &mut VecDeque<Bytes>,
        written: (usize, usize),
        last: bool,
    ) -> Taken {
        let shared = &self.shared;
        // First: what the hub does from now on wakes it.
        shared.waker.register(cx.waker());
        let (bytes, buffers) = written;
        if buffers > 0 || bytes > 0 {
            shared.written_bytes.fetch_add(bytes, Ordering::AcqRel);
            shared.written_buffers.fetch_add(buffers, Ordering::AcqRel);
        }
        let mut torn = false;
        let may = loop {
            match shared.turn.task(last || !out.is_empty()) {
                Task::Mail => {
                    // If it is gone, it was taken a moment ago: by the hub's task, which the turn tells, or from here.
                    let Some(mut mail) = shared.mail.take() else { continue };
                    self.ending = mail.ending;
                    self.overflowed |= mail.overflowed;
                    torn |= mail.torn;
                    if last {
                        mail.frames.truncate(usize::from(mail.torn));
                    }
                    if out.is_empty() || mail.torn {
                        // The rest of a frame goes before what the socket has to say itself.
                        std::mem::swap(out, &mut mail.frames);
                    }
                    out.append(&mut mail.frames);
                }
                may => break may,
            }
        };
        // What is handed over is written when the turn is given up.
        let drained = self.overflowed && may == Task::Idle;
        self.overflowed &= !drained;
        let may_read = shared.unhandled.load(Ordering::Acquire) < UNHANDLED;
        Taken { ending: self.ending, may_read, may_write: may == Task::Write, drained, torn }
    }

    /// A message goes to the hub.
    pub fn handing_over(&self) {
        self.shared.unhandled.fetch_add(1, Ordering::AcqRel);
    }
}
