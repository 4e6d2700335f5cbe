//! Fills a message log before the server starts, using the server's own store.

use std::{fs, path::Path, sync::Arc};

use parlour_core::model::MessageId;
use parlour_server::store::{
    EventLog as _, NewMessage,
    sqlite::{Options, SqliteLog, Synchronous},
};

/// Time of the first message, in Unix ms: a Tuesday in November 2023.
const FIRST_MESSAGE_UNIX_MS: u64 = 1_700_000_000_000;
/// Time between two messages, in ms.
const INTERVAL_MS: u64 = 10_000;
/// Messages per transaction.
const BATCH_MESSAGES: u64 = 10_000;

/// Writes `count` messages from four senders.
pub fn write(data: &Path, count: u64, text: impl Fn(u64) -> String) {
    fs::create_dir_all(data).expect("create the data folder");
    // The log need not survive a power failure.
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    let mut log = SqliteLog::open_with(data, &options).expect("create a message log");
    let nicks: Vec<Arc<str>> = ["ada", "bo", "cem", "dorothea"].map(Arc::from).into();
    let entry = |n: u64| {
        let time = FIRST_MESSAGE_UNIX_MS + n * INTERVAL_MS;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        // Three messages in a row from each sender.
        let nick = nicks[usize::try_from(n / 3).unwrap_or(0) % nicks.len()].clone();
        let (id, content) = (MessageId::new(time, random), text(n).into());
        NewMessage { id, room: "".into(), nick, content, time: i64::try_from(time).unwrap_or(0) }
    };
    for first in (0..count).step_by(usize::try_from(BATCH_MESSAGES).unwrap_or(1)) {
        let entries: Vec<_> = (first..count.min(first + BATCH_MESSAGES)).map(entry).collect();
        log.append(&entries, &[]).expect("append to the message log");
    }
}
