//! The login of clients with the capability "rooms": one reading of the log, and one answer with the account, its rooms and
//! the room that is open.

use parlour_core::{
    codec::{self, Extension},
    model::{RoomId, UserId},
    status::Status,
    wire::{self, server_event::Body},
};

use super::{
    Hub,
    append_queue::RETRY_INTERVAL_MS,
    connection_table::ConnectionId,
    login::Entrance,
    open_queries::{OpenQuery, QueuedLogin},
    room_answers,
    room_queries::RoomPurpose,
    rooms::{MAX_SUBSCRIPTIONS, ReadList, Subscribed, delivery::Encoding, events, published::Reading},
};
use crate::store::{
    LogError, ROOM_NAME_CHARS, RoomResult, TOPIC_BYTES,
    room_query::{RoomQuery, Window, WindowStart},
};

/// A login that waits for the account's list.
#[derive(Debug)]
pub(super) struct RoomLogin {
    pub account: UserId,
    pub encoding: Encoding,
    pub entrance: Entrance,
    pub reading: Reading,
}

impl Hub {
    /// Reads what the answer to a login needs, as soon as the logins before it have been read.
    pub(super) fn queue_room_login(
        &mut self,
        conn: ConnectionId,
        account: UserId,
        encoding: Encoding,
        entrance: Entrance,
    ) {
        let Some(c) = self.connections.get_mut(conn) else { return };
        c.is_login_queued = true;
        self.queries.queue_login(c.address, QueuedLogin { conn, account, encoding, entrance });
        self.read_queued_logins();
    }

    /// Begins to read for the logins whose turn it is.
    pub(super) fn read_queued_logins(&mut self) {
        while let Some(login) = self.queries.next_login() {
            self.read_login(login);
        }
    }

    fn read_login(&mut self, login: QueuedLogin) {
        let QueuedLogin { conn, account, encoding, entrance } = login;
        let Some(c) = self.connections.get_mut(conn) else { return };
        c.is_login_queued = false;
        let address = c.address;
        let reading = self.rooms.begin_login(account);
        c.login_reading = Some(reading);
        c.open_queries += 1;
        let (since, open, position) = (entrance.since, entrance.open, entrance.open_position);
        let login = RoomLogin { account, encoding, entrance, reading };
        let purpose = RoomPurpose::Login(Box::new(login));
        let token = self.queries.open(OpenQuery { conn, address, purpose });
        self.read_for(token, address, account, RoomQuery::Login { since, open, position });
    }

    /// Answers a login with what was read.
    pub(super) fn room_login_read(
        &mut self,
        conn: ConnectionId,
        login: RoomLogin,
        result: Result<RoomResult, LogError>,
    ) {
        let RoomLogin { account, encoding, entrance, reading } = login;
        let Ok(RoomResult::Login(read)) = result else {
            return self.reject_later(conn, Status::LogUnavailable, RETRY_INTERVAL_MS);
        };
        if read.2.as_ref().is_some_and(|window| !self.rooms.is_published(entrance.open, window.seq)) {
            let login = RoomPurpose::Login(Box::new(RoomLogin { account, encoding, entrance, reading }));
            return self.early.push((conn, login, RoomResult::Login(read)));
        }
        let (mut all, changed, window) = *read;
        let is_settled = self.append_queue.is_settled(self.append_queue.next_batch() - 1);
        if !is_settled || self.reloads.values().any(|reload| reload.account == account) {
            // It may include events that are not published yet, or a row that is being read. The rows are those in memory.
            all.version = 0;
            self.list_version_changed();
        }
        if let Some(c) = self.connections.get_mut(conn) {
            c.login_reading = None;
        }
        let Some(nick) = self.accounts.get(account).map(|known| known.nick.clone()) else { return };
        self.rooms.connect(conn, encoding, (account, &nick), &all.rows, reading);
        self.rooms.note_presence(account, &nick, true);
        let list = ReadList { all, changed: changed.map(|changed| changed.rows) };
        let is_resumed = list.changed.is_some();
        let mut rows = self.rooms.login_rows(conn, &list).into_iter();
        let mut welcome = self.welcome_of(account, &entrance);
        if let Some(limits) = &mut welcome.limits {
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            limits.rooms = self.settings.rooms;
            limits.subscriptions = number(MAX_SUBSCRIPTIONS);
            limits.room_name_chars = number(ROOM_NAME_CHARS);
            limits.topic_bytes = number(TOPIC_BYTES);
        }
        welcome.rows = rows.next();
        let opened = window.as_ref().map(|window| (entrance.open, window.seq));
        welcome.window = window.as_ref().map(|window| self.wire_window(window));
        self.out.send(conn, &codec::extension(Extension::Welcome(welcome)));
        for rows in rows {
            self.out.send(conn, &events::of_server(Body::Rows(rows)));
        }
        if let Some(partners) = self.rooms.online_partners(conn, self.unix_ms).filter(|_| is_resumed) {
            self.out.send(conn, &events::of_server(Body::Presence(partners)));
        }
        if let Some((room, seq)) = opened {
            self.open_room(conn, room, seq);
        }
    }

    /// Subscribes a client to the room whose window it has got with the welcome.
    fn open_room(&mut self, conn: ConnectionId, room: RoomId, seq: u64) {
        let Ok(ticket) = self.rooms.subscribe(conn, room, &mut self.out) else { return };
        match self.rooms.subscribed(conn, room, ticket, seq, &mut self.out) {
            // Events were published since, and are not held any more.
            Subscribed::Outdated => {
                self.read_window(conn, room, ticket, WindowStart { seq, id: None }, None);
            }
            // They are held, for another subscription that waits.
            Subscribed::Live(later) => self.send_later(conn, later),
            // The window is published, and the ticket is new.
            Subscribed::Early | Subscribed::Replaced | Subscribed::Overtaken | Subscribed::Ended => {}
        }
    }

    /// A window as a part of a frame.
    pub(super) fn wire_window(&self, window: &Window) -> wire::RoomWindow {
        room_answers::window(window, self.present())
    }
}
