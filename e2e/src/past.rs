//! A log that has much in it already: written by the server's own code, before the server is started.

use std::{fs, path::Path, sync::Arc};

use parlour_core::model::MessageId;
use parlour_server::store::{
    EventLog as _, NewMessage,
    sqlite::{Options, SqliteLog, Synchronous},
};

/// When the first message was said, Unix ms: a Tuesday in November 2023.
const BEGIN: u64 = 1_700_000_000_000;
/// How long after it the next one was.
const APART: u64 = 10_000;
/// So many at once.
const GROUP: u64 = 10_000;

/// Writes so many messages of a few people.
pub fn write(data: &Path, count: u64, text: impl Fn(u64) -> String) {
    fs::create_dir_all(data).expect("the directory for temporary files is writable");
    // Nothing depends on what a loss of power leaves of it.
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    let mut log = SqliteLog::open_with(data, &options).expect("a log can be made");
    let nicks: Vec<Arc<str>> = ["ada", "bo", "cem", "dorothea"].map(Arc::from).into();
    let entry = |n: u64| {
        let time = BEGIN + n * APART;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        // Some say several things in a row.
        let nick = nicks[usize::try_from(n / 3).unwrap_or(0) % nicks.len()].clone();
        let (id, content) = (MessageId::new(time, random), text(n).into());
        NewMessage { id, room: "".into(), nick, content, time: i64::try_from(time).unwrap_or(0) }
    };
    for first in (0..count).step_by(usize::try_from(GROUP).unwrap_or(1)) {
        let entries: Vec<_> = (first..count.min(first + GROUP)).map(entry).collect();
        log.append(&entries, &[]).expect("the log takes them");
    }
}
