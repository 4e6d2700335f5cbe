//! The sizes of the hub's tables. Each is bounded, and empty again when all clients have left and their grace times are
//! over.

use super::Hub;

/// The number of entries in each table.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct TableSizes {
    /// Connections.
    pub connections: usize,
    /// Accounts that are online or have a session, and their nicks.
    pub accounts: usize,
    /// Logins that wait for the log.
    pub pending_logins: usize,
    /// Nicks in use, with their skeletons; the server's name is always there.
    pub nicks: usize,
    /// Reservations of nicks.
    pub reserved: usize,
    /// Sessions, connected or lost.
    pub sessions: usize,
    /// Rate limits of accounts that are offline.
    pub recovering_limits: usize,
    /// Rate limits of addresses.
    pub address_limits: usize,
    /// Addresses that have logged in lately.
    pub logins: usize,
    /// Room lists of accounts that are online, rooms in them, and what waits for them.
    pub rooms: usize,
    /// Basic clients, and what is not delivered to them.
    pub lobby: usize,
    /// Ids of messages that must be sent again before others, of all connections.
    pub awaited_resends: usize,
    /// Proposals and row changes for the log, and what waits for them.
    pub append_queue: usize,
    /// Queries to the log.
    pub queries: usize,
    /// Login deadlines.
    pub unauthenticated: usize,
    /// Deadlines of slow consumers.
    pub slow_consumers: usize,
}

impl Hub {
    /// The sizes of all tables.
    #[must_use]
    pub fn table_sizes(&self) -> TableSizes {
        // Without `..`, so that a new table is not forgotten.
        let Self {
            connections,
            accounts,
            pending_logins,
            pending_links,
            nicks,
            sessions,
            lobby,
            rooms,
            reloads,
            list_version: _,
            resolution,
            early,
            append_queue,
            admission,
            queries,
            reserved,
            recovering_limits,
            address_limits,
            unauthenticated,
            slow_consumers,
            settings: _,
            random: _,
            log: _,
            opened: _,
            members: _,
            out: _,
            now: _,
            unix_ms: _,
            counters: _,
            stopping: _,
        } = self;
        TableSizes {
            connections: connections.iter().count(),
            awaited_resends: connections.iter().map(|(_, connection)| connection.order.len()).sum(),
            accounts: accounts.table_size(),
            pending_logins: pending_logins.table_size() + pending_links.table_size(),
            nicks: nicks.table_size(),
            reserved: reserved.table_size(),
            sessions: sessions.table_size(),
            recovering_limits: recovering_limits.table_size(),
            address_limits: address_limits.table_size(),
            logins: admission.table_size(),
            lobby: lobby.table_size(),
            rooms: rooms.table_size() + reloads.len() + resolution.table_size() + early.len(),
            append_queue: append_queue.table_size(),
            queries: queries.table_size(),
            unauthenticated: unauthenticated.len(),
            slow_consumers: slow_consumers.len(),
        }
    }
}
