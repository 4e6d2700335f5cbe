//! An event log in its own directory, with an account and two rooms.

use std::{
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use parlour_core::model::{MessageId, Role, RoomId, RoomKind, UserId};
use parlour_server::store::{
    Change, EventLog, HistoryPage, LogError, LogReader, Outcome, PageSize, PageStart, Place, Proposal,
    RoomLimits, RowChange, SearchLimits, SearchResults,
    sqlite::{NAME, Options, SqliteLog, Synchronous},
};

/// The time of the first message, Unix ms.
pub const NOW: i64 = 1_700_000_000_000;

/// The account of the messages that [`entry`] makes, with the nick "tom".
pub const TOM: UserId = UserId([1; 16]);

/// A PUBLIC room of tom, "other".
pub const OTHER: RoomId = RoomId([9; 16]);

/// No size limit.
pub const ALL: PageSize = PageSize { messages: usize::MAX, bytes: usize::MAX };

/// Options without syncing to the disk.
pub const FAST: Options = Options {
    synchronous: Synchronous::Off,
    max_pages: None,
    read_only: false,
    search: SearchLimits { work: u64::MAX - 1, time: Duration::MAX },
    rooms: RoomLimits { rooms_per_account: 2_000, rooms_created: 100, creators: Role::Member },
};

/// A directory for a log, removed when dropped.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("parlour-log-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn database(&self) -> PathBuf {
        self.0.join(NAME)
    }

    pub fn open_with(&self, options: &Options) -> Result<SqliteLog, LogError> {
        SqliteLog::open_with(&self.0, options)
    }
}

impl Deref for Dir {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A log and a reader of it.
pub struct World {
    pub log: SqliteLog,
    pub read: Box<dyn LogReader>,
    pub dir: Dir,
}

impl World {
    pub fn new() -> Self {
        Self::with(&FAST)
    }

    pub fn with(options: &Options) -> Self {
        let mut world = Self::empty(options);
        assert!(world.append(&beginning()).into_iter().all(|outcome| new(&outcome).seq > 0));
        world
    }

    /// A log without an account, and with no room but the lobby.
    pub fn empty(options: &Options) -> Self {
        let dir = Dir::new();
        let log = dir.open_with(options).unwrap();
        Self { read: log.reader().unwrap(), log, dir }
    }

    /// Closes the log and opens it again.
    pub fn reopen(self) -> Self {
        self.reopen_with(&FAST)
    }

    pub fn reopen_with(self, options: &Options) -> Self {
        let Self { log, read, dir } = self;
        drop((read, log));
        let log = dir.open_with(options).unwrap();
        Self { read: log.reader().unwrap(), log, dir }
    }

    /// Appends a message of tom to the lobby.
    pub fn append_message(&mut self, id: u32, content: &str) -> Outcome {
        self.append(&[entry(id, RoomId::LOBBY, content)]).remove(0)
    }

    pub fn append(&mut self, proposals: &[Proposal]) -> Vec<Outcome> {
        self.log.append(proposals, &[]).unwrap()
    }

    /// Applies row changes.
    pub fn append_rows(&mut self, rows: &[RowChange]) {
        assert_eq!(self.log.append(&[], rows).unwrap(), []);
    }

    /// Checks the integrity of the database.
    #[track_caller]
    pub fn check(&self) {
        let database = rusqlite::Connection::open(self.log.path()).unwrap();
        let report: String = database.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        assert_eq!(report, "ok");
    }

    /// A page of the lobby.
    pub fn page(&mut self, start: PageStart, size: PageSize) -> HistoryPage {
        self.read.page(RoomId::LOBBY, start, size).unwrap()
    }

    /// The contents of all lobby messages.
    pub fn contents(&mut self) -> Vec<String> {
        self.page(PageStart::End, ALL).messages.into_iter().map(|message| message.content).collect()
    }

    /// All matches in the lobby, which must be the same before and after indexing.
    #[track_caller]
    pub fn search(&mut self, query: &str) -> Vec<String> {
        let found = self.find(query);
        self.index_all();
        assert_eq!(self.find(query), found, "{query:?}: other matches with the index than without");
        found
    }

    /// Indexes all messages.
    pub fn index_all(&mut self) {
        while self.log.index_pending().unwrap() > 0 {}
    }

    /// All matches in the lobby, in the current state of the index.
    pub fn find(&mut self, query: &str) -> Vec<String> {
        let SearchResults { messages, reached_start, .. } =
            self.read.search(RoomId::LOBBY, query, 0, ALL).unwrap();
        assert!(reached_start);
        messages.into_iter().map(|message| message.content).collect()
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut SqliteLog {
        &mut self.log
    }
}

impl Deref for World {
    type Target = SqliteLog;

    fn deref(&self) -> &SqliteLog {
        &self.log
    }
}

/// An id made from a number.
pub fn id(n: u32) -> MessageId {
    MessageId::new(n.into(), [7; 10])
}

/// The proposals that create the account of tom and the room "other".
pub fn beginning() -> [Proposal; 2] {
    let people = [].into();
    let room = Change::CreateRoom {
        room: OTHER,
        kind: RoomKind::Public,
        name: "other".into(),
        topic: "".into(),
        people,
    };
    let at_start = |n: u32, change| Proposal { id: id(u32::MAX - n), sender: TOM, time: NOW, change };
    [at_start(1, Change::CreateAccount { nick: "tom".into(), from: None }), at_start(2, room)]
}

/// A proposal, as many ms after [`NOW`] as its id.
pub fn propose(n: u32, sender: UserId, change: Change) -> Proposal {
    Proposal { id: id(n), sender, time: NOW + i64::from(n), change }
}

/// A message of tom, as many ms after [`NOW`] as its id.
pub fn entry(n: u32, room: RoomId, content: &str) -> Proposal {
    propose(n, TOM, Change::Message { room, content: content.into() })
}

/// The place of an event that was appended.
#[track_caller]
pub fn new(outcome: &Outcome) -> Place {
    match outcome {
        Outcome::Appended(place)
        | Outcome::RoomChanged { place, .. }
        | Outcome::MessageChanged { place, .. }
        | Outcome::MemberChanged { place, .. } => *place,
        other => panic!("not new: {other:?}"),
    }
}
