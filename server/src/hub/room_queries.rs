//! Queries to the log, and their results: answers to commands, rows and windows.

use std::net::IpAddr;

use bytes::Bytes;
use parlour_core::{
    Millis,
    model::{RoomId, UserId},
    status::Status,
    wire::{response, server_event::Body},
};

use super::{
    Hub,
    append_queue::RETRY_INTERVAL_MS,
    connection_table::ConnectionId,
    open_queries::OpenQuery,
    output::Output,
    room_answers,
    room_login::RoomLogin,
    rooms::{Subscribed, events, published::Reading},
};
use crate::store::{
    LogError, Place, Query, Requester, RoomResult,
    room_query::{RoomQuery, WindowStart},
};

/// The purpose of a query.
#[derive(Debug)]
pub(super) enum RoomPurpose {
    /// A login.
    Login(Box<RoomLogin>),
    /// The answer to the command with this number is the result.
    Answer { request: u32, is_search: bool },
    /// The row of a room that the account has created or joined by a command: with the row as the answer, or with a place.
    Row { request: u32, room: RoomId, place: Option<Place>, reading: Reading },
    /// A subscription: the window is the answer to a command, or continues the subscription of a slow consumer.
    Window { request: Option<u32>, room: RoomId, ticket: u64, position: WindowStart },
}

impl RoomPurpose {
    /// Returns `true` for a search.
    pub(super) fn is_search(&self) -> bool {
        matches!(self, Self::Answer { is_search: true, .. })
    }
}

impl Hub {
    /// Handles the result of a query.
    pub fn handle_read(&mut self, now: Millis, token: u64, result: Result<RoomResult, LogError>) {
        self.now = now;
        let Some(result) = self.own_read(token, result) else { return };
        let Some(OpenQuery { conn, purpose, .. }) = self.queries.close(token) else { return };
        if let Some(c) = self.connections.get_mut(conn) {
            c.open_queries = c.open_queries.saturating_sub(1);
            self.room_read(conn, purpose, result);
        }
        self.read_queued_logins();
    }

    /// Cancels the queries of a connection that has ended, if it has `open` ones.
    pub(super) fn cancel_queries(&mut self, conn: ConnectionId, open: u32) {
        if open > 0 {
            for (token, query) in self.queries.close_all(conn) {
                self.out.put(Output::CancelRead { token });
                if let RoomPurpose::Row { reading, .. } = query.purpose {
                    self.rooms.cancel_reload(reading);
                }
            }
            self.read_queued_logins();
        }
    }

    /// Reads the state of a room for a subscription.
    pub(super) fn read_window(
        &mut self,
        conn: ConnectionId,
        room: RoomId,
        ticket: u64,
        position: WindowStart,
        request: Option<u32>,
    ) {
        let Some(account) = self.viewer(conn) else { return };
        let purpose = RoomPurpose::Window { request, room, ticket, position };
        self.open_room_query(conn, account, purpose, RoomQuery::Window(room, position));
    }

    pub(super) fn open_room_query(
        &mut self,
        conn: ConnectionId,
        account: UserId,
        purpose: RoomPurpose,
        query: RoomQuery,
    ) {
        let Some(c) = self.connections.get_mut(conn) else { return };
        c.open_queries += 1;
        let address = c.address;
        let token = self.queries.open(OpenQuery { conn, address, purpose });
        self.read_for(token, address, account, query);
    }

    /// Queries the log for an account.
    pub(super) fn read_for(&mut self, token: u64, address: IpAddr, account: UserId, query: RoomQuery) {
        let requester = Requester { address: Some(address), account: Some(account) };
        self.out.put(Output::Read { token, query: Query { requester, query } });
    }

    /// Handles the result of a query of a client.
    pub(super) fn room_read(
        &mut self,
        conn: ConnectionId,
        purpose: RoomPurpose,
        result: Result<RoomResult, LogError>,
    ) {
        match purpose {
            RoomPurpose::Login(login) => self.room_login_read(conn, *login, result),
            RoomPurpose::Answer { request, .. } => match result {
                Ok(result) => self.answer_read(conn, request, &result),
                Err(_) => self.refuse_command(conn, request, Status::LogUnavailable, RETRY_INTERVAL_MS, None),
            },
            RoomPurpose::Row { request, room, place, reading } => {
                self.row_read(conn, (request, room, place), reading, result);
            }
            RoomPurpose::Window { request, room, ticket, position } => {
                self.window_read(conn, (request, room, ticket, position), result);
            }
        }
    }

    fn answer_read(&mut self, conn: ConnectionId, request: u32, result: &RoomResult) {
        let present = self.present();
        let answer = match result {
            RoomResult::Page(page) => response::Result::Page(room_answers::page(page, present)),
            RoomResult::Search(found) => response::Result::Page(room_answers::found(found, present)),
            RoomResult::Revisions(revisions) => {
                response::Result::Page(room_answers::revisions(revisions, present))
            }
            RoomResult::Reactions(page) => response::Result::People(room_answers::reactions(page, present)),
            RoomResult::Browse(page) => response::Result::Rooms(room_answers::rooms(page)),
            RoomResult::Members(page) => response::Result::People(room_answers::members(page, present)),
            RoomResult::People(people) => response::Result::People(room_answers::people(people, present)),
            RoomResult::Refused(status) => return self.refuse_command(conn, request, *status, 0, None),
            RoomResult::Login(_)
            | RoomResult::Row(_)
            | RoomResult::Window(_)
            | RoomResult::Events(_)
            | RoomResult::Names(_)
            | RoomResult::Version(_) => {
                return self.refuse_command(conn, request, Status::Internal, 0, None);
            }
        };
        self.respond(conn, request, answer);
    }

    /// The row of a room that the account has created or joined was read.
    fn row_read(
        &mut self,
        conn: ConnectionId,
        (request, room, place): (u32, RoomId, Option<Place>),
        reading: Reading,
        result: Result<RoomResult, LogError>,
    ) {
        let Some(account) = self.viewer(conn) else { return self.rooms.cancel_reload(reading) };
        let Ok(RoomResult::Row(row)) = result else {
            self.rooms.cancel_reload(reading);
            return self.refuse_command(conn, request, Status::LogUnavailable, RETRY_INTERVAL_MS, None);
        };
        self.rooms.reloaded(account, room, row.as_deref(), reading, &mut self.out);
        match (place, self.rooms.row_of(conn, room)) {
            (Some(place), _) => self.respond_done(conn, request, place),
            (None, Some(row)) => self.respond(conn, request, response::Result::Room(row)),
            // It has left the room meanwhile.
            (None, None) => self.refuse_command(conn, request, Status::NoSuchRoom, 0, None),
        }
    }

    /// The state of a room was read for a subscription.
    fn window_read(
        &mut self,
        conn: ConnectionId,
        (request, room, ticket, position): (Option<u32>, RoomId, u64, WindowStart),
        result: Result<RoomResult, LogError>,
    ) {
        let window = match result {
            Ok(RoomResult::Window(window)) => window,
            Ok(RoomResult::Refused(status)) => return self.end_window(conn, room, ticket, request, status),
            _ => return self.end_window(conn, room, ticket, request, Status::LogUnavailable),
        };
        match self.rooms.subscribed(conn, room, ticket, window.seq, &mut self.out) {
            Subscribed::Early => {
                let purpose = RoomPurpose::Window { request, room, ticket, position };
                self.early.push((conn, purpose, RoomResult::Window(window)));
            }
            Subscribed::Outdated => self.read_window(conn, room, ticket, position, request),
            Subscribed::Replaced => {
                // Another tab of the client has subscribed meanwhile, and its window follows.
                if let Some(request) = request {
                    let wire = self.wire_window(&window);
                    self.respond(conn, request, response::Result::Window(wire));
                }
            }
            Subscribed::Overtaken => {
                if request.is_some()
                    && let Ok(ticket) = self.rooms.subscribe(conn, room, &mut self.out)
                {
                    self.read_window(conn, room, ticket, position, request);
                }
            }
            Subscribed::Ended => {
                if let Some(request) = request {
                    self.refuse_command(conn, request, Status::NotAMember, 0, None);
                }
            }
            Subscribed::Live(later) => {
                let wire = self.wire_window(&window);
                match request {
                    Some(request) => self.respond(conn, request, response::Result::Window(wire)),
                    None => self.out.send(conn, &events::of_room(room, Body::Window(wire))),
                }
                self.send_later(conn, later);
            }
        }
    }

    /// Sends the events that were published after those of a window.
    pub(super) fn send_later(&mut self, conn: ConnectionId, later: Vec<Bytes>) {
        for event in later {
            let frames = crate::conn::frame::binary(&event);
            self.out.put(Output::Send { conn, frames });
        }
    }

    fn end_window(
        &mut self,
        conn: ConnectionId,
        room: RoomId,
        ticket: u64,
        request: Option<u32>,
        status: Status,
    ) {
        self.rooms.abandon(conn, room, ticket, &mut self.out);
        match request {
            Some(request) => self.refuse_command(conn, request, status, 0, None),
            // It would miss events without noticing.
            None if status == Status::LogUnavailable => self.close(conn, status),
            None => {}
        }
    }

    /// Repeats what was read too early, now that more is published.
    pub(super) fn retry_early(&mut self) {
        for (conn, purpose, result) in std::mem::take(&mut self.early) {
            if self.connections.get(conn).is_some() {
                self.room_read(conn, purpose, Ok(result));
            }
        }
    }
}
