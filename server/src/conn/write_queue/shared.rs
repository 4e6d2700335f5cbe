//! The state that the two ends of a write queue share.

use std::{
    collections::VecDeque,
    task::{Context, Waker},
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::Ending;
use crate::conn::input_budget::{self, MAX_BYTES_PER_CONNECTION};

/// The task that may write to the socket.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// Neither task has anything to write; the hub task may start.
    #[default]
    Idle,
    /// The hub task is writing. No frames are handed over.
    Hub,
    /// The socket task has frames to write, or closes the connection.
    Socket,
}

/// State behind the lock. The lock is held to move frames and flags, never during a system call.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) writer: Writer,
    /// The socket task wants to write and waits until the hub task has finished.
    pub(super) socket_waits: bool,
    /// Handed over to the socket task.
    pub(super) frames: VecDeque<Bytes>,
    /// The first of `frames` is partially written.
    pub(super) partially_written: bool,
    /// A frame was rejected, and the hub waits for the queue to drain.
    pub(super) overflowed: bool,
    pub(super) ending: Option<Ending>,
    /// Written by the socket task since the hub task last counted them.
    pub(super) written_bytes: usize,
    pub(super) written_buffers: usize,
    /// The bytes of messages that the socket task forwarded to the hub and the hub has not handled.
    pub(super) unhandled_bytes: usize,
    waker: Option<Waker>,
}

/// The mutex and the transitions that need nothing else.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

impl Shared {
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// Reserves the socket for a write of the hub task, unless the socket task is writing. After `true`, the caller
    /// must call [`finish_hub_write`](Self::finish_hub_write) or hand its frames over.
    #[inline]
    pub(super) fn begin_hub_write(&self) -> bool {
        let mut state = self.lock();
        let idle = state.writer == Writer::Idle;
        if idle {
            state.writer = Writer::Hub;
        }
        idle
    }

    /// Ends a write of the hub task that left nothing to write. Returns whether the socket task was waiting; it is
    /// woken then.
    #[inline]
    pub(super) fn finish_hub_write(&self) -> bool {
        let mut state = self.lock();
        state.writer = Writer::Idle;
        if !state.socket_waits {
            return false;
        }
        state.socket_waits = false;
        wake(state);
        true
    }

    /// The hub has handled a message of this length. Wakes the socket task if it had stopped reading.
    pub(super) fn message_handled(&self, length: usize) {
        let mut state = self.lock();
        let was_full = !state.may_read();
        state.unhandled_bytes = state.unhandled_bytes.saturating_sub(input_budget::cost(length));
        if was_full && state.may_read() {
            wake(state);
        }
    }
}

impl State {
    /// Returns `true` if the socket task may read further messages.
    pub(super) const fn may_read(&self) -> bool {
        self.unhandled_bytes < MAX_BYTES_PER_CONNECTION
    }

    pub(super) fn register_waker(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }
}

/// Wakes the socket task, after releasing the lock that it will take.
pub(super) fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
