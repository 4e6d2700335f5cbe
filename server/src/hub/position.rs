//! The position that a client states at login, compared with the log.
//!
//! A log that was restored from a copy gives the same sequence numbers to other messages. Normally it has another id
//! then (`store/sqlite/epoch.rs`). If it has not, because its whole directory was replaced, the client's position is
//! beyond the end of the room, or the message there has another id. If that message is older than the cache, the login
//! waits for a query to the log.

use parlour_core::{
    Millis,
    model::{MessageId, RoomId},
    status::Status,
    wire,
};

use super::{
    Hub,
    connection_table::ConnectionId,
    open_queries::{OpenQuery, Purpose},
    output::Output,
};
use crate::store::{HistoryPage, LogError, PageSize, PageStart, Query, QueryKind, QueryResult, Requester};

/// The time after which a login is retried that cannot be handled now.
pub(super) const BUSY_RETRY_MS: Millis = 500;

/// The position of a client in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// It has all messages up to this one; `None` if it has none of this log.
    After(Option<u64>),
    /// Its position is not in this log.
    Reset,
}

impl Position {
    /// The sequence number up to which the client has all messages.
    pub(super) fn seq(self) -> Option<u64> {
        match self {
            Self::After(seq) => seq,
            Self::Reset => None,
        }
    }
}

/// A login that waits until its position is compared with the log.
#[derive(Debug)]
pub(super) struct WaitingLogin {
    nick: String,
    login: wire::Login,
    seq: u64,
    id: MessageId,
}

impl Hub {
    /// Logs in a client, once its position in the room is compared with the log.
    pub(super) fn check_position(&mut self, conn: ConnectionId, nick: String, login: wire::Login) {
        let stated = login.positions.iter().find(|position| position.room.is_empty());
        let Some(stated) = stated.filter(|position| login.log == self.log && position.seq > 0) else {
            return self.enter(conn, nick, &login, Position::After(None));
        };
        let seq = stated.seq;
        let is_here = match MessageId::from_wire(&stated.id) {
            // The client does not know the id.
            None => Some(seq <= self.lobby.recent.last()),
            Some(id) => match self.lobby.recent.has(seq, id) {
                None => return self.query_position(conn, WaitingLogin { nick, login, seq, id }),
                known => known,
            },
        };
        let position = if is_here == Some(true) { Position::After(Some(seq)) } else { Position::Reset };
        self.enter(conn, nick, &login, position);
    }

    /// Reads the message at the client's position.
    fn query_position(&mut self, conn: ConnectionId, waiting: WaitingLogin) {
        let Some(c) = self.connections.get_mut(conn) else { return };
        let address = c.address;
        if !self.queries.allow_page(address) {
            return self.reject_later(conn, Status::Busy, BUSY_RETRY_MS);
        }
        c.open_queries += 1;
        let query = Query {
            requester: Requester { address: Some(address), account: None },
            room: RoomId::LOBBY,
            kind: QueryKind::Page(PageStart::After(waiting.seq - 1)),
            size: PageSize { messages: 1, bytes: 0 },
        };
        let purpose = Purpose::Position(Box::new(waiting));
        let token = self.queries.open(OpenQuery { conn, address, purpose });
        self.out.put(Output::Read { token, query });
    }

    /// Continues a login whose position was read.
    pub(super) fn position_read(
        &mut self,
        conn: ConnectionId,
        waiting: WaitingLogin,
        result: Result<QueryResult, LogError>,
    ) {
        let WaitingLogin { nick, login, seq, id } = waiting;
        let is_other = |page: &HistoryPage| {
            // A message that retention has deleted is not there; that is no contradiction.
            page.messages.first().is_some_and(|message| message.place.ord == seq && message.id != id)
        };
        let position = match result {
            Ok(QueryResult::Page(page)) if is_other(&page) => Position::Reset,
            Ok(_) => Position::After(Some(seq)),
            Err(_) => {
                self.counters.refused += 1;
                return self.reject(conn, Status::LogUnavailable, None);
            }
        };
        self.enter(conn, nick, &login, position);
    }
}
