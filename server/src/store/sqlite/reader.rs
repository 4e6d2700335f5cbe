//! The reader of a log.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use parlour_core::model::{RoomId, UserId};
use rusqlite::Connection;

use super::{
    clock, fault::Fault, file, meter::Meter, page, people, profiles, reactions, replay, revisions, room_list,
    rooms, search, vocabulary,
};
use crate::store::{
    Account, Cancellation, ClockRecord, EventPage, HistoryPage, LogError, LogReader, MemberPage, PageSize,
    PageStart, ReactionPage, Revision, Room, RoomPage, RoomQuery, RoomResult, RoomRow, RoomRows,
    SearchLimits, SearchResults, StoredSession, Target,
};

/// Reads concurrently with a [`SqliteLog`](super::SqliteLog). Each call reads one moment.
#[derive(Debug)]
pub(super) struct SqliteReader {
    path: PathBuf,
    connection: Connection,
    meter: Arc<Meter>,
    limits: SearchLimits,
}

impl SqliteReader {
    /// A reader of a database.
    pub(super) fn open(path: &Path, limits: SearchLimits) -> Result<Self, LogError> {
        let mut connection = file::open_reader(path)?;
        let prepare = |connection: &mut Connection| {
            vocabulary::prepare(connection)?;
            Meter::new(connection)
        };
        let meter = prepare(&mut connection).map_err(|error| Fault::from(error).at(path))?;
        Ok(Self { path: path.to_owned(), connection, meter, limits })
    }

    fn read<T>(&mut self, read: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, LogError> {
        read(&mut self.connection).map_err(|error| Fault::from(error).at(&self.path))
    }
}

impl LogReader for SqliteReader {
    fn id(&mut self) -> Result<[u8; 16], LogError> {
        self.read(|connection| connection.query_row("SELECT id FROM about", [], |row| row.get(0)))
    }

    fn page(&mut self, room: RoomId, start: PageStart, size: PageSize) -> Result<HistoryPage, LogError> {
        self.read(|connection| page::page(connection, room, start, size))
    }

    fn events(&mut self, room: RoomId, after: u64, limit: usize) -> Result<EventPage, LogError> {
        self.read(|connection| replay::events(connection, room, after, limit))
    }

    fn renamed(&mut self, room: RoomId, seq: u64, limit: usize) -> Result<Option<Vec<Account>>, LogError> {
        self.read(|connection| replay::renamed(connection, room, seq, limit))
    }

    fn search(
        &mut self,
        room: RoomId,
        query: &str,
        before: u64,
        size: PageSize,
    ) -> Result<SearchResults, LogError> {
        let (meter, limits) = (self.meter.clone(), self.limits);
        let found =
            self.read(|connection| search::search(connection, &meter, limits, room, query, before, size));
        // Also after an error.
        self.meter.end();
        found
    }

    fn cancellation(&self) -> Cancellation {
        self.meter.cancellation()
    }

    fn clock(&mut self) -> Result<Option<ClockRecord>, LogError> {
        self.read(clock::stored)
    }

    fn account(&mut self, account: UserId) -> Result<Option<Account>, LogError> {
        self.read(|connection| profiles::find(connection, account))
    }

    fn holders(&mut self, nick: &str) -> Result<Vec<Account>, LogError> {
        self.read(|connection| profiles::holders(connection, nick))
    }

    fn nicks(&mut self) -> Result<Vec<Account>, LogError> {
        self.read(|connection| profiles::nicks(connection))
    }

    fn sessions(&mut self) -> Result<Vec<StoredSession>, LogError> {
        self.read(|connection| profiles::sessions(connection))
    }

    fn room(&mut self, room: RoomId) -> Result<Option<Room>, LogError> {
        self.read(|connection| rooms::find(connection, room))
    }

    fn rooms(&mut self) -> Result<Vec<Room>, LogError> {
        self.read(|connection| rooms::all(connection))
    }

    fn room_rows(&mut self, account: UserId, since: u64) -> Result<RoomRows, LogError> {
        self.read(|connection| room_list::room_rows(connection, account, since))
    }

    fn room_row(&mut self, account: UserId, room: RoomId) -> Result<Option<RoomRow>, LogError> {
        self.read(|connection| room_list::room_row(connection, account, room))
    }

    fn browse(
        &mut self,
        account: UserId,
        query: &str,
        after: &str,
        count: usize,
    ) -> Result<RoomPage, LogError> {
        self.read(|connection| room_list::browse(connection, account, query, after, count))
    }

    fn revisions(
        &mut self,
        room: RoomId,
        message: Target,
        size: PageSize,
    ) -> Result<Vec<Revision>, LogError> {
        self.read(|connection| revisions::list(connection, room, message, size))
    }

    fn own_reactions(
        &mut self,
        room: RoomId,
        account: UserId,
        seqs: (u64, u64),
    ) -> Result<Vec<(u64, String)>, LogError> {
        self.read(|connection| reactions::own(connection, room, account, seqs))
    }

    fn reactions(
        &mut self,
        room: RoomId,
        message: Target,
        emoji: &str,
        count: usize,
    ) -> Result<ReactionPage, LogError> {
        self.read(|connection| reactions::list(connection, room, message, emoji, count))
    }

    fn members(
        &mut self,
        room: RoomId,
        prefix: &str,
        after: &str,
        count: usize,
    ) -> Result<MemberPage, LogError> {
        self.read(|connection| people::members(connection, room, prefix, after, count))
    }

    fn people(&mut self, account: UserId, prefix: &str, count: usize) -> Result<Vec<Account>, LogError> {
        self.read(|connection| people::people(connection, account, prefix, count))
    }

    fn execute_room_query(&mut self, query: &RoomQuery, account: UserId) -> Result<RoomResult, LogError> {
        query.execute(self, account)
    }
}
