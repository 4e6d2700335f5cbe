//! Writing the session to the device.
//!
//! A message that the user sends is written at once, and sent when that is done. Everything else is collected and
//! written together within [`WRITE_DELAY_MS`]: if it were lost, the server would send it again. A range of the room is
//! written as known in the same changes as its messages, never earlier.

use std::collections::{BTreeMap, BTreeSet};

use super::{Clocks, Command, Millis, Session, own_message};
use crate::{
    event::Event,
    ids::RoomId,
    model::{Dialect, Message, MessageId},
    persist::{self, Account, Change, Key, PERSISTED_MESSAGES, Table},
    ranges::Ranges,
    send_queue::{QueuedMessage, Stage},
    status::Status,
};

/// The maximum delay before non-urgent changes are written, in ms.
const WRITE_DELAY_MS: Millis = 1_000;

/// Collects the changes to write.
#[derive(Debug, Default)]
pub(super) struct Persister {
    changes: Vec<Change>,
    /// The ticket of the changes that are being collected.
    ticket: u64,
    /// Messages that are not written yet, by sequence number.
    unwritten: BTreeMap<u64, Message>,
    /// The sequence numbers of the messages that the device has.
    written: BTreeSet<u64>,
    /// The ranges of which the device has every message. Messages evicted from the timeline stay in them.
    known: Ranges,
    /// Messages up to this sequence number are not persisted.
    floor: u64,
    /// When to write the non-urgent changes.
    due: Option<Millis>,
}

impl Persister {
    /// Restores the persisted state.
    pub fn restore(&mut self, messages: impl Iterator<Item = u64>, known: Ranges) {
        self.known = known;
        self.written.clear();
        self.written.extend(messages);
    }

    /// When to write the non-urgent changes.
    pub fn due(&self) -> Option<Millis> {
        self.due
    }

    /// Schedules a write.
    pub fn schedule(&mut self, now: Millis) {
        self.due.get_or_insert(now + WRITE_DELAY_MS);
    }

    /// All messages of this range were added. The range is persisted as known together with them.
    pub fn add_known(&mut self, now: Millis, from: u64, to: u64) {
        self.known.insert(from, to);
        self.schedule(now);
    }

    /// Adds a message of the room.
    pub fn add_message(&mut self, now: Millis, message: &Message) {
        let seq = message.seq;
        if seq <= self.floor || self.written.contains(&seq) || self.unwritten.contains_key(&seq) {
            return;
        }
        self.unwritten.insert(seq, message.clone());
        // In a flood most messages would be deleted again soon, so they are not written at all.
        if self.unwritten.len() > 2 * PERSISTED_MESSAGES
            && let Some(floor) = self.unwritten.keys().nth(PERSISTED_MESSAGES - 1).copied()
        {
            self.raise_floor(floor);
        }
        self.schedule(now);
    }

    /// Writes the current stage of a message of the send queue. Returns the ticket of the changes it is part of.
    pub fn put_queued(&mut self, message: &QueuedMessage) -> u64 {
        self.changes.push(persist::put_queued(message));
        self.ticket
    }

    /// Deletes a message of the send queue. If this is lost, the message is sent again, and the server detects the
    /// duplicate.
    pub fn delete_queued(&mut self, now: Millis, id: MessageId) {
        self.changes.push(persist::queue::delete(RoomId::LOBBY, id));
        self.schedule(now);
    }

    /// Deletes all messages of the room, because they are from a replaced log.
    pub fn clear_messages(&mut self, now: Millis) {
        self.clear_room();
        self.changes.push(Change::Clear(Table::Messages));
        self.schedule(now);
    }

    /// Deletes the identity and the messages of the room after a logout. The send queue stays.
    pub fn leave(&mut self) {
        self.changes.retain(|change| {
            matches!(change, Change::Put(Key::Queued(..), _) | Change::Delete(Key::Queued(..)))
        });
        self.reset();
        self.changes.extend([Change::Clear(Table::Account), Change::Clear(Table::Messages)]);
    }

    /// The initial state for another account. The tickets go on, so that no result of an earlier write is taken for one of
    /// a later write.
    pub fn next_account(&self) -> Self {
        Self { ticket: self.ticket, ..Self::default() }
    }

    /// Resets everything to the state before a login, except the collected changes and the ticket.
    pub fn reset(&mut self) {
        self.clear_room();
        self.due = None;
    }

    fn clear_room(&mut self) {
        self.unwritten.clear();
        self.written.clear();
        self.known.clear();
        self.floor = 0;
    }

    /// Deletes the messages up to this sequence number.
    fn raise_floor(&mut self, floor: u64) {
        self.floor = floor;
        self.written.retain(|seq| *seq > floor);
        self.unwritten.retain(|seq, _| *seq > floor);
        self.changes.push(Change::DeleteMessages(RoomId::LOBBY, floor));
    }

    /// Adds the unwritten messages to the changes, and the account with the ranges that are known then. Without an account
    /// there are no messages.
    fn write(&mut self, account: Option<Account>) {
        self.due = None;
        let Some(mut account) = account else { return };
        self.written.extend(self.unwritten.keys());
        if self.written.len() > PERSISTED_MESSAGES + PERSISTED_MESSAGES / 2
            && let Some(floor) = self.written.iter().nth_back(PERSISTED_MESSAGES).copied()
        {
            self.raise_floor(floor);
        }
        let unwritten = std::mem::take(&mut self.unwritten);
        self.changes.extend(unwritten.values().map(|message| persist::put_message(message, account.epoch)));
        self.known.remove_up_to(self.floor);
        account.known = self.known.clone();
        account.messages = self.written.iter().filter(|seq| account.known.contains(**seq)).count();
        self.changes.push(persist::put_account(&account));
    }

    fn take(&mut self) -> Option<Command> {
        if self.changes.is_empty() {
            return None;
        }
        self.ticket += 1;
        Some(Command::Persist { ticket: self.ticket - 1, changes: std::mem::take(&mut self.changes) })
    }
}

impl Session {
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

    /// Prepares the non-urgent changes for writing.
    pub(super) fn write_pending(&mut self) {
        let account = self.account();
        self.persister.write(account);
    }

    /// The account, without known ranges; `None` when nobody is logged in.
    pub(crate) fn account(&self) -> Option<Account> {
        let identity = self.identity.clone()?;
        Some(Account {
            identity,
            secret: self.secret.clone(),
            log: self.history.log.clone(),
            epoch: self.history.epoch,
            known: Ranges::default(),
            messages: 0,
            attempt: self.attempt,
        })
    }

    /// Takes the changes that are to be written now.
    pub(super) fn poll_changes(&mut self) -> Option<Command> {
        // A queued message is written alone, without the account, which is larger than the message.
        let is_urgent = |change: &Change| matches!(change, Change::Put(Key::Queued(..) | Key::Account, _));
        let is_leaving = self.identity.is_none();
        (is_leaving || self.persister.due.is_none() || self.persister.changes.iter().any(is_urgent))
            .then(|| self.persister.take())
            .flatten()
    }

    /// Adopts a message that another tab of the user has written and persisted. `bytes` is its value in the table
    /// [`Table::SendQueue`]. An id that is known is ignored.
    pub fn handle_adopt(&mut self, now: Clocks, bytes: &[u8]) {
        let Some(queued) = persist::decode_queued(bytes) else { return };
        let (id, stage) = (queued.id, queued.stage);
        if self.adopt(queued) {
            // The other tab has persisted it as queued, which is wrong for a basic server; see `persist_queued`.
            if self.is_basic() && stage == Stage::Queued {
                self.persist_queued(id);
            }
            self.flush(now);
        }
    }

    /// Adopts the messages that the previous leader had reported as [`Delivery::Queued`] and may not have persisted before
    /// its tab was closed. An id that is known is ignored.
    ///
    /// The previous leader may have sent them. A rich server detects the duplicates by their ids; for a basic server the
    /// messages fail, so that the user decides.
    ///
    /// [`Delivery::Queued`]: crate::model::Delivery::Queued
    pub fn handle_adopt_queued(&mut self, messages: Vec<Message>) {
        let basic = self.has_basic_identity();
        let stage = if basic { Stage::Failed(Status::Unconfirmed) } else { Stage::Queued };
        for Message { id, content, time, seq: order, .. } in messages {
            let queued = QueuedMessage::new(id, content, time, order, stage);
            if self.adopt(queued.clone()) {
                if basic {
                    let _ = self.persister.put_queued(&queued);
                } else {
                    self.persist_queued(id);
                }
            }
        }
    }

    /// The messages that are not persisted, as far as this session knows.
    pub(crate) fn unpersisted(&self) -> impl Iterator<Item = QueuedMessage> {
        let is_unpersisted = |message: &&QueuedMessage| matches!(message.stage, Stage::Persisting(_));
        let unpersisted = self.send_queue.iter().filter(is_unpersisted);
        unpersisted.map(|message| QueuedMessage { stage: Stage::Queued, ..message.clone() })
    }

    /// Another tab has sent a message again that this session had. If it has left the queue, deletes it on the device, where
    /// the other tab may have stored it again. Returns whether it has.
    pub(crate) fn handle_settled(&mut self, now: Clocks, id: MessageId) -> bool {
        let is_settled = self.send_queue.get(id).is_none();
        if is_settled {
            self.persister.delete_queued(now.monotonic, id);
        }
        is_settled
    }

    /// Adds a message of another tab to the queue and reports it, during a first login after that; `false` when its id is
    /// known, or nobody logs in. When the queue is full the message stays on the device until the next login.
    fn adopt(&mut self, queued: QueuedMessage) -> bool {
        if self.is_logged_out() {
            return false;
        }
        let message = self.identity.as_ref().map(|identity| own_message(&identity.nick, &queued));
        let is_new = self.send_queue.push(queued) == Ok(true);
        if let Some(message) = message.filter(|_| is_new) {
            self.emit(Event::Message(message));
        }
        is_new
    }

    /// Whether the last login was on a basic server.
    fn has_basic_identity(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.dialect == Dialect::Basic)
    }

    /// Persists a queued message before it is sent. For a basic server it is persisted as failed: after a crash it is
    /// unknown whether the message was sent, and such a server would not detect a duplicate.
    pub(super) fn persist_queued(&mut self, id: MessageId) {
        let basic = self.has_basic_identity();
        let Some(queued) = self.send_queue.get(id) else { return };
        let unconfirmed = QueuedMessage { stage: Stage::Failed(Status::Unconfirmed), ..queued.clone() };
        let ticket = self.persister.put_queued(if basic { &unconfirmed } else { queued });
        self.send_queue.set(id, Stage::Persisting(ticket));
    }
}
