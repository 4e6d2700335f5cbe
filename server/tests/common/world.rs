//! A hub without sockets, under a clock of the test's own.

use std::collections::BTreeMap;

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    status::Status,
    wire,
};
use parlour_server::{
    hub::{Hub, Recovered, Settings, output::Output, table::ConnId},
    log::{
        Log, LogError, Read,
        sqlite::{Options, SqliteLog, Synchronous},
    },
};

use super::Dir;

/// When it is, at the start: Unix ms.
pub const START: i64 = 1_700_000_000_000;

/// The hub and what it said to whom.
pub struct World {
    pub hub: Hub,
    pub now: u64,
    /// When the hub was started.
    started: u64,
    opened: u32,
    peers: BTreeMap<u32, Heard>,
    settings: Settings,
    log: SqliteLog,
    reader: Box<dyn Read>,
    /// The log fails with this, if it is set.
    pub failing: Option<LogError>,
    /// And has done what it was asked to do when it fails.
    pub takes_all_the_same: bool,
    /// The log answers nothing before it is told to.
    pub holding: bool,
    held: Vec<Output>,
    _dir: Dir,
}

/// What one connection was told.
#[derive(Debug, Default)]
pub struct Heard {
    pub frames: Vec<Envelope>,
    /// How many WebSocket messages that were.
    pub messages: usize,
    pub closed: Option<Status>,
}

/// A connection of the world.
pub type Conn = u32;

/// A hub that draws numbers, from `first` on.
fn hub(settings: &Settings, log: &mut dyn Read, unix_ms: i64, first: u32) -> Hub {
    let mut n = first;
    let random = Box::new(move |buffer: &mut [u8]| {
        buffer.fill(0);
        buffer[..4].copy_from_slice(&n.to_be_bytes());
        n += 1;
    });
    Hub::new(settings.clone(), random, &Recovered::read(log, unix_ms).unwrap())
}

fn id(conn: Conn) -> ConnId {
    ConnId::new(conn, conn)
}

impl World {
    pub fn new(settings: Settings) -> Self {
        let dir = Dir::new();
        let options = Options { synchronous: Synchronous::Off, ..Options::default() };
        let log = SqliteLog::open_with(dir.path(), &options).unwrap();
        let mut reader = log.reader().unwrap();
        Self {
            hub: hub(&settings, &mut *reader, START, 1),
            now: 0,
            started: 0,
            opened: 0,
            peers: BTreeMap::new(),
            settings,
            log,
            reader,
            failing: None,
            takes_all_the_same: false,
            holding: false,
            held: Vec::new(),
            _dir: dir,
        }
    }

    /// The server is killed, and started again on the same log. Time stands still.
    pub fn restart(&mut self) {
        self.held.clear();
        let unix = self.unix();
        self.hub = hub(&self.settings, &mut *self.reader, unix, self.opened + 100);
        self.started = self.now;
    }

    /// The log does what it was asked to do meanwhile.
    pub fn release(&mut self) {
        self.holding = false;
        for output in std::mem::take(&mut self.held) {
            self.log(output);
        }
        self.settle();
    }

    fn log(&mut self, output: Output) {
        match output {
            Output::Append(job) => {
                let result = match &self.failing {
                    Some(error) => {
                        if self.takes_all_the_same {
                            self.log.append(&job.entries, &job.sessions).unwrap();
                        }
                        Err(error.clone())
                    }
                    None => self.log.append(&job.entries, &job.sessions),
                };
                self.hub.handle_appended(self.mono(), self.unix(), result);
            }
            Output::Read { token, query } => {
                self.hub.handle_read(self.mono(), token, self.reader.answer(&query))
            }
            _ => unreachable!("nothing else is for the log"),
        }
    }

    pub fn unix(&self) -> i64 {
        START + self.now as i64
    }

    /// On the hub's clock.
    fn mono(&self) -> u64 {
        self.now - self.started
    }

    pub fn connect(&mut self) -> Conn {
        self.opened += 1;
        self.peers.insert(self.opened, Heard::default());
        self.hub.handle_connect(self.mono(), id(self.opened));
        self.opened
    }

    /// A frame without asking what came of it.
    pub fn give(&mut self, conn: Conn, frame: &Envelope) {
        self.bytes(conn, &codec::encode(frame));
    }

    pub fn bytes(&mut self, conn: Conn, bytes: &[u8]) {
        self.hub.handle_frame(self.mono(), self.unix(), id(conn), bytes);
    }

    pub fn send(&mut self, conn: Conn, frame: &Envelope) {
        self.give(conn, frame);
        self.settle();
    }

    pub fn extension(&mut self, conn: Conn, extension: Extension) {
        self.send(conn, &codec::extension("", extension));
    }

    pub fn lose(&mut self, conn: Conn) {
        self.hub.handle_disconnect(self.mono(), id(conn));
        self.settle();
    }

    /// Lets time pass, waking the hub when it wants to be.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.hub.poll_timeout().map(|at| at + self.started).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.hub.handle_timeout(self.mono(), self.unix());
            self.settle();
            assert!(self.hub.poll_timeout().is_none_or(|next| next > self.mono()), "a deadline that stays");
        }
        self.now = end;
        self.hub.handle_timeout(self.mono(), self.unix());
        self.settle();
    }

    /// Does what the hub wants.
    pub fn settle(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { conn, frames } | Output::Snapshot { conn, frames } => self.hear(conn, &frames),
                Output::Fanout { to, frames } => to.iter().for_each(|conn| self.hear(*conn, &frames)),
                Output::Close { conn, status } => {
                    let heard = self.heard_by(conn);
                    assert_eq!(heard.closed, None, "closed twice");
                    heard.closed = Some(status);
                }
                Output::Known { .. } => {}
                Output::Append(_) | Output::Read { .. } if self.holding => self.held.push(output),
                Output::Append(_) | Output::Read { .. } => self.log(output),
            }
        }
    }

    fn heard_by(&mut self, conn: ConnId) -> &mut Heard {
        let conn: u32 = conn.to_string().parse().unwrap();
        self.peers.get_mut(&conn).unwrap()
    }

    fn hear(&mut self, conn: ConnId, frames: &Bytes) {
        let heard = self.heard_by(conn);
        assert_eq!(heard.closed, None, "told something after the Close");
        for message in messages(frames) {
            heard.messages += 1;
            heard.frames.extend(codec::decode_rich(&message).unwrap());
        }
    }

    pub fn heard(&self, conn: Conn) -> &Heard {
        &self.peers[&conn]
    }

    /// Forgets what a connection was told so far.
    pub fn clear(&mut self, conn: Conn) {
        self.peers.insert(conn, Heard::default());
    }

    /// A rich peer that has logged in, and the secret it got.
    pub fn rich(&mut self, nick: &str) -> Conn {
        let conn = self.connect();
        self.login(conn, nick, &[], &[]);
        assert!(self.heard(conn).welcome().is_some(), "{nick}: {:?}", self.heard(conn));
        conn
    }

    /// A basic peer that has greeted.
    pub fn basic(&mut self, nick: &str) -> Conn {
        let conn = self.connect();
        self.send(conn, &codec::message(nick, "", None, ""));
        assert_eq!(self.heard(conn).closed, None, "{nick}");
        conn
    }

    pub fn login(&mut self, conn: Conn, nick: &str, secret: &[u8], capabilities: &[&str]) {
        let login = wire::Login {
            version: 1,
            secret: secret.to_vec(),
            capabilities: capabilities.iter().map(|&c| c.into()).collect(),
            ..wire::Login::default()
        };
        self.send(conn, &codec::login(nick, login));
    }

    /// A rich peer that knows of history, with what it knows; the frames of its login.
    pub fn returning(&mut self, nick: &str, secret: &[u8], log: &[u8], position: Option<u64>) -> Conn {
        let conn = self.connect();
        let positions = position.map(|seq| wire::RoomPosition { room: String::new(), seq });
        let login = wire::Login {
            version: 1,
            secret: secret.to_vec(),
            capabilities: vec!["batch".into(), "history".into()],
            log: log.to_vec(),
            positions: positions.into_iter().collect(),
            ..wire::Login::default()
        };
        self.send(conn, &codec::login(nick, login));
        conn
    }

    /// A rich peer says something under an id.
    pub fn say(&mut self, conn: Conn, id: u8, content: &str) {
        self.send(conn, &talk(id, content));
    }
}

/// A message of a rich peer.
pub fn talk(id: u8, content: &str) -> Envelope {
    codec::message("", "", Some(MessageId([id; 16])), content)
}

impl Heard {
    pub fn extensions(&self) -> impl Iterator<Item = &Extension> {
        self.frames.iter().filter_map(|f| f.extension.as_ref())
    }

    pub fn welcome(&self) -> Option<&wire::Welcome> {
        self.extensions().find_map(|e| match e {
            Extension::Welcome(welcome) => Some(welcome),
            _ => None,
        })
    }

    pub fn talks(&self) -> Vec<(&str, &str)> {
        let talks = self.frames.iter().filter(|f| f.extension.is_none() && f.r#type == codec::TALK);
        talks.map(|f| (f.user_name.as_str(), f.content.as_str())).collect()
    }

    pub fn accepted(&self) -> Vec<&wire::Accepted> {
        let acks = self.extensions().filter_map(|e| match e {
            Extension::Ack(ack) => Some(&ack.accepted),
            _ => None,
        });
        acks.flatten().collect()
    }

    pub fn pages(&self) -> Vec<&wire::HistoryPage> {
        let pages = self.extensions().filter_map(|e| match e {
            Extension::HistoryPage(page) => Some(page),
            _ => None,
        });
        pages.collect()
    }

    /// What the pages say they hold, and what is in them.
    pub fn history(&self) -> Vec<(u64, u64, Vec<String>)> {
        let content = |bytes: &Bytes| codec::decode(bytes).unwrap().content;
        self.pages().iter().map(|p| (p.from, p.to, p.frames.iter().map(content).collect())).collect()
    }

    pub fn refusals(&self) -> Vec<&wire::Refusal> {
        let refusals = self.extensions().filter_map(|e| match e {
            Extension::Refusal(refusal) => Some(refusal),
            _ => None,
        });
        refusals.collect()
    }

    pub fn codes(&self) -> Vec<u32> {
        self.refusals().iter().map(|r| r.code).collect()
    }

    /// Who came (`+`) and went (`-`).
    pub fn presence(&self) -> Vec<String> {
        let changes = self.extensions().filter_map(|e| match e {
            Extension::Presence(presence) => Some(&presence.changes),
            _ => None,
        });
        let sign = |m: &wire::Member| if m.state == 0 { '-' } else { '+' };
        changes.flatten().map(|m| format!("{}{}", sign(m), m.nick)).collect()
    }

    pub fn rosters(&self) -> Vec<&wire::Roster> {
        let rosters = self.extensions().filter_map(|e| match e {
            Extension::Roster(roster) => Some(roster),
            _ => None,
        });
        rosters.collect()
    }

    pub fn roster(&self) -> Vec<&str> {
        self.rosters().iter().flat_map(|r| &r.members).map(|m| m.nick.as_str()).collect()
    }

    /// The last list a basic peer was told.
    pub fn list(&self) -> Vec<&str> {
        let list = self.frames.iter().rev().find(|f| !f.user_list.is_empty());
        list.map(|f| f.user_list.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The departures a basic peer was told.
    pub fn exits(&self) -> Vec<&str> {
        self.frames.iter().filter(|f| f.r#type == codec::EXIT).map(|f| f.user_name.as_str()).collect()
    }
}

/// The payloads of a server's WebSocket frames.
fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while let [0x82, second, rest @ ..] = bytes {
        let (len, rest) = match second {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            n => (usize::from(*n), rest),
        };
        out.push(rest[..len].to_vec());
        bytes = &rest[len..];
    }
    assert!(bytes.is_empty(), "only whole Binary frames");
    out
}
