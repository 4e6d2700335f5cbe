//! What the clients say: as much as the server takes, or at a rate.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    process,
    scan::{Dialect, Seen, varint},
    swarm::Swarm,
};

/// The sender, and when it was sent, at the start of each content.
const STAMP: usize = 1 + 16;
/// How long nothing may come in before it counts as lost.
const SILENCE: Duration = Duration::from_secs(5);

/// What a load has shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// Messages that came to somebody, in the span that is measured.
    pub delivered: f64,
    /// Messages that their senders know of to be in, in the same span.
    pub accepted: f64,
    pub seconds: f64,
    /// CPU seconds of the server and of this process.
    pub server: f64,
    pub own: f64,
    /// From when a message was sent to when it came, or to when it was accepted; in ms, sorted.
    pub waits: Vec<f64>,
    /// Deliveries too few or too many, of all that were sent before, within and after the span.
    pub wrong: f64,
}

impl Shown {
    /// The wait that so many in a hundred do not exceed.
    pub fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.waits, percent)
    }
}

/// What so many in a hundred of sorted values do not exceed.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// How much is said.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many messages of each sender are on their way at any time.
    InFlight(usize),
    /// So many messages a second, the senders in turn.
    PerSecond(u32),
}

/// A load on a server.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub senders: usize,
    pub pace: Pace,
    /// Bytes of a message's content.
    pub size: usize,
    /// How long it goes on before it is measured, and then is.
    pub warm: Duration,
    pub span: Duration,
}

impl Load {
    /// Puts the load on a server whose clients are in.
    pub fn put_on(self, swarm: &mut Swarm, server: u32) -> Result<Shown> {
        let mut run = Run::new(self, swarm.dialect());
        let begin = Instant::now();
        if let Pace::InFlight(count) = self.pace {
            (0..self.senders).for_each(|sender| run.credits[sender] = count);
        }
        run.until(swarm, begin + self.warm)?;
        let (delivered, accepted) = (run.delivered, run.accepted);
        (run.waits, run.measured) = (Vec::new(), true);
        let figures = || Ok::<_, anyhow::Error>((process::cpu(server)?, process::cpu(std::process::id())?));
        let (start, before) = (Instant::now(), figures()?);
        run.until(swarm, start + self.span)?;
        let (seconds, after) = (start.elapsed().as_secs_f64(), figures()?);
        run.measured = false;
        let mut shown = Shown {
            delivered: (run.delivered - delivered) as f64,
            accepted: (run.accepted - accepted) as f64,
            seconds,
            server: after.0 - before.0,
            own: after.1 - before.1,
            ..Shown::default()
        };
        shown.wrong = run.drain(swarm)?;
        shown.waits = run.waits;
        shown.waits.sort_by(f64::total_cmp);
        Ok(shown)
    }
}

/// A load under way.
struct Run {
    load: Load,
    dialect: Dialect,
    begin: Instant,
    sent: u64,
    delivered: u64,
    accepted: u64,
    /// How many each sender may say now, and when it said what is on its way.
    credits: Vec<usize>,
    waiting: Vec<VecDeque<Instant>>,
    content: String,
    measured: bool,
    waits: Vec<f64>,
}

impl Run {
    fn new(load: Load, dialect: Dialect) -> Self {
        Self {
            load,
            dialect,
            begin: Instant::now(),
            sent: 0,
            delivered: 0,
            accepted: 0,
            credits: vec![0; load.senders],
            waiting: vec![VecDeque::new(); load.senders],
            content: String::new(),
            measured: false,
            waits: Vec::new(),
        }
    }

    fn until(&mut self, swarm: &mut Swarm, end: Instant) -> Result<()> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let mut wait = end - now;
            match self.load.pace {
                Pace::InFlight(_) => self.say_all(swarm),
                Pace::PerSecond(rate) => {
                    let due = self.begin + Duration::from_secs(self.sent) / rate;
                    if due <= now {
                        self.say(swarm, self.sent as usize % self.load.senders);
                        continue;
                    }
                    wait = wait.min(due - now);
                }
            }
            self.turn(swarm, wait)?;
        }
    }

    fn turn(&mut self, swarm: &mut Swarm, wait: Duration) -> Result<()> {
        swarm.turn(wait, &mut |client, seen| match seen {
            Seen::Message(head) => {
                self.delivered += 1;
                match self.load.pace {
                    // A server that does not acknowledge shows a message's sender that it is in by sending it back.
                    Pace::InFlight(_) => {
                        if self.dialect != Dialect::Rich && client < self.load.senders && is_own(client, head)
                        {
                            self.accept(client);
                        }
                    }
                    Pace::PerSecond(_) if self.measured => {
                        if let Some(sent) = stamp(self.dialect, head) {
                            let wait = self.begin.elapsed().saturating_sub(sent);
                            self.waits.push(wait.as_secs_f64() * 1e3);
                        }
                    }
                    Pace::PerSecond(_) => {}
                }
            }
            Seen::Accepted if client < self.load.senders => self.accept(client),
            _ => {}
        })?;
        Ok(())
    }

    fn accept(&mut self, sender: usize) {
        self.accepted += 1;
        self.credits[sender] += 1;
        if let (Some(at), true) = (self.waiting[sender].pop_front(), self.measured) {
            self.waits.push(at.elapsed().as_secs_f64() * 1e3);
        }
    }

    fn say_all(&mut self, swarm: &mut Swarm) {
        for sender in 0..self.load.senders {
            for _ in 0..std::mem::take(&mut self.credits[sender]) {
                self.waiting[sender].push_back(Instant::now());
                self.say(swarm, sender);
            }
        }
    }

    fn say(&mut self, swarm: &mut Swarm, sender: usize) {
        self.content.clear();
        self.content.push(letter(sender).into());
        // As it leaves, not as it was due: a server that is late does not hold up the clock of an open loop.
        self.content.push_str(&format!("{:016x}", self.begin.elapsed().as_nanos()));
        self.content.extend(std::iter::repeat_n('x', self.load.size.saturating_sub(STAMP)));
        swarm.say(sender, &self.content);
        self.sent += 1;
    }

    /// Says nothing more, and waits for what is on its way. Gives how many deliveries there were too few or too many.
    fn drain(&mut self, swarm: &mut Swarm) -> Result<f64> {
        let expected = self.sent * swarm.len() as u64;
        let mut last = (self.delivered, Instant::now());
        while self.delivered < expected && last.1.elapsed() < SILENCE {
            self.turn(swarm, Duration::from_millis(100)).context("after the last message")?;
            if self.delivered != last.0 {
                last = (self.delivered, Instant::now());
            }
        }
        // One too many would come right after.
        self.turn(swarm, Duration::from_millis(20))?;
        Ok(self.delivered.abs_diff(expected) as f64)
    }
}

/// Whether a message is one of this client's own that came back.
pub fn is_own(client: usize, head: &[u8]) -> bool {
    head.first() == Some(&letter(client))
}

/// By what a sender knows its own messages.
pub fn letter(sender: usize) -> u8 {
    b'a' + (sender % 26) as u8
}

/// When a message was sent, after the load's begin.
fn stamp(dialect: Dialect, mut head: &[u8]) -> Option<Duration> {
    if dialect == Dialect::Rich {
        // userName, type, content.
        for tag in [0x0A, 0x12, 0x1A] {
            let (len, bytes) = varint(head.strip_prefix(&[tag])?)?;
            head = &head[1 + bytes..];
            if tag != 0x1A {
                head = head.get(len..)?;
            }
        }
    }
    let digits = std::str::from_utf8(head.get(1..STAMP)?).ok()?;
    Some(Duration::from_nanos(u64::from_str_radix(digits, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use parlour_core::{codec, model::MessageId};

    use super::*;

    #[test]
    fn stamps_are_found_in_both_forms() {
        let content = format!("b{:016x}xxx", 1_500);
        let talk = codec::encode(&codec::message("u1000", "", Some(MessageId([1; 16])), &content));
        let sent = Some(Duration::from_nanos(1_500));
        assert_eq!(stamp(Dialect::Rich, &talk), sent);
        assert_eq!(stamp(Dialect::Plain, content.as_bytes()), sent);
        assert_eq!(stamp(Dialect::Rich, content.as_bytes()), None);
        assert_eq!(stamp(Dialect::Nats, b"b0"), None);
    }

    #[test]
    fn percentiles_are_waits_that_were_seen() {
        let shown = Shown { waits: (1..=200).map(f64::from).collect(), ..Shown::default() };
        assert_eq!((shown.percentile(50), shown.percentile(99)), (100.0, 198.0));
        assert!(Shown::default().percentile(50).is_nan());
    }
}
