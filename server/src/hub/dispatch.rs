//! Dispatch of incoming envelopes.

use parlour_core::{
    codec::{self, Envelope, Extension, Kind},
    model::MessageId,
    status::Status,
    wire,
};

use super::{Hub, connection_table::ConnectionId};

impl Hub {
    /// Routes an envelope by its kind and by whether the connection is logged in.
    pub(super) fn dispatch(&mut self, conn: ConnectionId, envelope: Envelope) {
        let Some(c) = self.connections.get(conn) else { return };
        let (logged_in, is_waiting) = (c.peer.is_some(), c.peer.is_none() && c.open_queries > 0);
        let kind = codec::kind(&envelope);
        if is_waiting {
            // The login is not answered yet.
            return self.reject(conn, Status::NotLoggedIn, None);
        }
        match (kind, logged_in) {
            (Kind::Login, false) => return self.login(conn, envelope),
            (Kind::Extension, false) => return self.reject(conn, Status::NotLoggedIn, None),
            (_, false) => {
                if !self.login_basic(conn, &envelope) {
                    return;
                }
            }
            (_, true) => {}
        }
        if kind == Kind::Message {
            return self.send_message(conn, envelope);
        }
        if !self.allow_control(conn, &envelope) {
            return;
        }
        match kind {
            Kind::Message => {}
            Kind::Login => self.refuse(conn, Status::AlreadyLoggedIn, None, 0, None),
            Kind::Exit => self.leave(conn),
            Kind::UserList => self.send_user_list(conn),
            Kind::Extension => self.dispatch_extension(conn, envelope),
        }
    }

    /// Routes an envelope with an extension.
    fn dispatch_extension(&mut self, conn: ConnectionId, envelope: Envelope) {
        match envelope.extension {
            Some(Extension::Ping(ping)) => {
                let pong = wire::Pong { nonce: ping.nonce };
                self.out.send(conn, &codec::extension("", Extension::Pong(pong)));
            }
            Some(Extension::Pong(_)) => {}
            Some(Extension::HistoryRequest(request)) => self.request_history(conn, &envelope.room, &request),
            Some(Extension::SearchRequest(request)) => self.request_search(conn, &envelope.room, &request),
            Some(Extension::RosterRequest(_)) => {
                let now = self.now;
                match self.connections.get_mut(conn).map(|c| c.member_snapshots.take(now)) {
                    Some(Ok(())) => {
                        self.lobby.flush(&mut self.out);
                        self.lobby.send_snapshot(conn, self.unix_ms, &self.nicks, &mut self.out);
                    }
                    Some(Err(wait)) => self.refuse(conn, Status::RateLimited, None, wait, None),
                    None => {}
                }
            }
            _ => self.refuse(conn, Status::Unsupported, MessageId::from_wire(&envelope.id), 0, None),
        }
    }

    /// Takes a token for an envelope that is not a message. Refuses the envelope and returns `false` if there
    /// is none.
    pub(super) fn allow_control(&mut self, conn: ConnectionId, envelope: &Envelope) -> bool {
        let now = self.now;
        match self.connections.get_mut(conn).map(|c| c.control.take(now)) {
            Some(Ok(())) => true,
            Some(Err(wait)) => {
                self.refuse(conn, Status::RateLimited, MessageId::from_wire(&envelope.id), wait, None);
                false
            }
            None => false,
        }
    }
}
