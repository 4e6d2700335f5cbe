//! A copy of a log, while a server writes it or not.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf, absolute},
};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{
    LogError,
    sqlite::{NAME, copy, inspect, make_new},
};

/// Why there is no backup.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The directory has no log.
    #[error("There is no log in {}; name its directory with --data-dir.", .0.display())]
    Nothing(PathBuf),
    /// Something has the name already.
    #[error("{} exists, and a backup never writes over anything; choose another name.", .0.display())]
    Exists(PathBuf),
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The copy can't be written.
    #[error("{} can't be written: {error}.", .path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        error: io::Error,
    },
    /// The copy is not what it should be.
    #[error(
        "The copy is not whole ({0}) and was thrown away; the log is damaged, or the disk that it was copied to."
    )]
    Broken(String),
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// How many messages are in it.
    pub messages: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub checksum: String,
}

/// Copies the log of `dir` to the file `to`, as it is at one moment, and looks through the whole copy. Its checksum goes
/// into a file beside it, with `.sha256` behind the name, for `sha256sum --check`.
///
/// # Errors
/// [`BackupError`]; nothing is left of the copy then.
pub fn backup(dir: &Path, to: &Path) -> Result<Backup, BackupError> {
    // SQLite would take some relative names for something else.
    let to = absolute(to).map_err(|error| BackupError::Write { path: to.into(), error })?;
    let from = dir.join(NAME);
    if !from.exists() {
        return Err(BackupError::Nothing(dir.into()));
    }
    let sum = behind(&to, ".sha256");
    if let Some(path) = [&to, &sum].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(BackupError::Exists(path.clone()));
    }

    let mut partial = Draft::new(behind(&to, ".partial"))?;
    copy(&from, &partial.path)?;
    let messages = inspect(&partial.path).map_err(BackupError::Broken)?;
    let checksum = checksum(&partial.path).map_err(|error| partial.failed(error))?;
    // The names are taken at the end, so that whatever interrupts this leaves nothing that looks like a backup, and
    // taken as new ones: somebody else may have come by meanwhile.
    let mut sum = Draft::new(sum)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    writeln!(sum.file, "{checksum}  {name}")
        .and_then(|()| sum.file.sync_all())
        .map_err(|error| sum.failed(error))?;
    let mut place = Draft::new(to.clone())?;
    fs::rename(&partial.path, &to).and_then(|()| sync_directory(&to)).map_err(|error| place.failed(error))?;
    for draft in [&mut place, &mut sum, &mut partial] {
        draft.is_done = true;
    }
    Ok(Backup { messages, checksum })
}

/// The name with something behind it.
fn behind(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Brings a file to the disk and sums it up.
fn checksum(path: &Path) -> io::Result<String> {
    let mut file = File::options().read(true).write(true).open(path)?;
    file.sync_all()?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Brings a new name to the disk.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// A new file, which goes again unless all is done.
struct Draft {
    path: PathBuf,
    file: File,
    is_done: bool,
}

impl Draft {
    fn new(path: PathBuf) -> Result<Self, BackupError> {
        match make_new(&path) {
            Ok(file) => Ok(Self { path, file, is_done: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists(path)),
            Err(error) => Err(BackupError::Write { path, error }),
        }
    }

    fn failed(&self, error: io::Error) -> BackupError {
        BackupError::Write { path: self.path.clone(), error }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_done {
            // Where it can't be removed there is nobody to be told more than what went wrong already.
            let _ = fs::remove_file(&self.path);
        }
    }
}
