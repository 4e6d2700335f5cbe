//! What SQLite says, as a [`LogError`].

use std::{io, path::Path};

use rusqlite::{Error, ErrorCode};

use crate::log::LogError;

/// What went wrong, before it is known in which file.
#[derive(Debug)]
pub(crate) enum Fault {
    /// In SQLite.
    Sqlite(Error),
    /// Beside it, in words.
    Other(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    /// With the file it happened to.
    pub(crate) fn at(self, path: &Path) -> LogError {
        let error = match self {
            Self::Sqlite(error) => error,
            Self::Other(words) => return LogError::Failed(words),
        };
        match &error {
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => LogError::Full(path.into()),
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied => LogError::ReadOnly(path.into()),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => LogError::Damaged(path.into()),
                _ => LogError::Failed(error.to_string()),
            },
            // A value of another kind than was written.
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => LogError::Damaged(path.into()),
            _ => LogError::Failed(error.to_string()),
        }
    }
}

/// The same for what the file system says.
pub(crate) fn io(error: &io::Error, path: &Path) -> LogError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LogError::Full(path.into()),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            LogError::ReadOnly(path.into())
        }
        _ => LogError::Failed(format!("{}: {error}", path.display())),
    }
}
