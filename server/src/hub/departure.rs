//! The end of connections, sessions and presence.
//!
//! An account departs when its last connection ends. The departure is published after the messages that it has sent
//! before. If the connection was lost, the nick is reserved for the account for a while.

use std::{net::IpAddr, sync::Arc};

use parlour_core::{codec, model::UserId, status::Status};

use super::{
    Hub,
    append_queue::Departure,
    connection::Peer,
    connection_table::ConnectionId,
    pending_logins::PendingLogin,
    sessions::{self, Hash, Session},
};
use crate::store::RowChange;

impl Hub {
    /// Closes a connection at the request of the client.
    pub(super) fn leave(&mut self, conn: ConnectionId) {
        self.close(conn, Status::Normal);
    }

    /// Removes a connection. With the last one its account departs. If the connection was `lost`, its session can be
    /// resumed; otherwise the session ends.
    pub(super) fn remove_connection(&mut self, conn: ConnectionId, lost: bool) {
        let Some(c) = self.connections.remove(conn) else { return };
        self.cancel_queries(conn, c.open_queries);
        if let Some(account) = c.pending_login {
            self.pending_logins.disconnect(account, conn);
            self.pending_links.disconnect(conn);
        }
        let Some(peer) = c.peer else { return };
        if c.is_login_queued {
            self.queries.remove_login(c.address, peer.account, conn);
        }
        if let Some(reading) = c.login_reading {
            self.rooms.cancel_login(peer.account, reading);
        }
        self.lobby.flush(&mut self.out);
        self.unsubscribe(&peer);
        let account = peer.account;
        let has_sent = self.accounts.online(account).is_some_and(|online| online.has_sent);
        if let Some(online) = self.accounts.disconnect(account, conn) {
            self.members -= 1;
            self.recovering_limits.put(self.now, c.address, account, online.limits);
            self.depart(account, online.last_batch);
        }
        self.rooms.disconnect(conn);
        if let Some(hash) = peer.session {
            if !lost {
                self.end_session(&hash);
            } else if self.sessions.detach(&hash, conn) {
                self.lose_session(&hash, account, c.address, has_sent);
            }
        }
        self.release_unreachable(account);
    }

    /// An account went offline. Its nick is reserved; [`release_unreachable`](Self::release_unreachable) frees it at once
    /// if no session can return to it.
    fn depart(&mut self, account: UserId, last_batch: u64) {
        let Some(known) = self.accounts.get(account) else { return };
        let (nick, key) = (known.nick.clone(), known.key.clone());
        self.reserve_nick(&key, account);
        if self.append_queue.is_settled(last_batch) {
            self.rooms.note_presence(account, &nick, false);
            return self.publish_departure(&nick);
        }
        let batch = self.append_queue.postpone_departure(account, nick.clone(), key.clone());
        self.rooms.begin_departure(account, batch);
        self.nicks.begin_departure(&key, &nick, batch, account);
    }

    fn reserve_nick(&mut self, key: &Arc<str>, account: UserId) {
        self.nicks.reserve(key, account);
        self.reserved.set(key.clone(), self.now + self.settings.name_grace);
    }

    /// The connection of a login ended before the log answered: the session is lost.
    pub(super) fn lose_pending_login(&mut self, account: UserId, login: &PendingLogin) {
        let hash = sessions::hash(&login.entrance.secret);
        self.note_session(&hash, account);
        self.sessions.note_login(&hash, login.opened, &login.entrance.attempt);
        self.reserve_nick(&login.key, account);
        self.lose_session(&hash, account, login.address, false);
    }

    /// A session has no connection any more.
    pub(super) fn lose_session(&mut self, hash: &Hash, account: UserId, address: IpAddr, has_sent: bool) {
        self.persist_session(hash, account, Some(self.unix_ms));
        if let Some((hash, session)) = self.sessions.lose(self.now, hash, address, has_sent) {
            self.end_lost_session(&hash, &session);
        }
    }

    /// The user has left: ends the session, and its other connections.
    fn end_session(&mut self, hash: &Hash) {
        let Some(session) = self.sessions.end(hash) else { return };
        self.accounts.end_session(session.account);
        self.append_queue.push_row(RowChange::EndSession(*hash));
        for conn in session.connections {
            if self.connections.get(conn).is_some() {
                self.close(conn, Status::Normal);
            }
        }
    }

    /// A lost session has expired, or was displaced by others. If no other session can return to the account, its nick is
    /// not reserved any more.
    pub(super) fn end_lost_session(&mut self, hash: &Hash, session: &Session) {
        self.accounts.end_session(session.account);
        self.append_queue.push_row(RowChange::EndSession(*hash));
        self.release_unreachable(session.account);
    }

    /// Forgets an account that is offline and that no session can return to. Its nick is free.
    fn release_unreachable(&mut self, account: UserId) {
        let Some(known) = self.accounts.get(account) else { return };
        if known.online.is_some() || known.has_session() {
            return;
        }
        let key = known.key.clone();
        if self.nicks.release(&key, Some(account)) {
            self.reserved.remove(&key);
        }
        self.accounts.forget(account);
        self.rooms.links.forget(account);
    }

    /// Publishes the departures that were postponed until the last messages of their members.
    pub(super) fn publish_departures(&mut self) {
        while let Some(Departure { batch, account, nick, key, present }) = self.append_queue.next_departure()
        {
            self.rooms.finish_departure(account, &present, batch);
            if self.nicks.finish_departure(&key, &nick, batch) {
                self.publish_departure(&nick);
            }
        }
    }

    /// Publishes the departure of a member.
    fn publish_departure(&mut self, nick: &Arc<str>) {
        self.lobby.flush(&mut self.out);
        self.lobby.members_changed();
        self.lobby.send_to_basic(self.now, codec::exit(nick), &self.nicks, &mut self.out);
    }

    /// Unsubscribes a connection from the room.
    pub(super) fn unsubscribe(&mut self, peer: &Peer) {
        let Some(index) = peer.subscription else { return };
        if let Some(moved) = self.lobby.unsubscribe(index)
            && let Some(moved) = self.connections.get_mut(moved).and_then(|c| c.peer.as_mut())
        {
            moved.subscription = peer.subscription;
        }
    }
}
