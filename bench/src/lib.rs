//! Benchmarks of the server and the page, compared with peers on the same machine at the same time. `cargo xtask bench`
//! builds and fetches what is measured and runs this program; see README.md in this folder.

#![cfg(target_os = "linux")] // Reads /proc and pins processes to cores.

mod args;
mod budget;
mod client;
mod disk;
mod frame;
mod instructions;
mod load;
mod log_queries;
mod measure;
mod process;
mod report;
mod restart;
mod rooms;
mod scan;
mod statistics;
mod swarm;
mod target;

use std::{fs, process::ExitCode, time::Duration};

use anyhow::{Context, Result};

use crate::{
    args::Args,
    measure::{MEASURES, Measure, Setting},
    process::Cores,
    report::Report,
    target::{OURS, Paths},
};

/// Files needed in addition to one per client.
const OTHER_FILES: u64 = 200;
/// The name of the server's half in `--only`; that of the client's half is in `client`.
const HALF: &str = "server";

/// Returns `true` if `--only` selects a measurement: by a part of its name or of the name of its half.
fn is_selected(half: &str, name: &str, only: &str) -> bool {
    format!("{half}, {name}").contains(only)
}

/// Entry point of the program.
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.as_slice() {
        // The arguments of a run under valgrind.
        [flag, batched, rounds] if flag == instructions::FLAG => {
            instructions::run_with(batched, rounds).map(|()| true)
        }
        _ => Args::parse(args.into_iter()).and_then(|args| run(&args)),
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

/// Measures and writes the results. Returns whether all checked budgets are met.
fn run(args: &Args) -> Result<bool> {
    let paths = args.paths()?;
    fs::create_dir_all(&paths.out).context("cannot create the output folder")?;
    let cores = Cores::find()?;
    let only = args.only.as_deref().unwrap_or_default();
    let mut server = args.report()?;
    measure_server(args, paths.clone(), cores, only, &mut server)?;
    cores.everywhere()?;
    let mut client = args.report()?;
    if let (Some(chrome), Some(dist)) = (&args.chrome, &args.dist) {
        let setting = client::Setting {
            paths: paths.clone(),
            chrome: chrome.into(),
            dist: dist.into(),
            span: args.span()?,
        };
        client::measure(&setting, only, &mut client)?;
    }
    paths.clean();
    for (half, report, note) in [(HALF, &mut server, SERVERS), (client::HALF, &mut client, CLIENTS)] {
        if !report.is_empty() {
            report.finish();
            print_report(report, note);
            let json = paths.out.join(half).with_extension("json");
            fs::write(&json, serde_json::to_string_pretty(report)?).context("cannot write the results")?;
            println!("\nalso in {}", json.display());
        }
    }
    match &args.check {
        None => Ok(true),
        Some(file) => {
            check_budgets(&fs::read_to_string(file).context("cannot read the budgets")?, &[&server, &client])
        }
    }
}

fn measure_server(args: &Args, paths: Paths, cores: Cores, only: &str, report: &mut Report) -> Result<()> {
    cores.on_server(|| ())?;
    let files = process::raise_file_limit(10_000 + OTHER_FILES);
    let setting = Setting {
        cores,
        warm: Duration::from_secs(1),
        span: args.span()?,
        connections: usize::try_from(files.saturating_sub(OTHER_FILES))?,
        paths,
    };
    if cores.server == cores.load {
        eprintln!(
            "Only one core is available to servers and load: all figures except CPU-seconds are of both together."
        );
    }
    for measure in MEASURES.iter().filter(|measure| measure.is_wanted(only)) {
        run_measure(&setting, measure, report);
    }
    Ok(())
}

/// Takes a measurement of all servers in turn, for each round.
fn run_measure(setting: &Setting, measure: &Measure, report: &mut Report) {
    for round in 1..=report.rounds {
        for of in measure.of {
            if report.missing.contains_key(*of) {
                continue;
            }
            eprintln!("{}: {of}, {round} of {}", measure.name, report.rounds);
            match (measure.run)(setting, of) {
                Ok(figures) => report.add(measure.of, of, figures),
                // A failed measurement of Parlour fails the run, but the others are still taken.
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

/// Notes printed below the tables.
const SERVERS: &str = "\
Parlour: login, nicks, limits, ids, presence, and every message on disk before it is acknowledged.
bun, nats, ws: no login and no message log; a message is the 100 or 500 bytes and nothing else.";
const CLIENTS: &str = "\
lounge: The Lounge, with its own server between the page and IRC. floor: a list of twenty lines and nothing else.";

fn print_report(report: &Report, note: &str) {
    println!("Medians of {} rounds; in brackets, Parlour's figure divided by this one.", report.rounds);
    print!("{}", report.table());
    println!("\n{note}");
    for (peer, why) in report.missing.iter().filter(|(peer, _)| report.measures(peer)) {
        println!("{peer} is missing: {why}");
    }
    report.failed.iter().for_each(|why| println!("failed: {why}"));
}

/// Checks the budgets and prints the result. Missing peers also fail the check, because they cannot be compared.
fn check_budgets(budgets: &str, reports: &[&Report]) -> Result<bool> {
    let outcome = budget::check(budgets, reports)?;
    outcome.not_measured.iter().for_each(|line| println!("not checked: {line}"));
    outcome.exceeded.iter().for_each(|line| println!("over budget: {line}"));
    let complete = reports.iter().all(|report| report.is_complete());
    if outcome.exceeded.is_empty() && complete {
        println!("All measured figures are within budget.");
    } else if !complete {
        println!("Not everything could be measured; see above.");
    }
    Ok(outcome.exceeded.is_empty() && complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_selects_halves_and_measurements() {
        assert!(is_selected("client", "idle", "client") && is_selected("client", "idle", "idle"));
        assert!(!is_selected("server", "storm", "client") && is_selected("server", "storm", ""));
    }
}
