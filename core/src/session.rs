//! The client's side of a connection: logging in, talking, noticing that the other end is gone, coming back.
//!
//! A state machine without a socket, a storage, a clock or a random source. The driver calls `handle_*` with what
//! happened and when, then empties [`Session::poll_command`] (what to do with socket and storage) and
//! [`Session::poll_event`] (what to tell the user), and calls [`Session::handle_timeout`] once
//! [`Session::poll_timeout`] has come.
//!
//! | module | what it holds |
//! | --- | --- |
//! | this one | what the user does |
//! | `link` | what the socket and the clock do; what is common to both dialects |
//! | `rich`, `basic` | what a server of either dialect says |
//! | `history` | what is known of the room |
//! | `ask` | asking for pages of what is not |
//! | `seek` | going to a place of the room |
//! | `search` | searching what was said |
//! | `keep` | what is written to the device, and when |

mod ask;
mod basic;
mod history;
mod keep;
mod link;
mod rich;
mod search;
mod seek;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use self::{history::History, keep::Keeper, search::Search};
pub use crate::event::Event;
use crate::{
    Millis,
    backoff::Backoff,
    codec,
    kept::{Change, Kept},
    limits::{Bucket, Limits},
    model::{Connection, Delivery, Dialect, Identity, Member, Message, MessageId, Refused},
    outbox::{Entry, Outbox, Stage},
    presence::Roster,
    status::Status,
    timeline::Notice,
    validate,
};

/// Both clocks, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic.
    pub mono: Millis,
    /// Unix ms; may jump.
    pub unix: i64,
}

/// What is to be done with the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a new one; whatever an older one still reports is to be dropped.
    Open,
    /// Send this as one Binary message.
    Send(Bytes),
    /// Close it, with this code, or with an empty Close frame.
    Close(Option<u16>),
    /// Make these changes to the device's storage, all in one transaction and after those of earlier tickets; then,
    /// whether that worked or not, call [`Session::handle_kept`].
    Keep {
        /// Tells these changes from others; rises.
        ticket: u64,
        /// The changes, in order.
        changes: Vec<Change>,
    },
}

#[derive(Debug)]
enum State {
    Idle,
    /// A socket is being opened.
    Opening {
        deadline: Millis,
    },
    /// The login frame is out.
    LoggingIn {
        deadline: Millis,
    },
    Online(Online),
    /// Between attempts.
    Waiting {
        until: Millis,
    },
    Failed,
}

#[derive(Debug)]
struct Online {
    dialect: Dialect,
    since: Millis,
    heartbeat: Millis,
    next_ping: Millis,
    /// The ping that is out: its nonce and when it was sent.
    awaiting: Option<(u64, Millis)>,
    last_heard: Millis,
    bucket: Bucket,
    /// Nothing is sent before this: the server said so, or the bucket did.
    hold_until: Millis,
    /// Why.
    hold_for: Status,
    can_batch: bool,
}

/// What is different while the page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// Somebody looks: a dead connection is to be noticed soon.
    Seen,
    /// Nobody does: it is enough to keep it open.
    Hidden,
}

/// One user's session with one server.
#[derive(Debug)]
pub struct Session {
    state: State,
    nick: String,
    secret: Vec<u8>,
    /// The secret of the next session.
    fresh: Vec<u8>,
    agent: String,
    identity: Option<Identity>,
    limits: Limits,
    outbox: Outbox,
    roster: Roster,
    backoff: Backoff,
    /// The server's word on when to come back.
    come_back_after: Option<Millis>,
    /// A refusal of the connection, waiting for the Close that follows.
    refused: Option<Refused>,
    /// Why the last connection ended.
    last_status: Status,
    /// Since when our name is said to be taken.
    taken_since: Option<Millis>,
    history: History,
    search: Search,
    /// For pages and searches.
    pace: Bucket,
    keeper: Keeper,
    watch: Watch,
    /// The number of the last login.
    attempt: u64,
    nonce: u64,
    made_ids: u64,
    ignored: u64,
    commands: VecDeque<Command>,
    events: VecDeque<Event>,
}

impl Session {
    /// A session that has not begun. `seed` spreads the waits between attempts; `agent` is the program's name
    /// and version for the server's log.
    #[must_use]
    pub fn new(seed: u64, agent: &str) -> Self {
        Self {
            state: State::Idle,
            nick: String::new(),
            secret: Vec::new(),
            fresh: Vec::new(),
            agent: agent.into(),
            identity: None,
            limits: Limits::default(),
            outbox: Outbox::default(),
            roster: Roster::new(),
            backoff: Backoff::new(seed),
            come_back_after: None,
            refused: None,
            last_status: Status::NotConnected,
            taken_since: None,
            history: History::default(),
            search: Search::default(),
            pace: ask::pace(),
            keeper: Keeper::default(),
            watch: Watch::Seen,
            attempt: 0,
            nonce: seed,
            made_ids: 0,
            ignored: 0,
            commands: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    // ---- what the user does

    /// Gives the secret for a session that begins, to be drawn anew before each login. A client that chooses its own
    /// has its nick back also when the answer to its first login is lost. Without one the server gives one.
    ///
    /// It goes out as letters: a basic server sends the login back as Text.
    pub fn handle_random(&mut self, random: [u8; 16]) {
        self.fresh = hex(&random);
    }

    /// Logs in under a nick, with what the device has kept of its last visit. Who was still logged in then goes on: it
    /// is told at once as [`Event::LoggedIn`], with what was kept of the room, and is tried until it works.
    ///
    /// # Errors
    /// What [`validate::nick`] says; [`Status::SignedIn`] while another login lasts.
    pub fn handle_login(&mut self, now: Now, nick: &str, kept: Kept) -> Result<(), Status> {
        if !matches!(self.state, State::Idle | State::Failed) {
            return Err(Status::SignedIn);
        }
        let nick = validate::nick(nick, &Limits::default())?;
        // The same nick but for case, as far as ASCII goes, is the same scope of the storage; more would cost tables.
        let same = |of: &str| of.eq_ignore_ascii_case(&nick);
        if !same(&self.nick) {
            self.outbox.clear();
        }
        self.begin(&nick);
        for entry in kept.outbox {
            // There can't be more than may be: no more were ever taken.
            let _ = self.outbox.push(entry);
        }
        if let Some(account) = kept.account.filter(|account| same(&account.identity.nick)) {
            self.secret = account.secret;
            self.attempt = self.attempt.max(account.attempt);
            self.limits = account.identity.limits;
            self.keeper.holds(kept.messages.iter().map(|message| message.seq), account.known.clone());
            self.history.restore(account.log, account.known);
            self.nick = account.identity.nick.to_string();
            self.identity = Some(account.identity.clone());
            self.tell(Event::LoggedIn(account.identity));
            self.tell(Event::FromDevice(true));
            self.tell(Event::Page(kept.messages));
            self.tell_gaps();
            self.tell_outbox();
        }
        self.open(now);
        Ok(())
    }

    /// Everything as it is before a login.
    fn begin(&mut self, nick: &str) {
        let fresh = std::mem::take(&mut self.fresh);
        // Who comes back under the same nick may have to take it from a connection of their own, whose end the server
        // has not noticed.
        if self.secret.is_empty() || !nick.eq_ignore_ascii_case(&self.nick) {
            self.secret = fresh;
        }
        self.nick = nick.into();
        self.identity = None;
        self.history = History::default();
        self.search = Search::default();
        self.keeper.begin();
        self.roster = Roster::new();
        self.last_status = Status::NotConnected;
        self.taken_since = None;
        self.backoff.reset();
    }

    /// Shows what is in the outbox.
    fn tell_outbox(&mut self) {
        let Some(nick) = self.identity.as_ref().map(|identity| identity.nick.clone()) else { return };
        let entries: Vec<_> = self.outbox.iter().cloned().collect();
        for entry in entries {
            self.tell(Event::Message(own(&nick, &entry)));
        }
    }

    /// Says something. It is shown at once and sent as soon as possible, on this connection or a later one.
    /// `id` must be new.
    ///
    /// # Errors
    /// What [`validate::content`] says against the server's limits, [`Status::NotConnected`] when nobody is
    /// logged in or too much is waiting.
    pub fn handle_talk(&mut self, now: Now, id: MessageId, text: &str) -> Result<(), Status> {
        let Some(identity) = &self.identity else { return Err(Status::NotConnected) };
        if matches!(self.state, State::Idle | State::Failed) {
            return Err(Status::NotConnected);
        }
        let text = validate::content(text, &self.limits)?;
        if identity.dialect == Dialect::Basic && self.excess(text) > 0 {
            return Err(Status::ContentTooLong);
        }
        let nick = identity.nick.clone();
        let order = self.outbox.next_order(now.unix);
        let entry = Entry { id, content: text.into(), time: now.unix, stage: Stage::Queued, order };
        if self.outbox.push(entry.clone())? {
            self.tell(Event::Message(own(&nick, &entry)));
            self.keep_entry(id);
        }
        Ok(())
    }

    /// How many bytes a text is over what the server takes in one message; 0 when it fits.
    #[must_use]
    pub fn excess(&self, text: &str) -> usize {
        self.identity.as_ref().map_or(0, |identity| excess(identity, text))
    }

    /// Sends a failed message once more, under its old id.
    pub fn handle_retry(&mut self, now: Now, id: MessageId) {
        if self.outbox.get(id).is_some_and(|entry| matches!(entry.stage, Stage::Failed(_))) {
            self.outbox.set(id, Stage::Queued);
            self.tell(Event::Delivery(id, Delivery::Queued));
            self.keep_entry(id);
            self.flush(now);
        }
    }

    /// Forgets a message that failed. One that is on its way can't be called back.
    pub fn handle_discard(&mut self, now: Now, id: MessageId) {
        if self.outbox.get(id).is_some_and(|entry| matches!(entry.stage, Stage::Failed(_))) {
            self.done_with(now, id);
            self.tell(Event::Discarded(id));
        }
    }

    /// Asks who is there; answered with [`Notice::Who`].
    pub fn handle_who(&mut self) {
        if let State::Online(Online { dialect: Dialect::Basic, .. }) = self.state {
            let frame = codec::userlist(&self.nick);
            self.send(&frame);
        } else {
            self.tell(who(self.roster.members(), self.roster.total()));
        }
    }

    /// Leaves for good: says so, closes, and tries nothing more. What is not acknowledged stays on the device and is
    /// sent when the same nick logs in again.
    pub fn handle_exit(&mut self, now: Now) {
        if let State::Online(online) = &self.state {
            let close = if online.dialect == Dialect::Basic { None } else { Some(Status::Normal.code()) };
            self.flush(now);
            let frame = codec::exit(&self.nick);
            self.send(&frame);
            self.commands.push_back(Command::Close(close));
        } else if matches!(self.state, State::Opening { .. } | State::LoggingIn { .. }) {
            self.commands.push_back(Command::Close(Some(Status::Normal.code())));
        }
        self.give_back();
        self.state = State::Idle;
        self.keeper.leave();
        let nick = self.nick.clone();
        self.begin(&nick);
        self.tell(Event::Connection(Connection::Idle));
        self.tell(Event::LoggedOut);
    }

    /// Tries at once instead of waiting.
    pub fn handle_retry_now(&mut self, now: Now) {
        match self.state {
            State::Waiting { .. } => self.open(now),
            State::Failed if self.identity.is_some() => {
                self.backoff.reset();
                self.open(now);
            }
            _ => {}
        }
    }

    /// The browser says that there is a network again, or that the page is looked at again: a waiting attempt
    /// is made now, an open connection is checked.
    pub fn handle_wake(&mut self, now: Now) {
        match &mut self.state {
            State::Waiting { .. } => self.open(now),
            State::Online(online) if online.awaiting.is_none() => online.next_ping = now.mono,
            _ => {}
        }
        self.handle_timeout(now);
    }

    /// The browser says that there is no network: an open connection is checked, which tells more surely.
    pub fn handle_offline(&mut self, now: Now) {
        if matches!(self.state, State::Online(_)) {
            self.handle_wake(now);
        }
    }

    /// The page is looked at from now on, or not any more.
    pub fn handle_watched(&mut self, now: Now, watched: bool) {
        self.watch = if watched { Watch::Seen } else { Watch::Hidden };
        if watched {
            self.handle_wake(now);
        }
    }

    // ---- what to do and what to tell

    /// Nobody is logged in, and nobody is on the way there.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.identity.is_none() && matches!(self.state, State::Idle | State::Failed)
    }

    /// The next thing to do with the socket or the storage.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front().or_else(|| self.changes())
    }

    /// The next thing to tell the user.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Who is there, in order, and how many there are in all.
    #[must_use]
    pub fn roster(&self) -> (Vec<Member>, usize) {
        (self.roster.members().cloned().collect(), self.roster.total())
    }

    /// How many frames were of no known kind.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }
}

/// Bytes in letters and digits, which are in the order of the bytes.
fn hex(bytes: &[u8]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(2 * bytes.len());
    for byte in bytes {
        for n in [byte >> 4, byte & 15] {
            digits.push(if n < 10 { b'0' + n } else { b'a' + n - 10 });
        }
    }
    digits
}

/// Who is there, as a notice.
pub(crate) fn who<'a>(members: impl Iterator<Item = &'a Member>, total: usize) -> Event {
    let nicks: Vec<_> = members.take(100).map(|member| member.nick.clone()).collect();
    let more = total.saturating_sub(nicks.len());
    Event::Notice(Notice::Who { nicks, more })
}

/// How many bytes a text is over what a server takes from somebody in one message; 0 when it fits.
pub(crate) fn excess(identity: &Identity, text: &str) -> usize {
    let text = text.trim_end();
    match identity.dialect {
        Dialect::Basic => {
            let frame = codec::encode(&codec::talk(&identity.nick, "", None, text));
            frame.len().saturating_sub(identity.limits.frame_bytes)
        }
        Dialect::Rich => text.len().saturating_sub(identity.limits.content_bytes),
    }
}

/// An entry of the outbox as a message of the timeline.
pub(crate) fn own(nick: &Arc<str>, entry: &Entry) -> Message {
    let delivery = match entry.stage {
        Stage::Keeping(_) | Stage::Queued => Delivery::Queued,
        Stage::InFlight => Delivery::Pending,
        Stage::Failed(status) => Delivery::Failed(status),
    };
    let (id, content, time) = (entry.id, entry.content.clone(), entry.time);
    Message { id, nick: nick.clone(), content, seq: entry.order, time, own: true, delivery }
}
