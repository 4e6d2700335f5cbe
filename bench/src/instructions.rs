//! Instructions per delivery of the server's own code, counted by valgrind in a process without sockets, threads and disk.
//! The result is the same on every machine with the same compiler and C library.

use std::{
    io::{self, IoSlice},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use parlour_core::{
    PROTOCOL_VERSION, codec,
    model::{MessageId, Role, RoomId, RoomKind},
    status::Status,
    wire,
};
use parlour_server::{
    conn::write_queue::{self, Bounds, Sender, Sink},
    hub::{
        Hub, Recovered, Settings,
        connection_table::{ConnectionId, ConnectionTable},
        output::Output,
    },
    store::{
        self, Change, HistoryPage, Outcome, Place, Proposal, Query, RoomResult, RoomRow, RoomRows,
        room_query::{RoomQuery, Window, WindowContent},
    },
};

use crate::measure::{Figures, Setting};

/// The flag that makes this program run only the scenario: `--scenario BATCHED ROUNDS`.
pub const FLAG: &str = "--scenario";

const SOCKETS: u32 = 200;
const SENDERS: u32 = 10;
/// Rounds of two runs; their difference excludes the cost of the set-up.
const ROUNDS: (u64, u64) = (20, 120);
/// The time in Unix ms.
const NOW: i64 = 1_700_000_000_000;

/// Measures instructions per delivery: for single messages, and for fifty messages batched.
pub fn instructions(setting: &Setting, _of: &str) -> Result<Figures> {
    [("one at a time", 1), ("50 together", 50)]
        .into_iter()
        .map(|(name, batched)| {
            let of = |rounds| count_instructions(setting, batched, rounds);
            let messages = (ROUNDS.1 - ROUNDS.0) * u64::from(batched);
            let each = (of(ROUNDS.1)? - of(ROUNDS.0)?) / (messages * u64::from(SOCKETS)) as f64;
            Ok((format!("instructions per delivery, {name}"), each))
        })
        .collect()
}

/// The number of instructions of a whole run.
fn count_instructions(setting: &Setting, batched: u32, rounds: u64) -> Result<f64> {
    let out = setting.paths.data()?.join("callgrind");
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(std::env::current_exe()?).args([FLAG, &batched.to_string(), &rounds.to_string()]);
    let ran = command
        .stdout(Stdio::null())
        .output()
        .context("valgrind is not installed (on Debian: apt install valgrind)")?;
    if !ran.status.success() {
        bail!("valgrind failed: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let text = std::fs::read_to_string(&out).context("valgrind has written no output")?;
    parse_total(&text).context("callgrind's file is not as expected")
}

/// Parses the total from a callgrind file.
fn parse_total(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    line?.split_whitespace().next()?.parse().ok()
}

/// Runs the scenario; called in the process under valgrind.
pub fn run_with(batched: &str, rounds: &str) -> Result<()> {
    run(batched.parse()?, rounds.parse()?)
}

fn run(batched: u32, rounds: u64) -> Result<()> {
    let mut room = Room::new();
    // Each connection receives one buffer for a message or a batch.
    let least = u64::from(SOCKETS);
    for round in 0..rounds {
        let delivered = room.round(round, batched);
        if delivered < least {
            bail!("{delivered} buffers were delivered in round {round}");
        }
    }
    Ok(())
}

/// The hub and the write queues of its connections.
struct Room {
    hub: Hub,
    queues: ConnectionTable<Sender>,
    written: Arc<Written>,
    ord: u64,
    /// The current time in ms. Rounds are further apart than the time for which messages are batched.
    now: u64,
}

/// Replaces the sockets: accepts everything, and counts buffers.
#[derive(Debug, Default)]
struct Written(AtomicU64);

impl Sink for Written {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.fetch_add(buffers.len() as u64, Ordering::Relaxed);
        Ok(buffers.iter().map(|buffer| buffer.len()).sum())
    }
}

impl Room {
    fn new() -> Self {
        let mut settings = Settings { logins_per_second: 0, ..Settings::default() };
        settings.limits.messages_per_minute = 0;
        let mut n = 0_u64;
        let random = Box::new(move |buffer: &mut [u8]| {
            n += 1;
            buffer.fill(0);
            let len = buffer.len().min(8);
            buffer[..len].copy_from_slice(&n.to_be_bytes()[..len]);
        });
        let mut room = Self {
            hub: Hub::new(settings, random, &Recovered { unix_ms: NOW, ..Recovered::default() }),
            queues: ConnectionTable::default(),
            written: Arc::default(),
            ord: 0,
            now: 0,
        };
        for n in 0..SOCKETS {
            let conn = ConnectionId::new(n, n);
            let bounds = Bounds { bytes: 1 << 20, frames: 1 << 10, grace: Duration::from_secs(1) };
            let sink = Arc::downgrade(&room.written);
            let (queue, _) = write_queue::channel(bounds, sink);
            room.queues.insert(conn, queue);
            room.hub.handle_connect(0, conn, [127, 0, 0, 1].into());
            let login = wire::Login {
                version: PROTOCOL_VERSION,
                capabilities: vec!["batch".into(), "rooms".into()],
                ..wire::Login::default()
            };
            let login = codec::encode(&codec::login(&format!("u{n}"), login));
            room.hub.handle_frame(0, NOW, conn, &login);
            room.settle();
        }
        // Everybody's arrival is published before the first round.
        room.now += 1_000;
        room.hub.handle_timeout(room.now, NOW);
        room.settle();
        room
    }

    /// Processes `batched` messages from receiving to writing. Returns the number of buffers written.
    fn round(&mut self, round: u64, batched: u32) -> u64 {
        self.now += 10;
        for n in 0..batched {
            let mut random = [0; 10];
            random[..8].copy_from_slice(&(round << 16 | u64::from(n)).to_be_bytes());
            let talk = codec::message("", Some(MessageId::new(NOW.unsigned_abs(), random)), &"x".repeat(100));
            let sender = n % SENDERS;
            self.hub.handle_frame(self.now, NOW, ConnectionId::new(sender, sender), &codec::encode(&talk));
        }
        self.settle()
    }

    /// Processes all output of the hub and writes the queues. Returns the number of buffers written.
    fn settle(&mut self) -> u64 {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Fanout { to, frames } => {
                    to.iter().for_each(|conn| self.push(*conn, &frames));
                }
                Output::Send { conn, frames } => self.push(conn, &frames),
                Output::Append(batch) => {
                    let mut outcome = |proposal: &Proposal| {
                        let is_message = matches!(proposal.change, Change::Message { .. });
                        self.ord += u64::from(is_message);
                        let ord = if is_message { self.ord } else { 0 };
                        Outcome::Appended(Place { seq: ord, ord, time: NOW })
                    };
                    let appended = batch.proposals.iter().map(&mut outcome).collect();
                    self.hub.handle_appended(self.now, NOW, Ok(appended));
                }
                Output::Read { token, query } => {
                    self.hub.handle_read(self.now, token, Ok(read(&query)));
                }
                Output::Close { .. } | Output::CancelRead { .. } | Output::Identified { .. } => {}
            }
        }
        self.queues.iter_mut().for_each(|(_, queue)| queue.flush(true));
        self.written.0.swap(0, Ordering::Relaxed)
    }

    fn push(&mut self, conn: ConnectionId, frames: &bytes::Bytes) {
        if let Some(queue) = self.queues.get_mut(conn) {
            let _ = queue.push(frames.clone());
        }
    }
}

/// The list of an account that is only in the lobby, which is empty.
fn read(query: &Query) -> RoomResult {
    let RoomQuery::Login { .. } = query.query else {
        return RoomResult::Refused(Status::Internal);
    };
    let room = store::Room {
        room: RoomId::LOBBY,
        kind: RoomKind::Lobby,
        name: String::new(),
        topic: String::new(),
        archived: false,
        head_seq: 0,
        head_ord: 0,
        first_ord: 1,
        active: 0,
        members: 0,
    };
    let row = RoomRow {
        room,
        handle: 0,
        role: Role::Member,
        read_ord: 0,
        cursor_version: 0,
        muted: false,
        people: Vec::new(),
    };
    let content = WindowContent::Page(HistoryPage { first_ord: 1, ..HistoryPage::default() });
    let window = Window { row: row.clone(), content, seq: 0, renamed: Vec::new() };
    let rows = RoomRows { rows: vec![row], version: 1 };
    RoomResult::Login(Box::new((rows, None, Some(window))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_delivered_to_every_connection() {
        let mut room = Room::new();
        // One more buffer for the sender's acknowledgement.
        assert_eq!(room.round(0, 1), u64::from(SOCKETS) + 1);
        assert!(room.round(1, 50) >= u64::from(SOCKETS + SENDERS));
        assert_eq!(room.ord, 51);
        for round in 2..60 {
            assert_eq!(room.round(round, 1), u64::from(SOCKETS) + 1, "{round}");
        }
    }

    #[test]
    fn callgrind_total_is_parsed() {
        assert_eq!(parse_total("events: Ir\nfn=(1)\n1 2\n\ntotals: 12345\n"), Some(12345.0));
        assert_eq!(parse_total("events: Ir\n"), None);
    }
}
