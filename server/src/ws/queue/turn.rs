//! Who may write to a socket: one of two at a time, and neither ever waits for the other.

use std::sync::atomic::{AtomicU8, Ordering};

/// Nobody writes, and the mailbox is empty.
const FREE: u8 = 0;
/// The hub's task writes.
const HUB: u8 = 1;
/// As [`HUB`], and the socket's task is to be woken when it is done.
const WANTED: u8 = 2;
/// The socket's task writes, or writes as soon as the system takes something.
const TASK: u8 = 3;
/// As [`TASK`], and there is mail for it, or it has just taken it.
const MAIL: u8 = 4;
/// The hub's task takes what is in the mailbox and puts it back at once. It does not write; the socket's task may, if it does
/// already.
const HELD: u8 = 5;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turn(AtomicU8);

/// What the socket's task may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Nothing: it wants to write nothing, and has given up its turn.
    Idle,
    /// Not yet. If it wants to write it is woken when it may.
    Wait,
    /// Take the mail, then ask again.
    Mail,
    /// Write.
    Write,
}

impl Turn {
    /// For the hub's task: whether it may write. If so it must [`end`](Self::end) or [`post`](Self::post).
    pub(super) fn begin(&self) -> bool {
        self.0.compare_exchange(FREE, HUB, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// For the hub's task: it has written all it had. Says whether to wake the other.
    pub(super) fn end(&self) -> bool {
        self.0.swap(FREE, Ordering::AcqRel) == WANTED
    }

    /// For the hub's task, before it takes anything out of the mailbox: what the other has to write may have to wait for
    /// what is in there. It must [`post`](Self::post).
    pub(super) fn hold(&self) {
        self.0.swap(HELD, Ordering::AcqRel);
    }

    /// For the hub's task, when it has put mail into the box: the turn is the other's, who is to be woken.
    pub(super) fn post(&self) {
        self.0.store(MAIL, Ordering::Release);
    }

    /// For the socket's task, which `wants` to write or does not.
    pub(super) fn task(&self, wants: bool) -> Task {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            let (next, may) = match (now, wants) {
                (FREE, false) => return Task::Idle,
                (TASK, false) => (FREE, Task::Idle),
                (FREE, true) => (TASK, Task::Write),
                (TASK, true) => return Task::Write,
                (MAIL, _) => (TASK, Task::Mail),
                (HUB, true) => (WANTED, Task::Wait),
                _ => return Task::Wait,
            };
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return may,
                Err(other) => now = other,
            }
        }
    }
}
