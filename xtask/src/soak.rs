//! `cargo xtask soak`: runs the randomised tests for longer than in `test`, with other seeds each time.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::plant::SIMULATION;
use crate::process::{self, Steps};
use crate::workspace::Workspace;
use crate::{bundle, dist, test};

const USAGE: &str = "usage: cargo xtask soak [sim|kill|browser|all] [--minutes N]";

/// The default duration of the simulation.
const SIMULATION_MINUTES: u64 = 10;
/// The number of times that the server is killed, and the number of times that it is shut down.
const KILL_ROUNDS: u32 = 50;
const CHAOS_SECONDS: u32 = 180;

/// Runs a test, if possible for this number of minutes, and returns its output.
type Soak = fn(&Workspace, u64) -> Result<String>;

const SOAKS: &[(&str, &str, Soak)] = &[
    ("sim", "the simulation", simulation),
    ("kill", "killed servers, shutdowns and a full disk", kill),
    ("browser", "network failures in browsers", browser),
];

pub fn soak(args: &[String]) -> Result<()> {
    let (only, minutes) = parse_args(args)?;
    let workspace = Workspace::locate()?;
    let soaks: Vec<_> = SOAKS.iter().filter(|(name, ..)| only == "all" || only == *name).collect();
    let mut steps = Steps::new(soaks.len());
    let mut tables = String::new();
    for (_, title, soak) in soaks {
        steps.next(title);
        let output = soak(&workspace, minutes).with_context(|| format!("{title}: a test failed"))?;
        tables.push_str(&format!("\n{title}\n{}", table(&output)));
    }
    steps.print_times();
    print!("{tables}");
    Ok(())
}

fn parse_args(args: &[String]) -> Result<(&str, u64)> {
    let mut only = "all";
    let mut minutes = SIMULATION_MINUTES;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--minutes" => minutes = rest.next().and_then(|n| n.parse().ok()).context(USAGE)?,
            name if name == "all" || SOAKS.iter().any(|(soak, ..)| *soak == name) => only = name,
            _ => bail!(USAGE),
        }
    }
    Ok((only, minutes))
}

/// Runs in a release build, which runs several times as many seeds in the same time.
fn simulation(workspace: &Workspace, minutes: u64) -> Result<String> {
    // Seeds that no earlier soak has used.
    let first = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() << 20;
    let test = ["test", "--release", "--package", "parlour-server", "--test", "sim", SIMULATION];
    let mut command = process::cargo(workspace, &test);
    command
        .args(["--", "--nocapture"])
        .env_remove("PARLOUR_SIM_SEED")
        .env_remove("PARLOUR_SIM_SEEDS")
        .env("PARLOUR_SIM_FIRST", first.to_string())
        .env("PARLOUR_SIM_SECONDS", (minutes * 60).to_string());
    process::output(&mut command, "the simulation")
}

fn kill(workspace: &Workspace, _: u64) -> Result<String> {
    let mut command = process::cargo(workspace, &["test", "--package", "parlour-server", "--test", "kill"]);
    command
        .args(["--", "--nocapture", "--test-threads", "1"])
        .env("PARLOUR_KILL_ROUNDS", KILL_ROUNDS.to_string());
    process::output(&mut command, "the kill test")
}

fn browser(workspace: &Workspace, _: u64) -> Result<String> {
    bundle::build(workspace, None)?;
    dist::build_server(workspace)?;
    let mut command = test::browser_test(workspace)?;
    command.args(["chaos::", "--", "--nocapture"]).env("PARLOUR_CHAOS_SECONDS", CHAOS_SECONDS.to_string());
    process::output(&mut command, "the chaos test")
}

/// The output of a test without the lines of the test harness.
fn table(output: &str) -> String {
    let harness = |line: &str| {
        line.trim().is_empty() || line == "ok" || line.starts_with("running ") || line.starts_with("test ")
    };
    output.lines().filter(|line| !harness(line)).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_parsed() {
        let of = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(parse_args(&of("")).unwrap(), ("all", SIMULATION_MINUTES));
        assert_eq!(parse_args(&of("sim --minutes 3")).unwrap(), ("sim", 3));
        for wrong in ["--minutes", "--minutes x", "si", "--hours 1"] {
            assert!(parse_args(&of(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lines_of_the_harness_are_removed() {
        let output = "\nrunning 1 test\ntest a::b ... \nrounds  lost\n     5     0\nok\n\ntest result: ok. 1 passed\n\n";
        assert_eq!(table(output), "rounds  lost\n     5     0\n");
    }
}
