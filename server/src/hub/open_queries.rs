//! The queries to the log without a result.

use std::{collections::HashMap, net::IpAddr};

use super::{connection_table::ConnectionId, room_queries::RoomPurpose, shared_bound::SharedBound};

/// The most queries of all connections without a result, apart from searches.
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

/// Open queries by token.
#[derive(Debug, Default)]
pub(super) struct OpenQueries {
    by_token: HashMap<u64, OpenQuery>,
    searches: SharedBound,
    pages: SharedBound,
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
        self.bound(&query).add(query.address, 1);
        self.by_token.insert(self.last_token, query);
        self.last_token
    }

    /// Removes a query that has a result.
    pub(super) fn close(&mut self, token: u64) -> Option<OpenQuery> {
        let query = self.by_token.remove(&token)?;
        self.bound(&query).remove(query.address, 1);
        Some(query)
    }

    /// Removes all queries of a connection. Returns them with their tokens.
    pub(super) fn close_all(&mut self, conn: ConnectionId) -> Vec<(u64, OpenQuery)> {
        let of_conn = self.by_token.iter().filter(|(_, query)| query.conn == conn);
        let tokens: Vec<_> = of_conn.map(|(token, _)| *token).collect();
        tokens.into_iter().filter_map(|token| Some((token, self.close(token)?))).collect()
    }

    fn bound(&mut self, query: &OpenQuery) -> &mut SharedBound {
        if query.purpose.is_search() { &mut self.searches } else { &mut self.pages }
    }

    /// The number of entries in all tables.
    pub(super) fn table_size(&self) -> usize {
        self.by_token.len() + self.searches.table_size() + self.pages.table_size()
    }
}
