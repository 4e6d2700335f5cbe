//! Queries that the threads of a log execute.

use std::net::IpAddr;

use parlour_core::model::UserId;

use super::RoomQuery;

/// The requester of a query. Queries of different addresses are executed in turn, and so are those of the accounts of an
/// address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requester {
    /// The address; `None` for the server itself.
    pub address: Option<IpAddr>,
    /// The account; `None` for the server itself.
    pub account: Option<UserId>,
}

/// A query to the log. Its result is a [`RoomResult`](super::RoomResult).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The requester.
    pub requester: Requester,
    /// The query.
    pub query: RoomQuery,
}
