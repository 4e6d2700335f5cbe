//! The client of a server with many rooms: one account, its rooms, and the connection.
//!
//! A state machine without a socket, a storage, a clock or a random source. The driver passes each input and the time to a
//! `handle_*` method, then drains [`Client::poll_output`] (for the socket and the storage) and [`Client::poll_event`] (for
//! the user interface and the other tabs), and calls [`Client::handle_timeout`] at the time given by
//! [`Client::poll_timeout`].
//!
//! A client belongs to one account on one server: another account needs another client, so that nothing of the first one
//! reaches it. The basic dialect is translated into that of a server with one room, so only the module `basic` and a few
//! lines in `connection` and `sending` know it.
//!
//! Events are in the terms of the wire. The leader tab passes them on to the follower tabs, and all of them apply them to
//! a state of their own with the same reducers.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the user's actions other than sending |
//! | `command` | commands of the user interface and of other tabs |
//! | `event` | what is reported to them |
//! | `connection` | socket events and timeouts |
//! | `login` | the login, and what follows it |
//! | `rich`, `basic` | the envelopes of a server of either dialect |
//! | `send_queue` | own messages that are not acknowledged: a lane for each room |
//! | `sending` | sending messages from the queue |
//! | `requests` | commands that the server has not answered, and who waits for them |
//! | `commands` | handling commands and their answers |
//! | `subscriptions` | the rooms whose events are received in full |
//! | `apply` | applying events to the state of a tab |
//! | [`tabs`] | sharing the client between the tabs of a browser |
//! | [`state`] | [`ClientState`]: the reducers below, fed with the server's events |
//! | [`account`] | the account and its room list: names, read cursors, unread counts |
//! | [`room`] | one room: position, known ranges, gaps, own unsent messages |
//! | [`people`] | the nicks and the presence of other accounts |
//! | [`cursor`] | read cursors |
//! | `persistence` | what is written to the device, and when |
//! | [`device`] | the rows of the device that belong to the account and its rooms |
//! | `leaving` | logging out, also when the server can't be told, and continuing under another nick |

pub mod account;
mod apply;
mod basic;
mod command;
mod commands;
mod connection;
pub mod cursor;
pub mod device;
mod event;
mod leaving;
mod login;
mod pending_change;
pub mod people;
mod persistence;
mod requests;
mod rich;
pub mod room;
mod send_queue;
mod sending;
pub mod state;
mod subscriptions;
pub mod tabs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use self::{
    basic::BasicLobby, connection::State, cursor::Cursor, persistence::Persister, requests::Requests,
    send_queue::SendLanes, state::ClientState, subscriptions::Subscriptions,
};
pub use self::{
    command::{Command, MessageTarget, PageStart, RoomChange},
    event::{Event, Origin, OwnMessage, Reply},
    pending_change::PendingChange,
    persistence::{AccountRecord, Change, Persisted},
    subscriptions::Position,
};
use crate::{
    Clocks, Millis,
    backoff::Backoff,
    codec::{self, Envelope},
    heartbeat::Visibility,
    hex,
    left_sessions::LeftSessions,
    limits::Limits,
    model::{Dialect, Identity, Refusal, RoomId, UserId},
    status::Status,
    validate,
};

/// An action for the driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a new socket. Events of earlier sockets must not be reported any more.
    Open,
    /// Send this as one Binary message.
    Send(Bytes),
    /// Close the socket with this code, or with an empty Close frame.
    Close(Option<u16>),
    /// Apply these changes to the device's storage, in one transaction and after those of earlier tickets. Then call
    /// [`Client::handle_persisted`], whether the transaction succeeded or not.
    Persist {
        /// Identifies the changes; increasing.
        ticket: u64,
        /// The changes, in order.
        changes: Vec<Change>,
    },
}

/// The parameters of a new client.
#[derive(Debug)]
pub struct Setup {
    /// Randomizes the delays between connection attempts.
    pub seed: u64,
    /// The program's name and version, for the server's log.
    pub agent: String,
    /// The nick of a new account, or the last one of the account on the device. Empty with `link_code`.
    pub nick: String,
    /// Fresh random bytes: the secret of a new session. Chosen by the client, so that it can continue the session even if
    /// the answer to its first login was lost.
    pub secret: [u8; 16],
    /// The code that another device has got by [`Command::LinkDevice`], to log in to its account.
    pub link_code: Option<String>,
    /// The sessions that the user has left on this server, from [`Client::into_left_sessions`].
    pub left: LeftSessions,
    /// The state of this tab: that of a follower which becomes the leader, or what the device has, or a new one.
    pub state: ClientState,
    /// The account as the device has stored it.
    pub persisted: Persisted,
}

/// The client of one account on one server.
#[derive(Debug)]
pub struct Client {
    connection: State,
    agent: String,
    nick: String,
    /// The nick under which the user wants to continue, until a login under it has succeeded or was refused.
    rename: Option<String>,
    secret: Vec<u8>,
    link_code: Option<String>,
    /// The account; `None` before the first login, and on a basic server.
    account: Option<UserId>,
    identity: Option<Identity>,
    /// The state of the tab that owns the client.
    state: ClientState,
    limits: Limits,
    send_queue: SendLanes,
    requests: Requests,
    subscriptions: Subscriptions,
    basic: BasicLobby,
    left: LeftSessions,
    backoff: Backoff,
    /// The delay before the next attempt that a stopping server has requested.
    server_delay: Option<Millis>,
    /// The refusal of the connection, until it is closed.
    refusal: Option<Refusal>,
    /// Why the last connection ended.
    last_status: Status,
    /// When the server first refused our own nick as taken.
    nick_taken_since: Option<Millis>,
    /// The nick that it suggested then.
    suggestion: Option<String>,
    persister: Persister,
    visibility: Visibility,
    /// The number of the last login attempt.
    attempt: u64,
    /// When the server may be told of read cursors again.
    cursors_due: Millis,
    /// The read cursors that were reported to the other tabs.
    reported_cursors: BTreeMap<RoomId, Cursor>,
    /// The nonce of the last ping.
    nonce: u64,
    /// The number of ignored envelopes.
    ignored: u64,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
}

impl Client {
    /// A client that is not connected. With the data of a user who has not logged out, the login is reported at once, and
    /// the connection is attempted until it succeeds.
    ///
    /// # Errors
    /// The errors of [`validate::nick`].
    pub fn new(setup: Setup) -> Result<Self, Status> {
        let Setup { seed, agent, nick, secret, link_code, left, state, persisted } = setup;
        let nick = match &link_code {
            Some(_) if nick.is_empty() => nick,
            _ => validate::nick(&nick, &Limits::default())?,
        };
        let mut client = Self {
            connection: State::Idle,
            agent,
            left: left.of_nick(&nick),
            nick,
            rename: None,
            // As digits, because a basic server sends the login back as Text.
            secret: hex(&secret).into_bytes(),
            link_code,
            account: None,
            identity: None,
            basic: BasicLobby::new(seed, &state),
            state,
            limits: Limits::default(),
            send_queue: SendLanes::default(),
            requests: Requests::default(),
            subscriptions: Subscriptions::default(),
            backoff: Backoff::new(seed),
            server_delay: None,
            refusal: None,
            last_status: Status::NotConnected,
            nick_taken_since: None,
            suggestion: None,
            persister: Persister::default(),
            visibility: Visibility::Visible,
            attempt: 0,
            cursors_due: 0,
            reported_cursors: BTreeMap::new(),
            nonce: seed,
            ignored: 0,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
        };
        client.restore(persisted);
        Ok(client)
    }

    /// Connects and logs in. To be called once, and again after a first login has failed.
    ///
    /// # Errors
    /// [`Status::SignedIn`] while logged in or logging in, and [`Status::AccountGone`] after a logout.
    pub fn handle_connect(&mut self, now: Clocks) -> Result<(), Status> {
        match self.connection {
            State::Left => return Err(Status::AccountGone),
            State::Idle | State::Failed => {}
            _ => return Err(Status::SignedIn),
        }
        self.left.begin();
        self.backoff.reset();
        self.last_status = Status::NotConnected;
        self.open(now);
        Ok(())
    }

    /// By how many bytes a text exceeds the server's limit for one message; 0 when it fits.
    #[must_use]
    pub fn excess_bytes(&self, text: &str) -> usize {
        self.identity.as_ref().map_or(0, |identity| validate::excess_bytes(identity, text))
    }

    /// Connects at once instead of waiting for the next attempt.
    pub fn handle_reconnect(&mut self, now: Clocks) {
        match self.connection {
            State::Waiting { .. } => self.open(now),
            State::Failed if self.identity.is_some() => {
                self.backoff.reset();
                self.open(now);
            }
            _ => {}
        }
    }

    /// The browser reports that the network is back, or the page has become visible. Makes the next attempt at once, or
    /// pings the server if there is a connection.
    pub fn handle_wake(&mut self, now: Clocks) {
        match &mut self.connection {
            State::Waiting { .. } => self.open(now),
            State::Online(online) => online.heartbeat.wake(now.monotonic),
            _ => {}
        }
        self.handle_timeout(now);
    }

    /// The browser reports that the network is gone. This is not always true, so the connection is checked by a ping.
    pub fn handle_offline(&mut self, now: Clocks) {
        if matches!(self.connection, State::Online(_)) {
            self.handle_wake(now);
        }
    }

    /// The page has become visible or hidden.
    pub fn handle_visibility(&mut self, now: Clocks, visible: bool) {
        self.visibility = if visible { Visibility::Visible } else { Visibility::Hidden };
        if visible {
            self.handle_wake(now);
        }
    }

    // ---- output

    /// Returns `true` if the user is neither logged in nor logging in.
    #[must_use]
    pub fn is_logged_out(&self) -> bool {
        self.identity.is_none() && matches!(self.connection, State::Idle | State::Failed | State::Left)
    }

    /// The next action for the driver.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.poll_changes())
    }

    /// The next event for the user interface and the other tabs.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.events.is_empty() {
            self.report_cursors();
        }
        self.events.pop_front()
    }

    /// The user's identity, if logged in.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The account, if logged in to a server with accounts.
    #[must_use]
    pub fn account(&self) -> Option<UserId> {
        self.account
    }

    /// The rooms that other tabs show.
    #[must_use]
    pub fn rooms_of_other_tabs(&self) -> Vec<RoomId> {
        self.subscriptions.of_other_tabs()
    }

    /// The number of received envelopes that were ignored because they are unknown or invalid.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// The state of this tab.
    #[must_use]
    pub fn state(&self) -> &ClientState {
        &self.state
    }

    /// The state of this tab, for what the user does in it.
    pub fn state_mut(&mut self) -> &mut ClientState {
        &mut self.state
    }

    /// Reports an event, after this tab's own state has it.
    fn emit(&mut self, now: Clocks, event: Event) {
        self.state.apply(now, Origin::LOCAL, &event);
        if let Event::Cursor(room, cursor) = event {
            self.reported_cursors.insert(room, cursor);
        }
        // Others do not add rooms to the list.
        let may_add_rooms = match &event {
            Event::Received(envelope) => envelope.extension.is_some(),
            Event::Answer { result, .. } => matches!(result, Ok(Reply::Room(_))),
            _ => false,
        };
        self.events.push_back(event);
        if may_add_rooms {
            self.emit_hidden_messages(now);
        }
    }

    /// Reports an envelope for the reducers.
    fn emit_received(&mut self, now: Clocks, envelope: Envelope) {
        self.emit(now, Event::Received(Box::new(envelope)));
    }

    fn send(&mut self, envelope: &Envelope) {
        self.outputs.push_back(Output::Send(codec::encode(envelope)));
    }

    /// Whether the last login was on a basic server.
    fn has_basic_identity(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.dialect == Dialect::Basic)
    }
}
