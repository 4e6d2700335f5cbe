//! A server is killed and restarted on its data, and all clients of a full room reconnect at once.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    load::{is_own, letter},
    measure::{Figures, Setting, room, settle, target},
    process,
    scan::{Dialect, Received},
    statistics::percentile,
    swarm::Swarm,
};

const CLIENTS: usize = 10_000;
/// Interval between two messages of the sender, short enough for a median.
const SEND_INTERVAL: Duration = Duration::from_millis(100);
/// The time for which sending continues after all clients have reconnected, to include the effects.
const AFTER_RECONNECT: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(120);
/// The client that sends messages.
const SENDER: usize = 0;

pub fn restart(setting: &Setting, of: &str) -> Result<Figures> {
    let count = CLIENTS.min(setting.connections);
    let (server, mut swarm) = room(setting, of, count)?;
    settle(&mut swarm)?;
    let port = server.address.port();
    // Dropping the server kills it.
    drop(server);
    swarm.reset_all()?;
    let overflows = process::listen_overflows();
    let begun = Instant::now();
    let server = target(of)?.start_on(&setting.paths, setting.cores, port)?;
    let listens = begun.elapsed();
    let mut sender = Sender::new(swarm.dialect());
    let reconnected = reconnect_all(&mut swarm, count, &mut sender)?;
    let overflowed = overflows.zip(process::listen_overflows()).map_or(f64::NAN, |(then, now)| now - then);
    let cpu = process::cpu(server.pid())?;
    let figure = |name: &str, value| (format!("restart with {count}, {name}"), value);
    let mut figures = vec![
        figure("ms until it listens", listens.as_secs_f64() * 1e3),
        figure("ms, listening to all connected", reconnected.as_secs_f64() * 1e3),
        figure("CPU-ms of the server", cpu * 1e3),
        figure("listen overflows", overflowed),
        figure("acknowledgement meanwhile, p50 ms", percentile(&sender.latencies, 50)),
        figure("acknowledgement meanwhile, worst ms", percentile(&sender.latencies, 100)),
    ];
    if swarm.dialect() == Dialect::Rich {
        figures.push(figure("sessions not resumed", (count - swarm.resumed()) as f64));
    }
    Ok(figures)
}

/// Reconnects all clients at once while one sends. Returns when the last one was connected.
fn reconnect_all(swarm: &mut Swarm, count: usize, sender: &mut Sender) -> Result<Duration> {
    let mut reconnected = None;
    loop {
        if swarm.connect_more(count, count)? {
            reconnected.get_or_insert(sender.begun.elapsed());
        }
        // Sending stops some time after all have reconnected; then wait for outstanding acknowledgements.
        let finished =
            reconnected.filter(|reconnected| sender.begun.elapsed() > *reconnected + AFTER_RECONNECT);
        if let Some(reconnected) = finished
            && sender.unacknowledged.is_empty()
        {
            return Ok(reconnected);
        }
        sender.send(swarm, finished.is_none());
        swarm.poll(Duration::from_millis(5), &mut |client, event| sender.handle(client, event))?;
        ensure!(sender.begun.elapsed() < DEADLINE, "not all have reconnected after {DEADLINE:?}");
    }
}

/// The sender's messages.
struct Sender {
    dialect: Dialect,
    begun: Instant,
    due: u32,
    sent: u32,
    /// Times of the unacknowledged messages.
    unacknowledged: VecDeque<Instant>,
    latencies: Vec<f64>,
}

impl Sender {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            begun: Instant::now(),
            due: 0,
            sent: 0,
            unacknowledged: VecDeque::new(),
            latencies: Vec::new(),
        }
    }

    /// Sends messages that are due. Messages due without a connection are sent once there is one, but their time counts.
    fn send(&mut self, swarm: &mut Swarm, keep_sending: bool) {
        while keep_sending && self.begun.elapsed() >= SEND_INTERVAL * self.due {
            self.due += 1;
            self.unacknowledged.push_back(Instant::now());
        }
        while swarm.is_ready(SENDER) && self.sent < self.due {
            self.sent += 1;
            swarm.send(SENDER, &format!("{} is still here", letter(SENDER) as char));
        }
    }

    fn handle(&mut self, client: usize, event: Received) {
        let accepted = match event {
            Received::Accepted => true,
            Received::Message(head) => self.dialect != Dialect::Rich && is_own(client, head),
            _ => false,
        };
        if accepted
            && client == SENDER
            && let Some(at) = self.unacknowledged.pop_front()
        {
            self.latencies.push(at.elapsed().as_secs_f64() * 1e3);
            self.latencies.sort_by(f64::total_cmp);
        }
    }
}
