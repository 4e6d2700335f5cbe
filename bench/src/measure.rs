//! The measurements of servers. Each function starts a server, measures once, and stops it.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    disk, instructions,
    load::{Load, LoadResult, SendRate},
    log_queries::{self, OF_SMALL},
    process::{self, Cores},
    restart,
    scan::Dialect,
    statistics::percentile,
    swarm::Swarm,
    target::{OURS, Paths, Running, TARGETS, Target},
};

const SOCKETS: usize = 200;
const SENDERS: usize = 10;
const IN_FLIGHT: usize = 50;
const RATE: u32 = 100;
const IDLE: usize = 10_000;
const STORM: usize = 2_000;
/// Maximum number of connections being opened at a time, in measurements not about connecting.
const CONNECTING_AT_ONCE: usize = 250;

/// Names of figures with their values.
pub type Figures = Vec<(String, f64)>;

/// Parameters of all measurements.
#[derive(Debug)]
pub struct Setting {
    pub paths: Paths,
    pub cores: Cores,
    pub warm: Duration,
    pub span: Duration,
    /// The number of connections that the system allows, minus our own files.
    pub connections: usize,
}

/// A measurement, and the servers it is taken of.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    pub name: &'static str,
    pub of: &'static [&'static str],
    pub run: fn(&Setting, &str) -> Result<Figures>,
    /// The measurement takes long, so it runs only if `--only` is exactly its name.
    pub is_long: bool,
}

const ROOM: &[&str] = &[OURS, "bun", "nats", "ws"];
const DISK: &[&str] = &[OURS, "fdatasync", "sqlite"];
const LOG: &[&str] = &[OURS, OF_SMALL];

pub const MEASURES: &[Measure] = &[
    measure("fan-out of 100 bytes", ROOM, |setting, of| fan_out(setting, of, 100)),
    measure("fan-out of 500 bytes", ROOM, |setting, of| fan_out(setting, of, 500)),
    measure("latency", ROOM, latency),
    measure("fan-out to 2000", ROOM, |setting, of| crowd(setting, of, 2_000, 20, 20)),
    measure("fan-out to 10000", ROOM, |setting, of| crowd(setting, of, 10_000, 5, 4)),
    measure("memory", ROOM, memory),
    measure("storm", ROOM, storm),
    measure("restart", &[OURS, "bun", "nats"], restart::restart),
    measure("durable, 1 sender", DISK, |setting, of| durable(setting, of, 1, 1)),
    measure("durable, 10 senders", DISK, |setting, of| durable(setting, of, 10, 1)),
    measure("durable, 10 senders x 10", DISK, |setting, of| durable(setting, of, 10, 10)),
    measure("durable, 10 senders x 100", DISK, |setting, of| durable(setting, of, 10, 100)),
    measure("durable, 100 senders", DISK, |setting, of| durable(setting, of, 100, 1)),
    measure("durable, 1000 senders", DISK, |setting, of| durable(setting, of, 1000, 1)),
    measure("log of 1000000", LOG, |setting, of| log_queries::read(setting, of, 1_000_000)),
    Measure {
        is_long: true,
        ..measure("log of 10000000", LOG, |setting, of| log_queries::read(setting, of, 10_000_000))
    },
    measure("instructions", &[OURS], instructions::instructions),
];

const fn measure(
    name: &'static str,
    of: &'static [&'static str],
    run: fn(&Setting, &str) -> Result<Figures>,
) -> Measure {
    Measure { name, of, run, is_long: false }
}

impl Measure {
    /// Returns `true` if `--only` selects this measurement.
    pub fn is_wanted(&self, only: &str) -> bool {
        if self.is_long { self.name == only } else { crate::is_selected(crate::HALF, self.name, only) }
    }
}

/// Starts a server and connects `clients` to it.
pub fn room(setting: &Setting, of: &str, clients: usize) -> Result<(Running, Swarm)> {
    let server = target(of)?.start(&setting.paths, setting.cores)?;
    let mut swarm = Swarm::new(server.address, target(of)?.dialect)?;
    swarm.open(clients, CONNECTING_AT_ONCE)?;
    Ok((server, swarm))
}

pub fn target(name: &str) -> Result<&'static Target> {
    let known = TARGETS.iter().find(|target| target.name == name);
    known.ok_or_else(|| anyhow::anyhow!("unknown server {name}"))
}

fn fan_out(setting: &Setting, of: &str, size: usize) -> Result<Figures> {
    let (server, mut swarm) = room(setting, of, SOCKETS)?;
    let result = load(setting, SENDERS, SendRate::InFlight(IN_FLIGHT), size).run(&mut swarm, server.pid())?;
    let figure = |name: &str, value| (format!("fan-out {size} B, {name}"), value);
    Ok(vec![
        figure("deliveries per CPU-second", result.delivered / result.server),
        figure("deliveries per second", result.delivered / result.seconds),
        figure("CPU-seconds per million, server", result.server / result.delivered * 1e6),
        figure("CPU-seconds per million, generator", result.load_generator / result.delivered * 1e6),
        figure("lost or duplicated", result.errors),
    ])
}

fn latency(setting: &Setting, of: &str) -> Result<Figures> {
    let (server, mut swarm) = room(setting, of, SOCKETS)?;
    let result = load(setting, SENDERS, SendRate::PerSecond(RATE), 100).run(&mut swarm, server.pid())?;
    Ok(vec![
        ("latency p50, ms".into(), result.percentile(50)),
        ("latency p99, ms".into(), result.percentile(99)),
        // Nothing is batched at this rate.
        ("latency, CPU-seconds per million, server".into(), result.server / result.delivered * 1e6),
        (
            "latency, CPU-seconds per million, generator".into(),
            result.load_generator / result.delivered * 1e6,
        ),
        ("latency, lost or duplicated".into(), result.errors),
    ])
}

/// A large room: maximum throughput, then a fixed number of messages per second.
fn crowd(setting: &Setting, of: &str, sockets: usize, in_flight: usize, rate: u32) -> Result<Figures> {
    let sockets = sockets.min(setting.connections);
    let (server, mut swarm) = room(setting, of, sockets)?;
    settle(&mut swarm)?;
    let mut figures = Vec::new();
    for size in [100, 500] {
        let max_throughput =
            load(setting, SENDERS, SendRate::InFlight(in_flight), size).run(&mut swarm, server.pid())?;
        let paced = load(setting, SENDERS, SendRate::PerSecond(rate), size).run(&mut swarm, server.pid())?;
        let mut put =
            |name: &str, value| figures.push((format!("fan-out to {sockets}, {size} B: {name}"), value));
        put("deliveries per CPU-second", max_throughput.delivered / max_throughput.server);
        put("deliveries per second", max_throughput.delivered / max_throughput.seconds);
        put("CPU-s per million, server", max_throughput.server / max_throughput.delivered * 1e6);
        put("CPU-s per million, generator", max_throughput.load_generator / max_throughput.delivered * 1e6);
        put("paced, p50 ms", paced.percentile(50));
        put("paced, p99 ms", paced.percentile(99));
        put("paced, CPU-s per million, server", paced.server / paced.delivered * 1e6);
        put("paced, CPU-s per million, generator", paced.load_generator / paced.delivered * 1e6);
        put("lost or duplicated", max_throughput.errors + paced.errors);
    }
    Ok(figures)
}

fn load(setting: &Setting, senders: usize, send_rate: SendRate, size: usize) -> Load {
    Load { senders, send_rate, size, warm: setting.warm, span: setting.span }
}

fn memory(setting: &Setting, of: &str) -> Result<Figures> {
    let count = IDLE.min(setting.connections);
    let server = target(of)?.start(&setting.paths, setting.cores)?;
    let before = process::resident(server.pid())?;
    let mut swarm = Swarm::new(server.address, target(of)?.dialect)?;
    swarm.open(count, CONNECTING_AT_ONCE)?;
    // Waits until the last client has received the member list.
    settle(&mut swarm)?;
    let each = (process::resident(server.pid())? - before) / count as f64;
    Ok(vec![(format!("memory per idle connection of {count}, bytes"), each)])
}

fn storm(setting: &Setting, of: &str) -> Result<Figures> {
    let count = STORM.min(setting.connections);
    let (server, mut swarm) = room(setting, of, count)?;
    settle(&mut swarm)?;
    let overflows = process::listen_overflows();
    let before = process::cpu(server.pid())?;
    swarm.reset_all()?;
    let back = swarm.open(count, count)?;
    let cpu = process::cpu(server.pid())? - before;
    let overflowed = overflows.zip(process::listen_overflows()).map_or(f64::NAN, |(then, now)| now - then);
    Ok(vec![
        (format!("storm of {count}, ms until all have reconnected"), back.as_secs_f64() * 1e3),
        (format!("storm of {count}, CPU-ms of the server"), cpu * 1e3),
        (format!("storm of {count}, listen overflows"), overflowed),
    ])
}

/// The time without output after which a server is silent. Longer than the time for which any of the servers batches
/// output.
const SILENCE: Duration = Duration::from_millis(500);

/// Waits until the server is silent for a while. Pings are answered.
pub fn settle(swarm: &mut Swarm) -> Result<()> {
    // A server that is never silent is measured as it is.
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end && swarm.poll(SILENCE, &mut |_, _| {})? {}
    Ok(())
}

/// All clients send, each with `in_flight` unconfirmed messages. For comparison: the disk alone, with the same number of
/// messages per group.
fn durable(setting: &Setting, of: &str, senders: usize, in_flight: usize) -> Result<Figures> {
    let each = if in_flight == 1 { String::new() } else { format!(" x {in_flight}") };
    let figure = |name: &str, value| (format!("durable, {senders}{each}: {name}"), value);
    let rate = "messages per second";
    let group = senders * in_flight;
    match of {
        "fdatasync" | "sqlite" => {
            let data = setting.paths.data()?;
            let disk = || match of {
                "sqlite" => disk::sqlite(&data, setting.span),
                _ => disk::fdatasync(&data, group, setting.span),
            };
            let result = setting.cores.on_server(disk)??;
            Ok(vec![
                figure(rate, result.per_second),
                figure("acknowledgement, p50 ms", percentile(&result.latencies, 50)),
                figure("acknowledgement, p99 ms", percentile(&result.latencies, 99)),
            ])
        }
        _ => {
            let (server, mut swarm) = room(setting, of, senders)?;
            debug_assert_eq!(swarm.dialect(), Dialect::Rich);
            let load = load(setting, senders, SendRate::InFlight(in_flight), 100);
            let result: LoadResult = load.run(&mut swarm, server.pid())?;
            Ok(vec![
                figure(rate, result.accepted / result.seconds),
                figure("CPU-seconds per million, server", result.server / result.accepted * 1e6),
                figure("acknowledgement, p50 ms", result.percentile(50)),
                figure("acknowledgement, p99 ms", result.percentile(99)),
                figure("lost or duplicated", result.errors),
            ])
        }
    }
}
