//! The id of a log, and when it gets a new one: when an older copy took its place.
//!
//! The server gives the sequence numbers after the copy's last one a second time, so a client must not compare its
//! numbers with them. The id tells it: sequence numbers are only comparable within one id. Two marks show that a
//! database is an older copy:
//!
//! - A backup is marked in its own file.
//! - The lock file, which is not part of a backup, records how many events the log in its directory has reached. A
//!   database with fewer is a copy made with other tools. It is written after each append, but not synced to the disk: after
//!   a power failure it may be older, and a copy that is newer than it is not recognised.
//!
//! If the whole directory is replaced, nothing of this helps; then the hub recognises the positions of clients
//! (`hub/position.rs`).

use rusqlite::{Connection, TransactionBehavior, params};

use super::{fault::Fault, heads::DIRECTORY};

/// The end of a mark. The marks of earlier versions counted only messages and have no unit; they are not comparable.
const UNIT: &str = " events\n";

/// The id of a log.
pub(super) type LogId = [u8; 16];

/// A log, and how many events were ever appended to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: LogId,
    pub(super) events: u64,
}

impl Mark {
    /// The mark of a database.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection
            .prepare_cached("SELECT id, (SELECT head_gseq FROM room WHERE room.id = ?1) FROM about")?
            .query_row([DIRECTORY], |row| {
                Ok(Self { id: row.get(0)?, events: row.get::<_, i64>(1)?.cast_unsigned() })
            })
    }

    /// The mark as text of a fixed length, so that a later one overwrites it completely.
    pub(super) fn encode(&self) -> String {
        let id: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{id} {:020}{UNIT}", self.events)
    }

    /// The mark of a text; `None` if it has none.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let (id, events) = text.strip_suffix(UNIT)?.split_once(' ')?;
        let mut bytes = LogId::default();
        if id.len() != 2 * bytes.len() || !id.is_ascii() {
            return None;
        }
        for (nth, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(id.get(2 * nth..2 * nth + 2)?, 16).ok()?;
        }
        Some(Self { id: bytes, events: events.parse().ok()? })
    }
}

/// Gives the log a new id if it is an older copy of one that had reached `recorded`. Returns whether it did.
pub(super) fn begin(connection: &mut Connection, recorded: Option<Mark>) -> Result<bool, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let copied: bool = transaction.query_row("SELECT copied FROM about", [], |row| row.get(0))?;
    let found = Mark::read(&transaction)?;
    // A new log, whose directory had another one, is no copy.
    let is_other = |recorded: Mark| recorded.id != found.id && found.events > 0;
    let is_older =
        recorded.is_some_and(|mark| is_other(mark) || mark.id == found.id && mark.events > found.events);
    if copied || is_older {
        transaction.execute("UPDATE about SET id = ?1, copied = 0", params![new_id()?])?;
        transaction.commit()?;
    }
    Ok(copied || is_older)
}

/// A random id.
pub(super) fn new_id() -> Result<LogId, Fault> {
    let mut id = LogId::default();
    getrandom::fill(&mut id)
        .map_err(|error| Fault::Other(format!("the operating system provides no random numbers: {error}")))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_round_trips_and_damage_is_recognised() {
        let mark = Mark { id: std::array::from_fn(|n| 251 - n as u8), events: 90 };
        let text = mark.encode();
        assert_eq!(Mark::decode(&text), Some(mark));
        assert_eq!(text.len(), Mark { events: u64::MAX, ..mark }.encode().len());
        for damaged in [
            "",
            "\n",
            &text[1..],
            &text[..text.len() - 1],
            &text.replace('f', "x"),
            &text.replace(' ', "ü"),
            &text.replace(" events", ""),
        ] {
            assert_eq!(Mark::decode(damaged), None, "{damaged:?}");
        }
    }
}
