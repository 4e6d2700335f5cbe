//! Copying and verifying a database.

use std::path::Path;

use super::{fault::Fault, file, schema};
use crate::store::LogError;

/// Copies a database, as of one moment, into a new or empty file without free pages.
pub(in crate::store) fn copy(from: &Path, to: &Path) -> Result<(), LogError> {
    let connection = file::open_reader(from)?;
    schema::check(&connection, from)?;
    let name = to.to_str().ok_or_else(|| LogError::Failed(format!("{} is not UTF-8", to.display())))?;
    match connection.execute("VACUUM INTO ?1", [name]).map_err(|error| Fault::from(error).at(from)) {
        Ok(_) => Ok(()),
        // The disk of the copy is full, not that of the log.
        Err(LogError::Full(_)) => Err(LogError::Full(to.into())),
        Err(error) => Err(error),
    }
}

/// Verifies a whole database. Returns the number of messages, or a description of the damage.
pub(in crate::store) fn verify(path: &Path) -> Result<u64, String> {
    let connection = file::open_reader(path).map_err(|error| error.to_string())?;
    let check = || -> rusqlite::Result<_> {
        let report: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        let messages: i64 = connection.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
        Ok((report, messages))
    };
    match check() {
        Ok((report, messages)) if report == "ok" => Ok(messages.cast_unsigned()),
        Ok((report, _)) => Err(report),
        Err(error) => Err(error.to_string()),
    }
}
