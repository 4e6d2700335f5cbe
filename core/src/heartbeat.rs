//! Detection of dead connections: pings after silence, and the time after which a ping without an answer ends the connection.

use crate::Millis;

/// While the page is visible, the server is pinged after this time without input, in ms.
const VISIBLE_PING_MS: Millis = 5_000;
/// A connection is given up after this time without input after a ping, in ms.
const PONG_TIMEOUT_MS: Millis = 10_000;
/// As [`PONG_TIMEOUT_MS`], while the page is visible.
const VISIBLE_PONG_TIMEOUT_MS: Millis = 4_500;
/// The accepted range of the heartbeat interval in a welcome, in ms.
const INTERVAL_MS: std::ops::RangeInclusive<Millis> = 2_000..=120_000;

/// Whether the user can see the page. It determines how fast a dead connection is detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    Visible,
    Hidden,
}

/// What a connection needs at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    Nothing,
    /// A ping is due.
    Ping,
    /// The server does not answer any more.
    Dead,
}

/// The heartbeat of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat {
    interval: Millis,
    next_ping: Millis,
    /// The nonce of the ping that is not answered yet, and when it was sent.
    pending: Option<(u64, Millis)>,
    last_received: Millis,
}

impl Heartbeat {
    /// The heartbeat of a connection that is online since `now`. `interval` is that of the server, in ms.
    pub fn new(now: Millis, interval: Millis) -> Self {
        let interval = interval.clamp(*INTERVAL_MS.start(), *INTERVAL_MS.end());
        Self { interval, next_ping: now, pending: None, last_received: now }
    }

    /// Something was received.
    pub fn received(&mut self, now: Millis) {
        self.last_received = now;
    }

    /// How long nothing was received, in ms.
    pub fn silence(&self, now: Millis) -> Millis {
        now.saturating_sub(self.last_received)
    }

    /// A ping was sent.
    pub fn pinged(&mut self, now: Millis, nonce: u64) {
        self.pending = Some((nonce, now));
    }

    /// A pong was received. Returns when its ping was sent; `None` for another nonce than that of the last ping.
    pub fn answered(&mut self, now: Millis, nonce: u64) -> Option<Millis> {
        let (_, sent) = self.pending.filter(|(expected, _)| *expected == nonce)?;
        self.pending = None;
        self.next_ping = now + self.interval;
        Some(sent)
    }

    /// Makes a ping due now, unless one is not answered yet.
    pub fn wake(&mut self, now: Millis) {
        if self.pending.is_none() {
            self.next_ping = now;
        }
    }

    /// The nonce of the ping that is not answered yet.
    #[cfg(test)]
    pub fn pending(&self) -> Option<u64> {
        self.pending.map(|(nonce, _)| nonce)
    }

    /// When to call [`poll`](Self::poll) next.
    pub fn due(&self, visibility: Visibility) -> Millis {
        match (self.pending, visibility) {
            (Some((_, sent)), Visibility::Visible) => self.last_received.max(sent) + VISIBLE_PONG_TIMEOUT_MS,
            (Some((_, sent)), Visibility::Hidden) => self.last_received.max(sent) + PONG_TIMEOUT_MS,
            (None, Visibility::Visible) => self.next_ping.min(self.last_received + VISIBLE_PING_MS),
            (None, Visibility::Hidden) => self.next_ping,
        }
    }

    /// What the connection needs now.
    pub fn poll(&self, now: Millis, visibility: Visibility) -> Beat {
        match self.pending {
            _ if now < self.due(visibility) => Beat::Nothing,
            Some(_) => Beat::Dead,
            None => Beat::Ping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_follows_silence_and_input_postpones_the_end() {
        let mut heartbeat = Heartbeat::new(0, 15_000);
        assert_eq!(heartbeat.poll(0, Visibility::Hidden), Beat::Ping, "at once after the login");
        heartbeat.pinged(0, 1);
        assert_eq!(heartbeat.answered(30, 2), None, "another ping's nonce");
        assert_eq!(heartbeat.answered(30, 1), Some(0));
        assert_eq!(heartbeat.due(Visibility::Hidden), 15_030);
        assert_eq!(heartbeat.due(Visibility::Visible), 5_000);
        heartbeat.pinged(15_030, 2);
        heartbeat.received(20_000);
        assert_eq!(heartbeat.poll(29_999, Visibility::Hidden), Beat::Nothing);
        assert_eq!(heartbeat.poll(30_000, Visibility::Hidden), Beat::Dead);
        assert_eq!(heartbeat.poll(24_500, Visibility::Visible), Beat::Dead);
    }

    #[test]
    fn the_interval_of_the_server_is_limited() {
        for (announced, used) in [(0, 2_000), (1_000_000, 120_000)] {
            let mut heartbeat = Heartbeat::new(0, announced);
            heartbeat.pinged(0, 1);
            heartbeat.answered(0, 1);
            assert_eq!(heartbeat.due(Visibility::Hidden), used);
        }
    }
}
