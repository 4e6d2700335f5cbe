//! Fills a message log before the server starts, using the server's own store.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use parlour_core::model::{MessageId, RoomId};
use parlour_server::store::{
    Change, EventLog as _, Proposal,
    sqlite::{NAME, Options, SqliteLog, Synchronous},
};

use super::{peers::Preloaded, schedule, setting::Setting};
use crate::rooms::{VERSION, account, accounts};

/// Messages in one transaction.
const BATCH_MESSAGES: u64 = 10_000;
/// Time of the first message in Unix ms, and the interval; a million messages span some months.
const FIRST_MESSAGE_UNIX_MS: u64 = 1_760_000_000_000;
const INTERVAL_MS: u64 = 10_000;
/// Number of senders.
const SENDERS: u64 = 20;

/// Puts a room with marks from 0 on into an empty data folder. The room is cached for later runs.
pub fn room(setting: &Setting, preloaded: Preloaded, data: &Path) -> Result<()> {
    let Preloaded(count @ 1..) = preloaded else { return Ok(()) };
    let cached = setting.paths.out.join("rooms").join(format!("{count}-for-pages-v{VERSION}"));
    if !cached.join("whole").is_file() {
        eprintln!("  creating a room of {count} messages");
        let _ = fs::remove_dir_all(&cached);
        fs::create_dir_all(&cached).context("cannot write target/bench")?;
        fill(&cached, count)?;
        fs::write(cached.join("whole"), "")?;
    }
    fs::copy(cached.join(NAME), data.join(NAME)).context("cannot copy the room")?;
    Ok(())
}

/// Creates a message log in a single file.
fn fill(dir: &Path, count: u64) -> Result<()> {
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    let mut log = SqliteLog::open_with(dir, &options)?;
    log.append(&accounts(SENDERS, "member", FIRST_MESSAGE_UNIX_MS.cast_signed()), &[])?;
    for first in (0..count).step_by(BATCH_MESSAGES as usize) {
        let proposals: Vec<_> = (first..count.min(first + BATCH_MESSAGES)).map(message).collect();
        log.append(&proposals, &[])?;
    }
    while log.index_pending()? > 0 {}
    Ok(())
}

fn message(n: u64) -> Proposal {
    let time = FIRST_MESSAGE_UNIX_MS + n * INTERVAL_MS;
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    let content = schedule::text(n, 40 + n as usize * 37 % 120).into();
    Proposal {
        id: MessageId::new(time, random),
        // Three messages in a row from each sender.
        sender: account(n / 3 % SENDERS),
        time: time as i64,
        change: Change::Message { room: RoomId::LOBBY, content },
    }
}

/// The number of messages in a data folder's log.
pub fn count(data: &Path) -> Result<u64> {
    let log = SqliteLog::open_with(data, &Options { read_only: true, ..Options::default() })?;
    Ok(log.reader()?.room(RoomId::LOBBY)?.map_or(0, |lobby| lobby.head_ord + 1 - lobby.first_ord))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_has_the_requested_number_of_messages() {
        let dir = std::env::temp_dir().join(format!("parlour-bench-seed-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fill(&dir, BATCH_MESSAGES + 1).unwrap();
        assert_eq!(count(&dir).unwrap(), BATCH_MESSAGES + 1);
        fs::remove_dir_all(dir).unwrap();
    }
}
