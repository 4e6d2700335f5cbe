//! The rooms: who is there, what is accepted, who is told.
//!
//! Sans-IO, as core's session is: connections and frames come in through `handle_*` with the time as an
//! argument, what is to be done comes out of [`Hub::poll_output`], and [`Hub::poll_timeout`] says when
//! [`Hub::handle_timeout`] wants to be called. No socket, no clock, no task is known here.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `frame` | what a frame leads to |
//! | `login` | coming and going |
//! | `talk` | what is said |
//! | `room` | who hears it, and what waits for them |
//! | [`names`] | which names are taken, or look it |
//! | [`sessions`] | who may have a name back |
//! | `roster` | snapshot and changes of who is there |
//! | [`appends`] | what is on its way into the log |
//! | [`tail`], `history` | what was said last; pages of what was said before |
//! | `hold` | what of a sender's is waited for before anything else |
//! | [`admission`] | how fast people are let in |
//! | `slow` | who does not read fast enough |
//! | [`table`] | connections by number |
//! | `refusal` | saying that something had no effect |
//! | [`output`] | what the hub wants done |

pub mod admission;
pub mod appends;
mod conn;
mod frame;
mod history;
mod hold;
mod login;
pub mod names;
pub mod output;
mod refusal;
mod room;
mod roster;
pub mod sessions;
mod slow;
pub mod table;
pub mod tail;
mod talk;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use parlour_core::{
    Millis,
    codec::{self, Envelope, Extension},
    limits::Limits,
    model::MessageId,
    status::Status,
    wire,
};

use self::{
    admission::Admission,
    appends::Appends,
    conn::Conn,
    names::Names,
    output::{Output, Outputs},
    room::Room,
    sessions::Sessions,
    table::{ConnId, Table},
    tail::{TAIL, Tail},
};
use crate::log::{LogError, Page, Read, SessionChange, SessionRecord, Size, Start};

/// What the server can do, as Welcome says.
pub const CAPABILITIES: &[&str] = &["batch", "secret", "durable", "history", "search"];

/// What the hub is told once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's name: in Welcome, and before its words to basic peers. Nobody may take it.
    pub server_name: String,
    /// What is allowed.
    pub limits: Limits,
    /// How often a rich client should send a Ping, in ms.
    pub heartbeat_ms: u32,
    /// How long a connection may take to say who it is, in ms.
    pub login_timeout: Millis,
    /// How long a lost session's secret is good for, in ms.
    pub session_grace: Millis,
    /// How many lost sessions are kept.
    pub sessions_kept: usize,
    /// How long nobody else gets the name of a lost session, in ms.
    pub name_grace: Millis,
    /// How many are let in a second on the long run; 0 for no limit.
    pub logins_per_second: u32,
    /// How many at once.
    pub login_burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server_name: "Parlour".into(),
            limits: Limits::default(),
            heartbeat_ms: 15_000,
            login_timeout: 10_000,
            session_grace: 24 * 3_600_000,
            sessions_kept: 50_000,
            name_grace: 60_000,
            logins_per_second: 2_000,
            login_burst: 4_000,
        }
    }
}

/// What has happened so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Messages accepted.
    pub accepted: u64,
    /// Frames refused.
    pub refused: u64,
    /// Frames of unknown meaning, ignored.
    pub ignored: u64,
}

/// What a log tells a hub that begins.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Names the log.
    pub log: [u8; 16],
    /// The newest part of the lobby.
    pub newest: Page,
    /// The sessions of earlier runs.
    pub sessions: Vec<SessionRecord>,
    /// When it is, Unix ms; 0 on the hub's clock.
    pub unix_ms: i64,
}

impl Recovered {
    /// Reads it.
    ///
    /// # Errors
    /// The log's.
    pub fn read(log: &mut dyn Read, unix_ms: i64) -> Result<Self, LogError> {
        let size = Size { messages: TAIL.0, bytes: TAIL.1 };
        Ok(Self {
            log: log.id()?,
            newest: log.page("", Start::End, size)?,
            sessions: log.sessions()?,
            unix_ms,
        })
    }
}

/// Fills a buffer with randomness.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// The hub.
pub struct Hub {
    settings: Settings,
    random: Random,
    conns: Table<Box<Conn>>,
    names: Names,
    sessions: Sessions,
    lobby: Room,
    /// Names the log that sequence numbers belong to.
    log: [u8; 16],
    appends: Appends,
    /// Questions to the log that are not answered, by number: who asked, and their own number for it.
    questions: HashMap<u64, (ConnId, u32)>,
    asked: u64,
    admission: Admission,
    /// Messages that are waited for before anything else of their sender is taken, and where.
    holds: HashMap<MessageId, ConnId>,
    /// Names that are kept for their owners, with the time until then; oldest first.
    reserved: VecDeque<(Millis, Arc<str>)>,
    /// Connections opened so far.
    opened: u64,
    /// Who has not said who they are, with the time by which they must; oldest first.
    strangers: VecDeque<(Millis, ConnId)>,
    /// Who is not told what is said, with the time by which they must have caught up; oldest first.
    slow: VecDeque<(Millis, ConnId)>,
    /// How many are there under a name.
    members: usize,
    out: Outputs,
    now: Millis,
    unix_ms: i64,
    counters: Counters,
    stopping: Stopping,
}

/// How far the server is with stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    /// Nothing new is taken; what is on its way into the log is still waited for. With when to come back, in ms.
    Soon(u32),
    Done,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("members", &self.members()).finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub with nobody there, that goes on from what the log has. `random` is asked for secrets and for the ids of
    /// basic peers' messages.
    #[must_use]
    pub fn new(settings: Settings, random: Random, recovered: &Recovered) -> Self {
        let mut names = Names::default();
        names.insert(&Arc::from(settings.server_name.as_str()), None);
        let mut hub = Self {
            random,
            conns: Table::default(),
            names,
            sessions: Sessions::new(settings.session_grace, settings.sessions_kept),
            lobby: Room::new(Tail::new(&recovered.newest)),
            log: recovered.log,
            appends: Appends::default(),
            questions: HashMap::new(),
            asked: 0,
            holds: HashMap::new(),
            admission: Admission::new(settings.logins_per_second, settings.login_burst),
            reserved: VecDeque::new(),
            opened: 0,
            strangers: VecDeque::new(),
            slow: VecDeque::new(),
            members: 0,
            out: Outputs::default(),
            now: 0,
            unix_ms: recovered.unix_ms,
            counters: Counters::default(),
            stopping: Stopping::No,
            settings,
        };
        let restored = hub.sessions.restore(0, recovered.unix_ms, &recovered.sessions);
        for (nick, age) in restored {
            if age < hub.settings.name_grace && hub.names.check(&nick).is_ok() {
                let key = hub.names.insert(&nick, None);
                hub.reserved.push_back((hub.settings.name_grace - age, key));
            }
        }
        hub
    }

    /// How many are there under a name.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// A connection was opened.
    pub fn handle_connect(&mut self, now: Millis, conn: ConnId) {
        self.now = now;
        if self.stopping != Stopping::No {
            return self.out.put(Output::Close { conn, status: Status::ShuttingDown });
        }
        self.opened += 1;
        self.conns.insert(conn, Box::new(Conn::new(now, self.opened, &self.settings.limits)));
        self.strangers.push_back((now + self.settings.login_timeout, conn));
    }

    /// A WebSocket message came in. One of a connection the hub has closed is ignored.
    pub fn handle_frame(&mut self, now: Millis, unix_ms: i64, conn: ConnId, bytes: &[u8]) {
        self.now = now;
        self.unix_ms = unix_ms;
        // What comes while the server stops is not taken; who sent it has it still.
        if self.conns.get(conn).is_none() || self.stopping != Stopping::No {
            return;
        }
        match codec::decode_rich(bytes) {
            Ok(frames) => {
                for frame in frames {
                    self.frame(conn, frame);
                }
            }
            Err(_) => self.reject(conn, Status::BadFrame, None),
        }
    }

    /// A connection is gone, whatever the reason. One the hub has closed is gone already.
    pub fn handle_disconnect(&mut self, now: Millis, conn: ConnId) {
        self.now = now;
        self.forget(conn, true);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis, unix_ms: i64) {
        self.now = now;
        self.unix_ms = unix_ms;
        while let Some((deadline, conn)) = self.strangers.front().copied()
            && deadline <= now
        {
            self.strangers.pop_front();
            if self.conns.get(conn).is_some_and(|c| c.peer.is_none()) {
                self.close(conn, Status::LoginTimeout);
            }
        }
        self.give_up_slow();
        while let Some((_, key)) = self.reserved.pop_front_if(|(until, _)| *until <= now) {
            // Its owner may be back, and lost again: then another entry counts.
            if !self.reserved.iter().any(|(_, other)| *other == key) {
                self.names.release(&key);
            }
        }
        while let Some(hash) = self.sessions.expire(now) {
            self.appends.session(SessionChange::End(hash));
        }
    }

    /// The server stops: what is on its way into the log is still waited for, then everybody is told, and closed.
    /// `retry_after_ms` is when to come back.
    pub fn handle_shutdown(&mut self, now: Millis, retry_after_ms: u32) {
        self.now = now;
        self.stopping = Stopping::Soon(retry_after_ms);
    }

    /// Everything that was taken is said.
    fn stop(&mut self, retry_after_ms: u32) {
        self.lobby.flush_talk(&mut self.out);
        let goodbye = codec::extension("", Extension::GoingAway(wire::GoingAway { retry_after_ms }));
        let all: Vec<_> = self.conns.iter().map(|(conn, c)| (conn, c.is_basic(), c.peer.is_some())).collect();
        for (conn, basic, known) in all {
            if known && !basic {
                self.out.send(conn, &goodbye);
            }
            self.conns.remove(conn);
            let status = if basic { Status::GoingAway } else { Status::ShuttingDown };
            self.out.put(Output::Close { conn, status });
        }
        self.lobby.clear();
        self.members = 0;
        self.stopping = Stopping::Done;
    }

    /// What is to be done next. To be asked until there is nothing; messages that came in between two rounds
    /// of asking are delivered together, and in a busy room those of 5 ms.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.out.pop() {
            return Some(output);
        }
        if let Some(batch) = self.appends.take() {
            return Some(Output::Append(batch));
        }
        if let Stopping::Soon(retry_after_ms) = self.stopping
            && self.appends.is_empty()
        {
            self.stop(retry_after_ms);
        }
        self.ask_in_doubt();
        self.lobby.tell_talk(self.now, &mut self.out);
        if self.lobby.changes_due().is_some_and(|due| due <= self.now) {
            self.lobby.tell_changes(self.now, self.unix_ms, &mut self.out);
        }
        if self.lobby.list_due().is_some_and(|due| due <= self.now) {
            self.lobby.tell_basic(self.now, Envelope::default(), &self.names, &mut self.out);
        }
        self.out.pop()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next, however much comes in before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        let stranger = self.strangers.front().map(|(deadline, _)| *deadline);
        let slow = self.slow.front().map(|(deadline, _)| *deadline);
        let reserved = self.reserved.front().map(|(until, _)| *until);
        let doubt = self.appends.doubt_due();
        let lobby = [self.lobby.talk_due(), self.lobby.changes_due(), self.lobby.list_due()];
        [stranger, slow, reserved, doubt].into_iter().chain(lobby).flatten().min()
    }
}
