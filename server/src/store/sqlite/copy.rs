//! Copying and verifying a database.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{fault::Fault, file, schema};
use crate::store::LogError;

/// Copies a database, as of one moment, into a new or empty file without free pages.
pub(in crate::store) fn copy(from: &Path, to: &Path) -> Result<(), LogError> {
    let connection = file::open_reader(from)?;
    schema::check(&connection, from)?;
    let name = to.to_str().ok_or_else(|| LogError::Failed(format!("{} is not UTF-8", to.display())))?;
    match connection.execute("VACUUM INTO ?1", [name]).map_err(|error| Fault::from(error).at(from)) {
        Ok(_) => mark_as_copy(to).map_err(|error| Fault::from(error).at(to)),
        // The disk of the copy is full, not that of the log.
        Err(LogError::Full(_)) => Err(LogError::Full(to.into())),
        Err(error) => Err(error),
    }
}

/// Marks a database as a copy. If it takes the place of the log later, sequence numbers will be given again that clients
/// have seen, so it must get another id then.
fn mark_as_copy(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // No other file may appear, and an incomplete copy is removed anyway.
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.execute("UPDATE about SET copied = 1", []).map(drop)
}

/// Verifies a whole database. Returns the number of messages, or a description of the damage.
pub(in crate::store) fn verify(path: &Path) -> Result<u64, String> {
    let connection = file::open_reader(path).map_err(|error| error.to_string())?;
    let check = || -> rusqlite::Result<_> {
        let report: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        let messages: i64 = connection.query_row("SELECT count(*) FROM body", [], |row| row.get(0))?;
        Ok((report, messages))
    };
    match check() {
        Ok((report, messages)) if report == "ok" => Ok(messages.cast_unsigned()),
        Ok((report, _)) => Err(report),
        Err(error) => Err(error.to_string()),
    }
}
