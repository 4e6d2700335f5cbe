//! Dispatch of incoming requests.

use parlour_core::{
    codec::{self, Kind},
    model::MessageId,
    request::{Extension, Request},
    status::Status,
    wire,
};

use super::{Hub, connection_table::ConnectionId};

impl Hub {
    /// Routes a request by its kind and by whether the connection is logged in.
    pub(super) fn dispatch(&mut self, conn: ConnectionId, request: Request) {
        let Some(c) = self.connections.get(conn) else { return };
        let (logged_in, is_waiting) = (c.peer.is_some(), c.is_waiting());
        let kind = request.kind();
        if is_waiting {
            // The login is not answered yet.
            return self.reject(conn, Status::NotLoggedIn, None);
        }
        match (kind, logged_in) {
            (Kind::Login, false) => return self.login(conn, request),
            (Kind::Extension, false) => return self.reject(conn, Status::NotLoggedIn, None),
            (_, false) => {
                if !self.login_basic(conn, &request) {
                    return;
                }
            }
            (_, true) => {}
        }
        match kind {
            Kind::Message => return self.send_message(conn, request),
            // Not limited: it ends the connection.
            Kind::Exit => return self.leave(conn),
            Kind::Login | Kind::UserList | Kind::Extension => {}
        }
        if !self.allow_control(conn, &request) {
            return;
        }
        match kind {
            Kind::Message | Kind::Exit => {}
            Kind::Login => self.refuse(conn, Status::AlreadyLoggedIn, None, 0, None),
            Kind::UserList => self.send_user_list(conn),
            Kind::Extension => self.dispatch_extension(conn, request),
        }
    }

    /// Routes a request with an extension.
    fn dispatch_extension(&mut self, conn: ConnectionId, request: Request) {
        match request.extension {
            Some(Extension::Ping(ping)) => {
                let pong = wire::Pong { nonce: ping.nonce };
                self.out.send(conn, &codec::extension(codec::Extension::Pong(pong)));
            }
            Some(Extension::Pong(_)) => {}
            Some(Extension::Command(command)) => self.handle_command(conn, &command),
            _ => self.refuse(conn, Status::Unsupported, MessageId::from_wire(&request.id), 0, None),
        }
    }

    /// Takes a token for a request that is not a message. Refuses the request and returns `false` if there is
    /// none.
    pub(super) fn allow_control(&mut self, conn: ConnectionId, request: &Request) -> bool {
        let now = self.now;
        match self.limits_mut(conn).map(|limits| limits.control.take(now)) {
            Some(Ok(())) => true,
            Some(Err(wait)) => {
                self.refuse(conn, Status::RateLimited, MessageId::from_wire(&request.id), wait, None);
                false
            }
            None => false,
        }
    }
}
