//! A log with some accounts, and short names for proposals.

use parlour_core::{
    model::{Role, RoomId, RoomKind, UserId},
    status::Status,
};
use parlour_server::store::{
    Account, Change, NickSource, Outcome, Place, Room, RoomRow, direct_room, sqlite::Options,
};

use crate::world::{FAST, World, new, propose};

pub const TIM: UserId = UserId([2; 16]);
pub const LILI: UserId = UserId([3; 16]);
pub const NOBODY: UserId = UserId([99; 16]);

/// A world with the accounts of tom, tim and lili, in which each proposal has an id of its own.
pub struct People {
    pub world: World,
    proposals: u32,
}

impl People {
    pub fn new() -> Self {
        Self::with(&FAST)
    }

    pub fn with(options: &Options) -> Self {
        let mut people = Self { world: World::with(options), proposals: 0 };
        for (user, nick) in [(TIM, "tim"), (LILI, "李丽")] {
            people.accept(user, Change::CreateAccount { nick: nick.into(), from: None });
        }
        people
    }

    pub fn propose(&mut self, sender: UserId, change: Change) -> Outcome {
        self.proposals += 1;
        self.world.append(&[propose(self.proposals, sender, change)]).remove(0)
    }

    #[track_caller]
    pub fn accept(&mut self, sender: UserId, change: Change) -> Place {
        new(&self.propose(sender, change))
    }

    #[track_caller]
    pub fn refuse(&mut self, sender: UserId, change: Change, status: Status) {
        assert_eq!(self.propose(sender, change.clone()), Outcome::Refused(status), "{change:?}");
    }

    /// Proposes something that changes nothing.
    #[track_caller]
    pub fn unchanged(&mut self, sender: UserId, change: Change) {
        assert!(matches!(self.propose(sender, change), Outcome::Known(_)));
    }

    pub fn account(&mut self, user: UserId) -> Account {
        self.world.read.account(user).unwrap().unwrap()
    }

    pub fn room(&mut self, room: RoomId) -> Room {
        self.world.read.room(room).unwrap().unwrap()
    }

    pub fn row(&mut self, account: UserId, room: RoomId) -> RoomRow {
        self.world.read.room_row(account, room).unwrap().unwrap()
    }

    pub fn role(&mut self, account: UserId, room: RoomId) -> Role {
        self.row(account, room).role
    }

    /// The sequence number of an event of the directory or a room.
    pub fn events(&mut self, room: RoomId) -> u64 {
        self.room(room).head_seq
    }
}

impl Drop for People {
    /// Whatever a test did, the tables are what follows from the events.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.world.differences().unwrap(), [""; 0]);
        }
    }
}

pub fn nick(nick: &str, from: Option<UserId>) -> Change {
    Change::ChangeNick { nick: nick.into(), from: from.map(NickSource::Account) }
}

pub fn account(nick: &str, from: Option<UserId>) -> Change {
    Change::CreateAccount { nick: nick.into(), from: from.map(NickSource::Account) }
}

pub fn create(room: u8, kind: RoomKind, name: &str, people: &[UserId]) -> Change {
    Change::CreateRoom { room: id(room), kind, name: name.into(), topic: "".into(), people: people.into() }
}

pub fn direct(own: UserId, people: &[UserId]) -> Change {
    let room = direct_room(&[people, &[own]].concat());
    Change::CreateRoom {
        room,
        kind: RoomKind::Direct,
        name: "".into(),
        topic: "".into(),
        people: people.into(),
    }
}

pub fn member(room: RoomId, account: UserId, role: Role) -> Change {
    Change::ChangeMember { room, account, role }
}

pub fn message(room: RoomId) -> Change {
    Change::Message { room, content: "hello".into() }
}

pub fn id(room: u8) -> RoomId {
    RoomId([room; 16])
}
