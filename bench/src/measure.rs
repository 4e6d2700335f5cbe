//! What is measured of each server. Every function starts one, measures once, and stops it.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    disk,
    load::{Load, Pace, Shown},
    process::{self, Cores},
    scan::Dialect,
    swarm::Swarm,
    target::{OURS, Place, Running, TARGETS, Target},
};

const SOCKETS: usize = 200;
const SENDERS: usize = 10;
const IN_FLIGHT: usize = 50;
const RATE: u32 = 100;
const IDLE: usize = 10_000;
const STORM: usize = 2_000;
/// So many are on their way in at a time, where it is not about that.
const AT_ONCE: usize = 250;

/// The name of a figure, and its value.
pub type Figures = Vec<(String, f64)>;

/// What every measurement needs to know.
#[derive(Debug)]
pub struct Setting {
    pub place: Place,
    pub cores: Cores,
    pub warm: Duration,
    pub span: Duration,
    /// As many connections as the system allows, less what we need ourselves.
    pub connections: usize,
}

/// A measurement, and what it is taken of.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    pub name: &'static str,
    pub of: &'static [&'static str],
    pub take: fn(&Setting, &str) -> Result<Figures>,
}

const ROOM: &[&str] = &[OURS, "bun", "nats", "ws"];
const DISK: &[&str] = &[OURS, "fdatasync", "sqlite"];

pub const MEASURES: &[Measure] = &[
    Measure { name: "fan-out of 100 bytes", of: ROOM, take: |setting, of| fan_out(setting, of, 100) },
    Measure { name: "fan-out of 500 bytes", of: ROOM, take: |setting, of| fan_out(setting, of, 500) },
    Measure { name: "latency", of: ROOM, take: latency },
    Measure { name: "memory", of: ROOM, take: memory },
    Measure { name: "storm", of: ROOM, take: storm },
    Measure { name: "durable, 1 sender", of: DISK, take: |setting, of| durable(setting, of, 1, 1) },
    Measure { name: "durable, 10 senders", of: DISK, take: |setting, of| durable(setting, of, 10, 1) },
    Measure { name: "durable, 10 senders of 10", of: DISK, take: |setting, of| durable(setting, of, 10, 10) },
    Measure {
        name: "durable, 10 senders of 100",
        of: DISK,
        take: |setting, of| durable(setting, of, 10, 100),
    },
    Measure { name: "durable, 1000 senders", of: DISK, take: |setting, of| durable(setting, of, 1000, 1) },
];

/// A server with so many clients in.
fn room(setting: &Setting, of: &str, clients: usize) -> Result<(Running, Swarm)> {
    let server = target(of)?.start(&setting.place, setting.cores)?;
    let mut swarm = Swarm::new(server.address, target(of)?.dialect)?;
    swarm.open(clients, AT_ONCE)?;
    Ok((server, swarm))
}

fn target(name: &str) -> Result<&'static Target> {
    let known = TARGETS.iter().find(|target| target.name == name);
    known.ok_or_else(|| anyhow::anyhow!("there is no server {name}"))
}

fn fan_out(setting: &Setting, of: &str, size: usize) -> Result<Figures> {
    let (server, mut swarm) = room(setting, of, SOCKETS)?;
    let shown = load(setting, SENDERS, Pace::InFlight(IN_FLIGHT), size).put_on(&mut swarm, server.pid())?;
    let named = |name: &str, value| (format!("fan-out {size} B, {name}"), value);
    Ok(vec![
        named("deliveries per CPU-second", shown.delivered / shown.server),
        named("deliveries per second", shown.delivered / shown.seconds),
        named("CPU-seconds per million, server", shown.server / shown.delivered * 1e6),
        named("CPU-seconds per million, generator", shown.own / shown.delivered * 1e6),
        named("lost or doubled", shown.wrong),
    ])
}

fn latency(setting: &Setting, of: &str) -> Result<Figures> {
    let (server, mut swarm) = room(setting, of, SOCKETS)?;
    let shown = load(setting, SENDERS, Pace::PerSecond(RATE), 100).put_on(&mut swarm, server.pid())?;
    Ok(vec![
        ("latency p50, ms".into(), shown.percentile(50)),
        ("latency p99, ms".into(), shown.percentile(99)),
        // What a delivery costs when there is nothing to be joined with it.
        ("latency, CPU-seconds per million, server".into(), shown.server / shown.delivered * 1e6),
        ("latency, lost or doubled".into(), shown.wrong),
    ])
}

fn load(setting: &Setting, senders: usize, pace: Pace, size: usize) -> Load {
    Load { senders, pace, size, warm: setting.warm, span: setting.span }
}

fn memory(setting: &Setting, of: &str) -> Result<Figures> {
    let count = IDLE.min(setting.connections);
    let server = target(of)?.start(&setting.place, setting.cores)?;
    let before = process::resident(server.pid())?;
    let mut swarm = Swarm::new(server.address, target(of)?.dialect)?;
    swarm.open(count, AT_ONCE)?;
    // Until the last has been told who is there.
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
    swarm.cut()?;
    let back = swarm.open(count, count)?;
    let cpu = process::cpu(server.pid())? - before;
    let overflowed = overflows.zip(process::listen_overflows()).map_or(f64::NAN, |(then, now)| now - then);
    Ok(vec![
        (format!("storm of {count}, ms until all are back"), back.as_secs_f64() * 1e3),
        (format!("storm of {count}, CPU-ms of the server"), cpu * 1e3),
        (format!("storm of {count}, listen overflows"), overflowed),
    ])
}

/// Longer than any of the servers gathers what it has to tell.
const QUIET: Duration = Duration::from_millis(500);

/// Waits until nothing has come in for a while, answering what is asked.
fn settle(swarm: &mut Swarm) -> Result<()> {
    // A server that never falls silent is measured as it is.
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end && swarm.turn(QUIET, &mut |_, _| {})? {}
    Ok(())
}

/// Senders that are the whole room, each with so many messages on their way; against the disk alone, with as many
/// messages in each wait for it.
fn durable(setting: &Setting, of: &str, senders: usize, in_flight: usize) -> Result<Figures> {
    let each = if in_flight == 1 { String::new() } else { format!(" of {in_flight}") };
    let named = |name: &str, value| (format!("durable, {senders}{each}: {name}"), value);
    let rate = "messages per second";
    let group = senders * in_flight;
    match of {
        "fdatasync" | "sqlite" => {
            let data = setting.place.data()?;
            let disk = || match of {
                "sqlite" => disk::sqlite(&data, setting.span),
                _ => disk::fdatasync(&data, group, setting.span),
            };
            Ok(vec![named(rate, setting.cores.on_server(disk)??)])
        }
        _ => {
            let (server, mut swarm) = room(setting, of, senders)?;
            debug_assert_eq!(swarm.dialect(), Dialect::Rich);
            let load = load(setting, senders, Pace::InFlight(in_flight), 100);
            let shown: Shown = load.put_on(&mut swarm, server.pid())?;
            Ok(vec![
                named(rate, shown.accepted / shown.seconds),
                named("CPU-seconds per million, server", shown.server / shown.accepted * 1e6),
                named("acknowledged after, p50 ms", shown.percentile(50)),
                named("acknowledged after, p99 ms", shown.percentile(99)),
                named("lost or doubled", shown.wrong),
            ])
        }
    }
}
