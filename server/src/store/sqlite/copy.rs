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
    let damage = integrity(path).map_err(|error| error.to_string())?;
    if !damage.is_empty() {
        return Err(damage.join("; "));
    }
    let count = || -> rusqlite::Result<i64> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.query_row("SELECT count(*) FROM body", [], |row| row.get(0))
    };
    count().map(i64::cast_unsigned).map_err(|error| error.to_string())
}

/// Verifies the structure of a whole database. Returns a description of each damage.
pub(in crate::store) fn integrity(path: &Path) -> Result<Vec<String>, LogError> {
    let connection = file::open_reader(path)?;
    let check = || -> rusqlite::Result<Vec<String>> {
        let mut check = connection.prepare("PRAGMA integrity_check")?;
        check.query_map([], |row| row.get(0))?.collect()
    };
    match check() {
        Ok(report) if report == ["ok"] => Ok(Vec::new()),
        Ok(report) => Ok(report),
        Err(error) => Err(Fault::from(error).at(path)),
    }
}
