//! What a frame leads to.

use parlour_core::{
    codec::{self, Envelope, Extension, Kind},
    model::MessageId,
    status::Status,
    wire,
};

use super::{Hub, table::ConnId};

impl Hub {
    /// The table of what a frame leads to.
    pub(super) fn frame(&mut self, conn: ConnId, frame: Envelope) {
        let Some(known) = self.conns.get(conn).map(|c| c.peer.is_some()) else { return };
        let kind = codec::kind(&frame);
        match (kind, known) {
            (Kind::Login, false) => return self.login(conn, frame),
            (Kind::Extension, false) => return self.reject(conn, Status::NotLoggedIn, None),
            (_, false) => {
                if !self.greet(conn, &frame) {
                    return;
                }
            }
            (_, true) => {}
        }
        if kind == Kind::Message {
            return self.talk(conn, frame);
        }
        if !self.control(conn, &frame) {
            return;
        }
        match kind {
            Kind::Message => {}
            Kind::Login => self.refuse(conn, Status::AlreadyLoggedIn, None, 0, None),
            Kind::Exit => self.leave(conn),
            Kind::UserList => self.userlist(conn),
            Kind::Extension => self.extension(conn, frame),
        }
    }

    /// The frames that ask for something else than to be heard.
    fn extension(&mut self, conn: ConnId, frame: Envelope) {
        match frame.extension {
            Some(Extension::Ping(ping)) => {
                let pong = wire::Pong { nonce: ping.nonce };
                self.out.send(conn, &codec::extension("", Extension::Pong(pong)));
            }
            Some(Extension::Pong(_)) => {}
            Some(Extension::HistoryRequest(request)) => self.history(conn, &frame.room, &request),
            Some(Extension::SearchRequest(request)) => self.search(conn, &frame.room, &request),
            Some(Extension::RosterRequest(_)) => {
                let now = self.now;
                match self.conns.get_mut(conn).map(|c| c.rosters.take(now)) {
                    Some(Ok(())) => {
                        self.lobby.flush_talk(&mut self.out);
                        self.lobby.send_snapshot(conn, self.unix_ms, &self.names, &mut self.out);
                    }
                    Some(Err(wait)) => self.refuse(conn, Status::RateLimited, None, wait, None),
                    None => {}
                }
            }
            _ => self.refuse(conn, Status::Unsupported, MessageId::from_wire(&frame.id), 0, None),
        }
    }

    /// Takes a frame that is not talk out of its bucket.
    pub(super) fn control(&mut self, conn: ConnId, frame: &Envelope) -> bool {
        let now = self.now;
        match self.conns.get_mut(conn).map(|c| c.control.take(now)) {
            Some(Ok(())) => true,
            Some(Err(wait)) => {
                self.refuse(conn, Status::RateLimited, MessageId::from_wire(&frame.id), wait, None);
                false
            }
            None => false,
        }
    }
}
