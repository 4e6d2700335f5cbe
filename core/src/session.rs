//! The client's side of a connection: logging in, talking, noticing that the other end is gone, coming back.
//!
//! A state machine without a socket, a clock or a random source. The driver calls `handle_*` with what happened
//! and when, then empties [`Session::poll_command`] (what to do with the socket) and [`Session::poll_event`]
//! (what to tell the user), and calls [`Session::handle_timeout`] once [`Session::poll_timeout`] has come.

mod basic;
mod rich;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

pub use crate::event::Event;
use crate::{
    Millis, PROTOCOL_VERSION,
    backoff::Backoff,
    codec::{self, Extension, Frame},
    limits::{Bucket, Limits},
    model::{Connection, Delivery, Dialect, Identity, Member, Message, MessageId, Refused},
    outbox::{Outbox, Stage},
    presence::Roster,
    status::Status,
    timeline::Notice,
    validate, wire,
};

/// How long opening a socket and logging in may take, in ms.
const ANSWER_WITHIN: Millis = 10_000;
/// How long after a ping the server must have been heard, in ms.
const PONG_WITHIN: Millis = 10_000;
/// The shortest and the longest time between pings that is taken from a server, in ms.
const HEARTBEAT: std::ops::RangeInclusive<Millis> = 2_000..=120_000;
/// A connection that lasted this long was a good one: the next wait starts small again. In ms.
const STEADY: Millis = 30_000;
/// A wait for the rate limit shorter than this is not worth telling, in ms.
const THROTTLE_TOLD: Millis = 1_000;
/// The largest message taken from a server, in bytes.
const INBOUND_BYTES: usize = 16 * 1024 * 1024;

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
    can_batch: bool,
}

/// One user's session with one server.
#[derive(Debug)]
pub struct Session {
    state: State,
    nick: String,
    secret: Vec<u8>,
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
    last_seq: u64,
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
            agent: agent.into(),
            identity: None,
            limits: Limits::default(),
            outbox: Outbox::default(),
            roster: Roster::new(),
            backoff: Backoff::new(seed),
            come_back_after: None,
            refused: None,
            last_status: Status::NotConnected,
            last_seq: 0,
            nonce: seed,
            made_ids: 0,
            ignored: 0,
            commands: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    // ---- what the user does

    /// Logs in under a nick.
    ///
    /// # Errors
    /// What [`validate::nick`] says; [`Status::SignedIn`] while another login lasts.
    pub fn handle_login(&mut self, now: Now, nick: &str) -> Result<(), Status> {
        if !matches!(self.state, State::Idle | State::Failed) {
            return Err(Status::SignedIn);
        }
        let nick = validate::nick(nick, &Limits::default())?;
        if nick != self.nick {
            self.secret.clear();
            self.last_seq = 0;
        }
        self.nick = nick;
        self.identity = None;
        self.backoff.reset();
        self.open(now);
        Ok(())
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
        let content: Arc<str> = text.into();
        let nick = identity.nick.clone();
        self.outbox.push(id, content.clone(), now.unix)?;
        let delivery = Delivery::Pending;
        self.tell(Event::Message(Message { id, nick, content, seq: 0, time: now.unix, own: true, delivery }));
        self.flush(now);
        Ok(())
    }

    /// How many bytes a text is over what the server takes in one message; 0 when it fits.
    #[must_use]
    pub fn excess(&self, text: &str) -> usize {
        let text = text.trim_end();
        match &self.identity {
            Some(identity) if identity.dialect == Dialect::Basic => {
                let frame = codec::encode(&codec::talk(&identity.nick, "", None, text));
                frame.len().saturating_sub(self.limits.frame_bytes)
            }
            _ => text.len().saturating_sub(self.limits.content_bytes),
        }
    }

    /// Sends a failed message once more, under its old id.
    pub fn handle_retry(&mut self, now: Now, id: MessageId) {
        if self.outbox.set(id, Stage::Queued) {
            self.tell(Event::Delivery(id, Delivery::Pending));
            self.flush(now);
        }
    }

    /// Forgets a message that failed. One that is on its way can't be called back.
    pub fn handle_discard(&mut self, id: MessageId) -> bool {
        let failed =
            self.outbox.iter().any(|entry| entry.id == id && matches!(entry.stage, Stage::Failed(_)));
        failed && self.outbox.remove(id).is_some()
    }

    /// Asks who is there; answered with [`Notice::Who`].
    pub fn handle_who(&mut self) {
        if let State::Online(Online { dialect: Dialect::Basic, .. }) = self.state {
            let frame = codec::userlist(&self.nick);
            self.send(&frame);
        } else {
            let nicks: Vec<_> = self.roster.members().take(100).map(|member| member.nick.clone()).collect();
            let more = self.roster.total() - nicks.len();
            self.tell(Event::Notice(Notice::Who { nicks, more }));
        }
    }

    /// Leaves for good: says so, closes, and tries nothing more.
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
        self.state = State::Idle;
        self.identity = None;
        self.secret.clear();
        self.last_seq = 0;
        self.outbox.clear();
        self.roster = Roster::new();
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

    // ---- what the socket does

    /// The socket is open.
    pub fn handle_opened(&mut self, now: Now) {
        if !matches!(self.state, State::Opening { .. }) {
            return;
        }
        let positions = if self.last_seq == 0 {
            Vec::new()
        } else {
            vec![wire::RoomPosition { room: String::new(), seq: self.last_seq }]
        };
        let login = wire::Login {
            version: PROTOCOL_VERSION,
            capabilities: vec!["batch".into()],
            secret: self.secret.clone(),
            positions,
            agent: self.agent.clone(),
            password: String::new(),
        };
        let frame = codec::login(&self.nick, login);
        self.send(&frame);
        self.state = State::LoggingIn { deadline: now.mono + ANSWER_WITHIN };
    }

    /// A message came, Text or Binary; bytes as they were.
    pub fn handle_message(&mut self, now: Now, bytes: &[u8]) {
        let dialect = match &mut self.state {
            State::Online(online) => {
                online.last_heard = now.mono;
                Some(online.dialect)
            }
            State::LoggingIn { .. } => None,
            _ => return,
        };
        let frames = if bytes.len() > INBOUND_BYTES {
            None
        } else if dialect == Some(Dialect::Rich) {
            codec::decode_rich(bytes).ok()
        } else {
            // A rich server's answer to the login reads the same way: it never joins messages.
            codec::decode_basic(bytes).ok()
        };
        let Some(frames) = frames else {
            self.ignored += 1;
            if dialect.is_some() {
                self.tell(Event::Notice(Notice::Unreadable));
            } else {
                self.fail(Status::BadFrame, None);
            }
            return;
        };
        for frame in frames {
            self.handle_frame(now, frame);
        }
    }

    fn handle_frame(&mut self, now: Now, frame: Frame) {
        match &self.state {
            State::LoggingIn { .. } => match frame.extension {
                Some(Extension::Welcome(welcome)) => self.welcome(now, welcome),
                Some(Extension::Refusal(refusal)) => self.refuse(now, refusal),
                Some(Extension::GoingAway(going)) => self.come_back_after = Some(going.retry_after_ms.into()),
                // A basic server sends back what it got, fields that it does not know included.
                None | Some(Extension::Login(_)) => {
                    self.basic_welcome(now);
                    self.basic_frame(now, frame);
                }
                Some(_) => self.ignored += 1,
            },
            State::Online(Online { dialect: Dialect::Rich, .. }) => self.rich_frame(now, frame),
            State::Online(_) => self.basic_frame(now, frame),
            _ => {}
        }
    }

    /// The socket is closed, or could not be opened; `code` is 1006 when the browser says no more.
    pub fn handle_closed(&mut self, now: Now, code: u16) {
        if !matches!(self.state, State::Opening { .. } | State::LoggingIn { .. } | State::Online(_)) {
            return;
        }
        let never_answered = matches!(self.state, State::Opening { .. });
        let status = match Status::from_code(code) {
            Status::Abnormal if never_answered => Status::NoAnswer,
            // What a browser tells when it has closed by itself, as it does on Text that is not UTF-8.
            Status::Abnormal if self.is_basic() => Status::InvalidText,
            // Closed politely by the other end, but not by us: it may be back.
            Status::Normal => Status::GoingAway,
            status => status,
        };
        self.lost(now, status);
    }

    /// The socket can't even be tried: the address is wrong, or the page may not use it.
    pub fn handle_unopenable(&mut self, status: Status) {
        if matches!(self.state, State::Opening { .. }) {
            self.fail(status, None);
        }
    }

    // ---- time

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        match &self.state {
            State::Idle | State::Failed => None,
            State::Opening { deadline } | State::LoggingIn { deadline } => Some(*deadline),
            State::Waiting { until } => Some(*until),
            State::Online(online) => {
                let ping = match online.awaiting {
                    Some((_, sent)) => online.last_heard.max(sent) + PONG_WITHIN,
                    None => online.next_ping,
                };
                let flush = self.outbox.next_queued().map_or(Millis::MAX, |_| online.hold_until);
                let next = if online.dialect == Dialect::Basic { flush } else { ping.min(flush) };
                (next != Millis::MAX).then_some(next)
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.poll_timeout().is_none_or(|at| now.mono < at) {
            return;
        }
        match &mut self.state {
            State::Opening { .. } | State::LoggingIn { .. } => {
                self.commands.push_back(Command::Close(None));
                self.lost(now, Status::NoAnswer);
            }
            State::Waiting { .. } => self.open(now),
            State::Online(online) => {
                match online.awaiting {
                    Some((_, sent)) if now.mono >= online.last_heard.max(sent) + PONG_WITHIN => {
                        self.commands.push_back(Command::Close(None));
                        self.lost(now, Status::ConnectionLost);
                        return;
                    }
                    None if online.dialect == Dialect::Rich && now.mono >= online.next_ping => self.ping(now),
                    _ => {}
                }
                self.flush(now);
            }
            State::Idle | State::Failed => {}
        }
    }

    // ---- what to do and what to tell

    /// The next thing to do with the socket.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
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

    // ---- the parts both dialects share

    fn is_basic(&self) -> bool {
        matches!(&self.state, State::Online(Online { dialect: Dialect::Basic, .. }))
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    fn send(&mut self, frame: &Frame) {
        self.commands.push_back(Command::Send(codec::encode(frame)));
    }

    fn open(&mut self, now: Now) {
        self.state = State::Opening { deadline: now.mono + ANSWER_WITHIN };
        self.refused = None;
        self.come_back_after = None;
        self.commands.push_back(Command::Open);
        let connection = match (&self.identity, self.backoff.attempt()) {
            (None, _) => Connection::Connecting,
            (Some(_), attempt) => {
                Connection::Reconnecting { status: self.last_status, retry_at: None, attempt }
            }
        };
        self.tell(Event::Connection(connection));
    }

    /// Logged in, one way or the other.
    fn online(&mut self, now: Now, identity: Identity, heartbeat: Millis, can_batch: bool) {
        self.limits = identity.limits;
        self.roster.reconnected();
        self.state = State::Online(Online {
            dialect: identity.dialect,
            since: now.mono,
            heartbeat,
            next_ping: now.mono,
            awaiting: None,
            last_heard: now.mono,
            bucket: Bucket::new(identity.limits.messages_per_minute, identity.limits.burst, now.mono),
            hold_until: 0,
            can_batch,
        });
        let dialect = identity.dialect;
        self.identity = Some(identity.clone());
        self.tell(Event::LoggedIn(identity));
        self.tell(Event::Connection(Connection::Online { dialect }));
        self.flush(now);
    }

    /// The connection is gone. Tried again when that can help and it once worked.
    fn lost(&mut self, now: Now, status: Status) {
        if let State::Online(online) = &self.state
            && now.mono.saturating_sub(online.since) >= STEADY
        {
            self.backoff.reset();
        }
        let basic = self.is_basic();
        let in_flight: Vec<_> =
            self.outbox.iter().filter(|entry| entry.stage == Stage::InFlight).map(|entry| entry.id).collect();
        if basic {
            // Nothing there knows an id, so sending again might say it twice: the user decides.
            for id in in_flight {
                self.outbox.set(id, Stage::Failed(Status::Unconfirmed));
                self.tell(Event::Delivery(id, Delivery::Failed(Status::Unconfirmed)));
            }
        } else {
            self.outbox.requeue();
        }
        if status == Status::InvalidText && self.backoff.attempt() == 0 {
            // It is soon back, and the bar with it; this stays to be read.
            self.tell(Event::Notice(Notice::Broke(status)));
        }
        let refused = self.refused.take();
        let status = refused.as_ref().map_or(status, |refused| refused.status);
        if status.is_terminal() || self.identity.is_none() {
            self.fail(status, refused);
            return;
        }
        let told = refused.map(|refused| refused.retry_after.into()).filter(|ms: &Millis| *ms > 0);
        let wait = match self.come_back_after.take().or(told) {
            Some(wait) => self.backoff.told(wait),
            None => self.backoff.next_wait(),
        };
        let until = now.mono + wait;
        self.state = State::Waiting { until };
        self.last_status = status;
        let attempt = self.backoff.attempt();
        self.tell(Event::Connection(Connection::Reconnecting { status, retry_at: Some(until), attempt }));
    }

    fn fail(&mut self, status: Status, refusal: Option<Refused>) {
        if matches!(self.state, State::Opening { .. } | State::LoggingIn { .. } | State::Online(_)) {
            self.commands.push_back(Command::Close(None));
        }
        self.state = State::Failed;
        self.outbox.requeue();
        self.tell(Event::Connection(Connection::Failed { status, refusal }));
    }

    /// Sends what is queued, as far as the rate allows.
    fn flush(&mut self, now: Now) {
        let State::Online(online) = &mut self.state else { return };
        let Some(identity) = &self.identity else { return };
        let rich = online.dialect == Dialect::Rich;
        let mut ready = Vec::new();
        let mut wait = None;
        while let Some(entry) = self.outbox.next_queued() {
            if online.hold_until > now.mono {
                wait = Some(online.hold_until - now.mono);
                break;
            }
            if let Err(ms) = online.bucket.take(now.mono) {
                online.hold_until = now.mono + ms;
                wait = Some(ms);
                break;
            }
            let id = entry.id;
            let frame = codec::talk(&identity.nick, "", rich.then_some(id), &entry.content);
            ready.push(codec::encode(&frame));
            self.outbox.set(id, Stage::InFlight);
        }
        let batch_bytes = self.limits.frame_bytes / 2;
        let can_batch = online.can_batch;
        let mut size = 0;
        let mut batch = Vec::new();
        for frame in ready {
            let full = !can_batch || size + frame.len() > batch_bytes || batch.len() >= codec::BATCH_FRAMES;
            if full && !batch.is_empty() {
                self.commands.push_back(Command::Send(codec::batch(std::mem::take(&mut batch))));
                size = 0;
            }
            size += frame.len() + 8;
            batch.push(frame);
        }
        if !batch.is_empty() {
            self.commands.push_back(Command::Send(codec::batch(batch)));
        }
        if let Some(ms) = wait.filter(|ms| *ms >= THROTTLE_TOLD) {
            self.tell(Event::Throttled(u32::try_from(ms).unwrap_or(u32::MAX)));
        }
    }
}
