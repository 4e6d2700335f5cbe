//! The commands of the user. In a follower they are sent to the leader, otherwise the client executes them.

use std::pin::Pin;

use parlour_core::{
    Millis,
    client::{
        Client, Command, Event, Origin, Reply,
        room::ScrollPosition,
        state::ClientState,
        tabs::{Follower, FollowerMessage, TabCommand},
    },
    limits::Limits,
    model::{Connection, MessageId, Refusal, RoomId},
    persist::{scroll::Position, server_url},
    ranges::Range,
    status::Status,
    validate,
};

use super::{
    ChatSession, Report, SearchResults, Service, browser, membership::Login, role::Role, scopes,
    storage::Written,
};

/// The number of results that a search requests at once.
const SEARCH_RESULTS: u32 = 50;

impl ChatSession for Service {
    fn log_in(&self, nick: &str, url: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        if !self.inner.borrow().scope.is_empty() {
            return Err(Status::SignedIn);
        }
        self.join(&scopes::of_nick(url, &nick), Login::Nick(nick));
        Ok(())
    }

    fn log_in_with_link(&self, code: &str, url: &str) -> Result<(), Status> {
        if !self.inner.borrow().scope.is_empty() {
            return Err(Status::SignedIn);
        }
        self.ask_for_account(code, url);
        Ok(())
    }

    fn resume(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let service = self.clone();
        Box::pin(async move { service.resume_session().await })
    }

    fn rename(&self, nick: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        if self.is_follower() {
            self.execute(TabCommand::Rename(nick));
            return Ok(());
        }
        let renamed = self.with_client(|client| client.handle_rename(browser::now(), &nick));
        renamed.unwrap_or(Err(Status::NotConnected))
    }

    fn leave(&self) {
        if self.is_follower() && !self.is_logged_in_follower() {
            // No leader has answered yet, so there is none to forward the command to.
            (self.sink)(Report::Event(Event::Connection(Connection::Idle)));
            (self.sink)(Report::Event(Event::LoggedOut));
            return self.end();
        }
        self.execute(TabCommand::LogOut);
    }

    fn retry_now(&self) {
        self.execute(TabCommand::Reconnect);
    }

    fn server(&self) -> String {
        server_url(&self.inner.borrow().scope).into()
    }

    fn with_state(&self, read: &mut dyn FnMut(&ClientState)) {
        if let Some(state) = self.inner.borrow().state() {
            read(state);
        }
    }

    fn request(&self, command: Command) -> Pin<Box<dyn Future<Output = Result<Reply, Refusal>>>> {
        self.give(command)
    }

    fn search(
        &self,
        room: RoomId,
        words: &str,
        before: u64,
    ) -> Pin<Box<dyn Future<Output = Result<SearchResults, Status>>>> {
        let found = self.give(Command::Search { room, query: words.into(), before, count: SEARCH_RESULTS });
        let service = self.clone();
        Box::pin(async move {
            let page = match found.await {
                Ok(Reply::Found(page)) => page,
                Ok(_) => return Err(Status::Unsupported),
                Err(refusal) => return Err(refusal.status),
            };
            let (more, partial) =
                (!page.complete && !page.messages.is_empty(), page.partial.then_some(page.from));
            let mut messages = Vec::new();
            service.change_state(|state| messages = state.read_search(page));
            Ok(SearchResults { messages, more: more || partial.is_some(), partial })
        })
    }

    fn new_id(&self) -> MessageId {
        browser::message_id()
    }

    fn open_room(&self, room: Option<RoomId>) {
        self.show_room(room);
    }

    fn mark_read(&self, room: RoomId) {
        self.move_cursor(room, move |state| state.mark_read(room));
    }

    fn mark_unread(&self, room: RoomId, from: u64) {
        self.move_cursor(room, move |state| state.mark_unread(room, from));
    }

    fn mark_all_read(&self) {
        if let Some(room) = self.inner.borrow().rooms.open {
            let service = self.clone();
            // Also removes the line above new messages.
            self.defer(move |_| service.mark_read(room));
        }
        drop(self.give(Command::ReadAll));
    }

    fn set_visible(&self, room: RoomId, ord: u64, at_end: bool) {
        self.move_cursor(room, move |state| state.handle_visible(room, ord, at_end));
    }

    fn set_hidden(&self) {
        self.change_state(ClientState::handle_hidden);
    }

    fn evicted(&self, room: RoomId, range: Range) {
        self.change_state(|state| state.handle_evicted(room, range));
    }

    fn set_loading(&self, room: RoomId, ords: Vec<u64>) {
        self.change_state(|state| state.set_loading(room, ords));
    }

    fn send(&self, room: RoomId, text: &str) -> Result<(), Status> {
        let id = browser::message_id();
        let is_held_back = {
            let inner = self.inner.borrow();
            inner.lease().is_some() && !inner.gate.is_open(browser::now().monotonic)
        };
        if !is_held_back {
            return self.send_now(room, id, text);
        }
        let limits = self.inner.borrow_mut().client().and_then(|client| Some(client.identity()?.limits));
        let text = validate::content(text, &limits.ok_or(Status::NotConnected)?)?.to_owned();
        self.guarded(move |service| {
            if let Err(status) = service.send_now(room, id, &text) {
                (service.sink)(Report::CommandFailed(status));
            }
        });
        Ok(())
    }

    fn excess_bytes(&self, text: &str) -> usize {
        // Not mutably: text may be typed while the device is accessed.
        match &self.inner.borrow().role {
            Role::Leader(_, client) => client.excess_bytes(text),
            Role::Follower(follower) | Role::Promoting(follower, ..) => {
                follower.identity().map_or(0, |identity| validate::excess_bytes(identity, text))
            }
            Role::LoggedOut | Role::Linking(_) => 0,
        }
    }

    fn retry(&self, room: RoomId, id: MessageId) {
        self.execute(TabCommand::Retry(room, id));
    }

    fn discard(&self, room: RoomId, id: MessageId) {
        self.execute(TabCommand::Discard(room, id));
    }

    fn unsent(&self) -> usize {
        match &self.inner.borrow().role {
            Role::Leader(_, client) => client.unacknowledged().len(),
            Role::Follower(follower) | Role::Promoting(follower, ..) => follower.unacknowledged(),
            Role::LoggedOut | Role::Linking(_) => 0,
        }
    }

    fn load_tab_data(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let (tab_data, scope) = (self.tab_data.clone(), self.inner.borrow().scope.clone());
        Box::pin(async move { tab_data.load(&scope).await })
    }

    fn draft(&self, room: RoomId) -> String {
        self.tab_data.draft(room)
    }

    fn save_draft(&self, room: RoomId, text: &str) {
        self.tab_data.save_draft(room, text);
    }

    fn scroll(&self, room: RoomId) -> Option<ScrollPosition> {
        let Position { ord, offset_px } = self.tab_data.scroll(room)?;
        Some(ScrollPosition { ord, offset_px })
    }

    fn save_scroll(&self, room: RoomId, position: Option<ScrollPosition>) {
        let position = position.map(|ScrollPosition { ord, offset_px }| Position { ord, offset_px });
        self.tab_data.save_scroll(room, position);
    }

    fn monotonic_ms(&self) -> Millis {
        browser::now().monotonic
    }
}

impl Service {
    /// Sends a message with the client, or through the leader.
    fn send_now(&self, room: RoomId, id: MessageId, text: &str) -> Result<(), Status> {
        if self.is_follower() {
            let mut sent = Err(Status::NotConnected);
            self.with_follower(|follower| sent = follower.handle_send(browser::now(), room, id, text));
            return sent;
        }
        let sent = self.with_client(|client| client.handle_send(browser::now(), room, id, text));
        sent.unwrap_or(Err(Status::NotConnected))
    }

    /// Forwards the messages of this tab that are not persisted.
    pub(super) fn forward_unpersisted(&self) {
        let next = || self.inner.borrow_mut().follower().and_then(Follower::poll_unpersisted);
        while let Some(message) = next() {
            self.forward(message);
        }
    }

    /// Deletes the messages of this tab that may have been persisted after the leader has deleted them. The browser executes
    /// the writes of a tab in their order.
    pub(super) fn delete_late_messages(&self) {
        let next = || self.inner.borrow_mut().follower().and_then(Follower::poll_deletion);
        let changes: Vec<_> = std::iter::from_fn(next).collect();
        if !changes.is_empty() {
            self.write(&changes, None, Box::new(|_, _| {}));
        }
    }

    /// Persists a message, then posts it to the leader. In this order, because the leader may be closed at any moment.
    fn forward(&self, message: FollowerMessage) {
        let login_number = self.inner.borrow().login_number;
        let (change, lease) = (message.change.clone(), message.lease);
        self.write(
            &[change],
            Some(lease),
            Box::new(move |service, written| {
                if !service.is_current(login_number) {
                    return;
                }
                service.handle_storage_result(written != Written::Failed);
                service.guarded(move |service| {
                    if service.is_follower() {
                        return service.with_follower(|follower| match written {
                            Written::Superseded => follower.handle_superseded(message),
                            Written::Persisted | Written::Failed => follower.handle_stored(message),
                        });
                    }
                    // This tab was promoted meanwhile.
                    let (room, queued) = message.message;
                    service.with_client(|client| match written {
                        Written::Superseded => client.handle_adopt_unpersisted(browser::now(), room, queued),
                        Written::Persisted | Written::Failed => {
                            client.handle_adopt(browser::now(), room, queued)
                        }
                    });
                });
            }),
        );
    }

    /// Executes a command: in a follower by sending it to the leader, otherwise by passing it to the client.
    pub(super) fn execute(&self, command: TabCommand) {
        self.guarded(move |service| {
            let now = browser::now();
            if service.is_follower() {
                return service.with_follower(|follower| follower.handle_command(now, command));
            }
            if command == TabCommand::LogOut {
                return service.log_out();
            }
            service.with_client(|client| command.execute(now, Origin::LOCAL, 0, client));
        });
    }

    /// Logs out, or cancels a login in progress, in the leader.
    pub(super) fn log_out(&self) {
        self.inner.borrow_mut().login_number += 1;
        let is_leader = self.with_client(|client: &mut Client| client.handle_log_out(browser::now()));
        if is_leader.is_none() {
            self.end();
        }
    }
}
