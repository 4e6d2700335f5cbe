//! Connecting a client to its account and its session, after its login was accepted.

use parlour_core::model::{Dialect, UserId};

use super::{
    Hub, accounts::Online, connection::Peer, connection_table::ConnectionId, login::Entrance,
    nick_registry::Claim, output::Output, rate_limits::RateLimits, sessions,
};
use crate::store::{RowChange, SessionRecord};

impl Hub {
    /// Connects a client to its account, and answers its login.
    pub(super) fn admit(&mut self, conn: ConnectionId, account: UserId, entrance: Entrance) {
        let hash = sessions::hash(&entrance.secret);
        let has_rooms = entrance.rooms.is_some();
        let peer = Peer { account, subscription: None, has_rooms, session: Some(Box::new(hash)) };
        self.join(conn, peer, true);
        let Some(opened) = self.connections.get(conn).map(|c| c.opened) else { return };
        self.note_session(&hash, account);
        let is_connected = self.sessions.attach(&hash, conn, opened, &entrance.attempt);
        if entrance.resumed && !is_connected {
            self.persist_session(&hash, account, None);
        }
        self.out.put(Output::Identified { conn, dialect: Dialect::Rich, agent: entrance.agent.clone() });
        match entrance.rooms {
            Some(encoding) => self.queue_room_login(conn, account, encoding, entrance),
            None => self.welcome(conn, account, &entrance),
        }
    }

    /// Adds a session if it is new.
    pub(super) fn note_session(&mut self, hash: &sessions::Hash, account: UserId) {
        if self.sessions.get(hash).is_none() {
            self.sessions.insert(*hash, account);
            self.accounts.add_session(account);
        }
    }

    /// Stores a session in the log.
    pub(super) fn persist_session(&mut self, hash: &sessions::Hash, account: UserId, lost_at: Option<i64>) {
        let record = SessionRecord { hash: *hash, account, lost_at };
        self.append_queue.push_row(RowChange::PutSession(record));
    }

    /// Adds a connection to its account and to the room. An account that comes online is announced, unless its departure
    /// was not announced yet. `is_created` says that the log has the account.
    pub(super) fn join(&mut self, conn: ConnectionId, mut peer: Peer, is_created: bool) {
        self.lobby.flush(&mut self.out);
        let account = peer.account;
        let Some(address) = self.connections.get(conn).map(|c| c.address) else { return };
        let Some(nick) = self.accounts.get(account).map(|known| known.nick.clone()) else { return };
        match self.accounts.online_mut(account) {
            Some(online) => online.connections.push(conn),
            None => {
                self.members += 1;
                let key = self.nicks.insert(&nick, Claim::Online(account));
                self.reserved.remove(&key);
                let departing = self.nicks.cancel_departure(&key, &nick);
                if departing.is_none() {
                    self.lobby.members_changed();
                }
                let limits = self.recovering_limits.take(address, account);
                let limits = limits.unwrap_or_else(|| RateLimits::new(self.now, &self.settings.limits));
                let last_batch = departing.unwrap_or(0);
                let connections = vec![conn];
                let online = Online { connections, limits, has_sent: false, last_batch, is_created };
                self.accounts.connect(account, online);
                self.rooms.note_presence(account, &nick, true);
            }
        }
        if peer.session.is_none() {
            peer.subscription = Some(self.lobby.subscribe(conn));
        }
        if let Some(c) = self.connections.get_mut(conn) {
            c.peer = Some(peer);
        }
    }
}
