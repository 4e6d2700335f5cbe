//! Target `log`: proposals to an event log, and what else happens to it.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use parlour_core::{
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    status::Status,
};
use parlour_server::store::{
    Change, EventLog as _, LogError, LogReader, NickSource, Outcome, PageSize, PageStart, Place, Proposal,
    Retention, RoomLimits, RowChange, Target, direct_room,
    sqlite::{Options, SqliteLog, Synchronous},
};

use crate::input::Input;

/// The most appends and other steps of a run.
const MAX_STEPS: usize = 48;
/// The most proposals of an append.
const MAX_PROPOSALS: usize = 6;
const ACCOUNTS: usize = 4;
const NOW: i64 = 1_700_000_000_000;
const ALL: PageSize = PageSize { messages: usize::MAX, bytes: usize::MAX };
const NAMES: [&str; 6] = ["tom", "Tom", "t0m", "ann", "李丽", ""];

/// Reads steps: appends of some proposals and row changes, retention, rebuilding, and opening the log again.
///
/// # Panics
/// If a step fails, if a proposal is answered with another place or another status than its sender and id allow, if numbers
/// have holes, if a message of an account that is not a member is accepted, if accepted messages are not read again in their
/// order, or if accounts, rooms and members are not what follows from the events, also after retention.
pub fn log(data: &[u8]) {
    let directory = Directory::new();
    let mut run = Run { input: Input::new(data), accepted: HashMap::new(), rooms: HashMap::new(), time: NOW };
    run.play(&directory).unwrap_or_else(|error| panic!("{error}"));
}

/// The messages of a room that were accepted, and its newest numbers.
#[derive(Debug, Default)]
struct Expected {
    seq: u64,
    messages: Vec<(UserId, MessageId)>,
}

struct Run<'a> {
    input: Input<'a>,
    /// The accepted proposals by sender and id.
    accepted: HashMap<(UserId, MessageId), (Change, Place)>,
    /// By room; the directory has none.
    rooms: HashMap<Option<RoomId>, Expected>,
    time: i64,
}

impl Run<'_> {
    fn play(&mut self, directory: &Directory) -> Result<(), LogError> {
        let rooms = RoomLimits { rooms_per_account: 3, rooms_created: 2, ..RoomLimits::default() };
        let options = Options { synchronous: Synchronous::Off, rooms, ..Options::default() };
        let mut log = SqliteLog::open_with(&directory.0, &options)?;
        for _ in 0..MAX_STEPS {
            if self.input.is_empty() {
                break;
            }
            match self.input.byte() {
                0..=199 => self.append(&mut log)?,
                200..=219 => {
                    let messages = Some(self.input.index(4) as u64);
                    let retention = Retention { messages, ..Retention::default() };
                    while log.apply_retention(&retention, self.time)? {}
                }
                220..=239 => log.rebuild()?,
                _ => {
                    drop(log);
                    log = SqliteLog::open_with(&directory.0, &options)?;
                }
            }
            check_tables(&mut log)?;
        }
        self.check_messages(&mut *log.reader()?)?;
        let retention = Retention { age: Some(Duration::from_millis(5)), ..Retention::default() };
        while log.apply_retention(&retention, self.time + 10)? {}
        check_tables(&mut log)
    }

    fn append(&mut self, log: &mut SqliteLog) -> Result<(), LogError> {
        let count = 1 + self.input.index(MAX_PROPOSALS);
        let proposals: Vec<_> = (0..count).map(|_| self.proposal()).collect();
        let row = self.input.flag().then(|| self.row());
        let outcomes = log.append(&proposals, row.as_slice())?;
        for (proposal, outcome) in proposals.iter().zip(&outcomes) {
            self.check_outcome(proposal, outcome.clone());
        }
        let (Some(last), Some(Outcome::Appended(_))) = (proposals.last(), outcomes.last()) else {
            return Ok(());
        };
        if let Change::Message { room, .. } = &last.change {
            let row = log.reader()?.room_row(last.sender, *room)?;
            assert!(row.is_some_and(|row| row.role.is_member()), "{last:?} of who is not a member");
        }
        Ok(())
    }

    fn check_outcome(&mut self, proposal: &Proposal, outcome: Outcome) {
        let key = (proposal.sender, proposal.id);
        let known = self.accepted.get(&key);
        match (known, outcome) {
            (Some((_, place)), Outcome::Known(at)) => assert_eq!(at.seq, place.seq, "{proposal:?}"),
            (Some((change, _)), outcome) => {
                assert_eq!(outcome, Outcome::Refused(Status::MessageIdReused), "{proposal:?}");
                assert_ne!(*change, proposal.change);
            }
            (
                None,
                Outcome::Appended(place)
                | Outcome::RoomChanged { place, .. }
                | Outcome::MessageChanged { place, .. }
                | Outcome::MemberChanged { place, .. },
            ) => {
                let expected = self.rooms.entry(room_of(&proposal.change)).or_default();
                expected.seq += 1;
                let mut ord = 0;
                if matches!(proposal.change, Change::Message { .. }) {
                    expected.messages.push(key);
                    ord = expected.messages.len() as u64;
                }
                assert_eq!(place, Place { seq: expected.seq, ord, time: proposal.time }, "{proposal:?}");
                self.accepted.insert(key, (proposal.change.clone(), place));
            }
            (None, outcome) => {
                assert_ne!(outcome, Outcome::Refused(Status::MessageIdReused), "{proposal:?}");
            }
        }
    }

    /// Checks that the stored messages of each room are the last ones that were accepted.
    fn check_messages(&self, reader: &mut dyn LogReader) -> Result<(), LogError> {
        for (room, expected) in &self.rooms {
            let Some(room) = *room else { continue };
            let page = reader.page(room, PageStart::End, ALL)?;
            let found: Vec<_> = page.messages.iter().map(|message| (message.sender, message.id)).collect();
            assert!(expected.messages.ends_with(&found), "{room:?}");
            let stored = page.head_ord + 1 - page.first_ord;
            assert_eq!((page.head_ord, stored), (expected.messages.len() as u64, found.len() as u64));
        }
        Ok(())
    }

    fn account(&mut self) -> UserId {
        UserId([1 + self.input.index(ACCOUNTS) as u8; 16])
    }

    fn nick_source(&mut self) -> Option<NickSource> {
        match self.input.byte() % 4 {
            0 | 2 => None,
            1 => Some(NickSource::Account(self.account())),
            _ => Some(NickSource::Anybody),
        }
    }

    fn room(&mut self) -> RoomId {
        match self.input.index(5) {
            0 => RoomId::LOBBY,
            1 => direct_room(&[UserId([1; 16]), UserId([2; 16])]),
            n => RoomId([10 + n as u8; 16]),
        }
    }

    fn proposal(&mut self) -> Proposal {
        self.time += 1;
        let sender = self.account();
        let id = MessageId([self.input.byte() % 64; 16]);
        Proposal { id, sender, time: self.time, change: self.change(sender) }
    }

    fn change(&mut self, sender: UserId) -> Change {
        let name = |input: &mut Input<'_>| input.pick(&NAMES).into();
        let role = |input: &mut Input<'_>| {
            input.pick(&[Role::Member, Role::None, Role::Invited, Role::Moderator, Role::Owner])
        };
        match self.input.byte() % 13 {
            0 => {
                let nick = name(&mut self.input);
                Change::CreateAccount { nick, from: self.nick_source() }
            }
            1 => {
                let nick = name(&mut self.input);
                Change::ChangeNick { nick, from: self.nick_source() }
            }
            2 => {
                let kind = self.input.pick(&[RoomKind::Public, RoomKind::Private, RoomKind::Direct]);
                let name = if kind == RoomKind::Direct { "".into() } else { name(&mut self.input) };
                let people = [self.account()].into();
                Change::CreateRoom { room: self.room(), kind, name, topic: "".into(), people }
            }
            3 => Change::RenameRoom { room: self.room(), name: name(&mut self.input) },
            4 => Change::SetTopic { room: self.room(), topic: name(&mut self.input) },
            5 => Change::Archive { room: self.room(), archived: self.input.flag() },
            6 => Change::ChangeMember { room: self.room(), account: sender, role: role(&mut self.input) },
            7 => {
                let (room, account) = (self.room(), self.account());
                Change::ChangeMember { room, account, role: role(&mut self.input) }
            }
            8 | 9 => {
                let (room, target) = self.target();
                Change::Edit { room, target, content: name(&mut self.input) }
            }
            10 => {
                let (room, target) = self.target();
                Change::Redact { room, target }
            }
            11 => {
                let (room, target) = self.target();
                let emoji = self.input.pick(&["👍", "🎉"]).into();
                Change::React { room, target, emoji, remove: self.input.flag() }
            }
            _ => Change::Message { room: self.room(), content: name(&mut self.input) },
        }
    }

    /// A message that may exist, and its room.
    fn target(&mut self) -> (RoomId, Target) {
        let room = self.room();
        let messages = self.rooms.get(&Some(room)).map(|room| room.messages.as_slice()).unwrap_or_default();
        let at = self.input.index(messages.len() + 1);
        let id = messages.get(at).map_or(MessageId([0; 16]), |(_, id)| *id);
        (room, Target { ord: at as u64 + 1, id })
    }

    fn row(&mut self) -> RowChange {
        let (account, room) = (self.account(), self.room());
        match self.input.flag() {
            true => RowChange::Muted { account, room, muted: self.input.flag() },
            false => {
                let (ord, version) = (self.input.seq(), self.input.byte().into());
                RowChange::Cursor { account, room, ord, version }
            }
        }
    }
}

/// The room of a change; `None` for the directory.
fn room_of(change: &Change) -> Option<RoomId> {
    match change {
        Change::Message { room, .. }
        | Change::Edit { room, .. }
        | Change::Redact { room, .. }
        | Change::React { room, .. }
        | Change::SetTopic { room, .. }
        | Change::Archive { room, .. }
        | Change::ChangeMember { room, .. } => Some(*room),
        _ => None,
    }
}

fn check_tables(log: &mut SqliteLog) -> Result<(), LogError> {
    let differences = log.differences()?;
    assert!(differences.is_empty(), "{differences:?}");
    Ok(())
}

/// A directory for a log, removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("parlour-proposals-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
