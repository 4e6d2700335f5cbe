//! Socket events and timeouts.

use super::{Client, Clocks, Event, Output, sending::Throttle};
use crate::{
    Millis,
    codec::{self, Envelope, Extension},
    heartbeat::{Beat, Heartbeat},
    model::{Connection, Dialect, Refusal},
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
#[derive(Debug)]
pub(super) enum State {
    /// Not connected yet.
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
    /// The exit of a session that is not wanted any more was sent.
    Exiting {
        deadline: Millis,
        purpose: Exit,
    },
    /// Waiting for the next attempt.
    Waiting {
        until: Millis,
    },
    Failed,
    /// The user has logged out.
    Left,
}

/// Why a session is ended by an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The user has left it; a login follows.
    LeftSession,
    /// The server does not know the account of this client and has made another one.
    OtherAccount,
}

#[derive(Debug)]
pub(super) struct Online {
    pub dialect: Dialect,
    /// When the login succeeded.
    pub since: Millis,
    pub heartbeat: Heartbeat,
    pub can_batch: bool,
    pub throttle: Throttle,
}

impl Client {
    // ---- socket events

    /// A Text message was received.
    pub fn handle_text(&mut self, now: Clocks, text: &[u8]) {
        self.text_received(now);
        self.handle_message(now, text);
    }

    /// A Binary message was received, or a Text message with [`handle_text`](Self::handle_text).
    pub fn handle_message(&mut self, now: Clocks, bytes: &[u8]) {
        let dialect = match &mut self.connection {
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
                self.emit(now, Event::Notice(Notice::UnreadableFrame));
            } else {
                self.fail(now, Status::BadFrame, None);
            }
            return;
        };
        for envelope in envelopes {
            self.handle_envelope(now, envelope);
        }
        self.flush(now);
        self.send_requests(now);
    }

    fn handle_envelope(&mut self, now: Clocks, envelope: Envelope) {
        match &self.connection {
            State::LoggingIn { .. } => match envelope.extension {
                Some(Extension::Welcome(_) | Extension::Login(_)) | None if self.left.ending().is_some() => {
                    self.exit(now, Exit::LeftSession);
                }
                Some(Extension::Welcome(welcome)) => self.welcome(now, welcome),
                Some(Extension::Refusal(refusal)) => self.connection_refused(now, refusal),
                Some(Extension::GoingAway(going)) => self.server_delay = Some(going.retry_after_ms.into()),
                // A basic server sends the login back, including the fields that it does not know.
                None | Some(Extension::Login(_)) => self.basic_welcome(now, envelope),
                Some(_) => self.ignored += 1,
            },
            State::Online(Online { dialect: Dialect::Rich, .. }) => self.rich_envelope(now, envelope),
            State::Online(_) => self.basic_envelope(now, envelope),
            _ => {}
        }
    }

    /// The socket was closed, or could not be opened; `code` is 1006 when the browser reports no reason.
    pub fn handle_closed(&mut self, now: Clocks, code: u16) {
        if matches!(self.connection, State::Exiting { .. }) {
            return self.exited(now, Status::from_code(code));
        }
        if !self.is_connecting() && !matches!(self.connection, State::Online(_)) {
            return;
        }
        let never_answered = matches!(self.connection, State::Opening { .. });
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
    pub fn handle_open_failed(&mut self, now: Clocks, status: Status) {
        if matches!(self.connection, State::Opening { .. }) {
            self.fail(now, status, None);
        }
    }

    // ---- time

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        [self.connection_due(), self.persister.due(), self.requests.deadline(), self.requests_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// How long nothing was received from the server, in ms; `None` without a connection.
    #[must_use]
    pub fn silence(&self, now: Millis) -> Option<Millis> {
        match &self.connection {
            State::Online(online) => Some(online.heartbeat.silence(now)),
            _ => None,
        }
    }

    fn connection_due(&self) -> Option<Millis> {
        match &self.connection {
            State::Idle | State::Failed | State::Left => None,
            State::Opening { deadline } | State::LoggingIn { deadline } | State::Exiting { deadline, .. } => {
                Some(*deadline)
            }
            State::Waiting { until } => Some(*until),
            State::Online(online) => {
                let is_rich = online.dialect == Dialect::Rich;
                let ping = is_rich.then(|| online.heartbeat.due(self.visibility));
                [ping, online.throttle.flush_due()].into_iter().flatten().min()
            }
        }
    }

    /// Handles everything that is due.
    pub fn handle_timeout(&mut self, now: Clocks) {
        let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now.monotonic);
        if is_due(self.persister.due()) {
            self.write_pending();
        }
        if is_due(self.requests.deadline()) {
            self.fail_overdue_commands(now);
        }
        if is_due(self.connection_due()) {
            self.connection_timeout(now);
        }
        self.send_requests(now);
    }

    fn connection_timeout(&mut self, now: Clocks) {
        match &self.connection {
            State::Opening { .. } | State::LoggingIn { .. } => {
                self.outputs.push_back(Output::Close(None));
                self.connection_lost(now, Status::NoAnswer);
            }
            State::Exiting { .. } => {
                self.outputs.push_back(Output::Close(None));
                self.exited(now, Status::NoAnswer);
            }
            State::Waiting { .. } => self.open(now),
            State::Online(online) => {
                let is_rich = online.dialect == Dialect::Rich;
                match online.heartbeat.poll(now.monotonic, self.visibility) {
                    Beat::Dead => {
                        self.outputs.push_back(Output::Close(None));
                        self.connection_lost(now, Status::ConnectionLost);
                        return;
                    }
                    Beat::Ping if is_rich => self.ping(now),
                    _ => {}
                }
                self.flush(now);
            }
            State::Idle | State::Failed | State::Left => {}
        }
    }

    // ---- common to both dialects

    /// Whether a login is in progress which a basic server would send back as Text that browsers do not accept, because the
    /// nick is too long for it.
    fn is_login_unfit_for_text(&self) -> bool {
        matches!(self.connection, State::LoggingIn { .. }) && self.nick.len() > codec::TEXT_NICK_BYTES
    }

    /// A connection is being made, up to the end of the login.
    pub(super) fn is_connecting(&self) -> bool {
        matches!(self.connection, State::Opening { .. } | State::LoggingIn { .. } | State::Exiting { .. })
    }

    pub(super) fn is_basic(&self) -> bool {
        matches!(&self.connection, State::Online(Online { dialect: Dialect::Basic, .. }))
    }

    pub(super) fn open(&mut self, now: Clocks) {
        self.connection = State::Opening { deadline: now.monotonic + ANSWER_TIMEOUT_MS };
        self.refusal = None;
        self.server_delay = None;
        self.outputs.push_back(Output::Open);
        let connection = match (&self.identity, self.backoff.attempt()) {
            (None, _) => Connection::Connecting,
            (Some(_), attempt) => {
                let (status, suggestion) = (self.last_status, self.suggestion.clone());
                Connection::Reconnecting { status, retry_at: None, attempt, suggestion }
            }
        };
        self.emit(now, Event::Connection(connection));
    }

    /// The connection was lost. Schedules another attempt if that can succeed and a login has succeeded before.
    pub(super) fn connection_lost(&mut self, now: Clocks, status: Status) {
        if let State::Online(online) = &self.connection
            && now.monotonic.saturating_sub(online.since) >= STABLE_MS
        {
            self.backoff.reset();
        }
        let is_message_guilty = self.blame_in_flight(now, status);
        self.disconnected(now);
        if status == Status::InvalidText && self.backoff.attempt() == 0 {
            // The connection bar shows the reason only until the reconnect; a notice stays.
            self.emit(now, Event::Notice(Notice::ConnectionBroke(status)));
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
            self.fail(now, status, refusal);
            return;
        }
        let delay = match self.server_delay.take().or(requested_delay) {
            Some(requested) => self.backoff.server_delay(requested),
            None => self.backoff.next_delay(),
        };
        let until = now.monotonic + delay;
        self.connection = State::Waiting { until };
        if self.identity.is_some() {
            let (attempt, suggestion) = (self.backoff.attempt(), self.suggestion.clone());
            let retry_at = Some(until);
            self.emit(
                now,
                Event::Connection(Connection::Reconnecting { status, retry_at, attempt, suggestion }),
            );
        }
    }

    /// Discards the state that is only valid during a connection.
    pub(super) fn disconnected(&mut self, now: Clocks) {
        self.requeue_in_flight(now);
        self.send_queue.resume();
        self.requests.disconnected();
        self.subscriptions.disconnected();
        self.basic.disconnected();
    }

    /// Whether to retry although our own nick was refused as taken. This happens when the server was killed before it had
    /// stored our current session: it then reserves the nick for the previous one.
    fn may_regain_nick(&mut self, now: Clocks, status: Status) -> bool {
        let is_refused = matches!(self.connection, State::LoggingIn { .. }) && status == Status::NickTaken;
        if !is_refused || self.identity.is_none() || self.rename.is_some() {
            return false;
        }
        let since = *self.nick_taken_since.get_or_insert(now.monotonic);
        now.monotonic.saturating_sub(since) < NICK_TAKEN_RETRY_MS
    }

    /// Gives up: only the user can connect again. Commands fail, because nothing would answer them.
    pub(super) fn fail(&mut self, now: Clocks, status: Status, refusal: Option<Refusal>) {
        if self.is_connecting() || matches!(self.connection, State::Online(_)) {
            self.outputs.push_back(Output::Close(None));
        }
        self.disconnected(now);
        self.rename = None;
        self.last_status = status;
        self.connection = State::Failed;
        self.fail_commands(now, status);
        self.emit(now, Event::Connection(Connection::Failed { status, refusal }));
    }

    pub(super) fn ping(&mut self, now: Clocks) {
        self.nonce = self.nonce.wrapping_add(1);
        let nonce = self.nonce;
        if let State::Online(online) = &mut self.connection {
            online.heartbeat.pinged(now.monotonic, nonce);
            self.send(&codec::extension(Extension::Ping(wire::Ping { nonce })));
        }
    }

    pub(super) fn pong(&mut self, now: Clocks, nonce: u64) {
        let State::Online(online) = &mut self.connection else { return };
        let Some(sent) = online.heartbeat.answered(now.monotonic, nonce) else { return };
        online.throttle.answered(sent);
        self.state.server_lived(sent);
        // The first ping is sent right after the welcome, so all windows that follow a login have arrived before this.
        self.request_subscriptions();
        self.emit(now, Event::RoundTrip(u32::try_from(now.monotonic - sent).unwrap_or(u32::MAX)));
    }
}
