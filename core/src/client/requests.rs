//! Commands that the server has not answered, and who waits for them.
//!
//! A command is sent as soon as there is a connection and the budget allows it, and sent again after a reconnect or a
//! temporary refusal. It is answered to its origin exactly once: with the result, with a refusal, or with a failure when
//! its time is over. A later answer of the server finds nobody and is dropped, except the window of a subscription.

use std::collections::VecDeque;

use super::{Command, Origin, Position, cursor::Cursor};
use crate::{
    Millis,
    limits::TokenBucket,
    model::{Refusal, RoomId},
    status::Status,
};

/// The time after which a command fails, in ms. Longer than a reconnect usually takes.
pub(super) const COMMAND_TIMEOUT_MS: Millis = 10_000;
/// The maximum number of commands that are not answered, of all tabs.
const MAX_COMMANDS: usize = 128;
/// The maximum number of commands that were sent and are not answered.
const MAX_SENT: usize = 4;
/// The rate of commands per minute, and how many may be sent at once. Below that of our server, so that it never refuses one.
const COMMANDS_PER_MINUTE: u32 = 210;
const COMMAND_BURST: u32 = 25;
/// The delay before a command is sent again after a temporary refusal without a delay, in ms.
const DEFAULT_DELAY_MS: Millis = 2_000;

/// The purpose of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Purpose {
    /// The command of a tab, and the number that the tab has given it.
    Command(Origin, u32, Command),
    /// To restore the subscription of a room.
    Subscribe(RoomId),
    /// To end the subscription of a room.
    Unsubscribe(RoomId),
    /// To tell the server of a read cursor.
    Cursor(RoomId, Cursor),
    /// To tell the server that the user has read everything.
    ReadAll,
}

#[derive(Debug)]
struct Request {
    purpose: Purpose,
    /// The number under which it was sent on this connection; 0 if it was not.
    number: u32,
    /// It was sent on this connection or an earlier one.
    was_sent: bool,
    /// It is not sent before this time.
    not_before: Millis,
    /// The last temporary refusal.
    refusal: Option<Refusal>,
    /// When it fails; the maximum for one that no tab waits for.
    deadline: Millis,
}

/// The requests that are not answered, in the order in which they are sent.
#[derive(Debug)]
pub(super) struct Requests {
    requests: VecDeque<Request>,
    /// The last number on the wire. Not reset for a new connection, so that no answer is taken for one to another request.
    last_number: u32,
    /// Spans connections, because the server counts across them too.
    budget: TokenBucket,
    /// No request is sent before this time, because of the budget or the server.
    paused_until: Millis,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            requests: VecDeque::new(),
            last_number: 0,
            budget: TokenBucket::new(COMMANDS_PER_MINUTE, COMMAND_BURST, 0),
            paused_until: 0,
        }
    }
}

impl Requests {
    /// Adds the command of a tab. Ignores one that the tab has given before and that is not answered.
    ///
    /// # Errors
    /// [`Status::RateLimited`] if there are too many.
    pub fn add(&mut self, now: Millis, origin: Origin, number: u32, command: Command) -> Result<(), Status> {
        let is_same = |purpose: &Purpose| matches!(purpose, Purpose::Command(of, other, _) if *of == origin && *other == number);
        if self.requests.iter().any(|request| is_same(&request.purpose)) {
            return Ok(());
        }
        if self.requests.len() >= MAX_COMMANDS {
            return Err(Status::RateLimited);
        }
        self.push(Purpose::Command(origin, number, command), now + COMMAND_TIMEOUT_MS);
        Ok(())
    }

    /// Adds a request of the client itself.
    pub fn add_internal(&mut self, purpose: Purpose) {
        self.push(purpose, Millis::MAX);
    }

    fn push(&mut self, purpose: Purpose, deadline: Millis) {
        let (number, was_sent, not_before, refusal) = (0, false, 0, None);
        self.requests.push_back(Request { purpose, number, was_sent, not_before, refusal, deadline });
    }

    /// All purposes, in order.
    pub fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.requests.iter().map(|request| &request.purpose)
    }

    /// The next request to send now, and its number.
    pub fn next_to_send(&mut self, now: Millis) -> Option<(u32, Purpose)> {
        if self.requests.iter().filter(|request| request.number != 0).count() >= MAX_SENT
            || now < self.paused_until
        {
            return None;
        }
        let ready =
            self.requests.iter_mut().filter(|request| request.number == 0 && request.not_before <= now);
        // Somebody waits for the others.
        let request = ready.min_by_key(|request| matches!(request.purpose, Purpose::Cursor(..)))?;
        if let Err(wait) = self.budget.take(now) {
            self.paused_until = now + wait;
            return None;
        }
        self.last_number = self.last_number.checked_add(1).unwrap_or(1);
        request.number = self.last_number;
        request.was_sent = true;
        Some((request.number, request.purpose.clone()))
    }

    /// Takes the request that was sent under a number.
    pub fn take_answered(&mut self, number: u32) -> Option<Purpose> {
        let at = self.requests.iter().position(|request| number != 0 && request.number == number)?;
        self.requests.remove(at).map(|request| request.purpose)
    }

    /// The server has refused a request temporarily. It is sent again, unless its time is over before. Then it is returned.
    /// `pauses_all` means that the refusal concerns the whole account.
    pub fn postpone(
        &mut self,
        now: Millis,
        number: u32,
        refusal: Refusal,
        pauses_all: bool,
    ) -> Option<(Purpose, Refusal)> {
        let at = self.requests.iter().position(|request| number != 0 && request.number == number)?;
        let delay = if refusal.retry_after == 0 { DEFAULT_DELAY_MS } else { refusal.retry_after.into() };
        if pauses_all {
            self.paused_until = self.paused_until.max(now + delay);
        }
        let request = &mut self.requests[at];
        if now + delay >= request.deadline {
            return self.requests.remove(at).map(|request| (request.purpose, refusal));
        }
        request.number = 0;
        request.not_before = now + delay;
        request.refusal = Some(refusal);
        None
    }

    /// Takes all requests.
    pub fn take_all(&mut self) -> Vec<Purpose> {
        std::mem::take(&mut self.requests).into_iter().map(|request| request.purpose).collect()
    }

    /// Takes the requests with a purpose that were not sent on this connection.
    pub fn take_unsent(&mut self, is_meant: impl Fn(&Purpose) -> bool) -> Vec<Purpose> {
        let (taken, kept) = std::mem::take(&mut self.requests)
            .into_iter()
            .partition::<VecDeque<_>, _>(|request| request.number == 0 && is_meant(&request.purpose));
        self.requests = kept;
        taken.into_iter().map(|request| request.purpose).collect()
    }

    /// The connection has ended. The commands of tabs are sent again on the next one; the client makes its own requests anew.
    pub fn disconnected(&mut self) {
        self.requests.retain_mut(|request| {
            (request.number, request.not_before) = (0, 0);
            matches!(request.purpose, Purpose::Command(..))
        });
        self.paused_until = 0;
    }

    /// The server has another log than the one that the commands refer to.
    pub fn log_changed(&mut self) {
        for request in &mut self.requests {
            if let Purpose::Command(.., command) = &mut request.purpose {
                *command = command.clone().of_other_log();
            }
        }
    }

    /// Takes the requests whose time is over, and why they fail. A subscription that was sent on this connection stays as a
    /// request of the client: the server answers it still, and its window has events that are not sent again.
    pub fn take_overdue(&mut self, now: Millis) -> Vec<(Purpose, Refusal)> {
        let mut overdue = Vec::new();
        self.requests.retain_mut(|request| {
            if request.deadline > now {
                return true;
            }
            let refusal = request.refusal.take().unwrap_or_else(|| {
                refusal(if request.was_sent { Status::NoAnswer } else { Status::NotConnected })
            });
            overdue.push((request.purpose.clone(), refusal));
            let is_sent = request.number != 0;
            match request.purpose {
                Purpose::Command(.., Command::Subscribe { room, .. }) if is_sent => {
                    (request.purpose, request.deadline) = (Purpose::Subscribe(room), Millis::MAX);
                    true
                }
                _ => false,
            }
        });
        overdue
    }

    /// When a request fails next.
    pub fn deadline(&self) -> Option<Millis> {
        self.requests.iter().map(|request| request.deadline).filter(|at| *at != Millis::MAX).min()
    }

    /// When the next request can be sent, on a connection.
    pub fn send_due(&self) -> Option<Millis> {
        if self.requests.iter().filter(|request| request.number != 0).count() >= MAX_SENT {
            return None;
        }
        let unsent = self.requests.iter().filter(|request| request.number == 0);
        unsent.map(|request| request.not_before.max(self.paused_until)).min()
    }
}

impl Command {
    /// The command without what refers to another log than that of the client: a position, or a read cursor.
    #[must_use]
    pub(super) fn of_other_log(self) -> Self {
        match self {
            Self::Subscribe { room, .. } => Self::Subscribe { room, position: Position::default() },
            // Merging it has no effect.
            Self::Read { room, .. } => Self::Read { room, cursor: Cursor::default() },
            command => command,
        }
    }
}

/// A refusal by the client itself.
pub(super) fn refusal(status: Status) -> Refusal {
    Refusal { status, text: status.text().into(), suggestion: None, retry_after: 0 }
}
