//! A naive copy of the log: all events of all rooms as the reader returns them, and what follows from them, counted one by
//! one. The checks compare everything else with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlour_core::{
    Millis,
    model::{MessageId, Role, RoomId, RoomKind, TextState, UserId},
};
use parlour_server::store::{self as stored, Change, LogReader, Place, StoredEvent, Target};

use crate::machine::UNIX;

/// By how much the clocks of a run are wrong at most, with its duration, in ms.
const CLOCK_ERROR_MS: i64 = 366 * 86_400_000;
/// The time after which an accepted message has been read here: its append is slow, or the server is started again.
const READ_LATENCY_MS: Millis = 15_000;

/// How a room was proposed, whether it was created or not.
#[derive(Debug, Clone)]
pub struct Founding {
    pub kind: RoomKind,
    pub founder: UserId,
    pub people: Vec<UserId>,
}

/// A message in a room's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub seq: u64,
    pub ord: u64,
    /// The server's clock, Unix ms.
    pub time: i64,
    pub id: MessageId,
    pub sender: UserId,
    /// The present text.
    pub content: String,
    pub text: TextState,
    /// The emoji of the reactions to it, and the accounts.
    pub reactions: Vec<(String, BTreeSet<UserId>)>,
    /// The text with which it was sent; `None` if it was changed before it was read.
    pub sent: Option<String>,
    /// The time at which it was read first.
    at: Millis,
}

/// A role that an account got.
#[derive(Debug, Clone, Copy)]
struct Given {
    seq: u64,
    role: Role,
    at: Millis,
}

/// The log of a room, with the events that retention has deleted.
#[derive(Debug)]
pub struct RoomLog {
    pub kind: RoomKind,
    pub name: String,
    pub head_seq: u64,
    /// The ord of the oldest message that is not deleted.
    pub first_ord: u64,
    pub messages: Vec<Logged>,
    pub archived: bool,
    pub topic: Option<String>,
    roles: BTreeMap<UserId, Vec<Given>>,
    founding: (Founding, Millis),
    /// All events, and when each was read.
    events: Vec<(StoredEvent, Millis)>,
}

impl RoomLog {
    fn new(founding: &Founding, now: Millis) -> Self {
        let given = |role| vec![Given { seq: 0, role, at: now }];
        let (own, others) = match founding.kind {
            RoomKind::Direct => (Role::Member, Role::Member),
            _ => (Role::Owner, Role::Invited),
        };
        let mut roles: BTreeMap<_, _> =
            founding.people.iter().map(|person| (*person, given(others))).collect();
        if founding.kind != RoomKind::Lobby {
            roles.insert(founding.founder, given(own));
        }
        Self {
            kind: founding.kind,
            name: String::new(),
            head_seq: 0,
            first_ord: 1,
            messages: Vec::new(),
            archived: false,
            topic: None,
            roles,
            founding: (founding.clone(), now),
            events: Vec::new(),
        }
    }

    /// The log up to this event.
    fn truncated(self, head_seq: u64) -> Self {
        let (founding, founded) = self.founding;
        let mut log = Self::new(&founding, founded);
        let events = self.events.into_iter().filter(|(event, _)| event.place.seq <= head_seq);
        events.for_each(|(event, at)| log.add(event, at));
        log
    }

    /// An event is read again.
    fn check(&self, event: &StoredEvent) {
        let before = usize::try_from(event.place.seq).ok().and_then(|seq| self.events.get(seq - 1));
        // The text of a message is the present one, and that of an edit may be erased.
        let change = |event: &StoredEvent| match &event.change {
            Change::Message { room, .. } => Change::Message { room: *room, content: "".into() },
            Change::Edit { room, target, .. } => {
                Change::Edit { room: *room, target: *target, content: "".into() }
            }
            change => change.clone(),
        };
        let parts = |event: &StoredEvent| (event.id, event.place, event.sender, change(event));
        assert_eq!(before.map(|(before, _)| parts(before)), Some(parts(event)), "an event has changed");
    }

    /// The messages before this ord are deleted, because they are at least this old.
    fn deleted_before(&mut self, first_ord: u64, now: Millis, age: Option<Duration>) {
        assert!(self.first_ord <= first_ord, "deleted messages are there again");
        for message in self.messages.iter().filter(|message| message.ord < first_ord) {
            let is_old =
                age.is_some_and(|age| u128::from(now - message.at + READ_LATENCY_MS) >= age.as_millis());
            assert!(is_old, "{message:?} was deleted after {} ms", now - message.at);
        }
        self.first_ord = first_ord;
    }

    /// The messages that are not deleted.
    pub fn stored(&self) -> impl Iterator<Item = &Logged> {
        self.messages.iter().filter(|message| message.ord >= self.first_ord)
    }

    fn add(&mut self, event: StoredEvent, now: Millis) {
        assert_eq!(event.place.seq, self.head_seq + 1, "the log of a room is not dense");
        self.head_seq = event.place.seq;
        let (earliest, latest) = (UNIX - CLOCK_ERROR_MS, UNIX + CLOCK_ERROR_MS);
        assert!((earliest..latest).contains(&event.place.time), "an event has the time of another clock");
        self.events.push((event.clone(), now));
        let ord = self.messages.len() as u64 + 1;
        if let Change::Message { content, .. } = event.change {
            assert_eq!(event.place.ord, ord, "the numbers of messages are not dense");
            let (id, sender, content) = (event.id, event.sender, content.to_string());
            let may_post = self.role_at(sender, self.head_seq).is_member() && !self.archived;
            assert!(may_post, "{sender:?} has sent a message and may not: {content}");
            let Place { seq, time, .. } = event.place;
            let sent = (event.state == stored::TextState::Original).then(|| content.clone());
            let text = match event.state {
                stored::TextState::Original => TextState::Original,
                stored::TextState::Edited(_) => TextState::Edited,
                stored::TextState::Erased => TextState::Erased,
            };
            let reactions = Vec::new();
            let message = Logged { seq, ord, time, id, sender, content, text, reactions, sent, at: now };
            return self.messages.push(message);
        }
        assert_eq!(event.place.ord, 0, "{:?} is counted as a message", event.change);
        match event.change {
            Change::ChangeMember { account, role, .. } => {
                let given = Given { seq: event.place.seq, role, at: now };
                self.roles.entry(account).or_default().push(given);
            }
            Change::Edit { target, ref content, .. } => {
                self.change_text(&event, target, (content.to_string(), TextState::Edited));
            }
            Change::Redact { target, .. } => {
                self.change_text(&event, target, (String::new(), TextState::Erased));
            }
            Change::React { target, ref emoji, remove, .. } => self.react(&event, target, emoji, remove),
            Change::Archive { archived, .. } => self.archived = archived,
            Change::SetTopic { topic, .. } => self.topic = Some(topic.to_string()),
            other => panic!("{other:?} in the log of a room"),
        }
    }

    /// A message is edited or erased, by somebody who may. What was read first may have been later.
    fn change_text(&mut self, event: &StoredEvent, target: Target, (content, text): (String, TextState)) {
        let role = self.role_at(event.sender, event.place.seq);
        let at = usize::try_from(target.ord - 1).unwrap();
        let message = &mut self.messages[at];
        let is_own = message.sender == event.sender && role.is_member();
        let is_allowed = is_own || role >= Role::Moderator && self.kind != RoomKind::Direct;
        assert!(is_allowed && !self.archived, "{:?} has changed {message:?} and may not", event.sender);
        assert_eq!(message.id, target.id, "another message was changed");
        if text == TextState::Erased {
            message.reactions.clear();
        }
        if message.text != TextState::Erased {
            (message.content, message.text) = (content, text);
        }
    }

    /// An account that may read the room reacts to a message, or removes a reaction.
    fn react(&mut self, event: &StoredEvent, target: Target, emoji: &str, remove: bool) {
        let account = event.sender;
        let is_allowed = self.role_at(account, event.place.seq).is_member() && !self.archived;
        let at = usize::try_from(target.ord - 1).unwrap();
        let message = &mut self.messages[at];
        assert!(is_allowed, "{account:?} has reacted to {message:?} and may not");
        assert_eq!(message.id, target.id, "somebody has reacted to another message");
        if message.text == TextState::Erased {
            return;
        }
        let known = message.reactions.iter().position(|(of, _)| of == emoji);
        let known = known.unwrap_or_else(|| {
            message.reactions.push((emoji.to_owned(), BTreeSet::new()));
            message.reactions.len() - 1
        });
        let accounts = &mut message.reactions[known].1;
        let is_changed = if remove { accounts.remove(&account) } else { accounts.insert(account) };
        assert!(is_changed, "{event:?} changes nothing");
        message.reactions.retain(|(_, accounts)| !accounts.is_empty());
    }

    fn given(&self, account: UserId) -> &[Given] {
        self.roles.get(&account).map(Vec::as_slice).unwrap_or_default()
    }

    /// The role of an account after the event with this number.
    pub fn role_at(&self, account: UserId, seq: u64) -> Role {
        let given = self.given(account).iter().rev().find(|given| given.seq <= seq);
        let role = given.map_or(Role::None, |given| given.role);
        if self.kind == RoomKind::Lobby { role.max(Role::Member) } else { role }
    }

    /// The role of an account.
    pub fn role(&self, account: UserId) -> Role {
        self.role_at(account, u64::MAX)
    }

    /// The time at which an account has joined, the last time that it did; 0 if it was a member from the beginning.
    pub fn joined_at(&self, account: UserId) -> Millis {
        let given = self.given(account);
        let joined = |pair: &[Given]| !pair[0].role.is_member() && pair[1].role.is_member();
        let again = given.windows(2).rev().find(|pair| joined(pair)).map(|pair| pair[1].at);
        again.or(given.first().filter(|first| first.seq > 0).map(|first| first.at)).unwrap_or(0)
    }

    /// Returns `true` if the account was a member at this place or later, so that it may read everything up to there.
    pub fn may_read(&self, account: UserId, seq: u64) -> bool {
        let later = self.given(account).iter().any(|given| given.seq > seq && given.role.is_member());
        later || self.role_at(account, seq).is_member()
    }

    /// Returns `true` if the account was in the room or invited to it since this time.
    pub fn may_list(&self, account: UserId, since: Millis) -> bool {
        let before = self.given(account).iter().rev().find(|given| given.at < since);
        let mut given =
            before.into_iter().chain(self.given(account).iter().filter(|given| given.at >= since));
        self.kind == RoomKind::Lobby || given.any(|given| given.role != Role::None)
    }

    /// The members, and those who are invited.
    pub fn listed(&self) -> impl Iterator<Item = UserId> {
        self.roles.keys().copied().filter(|account| self.role(*account) != Role::None)
    }

    pub fn members(&self) -> BTreeSet<UserId> {
        self.roles.keys().copied().filter(|account| self.role(*account).is_member()).collect()
    }
}

/// The logs of all rooms.
#[derive(Debug, Default)]
pub struct Log {
    pub rooms: BTreeMap<RoomId, RoomLog>,
    foundings: BTreeMap<RoomId, Founding>,
    ids: BTreeSet<(UserId, MessageId)>,
    /// The age at which messages are deleted.
    max_age: Option<Duration>,
}

impl Log {
    pub fn new(max_age: Option<Duration>) -> Self {
        Self { max_age, ..Self::default() }
    }

    /// A room was proposed.
    pub fn proposed(&mut self, sender: UserId, change: &Change) {
        if let Change::CreateRoom { room, kind, people, .. } = change {
            let founding = Founding { kind: *kind, founder: sender, people: people.to_vec() };
            self.foundings.entry(*room).or_insert(founding);
        }
    }

    /// Reads everything anew: the server has started, perhaps with another log, which is an earlier state of this one.
    pub fn reload(&mut self, reader: &mut dyn LogReader, now: Millis) {
        let mut known = std::mem::take(&mut self.rooms);
        self.ids.clear();
        for room in reader.rooms().unwrap() {
            let Some(log) = known.remove(&room.room) else { continue };
            let log = log.truncated(room.head_seq);
            let events = reader.events(room.room, 0, 1_000_000).unwrap().events.into_iter();
            events.filter(|event| event.place.seq <= log.head_seq).for_each(|event| log.check(&event));
            for (event, _) in &log.events {
                self.ids.insert((event.sender, event.id));
            }
            self.rooms.insert(room.room, log);
        }
        self.read_new(reader, now);
    }

    /// Reads what was appended, and which messages were deleted.
    pub fn read_new(&mut self, reader: &mut dyn LogReader, now: Millis) {
        for room in reader.rooms().unwrap() {
            let lobby = Founding { kind: RoomKind::Lobby, founder: UserId([0; 16]), people: Vec::new() };
            let log = self.rooms.entry(room.room).or_insert_with(|| {
                let founding = self.foundings.get(&room.room);
                RoomLog::new(founding.unwrap_or(&lobby), now)
            });
            log.name = room.name;
            if log.head_seq < room.head_seq {
                for event in reader.events(room.room, log.head_seq, 1_000_000).unwrap().events {
                    let is_new = self.ids.insert((event.sender, event.id));
                    assert!(is_new, "{:?} is in the log twice: {:?}", event.id, event.change);
                    log.add(event, now);
                }
            }
            let head_ord = log.messages.len() as u64;
            assert_eq!(
                (log.kind, log.head_seq, head_ord),
                (room.kind, room.head_seq, room.head_ord),
                "events are missing"
            );
            log.deleted_before(room.first_ord, now, self.max_age);
        }
    }

    pub fn has(&self, sender: UserId, id: MessageId) -> bool {
        self.ids.contains(&(sender, id))
    }

    pub fn ids(&self) -> BTreeSet<(UserId, MessageId)> {
        self.ids.clone()
    }
}
