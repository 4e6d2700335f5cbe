//! What of a session is written to the device, and when.
//!
//! What the user said is written at once, and sent when that is done. All else can wait a moment and is written
//! together: were it lost, the server would send it again. A part of the room is written as known in the same changes
//! as its messages, never before.

use super::{Command, Millis, Now, Session, own};
use crate::{
    event::Event,
    kept::{self, Account, Change, MESSAGES_KEPT, Table},
    model::{Dialect, Message, MessageId},
    outbox::{Entry, Stage},
    ranges::Ranges,
    status::Status,
};

/// How long what is not urgent may wait to be written, in ms.
const WITHIN: Millis = 1_000;

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    changes: Vec<Change>,
    /// The number of the changes that are being gathered.
    ticket: u64,
    /// Messages that the device does not have yet, in order of sequence number.
    fresh: Vec<Message>,
    /// The sequence numbers of those it has, in order.
    held: Vec<u64>,
    /// What it has everything of; it keeps also what the page lets go of.
    known: Ranges,
    /// Nothing up to this sequence number is held.
    floor: u64,
    /// When what is not urgent is to be written.
    due: Option<Millis>,
}

impl Keeper {
    /// What the device has already.
    pub fn holds(&mut self, messages: impl Iterator<Item = u64>, known: Ranges) {
        self.known = known;
        self.held.clear();
        messages.for_each(|seq| self.hold(seq));
    }

    /// They come in order, so that each goes to the end; sorting would be five kilobytes of the page.
    fn hold(&mut self, seq: u64) {
        let at = self.held.partition_point(|other| *other < seq);
        self.held.insert(at, seq);
    }

    pub fn due(&self) -> Option<Millis> {
        self.due
    }

    /// Something is to be written within a while.
    pub fn touch(&mut self, now: Millis) {
        self.due.get_or_insert(now + WITHIN);
    }

    /// All messages of this part were told, and are to be called known once they are kept.
    pub fn know(&mut self, now: Millis, from: u64, to: u64) {
        self.known.insert(from, to);
        self.touch(now);
    }

    /// A message of the room is to be kept.
    pub fn message(&mut self, now: Millis, message: &Message) {
        if message.seq <= self.floor || self.held.binary_search(&message.seq).is_ok() {
            return;
        }
        let at = self.fresh.partition_point(|other| other.seq < message.seq);
        if self.fresh.get(at).is_none_or(|other| other.seq != message.seq) {
            self.fresh.insert(at, message.clone());
            // A flood is not worth writing down whole.
            if self.fresh.len() > 2 * MESSAGES_KEPT {
                self.raise(self.fresh[MESSAGES_KEPT - 1].seq);
            }
            self.touch(now);
        }
    }

    /// An entry has come further: its place in the storage stays. Gives the number of the changes it is part of.
    pub fn entry(&mut self, entry: &Entry) -> u64 {
        self.changes.push(kept::entry(entry));
        self.ticket
    }

    /// An entry is done with. If that is not written, it is sent again and the server knows it.
    pub fn forget(&mut self, now: Millis, id: MessageId) {
        self.changes.push(Change::Delete(Table::Outbox, kept::entry_key(id)));
        self.touch(now);
    }

    /// The room's messages are of a log that is gone.
    pub fn forget_messages(&mut self, now: Millis) {
        self.fresh.clear();
        self.held.clear();
        self.known.clear();
        self.floor = 0;
        self.changes.push(Change::Clear(Table::Messages));
        self.touch(now);
    }

    /// The user leaves: who was here, and what was said, is nobody's business. What is not acknowledged stays.
    pub fn leave(&mut self) {
        self.changes.retain(|change| {
            matches!(change, Change::Put(Table::Outbox, ..) | Change::Delete(Table::Outbox, _))
        });
        self.begin();
        self.changes.extend([Change::Clear(Table::Account), Change::Clear(Table::Messages)]);
    }

    /// As it is before a login: changes that are gathered stay, and their numbers go on.
    pub fn begin(&mut self) {
        self.fresh.clear();
        self.held.clear();
        self.known.clear();
        self.floor = 0;
        self.due = None;
    }

    /// Nothing up to this sequence number is kept.
    fn raise(&mut self, floor: u64) {
        self.floor = floor;
        self.held.retain(|seq| *seq > floor);
        self.fresh.retain(|message| message.seq > floor);
        self.changes.push(Change::DeleteUpTo(Table::Messages, kept::message_key(floor)));
    }

    /// The changes gathered so far, the messages among them; `account` is told of what messages are held.
    fn write(&mut self, account: Option<&mut Account>) {
        self.due = None;
        for seq in self.fresh.iter().map(|message| message.seq).collect::<Vec<_>>() {
            self.hold(seq);
        }
        if self.held.len() > MESSAGES_KEPT + MESSAGES_KEPT / 2 {
            self.raise(self.held[self.held.len() - MESSAGES_KEPT - 1]);
        }
        self.changes.extend(std::mem::take(&mut self.fresh).iter().map(kept::message));
        let Some(account) = account else { return };
        self.known.forget_up_to(self.floor);
        account.known = self.known.clone();
        account.messages = self.held.iter().filter(|seq| account.known.contains(**seq)).count();
        self.changes.push(kept::account(account));
    }

    fn take(&mut self) -> Option<Command> {
        if self.changes.is_empty() {
            return None;
        }
        self.ticket += 1;
        Some(Command::Keep { ticket: self.ticket - 1, changes: std::mem::take(&mut self.changes) })
    }
}

impl Session {
    /// These changes, and all before them, are written, or can't be: what waited for them goes on its way.
    pub fn handle_kept(&mut self, now: Now, ticket: u64) {
        self.outbox.kept(ticket);
        self.flush(now);
    }

    /// The page may be gone any moment: what could wait is to be written now.
    pub fn handle_hide(&mut self) {
        if self.keeper.due.is_some() {
            self.write();
        }
    }

    /// Gathers what can wait no longer.
    pub(super) fn write(&mut self) {
        let mut account = self.identity.clone().map(|identity| Account {
            identity,
            secret: self.secret.clone(),
            log: self.history.log.clone(),
            known: Ranges::default(),
            messages: 0,
            attempt: self.attempt,
        });
        self.keeper.write(account.as_mut());
    }

    /// Changes that are ready to be made.
    pub(super) fn changes(&mut self) -> Option<Command> {
        // Urgent ones take along what waits only when that is due: writing the account costs more than an entry.
        let urgent = |change: &Change| matches!(change, Change::Put(Table::Outbox | Table::Account, ..));
        let leaving = self.identity.is_none();
        (leaving || self.keeper.due.is_none() || self.keeper.changes.iter().any(urgent))
            .then(|| self.keeper.take())
            .flatten()
    }

    /// Takes over what another page of the same user has said, and written down already: the value of
    /// [`kept::Table::Outbox`]. One that is known is ignored.
    pub fn handle_adopt(&mut self, now: Now, bytes: &[u8]) {
        let Some(entry) = kept::read_entry(bytes) else { return };
        let (id, stage) = (entry.id, entry.stage);
        if self.adopt(entry) {
            // The other page did not know whether it may be sent a second time.
            if self.is_basic() && stage == Stage::Queued {
                self.keep_entry(id);
            }
            self.flush(now);
        }
    }

    /// Takes over what the page that led before had told of as [`Delivery::Queued`], and perhaps not written down when it
    /// died. One that is known is ignored.
    ///
    /// It may have been sent since, and nobody heard of it any more: a rich server knows it by its id, and for a basic one
    /// it has failed, so that the user decides.
    ///
    /// [`Delivery::Queued`]: crate::model::Delivery::Queued
    pub fn handle_waiting(&mut self, waiting: Vec<Message>) {
        let basic = self.speaks_basic();
        let stage = if basic { Stage::Failed(Status::Unconfirmed) } else { Stage::Queued };
        for Message { id, content, time, seq: order, .. } in waiting {
            let entry = Entry { id, content, time, stage, order };
            if self.adopt(entry.clone()) {
                if basic {
                    let _ = self.keeper.entry(&entry);
                } else {
                    self.keep_entry(id);
                }
            }
        }
    }

    /// Takes an entry of another page in and shows it; `false` for one that is known. One too many is still written down,
    /// and taken the next time.
    fn adopt(&mut self, entry: Entry) -> bool {
        let Some(identity) = &self.identity else { return false };
        let message = own(&identity.nick, &entry);
        let is_new = self.outbox.push(entry) == Ok(true);
        if is_new {
            self.tell(Event::Message(message));
        }
        is_new
    }

    /// The server that is known of is a basic one.
    fn speaks_basic(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.dialect == Dialect::Basic)
    }

    /// Writes an entry down before it is sent. To a basic server nothing is ever sent a second time by itself: once it
    /// is written, nobody can say whether it was sent.
    pub(super) fn keep_entry(&mut self, id: MessageId) {
        let basic = self.speaks_basic();
        let Some(entry) = self.outbox.get(id) else { return };
        let unconfirmed = Entry { stage: Stage::Failed(Status::Unconfirmed), ..entry.clone() };
        let ticket = self.keeper.entry(if basic { &unconfirmed } else { entry });
        self.outbox.set(id, Stage::Keeping(ticket));
    }
}
