//! What the server sends.

use super::{Change, ClientState};
use crate::{
    client::{
        people,
        room::{Names, ReadMessage, RoomChange, RoomEvent, RoomState},
    },
    codec::{Envelope, Extension},
    model::{Message, PresenceState, Role, RoomId, RoomKind, UserId},
    room_rows,
    sorted::SortedSet,
    timeline::TimelineUpdate,
    wire::{self, response::Result as Answer, server_event::Body},
};

impl ClientState {
    /// Handles the welcome. If the server has another log than before, everything that was in the old one is discarded.
    pub fn handle_welcome(&mut self, welcome: &wire::Welcome) {
        let me = UserId::from_wire(&welcome.account);
        if me.is_none() {
            self.ignored += 1;
            return;
        }
        if self.me.is_some() && self.me != me {
            self.forget_account();
        } else if !self.log.is_empty() && self.log != welcome.log {
            self.discard_log();
        }
        self.me = me;
        self.log.clone_from(&welcome.log);
        self.account.connected(&welcome.nick);
        if let Some(me) = me {
            self.names().learn(me, &welcome.nick);
        }
        self.is_account_changed = true;
        if let Some(rows) = &welcome.rows {
            self.handle_rows(rows);
        }
    }

    /// Handles what the server sends: a welcome, a message or an event. `now` is the time in Unix ms.
    pub fn handle_envelope(&mut self, mut envelope: Envelope, now: i64) {
        match envelope.extension.take() {
            None => self.handle_message(envelope),
            Some(Extension::Welcome(welcome)) => self.handle_welcome(&welcome),
            Some(Extension::Event(event)) => self.handle_event(event, now),
            Some(_) => {}
        }
    }

    /// Handles an event of the server. `now` is the time in Unix ms. In the answer to a command, `room` is that of the
    /// command. The answer to a search is passed to [`Self::read_search`] instead.
    pub fn handle_event(&mut self, event: wire::ServerEvent, now: i64) {
        let Some(room) = RoomId::from_wire(&event.room) else {
            self.ignored += 1;
            return;
        };
        match event.body {
            Some(Body::Event(event)) => self.handle_room_event(room, event),
            Some(Body::Activity(activity)) => {
                let rooms = self.account.handle_activity(&activity, now);
                rooms.into_iter().for_each(|room| self.update_head(room));
                self.is_account_changed = true;
            }
            Some(Body::Rows(rows)) => self.handle_rows(&rows),
            Some(Body::Window(window)) => {
                // The subscription that it continues may be one of another tab only.
                let is_shown = self.open == Some(room);
                if is_shown || self.rooms.get(&room).is_some_and(RoomState::is_continued) {
                    self.handle_window(room, window);
                } else {
                    self.observe_window(room, window);
                }
            }
            Some(Body::Presence(changes)) => self.handle_presence(&changes),
            Some(Body::Response(response)) => match response.result {
                Some(Answer::Window(window)) => self.handle_window(room, window),
                Some(Answer::Page(page)) => self.handle_page(room, page),
                Some(Answer::Room(row)) => self.handle_row(&row),
                _ => {}
            },
            None => self.ignored += 1,
        }
    }

    /// Handles a live message.
    pub fn handle_message(&mut self, envelope: Envelope) {
        let (room, is_change) = (RoomId::from_wire(&envelope.room), envelope.changed);
        let Some((room, read)) = room.zip(self.names().read_message(envelope)) else {
            self.ignored += 1;
            return;
        };
        if is_change {
            if let Some(state) = self.rooms.get_mut(&room) {
                state.handle_changed(read);
                self.collect(room);
            }
            return self.report_renamed();
        }
        let ReadMessage { seq, message, .. } = read;
        self.account.handle_message(room, message.ord, message.own, message.time);
        self.move_unread_line(room, &message);
        if let Some(state) = self.rooms.get_mut(&room).filter(|state| state.is_subscribed()) {
            state.handle_message(seq, message);
            self.collect(room);
        }
        self.is_account_changed = true;
        self.report_renamed();
    }

    /// Handles the start of a subscription, or of its continuation.
    pub fn handle_window(&mut self, room: RoomId, mut window: wire::RoomWindow) {
        let renamed = std::mem::take(&mut window.people);
        let state = self.rooms.or_default(room);
        let mut names = Names { me: self.me, people: &mut self.people, renamed: &mut self.renamed };
        // Without a message in the window, the room list has the newest ord already.
        let (newest, events) = state.handle_window(window, &mut names);
        if let Some(newest) = newest {
            self.account.handle_head(room, newest);
        }
        for event in events {
            self.apply_event(room, &event);
            self.changes.push_back(Change::Event(room, event));
        }
        self.update_head(room);
        self.place_unread_line(room);
        self.collect(room);
        self.changes.push_back(Change::Room(room));
        self.is_account_changed = true;
        self.learn_people(&renamed, true);
        self.report_renamed();
    }

    /// Places the line above the messages of a window that the user has not read, unless there is a line already.
    fn place_unread_line(&mut self, room: RoomId) {
        let entry = self.account.room(room).filter(|entry| self.open == Some(room) && entry.unread() > 0);
        let Some(line) = entry.map(|entry| entry.cursor().ord) else { return };
        if let Some(state) = self.rooms.get_mut(&room).filter(|state| state.unread_line().is_none()) {
            state.set_unread_line(Some(line));
        }
    }

    /// Handles a window that another tab has requested: only the room list learns from it. The server does not tell the
    /// connection again what is in it.
    pub fn observe_window(&mut self, room: RoomId, mut window: wire::RoomWindow) {
        let renamed = std::mem::take(&mut window.people);
        let mut state = RoomState::default();
        let (newest, events) = state.handle_window(window, &mut self.names());
        if let Some(newest) = newest {
            self.account.handle_head(room, newest);
        }
        events.iter().for_each(|event| self.apply_event(room, event));
        self.update_head(room);
        self.is_account_changed = true;
        self.learn_people(&renamed, true);
        self.report_renamed();
    }

    /// Handles a page of messages that was requested.
    pub fn handle_page(&mut self, room: RoomId, page: wire::MessagePage) {
        let state = self.rooms.or_default(room);
        let mut names = Names { me: self.me, people: &mut self.people, renamed: &mut self.renamed };
        state.handle_page(page, &mut names);
        self.collect(room);
        self.report_renamed();
    }

    /// Reads the messages of the answer to a search, newest first. They are not added to the room.
    pub fn read_search(&mut self, mut page: wire::MessagePage) -> Vec<Message> {
        let messages = self.names().read_page(&mut page);
        self.report_renamed();
        messages.into_iter().map(|(_, message)| message).collect()
    }

    /// Handles the row of a room that this client has created or joined.
    pub fn handle_row(&mut self, row: &wire::RoomRow) {
        self.learn_people(&row.people, true);
        let removed = self.account.handle_row(row, &self.people);
        self.rows_changed(std::slice::from_ref(row), removed.into_iter().collect());
    }

    /// The client is no longer subscribed to a room.
    pub fn handle_unsubscribed(&mut self, room: RoomId) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.unsubscribed();
            self.changes.push_back(Change::Room(room));
            self.collect(room);
        }
    }

    /// The connection was lost.
    pub fn handle_disconnected(&mut self) {
        self.account.disconnected();
        for (room, state) in self.rooms.iter_mut() {
            state.disconnected();
            self.unsettled.insert(*room);
            self.changes.push_back(Change::Room(*room));
        }
    }

    pub(super) fn handle_rows(&mut self, rows: &wire::AccountRows) {
        let frame = rows;
        let rows = room_rows::unpack(frame.clone());
        rows.iter().for_each(|row| self.learn_people(&row.people, true));
        let removed = self.account.handle_rows(frame, &rows, &self.people);
        self.rows_changed(&rows, removed);
    }

    fn rows_changed(&mut self, rows: &[wire::RoomRow], removed: Vec<RoomId>) {
        for room in rows.iter().filter_map(|row| RoomId::from_wire(&row.room)) {
            self.update_head(room);
        }
        removed.into_iter().for_each(|room| self.remove_room(room));
        self.is_account_changed = true;
        self.report_renamed();
    }

    fn handle_room_event(&mut self, room: RoomId, event: wire::RoomEvent) {
        let event = self.names().read_event(event);
        self.apply_event(room, &event);
        if self.rooms.get_mut(&room).is_some_and(|state| state.handle_event(&event)) {
            self.changes.push_back(Change::Event(room, event));
            self.changes.push_back(Change::Room(room));
        }
        self.report_renamed();
    }

    /// Applies an event to the room list. The end of the own membership is told by a row, because an event of a replay may be
    /// older than the rows.
    fn apply_event(&mut self, room: RoomId, event: &RoomEvent) {
        let me = self.me;
        self.account.update(room, &self.people, |entry| match &event.change {
            RoomChange::Name(name) => entry.name = name.clone(),
            RoomChange::Archived(archived) => entry.archived = *archived,
            RoomChange::Member(account, role) if Some(*account) == me && *role != Role::None => {
                entry.role = *role;
            }
            _ => {}
        });
        self.is_account_changed = true;
    }

    fn handle_presence(&mut self, changes: &wire::PresenceChanges) {
        if changes.partners {
            self.partners_left(&changes.people);
        }
        // Reported also if it is known already: the list of members, which is not part of the state, may lack it.
        let accounts = changes.people.iter().filter_map(people::account_of);
        self.changes.extend(accounts.map(Change::Person));
        self.learn_people(&changes.people, false);
        self.report_renamed();
    }

    /// The people of DIRECT rooms have left, except these.
    fn partners_left(&mut self, online: &[wire::Person]) {
        let online: SortedSet<_> = online.iter().filter_map(people::account_of).collect();
        let direct = self.account.rooms().filter(|entry| entry.kind == RoomKind::Direct);
        let partners: SortedSet<_> = direct.flat_map(|entry| entry.people.iter().copied()).collect();
        for account in partners.into_iter().filter(|account| !online.contains(account)) {
            if self.people.set_state(account, PresenceState::Left) {
                self.changes.push_back(Change::Person(account));
            }
        }
    }

    /// Learns the nicks and the presence of people, and reports those that have changed if `reports`.
    fn learn_people(&mut self, people: &[wire::Person], reports: bool) {
        for person in people {
            let Some(account) = people::account_of(person) else { continue };
            self.names().learn(account, &person.nick);
            if self.people.set_state(account, people::state_of(person)) && reports {
                self.changes.push_back(Change::Person(account));
            }
            if self.me == Some(account) {
                self.account.set_nick(&person.nick);
            }
        }
    }

    /// Shows the present nicks of accounts that had another one before.
    fn report_renamed(&mut self) {
        for account in std::mem::take(&mut self.renamed) {
            let nick = self.people.nick(account);
            if self.me == Some(account) {
                self.account.set_nick(&nick);
                self.is_account_changed = true;
            }
            self.is_account_changed |= self.account.nick_changed(account, &self.people);
            self.changes.push_back(Change::Person(account));
            for room in self.rooms.keys() {
                let update = TimelineUpdate::Nick(account, nick.clone());
                self.changes.push_back(Change::Timeline(*room, update));
            }
        }
    }

    /// Places the line above new messages when a message arrives that the user does not see, and everything before it was
    /// read. A line that the user has not read up to stays.
    fn move_unread_line(&mut self, room: RoomId, message: &Message) {
        let sees_it = self.viewport.is_some_and(|viewport| viewport.room == room && viewport.at_end);
        if self.open != Some(room) || message.own || sees_it {
            return;
        }
        let is_first = self.account.room(room).is_some_and(|entry| entry.cursor().ord + 1 == message.ord);
        if let Some(state) = self.rooms.get_mut(&room).filter(|_| is_first) {
            state.set_unread_line(Some(message.ord - 1));
        }
    }

    /// The server has another log: its messages, rooms and positions are not those of the old one. Own unsent messages
    /// stay.
    fn discard_log(&mut self) {
        self.account.discard();
        for (room, state) in self.rooms.iter_mut() {
            state.reset();
            state.set_unread_line(None);
            self.unsettled.insert(*room);
        }
        let rooms: Vec<_> = self.rooms.keys().copied().collect();
        rooms.into_iter().for_each(|room| self.collect(room));
    }

    /// Another account has logged in: nothing of this one may reach it.
    fn forget_account(&mut self) {
        let rooms: Vec<_> = self.rooms.keys().copied().collect();
        rooms.into_iter().for_each(|room| self.remove_room(room));
        let fresh = Self::new(self.account.fold());
        let changes = std::mem::take(&mut self.changes);
        let (max_held_messages, ignored) = (self.max_held_messages, self.ignored);
        *self = Self { changes, max_held_messages, ignored, ..fresh };
    }
}
