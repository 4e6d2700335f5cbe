//! Checking a log against its events, and repairing it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{
    EventLog as _, LogError,
    sqlite::{NAME, SqliteLog, differences, integrity},
};

/// The reason why a log can't be checked or repaired.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The directory contains no log.
    #[error("There is no event log in {}; name its directory with --data-dir.", .0.display())]
    NoLog(PathBuf),
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Verifies the database of a directory, and compares accounts, rooms, members, texts and the search index with what
/// follows from the events. It changes nothing, and a server may be using the directory. Returns a sentence for each
/// difference.
///
/// # Errors
/// [`CheckError`].
pub fn check(dir: &Path) -> Result<Vec<String>, CheckError> {
    let path = path(dir)?;
    let mut found = integrity(&path)?;
    // What a damaged database contains says nothing.
    if found.is_empty() {
        found = differences(&path)?;
    }
    Ok(found)
}

/// Rebuilds what follows from the events. Returns a sentence for each difference that is left.
///
/// # Errors
/// [`CheckError`]; [`LogError::InUse`] while a server uses the directory. Nothing has changed, unless only the search index
/// was not completed: the server completes it.
pub fn rebuild(dir: &Path) -> Result<Vec<String>, CheckError> {
    path(dir)?;
    let mut log = SqliteLog::open(dir)?;
    log.rebuild()?;
    while log.index_pending()? > 0 {}
    drop(log);
    check(dir)
}

/// The path of the database in a directory.
pub(super) fn path(dir: &Path) -> Result<PathBuf, CheckError> {
    let path = dir.join(NAME);
    match path.exists() {
        true => Ok(path),
        false => Err(CheckError::NoLog(dir.into())),
    }
}
