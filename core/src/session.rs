//! The client's side of a connection: login, sending and receiving messages, detecting a dead connection, reconnecting.
//!
//! A state machine without a socket, a storage, a clock or a random source. The driver passes each input and the time to
//! a `handle_*` method, then drains [`Session::poll_command`] (for the socket and the storage) and
//! [`Session::poll_event`] (for the user interface), and calls [`Session::handle_timeout`] at the time given by
//! [`Session::poll_timeout`].
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the user's actions other than sending |
//! | `connection` | socket events, timeouts, and code common to both dialects |
//! | `sending` | sending messages from the queue |
//! | `rich`, `basic` | the envelopes of a server of either dialect |
//! | `history` | the known ranges of the room |
//! | `paging` | requests for pages of the history |
//! | `seek` | seeking a message or a time |
//! | `search` | searching for messages |
//! | `persistence` | writing to the device |
//! | `rename` | continuing under another nick |
//! | `leaving` | logging out, also when the server can't be told |

mod basic;
mod connection;
mod history;
mod leaving;
mod paging;
mod persistence;
mod rename;
mod rich;
mod search;
mod seek;
mod sending;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use self::{history::History, persistence::Persister, rename::Rename, search::Search};
pub use crate::{Clocks, event::Event};
use crate::{
    Millis,
    backoff::Backoff,
    codec,
    heartbeat::{Heartbeat, Visibility},
    hex,
    left_sessions::LeftSessions,
    limits::{Limits, TokenBucket},
    model::{Delivery, Dialect, Identity, Member, Message, MessageId, Refusal},
    persist::{Change, Persisted},
    presence::MemberList,
    send_queue::{QueuedMessage, SendQueue, Stage},
    status::Status,
    timeline::Notice,
    validate,
};

/// The maximum number of names in [`Notice::Members`].
const LISTED_NAMES: usize = 100;

/// An action for the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a new socket. Events of earlier sockets must not be reported any more.
    Open,
    /// Send this as one Binary message.
    Send(Bytes),
    /// Close the socket with this code, or with an empty Close frame.
    Close(Option<u16>),
    /// Apply these changes to the device's storage, in one transaction and after those of earlier tickets. Then call
    /// [`Session::handle_persisted`], whether the transaction succeeded or not.
    Persist {
        /// Identifies the changes; increasing.
        ticket: u64,
        /// The changes, in order.
        changes: Vec<Change>,
    },
}

#[derive(Debug)]
enum State {
    Idle,
    /// The socket is being opened.
    Opening {
        deadline: Millis,
    },
    /// The login was sent.
    LoggingIn {
        deadline: Millis,
    },
    Online(Online),
    /// The exit of a session that the user has left was sent.
    Exiting {
        deadline: Millis,
    },
    /// Waiting for the next attempt.
    Waiting {
        until: Millis,
    },
    Failed,
}

#[derive(Debug)]
struct Online {
    dialect: Dialect,
    /// When the login succeeded.
    since: Millis,
    /// The interval between pings.
    heartbeat: Heartbeat,
    send_budget: TokenBucket,
    /// No message is sent before this time, because of the server or the send budget.
    paused_until: Millis,
    pause_reason: Status,
    can_batch: bool,
    /// When the last message was sent, until the server has answered a ping that followed it. So it was neither a proxy nor
    /// the server's reading of the message that has ended the connection.
    unanswered_since: Option<Millis>,
    /// When the connection has lasted for [`PROBATION_MS`](sending::PROBATION_MS).
    stable_at: Millis,
    /// The next message is not sent before this time, or before those in flight are acknowledged; 0 if it is not held.
    held_until: Millis,
}

/// The session of one account with one server. Its user may log in again; for another server, the caller has to create
/// another session, so that nothing of the first one reaches it.
#[derive(Debug)]
pub struct Session {
    state: State,
    nick: String,
    secret: Vec<u8>,
    /// The secret of the next session.
    next_secret: Vec<u8>,
    agent: String,
    identity: Option<Identity>,
    limits: Limits,
    send_queue: SendQueue,
    member_list: MemberList,
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
    /// The nick under which the user wants to continue, until a login under it has succeeded or was refused.
    rename: Option<Rename>,
    /// Kept when the session is reset.
    left: LeftSessions,
    /// The server has sent Text.
    receives_text: bool,
    /// With a basic server: the own message of which it has sent some parts back, and their number.
    partial_echo: Option<(MessageId, usize)>,
    history: History,
    search: Search,
    /// For history and search requests.
    request_budget: TokenBucket,
    persister: Persister,
    visibility: Visibility,
    /// The number of the last login attempt.
    attempt: u64,
    /// The nonce of the last ping.
    nonce: u64,
    /// The number of ids generated for messages without one.
    generated_ids: u64,
    /// The number of ignored envelopes.
    ignored: u64,
    commands: VecDeque<Command>,
    events: VecDeque<Event>,
}

impl Session {
    /// A logged-out session. `seed` randomizes the delays between connection attempts; `agent` is the program's name and
    /// version for the server's log.
    #[must_use]
    pub fn new(seed: u64, agent: &str) -> Self {
        Self {
            state: State::Idle,
            nick: String::new(),
            secret: Vec::new(),
            next_secret: Vec::new(),
            agent: agent.into(),
            identity: None,
            limits: Limits::default(),
            send_queue: SendQueue::default(),
            member_list: MemberList::new(),
            backoff: Backoff::new(seed),
            server_delay: None,
            refusal: None,
            last_status: Status::NotConnected,
            nick_taken_since: None,
            suggestion: None,
            rename: None,
            left: LeftSessions::default(),
            receives_text: false,
            partial_echo: None,
            history: History::default(),
            search: Search::default(),
            request_budget: paging::request_budget(),
            persister: Persister::default(),
            visibility: Visibility::Visible,
            attempt: 0,
            nonce: seed,
            generated_ids: 0,
            ignored: 0,
            commands: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    // ---- the user's actions

    /// Sets the secret of the next new session. Called with fresh random bytes before each login, so that a client can
    /// reclaim its nick even if the answer to its first login was lost. Without this call the server chooses the secret.
    ///
    /// The secret is sent as hexadecimal digits, because a basic server sends the login back as Text.
    pub fn handle_new_secret(&mut self, random: [u8; 16]) {
        self.next_secret = hex(&random).into_bytes();
    }

    /// Logs in under a nick, with the data persisted on the device. If that data is of a user who has not logged out, the
    /// session continues: [`Event::LoggedIn`] and the persisted messages are reported at once, and the connection is
    /// attempted until it succeeds.
    ///
    /// # Errors
    /// The errors of [`validate::nick`]; [`Status::SignedIn`] while logged in or logging in.
    pub fn handle_login(&mut self, now: Clocks, nick: &str, persisted: Persisted) -> Result<(), Status> {
        if !matches!(self.state, State::Idle | State::Failed) {
            return Err(Status::SignedIn);
        }
        let nick = validate::nick(nick, &Limits::default())?;
        // As in `persist::scope`, nicks that differ in ASCII case only are the same user.
        let is_same = |other: &str| other.eq_ignore_ascii_case(&nick);
        if !is_same(&self.nick) {
            self.forget_account();
        }
        self.reset(&nick);
        self.left.begin();
        // The secret of a login without an answer is used again, because the server may have accepted it.
        if self.secret.is_empty() {
            self.secret = std::mem::take(&mut self.next_secret);
        }
        self.send_queue.raise_order(persisted.last_order);
        for message in persisted.send_queue {
            if persisted.settled.contains(&message.id) {
                self.persister.delete_queued(now.monotonic, message.id);
                continue;
            }
            // Cannot fail: no more messages are persisted than the queue holds.
            let _ = self.send_queue.push(message);
        }
        let is_left = persisted.account.as_ref().is_some_and(|account| self.left.contains(&account.secret));
        if is_left {
            // The logout could not be written.
            self.persister.leave();
        }
        let account = persisted.account.filter(|account| !is_left && is_same(&account.identity.nick));
        if let Some(account) = account {
            self.secret = account.secret;
            self.attempt = self.attempt.max(account.attempt);
            self.limits = account.identity.limits;
            self.persister
                .restore(persisted.messages.iter().map(|message| message.seq), account.known.clone());
            if persisted.is_outdated {
                self.persister.clear_messages(now.monotonic);
            }
            let last_message = persisted.messages.last().map(|message| (message.seq, message.id));
            let mut known = account.known;
            persisted.shown.iter().for_each(|range| known.insert(range.from, range.to));
            let last_message = last_message.max(persisted.newest_shown);
            self.history.restore(account.log, account.epoch, known, last_message);
            self.nick = account.identity.nick.to_string();
            self.identity = Some(account.identity.clone());
            self.emit(Event::LoggedIn(account.identity));
            self.emit(Event::FromDevice(true));
            self.emit(Event::HistoryPage(persisted.messages));
            self.emit_gaps();
            self.emit_send_queue();
        }
        self.open(now);
        Ok(())
    }

    /// Replaces the session by a new one, because the next login is that of another account.
    fn forget_account(&mut self) {
        let fresh = Self::new(self.nonce, &self.agent);
        let next_secret = std::mem::take(&mut self.next_secret);
        let (commands, events) = (std::mem::take(&mut self.commands), std::mem::take(&mut self.events));
        let (persister, visibility) = (self.persister.next_account(), self.visibility);
        *self = Self { next_secret, commands, events, persister, visibility, ..fresh };
    }

    /// Resets everything to the state before a login, except the secrets and the send queue.
    fn reset(&mut self, nick: &str) {
        self.nick = nick.into();
        self.identity = None;
        self.history = History::default();
        self.search = Search::default();
        self.persister.reset();
        self.member_list = MemberList::new();
        self.last_status = Status::NotConnected;
        self.nick_taken_since = None;
        self.suggestion = None;
        self.rename = None;
        self.backoff.reset();
    }

    /// By how many bytes a text exceeds the server's limit for one message; 0 when it fits.
    #[must_use]
    pub fn excess_bytes(&self, text: &str) -> usize {
        self.identity.as_ref().map_or(0, |identity| validate::excess_bytes(identity, text))
    }

    /// Reports the member list as [`Notice::Members`]; with a basic server, when it has answered a request for it.
    pub fn handle_list_members(&mut self) {
        if self.is_basic() && !self.is_list_too_long() {
            let request = codec::user_list_request(&self.nick);
            self.send(&request);
        } else {
            self.emit(members_notice(self.member_list.members(), self.member_list.total()));
        }
    }

    /// Connects at once instead of waiting for the next attempt.
    pub fn handle_reconnect(&mut self, now: Clocks) {
        match self.state {
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
        match &mut self.state {
            State::Waiting { .. } => self.open(now),
            State::Online(online) => online.heartbeat.wake(now.monotonic),
            _ => {}
        }
        self.handle_timeout(now);
    }

    /// The browser reports that the network is gone. This is not always true, so the connection is checked by a ping.
    pub fn handle_offline(&mut self, now: Clocks) {
        if matches!(self.state, State::Online(_)) {
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

    /// Whether the user is neither logged in nor logging in.
    #[must_use]
    pub fn is_logged_out(&self) -> bool {
        self.identity.is_none() && matches!(self.state, State::Idle | State::Failed)
    }

    /// The next command for the driver.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front().or_else(|| self.poll_changes())
    }

    /// The next event for the user interface.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The user's identity, if logged in.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The listed members, in order, and the number of all members.
    #[must_use]
    pub fn members(&self) -> (Vec<Member>, usize) {
        (self.member_list.members().cloned().collect(), self.member_list.total())
    }

    /// The number of received envelopes that were ignored because they are unknown or invalid.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }
}

/// A notice with the names of the first members.
pub(crate) fn members_notice<'a>(members: impl Iterator<Item = &'a Member>, total: usize) -> Event {
    let nicks: Vec<_> = members.take(LISTED_NAMES).map(|member| member.nick.clone()).collect();
    let more = total.saturating_sub(nicks.len());
    Event::Notice(Notice::Members { nicks, more })
}

/// A message of the send queue as a message of the timeline.
pub(crate) fn own_message(nick: &Arc<str>, queued: &QueuedMessage) -> Message {
    let delivery = match queued.stage {
        Stage::Persisting(_) | Stage::Queued => Delivery::Queued,
        Stage::InFlight => Delivery::Pending,
        Stage::Failed(status) => Delivery::Failed(status),
    };
    let (id, content, time) = (queued.id, queued.content.clone(), queued.time);
    Message { id, sender: None, nick: nick.clone(), content, seq: queued.order, time, own: true, delivery }
}
