//! `cargo xtask soak`: what is random in the tests, for longer than a test may take, and other each time.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::sh::{self, Steps};
use crate::{bundle, dist, test};

const USAGE: &str = "usage: cargo xtask soak [sim|kill|browser|all] [--minutes N]";

/// How long the simulation runs, where nothing else is asked for.
const MINUTES: u64 = 10;
/// How often the server is killed, and how often it is asked to end.
const ROUNDS: u32 = 50;
/// How long the browsers suffer.
const CHAOS_SECONDS: u32 = 180;

/// A part of the soak; gives its table.
type Part = fn(&Place, u64) -> Result<String>;

const PARTS: &[(&str, &str, Part)] = &[
    ("sim", "the simulation", sim),
    ("kill", "a server that is killed, asked to end, and has a full disk", kill),
    ("browser", "chaos in browsers", browser),
];

pub fn soak(args: &[String]) -> Result<()> {
    let (only, minutes) = wanted(args)?;
    let place = Place::find()?;
    let parts: Vec<_> = PARTS.iter().filter(|(name, ..)| only == "all" || only == *name).collect();
    let mut steps = Steps::new(parts.len());
    let mut tables = String::new();
    for (_, what, part) in parts {
        steps.next(what);
        let said = part(&place, minutes).with_context(|| format!("{what}: not all was well"))?;
        tables.push_str(&format!("\n{what}\n{}", table(&said)));
    }
    steps.times();
    print!("{tables}");
    Ok(())
}

fn wanted(args: &[String]) -> Result<(&str, u64)> {
    let mut only = "all";
    let mut minutes = MINUTES;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--minutes" => minutes = rest.next().and_then(|n| n.parse().ok()).context(USAGE)?,
            name if name == "all" || PARTS.iter().any(|(part, ..)| *part == name) => only = name,
            _ => bail!(USAGE),
        }
    }
    Ok((only, minutes))
}

/// In a release build, which runs several times as many seeds.
fn sim(place: &Place, minutes: u64) -> Result<String> {
    // Seeds that no soak of an earlier second has begun with.
    let first = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() << 20;
    let test = ["test", "--release", "--package", "parlour-server", "--test", "sim", "with_faults"];
    let mut command = sh::cargo(place, &test);
    command
        .args(["--", "--nocapture"])
        .env_remove("PARLOUR_SIM_SEED")
        .env_remove("PARLOUR_SIM_SEEDS")
        .env("PARLOUR_SIM_FIRST", first.to_string())
        .env("PARLOUR_SIM_SECONDS", (minutes * 60).to_string());
    sh::output(&mut command, "the simulation")
}

fn kill(place: &Place, _: u64) -> Result<String> {
    let mut command = sh::cargo(place, &["test", "--package", "parlour-server", "--test", "kill"]);
    command.args(["--", "--nocapture", "--test-threads", "1"]).env("PARLOUR_KILL_ROUNDS", ROUNDS.to_string());
    sh::output(&mut command, "the kill test")
}

fn browser(place: &Place, _: u64) -> Result<String> {
    bundle::build(place, None)?;
    dist::server(place)?;
    let mut command = test::browser_test(place)?;
    command
        .args(["--test", "chaos", "--", "--nocapture"])
        .env("PARLOUR_CHAOS_SECONDS", CHAOS_SECONDS.to_string());
    sh::output(&mut command, "the chaos test")
}

/// What a test printed, without what its harness did.
fn table(said: &str) -> String {
    let harness = |line: &str| {
        line.trim().is_empty() || line == "ok" || line.starts_with("running ") || line.starts_with("test ")
    };
    said.lines().filter(|line| !harness(line)).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let of = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(wanted(&of("")).unwrap(), ("all", MINUTES));
        assert_eq!(wanted(&of("sim --minutes 3")).unwrap(), ("sim", 3));
        for wrong in ["--minutes", "--minutes x", "si", "--hours 1"] {
            assert!(wanted(&of(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_table_is_what_the_test_printed() {
        let said = "\nrunning 1 test\ntest a::b ... \nrounds  lost\n     5     0\nok\n\ntest result: ok. 1 passed\n\n";
        assert_eq!(table(said), "rounds  lost\n     5     0\n");
    }
}
