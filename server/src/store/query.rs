//! Queries that the threads of a log execute.

use std::net::IpAddr;

use parlour_core::model::{RoomId, UserId};

use super::{HistoryPage, PageSize, PageStart, RoomQuery, RoomResult, SearchResults};

/// The requester of a query. Queries of different addresses are executed in turn, and so are those of the accounts of an
/// address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requester {
    /// The address; `None` for the server itself.
    pub address: Option<IpAddr>,
    /// The account; `None` for the server itself.
    pub account: Option<UserId>,
}

/// A query to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The requester.
    pub requester: Requester,
    /// The room.
    pub room: RoomId,
    /// The kind of query.
    pub kind: QueryKind,
    /// The most to read.
    pub size: PageSize,
}

/// The kinds of queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryKind {
    /// [`LogReader::page`](super::LogReader::page).
    Page(PageStart),
    /// [`LogReader::search`](super::LogReader::search).
    Search {
        /// The query as typed.
        query: String,
        /// Only messages with a smaller ord; 0 for the newest.
        before: u64,
    },
    /// A query of a client with the capability "rooms".
    Room(RoomQuery),
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryResult {
    /// The result of [`QueryKind::Page`].
    Page(HistoryPage),
    /// The result of [`QueryKind::Search`].
    Search(SearchResults),
    /// The result of [`QueryKind::Room`].
    Room(RoomResult),
}
