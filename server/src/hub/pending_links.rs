//! The login of another device with a code that one of the account has made.
//!
//! The code is used up, and the login waits until the log has the session of the device: a device that was welcomed returns to
//! its account after a crash. If the append fails, the session is appended again, and the device has to log in again. With the
//! same secret it finds its login here.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use parlour_core::{model::UserId, status::Status};

use super::{
    Hub,
    append_queue::RETRY_INTERVAL_MS,
    connection_table::ConnectionId,
    login::{BUSY_RETRY_MS, Entrance},
    sessions::{self, Hash},
};

/// A login that waits until the log has its session.
#[derive(Debug)]
struct PendingLink {
    /// The connection that is welcomed; `None` if it has ended.
    conn: Option<ConnectionId>,
    /// Its ordinal among all connections since the start.
    opened: u64,
    /// The address of the latest connection.
    address: IpAddr,
    account: UserId,
    entrance: Entrance,
}

/// Pending logins by session. Their number is bounded by that of the codes.
#[derive(Debug, Default)]
pub(super) struct PendingLinks {
    by_session: HashMap<Hash, PendingLink>,
    /// The batches with the sessions, in order.
    order: VecDeque<(u64, Hash)>,
}

impl PendingLinks {
    fn insert(&mut self, batch: u64, session: Hash, link: PendingLink) {
        self.by_session.insert(session, link);
        self.order.push_back((batch, session));
    }

    /// The ordinal of the latest connection of a pending login, and the counter of its attempts.
    pub fn last_attempt(&self, session: &Hash) -> Option<(u64, &str)> {
        self.by_session.get(session).map(|link| (link.opened, &*link.entrance.attempt))
    }

    /// Takes a login whose session is in a batch up to this one.
    fn pop(&mut self, batch: u64) -> Option<(Hash, PendingLink)> {
        let (_, session) = self.order.pop_front_if(|(of, _)| *of <= batch)?;
        Some((session, self.by_session.remove(&session)?))
    }

    /// The connection of a login has ended.
    pub fn disconnect(&mut self, conn: ConnectionId) {
        if let Some(link) = self.by_session.values_mut().find(|link| link.conn == Some(conn)) {
            link.conn = None;
        }
    }

    /// The number of entries in all tables.
    pub fn table_size(&self) -> usize {
        self.by_session.len() + self.order.len()
    }
}

impl Hub {
    /// Logs a device in with a code that another device of the account has made.
    pub(super) fn enter_by_link(&mut self, conn: ConnectionId, code: &str, entrance: Entrance) {
        let Some((opened, address)) = self.connections.get(conn).map(|c| (c.opened, c.address)) else {
            return;
        };
        let now = self.now;
        if let Some(wait) = self.append_queue.retry_after(now, address, 0) {
            // The code is not used up.
            return self.reject_later(conn, Status::LogUnavailable, wait);
        }
        let links = &mut self.rooms.links;
        let account = match self.address_limits.look_up_link(now, address, || links.redeem(now, code)) {
            Ok(account) => account,
            Err(wait) => return self.reject_later(conn, Status::RateLimited, wait),
        };
        let Some(account) = account.filter(|account| self.is_reachable(*account)) else {
            return self.reject(conn, Status::LoginRefused, None);
        };
        if let Some(c) = self.connections.get_mut(conn) {
            c.pending_login = Some(account);
        }
        let session = sessions::hash(&entrance.secret);
        self.note_session(&session, account);
        self.persist_session(&session, account, None);
        let link = PendingLink { conn: Some(conn), opened, address, account, entrance };
        self.pending_links.insert(self.append_queue.next_batch(), session, link);
    }

    /// Returns `true` if a device can be connected to an account: it is online, or it holds its nick. Otherwise its code has
    /// expired long ago.
    fn is_reachable(&self, account: UserId) -> bool {
        self.accounts.online(account).is_some()
            || self.accounts.holds_nick(account) && !self.pending_logins.contains(account)
    }

    /// The device of a pending login has a new connection.
    pub(super) fn repeat_pending_link(&mut self, conn: ConnectionId, session: &Hash, entrance: Entrance) {
        let Some((opened, address)) = self.connections.get(conn).map(|c| (c.opened, c.address)) else {
            return;
        };
        if let Some(wait) = self.append_queue.retry_after(self.now, address, 0) {
            return self.reject_later(conn, Status::LogUnavailable, wait);
        }
        let Some(link) = self.pending_links.by_session.get_mut(session) else { return };
        (link.opened, link.address, link.entrance) = (opened, address, entrance);
        // It was not welcomed yet.
        link.entrance.resumed = false;
        let (before, account) = (link.conn.replace(conn), link.account);
        if let Some(c) = self.connections.get_mut(conn) {
            c.pending_login = Some(account);
        }
        if let Some(before) = before {
            self.reject(before, Status::Replaced, None);
        }
    }

    /// Connects the devices whose sessions are in the log.
    pub(super) fn admit_linked(&mut self) {
        while let Some((session, link)) = self.pending_links.pop(self.append_queue.settled_batches()) {
            let PendingLink { conn, opened, address, account, entrance } = link;
            if let Some(c) = conn.and_then(|conn| self.connections.get_mut(conn)) {
                c.pending_login = None;
            }
            match conn {
                Some(conn) if self.is_reachable(account) => self.admit(conn, account, entrance),
                conn => {
                    self.sessions.note_login(&session, opened, &entrance.attempt);
                    self.lose_session(&session, account, address, false);
                    if let Some(conn) = conn {
                        self.reject_later(conn, Status::Busy, BUSY_RETRY_MS);
                    }
                }
            }
        }
    }

    /// A batch has failed, so that sessions may not be in the log: they are appended again.
    pub(super) fn append_links_again(&mut self) {
        let (failed, next) = (self.append_queue.answered_batches(), self.append_queue.next_batch());
        while let Some((session, mut link)) = self.pending_links.pop(failed) {
            self.persist_session(&session, link.account, None);
            if let Some(conn) = link.conn.take() {
                if let Some(c) = self.connections.get_mut(conn) {
                    c.pending_login = None;
                }
                self.reject_later(conn, Status::LogUnavailable, RETRY_INTERVAL_MS);
            }
            self.pending_links.insert(next, session, link);
        }
    }
}
