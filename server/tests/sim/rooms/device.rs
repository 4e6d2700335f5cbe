//! A device: the lock of its tabs, and its storage, whose transactions may be aborted or hang.

use std::collections::VecDeque;

use parlour_core::{
    Millis,
    client::{self, cursor::Cursor, state::ClientState, tabs::FollowerMessage},
    codec::Envelope,
    model::{Message, RoomId},
    persist::{
        Change, Key, Rows, Stored, Table,
        account::StoredAccount,
        queue,
        room::{StoredMessages, StoredRoom, put_message},
    },
    ranges::Range,
    room_rows,
    validate::nick_key,
    wire,
};

use super::{tab::Input, world::World};
use crate::{
    network::Middlebox,
    storage::{Health, queued_by},
};

/// The time for which the page waits for a transaction, in ms.
const TRANSACTION_TIMEOUT_MS: Millis = 2_000;

/// A cursor that the server may not have.
type Unconfirmed = Vec<(RoomId, Cursor)>;

/// A transaction that a tab has requested.
pub enum Work {
    /// The changes of the client with this number, in a tab with this lease number.
    Write { client: u64, ticket: u64, lease: u64, changes: Vec<Change>, unconfirmed: Option<Unconfirmed> },
    /// A message of a follower.
    Store(Box<FollowerMessage>),
    /// The next leader records its lease number, and reads.
    Lead(u64),
}

/// A requested transaction.
pub struct Request {
    due: Millis,
    pub tab: usize,
    page: u64,
    work: Work,
}

impl Request {
    /// The cursors that are written with the changes.
    fn unconfirmed(&self) -> Option<Unconfirmed> {
        match &self.work {
            Work::Write { unconfirmed, .. } => unconfirmed.clone(),
            Work::Store(_) | Work::Lead(_) => None,
        }
    }

    fn changes(&self) -> &[Change] {
        match &self.work {
            Work::Write { changes, .. } => changes,
            Work::Store(message) => std::slice::from_ref(&message.change),
            Work::Lead(_) => &[],
        }
    }
}

/// A device and its storage.
pub struct Device {
    /// The number of its account.
    pub user: usize,
    pub tabs: Vec<usize>,
    /// Offset by which its clock is ahead.
    pub skew: i64,
    rows: Rows,
    unconfirmed: Unconfirmed,
    /// The lease number of the last leader that could be recorded.
    lease: u64,
    pub holder: Option<usize>,
    pub waiting: VecDeque<usize>,
    pub health: Health,
    /// The storage has failed in this run, so its tabs are not closed any more.
    pub has_failed: bool,
    requests: VecDeque<Request>,
    /// Writes that the storage hangs in.
    stuck: Vec<(Vec<Change>, Option<Unconfirmed>)>,
    /// The page has waited for a transaction in vain, so that it does not wait for the next ones.
    timed_out: bool,
    /// The time at which the last result is reported: they are reported in order.
    reported_at: Millis,
    /// For the first login of a further device.
    pub link_code: Option<String>,
    pub middlebox: Option<Middlebox>,
}

impl Device {
    pub fn new(user: usize, tabs: Vec<usize>) -> Self {
        Self {
            user,
            tabs,
            skew: 0,
            rows: Rows::default(),
            unconfirmed: Vec::new(),
            lease: 0,
            holder: None,
            waiting: VecDeque::new(),
            health: Health::Works,
            has_failed: false,
            requests: VecDeque::new(),
            stuck: Vec::new(),
            timed_out: false,
            reported_at: 0,
            link_code: None,
            middlebox: None,
        }
    }

    pub fn due(&self) -> Option<Millis> {
        self.requests.front().map(|request| request.due)
    }

    /// Returns `true` if a user is logged in.
    pub fn has_account(&self) -> bool {
        self.rows.get(&Key::Account).is_some()
    }

    /// Everything that is stored, without messages.
    pub fn stored(&self) -> Stored {
        Stored::of(&self.rows)
    }

    pub fn fail(&mut self, health: Health) {
        (self.health, self.has_failed) = (health, true);
    }

    /// The storage works again. What hung is executed.
    pub fn recover(&mut self) {
        (self.health, self.timed_out) = (Health::Works, false);
        for (changes, unconfirmed) in std::mem::take(&mut self.stuck) {
            self.write(&changes, unconfirmed);
        }
    }

    fn write(&mut self, changes: &[Change], unconfirmed: Option<Unconfirmed>) {
        changes.iter().for_each(|change| self.rows.apply(change));
        if let Some(unconfirmed) = unconfirmed {
            self.unconfirmed = unconfirmed;
        }
    }

    /// The state of a new tab: the room list of the device.
    pub fn state(&self) -> ClientState {
        let mut state = ClientState::new(nick_key);
        let stored = self.stored();
        let Some(account) = stored.account.filter(|_| self.health == Health::Works) else { return state };
        let Some(me) = account.account.filter(|_| account.version > 0) else { return state };
        let rows = wire::AccountRows {
            rows: room_rows::pack(stored.rooms.iter().filter_map(|room| room.row.clone())),
            complete: true,
            version: account.version,
            nick: account.identity.nick.to_string(),
            more: false,
        };
        state.restore(me, &account.log, &rows, &self.unconfirmed);
        state
    }

    /// What the device has of a room, if it can be read.
    pub fn stored_room(&self, state: &ClientState, room: RoomId) -> Option<client::room::StoredRoom> {
        let stored = self.stored().rooms.into_iter().find(|stored| stored.room == room)?;
        if self.health != Health::Works || stored.seq == 0 || stored.log != state.log() {
            return None;
        }
        let read = StoredMessages::read(room, &stored.log, &self.rows.values(&StoredMessages::range(room)));
        let range: Option<Range> = read.known.iter().last();
        let me = state.me();
        let messages =
            read.messages.into_iter().filter(|message| range.is_some_and(|r| r.from < message.ord));
        Some(client::room::StoredRoom {
            position: stored.seq,
            last_message: stored.last,
            first_ord: stored.first_ord,
            head_ord: stored.row.as_ref().map_or(0, |row| row.head_ord),
            topic: stored.topic.into(),
            messages: messages.map(|message| shown(message, me)).collect(),
            range,
        })
    }
}

/// A stored message as the timeline shows it.
fn shown(envelope: Envelope, me: Option<parlour_core::model::UserId>) -> Message {
    let sender = parlour_core::model::UserId::from_wire(&envelope.sender);
    Message {
        id: parlour_core::model::MessageId::from_wire(&envelope.id).unwrap(),
        sender,
        nick: envelope.user_name.into(),
        content: envelope.content.into(),
        seq: envelope.ord,
        time: envelope.time,
        own: sender == me,
        delivery: parlour_core::model::Delivery::Sent,
    }
}

/// The changes of the storage for the changes of a client, as the page makes them: with the account, the room list and the
/// newest messages of the rooms that the tab shows.
pub fn changes_of(
    state: &ClientState,
    shown: impl Iterator<Item = (RoomId, Vec<Message>)>,
    changes: Vec<client::Change>,
) -> (Vec<Change>, Option<Unconfirmed>) {
    let mut all = Vec::new();
    let mut unconfirmed = None;
    let shown: Vec<_> = shown.collect();
    for change in changes {
        match change {
            client::Change::PutQueued(room, message) => all.push(queue::put(room, &message)),
            client::Change::DeleteQueued(room, id) => all.push(queue::delete(room, id)),
            client::Change::Forget => all.extend(Table::ALL.map(Change::Clear)),
            client::Change::PutAccount(record) => {
                let log = state.log().to_vec();
                let account = StoredAccount {
                    identity: record.identity,
                    secret: record.secret,
                    account: record.account,
                    log: log.clone(),
                    version: state.account().version(),
                    attempt: record.attempt,
                };
                all.push(account.put());
                all.push(Change::Clear(Table::Rooms));
                all.push(Change::Clear(Table::Messages));
                for entry in state.account().rooms() {
                    let room = entry.room;
                    let known = state.room(room);
                    let position = known.map(client::room::RoomState::subscription).unwrap_or_default();
                    let stored = StoredRoom {
                        room,
                        row: state.room_row(room),
                        log: log.clone(),
                        seq: position.seq,
                        last: parlour_core::model::MessageId::from_wire(&position.id),
                        topic: known.map(|known| known.topic().to_string()).unwrap_or_default(),
                        members: known.and_then(client::room::RoomState::members).unwrap_or(0),
                        first_ord: known.map_or(1, client::room::RoomState::first_ord),
                        // The cursors are stored in `unconfirmed`.
                        is_unconfirmed: false,
                    };
                    all.push(stored.put());
                    let messages =
                        shown.iter().filter(|(of, _)| *of == room).flat_map(|(_, messages)| messages);
                    all.extend(
                        messages.filter_map(|message| put_message(room, &log, &stored_form(room, message))),
                    );
                }
                unconfirmed = Some(state.account().unconfirmed_cursors().collect());
            }
        }
    }
    (all, unconfirmed)
}

/// A message as the device stores it.
fn stored_form(room: RoomId, message: &Message) -> Envelope {
    Envelope {
        room: room.to_wire(),
        id: message.id.0.to_vec(),
        sender: message.sender.map(|sender| sender.0.to_vec()).unwrap_or_default(),
        user_name: message.nick.to_string(),
        content: message.content.to_string(),
        ord: message.seq,
        seq: message.seq,
        time: message.time,
        ..Envelope::default()
    }
}

impl World {
    /// A tab requests a transaction, which is executed after those before it.
    pub fn request(&mut self, tab: usize, work: Work) {
        let slow = if self.rng.once_in(20) { 1_500 } else { 12 };
        let due = self.now + self.rng.below(slow);
        let page = self.tabs[tab].page;
        let device = &mut self.devices[self.tabs[tab].device];
        let due = due.max(device.requests.back().map_or(0, |request| request.due));
        device.requests.push_back(Request { due, tab, page, work });
    }

    /// The tab is closed: its transactions that were not executed are not any more.
    pub fn cancel_requests(&mut self, tab: usize) {
        self.devices[self.tabs[tab].device].requests.retain(|request| request.tab != tab);
    }

    /// Executes the transactions of a device that are due.
    pub fn run_storage(&mut self, device: usize) {
        let now = self.now;
        let this = &mut self.devices[device];
        if let Health::Aborts(until) | Health::Hangs(until) = this.health
            && until <= now
        {
            this.recover();
        }
        while let Some(request) =
            self.devices[device].requests.pop_front_if(|request: &mut Request| request.due <= now)
        {
            let user = self.users[self.devices[device].user].account;
            let this = &mut self.devices[device];
            let works = this.health == Health::Works;
            let is_refused = matches!(request.work, Work::Write { lease, .. } if works && lease < this.lease);
            let mut wait = 0;
            if works && !is_refused {
                this.write(request.changes(), request.unconfirmed());
                if let Some(user) = user {
                    let queued = queued_by(request.changes()).map(|id| (user, id));
                    self.ledger.persisted.extend(queued);
                }
            } else if matches!(this.health, Health::Hangs(_)) {
                this.stuck.push((request.changes().to_vec(), request.unconfirmed()));
                wait = if std::mem::replace(&mut this.timed_out, true) { 0 } else { TRANSACTION_TIMEOUT_MS };
            }
            let input = match request.work {
                Work::Write { client, ticket, .. } => Input::Written { client, ticket, is_refused },
                Work::Store(message) => Input::Stored(message),
                Work::Lead(lease) => {
                    let recorded = if works { lease.max(this.lease + 1) } else { lease };
                    if works {
                        this.lease = recorded;
                    }
                    Input::Read { lease, recorded, stored: works.then(|| Box::new(this.stored())) }
                }
            };
            this.reported_at = this.reported_at.max(now + wait);
            let due = this.reported_at;
            if self.tabs[request.tab].page == request.page {
                self.tabs[request.tab].deliver(due, input);
            }
        }
    }

    // ---- the lock

    pub fn request_lock(&mut self, tab: usize) {
        self.devices[self.tabs[tab].device].waiting.push_back(tab);
        self.grant_lock(self.tabs[tab].device);
    }

    /// A tab gives up the lock, or its request.
    pub fn release_lock(&mut self, tab: usize) {
        let device = &mut self.devices[self.tabs[tab].device];
        device.waiting.retain(|waiting| *waiting != tab);
        if device.holder == Some(tab) {
            device.holder = None;
        }
        self.grant_lock(self.tabs[tab].device);
    }

    /// Takes the lock from the tab that holds it.
    pub fn steal_lock(&mut self, tab: usize) {
        self.tally.count("stolen locks");
        let device = &mut self.devices[self.tabs[tab].device];
        device.waiting.retain(|waiting| *waiting != tab);
        let due = self.now + 1;
        if let Some(loser) = device.holder.replace(tab).filter(|holder| *holder != tab) {
            self.tabs[loser].deliver(due, Input::Lost);
        }
        self.tabs[tab].deliver(due, Input::Granted);
    }

    fn grant_lock(&mut self, device: usize) {
        let due = self.now + 1 + self.rng.below(4);
        let device = &mut self.devices[device];
        if device.holder.is_none()
            && let Some(tab) = device.waiting.pop_front()
        {
            device.holder = Some(tab);
            self.tabs[tab].deliver(due, Input::Granted);
        }
    }
}
