//! The load on a server: as fast as the server allows, or at a fixed rate.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    process,
    scan::{Dialect, Received, varint},
    statistics::percentile,
    swarm::Swarm,
};

/// The size of the stamp at the start of each content: the sender's letter and the time of sending in hexadecimal ns.
const STAMP_BYTES: usize = 1 + 16;
/// The time to wait for outstanding deliveries before they count as lost.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// The result of a load.
#[derive(Debug, Default)]
pub struct LoadResult {
    /// Messages delivered to any client in the measured time.
    pub delivered: f64,
    /// Messages confirmed to their senders in the measured time.
    pub accepted: f64,
    pub seconds: f64,
    /// CPU seconds of the server and of this process in the measured time.
    pub server: f64,
    pub load_generator: f64,
    /// Latencies of deliveries or confirmations in ms, sorted.
    pub latencies: Vec<f64>,
    /// Missing and excess deliveries of all messages, including those before the measured time.
    pub errors: f64,
}

impl LoadResult {
    /// A percentile of the latencies.
    pub fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.latencies, percent)
    }
}

/// The rate at which messages are sent.
#[derive(Debug, Clone, Copy)]
pub enum SendRate {
    /// Each sender keeps this number of messages unconfirmed.
    InFlight(usize),
    /// Messages per second, the senders in turn.
    PerSecond(u32),
}

/// The parameters of a load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub senders: usize,
    pub send_rate: SendRate,
    /// Size of a message's content in bytes.
    pub size: usize,
    /// Time before the measurement begins, and its duration.
    pub warm: Duration,
    pub span: Duration,
}

impl Load {
    /// Runs the load on a server to which all clients are connected.
    pub fn run(self, swarm: &mut Swarm, server: u32) -> Result<LoadResult> {
        let mut run = Run::new(self, swarm.dialect());
        let begin = Instant::now();
        if let SendRate::InFlight(count) = self.send_rate {
            (0..self.senders).for_each(|sender| run.credits[sender] = count);
        }
        run.until(swarm, begin + self.warm)?;
        let (delivered, accepted) = (run.delivered, run.accepted);
        (run.latencies, run.measured) = (Vec::new(), true);
        let figures = || Ok::<_, anyhow::Error>((process::cpu(server)?, process::cpu(std::process::id())?));
        let (start, before) = (Instant::now(), figures()?);
        run.until(swarm, start + self.span)?;
        let (seconds, after) = (start.elapsed().as_secs_f64(), figures()?);
        run.measured = false;
        let mut result = LoadResult {
            delivered: (run.delivered - delivered) as f64,
            accepted: (run.accepted - accepted) as f64,
            seconds,
            server: after.0 - before.0,
            load_generator: after.1 - before.1,
            ..LoadResult::default()
        };
        result.errors = run.drain(swarm)?;
        result.latencies = run.latencies;
        result.latencies.sort_by(f64::total_cmp);
        Ok(result)
    }
}

/// A load in progress.
struct Run {
    load: Load,
    dialect: Dialect,
    begin: Instant,
    sent: u64,
    delivered: u64,
    accepted: u64,
    /// The number of messages that each sender may send now, and the times at which it sent the unconfirmed ones.
    credits: Vec<usize>,
    unconfirmed: Vec<VecDeque<Instant>>,
    content: String,
    measured: bool,
    latencies: Vec<f64>,
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
            unconfirmed: vec![VecDeque::new(); load.senders],
            content: String::new(),
            measured: false,
            latencies: Vec::new(),
        }
    }

    fn until(&mut self, swarm: &mut Swarm, end: Instant) -> Result<()> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let mut wait = end - now;
            match self.load.send_rate {
                SendRate::InFlight(_) => self.send_all(swarm),
                SendRate::PerSecond(rate) => {
                    let due = self.begin + Duration::from_secs(self.sent) / rate;
                    if due <= now {
                        self.send(swarm, self.sent as usize % self.load.senders);
                        continue;
                    }
                    wait = wait.min(due - now);
                }
            }
            self.poll(swarm, wait)?;
        }
    }

    fn poll(&mut self, swarm: &mut Swarm, wait: Duration) -> Result<()> {
        swarm.poll(wait, &mut |client, event| match event {
            Received::Message(head) => {
                self.delivered += 1;
                match self.load.send_rate {
                    // Without acknowledgements, a message is confirmed when it comes back to its sender.
                    SendRate::InFlight(_) => {
                        if self.dialect != Dialect::Rich && client < self.load.senders && is_own(client, head)
                        {
                            self.accept(client);
                        }
                    }
                    SendRate::PerSecond(_) if self.measured => {
                        if let Some(sent) = stamp(self.dialect, head) {
                            let wait = self.begin.elapsed().saturating_sub(sent);
                            self.latencies.push(wait.as_secs_f64() * 1e3);
                        }
                    }
                    SendRate::PerSecond(_) => {}
                }
            }
            Received::Accepted if client < self.load.senders => self.accept(client),
            _ => {}
        })?;
        Ok(())
    }

    fn accept(&mut self, sender: usize) {
        self.accepted += 1;
        self.credits[sender] += 1;
        if let (Some(at), true) = (self.unconfirmed[sender].pop_front(), self.measured) {
            self.latencies.push(at.elapsed().as_secs_f64() * 1e3);
        }
    }

    fn send_all(&mut self, swarm: &mut Swarm) {
        for sender in 0..self.load.senders {
            for _ in 0..std::mem::take(&mut self.credits[sender]) {
                self.unconfirmed[sender].push_back(Instant::now());
                self.send(swarm, sender);
            }
        }
    }

    fn send(&mut self, swarm: &mut Swarm, sender: usize) {
        self.content.clear();
        self.content.push(letter(sender).into());
        // The actual time of sending instead of the scheduled one, so that delays of the load generator do not count as
        // latency.
        self.content.push_str(&format!("{:016x}", self.begin.elapsed().as_nanos()));
        self.content.extend(std::iter::repeat_n('x', self.load.size.saturating_sub(STAMP_BYTES)));
        swarm.send(sender, &self.content);
        self.sent += 1;
    }

    /// Stops sending, and waits for outstanding deliveries. Returns the number of missing and excess deliveries.
    fn drain(&mut self, swarm: &mut Swarm) -> Result<f64> {
        let expected = self.sent * swarm.len() as u64;
        let mut last = (self.delivered, Instant::now());
        while self.delivered < expected && last.1.elapsed() < DRAIN_DEADLINE {
            self.poll(swarm, Duration::from_millis(100)).context("after the last message")?;
            if self.delivered != last.0 {
                last = (self.delivered, Instant::now());
            }
        }
        // A duplicate would follow at once.
        self.poll(swarm, Duration::from_millis(20))?;
        Ok(self.delivered.abs_diff(expected) as f64)
    }
}

/// Returns `true` if a message was sent by this client.
pub fn is_own(client: usize, head: &[u8]) -> bool {
    head.first() == Some(&letter(client))
}

/// The letter that identifies a sender's messages.
pub fn letter(sender: usize) -> u8 {
    b'a' + (sender % 26) as u8
}

/// The time at which a message was sent, relative to the start of the load.
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
    let digits = std::str::from_utf8(head.get(1..STAMP_BYTES)?).ok()?;
    Some(Duration::from_nanos(u64::from_str_radix(digits, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use parlour_core::{codec, model::MessageId};

    use super::*;

    #[test]
    fn stamps_are_parsed_in_plain_and_rich_messages() {
        let content = format!("b{:016x}xxx", 1_500);
        let talk = codec::encode(&codec::message("u1000", Some(MessageId([1; 16])), &content));
        let sent = Some(Duration::from_nanos(1_500));
        assert_eq!(stamp(Dialect::Rich, &talk), sent);
        assert_eq!(stamp(Dialect::Plain, content.as_bytes()), sent);
        assert_eq!(stamp(Dialect::Rich, content.as_bytes()), None);
        assert_eq!(stamp(Dialect::Nats, b"b0"), None);
    }
}
