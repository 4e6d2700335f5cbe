//! History: the recent messages after a login, and pages and searches on request.

use parlour_core::{
    Millis,
    codec::{self, Extension},
    model::RoomId,
    status::Status,
    wire::{self, history_request},
};

use super::{
    Hub,
    connection_table::ConnectionId,
    open_queries::{OpenQuery, Purpose},
    output::Output,
    recent_messages,
    room_queries::RoomPurpose,
};
use crate::store::{
    LogError, PageSize, PageStart, Query, QueryKind, QueryResult, Requester, StoredMessage, is_searchable,
};

/// The largest page; its bytes are those of the message contents.
const MAX_PAGE: PageSize = PageSize { messages: 200, bytes: 64 * 1024 };
/// The most queries of one connection without a result.
const MAX_OPEN_QUERIES_PER_CONNECTION: u32 = 4;
/// The longest search query, in bytes.
const MAX_QUERY_BYTES: usize = 1_024;

impl Hub {
    /// Sends the messages after a position, or the newest ones.
    pub(super) fn replay_recent(&mut self, conn: ConnectionId, after: Option<u64>) {
        for frames in self.lobby.recent.since(after) {
            self.out.put(Output::Snapshot { conn, frames });
        }
    }

    /// Handles a request for a page of history.
    pub(super) fn request_history(
        &mut self,
        conn: ConnectionId,
        room: &[u8],
        request: &wire::HistoryRequest,
    ) {
        let start = match request.start {
            Some(history_request::Start::Before(seq)) => PageStart::Before(seq),
            Some(history_request::Start::After(seq)) => PageStart::After(seq),
            Some(history_request::Start::At(time)) => PageStart::At(time),
            None => PageStart::End,
        };
        self.query(conn, room, QueryKind::Page(start), request.count, request.request);
    }

    /// Handles a search.
    pub(super) fn request_search(&mut self, conn: ConnectionId, room: &[u8], request: &wire::SearchRequest) {
        if request.query.len() > MAX_QUERY_BYTES {
            return self.refuse_request(conn, Status::ContentTooLong, request.request, 0);
        }
        if !is_searchable(&request.query) {
            return self.refuse_request(conn, Status::SearchEmpty, request.request, 0);
        }
        let kind = QueryKind::Search { query: request.query.clone(), before: request.before };
        self.query(conn, room, kind, request.count, request.request);
    }

    fn query(&mut self, conn: ConnectionId, room: &[u8], kind: QueryKind, count: u32, request: u32) {
        if !room.is_empty() {
            return self.refuse_request(conn, Status::NoSuchRoom, request, 0);
        }
        let now = self.now;
        let is_search = matches!(kind, QueryKind::Search { .. });
        let Some(c) = self.connections.get_mut(conn) else { return };
        let (address, account) = (c.address, c.account());
        let Some(online) = account.and_then(|account| self.accounts.online_mut(account)) else { return };
        let is_open = match is_search {
            true => self.queries.allow_search(address),
            false => self.queries.allow_page(address),
        };
        let wait = match self.address_limits.take_query(now, address, &mut online.limits.history) {
            Err(wait) => Some(wait),
            Ok(()) if !is_open || c.open_queries >= MAX_OPEN_QUERIES_PER_CONNECTION => Some(500),
            Ok(()) => None,
        };
        if let Some(wait) = wait {
            return self.refuse_request(conn, Status::RateLimited, request, wait);
        }
        c.open_queries += 1;
        let requester = Requester { address: Some(address), account };
        let purpose = if is_search { Purpose::Search(request) } else { Purpose::Page(request) };
        let token = self.queries.open(OpenQuery { conn, address, purpose });
        let messages = if count == 0 { MAX_PAGE.messages } else { MAX_PAGE.messages.min(count as usize) };
        let query = Query { requester, room: RoomId::LOBBY, kind, size: PageSize { messages, ..MAX_PAGE } };
        self.out.put(Output::Read { token, query });
    }

    /// Cancels the queries of a connection that has ended, if it has `open` ones.
    pub(super) fn cancel_queries(&mut self, conn: ConnectionId, open: u32) {
        if open > 0 {
            for (token, query) in self.queries.close_all(conn) {
                self.out.put(Output::CancelRead { token });
                if let Purpose::Room(RoomPurpose::Row { reading, .. }) = query.purpose {
                    self.rooms.cancel_reload(reading);
                }
            }
        }
    }

    /// Handles the result of a query.
    pub fn handle_read(&mut self, now: Millis, token: u64, result: Result<QueryResult, LogError>) {
        self.now = now;
        let Some(result) = self.own_read(token, result) else { return };
        let Some(OpenQuery { conn, purpose, .. }) = self.queries.close(token) else { return };
        let Some(c) = self.connections.get_mut(conn) else { return };
        c.open_queries = c.open_queries.saturating_sub(1);
        let request = match purpose {
            Purpose::Page(request) | Purpose::Search(request) => request,
            Purpose::Room(purpose) => {
                let result = result.and_then(|result| match result {
                    QueryResult::Room(result) => Ok(result),
                    _ => Err(LogError::Failed("another result than was asked for".into())),
                });
                return self.room_read(conn, purpose, result);
            }
            Purpose::Position(waiting) => return self.position_read(conn, *waiting, result),
        };
        let page = match result {
            Ok(QueryResult::Page(page)) => wire::HistoryPage {
                request,
                frames: encoded(&page.messages),
                reached_start: page.reached_start(),
                reached_end: page.reached_end(),
                from: page.from,
                to: page.to,
                partial: false,
            },
            Ok(QueryResult::Search(mut found)) => {
                found.messages.reverse();
                wire::HistoryPage {
                    request,
                    frames: encoded(&found.messages),
                    reached_start: found.reached_start,
                    partial: found.partial.is_some(),
                    from: found.partial.unwrap_or(0),
                    ..wire::HistoryPage::default()
                }
            }
            Ok(QueryResult::Room(_)) | Err(_) => {
                return self.refuse_request(conn, Status::LogUnavailable, request, 2_000);
            }
        };
        self.out.send(conn, &codec::extension(Extension::HistoryPage(page)));
    }

    /// Refuses a request. A connection with too many refusals is closed.
    fn refuse_request(&mut self, conn: ConnectionId, status: Status, request: u32, wait: Millis) {
        self.counters.refused += 1;
        let now = self.now;
        if self.limits_mut(conn).is_none_or(|limits| limits.refusals.take(now).is_err()) {
            return self.close(conn, Status::RateLimited);
        }
        let mut envelope = codec::refusal(status, None, u32::try_from(wait).unwrap_or(u32::MAX), None);
        if let Some(Extension::Refusal(refusal)) = &mut envelope.extension {
            refusal.request = request;
        }
        self.out.send(conn, &envelope);
    }
}

fn encoded(messages: &[StoredMessage]) -> Vec<bytes::Bytes> {
    messages.iter().map(recent_messages::encode).collect()
}
