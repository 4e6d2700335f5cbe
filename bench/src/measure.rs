//! What is measured of each server. Every function starts one, measures once, and stops it.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    disk,
    load::{Load, Pace, Shown, percentile},
    process::{self, Cores},
    reading::{self, OF_SMALL},
    restart,
    scan::Dialect,
    scenario,
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
    /// It takes so long that it is only done for who names it, in full.
    pub is_long: bool,
}

const ROOM: &[&str] = &[OURS, "bun", "nats", "ws"];
const DISK: &[&str] = &[OURS, "fdatasync", "sqlite"];
const LOG: &[&str] = &[OURS, OF_SMALL];

pub const MEASURES: &[Measure] = &[
    short("fan-out of 100 bytes", ROOM, |setting, of| fan_out(setting, of, 100)),
    short("fan-out of 500 bytes", ROOM, |setting, of| fan_out(setting, of, 500)),
    short("latency", ROOM, latency),
    short("fan-out to 2000", ROOM, |setting, of| crowd(setting, of, 2_000, 20, 20)),
    short("fan-out to 10000", ROOM, |setting, of| crowd(setting, of, 10_000, 5, 4)),
    short("memory", ROOM, memory),
    short("storm", ROOM, storm),
    short("restart", &[OURS, "bun", "nats"], restart::restart),
    short("durable, 1 sender", DISK, |setting, of| durable(setting, of, 1, 1)),
    short("durable, 10 senders", DISK, |setting, of| durable(setting, of, 10, 1)),
    short("durable, 10 senders of 10", DISK, |setting, of| durable(setting, of, 10, 10)),
    short("durable, 10 senders of 100", DISK, |setting, of| durable(setting, of, 10, 100)),
    short("durable, 100 senders", DISK, |setting, of| durable(setting, of, 100, 1)),
    short("durable, 1000 senders", DISK, |setting, of| durable(setting, of, 1000, 1)),
    short("log of 1000000", LOG, |setting, of| reading::read(setting, of, 1_000_000)),
    Measure {
        is_long: true,
        ..short("log of 10000000", LOG, |setting, of| reading::read(setting, of, 10_000_000))
    },
    short("instructions", &[OURS], scenario::instructions),
];

const fn short(
    name: &'static str,
    of: &'static [&'static str],
    take: fn(&Setting, &str) -> Result<Figures>,
) -> Measure {
    Measure { name, of, take, is_long: false }
}

impl Measure {
    /// Whether it is to be done for who asks for `only`; a long one has to be asked for by its whole name.
    pub fn is_wanted(&self, only: &str) -> bool {
        if self.is_long { self.name == only } else { crate::picked(crate::HALF, self.name, only) }
    }
}

/// A server with so many clients in.
pub fn room(setting: &Setting, of: &str, clients: usize) -> Result<(Running, Swarm)> {
    let server = target(of)?.start(&setting.place, setting.cores)?;
    let mut swarm = Swarm::new(server.address, target(of)?.dialect)?;
    swarm.open(clients, AT_ONCE)?;
    Ok((server, swarm))
}

pub fn target(name: &str) -> Result<&'static Target> {
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
        ("latency, CPU-seconds per million, generator".into(), shown.own / shown.delivered * 1e6),
        ("latency, lost or doubled".into(), shown.wrong),
    ])
}

/// A room of thousands: as much as the server takes, and then so many messages a second.
fn crowd(setting: &Setting, of: &str, sockets: usize, in_flight: usize, rate: u32) -> Result<Figures> {
    let sockets = sockets.min(setting.connections);
    let (server, mut swarm) = room(setting, of, sockets)?;
    settle(&mut swarm)?;
    let mut figures = Vec::new();
    for size in [100, 500] {
        let most =
            load(setting, SENDERS, Pace::InFlight(in_flight), size).put_on(&mut swarm, server.pid())?;
        let paced = load(setting, SENDERS, Pace::PerSecond(rate), size).put_on(&mut swarm, server.pid())?;
        let mut put =
            |name: &str, value| figures.push((format!("fan-out to {sockets}, {size} B: {name}"), value));
        put("deliveries per CPU-second", most.delivered / most.server);
        put("deliveries per second", most.delivered / most.seconds);
        put("CPU-s per million, server", most.server / most.delivered * 1e6);
        put("CPU-s per million, generator", most.own / most.delivered * 1e6);
        put("paced, p50 ms", paced.percentile(50));
        put("paced, p99 ms", paced.percentile(99));
        put("paced, CPU-s per million, server", paced.server / paced.delivered * 1e6);
        put("paced, CPU-s per million, generator", paced.own / paced.delivered * 1e6);
        put("lost or doubled", most.wrong + paced.wrong);
    }
    Ok(figures)
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
pub fn settle(swarm: &mut Swarm) -> Result<()> {
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
            let done = setting.cores.on_server(disk)??;
            Ok(vec![
                named(rate, done.per_second),
                named("acknowledged after, p50 ms", percentile(&done.waits, 50)),
                named("acknowledged after, p99 ms", percentile(&done.waits, 99)),
            ])
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
