//! What is on its way into the log: accepted, not yet said. Nothing is acknowledged or delivered before the log has it,
//! and then in the log's order.

use std::{collections::VecDeque, sync::Arc};

use parlour_core::Millis;

use super::table::ConnId;
use crate::log::{Entry, Job, SessionChange};

/// The most messages on their way; more are asked to come again.
pub const AT_ONCE: usize = 8_192;
/// How long nothing is tried after the log has failed, in ms.
pub const REST: Millis = 3_000;

/// A message on its way, and who waits for it.
#[derive(Debug)]
pub struct Waiting {
    /// Who said it.
    pub conn: ConnId,
    /// What is appended.
    pub entry: Entry,
}

/// Somebody who has left, of whom something is still to be said.
#[derive(Debug)]
pub struct Departure {
    /// The batch with the last of it.
    batch: u64,
    /// The name.
    pub nick: Arc<str>,
    /// Its key.
    pub key: Arc<str>,
}

/// What is known of the log after it has failed: it may have taken what it said it had not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Doubt {
    #[default]
    None,
    /// It is to be asked what it has, at this time.
    Ask(Millis),
    /// It was asked.
    Asked,
}

/// The way into the log.
#[derive(Debug, Default)]
pub struct Appends {
    /// To be handed over.
    next: Vec<Waiting>,
    sessions: Vec<SessionChange>,
    /// Handed over: generation and messages.
    sent: VecDeque<(u32, Vec<Waiting>)>,
    /// Messages in both.
    under_way: usize,
    /// How many batches were answered.
    answered: u64,
    generation: u32,
    doubt: Doubt,
    departures: VecDeque<Departure>,
}

impl Appends {
    /// In how many ms a message may come, if not now.
    #[must_use]
    pub fn wait(&self, now: Millis) -> Option<Millis> {
        match self.doubt {
            Doubt::Ask(at) => Some(at.saturating_sub(now).max(500)),
            Doubt::Asked => Some(500),
            Doubt::None => (self.under_way >= AT_ONCE).then_some(500),
        }
    }

    /// When the log is to be asked what it has.
    #[must_use]
    pub fn doubt_due(&self) -> Option<Millis> {
        match self.doubt {
            // All that was on its way has failed by then, or will not have been tried.
            Doubt::Ask(at) if self.under_way == 0 => Some(at),
            _ => None,
        }
    }

    /// The log is being asked.
    pub fn asked(&mut self) {
        self.doubt = Doubt::Asked;
    }

    /// It has told a part of what it has.
    pub fn ask_again(&mut self, now: Millis) {
        self.doubt = Doubt::Ask(now);
    }

    /// It has answered, and all that it has is said; or it has failed to, and is to be asked again.
    pub fn is_sure(&mut self, now: Millis, sure: bool) {
        self.doubt = if sure { Doubt::None } else { Doubt::Ask(now + REST) };
    }

    /// Puts a message on its way.
    pub fn push(&mut self, waiting: Waiting) {
        self.under_way += 1;
        self.next.push(waiting);
    }

    /// Puts a change of the sessions on its way.
    pub fn session(&mut self, change: SessionChange) {
        self.sessions.push(change);
    }

    /// What is to be handed to the log.
    pub fn take(&mut self) -> Option<Job> {
        if self.next.is_empty() && self.sessions.is_empty() {
            return None;
        }
        let waiting = std::mem::take(&mut self.next);
        let entries = waiting.iter().map(|waiting| waiting.entry.clone()).collect();
        self.sent.push_back((self.generation, waiting));
        Some(Job { generation: self.generation, entries, sessions: std::mem::take(&mut self.sessions) })
    }

    /// The oldest batch is answered: gives what was in it.
    pub fn answered(&mut self) -> Option<(u32, Vec<Waiting>)> {
        let (generation, waiting) = self.sent.pop_front()?;
        self.under_way -= waiting.len();
        self.answered += 1;
        Some((generation, waiting))
    }

    /// A batch has failed: what is handed over from now on is of another generation, and nothing is before the log has
    /// told what it has.
    pub fn failed(&mut self, now: Millis, generation: u32) {
        if generation == self.generation {
            self.generation = self.generation.wrapping_add(1);
        }
        self.doubt = Doubt::Ask(now + REST);
    }

    /// Nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.under_way == 0
    }

    /// Somebody has left with something on its way: it is to be said before that they left.
    pub fn leave(&mut self, nick: Arc<str>, key: Arc<str>) {
        let batch = self.answered + self.sent.len() as u64 + u64::from(!self.next.is_empty());
        self.departures.push_back(Departure { batch, nick, key });
    }

    /// Somebody of whom everything is said by now.
    pub fn departed(&mut self) -> Option<Departure> {
        self.departures.pop_front_if(|departure| departure.batch <= self.answered)
    }
}
