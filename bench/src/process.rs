//! What the system says of a process, and which core it may use.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Seconds of CPU a process has used, all its threads, in its own code and in the system's for it.
pub fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    // The name may hold anything; what follows its closing bracket is numbers, utime and stime the 12th and 13th.
    let (_, fields) = stat.rsplit_once(')').context("/proc/*/stat is not as expected")?;
    let ticks: Option<Vec<u64>> =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse().ok()).collect();
    let ticks = ticks.context("/proc/*/stat is not as expected")?;
    Ok(ticks.iter().sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory, in bytes.
pub fn resident(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kilobytes.context("/proc/*/status is not as expected")? * 1024.0)
}

/// How often a queue of connections to be accepted was full or a connection was not taken, anywhere on this machine.
pub fn listen_overflows() -> Option<f64> {
    let netstat = fs::read_to_string("/proc/net/netstat").ok()?;
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let pairs = names.split_whitespace().zip(values.split_whitespace());
    let counts = pairs.filter(|(name, _)| matches!(*name, "ListenOverflows" | "ListenDrops"));
    let counts: Option<Vec<f64>> = counts.map(|(_, value)| value.parse().ok()).collect();
    counts.filter(|counts| counts.len() == 2).map(|counts| counts.iter().sum())
}

/// The core of the servers and that of the load; the same where there is only one.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    pub server: usize,
    pub load: usize,
    /// Where we might run before we chose.
    all: CpuSet,
}

impl Cores {
    pub fn find() -> Result<Self> {
        let ours = sched_getaffinity(None).context("the system does not say on which cores we may run")?;
        let mut free = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
        let server = free.next().context("there is no core to run on")?;
        Ok(Self { server, load: free.next().unwrap_or(server), all: ours })
    }

    /// Does something on the servers' core; a process that is started meanwhile stays there.
    pub fn on_server<T>(self, what: impl FnOnce() -> T) -> Result<T> {
        pin(self.server)?;
        let done = what();
        pin(self.load)?;
        Ok(done)
    }

    /// Lets this thread, and what it starts, run anywhere: a browser is many processes, and has its own mind.
    pub fn everywhere(self) -> Result<()> {
        sched_setaffinity(None, &self.all).context("the system does not let us choose cores")
    }
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).context("the system does not let us choose a core")
}

/// Lets us have as many connections as the system allows, and gives how many that is.
pub fn raise_file_limit(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let enough = |n: Option<u64>| n.is_none_or(|n| n >= wanted);
    if enough(limit.current) {
        return wanted;
    }
    let most = if enough(limit.maximum) { limit.maximum } else { Some(wanted) };
    // Above the maximum only root may go; up to it everybody.
    if setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).is_err() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    getrlimit(Resource::Nofile).current.map_or(wanted, |now| now.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_figures_can_be_read() {
        let me = std::process::id();
        assert!(cpu(me).unwrap() >= 0.0);
        assert!(resident(me).unwrap() > 100_000.0);
        assert!(Cores::find().is_ok());
    }
}
