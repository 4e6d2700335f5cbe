//! The database schema and its migrations.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{account_migration, epoch, fault::Fault};
use crate::store::LogError;

/// The application id of the database: "Parl".
const APPLICATION_ID: i32 = 0x5061_726C;

/// The `n`th script migrates version `n` to `n + 1`. A released script must not change.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
    include_str!("migrations/7.sql"),
    include_str!("migrations/8.sql"),
];

/// The version that has no accounts yet.
const ACCOUNTS: usize = 5;

/// Creates the schema or migrates it to the current version.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), LogError> {
    let at = |error: rusqlite::Error| Fault::from(error).at(path);
    let version = match version(connection, path)? {
        Some(version) => version,
        None => {
            // Can only be set in an empty database.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(at)?;
            0
        }
    };
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(at)?;
    if mode != "wal" {
        return Err(LogError::Failed(format!(
            "{} can't use a write-ahead log; move it to a local file system",
            path.display()
        )));
    }
    (version..MIGRATIONS.len()).try_for_each(|from| migrate(connection, from)).map_err(|fault| fault.at(path))
}

/// Checks that the schema can be read without migration.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), LogError> {
    match version(connection, path)? {
        Some(version) if version == MIGRATIONS.len() => Ok(()),
        Some(_) => Err(LogError::Failed(format!(
            "{} was written by an older Parlour; start this version once where it can write the file",
            path.display()
        ))),
        None => Err(LogError::Damaged(path.into())),
    }
}

/// The schema version; `None` for an empty database.
fn version(connection: &Connection, path: &Path) -> Result<Option<usize>, LogError> {
    let read = || -> rusqlite::Result<(i64, i32, i64)> {
        Ok((
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
            connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
        ))
    };
    let known = MIGRATIONS.len();
    match read().map_err(|error| Fault::from(error).at(path))? {
        (0, 0, 0) => Ok(None),
        (_, APPLICATION_ID, found) => match usize::try_from(found) {
            Ok(version) if version <= known => Ok(Some(version)),
            _ => Err(LogError::Newer {
                path: path.into(),
                found,
                known: i64::try_from(known).unwrap_or(i64::MAX),
            }),
        },
        _ => Err(LogError::Damaged(path.into())),
    }
}

fn migrate(connection: &mut Connection, from: usize) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if from == ACCOUNTS {
        account_migration::prepare(&transaction)?;
    }
    transaction.execute_batch(MIGRATIONS[from])?;
    if from == ACCOUNTS {
        account_migration::complete(&transaction)?;
    }
    if from == 0 {
        transaction.execute("INSERT INTO about (id) VALUES (?1)", params![epoch::new_id()?])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.pragma_update(None, "user_version", i64::try_from(from + 1).unwrap_or(i64::MAX))?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{message_key, runs};

    #[test]
    fn migration_marks_runs_of_existing_messages() {
        let mut connection = Connection::open_in_memory().unwrap();
        (0..2).for_each(|from| migrate(&mut connection, from).unwrap());
        let hour = 3_600_000;
        let times = [-hour - 1, -hour, -1, 0, 5, 5, 4, hour - 1, hour, 3 * hour, 2 * hour, i64::MAX / 2];
        let mut expected = Vec::new();
        for room in [1, 2] {
            let mut last = None;
            for (seq, time) in (1..).zip(times) {
                let key = message_key::key(room, seq);
                connection
                    .execute(
                        "INSERT INTO message (place, room, time, id, nick, content) VALUES (?1, ?2, ?3, ?4, '', '')",
                        params![key, room, time, key.to_be_bytes()],
                    )
                    .unwrap();
                expected.push((key, runs::begins(last, time)));
                last = Some(time);
            }
        }
        migrate(&mut connection, 2).unwrap();
        let mut found = connection.prepare("SELECT place, begins FROM message ORDER BY place").unwrap();
        let found = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found.collect::<Result<Vec<(i64, bool)>, _>>().unwrap(), expected);
    }
}
