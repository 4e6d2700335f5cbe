//! SQLite's errors as [`LogError`].

use std::{io, path::Path};

use rusqlite::{Error, ErrorCode};

use crate::store::LogError;

/// An error before it is assigned to a file.
#[derive(Debug)]
pub(crate) enum Fault {
    /// An error of SQLite.
    Sqlite(Error),
    /// Any other error, as text.
    Other(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    /// Assigns the error to a file.
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
            // A value of another type than was written.
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => LogError::Damaged(path.into()),
            _ => LogError::Failed(error.to_string()),
        }
    }
}

/// The same for I/O errors.
pub(crate) fn io(error: &io::Error, path: &Path) -> LogError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LogError::Full(path.into()),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            LogError::ReadOnly(path.into())
        }
        _ => LogError::Failed(format!("{}: {error}", path.display())),
    }
}
