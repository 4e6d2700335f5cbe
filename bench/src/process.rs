//! Resource usage of processes, and pinning to cores.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// CPU seconds used by all threads of a process, in user and kernel mode.
pub fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has ended")?;
    // The process name may contain anything; utime and stime are the 12th and 13th fields after its closing bracket.
    let (_, fields) = stat.rsplit_once(')').context("/proc/*/stat is not as expected")?;
    let ticks: Option<Vec<u64>> =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse().ok()).collect();
    let ticks = ticks.context("/proc/*/stat is not as expected")?;
    Ok(ticks.iter().sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory, in bytes.
pub fn resident(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kilobytes.context("/proc/*/status is not as expected")? * 1024.0)
}

/// Counts how often an accept queue was full, or a connection was dropped, anywhere on this machine.
pub fn listen_overflows() -> Option<f64> {
    let netstat = fs::read_to_string("/proc/net/netstat").ok()?;
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let pairs = names.split_whitespace().zip(values.split_whitespace());
    let counts = pairs.filter(|(name, _)| matches!(*name, "ListenOverflows" | "ListenDrops"));
    let counts: Option<Vec<f64>> = counts.map(|(_, value)| value.parse().ok()).collect();
    counts.filter(|counts| counts.len() == 2).map(|counts| counts.iter().sum())
}

/// The cores of the servers and of the load; equal if there is only one.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    pub server: usize,
    pub load: usize,
    /// The cores this process was allowed to use at its start.
    all: CpuSet,
}

impl Cores {
    pub fn find() -> Result<Self> {
        let ours = sched_getaffinity(None).context("cannot read the allowed cores")?;
        let mut free = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
        let server = free.next().context("no core is allowed")?;
        Ok(Self { server, load: free.next().unwrap_or(server), all: ours })
    }

    /// Runs a closure on the servers' core. Processes started by it stay pinned to that core.
    pub fn on_server<T>(self, what: impl FnOnce() -> T) -> Result<T> {
        pin(self.server)?;
        let done = what();
        pin(self.load)?;
        Ok(done)
    }

    /// Allows this thread, and processes it starts, to use all cores; a browser has many processes.
    pub fn everywhere(self) -> Result<()> {
        sched_setaffinity(None, &self.all).context("cannot set the allowed cores")
    }
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).context("cannot pin to a core")
}

/// Raises the limit of open files to `wanted` if possible. Returns the resulting limit, at most `wanted`.
pub fn raise_file_limit(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let enough = |n: Option<u64>| n.is_none_or(|n| n >= wanted);
    if enough(limit.current) {
        return wanted;
    }
    let most = if enough(limit.maximum) { limit.maximum } else { Some(wanted) };
    // Only root may exceed the maximum.
    if setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).is_err() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    getrlimit(Resource::Nofile).current.map_or(wanted, |now| now.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_this_process_can_be_read() {
        let me = std::process::id();
        assert!(cpu(me).unwrap() >= 0.0);
        assert!(resident(me).unwrap() > 100_000.0);
        assert!(Cores::find().is_ok());
    }
}
