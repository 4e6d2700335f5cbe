//! What the server costs, beside other servers on the same machine in the same minutes. `cargo xtask bench` builds and
//! fetches what is measured and starts this; see README.md beside it.

#![cfg(target_os = "linux")] // For /proc, and cores to pin to.

mod budget;
mod disk;
mod frame;
mod load;
mod measure;
mod process;
mod report;
mod scan;
mod swarm;
mod target;

use std::{fs, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    measure::{MEASURES, Measure, Setting},
    process::Cores,
    report::Report,
    target::{OURS, Place},
};

const USAGE: &str = "\
usage: parlour-bench --server FILE --peers DIR --out DIR [--check FILE] [--rounds N] [--seconds N] [--only TEXT]";

/// Sockets of the load's besides its clients, and other files.
const OTHER_FILES: u64 = 200;

/// What was asked for.
#[derive(Debug, Default)]
struct Asked {
    server: Option<String>,
    peers: Option<String>,
    out: Option<String>,
    check: Option<String>,
    rounds: Option<String>,
    seconds: Option<String>,
    only: Option<String>,
}

impl Asked {
    fn read(args: impl Iterator<Item = String>) -> Result<Self> {
        let mut asked = Self::default();
        let mut args = args;
        while let Some(flag) = args.next() {
            let slot = match flag.as_str() {
                "--server" => &mut asked.server,
                "--peers" => &mut asked.peers,
                "--out" => &mut asked.out,
                "--check" => &mut asked.check,
                "--rounds" => &mut asked.rounds,
                "--seconds" => &mut asked.seconds,
                "--only" => &mut asked.only,
                _ => bail!(USAGE),
            };
            *slot = Some(args.next().context(USAGE)?);
        }
        Ok(asked)
    }
}

/// The program.
pub fn main() -> ExitCode {
    match Asked::read(std::env::args().skip(1)).and_then(|asked| run(&asked)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("parlour-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, writes, and says whether all is within the budgets that were to be checked.
fn run(asked: &Asked) -> Result<bool> {
    let number = |text: &Option<String>, default: u64| match text {
        None => Ok(default),
        Some(text) => text.parse::<u64>().ok().filter(|n| *n > 0).context(USAGE),
    };
    let place = Place {
        server: asked.server.as_ref().context(USAGE)?.into(),
        peers: asked.peers.as_ref().context(USAGE)?.into(),
        out: asked.out.as_ref().context(USAGE)?.into(),
    };
    fs::create_dir_all(&place.out).context("there is nowhere to write to")?;
    let cores = Cores::find()?;
    cores.on_server(|| ())?;
    let files = process::raise_file_limit(10_000 + OTHER_FILES);
    let setting = Setting {
        cores,
        warm: Duration::from_secs(1),
        span: Duration::from_secs(number(&asked.seconds, 3)?),
        connections: usize::try_from(files.saturating_sub(OTHER_FILES))?,
        place,
    };
    if cores.server == cores.load {
        eprintln!(
            "There is one core for servers and load: all figures but CPU-seconds are of both together."
        );
    }
    let mut report = Report { rounds: usize::try_from(number(&asked.rounds, 3)?)?, ..Report::default() };
    let only = asked.only.as_deref().unwrap_or_default();
    for measure in MEASURES.iter().filter(|measure| measure.name.contains(only)) {
        take(&setting, measure, &mut report)?;
    }
    setting.place.clean();
    report.finish();
    tell(&report);
    let json = setting.place.out.join("server.json");
    fs::write(&json, serde_json::to_string_pretty(&report)?).context("the results cannot be written")?;
    println!("\nalso in {}", json.display());
    match &asked.check {
        None => Ok(true),
        Some(file) => checked(&fs::read_to_string(file).context("there are no budgets")?, &report),
    }
}

/// One measurement of all servers in turn, and again.
fn take(setting: &Setting, measure: &Measure, report: &mut Report) -> Result<()> {
    for round in 1..=report.rounds {
        for of in measure.of {
            if report.missing.contains_key(*of) {
                continue;
            }
            eprintln!("{}: {of}, {round} of {}", measure.name, report.rounds);
            match (measure.take)(setting, of) {
                Ok(figures) => report.add(measure.of, of, figures),
                Err(error) if *of == OURS => return Err(error.context(measure.name)),
                Err(error) => {
                    eprintln!("{of} is missing: {error:#}");
                    report.missing.insert((*of).into(), format!("{error:#}"));
                }
            }
        }
    }
    Ok(())
}

fn tell(report: &Report) {
    println!("Medians of {} rounds; in brackets, Parlour's figure by this one's.", report.rounds);
    print!("{}", report.table());
    println!(
        "\nParlour: login, names, limits, ids, who is there, and every message on disk before it is acknowledged.\n\
         bun, nats, ws: no login and no log; a message is the 100 or 500 bytes and nothing else."
    );
    for (server, why) in &report.missing {
        println!("{server} is missing: {why}");
    }
}

fn checked(budgets: &str, report: &Report) -> Result<bool> {
    let outcome = budget::check(budgets, report)?;
    outcome.open.iter().for_each(|line| println!("not checked: {line}"));
    outcome.exceeded.iter().for_each(|line| println!("past its budget: {line}"));
    if outcome.exceeded.is_empty() {
        println!("Nothing that was measured is past its budget.");
    }
    Ok(outcome.exceeded.is_empty())
}
