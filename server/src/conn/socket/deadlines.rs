//! The deadlines of a connection, all served by one timer.

use std::{
    future::Future as _,
    task::{Context, Poll, ready},
    time::Duration,
};

use parlour_core::status::Status;
use tokio::time::Instant;

use super::{CLOSE_TIMEOUT, Phase, Socket, frame};

impl Socket {
    /// Checks the deadlines and arms the timer for the next one. Pending if none has passed.
    pub(super) fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next = self.next_deadline();
        if next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
        ready!(self.timer.as_mut().poll(cx));
        let now = Instant::now();
        if self.phase == Phase::Open {
            self.check_deadlines(now);
        }
        let next = self.next_deadline().max(now + Duration::from_millis(1));
        self.timer.as_mut().reset(next);
        Poll::Ready(())
    }

    fn check_deadlines(&mut self, now: Instant) {
        let timeouts = self.timeouts.clone();
        let over = |since: Option<Instant>, wait| since.is_some_and(|since| now >= since + wait);
        if over(self.blocked_since, timeouts.write_timeout) {
            self.phase = Phase::Closing(now);
            self.report_end("write timeout", Status::TooSlow.code());
        } else if over(Some(self.last_input), timeouts.ping_timeout) {
            self.close(Some(Status::TimedOut.code()), Status::TimedOut.text(), CLOSE_TIMEOUT);
            self.report_end("no input", Status::TimedOut.code());
        } else if over(self.frame_since, timeouts.frame_timeout) {
            self.close(Some(Status::TimedOut.code()), Status::TimedOut.text(), CLOSE_TIMEOUT);
            self.report_end("frame timeout", Status::TimedOut.code());
        } else if over(Some(self.last_ping.max(self.last_input)), timeouts.ping_interval) {
            self.last_ping = now;
            self.out.push_back(frame::ping());
        }
    }

    fn next_deadline(&self) -> Instant {
        match self.phase {
            Phase::Closing(until) | Phase::Leaving(until) => until,
            Phase::Open => {
                let timeouts = &self.timeouts;
                let ping = self.last_ping.max(self.last_input) + timeouts.ping_interval;
                let mut next = ping.min(self.last_input + timeouts.ping_timeout);
                if let Some(since) = self.frame_since {
                    next = next.min(since + timeouts.frame_timeout);
                }
                if let Some(since) = self.blocked_since {
                    next = next.min(since + timeouts.write_timeout);
                }
                next
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Closing(until) | Phase::Leaving(until) => Instant::now() >= until,
        }
    }
}
