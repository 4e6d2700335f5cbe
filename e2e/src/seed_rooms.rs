//! Adds rooms to the log of a stopped server, using the server's own store.

use std::{collections::HashMap, path::Path};

use parlour_core::model::{MessageId, Role, RoomId, RoomKind, UserId};
use parlour_server::store::{
    Change, EventLog as _, Outcome, Proposal, RoomLimits, RowChange, direct_room,
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
    /// The messages of people, each with the sender's nick.
    talk: Vec<(String, String)>,
    /// The number of members beside the account and those who talk.
    people: usize,
    is_member: bool,
    archived: bool,
    muted: bool,
}

impl SeedRoom {
    fn new(kind: RoomKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            topic: String::new(),
            messages: 0,
            talk: Vec::new(),
            people: 0,
            is_member: true,
            archived: false,
            muted: false,
        }
    }

    /// A public room.
    #[must_use]
    pub fn public(name: &str) -> Self {
        Self::new(RoomKind::Public, name)
    }

    /// A private room that the account is in.
    #[must_use]
    pub fn private(name: &str) -> Self {
        Self::new(RoomKind::Private, name)
    }

    /// A private room to which the account is invited.
    #[must_use]
    pub fn invitation(name: &str) -> Self {
        Self { is_member: false, ..Self::new(RoomKind::Private, name) }
    }

    /// A conversation with the person with this nick, who may have an account.
    #[must_use]
    pub fn direct(nick: &str) -> Self {
        Self::new(RoomKind::Direct, nick)
    }

    /// The room with unread messages.
    #[must_use]
    pub fn with_messages(self, messages: u64) -> Self {
        Self { messages, ..self }
    }

    /// The public room with messages of people, whose nicks are before the texts, and who have joined it.
    #[must_use]
    pub fn with_talk(self, talk: &[(&str, &str)]) -> Self {
        let talk = talk.iter().map(|(nick, text)| ((*nick).to_owned(), (*text).to_owned())).collect();
        Self { talk, ..self }
    }

    /// The public room with this many more members, at most 40.
    #[must_use]
    pub fn with_people(self, people: usize) -> Self {
        Self { people, ..self }
    }

    /// The room as one that the account has muted.
    #[must_use]
    pub fn muted(self) -> Self {
        Self { muted: true, ..self }
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

/// The nicks of [`SeedRoom::with_people`].
const FIRST_NAMES: [&str; 8] = ["Amara", "Benoît", "Chiara", "Dmitri", "Edda", "Farid", "Greta", "浩然"];
const LAST_NAMES: [&str; 5] = ["Okafor", "Lefèvre", "Rossi", "Lindqvist", "Haddad"];

/// The changes to be appended, and the accounts that make them.
struct Seed {
    proposals: Vec<(UserId, Change)>,
    /// By nick.
    accounts: HashMap<String, UserId>,
}

impl Seed {
    /// The account with a nick, which is created if there is none.
    fn account(&mut self, nick: &str) -> UserId {
        if let Some(account) = self.accounts.get(nick) {
            return *account;
        }
        let account = UserId(id(0xDD, self.accounts.len()));
        self.proposals.push((account, Change::CreateAccount { nick: nick.into(), from: None }));
        self.accounts.insert(nick.to_owned(), account);
        account
    }

    fn join(&mut self, account: UserId, room: RoomId) {
        self.proposals.push((account, Change::ChangeMember { room, account, role: Role::Member }));
    }
}

/// An id that no other test data has.
fn id(first: u8, number: usize) -> [u8; 16] {
    let mut id = [first; 16];
    id[8..].copy_from_slice(&(number as u64).to_be_bytes());
    id
}

/// Adds the rooms to those of the account with a nick. Returns their ids in hexadecimal digits, as in links.
pub fn write(data: &Path, nick: &str, rooms: &[SeedRoom]) -> Vec<String> {
    // The log need not survive a power failure.
    let limits = RoomLimits { rooms_per_account: u32::MAX, rooms_created: u32::MAX, ..RoomLimits::default() };
    let options = Options { synchronous: Synchronous::Off, rooms: limits, ..Options::default() };
    let mut log = SqliteLog::open_with(data, &options).expect("open the log");
    let accounts = log.reader().and_then(|mut reader| reader.nicks()).expect("read the accounts");
    let accounts: HashMap<_, _> = accounts.into_iter().map(|account| (account.nick, account.user)).collect();
    let account = *accounts.get(nick).expect("the account exists");
    let mut seed = Seed { proposals: Vec::new(), accounts };
    let owner = seed.account("Room owner");
    let ids: Vec<_> =
        rooms.iter().enumerate().map(|(n, room)| add(&mut seed, n, room, account, owner)).collect();
    let mutes = ids.iter().zip(rooms).filter(|(_, seed)| seed.muted);
    let mutes: Vec<_> =
        mutes.map(|(room, _)| RowChange::Muted { account, room: *room, muted: true }).collect();
    let numbered = (1_usize..).zip(seed.proposals).map(|(n, (sender, change))| Proposal {
        id: MessageId(id(0xBB, n)),
        sender,
        time: UNIX_MS,
        change,
    });
    let numbered: Vec<_> = numbered.collect();
    for batch in numbered.chunks(BATCH) {
        let outcomes = log.append(batch, &[]).expect("append to the log");
        for (outcome, proposal) in outcomes.iter().zip(batch) {
            let is_appended = !matches!(outcome, Outcome::Known(_) | Outcome::Refused(_));
            assert!(is_appended, "{outcome:?} of {proposal:?}");
        }
    }
    log.append(&[], &mutes).expect("mute rooms");
    ids.into_iter().map(|room| format!("{room:?}")).collect()
}

/// Adds a room of the account. The owner has created it, unless it is a conversation.
fn add(seed: &mut Seed, number: usize, room: &SeedRoom, account: UserId, owner: UserId) -> RoomId {
    let SeedRoom { kind, name, topic, .. } = room.clone();
    let is_direct = kind == RoomKind::Direct;
    let partner = if is_direct { seed.account(&name) } else { owner };
    let (id, shown) = if is_direct {
        (direct_room(&[account, partner]), String::new())
    } else {
        (RoomId(id(0xAA, number)), name.clone())
    };
    // Whoever is not invited here joins a public room, or stays out of it.
    let people = if kind == RoomKind::Public { vec![] } else { vec![account] }.into();
    let create = Change::CreateRoom { room: id, kind, name: shown.into(), topic: topic.into(), people };
    seed.proposals.push((partner, create));
    if !is_direct && room.is_member {
        seed.join(account, id);
    }
    for n in 0..room.people {
        let (first, last) = (n % FIRST_NAMES.len(), n / FIRST_NAMES.len());
        let member = seed.account(&format!("{} {}", FIRST_NAMES[first], LAST_NAMES[last]));
        seed.join(member, id);
    }
    for (n, (nick, text)) in room.talk.iter().enumerate() {
        let sender = seed.account(nick);
        if sender != account && !room.talk[..n].iter().any(|(earlier, _)| earlier == nick) {
            seed.join(sender, id);
        }
        seed.proposals.push((sender, Change::Message { room: id, content: text.as_str().into() }));
    }
    for n in 1..=room.messages {
        let content = format!("{name} {n}").into();
        seed.proposals.push((partner, Change::Message { room: id, content }));
    }
    if room.archived {
        seed.proposals.push((partner, Change::Archive { room: id, archived: true }));
    }
    id
}
