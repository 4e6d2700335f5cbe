//! The files of a log: its directory, the lock, the database.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{Options, Synchronous, fault};
use crate::log::LogError;

/// The database's name in its directory.
pub const NAME: &str = "parlour.db";
const LOCK: &str = "parlour.lock";

/// How long to wait for a lock that another connection holds, as a backup does for a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// In bytes: what the write-ahead log is cut to when it starts anew after it had grown.
const WAL_SIZE: u32 = 64 << 20;

/// In bytes: the one page that a database has at least.
const SHORTEST: u64 = 512;

/// In KiB.
const WRITER_CACHE: i32 = 16 << 10;

/// The right to write, as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Takes the directory for this process, making it if it is missing. `None` when nothing can be written there.
pub(super) fn take(dir: &Path) -> Result<Option<Lock>, LogError> {
    let lock = dir.join(LOCK);
    let file = match make_dir(dir).and_then(|()| make_file(&lock)) {
        Ok(file) => file,
        Err(error) => {
            return match fault::io(&error, dir) {
                LogError::ReadOnly(_) if dir.join(NAME).exists() => Ok(None),
                other => Err(other),
            };
        }
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse(dir.into())),
        Err(TryLockError::Error(error)) => Err(fault::io(&error, &lock)),
    }
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn make_file(path: &Path) -> io::Result<File> {
    private().create(true).truncate(false).open(path)
}

/// A file that was not there.
pub(in crate::log) fn make_new(path: &Path) -> io::Result<File> {
    private().create_new(true).open(path)
}

/// What people say is nobody else's to read on the machine; SQLite gives its other files the database's mode.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The write-ahead log's name.
fn wal(path: &Path) -> PathBuf {
    let mut wal = path.to_owned().into_os_string();
    wal.push("-wal");
    wal.into()
}

/// In bytes; of what can't be looked at, none.
fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // SQLite takes what is shorter than any database for an empty one, and would write over it, and over the
    // write-ahead log beside it.
    let database = length(path);
    if database < SHORTEST && (database > 0 || length(&wal(path)) > 0) {
        let not_a_database = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
        return Err(rusqlite::Error::SqliteFailure(not_a_database, None));
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // A plan is made once for a statement. SQLite would make some anew for each value that is bound, which is half of
    // what an append takes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// The one connection that writes.
pub(super) fn writer(path: &Path, options: &Options) -> Result<Connection, LogError> {
    match make_file(path) {
        Ok(_) => {}
        // Then SQLite opens it for reading, and says so when something is to be written.
        Err(error) if matches!(fault::io(&error, path), LogError::ReadOnly(_)) && path.exists() => {}
        Err(error) => return Err(fault::io(&error, path)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = connect(path, flags)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "journal_size_limit", WAL_SIZE)?;
        let synchronous = match options.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Off => "OFF",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| fault::Fault::from(error).at(path))
}

/// The one page limit there is, set once the schema is there.
pub(super) fn limit(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    match options.max_pages {
        Some(pages) => connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())),
        None => Ok(()),
    }
}

/// A connection that only reads.
///
/// Beside a writer it sees what is committed. Where nothing can be written and no writer is, SQLite can't make the
/// shared memory that it needs for a write-ahead log. The database is read without one then, unless there is one: after
/// a crash it must be opened where it can be written.
pub(super) fn reader(path: &Path) -> Result<Connection, LogError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |path: &Path, flags| {
        let connection = connect(path, flags)?;
        // The first look into the file.
        connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
        Ok(connection)
    };
    match open(path, flags) {
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(error.code, rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly)
                && path.exists()
                && length(&wal(path)) == 0 =>
        {
            open(&immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)
        }
        Err(rusqlite::Error::SqliteFailure(error, _))
            if error.code == rusqlite::ErrorCode::CannotOpen && path.exists() =>
        {
            return Err(LogError::ReadOnly(path.into()));
        }
        other => other,
    }
    .map_err(|error: rusqlite::Error| fault::Fault::from(error).at(path))
}

/// The path as the URI of a file that nobody changes.
fn immutable(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_any_path() {
        assert_eq!(immutable(Path::new("/a b/?ü")), PathBuf::from("file:/a%20b/%3F%C3%BC?immutable=1"));
    }
}
