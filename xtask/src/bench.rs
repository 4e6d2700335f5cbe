//! `cargo xtask bench`: the server beside other servers, and the page beside other pages. Builds what is measured, fetches
//! the others into `target/bench`, and lets `parlour-bench` measure.

mod fetch;

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place::{Place, exe_name};
use crate::sh::{self, Steps};
use crate::{browser, bundle};

const USAGE: &str = "usage: cargo xtask bench [--check] [--rounds N] [--seconds N] [--only TEXT]";

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    check: bool,
    /// For the program that measures.
    rest: Vec<OsString>,
    /// `--only` names one half, and the other needs nothing.
    half: Option<Half>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Server,
    Client,
}

pub fn bench(args: &[String]) -> Result<()> {
    let asked = wanted(args)?;
    if !cfg!(target_os = "linux") {
        bail!("the benchmark reads Linux's /proc and pins to cores; on another system it can't be run.");
    }
    let place = Place::find()?;
    let out = place.target.join("bench");
    let peers = out.join("peers");
    fs::create_dir_all(&peers).context("target/bench cannot be created")?;
    let mut command = sh::program(&place, place.target.join("release").join(exe_name("parlour-bench")));
    command.arg("--server").arg(place.server()).arg("--peers").arg(&peers).arg("--out").arg(&out);
    command.args(&asked.rest);
    let mut steps = Steps::new(4);
    steps.next("building the page");
    if asked.half != Some(Half::Server) {
        bundle::build(&place, None)?;
    }
    steps.next("building the server and the benchmark");
    // One after the other: together, the server would be built with what the benchmark needs of their dependencies.
    for package in ["parlour-server", "parlour-bench"] {
        let mut build = sh::cargo(&place, &["build", "--release", "--package", package]);
        sh::run(&mut build, &format!("building {package}"))?;
    }
    steps.next("fetching what to compare with");
    if asked.half != Some(Half::Client) {
        tell(&mut command, &["bun", "ws"], fetch::modules(&place, &peers));
        tell(&mut command, &["nats"], fetch::nats(&place, &peers));
    }
    if asked.half != Some(Half::Server) {
        tell(&mut command, &["lounge"], fetch::lounge(&place, &out.join("lounge")));
        let chrome = match browser::chrome() {
            Some(chrome) => chrome,
            None => {
                browser::ready(&place).context("to measure the server alone: --only server")?.chromium.browser
            }
        };
        command.arg("--chrome").arg(chrome).arg("--dist").arg(place.dist());
    }
    if asked.check {
        command.arg("--check").arg(place.root.join("bench").join("budgets.toml"));
    }
    steps.next("measuring (it takes its time; the less else runs on this machine the better)");
    sh::run(&mut command, "the benchmark")?;
    steps.times();
    Ok(())
}

/// Who could not be fetched has a place in the table all the same, and the reason below it.
fn tell(command: &mut Command, peers: &[&str], fetched: Result<()>) {
    if let Err(error) = fetched {
        let why = format!("could not be fetched: {error:#}");
        eprintln!("             {} {why}", peers.join(" and "));
        for peer in peers {
            command.arg("--missing").arg(format!("{peer}={why}"));
        }
    }
}

fn wanted(args: &[String]) -> Result<Asked> {
    let mut asked = Asked::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--check" => asked.check = true,
            "--rounds" | "--seconds" | "--only" => {
                let value = args.next().context(USAGE)?;
                asked.rest.extend([arg.into(), value.into()]);
                if arg == "--only" {
                    asked.half = half(value);
                }
            }
            _ => bail!(USAGE),
        }
    }
    Ok(asked)
}

/// All names begin with that of their half.
fn half(only: &str) -> Option<Half> {
    match only.split(',').next() {
        Some("server") => Some(Half::Server),
        Some("client") => Some(Half::Client),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let of = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(wanted(&of("")).unwrap(), Asked::default());
        let rest = ["--rounds", "5"].map(OsString::from).to_vec();
        let asked = Asked { check: true, rest, half: None };
        assert_eq!(wanted(&of("--rounds 5 --check")).unwrap(), asked);
        for (only, half) in [("client", Some(Half::Client)), ("server", Some(Half::Server)), ("storm", None)]
        {
            assert_eq!(wanted(&of(&format!("--only {only}"))).unwrap().half, half, "{only}");
        }
        for wrong in ["--rounds", "--chek", "5"] {
            assert!(wanted(&of(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_is_missing_is_passed_on() {
        let mut command = Command::new("true");
        tell(&mut command, &["lounge"], Ok(()));
        assert_eq!(command.get_args().count(), 0);
        tell(&mut command, &["bun", "ws"], Err(anyhow::anyhow!("npm is not there")));
        let said: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(said[1], "bun=could not be fetched: npm is not there");
        assert_eq!((said.len(), &*said[2]), (4, "--missing"));
    }
}
