//! The speed of the disk alone: the same messages written without a server, on one thread.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rusqlite::Connection;

/// Approximate size of a stored message of 100 bytes with its id, number, time and nick.
const RECORD_BYTES: usize = 150;

/// The result of a disk measurement.
#[derive(Debug)]
pub struct DiskResult {
    pub per_second: f64,
    /// The durations of all groups in ms, sorted.
    pub latencies: Vec<f64>,
}

/// Appends groups of `group` records to a file, with one `fdatasync` per group.
pub fn fdatasync(data: &Path, group: usize, span: Duration) -> Result<DiskResult> {
    let path = data.join("floor");
    let mut file: File =
        OpenOptions::new().create(true).append(true).open(path).context("cannot create a file")?;
    let record = [b'x'; RECORD_BYTES];
    let mut bytes = Vec::new();
    measure(group, span, || {
        // A server also assembles a group message by message.
        bytes.clear();
        (0..group).for_each(|_| bytes.extend_from_slice(&record));
        file.write_all(&bytes)?;
        file.sync_data()?;
        Ok(())
    })
}

/// Inserts messages into SQLite, each in its own durable transaction.
pub fn sqlite(data: &Path, span: Duration) -> Result<DiskResult> {
    let db = Connection::open(data.join("floor.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE messages (seq INTEGER PRIMARY KEY, id BLOB, nick TEXT, time INTEGER, content TEXT)",
    )?;
    let mut insert = db.prepare("INSERT INTO messages (id, nick, time, content) VALUES (?, ?, ?, ?)")?;
    let content = "x".repeat(100);
    measure(1, span, || {
        insert.execute((&[7_u8; 16], "u1", 1_i64 << 40, &content))?;
        Ok(())
    })
}

fn measure(group: usize, span: Duration, mut write_group: impl FnMut() -> Result<()>) -> Result<DiskResult> {
    let start = Instant::now();
    let mut latencies = Vec::new();
    while start.elapsed() < span {
        let begun = Instant::now();
        write_group()?;
        latencies.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let per_second = (latencies.len() * group) as f64 / start.elapsed().as_secs_f64();
    latencies.sort_by(f64::total_cmp);
    Ok(DiskResult { per_second, latencies })
}
