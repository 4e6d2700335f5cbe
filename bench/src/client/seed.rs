//! A room that has much in it: put into the log before the server starts, by the server's own code.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result};
use parlour_core::model::MessageId;
use parlour_server::store::{
    EventLog as _, NewMessage,
    sqlite::{NAME, Options, SqliteLog, Synchronous},
};

use super::{pace, peers::Held, setting::Setting};
use crate::rooms::VERSION;

/// So many in a transaction.
const GROUP: u64 = 10_000;
/// When the first was said, Unix ms, and how long after it the next: a million are some months.
const BEGIN: u64 = 1_760_000_000_000;
const APART: u64 = 10_000;

/// Puts a room with marks from 0 on into a data directory that is empty. What was made once is kept for the next time.
pub fn room(setting: &Setting, held: Held, data: &Path) -> Result<()> {
    let Held(count @ 1..) = held else { return Ok(()) };
    let made = setting.place.out.join("rooms").join(format!("{count}-for-pages-v{VERSION}"));
    if !made.join("whole").is_file() {
        eprintln!("  making a room of {count} messages");
        let _ = fs::remove_dir_all(&made);
        fs::create_dir_all(&made).context("target/bench cannot be written")?;
        fill(&made, count)?;
        fs::write(made.join("whole"), "")?;
    }
    fs::copy(made.join(NAME), data.join(NAME)).context("the room cannot be copied")?;
    Ok(())
}

/// The log is whole in its one file when this is over.
fn fill(dir: &Path, count: u64) -> Result<()> {
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    let mut log = SqliteLog::open_with(dir, &options)?;
    let nicks: Vec<Arc<str>> = (0..20).map(|n| Arc::from(format!("member{n}"))).collect();
    let room: Arc<str> = Arc::from("");
    for first in (0..count).step_by(GROUP as usize) {
        let entries: Vec<_> = (first..count.min(first + GROUP)).map(|n| entry(n, &room, &nicks)).collect();
        log.append(&entries, &[])?;
    }
    while log.index_pending()? > 0 {}
    Ok(())
}

fn entry(n: u64, room: &Arc<str>, nicks: &[Arc<str>]) -> NewMessage {
    let time = BEGIN + n * APART;
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    NewMessage {
        id: MessageId::new(time, random),
        room: room.clone(),
        // Some say several things in a row.
        nick: nicks[(n / 3) as usize % nicks.len()].clone(),
        content: Arc::from(pace::text(n, 40 + n as usize * 37 % 120)),
        time: time as i64,
    }
}

/// How many messages a data directory's log has.
pub fn count(data: &Path) -> Result<u64> {
    let log = SqliteLog::open_with(data, &Options { read_only: true, ..Options::default() })?;
    Ok(log.reader()?.rooms()?.iter().map(|room| room.messages).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_as_large_as_asked() {
        let dir = std::env::temp_dir().join(format!("parlour-bench-seed-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fill(&dir, GROUP + 1).unwrap();
        assert_eq!(count(&dir).unwrap(), GROUP + 1);
        fs::remove_dir_all(dir).unwrap();
    }
}
