//! Search in one room, newest first: recent messages one by one, all others with the search index.
//!
//! A search ends at a limit of work, so that one person's search delays others only for a moment. The index reaches it
//! when frequent words are rarely in the same message; half of the work is therefore left to read the messages one by
//! one from there on. Every search so covers some thousand messages more, and its results say how far it came.

use parlour_core::model::RoomId;
use rusqlite::{Connection, Rows};

use super::{
    message_key::{LAST_SEQ, key},
    meter::{Meter, unless_exhausted},
    ords,
    page::{PageBuilder, select_messages, stored_message},
    rooms::{self, RoomHead},
    search_query::{Matcher, SearchQuery},
    word_index::{self, IndexQuery},
};
use crate::store::{PageSize, SearchLimits, SearchResults, StoredMessage};

/// See [`crate::store::LogReader::search`].
pub(super) fn search(
    connection: &mut Connection,
    meter: &Meter,
    limits: SearchLimits,
    room: RoomId,
    query: &str,
    before: u64,
    size: PageSize,
) -> rusqlite::Result<SearchResults> {
    let snapshot = connection.transaction()?;
    let query = SearchQuery::parse(query);
    let Some(room) = rooms::head(&snapshot, room)?.filter(|_| !query.is_empty()) else {
        return Ok(SearchResults { reached_start: true, ..SearchResults::default() });
    };
    let newest = last_seq_before(&snapshot, &room, before)?;
    let within = |from: u64, to: u64| (key(room.id, from), key(room.id, to));
    let mut search = Search {
        connection: &snapshot,
        meter,
        query: &query,
        matcher: Matcher::new(&query),
        page: PageBuilder::default(),
        size,
    };
    meter.begin(limits);
    let unindexed = search.scan(within(room.indexed + 1, newest))?;
    let end = match unindexed {
        End::Complete => search.indexed(within(0, newest.min(room.indexed)), limits)?,
        end => end,
    };
    let work = meter.end();
    let searched_to = match end {
        End::Exhausted(place) => ords::ord_up_to(&snapshot, room.id, place)?.unwrap_or(0),
        End::Complete | End::Full => 0,
    };
    // The older ones, if there were any, are deleted.
    let partial = Some(searched_to).filter(|ord| *ord >= room.first_ord);
    let reached_start = partial.is_none() && end != End::Full;
    Ok(SearchResults { messages: search.page.messages, reached_start, partial, work })
}

/// The sequence number up to which messages have an ord below `before`; of the newest message if that is 0.
fn last_seq_before(connection: &Connection, room: &RoomHead, before: u64) -> rusqlite::Result<u64> {
    match before {
        0 => Ok(LAST_SEQ),
        _ if before > room.head_ord => Ok(LAST_SEQ),
        _ => Ok(ords::seq_of(connection, room, before)?.map_or(0, |seq| seq - 1)),
    }
}

/// The end of the search of a range of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All of its matches were found.
    Complete,
    /// There are more matches than fit.
    Full,
    /// The limit was reached; the messages above this key were searched.
    Exhausted(i64),
}

struct Search<'a> {
    connection: &'a Connection,
    meter: &'a Meter,
    query: &'a SearchQuery,
    matcher: Matcher<'a>,
    page: PageBuilder,
    size: PageSize,
}

impl Search<'_> {
    /// Collects matches among the messages in the index.
    fn indexed(&mut self, (from, to): (i64, i64), limits: SearchLimits) -> rusqlite::Result<End> {
        self.meter.allow(SearchLimits { work: limits.work / 2, time: limits.time / 2 });
        let end = match word_index::index_query(self.connection, self.meter, self.query)? {
            IndexQuery::Nothing => End::Complete,
            IndexQuery::Words { query, is_exact } => self.find(&query, is_exact, (from, to))?,
            IndexQuery::TooMany => End::Exhausted(to),
        };
        let End::Exhausted(to) = end else { return Ok(end) };
        self.meter.allow(SearchLimits { time: limits.time / 2, ..limits });
        self.scan((from, to))
    }

    /// Collects matches with the index.
    fn find(&mut self, query: &str, is_exact: bool, (from, to): (i64, i64)) -> rusqlite::Result<End> {
        // FTS5 iterates its range backwards, so nothing is sorted and only the requested matches are read.
        let mut statement = self.connection.prepare_cached(
            "SELECT place, body.text FROM words CROSS JOIN body ON place = words.rowid
             WHERE words MATCH ?1 AND words.rowid BETWEEN ?2 AND ?3 ORDER BY words.rowid DESC",
        )?;
        match unless_exhausted(statement.query((query, from, to)))? {
            Some(rows) => self.collect(rows, is_exact, to),
            None => Ok(End::Exhausted(to)),
        }
    }

    /// Collects matches by reading one message after another.
    fn scan(&mut self, (from, to): (i64, i64)) -> rusqlite::Result<End> {
        if from > to {
            return Ok(End::Complete);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT place, text FROM body WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC",
        )?;
        let rows = statement.query([from, to])?;
        let end = self.collect(rows, false, to)?;
        Ok(if matches!(end, End::Exhausted(place) if place < from) { End::Complete } else { end })
    }

    /// Collects the matches among some messages, newest first, of a range up to `to`. If `all_match`, they need not be
    /// compared.
    fn collect(&mut self, mut rows: Rows<'_>, all_match: bool, to: i64) -> rusqlite::Result<End> {
        let mut rest = to;
        loop {
            let row = match unless_exhausted(rows.next())? {
                Some(Some(row)) => row,
                Some(None) => return Ok(End::Complete),
                None => return Ok(End::Exhausted(rest)),
            };
            let place: i64 = row.get(0)?;
            let text = row.get_ref(1)?.as_str()?;
            self.meter.spend_text(text);
            if all_match || self.matcher.matches(text, self.meter) {
                let Some(message) = unless_exhausted(self.message(place))? else {
                    return Ok(End::Exhausted(place));
                };
                if !self.page.take_one(message, self.size, 1) {
                    return Ok(End::Full);
                }
            }
            rest = place - 1;
            if self.meter.is_exhausted() {
                return Ok(End::Exhausted(rest));
            }
        }
    }

    /// Reads a message that matches.
    fn message(&self, place: i64) -> rusqlite::Result<StoredMessage> {
        self.connection
            .prepare_cached(select_messages!("WHERE body.place = ?1"))?
            .query_row([place], stored_message)
    }
}
