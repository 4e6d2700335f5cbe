//! Readings of the log, which are executed and answered later: logins, subscriptions, and rows that are read again.

use std::collections::BTreeMap;

use parlour_core::model::{Role, RoomId, UserId};

use super::{
    super::super::{
        ReadList, Reload, Rooms, Subscribed, delivery::Encoding, live_rooms::RoomState, published::Reading,
    },
    World,
    client::{Client, Row},
    conn,
    log::{LogRoom, stored_row, stored_row_or_left},
};
use crate::store as rooms;

/// The purpose of a reading of the log.
#[derive(Debug)]
pub(super) enum Purpose {
    Login(u32, UserId, Reading),
    Reload(Reload),
    Subscribe(u32, RoomId, u64),
}

impl World {
    pub fn connect(&mut self, n: u32, account: UserId) {
        if !self.clients.contains_key(&n) && !self.is_logging_in(n) {
            let reading = self.rooms.begin_login(account);
            self.readings.push_back((Purpose::Login(n, account, reading), None));
        }
    }

    fn is_logging_in(&self, n: u32) -> bool {
        self.readings.iter().any(|(purpose, _)| matches!(purpose, Purpose::Login(of, ..) if *of == n))
    }

    /// The log executes the readings that were asked for until now; their results come later.
    pub fn execute_readings(&mut self) {
        for reload in self.rooms.take_reloads() {
            self.readings.push_back((Purpose::Reload(reload), None));
        }
        for (_, snapshot) in &mut self.readings {
            snapshot.get_or_insert_with(|| self.log.clone());
        }
    }

    /// The result of the oldest executed reading arrives.
    pub fn answer_reading(&mut self) -> bool {
        let Some((purpose, Some(log))) = self.readings.pop_front_if(|(_, snapshot)| snapshot.is_some())
        else {
            return false;
        };
        match purpose {
            Purpose::Login(n, account, reading) => self.log_in(n, account, reading, &log),
            Purpose::Reload(Reload { account, room, reading }) => {
                let row = stored_row(&log, room, account);
                self.rooms.reloaded(account, room, row.as_ref(), reading, &mut self.out);
                self.read_outputs();
            }
            Purpose::Subscribe(n, room, ticket) => {
                let seq = log[&room].state.head_seq;
                let role =
                    self.clients.get(&n).and_then(|client| Some(stored_row(&log, room, client.user?)?.role));
                if role.is_none_or(|role| role < Role::Member) {
                    // The log has removed the account, which is not published yet.
                    self.rooms.abandon(conn(n), room, ticket, &mut self.out);
                    self.read_outputs();
                    if let Some(client) = self.clients.get_mut(&n) {
                        client.subscribed.remove(&room);
                    }
                    return true;
                }
                let result = self.rooms.subscribed(conn(n), room, ticket, seq, &mut self.out);
                self.read_outputs();
                match result {
                    Subscribed::Outdated => {
                        self.readings.push_back((Purpose::Subscribe(n, room, ticket), None));
                    }
                    Subscribed::Early => {
                        self.readings.push_back((Purpose::Subscribe(n, room, ticket), Some(log)));
                    }
                    Subscribed::Ended | Subscribed::Replaced | Subscribed::Overtaken => {}
                    Subscribed::Live(events) => {
                        if let Some(client) = self.clients.get_mut(&n) {
                            client.subscribed.insert(room, Some(seq));
                            if let Some(row) = client.rows.get_mut(&room) {
                                row.head = row.head.max(log[&room].state.head_ord);
                            }
                            // The messages of the window count as those that are delivered.
                            events.iter().for_each(|event| client.receive(&self.log, event));
                        }
                    }
                }
            }
        }
        true
    }

    fn log_in(&mut self, n: u32, account: UserId, reading: Reading, log: &BTreeMap<RoomId, LogRoom>) {
        let rows = log.keys().filter_map(|room| stored_row(log, *room, account));
        let all = rooms::RoomRows { rows: rows.collect(), version: 7 };
        let nick = "nick".into();
        self.rooms.connect(conn(n), Encoding::Batch, (account, &nick), &all.rows, reading);
        self.rooms.note_presence(account, &nick, true);
        let mut client = Client { user: Some(account), ..Client::default() };
        let read = ReadList { all, changed: None };
        for frame in self.rooms.login_rows(conn(n), &read) {
            client.apply_rows(frame);
        }
        // An update of a row that was under way is lost with a client that logs in again.
        self.read_outputs();
        self.clients.insert(n, client);
    }

    /// Logs in as with a version of which everything has been seen, on top of the rows that a client had.
    pub fn resume(
        &mut self,
        n: u32,
        account: UserId,
        before: &BTreeMap<RoomId, LogRoom>,
        rows: BTreeMap<RoomId, Row>,
    ) {
        let reading = self.rooms.begin_login(account);
        let log = self.log.clone();
        let all: Vec<_> = log.keys().filter_map(|room| stored_row(&log, *room, account)).collect();
        let of = |log: &BTreeMap<RoomId, LogRoom>, room| {
            log.get(&room).map(|of| (format!("{:?}", of.state), format!("{:?}", of.members.get(&account))))
        };
        let changed = log.keys().filter(|room| of(&log, **room) != of(before, **room));
        let changed = changed.map(|room| stored_row_or_left(&log, *room, account)).collect();
        let nick = "nick".into();
        self.rooms.connect(conn(n), Encoding::Batch, (account, &nick), &all, reading);
        let confirmed = rows.iter().map(|(room, row)| (*room, row.cursor())).collect();
        let mut client = Client { user: Some(account), rows, confirmed, ..Client::default() };
        let read = ReadList { all: rooms::RoomRows { rows: all, version: 7 }, changed: Some(changed) };
        for frame in self.rooms.login_rows(conn(n), &read) {
            client.apply_rows(frame);
        }
        self.read_outputs();
        self.clients.insert(n, client);
    }

    /// The rows that an account would be sent if it logged in now for the first time.
    pub fn fresh_rows(&self, account: UserId) -> BTreeMap<RoomId, Row> {
        let mut client = Client::default();
        let rows = self.log.keys().filter_map(|room| stored_row(&self.log, *room, account));
        let all = rooms::RoomRows { rows: rows.collect(), version: 7 };
        let state = &self.log[&RoomId::LOBBY].state;
        let lobby = RoomState { head_seq: state.head_seq, head_ord: state.head_ord, ..RoomState::lobby() };
        let mut rooms = Rooms::new(lobby);
        let reading = rooms.begin_login(account);
        rooms.connect(conn(1), Encoding::Single, (account, &"nick".into()), &all.rows, reading);
        for frame in rooms.login_rows(conn(1), &ReadList { all, changed: None }) {
            client.apply_rows(frame);
        }
        client.rows
    }
}
