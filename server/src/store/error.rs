//! The errors of the log.

use std::path::PathBuf;

use thiserror::Error;

/// Errors of the log. Each is a sentence for the operator, with a remedy where there is one.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum LogError {
    /// The disk is full, or the database has reached its maximum size.
    #[error("The disk with {} is full; make room there, or set a retention.", .0.display())]
    Full(PathBuf),
    /// The log can be read but not written.
    #[error("{} can't be written; check its permissions and its file system.", .0.display())]
    ReadOnly(PathBuf),
    /// The file is not a database, or its content is damaged.
    #[error("{} is damaged; restore it from a backup.", .0.display())]
    Damaged(PathBuf),
    /// The file was written by a newer version of the server.
    #[error("{} was written by a newer Parlour (schema {found}, this one supports {known}); use that version.", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version that this server supports.
        known: i64,
    },
    /// Another server uses the directory.
    #[error("{} is in use by another Parlour; stop that one, or give this one its own --data-dir.", .0.display())]
    InUse(PathBuf),
    /// Any other error, with the message of SQLite or of the operating system.
    #[error("The event log failed: {0}.")]
    Failed(String),
}
