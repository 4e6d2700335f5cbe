//! Adds rooms to the log of a stopped server, using the server's own store.

use std::path::Path;

use parlour_core::model::{MessageId, Role, RoomId, RoomKind, UserId};
use parlour_server::store::{
    Change, EventLog as _, Outcome, Proposal, RoomLimits, direct_room,
    sqlite::{Options, SqliteLog, Synchronous},
};

/// Time of all changes, in Unix ms: a Tuesday in November 2023.
const UNIX_MS: i64 = 1_700_000_000_000;
/// Proposals per transaction.
const BATCH: usize = 5_000;

/// A room of an account, with messages of somebody else that the account has not read.
#[derive(Clone, Debug)]
pub struct SeedRoom {
    kind: RoomKind,
    /// The name; of a direct room the nick of the other person.
    name: String,
    topic: String,
    messages: u64,
    is_member: bool,
    archived: bool,
}

impl SeedRoom {
    fn new(kind: RoomKind, name: &str) -> Self {
        let (name, topic) = (name.to_owned(), String::new());
        Self { kind, name, topic, messages: 0, is_member: true, archived: false }
    }

    /// A public room.
    #[must_use]
    pub fn public(name: &str) -> Self {
        Self::new(RoomKind::Public, name)
    }

    /// A private room to which the account is invited.
    #[must_use]
    pub fn invitation(name: &str) -> Self {
        Self { is_member: false, ..Self::new(RoomKind::Private, name) }
    }

    /// A conversation with the person with this nick.
    #[must_use]
    pub fn direct(nick: &str) -> Self {
        Self::new(RoomKind::Direct, nick)
    }

    /// The room with unread messages.
    #[must_use]
    pub fn with_messages(self, messages: u64) -> Self {
        Self { messages, ..self }
    }

    /// The room with a topic.
    #[must_use]
    pub fn with_topic(self, topic: &str) -> Self {
        Self { topic: topic.into(), ..self }
    }

    /// The room as one that the account is not in.
    #[must_use]
    pub fn not_joined(self) -> Self {
        Self { is_member: false, ..self }
    }

    /// Returns `true` if the room is in the account's list: the account is in it, or is invited.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.is_member || self.kind == RoomKind::Private
    }

    /// The room as an archived one.
    #[must_use]
    pub fn archived(self) -> Self {
        Self { archived: true, ..self }
    }
}

/// Adds the rooms to those of the account with a nick. Returns their ids in hexadecimal digits, as in links.
pub fn write(data: &Path, nick: &str, rooms: &[SeedRoom]) -> Vec<String> {
    // The log need not survive a power failure.
    let limits = RoomLimits { rooms_per_account: u32::MAX, rooms_created: u32::MAX, ..RoomLimits::default() };
    let options = Options { synchronous: Synchronous::Off, rooms: limits, ..Options::default() };
    let mut log = SqliteLog::open_with(data, &options).expect("open the log");
    let accounts = log.reader().and_then(|mut reader| reader.nicks()).expect("read the accounts");
    let account = accounts.into_iter().find(|account| account.nick == nick).expect("the account exists").user;
    let owner = UserId([0xEE; 16]);
    let mut proposals = vec![(owner, Change::CreateAccount { nick: "Room owner".into(), from: None })];
    let mut ids = Vec::new();
    for (n, seed) in (0_u32..).zip(rooms) {
        let id = |first: u8| {
            let mut id = [first; 16];
            id[12..].copy_from_slice(&n.to_be_bytes());
            id
        };
        let partner = if seed.kind == RoomKind::Direct { UserId(id(0xDD)) } else { owner };
        let mut room = RoomId(id(0xAA));
        let mut name = seed.name.clone();
        if seed.kind == RoomKind::Direct {
            proposals.push((partner, Change::CreateAccount { nick: name.as_str().into(), from: None }));
            room = direct_room(&[account, partner]);
            name.clear();
        }
        ids.push(format!("{room:?}"));
        let (kind, topic) = (seed.kind, seed.topic.as_str().into());
        // Whoever is not invited here joins a public room, or stays out of it.
        let people = if kind == RoomKind::Public { vec![] } else { vec![account] }.into();
        proposals.push((partner, Change::CreateRoom { room, kind, name: name.into(), topic, people }));
        if kind == RoomKind::Public && seed.is_member {
            proposals.push((account, Change::ChangeMember { room, account, role: Role::Member }));
        }
        for n in 1..=seed.messages {
            let content = format!("{} {n}", seed.name).into();
            proposals.push((partner, Change::Message { room, content }));
        }
        if seed.archived {
            proposals.push((partner, Change::Archive { room, archived: true }));
        }
    }
    let numbered = (1_u64..).zip(proposals).map(|(n, (sender, change))| {
        let mut id = [0xBB; 16];
        id[8..].copy_from_slice(&n.to_be_bytes());
        Proposal { id: MessageId(id), sender, time: UNIX_MS, change }
    });
    let numbered: Vec<_> = numbered.collect();
    for batch in numbered.chunks(BATCH) {
        let outcomes = log.append(batch, &[]).expect("append to the log");
        for (outcome, proposal) in outcomes.iter().zip(batch) {
            let is_appended = matches!(outcome, Outcome::Appended(_) | Outcome::MemberChanged { .. });
            assert!(is_appended, "{outcome:?} of {proposal:?}");
        }
    }
    ids
}
