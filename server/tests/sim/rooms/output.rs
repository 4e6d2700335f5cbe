//! Executes what the client or the follower of a tab returns, as the client's service does, and shows what it reports.

use parlour_core::{
    Millis,
    client::{Change, Command, Event, Origin, Output, tabs::FollowerEvent},
    model::{Connection, Delivery, MessageId, RoomId, UserId},
};

use super::{
    device::Work,
    store::changes_of,
    tab::{Role, Tab},
    world::World,
};

/// Returns `true` if nobody is logged in any more after this event.
fn is_over(tab: &Tab, event: &Event) -> bool {
    match &tab.role {
        Role::Follower(_) | Role::Promoting(..) => {
            matches!(event, Event::LoggedOut)
                || matches!(event, Event::Connection(Connection::Failed { .. })) && tab.is_new_login
        }
        Role::Leader(_, client) => client.is_logged_out(),
        Role::Closed => false,
    }
}

/// The number of the newest messages of a room that are stored.
const STORED_MESSAGES: usize = 30;
/// The time after which the user connects again after a failure, in ms.
const RECONNECT_MS: Millis = 5_000;

impl World {
    /// Executes what the client or the follower of a tab returns, and shows what it reports.
    pub fn drain(&mut self, at: usize) {
        match self.tabs[at].role {
            Role::Closed => {}
            Role::Leader(..) => while self.drain_leader(at) {},
            Role::Follower(_) | Role::Promoting(..) => self.drain_follower(at),
        }
        self.show_changes(at);
        if std::mem::take(&mut self.tabs[at].is_over) {
            self.end(at);
        }
    }

    /// Shows the changes of the state. A room that is not in the list any more is closed.
    fn show_changes(&mut self, at: usize) {
        let tab = &mut self.tabs[at];
        let removed = match &mut tab.role {
            Role::Leader(_, client) => tab.shown.apply(client.state_mut()),
            Role::Follower(follower) | Role::Promoting(follower, _) => tab.shown.apply(follower.state_mut()),
            Role::Closed => return,
        };
        self.check_heads(at);
        self.subscribe_again(at);
        for room in removed {
            let tab = &mut self.tabs[at];
            tab.rooms.remove(&room);
            if tab.open.take_if(|open| *open == room).is_some()
                && let Some(state) = self.state_mut(at)
            {
                state.open_room(None);
                self.show_changes(at);
            }
        }
    }

    /// Subscribes to the rooms again whose events were left out, as the page does.
    fn subscribe_again(&mut self, at: usize) {
        let tab = &self.tabs[at];
        let Some(state) = tab.state() else { return };
        let is_pending = |room: RoomId| {
            let subscribes =
                |command: &Command| matches!(command, Command::Subscribe { room: of, .. } if *of == room);
            tab.commands.values().any(|(command, _)| subscribes(command))
        };
        let is_interrupted = |room: &RoomId| {
            state.room(*room).is_some_and(|state| state.is_interrupted()) && !is_pending(*room)
        };
        let interrupted: Vec<_> = tab.rooms.iter().copied().filter(is_interrupted).collect();
        for room in interrupted {
            self.tally.count("subscriptions that were interrupted");
            self.subscribe(at, room);
        }
    }

    /// A tab knows of no more messages than there are.
    fn check_heads(&mut self, at: usize) {
        let server = &self.servers[self.server_of(at)];
        let Some(state) = self.tabs[at].state() else { return };
        // The log may have been replaced since.
        if server.running.as_ref().is_none_or(|running| running.log_id != *state.log()) {
            return;
        }
        let complaints: Vec<_> = state
            .account()
            .rooms()
            .filter_map(|entry| {
                let messages = server.log.rooms.get(&entry.room)?.messages.len();
                let is_excessive = entry.head() > messages as u64;
                is_excessive.then(|| {
                    format!("tab {at} knows {} of {messages} messages of {:?}", entry.head(), entry.room)
                })
            })
            .collect();
        self.tabs[at].shown.complaints.extend(complaints);
    }

    fn drain_follower(&mut self, at: usize) {
        let now = self.clocks(at);
        let (Role::Follower(follower) | Role::Promoting(follower, _)) = &mut self.tabs[at].role else {
            return;
        };
        let events: Vec<_> = std::iter::from_fn(|| follower.poll_event()).collect();
        let unpersisted: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
        let deletions: Vec<_> = std::iter::from_fn(|| follower.poll_deletion()).collect();
        let is_logged_in = follower.is_logged_in();
        let posts: Vec<_> = std::iter::from_fn(|| follower.poll_post(now)).collect();
        posts.iter().for_each(|post| self.post(at, post));
        unpersisted.into_iter().for_each(|message| self.request(at, Work::Store(Box::new(message))));
        if !deletions.is_empty() {
            self.request(at, Work::Delete(deletions));
        }
        for event in events {
            let tab = &mut self.tabs[at];
            tab.is_over |= matches!(&event, FollowerEvent::Client(event) if is_over(tab, event));
            self.reported(at, event);
        }
        // A logout in another tab ends a login that has succeeded.
        self.tabs[at].is_new_login &= !is_logged_in;
    }

    /// Returns `false` if there was nothing.
    fn drain_leader(&mut self, at: usize) -> bool {
        let now = self.now;
        let Role::Leader(leader, client) = &mut self.tabs[at].role else { return false };
        match client.poll_output() {
            Some(Output::Open) => self.open_link(at),
            Some(Output::Send(bytes)) => self.send_to_server(at, bytes.to_vec()),
            Some(Output::Close(_)) => {
                self.tabs[at].socket += 1;
                self.drop_link(at, false);
            }
            Some(Output::Persist { ticket, changes }) => self.persist(at, ticket, changes),
            None => {
                let Some(event) = client.poll_event() else { return false };
                let publication = leader.publish(now, &event, client);
                self.tabs[at].is_over |= is_over(&self.tabs[at], &event);
                if let Some(publication) = publication {
                    self.post(at, &publication);
                }
                // The user interface gets the answers to its own commands.
                if !matches!(&event, Event::Answer { origin, .. } if *origin != Origin::LOCAL) {
                    self.reported(at, FollowerEvent::Client(event));
                }
            }
        }
        true
    }

    fn persist(&mut self, at: usize, ticket: u64, changes: Vec<Change>) {
        // The messages that are stored are those of the log that the state knows.
        self.show_changes(at);
        let tab = &self.tabs[at];
        let Role::Leader(leader, client) = &tab.role else { return };
        let shown = tab.rooms.iter().map(|room| (*room, tab.shown.newest(*room, STORED_MESSAGES)));
        let (changes, unconfirmed) = changes_of(client.state(), shown, changes);
        let (client, lease) = (tab.client_number, leader.lease());
        self.request(at, Work::Write { client, ticket, lease, changes, unconfirmed });
    }

    /// The client, or the follower, reports an event.
    pub fn reported(&mut self, at: usize, event: FollowerEvent) {
        let now = self.now;
        let FollowerEvent::Client(event) = event else { return };
        let tab = &mut self.tabs[at];
        let account = tab.account;
        tab.shown.event(&event);
        match event {
            Event::Connection(Connection::Failed { .. }) => tab.connect_at = Some(now + RECONNECT_MS),
            Event::Connection(connection) if connection.is_nick_refused() => {
                tab.connect_at.get_or_insert(now + RECONNECT_MS);
            }
            Event::LoggedIn(identity, Some(known)) => {
                let before = tab.account.replace(known);
                assert!(before.is_none_or(|before| before == known), "tab {at} has changed the account");
                if let Role::Leader(_, client) = &tab.role {
                    let device = &mut self.devices[tab.device];
                    let before = device.store(&tab.scope).owner.replace(known);
                    let is_same = before.is_none_or(|before| before == known);
                    // Without a storage, the account is left with its last tab.
                    assert!(is_same || !device.has_storage, "tab {at} has another account");
                    if client.silence(now).is_some() {
                        let _ = device.scopes.logged_in(&tab.scope, &identity.nick, Some(known));
                    }
                }
                tab.was_listed = self.devices[tab.device].scopes.is_listed(&tab.scope);
                self.logged_in(at, known);
            }
            Event::Answer { number, result, .. } if number != 0 => {
                if tab.commands.remove(&number).is_none() {
                    tab.shown.complaints.push(format!("command {number} is answered twice: {result:?}"));
                }
                tab.answers.insert(number, result);
            }
            Event::Own(message) => self.delivery(account, message.id, message.delivery),
            Event::Delivery(_, id, delivery) => self.delivery(account, id, delivery),
            Event::Acknowledged { id, .. } => self.delivery(account, id, Delivery::Sent),
            Event::Discarded(room, id) => {
                self.ledger.discarded((account.expect("an account"), id), room);
            }
            _ => {}
        }
    }

    fn delivery(&mut self, account: Option<UserId>, id: MessageId, delivery: Delivery) {
        let key = (account.expect("an account"), id);
        match delivery {
            Delivery::Failed(status) => {
                self.ledger.failed.insert(key, status);
            }
            // The acknowledgement may be that of a log that was replaced meanwhile.
            Delivery::Sent if self.is_logged(key) => self.ledger.acknowledged(key),
            Delivery::Sent => {
                assert!(self.ledger.excused.contains(&key), "{id:?} is acknowledged and not in the log");
            }
            Delivery::Queued | Delivery::Pending => {
                self.ledger.failed.remove(&key);
            }
        }
    }
}
