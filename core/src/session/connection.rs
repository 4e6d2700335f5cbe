//! What the socket and the clock do, and what both dialects share.

use super::{Command, Event, Now, Online, Session, State, Watch};
use crate::{
    Millis, PROTOCOL_VERSION,
    codec::{self, Extension, Frame},
    limits::Bucket,
    model::{Connection, Delivery, Dialect, Identity, MessageId, Refused},
    outbox::Stage,
    status::Status,
    timeline::Notice,
    wire,
};

/// How long opening a socket and logging in may take, in ms.
pub(super) const ANSWER_WITHIN: Millis = 10_000;
/// How long after a ping the server must have been heard, in ms.
const PONG_WITHIN: Millis = 10_000;
/// While somebody looks: how long the server may be silent before it is pinged, and how long after the ping it must
/// have been heard. Together the time in which a dead connection is noticed, in ms.
const SEEN: (Millis, Millis) = (5_000, 4_500);
/// The shortest and the longest time between pings that is taken from a server, in ms.
pub(super) const HEARTBEAT: std::ops::RangeInclusive<Millis> = 2_000..=120_000;
/// A connection that lasted this long was a good one: the next wait starts small again. In ms.
pub(super) const STEADY: Millis = 30_000;
/// How long a name that was ours, and is said to be taken, is asked for, in ms: longer than a server keeps it for a
/// session that is lost, and the longest wait between two attempts.
const NAME_WITHIN: Millis = 60_000 + crate::backoff::CAP;
/// A wait for the rate limit shorter than this is not worth telling, in ms.
const THROTTLE_TOLD: Millis = 1_000;
/// The largest message taken from a server, in bytes.
const INBOUND_BYTES: usize = 16 * 1024 * 1024;

impl Session {
    // ---- what the socket does

    /// The socket is open.
    pub fn handle_opened(&mut self, now: Now) {
        if !matches!(self.state, State::Opening { .. }) {
            return;
        }
        // By the clock, so that a page which knows nothing of the last one counts on; and on, if the clock was put back.
        self.attempt = u64::try_from(now.unix).unwrap_or(0).max(self.attempt + 1);
        let newest = self.history.known.newest();
        let positions =
            newest.map(|seq| wire::RoomPosition { room: String::new(), seq }).into_iter().collect();
        let login = wire::Login {
            version: PROTOCOL_VERSION,
            capabilities: vec!["batch".into(), "history".into()],
            secret: self.secret.clone(),
            positions,
            agent: self.agent.clone(),
            password: String::new(),
            log: self.history.log.clone(),
            attempt: String::from_utf8(super::hex(&self.attempt.to_be_bytes())).unwrap_or_default(),
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
        [self.link_due(), self.keeper.due(), self.history.due(), self.search.due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn link_due(&self) -> Option<Millis> {
        match &self.state {
            State::Idle | State::Failed => None,
            State::Opening { deadline } | State::LoggingIn { deadline } => Some(*deadline),
            State::Waiting { until } => Some(*until),
            State::Online(online) => {
                let ping = match online.awaiting {
                    Some((_, sent)) => self.lost_at(online, sent),
                    None => self.ping_at(online),
                };
                let flush = self.outbox.next_queued().map_or(Millis::MAX, |_| online.hold_until);
                let next = if online.dialect == Dialect::Basic { flush } else { ping.min(flush) };
                (next != Millis::MAX).then_some(next)
            }
        }
    }

    /// When a ping is to be sent, if none is out.
    fn ping_at(&self, online: &Online) -> Millis {
        match self.watch {
            Watch::Seen => online.next_ping.min(online.last_heard + SEEN.0),
            Watch::Hidden => online.next_ping,
        }
    }

    /// When the connection is given up, with a ping out since `sent`.
    fn lost_at(&self, online: &Online, sent: Millis) -> Millis {
        online.last_heard.max(sent)
            + match self.watch {
                Watch::Seen => SEEN.1,
                Watch::Hidden => PONG_WITHIN,
            }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now.mono);
        if is_due(self.keeper.due()) {
            self.write();
        }
        if is_due(self.history.due()) {
            self.page_is_due(now);
        }
        if is_due(self.search.due()) {
            self.search_is_due(now);
        }
        if is_due(self.link_due()) {
            self.link_timeout(now);
        }
    }

    fn link_timeout(&mut self, now: Now) {
        match &self.state {
            State::Opening { .. } | State::LoggingIn { .. } => {
                self.commands.push_back(Command::Close(None));
                self.lost(now, Status::NoAnswer);
            }
            State::Waiting { .. } => self.open(now),
            State::Online(online) => {
                let rich = online.dialect == Dialect::Rich;
                match online.awaiting {
                    Some((_, sent)) if now.mono >= self.lost_at(online, sent) => {
                        self.commands.push_back(Command::Close(None));
                        self.lost(now, Status::ConnectionLost);
                        return;
                    }
                    None if rich && now.mono >= self.ping_at(online) => self.ping(now),
                    _ => {}
                }
                self.flush(now);
            }
            State::Idle | State::Failed => {}
        }
    }

    // ---- the parts both dialects share

    pub(super) fn is_basic(&self) -> bool {
        matches!(&self.state, State::Online(Online { dialect: Dialect::Basic, .. }))
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn send(&mut self, frame: &Frame) {
        self.commands.push_back(Command::Send(codec::encode(frame)));
    }

    pub(super) fn open(&mut self, now: Now) {
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
    pub(super) fn online(&mut self, now: Now, identity: Identity, heartbeat: Millis, can_batch: bool) {
        self.limits = identity.limits;
        self.taken_since = None;
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
            hold_for: Status::RateLimited,
            can_batch,
        });
        let dialect = identity.dialect;
        let first = self.identity.replace(identity.clone()).is_none();
        // At once: without the secret nobody has the nick back.
        self.write();
        self.tell(Event::LoggedIn(identity));
        self.tell(Event::FromDevice(false));
        self.tell(Event::Connection(Connection::Online { dialect }));
        if first {
            self.tell_outbox();
        }
        if dialect == Dialect::Basic {
            let queued: Vec<_> =
                self.outbox.iter().filter(|e| e.stage == Stage::Queued).map(|e| e.id).collect();
            queued.into_iter().for_each(|id| self.keep_entry(id));
        }
        self.flush(now);
    }

    /// The connection is gone. Tried again when that can help and it once worked.
    pub(super) fn lost(&mut self, now: Now, status: Status) {
        if let State::Online(online) = &self.state
            && now.mono.saturating_sub(online.since) >= STEADY
        {
            self.backoff.reset();
        }
        self.history_ends();
        self.give_back();
        if status == Status::InvalidText && self.backoff.attempt() == 0 {
            // It is soon back, and the bar with it; this stays to be read.
            self.tell(Event::Notice(Notice::Broke(status)));
        }
        let refused = self.refused.take();
        let status = refused.as_ref().map_or(status, |refused| refused.status);
        let told = refused.as_ref().map(|refused| refused.retry_after.into()).filter(|ms: &Millis| *ms > 0);
        // A first login is tried again only where the server has said when.
        if (status.is_terminal() && !self.may_be_ours(now, status))
            || (self.identity.is_none() && told.is_none())
        {
            self.fail(status, refused);
            return;
        }
        let wait = match self.come_back_after.take().or(told) {
            Some(wait) => self.backoff.told(wait),
            None => self.backoff.next_wait(),
        };
        let until = now.mono + wait;
        self.state = State::Waiting { until };
        self.last_status = status;
        if self.identity.is_some() {
            let attempt = self.backoff.attempt();
            self.tell(Event::Connection(Connection::Reconnecting { status, retry_at: Some(until), attempt }));
        }
    }

    /// Whether a name that is taken may still be had back: it was ours, and a server that was killed just after we had
    /// left and come again keeps it for the session which it knows, the one before.
    fn may_be_ours(&mut self, now: Now, status: Status) -> bool {
        let is_refused = matches!(self.state, State::LoggingIn { .. }) && status == Status::NickTaken;
        if !is_refused || self.identity.is_none() {
            return false;
        }
        let since = *self.taken_since.get_or_insert(now.mono);
        now.mono.saturating_sub(since) < NAME_WITHIN
    }

    /// What is in flight is not any more: it goes back to where it was.
    pub(super) fn give_back(&mut self) {
        let in_flight: Vec<_> =
            self.outbox.iter().filter(|entry| entry.stage == Stage::InFlight).map(|entry| entry.id).collect();
        // A basic server knows no ids, so sending again might say it twice: the user decides.
        let (stage, delivery) = match self.is_basic() {
            true => (Stage::Failed(Status::Unconfirmed), Delivery::Failed(Status::Unconfirmed)),
            false => (Stage::Queued, Delivery::Queued),
        };
        for id in in_flight {
            self.outbox.set(id, stage);
            self.tell(Event::Delivery(id, delivery));
        }
    }

    pub(super) fn fail(&mut self, status: Status, refusal: Option<Refused>) {
        if matches!(self.state, State::Opening { .. } | State::LoggingIn { .. } | State::Online(_)) {
            self.commands.push_back(Command::Close(None));
        }
        self.give_back();
        self.state = State::Failed;
        self.history_ends();
        self.tell(Event::Connection(Connection::Failed { status, refusal }));
    }

    /// A message of ours has arrived. `true` when it was in the outbox.
    pub(super) fn done_with(&mut self, now: Now, id: MessageId) -> bool {
        let was_there = self.outbox.remove(id).is_some();
        if was_there {
            self.keeper.forget(now.mono, id);
        }
        was_there
    }

    /// Sends what is queued, as far as the rate allows.
    pub(super) fn flush(&mut self, now: Now) {
        let State::Online(online) = &mut self.state else { return };
        let Some(identity) = &self.identity else { return };
        let rich = online.dialect == Dialect::Rich;
        let mut ready = Vec::new();
        let mut on_their_way = Vec::new();
        let mut wait = None;
        while let Some(entry) = self.outbox.next_queued() {
            if online.hold_until > now.mono {
                wait = Some(online.hold_until - now.mono);
                break;
            }
            if let Err(ms) = online.bucket.take(now.mono) {
                online.hold_until = now.mono + ms;
                online.hold_for = Status::RateLimited;
                wait = Some(ms);
                break;
            }
            let id = entry.id;
            let frame = codec::talk(&identity.nick, "", rich.then_some(id), &entry.content);
            ready.push(codec::encode(&frame));
            self.outbox.set(id, Stage::InFlight);
            on_their_way.push(id);
        }
        let batch_bytes = self.limits.frame_bytes / 2;
        let (can_batch, hold_for) = (online.can_batch, online.hold_for);
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
        on_their_way.into_iter().for_each(|id| self.tell(Event::Delivery(id, Delivery::Pending)));
        if let Some(ms) = wait.filter(|ms| *ms >= THROTTLE_TOLD) {
            self.tell(Event::Throttled(hold_for, u32::try_from(ms).unwrap_or(u32::MAX)));
        }
    }
}
