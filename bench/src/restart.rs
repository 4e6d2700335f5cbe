//! A server that is killed and started again on what it had, with a full room that comes back at once.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    load::{is_own, letter, percentile},
    measure::{Figures, Setting, room, settle, target},
    process,
    scan::{Dialect, Seen},
    swarm::Swarm,
};

const CLIENTS: usize = 10_000;
/// How often the one who talks says something: often enough for a median.
const EVERY: Duration = Duration::from_millis(100);
/// How long the room is used once all are back, so that what they caused is seen.
const AFTER: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(120);
/// The one who talks.
const TALKER: usize = 0;

pub fn restart(setting: &Setting, of: &str) -> Result<Figures> {
    let count = CLIENTS.min(setting.connections);
    let (server, mut swarm) = room(setting, of, count)?;
    settle(&mut swarm)?;
    let port = server.address.port();
    // Dropping it kills it, as a crash would; nobody is told anything.
    drop(server);
    swarm.cut()?;
    let overflows = process::listen_overflows();
    let begun = Instant::now();
    let server = target(of)?.start_on(&setting.place, setting.cores, port)?;
    let listens = begun.elapsed();
    let mut talk = Talk::new(swarm.dialect());
    let back = come_back(&mut swarm, count, &mut talk)?;
    let overflowed = overflows.zip(process::listen_overflows()).map_or(f64::NAN, |(then, now)| now - then);
    let cpu = process::cpu(server.pid())?;
    let named = |name: &str, value| (format!("restart with {count}, {name}"), value);
    let mut figures = vec![
        named("ms until it listens", listens.as_secs_f64() * 1e3),
        named("ms from then until all are back", back.as_secs_f64() * 1e3),
        named("CPU-ms of the server", cpu * 1e3),
        named("listen overflows", overflowed),
        named("acknowledged meanwhile after, p50 ms", percentile(&talk.waits, 50)),
        named("acknowledged meanwhile after, worst ms", percentile(&talk.waits, 100)),
    ];
    if swarm.dialect() == Dialect::Rich {
        figures.push(named("sessions not gone on with", (count - swarm.resumed()) as f64));
    }
    Ok(figures)
}

/// All come at once, one of them talking. Gives when the last was in.
fn come_back(swarm: &mut Swarm, count: usize, talk: &mut Talk) -> Result<Duration> {
    let mut back = None;
    loop {
        if swarm.arrive(count, count)? {
            back.get_or_insert(talk.begun.elapsed());
        }
        // What is said before the room is full is waited for, and then what is said for a while after.
        let over = back.filter(|back| talk.begun.elapsed() > *back + AFTER);
        if let Some(back) = over
            && talk.on_its_way.is_empty()
        {
            return Ok(back);
        }
        talk.say(swarm, over.is_none());
        swarm.turn(Duration::from_millis(5), &mut |client, seen| talk.hear(client, seen))?;
        ensure!(talk.begun.elapsed() < PATIENCE, "not all are back after {PATIENCE:?}");
    }
}

/// What the one says who talks.
struct Talk {
    dialect: Dialect,
    begun: Instant,
    said: u32,
    sent: u32,
    /// When what is not acknowledged was said.
    on_its_way: VecDeque<Instant>,
    waits: Vec<f64>,
}

impl Talk {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            begun: Instant::now(),
            said: 0,
            sent: 0,
            on_its_way: VecDeque::new(),
            waits: Vec::new(),
        }
    }

    /// Says what is due, whether or not there is a connection; what there was none for goes when there is.
    fn say(&mut self, swarm: &mut Swarm, goes_on: bool) {
        while goes_on && self.begun.elapsed() >= EVERY * self.said {
            self.said += 1;
            self.on_its_way.push_back(Instant::now());
        }
        while swarm.is_in(TALKER) && self.sent < self.said {
            self.sent += 1;
            swarm.say(TALKER, &format!("{} is still here", letter(TALKER) as char));
        }
    }

    fn hear(&mut self, client: usize, seen: Seen) {
        let accepted = match seen {
            Seen::Accepted => true,
            Seen::Message(head) => self.dialect != Dialect::Rich && is_own(client, head),
            _ => false,
        };
        if accepted
            && client == TALKER
            && let Some(at) = self.on_its_way.pop_front()
        {
            self.waits.push(at.elapsed().as_secs_f64() * 1e3);
            self.waits.sort_by(f64::total_cmp);
        }
    }
}
