//! A copy of a database, and whether a database is whole.

use std::path::Path;

use super::{fault::Fault, file, schema};
use crate::log::LogError;

/// Copies a database, as it is at one moment, into a new or empty file, packed.
pub(in crate::log) fn copy(from: &Path, to: &Path) -> Result<(), LogError> {
    let connection = file::reader(from)?;
    schema::check(&connection, from)?;
    let name = to.to_str().ok_or_else(|| LogError::Failed(format!("{} is not UTF-8", to.display())))?;
    match connection.execute("VACUUM INTO ?1", [name]).map_err(|error| Fault::from(error).at(from)) {
        Ok(_) => Ok(()),
        // What is full is where the copy goes.
        Err(LogError::Full(_)) => Err(LogError::Full(to.into())),
        Err(error) => Err(error),
    }
}

/// Looks through a whole database. How many messages it has, or what is wrong with it.
pub(in crate::log) fn inspect(path: &Path) -> Result<u64, String> {
    let connection = file::reader(path).map_err(|error| error.to_string())?;
    let look = || -> rusqlite::Result<_> {
        let said: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        let messages: i64 = connection.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
        Ok((said, messages))
    };
    match look() {
        Ok((said, messages)) if said == "ok" => Ok(messages.cast_unsigned()),
        Ok((said, _)) => Err(said),
        Err(error) => Err(error.to_string()),
    }
}
