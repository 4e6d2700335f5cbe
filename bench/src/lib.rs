//! What the server and the page cost, beside others on the same machine in the same minutes. `cargo xtask bench` builds and
//! fetches what is measured and starts this; see README.md beside it.

#![cfg(target_os = "linux")] // For /proc, and cores to pin to.

mod asked;
mod budget;
mod client;
mod disk;
mod frame;
mod load;
mod measure;
mod process;
mod reading;
mod report;
mod restart;
mod rooms;
mod scan;
mod scenario;
mod swarm;
mod target;

use std::{fs, process::ExitCode, time::Duration};

use anyhow::{Context, Result};

use crate::{
    asked::Asked,
    measure::{MEASURES, Measure, Setting},
    process::Cores,
    report::Report,
    target::{OURS, Place},
};

/// Sockets of the load's besides its clients, and other files.
const OTHER_FILES: u64 = 200;
/// By what `--only` knows the server's half; the client's has its own.
const HALF: &str = "server";

/// Whether a measurement of a half has the text in its name.
fn picked(half: &str, name: &str, only: &str) -> bool {
    format!("{half}, {name}").contains(only)
}

/// The program.
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.as_slice() {
        // What valgrind runs of us.
        [flag, joined, rounds] if flag == scenario::FLAG => scenario::run_with(joined, rounds).map(|()| true),
        _ => Asked::read(args.into_iter()).and_then(|asked| run(&asked)),
    };
    match done {
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
    let place = asked.place()?;
    fs::create_dir_all(&place.out).context("there is nowhere to write to")?;
    let cores = Cores::find()?;
    let only = asked.only.as_deref().unwrap_or_default();
    let mut server = asked.report()?;
    measure_server(asked, place.clone(), cores, only, &mut server)?;
    cores.everywhere()?;
    let mut client = asked.report()?;
    if let (Some(chrome), Some(dist)) = (&asked.chrome, &asked.dist) {
        let setting = client::Setting {
            place: place.clone(),
            chrome: chrome.into(),
            dist: dist.into(),
            span: asked.span()?,
        };
        client::measure(&setting, only, &mut client)?;
    }
    place.clean();
    for (half, report, note) in [(HALF, &mut server, SERVERS), (client::HALF, &mut client, CLIENTS)] {
        if !report.is_empty() {
            report.finish();
            tell(report, note);
            let json = place.out.join(half).with_extension("json");
            fs::write(&json, serde_json::to_string_pretty(report)?)
                .context("the results cannot be written")?;
            println!("\nalso in {}", json.display());
        }
    }
    match &asked.check {
        None => Ok(true),
        Some(file) => {
            checked(&fs::read_to_string(file).context("there are no budgets")?, &[&server, &client])
        }
    }
}

fn measure_server(asked: &Asked, place: Place, cores: Cores, only: &str, report: &mut Report) -> Result<()> {
    cores.on_server(|| ())?;
    let files = process::raise_file_limit(10_000 + OTHER_FILES);
    let setting = Setting {
        cores,
        warm: Duration::from_secs(1),
        span: asked.span()?,
        connections: usize::try_from(files.saturating_sub(OTHER_FILES))?,
        place,
    };
    if cores.server == cores.load {
        eprintln!(
            "There is one core for servers and load: all figures but CPU-seconds are of both together."
        );
    }
    for measure in MEASURES.iter().filter(|measure| measure.is_wanted(only)) {
        take(&setting, measure, report);
    }
    Ok(())
}

/// One measurement of all servers in turn, and again.
fn take(setting: &Setting, measure: &Measure, report: &mut Report) {
    for round in 1..=report.rounds {
        for of in measure.of {
            if report.missing.contains_key(*of) {
                continue;
            }
            eprintln!("{}: {of}, {round} of {}", measure.name, report.rounds);
            match (measure.take)(setting, of) {
                Ok(figures) => report.add(measure.of, of, figures),
                // The rest is worth having all the same; that this is not there makes the run a failed one.
                Err(error) if *of == OURS => {
                    eprintln!("{} failed: {error:#}", measure.name);
                    return report.failed.push(format!("{}: {error:#}", measure.name));
                }
                Err(error) => {
                    eprintln!("{of} is missing: {error:#}");
                    report.missing.insert((*of).into(), format!("{error:#}"));
                }
            }
        }
    }
}

/// What is to be known of the servers, and of the pages.
const SERVERS: &str = "\
Parlour: login, names, limits, ids, who is there, and every message on disk before it is acknowledged.
bun, nats, ws: no login and no log; a message is the 100 or 500 bytes and nothing else.";
const CLIENTS: &str = "\
lounge: The Lounge, with a server of its own between the page and IRC. floor: a list of twenty lines, and nothing else.";

fn tell(report: &Report, note: &str) {
    println!("Medians of {} rounds; in brackets, Parlour's figure by this one's.", report.rounds);
    print!("{}", report.table());
    println!("\n{note}");
    for (peer, why) in report.missing.iter().filter(|(peer, _)| report.measures(peer)) {
        println!("{peer} is missing: {why}");
    }
    report.failed.iter().for_each(|why| println!("failed: {why}"));
}

/// Whoever is missing is behind nobody, and in front of nobody either: that too is not as it should be.
fn checked(budgets: &str, reports: &[&Report]) -> Result<bool> {
    let outcome = budget::check(budgets, reports)?;
    outcome.open.iter().for_each(|line| println!("not checked: {line}"));
    outcome.exceeded.iter().for_each(|line| println!("past its budget: {line}"));
    let whole = reports.iter().all(|report| report.is_whole());
    if outcome.exceeded.is_empty() && whole {
        println!("Nothing that was measured is past its budget.");
    } else if !whole {
        println!("Not everything could be measured; see above.");
    }
    Ok(outcome.exceeded.is_empty() && whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_and_a_part_of_one() {
        assert!(picked("client", "idle", "client") && picked("client", "idle", "idle"));
        assert!(!picked("server", "storm", "client") && picked("server", "storm", ""));
    }
}
