//! A room in this process, without sockets, threads and disk: what a delivery takes of the server's own code, counted in
//! instructions by valgrind. The same on every machine, but for the compiler's and the C library's version.

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
use parlour_core::{PROTOCOL_VERSION, codec, model::MessageId, wire};
use parlour_server::{
    conn::write_queue::{self, Bounds, Sender, Sink},
    hub::{
        Hub, Recovered, Settings,
        connection_table::{ConnectionId, ConnectionTable},
        output::Output,
    },
    store::{AppendOutcome, Stamp},
};

use crate::measure::{Figures, Setting};

/// The flag with which this program runs a scenario and nothing else: `--scenario JOINED ROUNDS`.
pub const FLAG: &str = "--scenario";

const SOCKETS: u32 = 200;
const SENDERS: u32 = 10;
/// Of the two runs whose difference is counted, so that what is done once is not.
const ROUNDS: (u64, u64) = (20, 120);
/// When it is, Unix ms.
const NOW: i64 = 1_700_000_000_000;

/// Instructions per delivery, of messages that come one by one and of fifty that come together.
pub fn instructions(setting: &Setting, _of: &str) -> Result<Figures> {
    [("one at a time", 1), ("50 together", 50)]
        .into_iter()
        .map(|(name, joined)| {
            let of = |rounds| counted(setting, joined, rounds);
            let messages = (ROUNDS.1 - ROUNDS.0) * u64::from(joined);
            let each = (of(ROUNDS.1)? - of(ROUNDS.0)?) / (messages * u64::from(SOCKETS)) as f64;
            Ok((format!("instructions per delivery, {name}"), each))
        })
        .collect()
}

/// All instructions of a run.
fn counted(setting: &Setting, joined: u32, rounds: u64) -> Result<f64> {
    let out = setting.place.data()?.join("callgrind");
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(std::env::current_exe()?).args([FLAG, &joined.to_string(), &rounds.to_string()]);
    let ran = command
        .stdout(Stdio::null())
        .output()
        .context("valgrind is not there (on Debian: apt install valgrind)")?;
    if !ran.status.success() {
        bail!("valgrind failed: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let text = std::fs::read_to_string(&out).context("valgrind has written nothing")?;
    totals(&text).context("callgrind's file is not as expected")
}

/// What a file of callgrind's says of the whole run.
fn totals(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    line?.split_whitespace().next()?.parse().ok()
}

/// What valgrind runs.
pub fn run_with(joined: &str, rounds: &str) -> Result<()> {
    run(joined.parse()?, rounds.parse()?)
}

fn run(joined: u32, rounds: u64) -> Result<()> {
    let mut room = Room::new();
    // One message is one buffer to each, and so are more of them that come together.
    let least = u64::from(SOCKETS);
    for round in 0..rounds {
        let said = room.round(round, joined);
        if said < least {
            bail!("{said} buffers were delivered in round {round}");
        }
    }
    Ok(())
}

/// The hub, and the queues of its connections.
struct Room {
    hub: Hub,
    queues: ConnectionTable<Sender>,
    written: Arc<Written>,
    seq: u64,
    /// In ms. Rounds are further apart than messages that wait for each other.
    now: u64,
}

/// In the place of the sockets: takes everything, and counts the buffers.
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
            seq: 0,
            now: 0,
        };
        for n in 0..SOCKETS {
            let conn = ConnectionId::new(n, n);
            let bounds = Bounds { bytes: 1 << 20, frames: 1 << 10, grace: Duration::from_secs(1) };
            let sink = Arc::downgrade(&room.written);
            let (queue, _) = write_queue::channel(bounds, sink);
            room.queues.insert(conn, queue);
            room.hub.handle_connect(0, conn);
            let login = wire::Login {
                version: PROTOCOL_VERSION,
                capabilities: vec!["batch".into()],
                ..wire::Login::default()
            };
            let login = codec::encode(&codec::login(&format!("u{n}"), login));
            room.hub.handle_frame(0, NOW, conn, &login);
            room.settle();
        }
        room
    }

    /// So many messages together, from when they come to when they are handed to the system. Gives how many buffers.
    fn round(&mut self, round: u64, joined: u32) -> u64 {
        self.now += 10;
        for n in 0..joined {
            let mut random = [0; 10];
            random[..8].copy_from_slice(&(round << 16 | u64::from(n)).to_be_bytes());
            let talk =
                codec::message("", "", Some(MessageId::new(NOW.unsigned_abs(), random)), &"x".repeat(100));
            let sender = n % SENDERS;
            self.hub.handle_frame(self.now, NOW, ConnectionId::new(sender, sender), &codec::encode(&talk));
        }
        self.settle()
    }

    /// Does what the hub wants, and lets the queues be written. Gives how many buffers.
    fn settle(&mut self) -> u64 {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Fanout { to, frames } => {
                    to.iter().for_each(|conn| self.push(*conn, &frames));
                }
                Output::Send { conn, frames } | Output::Snapshot { conn, frames } => self.push(conn, &frames),
                Output::Append(batch) => {
                    let mut place = || {
                        self.seq += 1;
                        AppendOutcome::Appended(Stamp { seq: self.seq, time: NOW })
                    };
                    let appended = batch.messages.iter().map(|_| place()).collect();
                    self.hub.handle_appended(self.now, NOW, Ok(appended));
                }
                Output::Close { .. } | Output::Read { .. } | Output::Identified { .. } => {}
            }
        }
        self.queues.values_mut().for_each(|queue| queue.flush(true));
        self.written.0.swap(0, Ordering::Relaxed)
    }

    fn push(&mut self, conn: ConnectionId, frames: &bytes::Bytes) {
        if let Some(queue) = self.queues.get_mut(conn) {
            let _ = queue.push(frames.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_comes_to_everybody() {
        let mut room = Room::new();
        // To the sender its acknowledgement besides.
        assert_eq!(room.round(0, 1), u64::from(SOCKETS) + 1);
        assert!(room.round(1, 50) >= u64::from(SOCKETS + SENDERS));
        assert_eq!(room.seq, 51);
        for round in 2..60 {
            assert_eq!(room.round(round, 1), u64::from(SOCKETS) + 1, "{round}");
        }
    }

    #[test]
    fn callgrind_s_sum_is_read() {
        assert_eq!(totals("events: Ir\nfn=(1)\n1 2\n\ntotals: 12345\n"), Some(12345.0));
        assert_eq!(totals("events: Ir\n"), None);
    }
}
