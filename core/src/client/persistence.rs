//! Writing to the device what must survive a restart: the account, and the messages that are not acknowledged.
//!
//! A message that the user sends is written at once, and sent when that is done. Everything else is collected and
//! written together within [`WRITE_DELAY_MS`]: if it were lost, the server would be told it again.

use super::{Client, Clocks, Event, Output, OwnMessage, sending::own_message};
use crate::{
    Millis,
    model::{Identity, MessageId, RoomId, UserId},
    persist::Stored,
    send_queue::{QueuedMessage, Stage},
    status::Status,
};

/// The maximum delay before non-urgent changes are written, in ms.
const WRITE_DELAY_MS: Millis = 1_000;

/// The account on the device.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRecord {
    /// The identity.
    pub identity: Identity,
    /// The account; `None` on a basic server.
    pub account: Option<UserId>,
    /// The secret of the session.
    pub secret: Vec<u8>,
    /// The number of the last login attempt.
    pub attempt: u64,
}

/// A change of what the device has of the account.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Insert or replace the account.
    PutAccount(Box<AccountRecord>),
    /// Insert or replace a message of the send queue.
    PutQueued(RoomId, QueuedMessage),
    /// Delete a message of the send queue.
    DeleteQueued(RoomId, MessageId),
    /// Delete everything of the account.
    Forget,
}

/// The account as the device has stored it.
#[derive(Debug, Default)]
pub struct Persisted {
    /// The account; `None` if nobody is logged in.
    pub account: Option<AccountRecord>,
    /// The messages of the send queue, in any order.
    pub send_queue: Vec<(RoomId, QueuedMessage)>,
    /// The order of the last message that was sent in this tab, while it followed another one.
    pub last_order: u64,
}

impl From<&Stored> for Persisted {
    /// The account and the send queue, as a client takes them over.
    fn from(stored: &Stored) -> Self {
        let account = stored.account.clone().map(|account| AccountRecord {
            identity: account.identity,
            account: account.account,
            secret: account.secret,
            attempt: account.attempt,
        });
        Self { account, send_queue: stored.send_queue.clone(), last_order: 0 }
    }
}

/// Collects the changes to write.
#[derive(Debug, Default)]
pub(super) struct Persister {
    changes: Vec<Change>,
    /// The ticket of the changes that are being collected.
    ticket: u64,
    /// When to write the non-urgent changes.
    due: Option<Millis>,
}

impl Persister {
    /// When to write the non-urgent changes.
    pub fn due(&self) -> Option<Millis> {
        self.due
    }

    /// Schedules a write.
    pub fn schedule(&mut self, now: Millis) {
        self.due.get_or_insert(now + WRITE_DELAY_MS);
    }

    /// Writes the current stage of a message of the send queue. Returns the ticket of the changes it is part of.
    pub fn put_queued(&mut self, room: RoomId, message: &QueuedMessage) -> u64 {
        self.changes.push(Change::PutQueued(room, message.clone()));
        self.ticket
    }

    /// Deletes a message of the send queue. If this is lost, the message is sent again, and the server detects the
    /// duplicate.
    pub fn delete_queued(&mut self, now: Millis, room: RoomId, id: MessageId) {
        self.changes.push(Change::DeleteQueued(room, id));
        self.schedule(now);
    }

    /// Deletes everything, also what is not written yet.
    pub fn forget(&mut self) {
        self.changes = vec![Change::Forget];
        self.due = None;
    }

    /// Takes the changes that are to be written now.
    fn poll(&mut self) -> Option<Output> {
        let is_urgent = |change: &Change| !matches!(change, Change::DeleteQueued(..));
        if self.due.is_some() && !self.changes.iter().any(is_urgent) || self.changes.is_empty() {
            return None;
        }
        self.ticket += 1;
        Some(Output::Persist { ticket: self.ticket - 1, changes: std::mem::take(&mut self.changes) })
    }
}

impl Client {
    /// Takes over what the device has.
    pub(super) fn restore(&mut self, persisted: Persisted) {
        let Some(record) = persisted.account else {
            if !persisted.send_queue.is_empty() {
                // A tab that did not know yet that the user had logged out has stored them. Nobody else may send them.
                self.persister.forget();
            }
            return;
        };
        if self.left.contains(&record.secret) {
            // The logout could not be written.
            self.persister.forget();
            return;
        }
        let AccountRecord { identity, account, secret, attempt } = record;
        self.send_queue.raise_order(persisted.last_order);
        for (room, message) in persisted.send_queue {
            // Cannot fail: no more messages are persisted than the queue holds.
            let _ = self.send_queue.push(room, message);
        }
        self.nick = identity.nick.to_string();
        self.limits = identity.limits;
        (self.account, self.secret, self.attempt) = (account, secret, attempt);
        self.identity = Some(identity.clone());
        // These events do not depend on the time.
        let now = Clocks::default();
        self.emit(now, Event::LoggedIn(identity, account));
        self.emit_send_queue(now);
    }

    /// The changes up to this ticket were written, or writing has failed. Sends the messages that waited for it.
    pub fn handle_persisted(&mut self, now: Clocks, ticket: u64) {
        self.send_queue.persisted(ticket);
        self.flush(now);
    }

    /// The page was hidden and may be closed without notice: writes the non-urgent changes now.
    pub fn handle_hidden(&mut self) {
        if self.persister.due.is_some() {
            self.write_pending();
        }
    }

    /// Makes the next [`poll_output`](Self::poll_output) return the changes, and the account among them.
    pub(super) fn write_pending(&mut self) {
        self.persister.due = None;
        let record = self.record().map(|record| Change::PutAccount(Box::new(record)));
        self.persister.changes.extend(record);
    }

    /// The account as it is persisted; `None` when nobody is logged in.
    #[must_use]
    pub fn record(&self) -> Option<AccountRecord> {
        Some(AccountRecord {
            identity: self.identity.clone()?,
            account: self.account,
            secret: self.secret.clone(),
            attempt: self.attempt,
        })
    }

    pub(super) fn poll_changes(&mut self) -> Option<Output> {
        self.persister.poll()
    }

    /// Adopts a message that another tab of the user has written and persisted. An id that is known is ignored.
    pub fn handle_adopt(&mut self, now: Clocks, room: RoomId, queued: QueuedMessage) {
        let (id, stage) = (queued.id, queued.stage);
        if self.adopt(now, room, queued) {
            // The other tab has persisted it as queued, which is wrong for a basic server; see `persist_queued`.
            if self.is_basic() && stage == Stage::Queued {
                self.persist_queued(room, id);
            }
            self.flush(now);
        }
    }

    /// Adopts a message that this tab has written as a follower, and that the device has refused, because this tab leads now. An id
    /// that is known is ignored.
    pub fn handle_adopt_unpersisted(&mut self, now: Clocks, room: RoomId, queued: QueuedMessage) {
        let (id, stage) = (queued.id, queued.stage);
        if !self.adopt(now, room, queued.clone()) {
            return;
        }
        if stage == Stage::Queued {
            self.persist_queued(room, id);
        } else {
            let _ = self.persister.put_queued(room, &queued);
        }
    }

    /// Adopts the messages that the previous leader had reported as queued and may not have persisted before
    /// its tab was closed. An id that is known is ignored.
    ///
    /// The previous leader may have sent them. A server with rooms detects the duplicates by their ids; for a basic server the
    /// messages fail, so that the user decides.
    pub fn handle_adopt_reported(&mut self, now: Clocks, messages: Vec<OwnMessage>) {
        let is_basic = self.has_basic_identity();
        for message in messages {
            let stage = message.stage_without_leader(is_basic);
            let OwnMessage { room, id, content, time, order, .. } = message;
            let queued = QueuedMessage::new(id, content, time, order, stage);
            self.handle_adopt_unpersisted(now, room, queued);
        }
    }

    /// Another tab has sent a message again that this client had. If it has left the queue, deletes it on the device, where
    /// the other tab may have stored it again. Returns whether it has.
    pub fn handle_settled(&mut self, now: Clocks, room: RoomId, id: MessageId) -> bool {
        let is_settled = self.send_queue.get(room, id).is_none();
        if is_settled {
            self.persister.delete_queued(now.monotonic, room, id);
        }
        is_settled
    }

    /// The messages of the send queue, by room and in their order.
    pub(super) fn queued_messages(&self) -> impl Iterator<Item = (RoomId, &QueuedMessage)> {
        self.send_queue.iter()
    }

    /// Adds a message of another tab to the queue and reports it, during a first login after that; `false` when its id is
    /// known, or nobody logs in. When the queue is full the message stays on the device until the next login.
    fn adopt(&mut self, now: Clocks, room: RoomId, queued: QueuedMessage) -> bool {
        if self.is_logged_out() {
            return false;
        }
        let message = own_message(room, &queued);
        let is_new = self.send_queue.push(room, queued) == Ok(true);
        if is_new && self.identity.is_some() {
            self.emit(now, Event::Own(message));
        }
        is_new
    }

    /// Persists a queued message before it is sent. For a basic server it is persisted as failed: after a crash it is
    /// unknown whether the message was sent, and such a server would not detect a duplicate.
    pub(super) fn persist_queued(&mut self, room: RoomId, id: MessageId) {
        let is_basic = self.has_basic_identity();
        let Some(queued) = self.send_queue.get_mut(room, id) else { return };
        let unconfirmed = QueuedMessage { stage: Stage::Failed(Status::Unconfirmed), ..queued.clone() };
        let ticket = self.persister.put_queued(room, if is_basic { &unconfirmed } else { queued });
        queued.stage = Stage::Persisting(ticket);
    }

    /// The server is a basic one: messages that are not sent yet are persisted as failed, see
    /// [`persist_queued`](Self::persist_queued).
    pub(super) fn persist_as_unconfirmed(&mut self) {
        let queued: Vec<_> = self
            .send_queue
            .iter()
            .filter(|(_, message)| message.stage == Stage::Queued)
            .map(|(room, message)| (room, message.id))
            .collect();
        queued.into_iter().for_each(|(room, id)| self.persist_queued(room, id));
    }
}
