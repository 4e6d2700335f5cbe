//! Backup: a copy of the log, also while a server is writing to it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf, absolute},
};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{
    LogError,
    sqlite::{NAME, copy, create_new, verify},
};

/// The reason why a backup failed. No part of the copy is left.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The directory contains no log.
    #[error("There is no event log in {}; name its directory with --data-dir.", .0.display())]
    NoLog(PathBuf),
    /// A file of that name exists.
    #[error("{} exists, and a backup never overwrites a file; choose another name.", .0.display())]
    Exists(PathBuf),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The copy cannot be written.
    #[error("{} can't be written: {error}.", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The copy is damaged.
    #[error(
        "The copy is damaged ({0}) and was removed; check the event log and the disk that it was copied to."
    )]
    Damaged(String),
}

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The number of messages that it contains.
    pub messages: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub checksum: String,
}

/// Copies the log in `dir` to the file `to`, as of one moment, and verifies the whole copy. Its checksum is
/// written to a second file with the suffix `.sha256`, in the format of `sha256sum --check`.
///
/// # Errors
/// [`BackupError`]; no part of the copy is left.
pub fn backup(dir: &Path, to: &Path) -> Result<Backup, BackupError> {
    // SQLite would interpret some relative names as something else.
    let to = absolute(to).map_err(|error| BackupError::Write { path: to.into(), error })?;
    let from = dir.join(NAME);
    if !from.exists() {
        return Err(BackupError::NoLog(dir.into()));
    }
    let sum = with_suffix(&to, ".sha256");
    if let Some(path) = [&to, &sum].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(BackupError::Exists(path.clone()));
    }

    let mut partial = NewFile::new(with_suffix(&to, ".partial"))?;
    copy(&from, &partial.path)?;
    let messages = verify(&partial.path).map_err(BackupError::Damaged)?;
    let checksum = checksum(&partial.path).map_err(|error| partial.failed(error))?;
    // The final names are created last, so that an interruption leaves nothing that looks like a backup, and
    // created as new files, because another process may have created them in the meantime.
    let mut sum = NewFile::new(sum)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    writeln!(sum.file, "{checksum}  {name}")
        .and_then(|()| sum.file.sync_all())
        .map_err(|error| sum.failed(error))?;
    let mut copy_file = NewFile::new(to.clone())?;
    fs::rename(&partial.path, &to)
        .and_then(|()| sync_directory(&to))
        .map_err(|error| copy_file.failed(error))?;
    for file in [&mut copy_file, &mut sum, &mut partial] {
        file.complete = true;
    }
    Ok(Backup { messages, checksum })
}

/// The path with a suffix.
fn with_suffix(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Syncs a file to the disk and computes its checksum.
fn checksum(path: &Path) -> io::Result<String> {
    let mut file = File::options().read(true).write(true).open(path)?;
    file.sync_all()?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Syncs a new directory entry to the disk.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// A new file that is removed again unless `complete` is set.
struct NewFile {
    path: PathBuf,
    file: File,
    complete: bool,
}

impl NewFile {
    fn new(path: PathBuf) -> Result<Self, BackupError> {
        match create_new(&path) {
            Ok(file) => Ok(Self { path, file, complete: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists(path)),
            Err(error) => Err(BackupError::Write { path, error }),
        }
    }

    fn failed(&self, error: io::Error) -> BackupError {
        BackupError::Write { path: self.path.clone(), error }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.complete {
            // The error that caused the removal is reported already.
            let _ = fs::remove_file(&self.path);
        }
    }
}
