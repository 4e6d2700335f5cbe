//! Fills a message log before the server starts, using the server's own store.

use std::{fs, path::Path};

use parlour_core::model::{MessageId, RoomId, UserId};
use parlour_server::store::{
    Change, EventLog as _, Proposal,
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
    let senders = ["ada", "bo", "cem", "dorothea"];
    let account = |n: u8| UserId([n + 1; 16]);
    let accounts: Vec<_> = (0..)
        .zip(senders)
        .map(|(n, nick)| {
            let change = Change::CreateAccount { nick: nick.into(), from: None };
            Proposal { id: MessageId([n; 16]), sender: account(n), time: 0, change }
        })
        .collect();
    log.append(&accounts, &[]).expect("create the senders");
    let message = |n: u64| {
        let time = FIRST_MESSAGE_UNIX_MS + n * INTERVAL_MS;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        // Three messages in a row from each sender.
        let sender = account(u8::try_from(n / 3 % senders.len() as u64).unwrap_or(0));
        let change = Change::Message { room: RoomId::LOBBY, content: text(n).into() };
        Proposal { id: MessageId::new(time, random), sender, time: i64::try_from(time).unwrap_or(0), change }
    };
    for first in (0..count).step_by(usize::try_from(BATCH_MESSAGES).unwrap_or(1)) {
        let proposals: Vec<_> = (first..count.min(first + BATCH_MESSAGES)).map(message).collect();
        log.append(&proposals, &[]).expect("append to the message log");
    }
}
