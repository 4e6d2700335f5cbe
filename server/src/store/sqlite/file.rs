//! The files of a log: its directory, the lock file, the database.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{Options, Synchronous, epoch::Mark, fault};
use crate::store::LogError;

/// The file name of the database.
pub const NAME: &str = "parlour.db";
const LOCK_NAME: &str = "parlour.lock";

/// The time to wait for another connection's lock; a backup holds one for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The most prepared statements of a connection: more than there are.
const CACHED_STATEMENTS: usize = 128;

/// The write-ahead log is truncated to this size when it is reset.
const WAL_LIMIT_BYTES: u32 = 64 << 20;

/// The minimum size of a database: one page.
const MIN_DATABASE_BYTES: u64 = 512;

/// The beginning of a database, and where its header has the versions that write and read it: 2 with a write-ahead log.
const HEADER_MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_VERSIONS: Range<usize> = 18..20;

/// The most that is read of the lock file.
const MAX_MARK_BYTES: u64 = 256;

/// The page cache of the writing connection.
const WRITER_CACHE_KIB: i32 = 16 << 10;

/// The exclusive right to write; held until dropped. The lock file records how far the log has come.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    recorded: Option<Mark>,
}

impl Lock {
    fn new(file: File) -> Self {
        let mut text = String::new();
        // Without a readable record, a copy is not recognised by it.
        let read = (&file).take(MAX_MARK_BYTES).read_to_string(&mut text);
        Self { recorded: read.ok().and_then(|_| Mark::decode(&text)), file }
    }

    /// The log of this directory and its number of messages, as recorded.
    pub(super) fn recorded(&self) -> Option<Mark> {
        self.recorded
    }

    /// Records how far the log has come. The record may be lost, so it is not synced to the disk.
    pub(super) fn record(&mut self, mark: Mark) -> io::Result<()> {
        if self.recorded != Some(mark) {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(mark.encode().as_bytes())?;
            self.recorded = Some(mark);
        }
        Ok(())
    }
}

impl Drop for Lock {
    /// Unlocks explicitly. Closing the file is not enough while a child process that is being started still has a copy of
    /// its descriptor.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock of the log is released when its file is closed");
        }
    }
}

/// Locks the directory for this process, creating it if missing. Returns `None` if it cannot be written.
pub(super) fn lock(dir: &Path) -> Result<Option<Lock>, LogError> {
    let lock = dir.join(LOCK_NAME);
    let file = match create_dir(dir).and_then(|()| open_or_create(&lock)) {
        Ok(file) => file,
        Err(error) => {
            return match fault::io(&error, dir) {
                LogError::ReadOnly(_) if dir.join(NAME).exists() => Ok(None),
                other => Err(other),
            };
        }
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock::new(file))),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse(dir.into())),
        Err(TryLockError::Error(error)) => Err(fault::io(&error, &lock)),
    }
}

fn create_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn open_or_create(path: &Path) -> io::Result<File> {
    private_options().read(true).create(true).truncate(false).open(path)
}

/// Creates a file; an error if it exists.
pub(in crate::store) fn create_new(path: &Path) -> io::Result<File> {
    private_options().create_new(true).open(path)
}

/// Messages are private to the owner. SQLite gives its other files the database's mode.
fn private_options() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The path of the write-ahead log.
fn wal_path(path: &Path) -> PathBuf {
    let mut wal = path.to_owned().into_os_string();
    wal.push("-wal");
    wal.into()
}

/// Removes the write-ahead log of another database, in whose place a backup was put. SQLite would apply it to the backup
/// and damage it. The header of a database tells whether the database uses a write-ahead log; a backup does not. Returns
/// `true` if there was one.
pub(super) fn remove_foreign_wal(path: &Path) -> io::Result<bool> {
    let mut header = [0; HEADER_VERSIONS.end];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok();
    let is_without_wal = header.starts_with(HEADER_MAGIC) && header[HEADER_VERSIONS] == [1, 1];
    if !is_read || !is_without_wal || file_bytes(&wal_path(path)) == 0 {
        return Ok(false);
    }
    fs::remove_file(wal_path(path))?;
    Ok(true)
}

/// The size in bytes; 0 if it cannot be determined.
fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // SQLite takes a file that is shorter than any database for an empty one, and would overwrite it and the
    // write-ahead log.
    let database = file_bytes(path);
    if database < MIN_DATABASE_BYTES && (database > 0 || file_bytes(&wal_path(path)) > 0) {
        let not_a_database = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
        return Err(rusqlite::Error::SqliteFailure(not_a_database, None));
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Plan each statement once. SQLite would otherwise plan some again for each bound value, which is half of
    // the cost of an append.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Opens the connection that writes.
pub(super) fn open_writer(path: &Path, options: &Options) -> Result<Connection, LogError> {
    match open_or_create(path) {
        Ok(_) => {}
        // SQLite then opens it for reading, and reports an error when something is written.
        Err(error) if matches!(fault::io(&error, path), LogError::ReadOnly(_)) && path.exists() => {}
        Err(error) => return Err(fault::io(&error, path)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = connect(path, flags)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "journal_size_limit", WAL_LIMIT_BYTES)?;
        let synchronous = match options.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Off => "OFF",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        // An erased text must not stay in the file.
        connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| fault::Fault::from(error).at(path))
}

/// Sets the page limit, after the schema was created.
pub(super) fn set_page_limit(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    match options.max_pages {
        Some(pages) => connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())),
        None => Ok(()),
    }
}

/// Opens a connection that only reads.
///
/// It sees the writer's commits. If nothing can be written and there is no writer, SQLite cannot create the
/// shared memory that a write-ahead log needs. The database is then opened as immutable, unless there is a
/// write-ahead log: after a crash, the log must first be opened where it can be written.
pub(super) fn open_reader(path: &Path) -> Result<Connection, LogError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |path: &Path, flags| {
        let connection = connect(path, flags)?;
        // The first access to the file.
        connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
        Ok(connection)
    };
    match open(path, flags) {
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(error.code, rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly)
                && path.exists()
                && file_bytes(&wal_path(path)) == 0 =>
        {
            open(&immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)
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

/// The path as a URI that opens the file as immutable.
fn immutable_uri(path: &Path) -> PathBuf {
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
    fn appends_are_synced_by_default() {
        let path = std::env::temp_dir().join(format!("parlour-synced-{}.sqlite", std::process::id()));
        let connection = open_writer(&path, &Options::default()).expect("a database that can be written");
        let synchronous = connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
        assert_eq!(synchronous.ok(), Some(2), "FULL");
        drop(connection);
        let _ = std::fs::remove_file(path);
    }

    #[test]
    fn lock_is_released_while_a_child_process_has_a_copy_of_its_descriptor() {
        let dir = std::env::temp_dir().join(format!("parlour-released-{}", std::process::id()));
        let held = lock(&dir).expect("a directory that can be written").expect("a lock");
        let inherited = held.file.try_clone().expect("a copy of the descriptor");
        assert!(matches!(lock(&dir), Err(LogError::InUse(_))));
        drop(held);
        assert!(matches!(lock(&dir), Ok(Some(_))));
        drop(inherited);
        let _ = fs::remove_dir_all(dir);
    }

    #[test]
    fn any_path_can_be_escaped_as_uri() {
        assert_eq!(immutable_uri(Path::new("/a b/?ü")), PathBuf::from("file:/a%20b/%3F%C3%BC?immutable=1"));
    }
}
