//! Accounts, rooms, members and messages, written to a log before a hub runs on it.

use std::ops::Range;

use parlour_core::model::{MessageId, Role, RoomId, RoomKind, UserId};
use parlour_server::{
    hub::Settings,
    store::{
        Change, EventLog as _, Outcome, Proposal, RoomLimits, RowChange, SessionRecord, direct_room,
        sqlite::SqliteLog,
    },
};
use sha2::{Digest as _, Sha256};

use crate::common::world::{START, World};

/// Proposals in one transaction.
const BATCH: usize = 10_000;

/// A hub without rate limits, on an empty log in which an account creates as many rooms as it likes.
pub fn world() -> World {
    let mut settings = Settings { address_factor: 0, ..Settings::default() };
    settings.limits.messages_per_minute = 0;
    World::with_limits(settings, RoomLimits { rooms_created: u32::MAX, ..RoomLimits::default() })
}

/// An id like a random one: no byte of it can be left out.
fn bytes(kind: u8, n: u32) -> [u8; 16] {
    let mut bytes = [kind; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    bytes
}

/// The account with this number.
pub fn account(n: u32) -> UserId {
    UserId(bytes(0xA5, n))
}

/// The PUBLIC room with this number.
pub fn room(n: u32) -> RoomId {
    RoomId(bytes(0x5A, n))
}

/// The nick of the account with this number.
pub fn nick(n: u32) -> String {
    format!("user{n}")
}

/// The secret of the session of the account with this number.
pub fn secret(n: u32) -> [u8; 16] {
    bytes(0xEE, n)
}

/// Writes to a log, many proposals in each append.
pub struct Population<'a> {
    log: &'a mut SqliteLog,
    proposals: Vec<Proposal>,
    /// The number of proposals so far.
    count: u32,
}

impl<'a> Population<'a> {
    pub fn new(log: &'a mut SqliteLog) -> Self {
        Self { log, proposals: Vec::new(), count: 0 }
    }

    pub fn propose(&mut self, sender: u32, change: Change) {
        self.count += 1;
        let time = START - 10_000_000 + i64::from(self.count);
        let id = MessageId::new(time.unsigned_abs(), [9; 10]);
        self.proposals.push(Proposal { id, sender: account(sender), time, change });
        if self.proposals.len() == BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let outcomes = self.log.append(&std::mem::take(&mut self.proposals), &[]).unwrap();
        let is_appended = |outcome: &Outcome| {
            matches!(
                outcome,
                Outcome::Appended(_)
                    | Outcome::RoomChanged { .. }
                    | Outcome::MessageChanged { .. }
                    | Outcome::MemberChanged { .. }
            )
        };
        assert!(outcomes.iter().all(is_appended), "{:?}", outcomes.iter().find(|it| !is_appended(it)));
    }

    /// Creates accounts with their numbers as nicks.
    pub fn accounts(&mut self, numbers: Range<u32>) {
        for n in numbers {
            self.propose(n, Change::CreateAccount { nick: nick(n).into(), from: None });
        }
    }

    /// Creates a PUBLIC room, which its creator owns.
    pub fn room(&mut self, owner: u32, n: u32) {
        let (name, topic, people) = (format!("dev-{n:03}").into(), "t".repeat(200).into(), [].into());
        let create = Change::CreateRoom { room: room(n), kind: RoomKind::Public, name, topic, people };
        self.propose(owner, create);
    }

    /// Creates a conversation of two people.
    pub fn direct(&mut self, one: u32, other: u32) -> RoomId {
        let (name, topic, people) = ("".into(), "".into(), [account(other)].into());
        let room = direct_room(&[account(one), account(other)]);
        self.propose(one, Change::CreateRoom { room, kind: RoomKind::Direct, name, topic, people });
        room
    }

    /// Lets an account join a room.
    pub fn join(&mut self, n: u32, room: RoomId) {
        self.propose(n, Change::ChangeMember { room, account: account(n), role: Role::Member });
    }

    /// Appends messages of 100 bytes to a room, of some people in turn.
    pub fn messages(&mut self, people: &[u32], room: RoomId, count: u32) {
        for n in 0..count {
            let content = "x".repeat(100).into();
            self.propose(people[n as usize % people.len()], Change::Message { room, content });
        }
    }

    /// Moves the read cursor of an account.
    pub fn read(&mut self, n: u32, room: RoomId, ord: u64) {
        self.flush();
        self.log.append(&[], &[RowChange::Cursor { account: account(n), room, ord, version: 0 }]).unwrap();
    }

    /// Writes the rest, and gives these accounts a session each.
    pub fn finish(mut self, sessions: Range<u32>) {
        self.flush();
        let session = |n| {
            let hash = Sha256::digest(secret(n)).into();
            RowChange::PutSession(SessionRecord { hash, account: account(n), lost_at: None })
        };
        self.log.append(&[], &sessions.map(session).collect::<Vec<_>>()).unwrap();
    }
}
