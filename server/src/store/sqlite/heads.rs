//! The rooms and the newest places of their logs, as the projector needs them.

use std::{
    collections::{
        HashMap,
        hash_map::Entry::{Occupied, Vacant},
    },
    mem,
};

use parlour_core::{
    model::{RoomId, RoomKind},
    validate::nick_key,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params, types::Type};

use super::{
    entry::kind_code,
    names::{self, Space},
    number_map::NumberMap,
    rooms::RoomHead,
};

/// The number of the directory among the rooms.
pub(super) const DIRECTORY: i64 = 0;

/// A room. What is not here, its name and topic, is not needed to append a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoomKey {
    pub(super) id: i64,
    pub(super) kind: RoomKind,
    pub(super) archived: bool,
    /// The sequence number of the event in the directory that created it; 0 for the lobby.
    pub(super) created: u64,
}

/// The newest place of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) ord: u64,
    /// The ord of the oldest stored message; `ord + 1` if there is none.
    pub(super) first_ord: u64,
    /// The gseq of the last event of the room or about it; in the directory, of the whole log.
    pub(super) gseq: i64,
    /// The time of the newest message, 0 if there never was one.
    pub(super) active: i64,
    /// It differs from what is stored.
    is_changed: bool,
}

impl Head {
    /// The time of the newest message, if it is stored.
    pub(super) fn last_time(&self) -> Option<i64> {
        (self.first_ord <= self.ord).then_some(self.active)
    }

    /// The head of this room.
    pub(super) fn of_room(&self, id: i64) -> RoomHead {
        // The search index is not needed to append events.
        RoomHead { id, head_seq: self.seq, head_ord: self.ord, first_ord: self.first_ord, indexed: 0 }
    }

    /// Adds a message.
    pub(super) fn add_message(&mut self, ord: u64, time: i64) {
        if self.first_ord > self.ord {
            self.first_ord = ord;
        }
        (self.ord, self.active) = (ord, time);
    }
}

/// The rooms that were read.
#[derive(Debug, Default)]
pub(super) struct KnownRooms {
    keys: HashMap<RoomId, RoomKey>,
    heads: NumberMap<i64, Head>,
    /// The head of the directory, once it is read.
    directory: Option<Head>,
    /// The rooms whose heads have changed.
    changed: Vec<i64>,
}

impl KnownRooms {
    /// The number of rooms.
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }
}

/// The rooms: each is read once, and its head written once in an append.
pub(super) struct Rooms<'a> {
    connection: &'a Connection,
    find: CachedStatement<'a>,
    pub(super) known: KnownRooms,
    directory: Head,
}

impl<'a> Rooms<'a> {
    pub(super) fn new(connection: &'a Connection, known: KnownRooms) -> rusqlite::Result<Self> {
        let directory = known.directory.map_or_else(|| stored_head(connection, DIRECTORY), Ok)?;
        Ok(Self {
            directory,
            connection,
            find: connection.prepare_cached(
                "SELECT id, kind, archived, created, head_seq, head_ord, first_ord, head_gseq, active
                 FROM room WHERE room = ?1",
            )?,
            known,
        })
    }

    /// Finds a room.
    pub(super) fn find(&mut self, room: RoomId) -> rusqlite::Result<Option<RoomKey>> {
        if let Some(&key) = self.known.keys.get(&room) {
            return Ok(Some(key));
        }
        let read = |row: &Row<'_>| {
            let kind = RoomKind::from_wire(row.get(1)?).ok_or_else(|| {
                rusqlite::Error::FromSqlConversionFailure(1, Type::Integer, "no such kind".into())
            })?;
            let created = row.get::<_, i64>(3)?.cast_unsigned();
            Ok((RoomKey { id: row.get(0)?, kind, archived: row.get(2)?, created }, head(row, 4)?))
        };
        let Some((key, head)) = self.find.query_row([room.0], read).optional()? else { return Ok(None) };
        self.known.keys.insert(room, key);
        // It may have been read by its number, and have grown since.
        self.known.heads.entry(key.id).or_insert(head);
        Ok(Some(key))
    }

    /// The head of the directory, or of a room that was found.
    pub(super) fn head(&self, log: i64) -> Head {
        match log {
            DIRECTORY => self.directory,
            room => self.known.heads.get(&room).copied().unwrap_or_default(),
        }
    }

    /// The gseq of the next event.
    pub(super) fn next_gseq(&self) -> i64 {
        self.directory.gseq + 1
    }

    /// Adds an event to a log. Returns the head, for a message.
    pub(super) fn grow(&mut self, log: i64, seq: u64, gseq: i64) -> rusqlite::Result<&mut Head> {
        self.directory.gseq = gseq;
        let head = self.change(log)?;
        (head.seq, head.gseq) = (seq, gseq);
        Ok(head)
    }

    /// Records that an event of the directory has changed a room.
    pub(super) fn touch(&mut self, room: i64, gseq: i64) -> rusqlite::Result<()> {
        self.change(room)?.gseq = gseq;
        Ok(())
    }

    /// The head of a log, which the caller changes.
    fn change(&mut self, log: i64) -> rusqlite::Result<&mut Head> {
        if log == DIRECTORY {
            return Ok(&mut self.directory);
        }
        let head = match self.known.heads.entry(log) {
            Occupied(known) => known.into_mut(),
            // The room was not found by its id.
            Vacant(slot) => slot.insert(stored_head(self.connection, log)?),
        };
        if !head.is_changed {
            head.is_changed = true;
            self.known.changed.push(log);
        }
        Ok(head)
    }

    /// The number of the next room.
    pub(super) fn next_id(&self) -> rusqlite::Result<i64> {
        self.connection.prepare_cached("SELECT max(id) + 1 FROM room")?.query_row([], |row| row.get(0))
    }

    /// Creates a room without events.
    pub(super) fn create(
        &mut self,
        room: RoomId,
        key: RoomKey,
        name: &str,
        topic: &str,
    ) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO room (id, room, kind, name, name_key, topic, created)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                key.id,
                room.0,
                kind_code(key.kind),
                name,
                nick_key(name),
                topic,
                key.created.cast_signed()
            ])?;
        self.known.keys.insert(room, key);
        self.known.heads.insert(key.id, Head { first_ord: 1, ..Head::default() });
        if key.kind == RoomKind::Public {
            names::hold(self.connection, Space::PublicRooms, name, key.id)?;
        }
        Ok(())
    }

    /// The name and the topic of a room.
    pub(super) fn texts(&self, id: i64) -> rusqlite::Result<(String, String)> {
        self.connection
            .prepare_cached("SELECT name, topic FROM room WHERE id = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Changes the name of a room.
    pub(super) fn rename(&self, id: i64, name: &str) -> rusqlite::Result<()> {
        let is_public: bool = self
            .connection
            .prepare_cached("SELECT kind = ?2 FROM room WHERE id = ?1")?
            .query_row(params![id, kind_code(RoomKind::Public)], |row| row.get(0))?;
        if is_public {
            let (before, _) = self.texts(id)?;
            names::release(self.connection, Space::PublicRooms, &before, id)?;
            names::hold(self.connection, Space::PublicRooms, name, id)?;
        }
        self.connection
            .prepare_cached("UPDATE room SET name = ?2, name_key = ?3 WHERE id = ?1")?
            .execute(params![id, name, nick_key(name)])
            .map(drop)
    }

    /// Changes the topic of a room.
    pub(super) fn set_topic(&self, id: i64, topic: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE room SET topic = ?2 WHERE id = ?1")?
            .execute(params![id, topic])
            .map(drop)
    }

    /// Archives a room, or opens it again.
    pub(super) fn set_archived(&mut self, id: i64, archived: bool) -> rusqlite::Result<()> {
        for key in self.known.keys.values_mut().filter(|key| key.id == id) {
            key.archived = archived;
        }
        self.connection
            .prepare_cached("UPDATE room SET archived = ?2 WHERE id = ?1")?
            .execute(params![id, archived])
            .map(drop)
    }

    /// Changes the number of members of a room.
    pub(super) fn count_members(&self, id: i64, change: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE room SET members = members + ?2 WHERE id = ?1")?
            .execute([id, change])
            .map(drop)
    }

    /// The number of members of a room.
    pub(super) fn members(&self, id: i64) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached("SELECT members FROM room WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
    }

    /// Writes the changed heads. Returns the rooms whose heads they are.
    pub(super) fn store(&mut self) -> rusqlite::Result<Vec<i64>> {
        let mut update = self.connection.prepare_cached(
            "UPDATE room SET head_seq = ?2, head_ord = ?3, first_ord = ?4, head_gseq = ?5, active = ?6
             WHERE id = ?1",
        )?;
        let mut store = |id, head: &Head| {
            let [seq, ord, first_ord] = [head.seq, head.ord, head.first_ord].map(u64::cast_signed);
            update.execute([id, seq, ord, first_ord, head.gseq, head.active]).map(drop)
        };
        if self.known.directory != Some(self.directory) {
            store(DIRECTORY, &self.directory)?;
            self.known.directory = Some(self.directory);
        }
        for id in &self.known.changed {
            if let Some(head) = self.known.heads.get_mut(id) {
                store(*id, head)?;
                head.is_changed = false;
            }
        }
        Ok(mem::take(&mut self.known.changed))
    }
}

fn stored_head(connection: &Connection, log: i64) -> rusqlite::Result<Head> {
    connection
        .prepare_cached("SELECT head_seq, head_ord, first_ord, head_gseq, active FROM room WHERE id = ?1")?
        .query_row([log], |row| head(row, 0))
}

/// The head in the columns from `at` on.
fn head(row: &Row<'_>, at: usize) -> rusqlite::Result<Head> {
    let number = |column| row.get::<_, i64>(at + column).map(i64::cast_unsigned);
    Ok(Head {
        seq: number(0)?,
        ord: number(1)?,
        first_ord: number(2)?,
        gseq: row.get(at + 3)?,
        active: row.get(at + 4)?,
        is_changed: false,
    })
}
