//! The queries to the log without a result.

use std::{collections::HashMap, net::IpAddr};

use parlour_core::model::UserId;

use super::{
    connection_table::ConnectionId, login::Entrance, room_queries::RoomPurpose, rooms::delivery::Encoding,
    shared_bound::SharedBound,
};
use crate::{fair_queue::FairQueue, store::Requester};

/// The most logins that read the log. One thread reads for all of them.
const MAX_OPEN_LOGINS: usize = 64;
/// The most queries of all connections without a result, apart from searches and logins.
const MAX_OPEN_PAGES: usize = 1_024;
/// The most searches of all connections without a result.
const MAX_OPEN_SEARCHES: usize = 128;
/// The same of one address.
const MAX_OPEN_SEARCHES_PER_ADDRESS: usize = 32;

/// A query of a connection without a result.
#[derive(Debug)]
pub(super) struct OpenQuery {
    pub(super) conn: ConnectionId,
    pub(super) address: IpAddr,
    pub(super) purpose: RoomPurpose,
}

/// A login that waits until others have been read.
#[derive(Debug)]
pub(super) struct QueuedLogin {
    pub(super) conn: ConnectionId,
    pub(super) account: UserId,
    pub(super) encoding: Encoding,
    pub(super) entrance: Entrance,
}

/// Open queries by token.
#[derive(Debug, Default)]
pub(super) struct OpenQueries {
    by_token: HashMap<u64, OpenQuery>,
    searches: SharedBound,
    pages: SharedBound,
    logins: usize,
    /// Logins that are read later. A connection has at most one.
    waiting_logins: FairQueue<QueuedLogin>,
    last_token: u64,
}

impl OpenQueries {
    /// Returns `true` if an address may ask for another page.
    pub(super) fn allow_page(&self, address: IpAddr) -> bool {
        self.pages.allows(address, 1, MAX_OPEN_PAGES)
    }

    /// Returns `true` if an address may search once more.
    pub(super) fn allow_search(&self, address: IpAddr) -> bool {
        self.searches.used_by(address) < MAX_OPEN_SEARCHES_PER_ADDRESS
            && self.searches.allows(address, 1, MAX_OPEN_SEARCHES)
    }

    /// A token for a query of the hub itself.
    pub(super) fn next_token(&mut self) -> u64 {
        self.last_token += 1;
        self.last_token
    }

    /// Registers a query. Returns its token, which is never 0.
    pub(super) fn open(&mut self, query: OpenQuery) -> u64 {
        self.last_token += 1;
        match self.bound(&query) {
            Some(bound) => bound.add(query.address, 1),
            None => self.logins += 1,
        }
        self.by_token.insert(self.last_token, query);
        self.last_token
    }

    /// Removes a query that has a result.
    pub(super) fn close(&mut self, token: u64) -> Option<OpenQuery> {
        let query = self.by_token.remove(&token)?;
        match self.bound(&query) {
            Some(bound) => bound.remove(query.address, 1),
            None => self.logins -= 1,
        }
        Some(query)
    }

    /// Removes all queries of a connection. Returns them with their tokens.
    pub(super) fn close_all(&mut self, conn: ConnectionId) -> Vec<(u64, OpenQuery)> {
        let of_conn = self.by_token.iter().filter(|(_, query)| query.conn == conn);
        let tokens: Vec<_> = of_conn.map(|(token, _)| *token).collect();
        tokens.into_iter().filter_map(|token| Some((token, self.close(token)?))).collect()
    }

    /// Registers a login that waits until others have been read.
    pub(super) fn queue_login(&mut self, address: IpAddr, login: QueuedLogin) {
        self.waiting_logins.push(requester(address, login.account), login);
    }

    /// Removes the waiting login of a connection.
    pub(super) fn remove_login(&mut self, address: IpAddr, account: UserId, conn: ConnectionId) {
        self.waiting_logins.remove_of(&requester(address, account), |login| login.conn == conn);
    }

    /// Takes the next login that may be read now.
    pub(super) fn next_login(&mut self) -> Option<QueuedLogin> {
        if self.logins < MAX_OPEN_LOGINS { self.waiting_logins.pop() } else { None }
    }

    /// The shared bound that a query counts to; `None` for a login.
    fn bound(&mut self, query: &OpenQuery) -> Option<&mut SharedBound> {
        match query.purpose {
            RoomPurpose::Login(_) => None,
            _ if query.purpose.is_search() => Some(&mut self.searches),
            _ => Some(&mut self.pages),
        }
    }

    /// The number of entries in all tables.
    pub(super) fn table_size(&self) -> usize {
        self.by_token.len() + self.waiting_logins.len() + self.searches.table_size() + self.pages.table_size()
    }
}

fn requester(address: IpAddr, account: UserId) -> Requester {
    Requester { address: Some(address), account: Some(account) }
}
