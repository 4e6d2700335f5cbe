//! Comparing a log with what follows from its events. It only reads: what follows is built in temporary tables.

use std::{collections::BTreeMap, fmt};

use rusqlite::{Connection, Row, TransactionBehavior, types::Value};

use super::{fault::Fault, heads::DIRECTORY, message_key::parts, rebuild};

/// The most differences of one kind that are described.
const MAX_DESCRIBED: usize = 100;

/// A table that follows from the events.
struct Projection {
    name: &'static str,
    /// The columns of its key.
    key: &'static [&'static str],
    /// Its other columns that follow from the events.
    values: &'static [&'static str],
}

const PROJECTIONS: [Projection; 4] = [
    Projection {
        name: "account",
        key: &["id"],
        values: &["user", "nick", "nick_key", "holds_nick", "former", "rooms_created", "changed"],
    },
    Projection {
        name: "room",
        key: &["id"],
        values: &[
            "room",
            "kind",
            "name",
            "name_key",
            "topic",
            "archived",
            "created",
            "head_seq",
            "head_ord",
            "first_ord",
            "head_gseq",
            "active",
            "members",
        ],
    },
    Projection { name: "skeleton", key: &["space", "form"], values: &["holder"] },
    Projection { name: "member", key: &["account", "room"], values: &["role", "handle", "changed"] },
];

/// Compares the tables, and verifies the events, texts and the search index. Returns a sentence for each difference.
pub(super) fn differences(connection: &mut Connection) -> Result<Vec<String>, Fault> {
    // One moment, while a server may be writing.
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let mut found = Vec::new();
    for projection in &PROJECTIONS {
        create_copy(&snapshot, projection.name)?;
    }
    snapshot.execute_batch(&format!(
        "INSERT INTO temp.room SELECT * FROM main.room WHERE id = {DIRECTORY} OR kind = 0"
    ))?;
    rebuild::add_lobby(&snapshot)?;
    rebuild::replay(&snapshot)?;
    for projection in &PROJECTIONS {
        compare(&snapshot, projection, &mut found)?;
    }
    for table in &PROJECTIONS {
        snapshot.execute_batch(&format!("DROP TABLE temp.{}", table.name))?;
    }
    found.extend(verify_events(&snapshot)?);
    for (statement, problem) in PROBLEMS {
        let mut places = snapshot.prepare(statement)?;
        let places = places.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        describe(&mut found, places.iter().map(|place| format!("{} {problem}", Place(*place))));
    }
    for (statement, problem) in UNKNOWN_ACCOUNTS {
        let count: i64 = snapshot.query_row(statement, [], |row| row.get(0))?;
        found.extend((count > 0).then(|| format!("{count} {problem}")));
    }
    Ok(found)
}

/// Statements that find the keys of events or messages with a problem.
const PROBLEMS: [(&str, &str); 13] = [
    (
        "SELECT place FROM event WHERE kind = 0 AND NOT EXISTS (SELECT 1 FROM body WHERE body.place = event.place)",
        "has lost its text",
    ),
    (
        "SELECT place FROM body
         WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.place = body.place AND kind = 0)",
        "has a text, but is no message",
    ),
    (
        "SELECT place FROM event WHERE gseq IN (SELECT gseq FROM event GROUP BY gseq HAVING count(*) > 1)",
        "has the number of another event in the whole log",
    ),
    (
        "SELECT place FROM body JOIN room ON room.id = place >> 38
         WHERE NOT erased AND place & 0x3FFFFFFFFF <= indexed AND place NOT IN (SELECT id FROM words_docsize)",
        "is missing in the search index",
    ),
    (
        "SELECT id FROM words_docsize WHERE id NOT IN (SELECT place FROM body WHERE NOT erased)",
        "is in the search index, but is no message",
    ),
    (
        "SELECT place FROM body WHERE (erased OR place IN (SELECT message FROM revision))
             <> (place IN (SELECT target FROM event WHERE kind IN (9, 10)))
         OR erased <> (place IN (SELECT target FROM event WHERE kind = 10))
         OR erased AND (text <> '' OR place IN (SELECT message FROM revision))",
        "was edited or erased by no event, or is not erased",
    ),
    (
        "SELECT place FROM event WHERE kind IN (9, 10, 11) AND target NOT IN (SELECT place FROM event WHERE kind = 0)",
        "is about a message that is lost",
    ),
    (
        "SELECT body.place FROM (SELECT message AS edited_place, max(place) AS newest FROM revision GROUP BY message)
             JOIN body ON body.place = edited_place JOIN revision ON revision.place = newest
         LEFT JOIN event ON event.place = newest
         WHERE body.text <> revision.text OR body.edited IS NOT event.time",
        "does not have the text of its last edit",
    ),
    (
        "SELECT place FROM revision WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.place = revision.place
             AND (kind = 0 AND message = revision.place OR kind = 9 AND target = message))",
        "has the text of an edit, but is none",
    ),
    (
        "SELECT place FROM body WHERE reacted <> (place IN (SELECT message FROM reaction_count))
         UNION SELECT message FROM reaction WHERE message NOT IN (SELECT place FROM body)
         UNION SELECT message FROM (
             SELECT message, emoji, count, 0 AS people FROM reaction_count
             UNION ALL SELECT message, emoji, 0, count(*) FROM reaction GROUP BY message, emoji
         ) GROUP BY message, emoji HAVING sum(count) <> sum(people)",
        "has another number of reactions than accounts that have reacted",
    ),
    (
        "SELECT reaction.place FROM reaction LEFT JOIN event ON event.place = reaction.place
         WHERE kind IS NOT 11 OR target <> message OR sender <> account
             OR substr(payload, 17, 1) <> X'00' OR substr(payload, 18) <> CAST(emoji AS BLOB)",
        "has a reaction, but is none",
    ),
    (
        "SELECT reaction.place FROM reaction JOIN event AS later ON later.target = message
         WHERE later.kind IN (9, 10, 11) AND later.place > reaction.place AND (later.kind = 10
             OR later.kind = 11 AND later.sender = account AND substr(later.payload, 17, 1) = X'01'
                 AND substr(later.payload, 18) = CAST(emoji AS BLOB))",
        "is a reaction that was removed",
    ),
    (
        "SELECT place FROM event WHERE kind = 11 AND substr(payload, 17, 1) = X'00' AND NOT EXISTS (
             SELECT 1 FROM reaction WHERE message = event.target AND account = event.sender
                 AND CAST(emoji AS BLOB) = substr(event.payload, 18)
         ) AND NOT EXISTS (
             SELECT 1 FROM event AS later WHERE later.target = event.target AND later.kind IN (9, 10, 11)
                 AND later.place > event.place AND (later.kind = 10
                     OR later.kind = 11 AND later.sender = event.sender AND substr(later.payload, 17, 1) = X'01'
                         AND substr(later.payload, 18) = substr(event.payload, 18)))",
        "is a reaction that is missing",
    ),
];

/// Statements that count the rows of unknown accounts.
const UNKNOWN_ACCOUNTS: [(&str, &str); 3] = [
    (
        "SELECT count(*) FROM session WHERE account NOT IN (SELECT id FROM account)",
        "sessions belong to unknown accounts",
    ),
    (
        "SELECT count(*) FROM cursor WHERE account NOT IN (SELECT id FROM account) OR room NOT IN (SELECT id FROM room)",
        "read cursors belong to unknown accounts or rooms",
    ),
    (
        "SELECT count(*) FROM event WHERE sender NOT IN (SELECT id FROM account)",
        "events are from unknown accounts",
    ),
];

/// Creates an empty temporary table like an existing one, with its indexes.
fn create_copy(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let mut statements = connection.prepare(
        "SELECT sql FROM main.sqlite_schema WHERE tbl_name = ?1 AND sql IS NOT NULL ORDER BY type = 'index'",
    )?;
    let statements = statements.query_map([table], |row| row.get(0))?;
    for statement in statements.collect::<rusqlite::Result<Vec<String>>>()? {
        let in_temp = match statement.strip_prefix("CREATE TABLE ") {
            Some(rest) => format!("CREATE TEMP TABLE {rest}"),
            None => statement.replacen("CREATE INDEX ", "CREATE INDEX temp.", 1),
        };
        connection.execute_batch(&in_temp)?;
    }
    Ok(())
}

/// Compares a table with the rebuilt one.
fn compare(
    connection: &Connection,
    projection: &Projection,
    found: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let Projection { name, key, values } = projection;
    let columns = [*key, *values].concat().join(", ");
    let rows = |of: &str, without: &str| -> rusqlite::Result<BTreeMap<String, Vec<Value>>> {
        let mut rows = connection.prepare(&format!(
            "SELECT {columns} FROM {of}.{name} EXCEPT SELECT {columns} FROM {without}.{name}"
        ))?;
        let read = |row: &Row<'_>| {
            let all = (0..key.len() + values.len())
                .map(|at| row.get(at))
                .collect::<rusqlite::Result<Vec<Value>>>()?;
            let (key_values, rest) = all.split_at(key.len());
            let named =
                key.iter().zip(key_values).map(|(column, value)| format!("{column} {}", Shown(value)));
            Ok((named.collect::<Vec<_>>().join(", "), rest.to_vec()))
        };
        rows.query_map([], read)?.collect()
    };
    let (living, rebuilt) = (rows("main", "temp")?, rows("temp", "main")?);
    let missing = rebuilt.keys().filter(|key| !living.contains_key(*key));
    let missing = missing.map(|key| format!("{name} ({key}) is missing"));
    let wrong = living.iter().map(|(key, is)| match rebuilt.get(key) {
        None => format!("{name} ({key}) does not follow from the events"),
        Some(should) => {
            let differs = values.iter().zip(is.iter().zip(should)).filter(|(_, (is, should))| is != should);
            let differs = differs
                .map(|(column, (is, should))| format!("{column} is {}, not {}", Shown(is), Shown(should)));
            format!("{name} ({key}): {}", differs.collect::<Vec<_>>().join(", "))
        }
    });
    describe(found, missing.chain(wrong));
    Ok(())
}

/// Adds the first of some differences, and the number of the others.
fn describe(found: &mut Vec<String>, mut all: impl Iterator<Item = String>) {
    found.extend(all.by_ref().take(MAX_DESCRIBED));
    let others = all.count();
    found.extend((others > 0).then(|| format!("... and {others} more like this")));
}

/// Verifies the numbers of the messages, and the marks of the runs.
fn verify_events(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut events = connection.prepare("SELECT place, kind = 0, ord FROM event ORDER BY place")?;
    let mut rows = events.query([])?;
    let (mut room, mut last) = (DIRECTORY, None);
    while let Some(row) = rows.next()? {
        let (place, is_message, ord): (i64, bool, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if parts(place).0 != room {
            (room, last) = (parts(place).0, None);
        }
        // The messages before the first one were deleted.
        let expected = last.map_or(ord, |last: i64| last + i64::from(is_message));
        if ord != expected {
            wrong.push((place, ord, expected));
        }
        if is_message {
            last = Some(ord);
        }
    }
    let mut found = Vec::new();
    let wrong = wrong.into_iter();
    describe(
        &mut found,
        wrong.map(|(place, ord, expected)| format!("{}: ord is {ord}, not {expected}", Place(place))),
    );
    let mut marks = Vec::new();
    rebuild::each_wrong_mark(connection, |place, begins| marks.push((place, begins)))?;
    let marks = marks.into_iter();
    describe(
        &mut found,
        marks.map(|(place, begins)| {
            format!("{} is {} in the index by time", Place(place), if begins { "missing" } else { "wrongly" })
        }),
    );
    Ok(found)
}

/// The place of an event, for an operator.
struct Place(i64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (room, seq) = parts(self.0);
        write!(f, "event {seq} of room {room}")
    }
}

/// A value of a column, for an operator.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("nothing"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Real(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Blob(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}
