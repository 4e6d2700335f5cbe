//! What a disk allows: the same messages without a server, on one thread.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rusqlite::Connection;

/// What a message of 100 bytes is with its id, number, time and name.
const RECORD: usize = 150;

/// What a disk did.
#[derive(Debug)]
pub struct Done {
    pub per_second: f64,
    /// Of each group, in ms, sorted.
    pub waits: Vec<f64>,
}

/// Appends groups of so many records to a file and waits for the disk after each.
pub fn fdatasync(data: &Path, group: usize, span: Duration) -> Result<Done> {
    let path = data.join("floor");
    let mut file: File =
        OpenOptions::new().create(true).append(true).open(path).context("no file can be made")?;
    let record = [b'x'; RECORD];
    let mut bytes = Vec::new();
    count(group, span, || {
        // A server has them one by one too.
        bytes.clear();
        (0..group).for_each(|_| bytes.extend_from_slice(&record));
        file.write_all(&bytes)?;
        file.sync_data()?;
        Ok(())
    })
}

/// Inserts messages into SQLite, each in a transaction of its own that waits for the disk.
pub fn sqlite(data: &Path, span: Duration) -> Result<Done> {
    let db = Connection::open(data.join("floor.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE said (seq INTEGER PRIMARY KEY, id BLOB, nick TEXT, time INTEGER, content TEXT)",
    )?;
    let mut insert = db.prepare("INSERT INTO said (id, nick, time, content) VALUES (?, ?, ?, ?)")?;
    let content = "x".repeat(100);
    count(1, span, || {
        insert.execute((&[7_u8; 16], "u1", 1_i64 << 40, &content))?;
        Ok(())
    })
}

fn count(each: usize, span: Duration, mut once: impl FnMut() -> Result<()>) -> Result<Done> {
    let start = Instant::now();
    let mut waits = Vec::new();
    while start.elapsed() < span {
        let begun = Instant::now();
        once()?;
        waits.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let per_second = (waits.len() * each) as f64 / start.elapsed().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    Ok(Done { per_second, waits })
}
