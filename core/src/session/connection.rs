//! Socket events, timeouts, and code common to both dialects.

use super::{Clocks, Command, Event, Online, Session, State, sending::PROBATION_MS};
use crate::{
    Millis, PROTOCOL_VERSION,
    codec::{self, Envelope, Extension},
    heartbeat::{Beat, Heartbeat},
    hex,
    limits::TokenBucket,
    model::{Connection, Dialect, Identity, Refusal},
    send_queue::Stage,
    status::Status,
    timeline::Notice,
    wire,
};

/// The timeout for opening a socket, and that for the login, in ms.
pub(super) const ANSWER_TIMEOUT_MS: Millis = 10_000;
/// A connection that has been online this long resets the backoff, in ms.
pub(super) const STABLE_MS: Millis = 30_000;
/// How long a login is retried after our own nick was refused as taken, in ms: the time for which a server reserves the
/// nick of a lost session, plus the maximum delay between two attempts.
const NICK_TAKEN_RETRY_MS: Millis = 60_000 + crate::backoff::MAX_DELAY_MS;
/// The maximum size of a message from a server, in bytes.
const INBOUND_BYTES: usize = 16 * 1024 * 1024;

impl Session {
    // ---- socket events

    /// The socket is open.
    pub fn handle_opened(&mut self, now: Clocks) {
        if !matches!(self.state, State::Opening { .. }) {
            return;
        }
        // The clock makes the number larger than those of earlier sessions of this device, which may not be persisted; the
        // increment makes it larger than the last one if the clock was set back.
        self.attempt = u64::try_from(now.unix).unwrap_or(0).max(self.attempt + 1);
        let positions = self.history.position().into_iter().collect();
        let (nick, secret) =
            self.rename.as_ref().map_or((&self.nick, &self.secret), |rename| (&rename.nick, &rename.secret));
        let (capabilities, secret) = match self.left.ending() {
            Some(secret) => (Vec::new(), secret),
            None => (vec!["batch".into(), "history".into()], secret),
        };
        let login = wire::Login {
            version: PROTOCOL_VERSION,
            capabilities,
            secret: secret.clone(),
            positions,
            agent: self.agent.clone(),
            log: self.history.log.clone(),
            attempt: hex(&self.attempt.to_be_bytes()),
            ..wire::Login::default()
        };
        let envelope = codec::login(nick, login);
        self.send(&envelope);
        self.state = State::LoggingIn { deadline: now.monotonic + ANSWER_TIMEOUT_MS };
    }

    /// A Text message was received.
    pub fn handle_text(&mut self, now: Clocks, text: &[u8]) {
        self.text_received();
        self.handle_message(now, text);
    }

    /// A Binary message was received, or a Text message with [`handle_text`](Self::handle_text).
    pub fn handle_message(&mut self, now: Clocks, bytes: &[u8]) {
        let dialect = match &mut self.state {
            State::Online(online) => {
                online.heartbeat.received(now.monotonic);
                Some(online.dialect)
            }
            State::LoggingIn { .. } => None,
            _ => return,
        };
        let envelopes = if bytes.len() > INBOUND_BYTES {
            None
        } else if dialect == Some(Dialect::Rich) {
            codec::decode_rich(bytes).ok()
        } else {
            // This also decodes a rich server's answer to the login, which is a single envelope.
            codec::decode_basic(bytes).ok()
        };
        let Some(envelopes) = envelopes else {
            self.ignored += 1;
            if dialect.is_some() {
                self.emit(Event::Notice(Notice::UnreadableFrame));
            } else {
                self.fail(Status::BadFrame, None);
            }
            return;
        };
        for envelope in envelopes {
            self.handle_envelope(now, envelope);
        }
        if matches!(self.state, State::Online(Online { held_until: 1.., .. })) {
            self.flush(now);
        }
    }

    fn handle_envelope(&mut self, now: Clocks, envelope: Envelope) {
        match &self.state {
            State::LoggingIn { .. } => match envelope.extension {
                Some(Extension::Welcome(_) | Extension::Login(_)) | None if self.left.ending().is_some() => {
                    self.exit_left_session(now);
                }
                Some(Extension::Welcome(welcome)) => self.welcome(now, welcome),
                Some(Extension::Refusal(refusal)) => self.refused(now, refusal),
                Some(Extension::GoingAway(going)) => self.server_delay = Some(going.retry_after_ms.into()),
                // A basic server sends the login back, including the fields that it does not know.
                None | Some(Extension::Login(_)) => {
                    self.basic_welcome(now);
                    self.basic_envelope(now, envelope);
                }
                Some(_) => self.ignored += 1,
            },
            State::Online(Online { dialect: Dialect::Rich, .. }) => self.rich_envelope(now, envelope),
            State::Online(_) => self.basic_envelope(now, envelope),
            _ => {}
        }
    }

    /// The socket was closed, or could not be opened; `code` is 1006 when the browser reports no reason.
    pub fn handle_closed(&mut self, now: Clocks, code: u16) {
        if matches!(self.state, State::Exiting { .. }) {
            return self.left_session_closed(now, Status::from_code(code));
        }
        if !self.is_connecting() && !matches!(self.state, State::Online(_)) {
            return;
        }
        let never_answered = matches!(self.state, State::Opening { .. });
        let status = match Status::from_code(code) {
            Status::Abnormal if never_answered => Status::NoAnswer,
            // Browsers report this code after receiving Text that is not UTF-8.
            Status::Abnormal if self.is_basic() || self.is_login_unfit_for_text() => Status::InvalidText,
            // The server closed the connection normally; it may come back.
            Status::Normal => Status::GoingAway,
            status => status,
        };
        self.connection_lost(now, status);
    }

    /// The socket could not be created: the address is invalid, or the page may not use it.
    pub fn handle_open_failed(&mut self, status: Status) {
        if matches!(self.state, State::Opening { .. }) {
            self.fail(status, None);
        }
    }

    // ---- time

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        [self.connection_due(), self.persister.due(), self.history.due(), self.search.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// How long nothing was received from the server, in ms; `None` without a connection.
    pub(crate) fn silence(&self, now: Millis) -> Option<Millis> {
        match &self.state {
            State::Online(online) => Some(online.heartbeat.silence(now)),
            _ => None,
        }
    }

    fn connection_due(&self) -> Option<Millis> {
        match &self.state {
            State::Idle | State::Failed => None,
            State::Opening { deadline } | State::LoggingIn { deadline } | State::Exiting { deadline } => {
                Some(*deadline)
            }
            State::Waiting { until } => Some(*until),
            State::Online(online) => {
                let ping = online.heartbeat.due(self.visibility);
                let flush_due = online.paused_until.max(online.held_until);
                let flush = self.send_queue.next_queued().map_or(Millis::MAX, |_| flush_due);
                let next = if online.dialect == Dialect::Basic { flush } else { ping.min(flush) };
                (next != Millis::MAX).then_some(next)
            }
        }
    }

    /// Handles everything that is due.
    pub fn handle_timeout(&mut self, now: Clocks) {
        let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now.monotonic);
        if is_due(self.persister.due()) {
            self.write_pending();
        }
        if is_due(self.history.due()) {
            self.page_due(now);
        }
        if is_due(self.search.due()) {
            self.search_due(now);
        }
        if is_due(self.connection_due()) {
            self.connection_timeout(now);
        }
    }

    fn connection_timeout(&mut self, now: Clocks) {
        match &self.state {
            State::Opening { .. } | State::LoggingIn { .. } => {
                self.commands.push_back(Command::Close(None));
                self.connection_lost(now, Status::NoAnswer);
            }
            State::Exiting { .. } => {
                self.commands.push_back(Command::Close(None));
                self.left_session_closed(now, Status::NoAnswer);
            }
            State::Waiting { .. } => self.open(now),
            State::Online(online) => {
                let rich = online.dialect == Dialect::Rich;
                match online.heartbeat.poll(now.monotonic, self.visibility) {
                    Beat::Dead => {
                        self.commands.push_back(Command::Close(None));
                        self.connection_lost(now, Status::ConnectionLost);
                        return;
                    }
                    Beat::Ping if rich => self.ping(now),
                    _ => {}
                }
                self.flush(now);
            }
            State::Idle | State::Failed => {}
        }
    }

    // ---- common to both dialects

    /// Whether a login is in progress which a basic server would send back as Text that browsers do not accept, because the
    /// nick is too long for it.
    fn is_login_unfit_for_text(&self) -> bool {
        matches!(self.state, State::LoggingIn { .. }) && self.nick.len() > codec::TEXT_NICK_BYTES
    }

    /// A connection is being made, up to the end of the login.
    pub(super) fn is_connecting(&self) -> bool {
        matches!(self.state, State::Opening { .. } | State::LoggingIn { .. } | State::Exiting { .. })
    }

    pub(super) fn is_basic(&self) -> bool {
        matches!(&self.state, State::Online(Online { dialect: Dialect::Basic, .. }))
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn send(&mut self, envelope: &Envelope) {
        self.commands.push_back(Command::Send(codec::encode(envelope)));
    }

    pub(super) fn open(&mut self, now: Clocks) {
        self.state = State::Opening { deadline: now.monotonic + ANSWER_TIMEOUT_MS };
        self.refusal = None;
        self.server_delay = None;
        self.commands.push_back(Command::Open);
        let connection = match (&self.identity, self.backoff.attempt()) {
            (None, _) => Connection::Connecting,
            (Some(_), attempt) => {
                let (status, suggestion) = (self.last_status, self.suggestion.clone());
                Connection::Reconnecting { status, retry_at: None, attempt, suggestion }
            }
        };
        self.emit(Event::Connection(connection));
    }

    /// The login has succeeded, in either dialect.
    pub(super) fn go_online(&mut self, now: Clocks, identity: Identity, heartbeat: Millis, can_batch: bool) {
        self.limits = identity.limits;
        self.nick_taken_since = None;
        self.suggestion = None;
        self.member_list.reconnected();
        let limits = identity.limits;
        self.state = State::Online(Online {
            dialect: identity.dialect,
            since: now.monotonic,
            heartbeat: Heartbeat::new(now.monotonic, heartbeat),
            send_budget: TokenBucket::new(limits.messages_per_minute, limits.burst, now.monotonic),
            paused_until: 0,
            pause_reason: Status::RateLimited,
            can_batch,
            unanswered_since: None,
            stable_at: now.monotonic + PROBATION_MS,
            held_until: 0,
        });
        let dialect = identity.dialect;
        let first = self.identity.replace(identity.clone()).is_none();
        self.left.clear();
        self.emit(Event::LoggedIn(identity));
        self.emit(Event::FromDevice(false));
        self.emit(Event::Connection(Connection::Online { dialect }));
        if first {
            self.emit_send_queue();
        }
        self.fail_guilty();
        if dialect == Dialect::Basic {
            let is_queued = |stage| stage == Stage::Queued;
            let queued: Vec<_> =
                self.send_queue.iter().filter(|e| is_queued(e.stage)).map(|e| e.id).collect();
            queued.into_iter().for_each(|id| self.persist_queued(id));
        }
        self.flush(now);
    }

    /// The connection was lost. Schedules another attempt if that can succeed and a login has succeeded before.
    pub(super) fn connection_lost(&mut self, now: Clocks, status: Status) {
        if let State::Online(online) = &self.state
            && now.monotonic.saturating_sub(online.since) >= STABLE_MS
        {
            self.backoff.reset();
        }
        self.history_disconnected();
        let is_message_guilty = self.blame_in_flight(now, status);
        self.requeue_in_flight();
        self.partial_echo = None;
        if status == Status::InvalidText && self.backoff.attempt() == 0 {
            // The connection bar shows the reason only until the reconnect; a notice stays.
            self.emit(Event::Notice(Notice::ConnectionBroke(status)));
        }
        let refusal = self.refusal.take();
        let status = refusal.as_ref().map_or(status, |refusal| refusal.status);
        let suggestion = refusal.as_ref().and_then(|refusal| refusal.suggestion.clone());
        self.suggestion = suggestion.filter(|_| status.is_about_nick());
        self.last_status = status;
        let requested_delay =
            refusal.as_ref().map(|refusal| refusal.retry_after.into()).filter(|ms: &Millis| *ms > 0);
        if self.end_left_session(now, status) {
            return;
        }
        // Without the message that has ended the connection, the next one may last. A first login is retried only when the
        // server has named a delay.
        if (status.is_terminal() && !is_message_guilty && !self.may_regain_nick(now, status))
            || (self.identity.is_none() && requested_delay.is_none())
        {
            self.fail(status, refusal);
            return;
        }
        let delay = match self.server_delay.take().or(requested_delay) {
            Some(requested) => self.backoff.server_delay(requested),
            None => self.backoff.next_delay(),
        };
        let until = now.monotonic + delay;
        self.state = State::Waiting { until };
        if self.identity.is_some() {
            let (attempt, suggestion) = (self.backoff.attempt(), self.suggestion.clone());
            let retry_at = Some(until);
            self.emit(Event::Connection(Connection::Reconnecting { status, retry_at, attempt, suggestion }));
        }
    }

    /// Whether to retry although our own nick was refused as taken. This happens when the server was killed before it had
    /// stored our current session: it then reserves the nick for the previous one.
    fn may_regain_nick(&mut self, now: Clocks, status: Status) -> bool {
        let is_refused = matches!(self.state, State::LoggingIn { .. }) && status == Status::NickTaken;
        if !is_refused || self.identity.is_none() || self.rename.is_some() {
            return false;
        }
        let since = *self.nick_taken_since.get_or_insert(now.monotonic);
        now.monotonic.saturating_sub(since) < NICK_TAKEN_RETRY_MS
    }

    pub(super) fn fail(&mut self, status: Status, refusal: Option<Refusal>) {
        if self.is_connecting() || matches!(self.state, State::Online(_)) {
            self.commands.push_back(Command::Close(None));
        }
        self.requeue_in_flight();
        self.rename = None;
        self.last_status = status;
        self.state = State::Failed;
        self.history_disconnected();
        self.emit(Event::Connection(Connection::Failed { status, refusal }));
    }
}
