//! Logins that wait until the log has created their account, or has given it its nick again.
//!
//! The nick is in use meanwhile, so that no other login gets it. The connection may end: then the login continues without
//! it, and the session counts as lost, so that the client's next login finds it. A next login that comes earlier takes the
//! place of the connection. The number is bounded by that of the proposals in the append queue.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parlour_core::model::UserId;

use super::{
    connection_table::ConnectionId,
    login::Entrance,
    sessions::{self, Hash},
};

/// A login that waits for the log.
#[derive(Debug)]
pub(super) struct PendingLogin {
    /// The connection that is welcomed; `None` if it has ended.
    pub conn: Option<ConnectionId>,
    /// Its ordinal among all connections since the start.
    pub opened: u64,
    /// The address of the latest connection.
    pub address: IpAddr,
    /// The key of the nick.
    pub key: Arc<str>,
    /// The details of the login.
    pub entrance: Entrance,
}

/// Pending logins by account.
#[derive(Debug, Default)]
pub(super) struct PendingLogins {
    by_account: HashMap<UserId, PendingLogin>,
    by_session: HashMap<Hash, UserId>,
}

impl PendingLogins {
    /// Adds a login.
    pub fn insert(&mut self, account: UserId, login: PendingLogin) {
        self.by_session.insert(sessions::hash(&login.entrance.secret), account);
        self.by_account.insert(account, login);
    }

    /// The login of a session, and its account.
    pub fn of_session(&mut self, session: &Hash) -> Option<(UserId, &mut PendingLogin)> {
        let account = *self.by_session.get(session)?;
        Some((account, self.by_account.get_mut(&account)?))
    }

    /// Returns `true` if a login of this account is pending.
    pub fn contains(&self, account: UserId) -> bool {
        self.by_account.contains_key(&account)
    }

    /// Removes a login that the log has answered.
    pub fn remove(&mut self, account: UserId) -> Option<PendingLogin> {
        let login = self.by_account.remove(&account)?;
        self.by_session.remove(&sessions::hash(&login.entrance.secret));
        Some(login)
    }

    /// The connection of a login has ended.
    pub fn disconnect(&mut self, account: UserId, conn: ConnectionId) {
        if let Some(login) = self.by_account.get_mut(&account)
            && login.conn == Some(conn)
        {
            login.conn = None;
        }
    }

    /// The number of logins.
    pub fn len(&self) -> usize {
        self.by_account.len()
    }

    /// The number of entries in all tables.
    pub fn table_size(&self) -> usize {
        self.by_account.len() + self.by_session.len()
    }
}
