//! `cargo xtask bench`: measures the server and the page next to other products. Builds Parlour, installs the other
//! products into `target/bench`, and runs `parlour-bench`. `--check` also runs the program `server/tests/budgets`.

mod fetch;

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, Steps};
use crate::workspace::{Workspace, exe_name};
use crate::{browser, bundle};

const USAGE: &str = "usage: cargo xtask bench [--check] [--rounds N] [--seconds N] [--only TEXT]";

/// The command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Args {
    check: bool,
    /// Arguments for `parlour-bench`.
    rest: Vec<OsString>,
    /// The part that `--only` selects. The other parts are neither built nor installed.
    part: Option<Part>,
    /// `--only` is given.
    is_selection: bool,
}

impl Args {
    /// The budgets are checked with everything else, or alone.
    fn wants_budgets(&self) -> bool {
        self.part == Some(Part::Budgets) || self.check && !self.is_selection
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Server,
    Client,
    Budgets,
}

pub fn bench(args: &[String]) -> Result<()> {
    let args = parse_args(args)?;
    if !cfg!(target_os = "linux") {
        bail!("the benchmark needs Linux: it reads /proc and pins processes to cores.");
    }
    let workspace = Workspace::locate()?;
    // A budget that is exceeded is reported at the end too.
    let budgets = if args.wants_budgets() { check_budgets(&workspace) } else { Ok(()) };
    if args.part == Some(Part::Budgets) {
        return budgets;
    }
    compare(&workspace, &args)?;
    budgets
}

/// Measures what the server may cost, in exact counts and in ratios of CPU times.
fn check_budgets(workspace: &Workspace) -> Result<()> {
    let test = ["test", "--release", "--package", "parlour-server", "--test", "budgets", "--", "--full"];
    process::run(&mut process::cargo(workspace, &test), "checking the budgets of server/tests/budgets")
}

/// Measures the server and the page next to other products.
fn compare(workspace: &Workspace, args: &Args) -> Result<()> {
    let out = workspace.target.join("bench");
    let peers = out.join("peers");
    fs::create_dir_all(&peers).context("target/bench cannot be created")?;
    let mut command =
        process::program(workspace, workspace.target.join("release").join(exe_name("parlour-bench")));
    command.arg("--server").arg(workspace.server()).arg("--peers").arg(&peers).arg("--out").arg(&out);
    command.args(&args.rest);
    let mut steps = Steps::new(4);
    steps.next("building the page");
    if args.part != Some(Part::Server) {
        bundle::build(workspace, None)?;
    }
    steps.next("building the server and the benchmark");
    // Separately, because together the server would be built with the features that the benchmark enables in shared
    // dependencies.
    for package in ["parlour-server", "parlour-bench"] {
        let mut build = process::cargo(workspace, &["build", "--release", "--package", package]);
        process::run(&mut build, &format!("building {package}"))?;
    }
    steps.next("installing the other products");
    if args.part != Some(Part::Client) {
        report_missing(&mut command, &["bun", "ws"], fetch::modules(workspace, &peers));
        report_missing(&mut command, &["nats"], fetch::nats(workspace, &peers));
    }
    if args.part != Some(Part::Server) {
        report_missing(&mut command, &["lounge"], fetch::lounge(workspace, &out.join("lounge")));
        let chrome = match browser::chrome() {
            Some(chrome) => chrome,
            None => {
                browser::find_or_install(workspace)
                    .context("use --only server to measure without a browser")?
                    .chromium
                    .browser
            }
        };
        command.arg("--chrome").arg(chrome).arg("--dist").arg(workspace.dist());
    }
    if args.check {
        command.arg("--check").arg(workspace.root.join("bench").join("budgets.toml"));
    }
    steps.next("measuring (this takes long; results are better if nothing else runs on this machine)");
    process::run(&mut command, "the benchmark")?;
    steps.print_times();
    Ok(())
}

/// Passes on which products could not be installed, so that the table shows them as missing with the reason.
fn report_missing(command: &mut Command, peers: &[&str], installed: Result<()>) {
    if let Err(error) = installed {
        let reason = format!("could not be installed: {error:#}");
        eprintln!("             {} {reason}", peers.join(" and "));
        for peer in peers {
            command.arg("--missing").arg(format!("{peer}={reason}"));
        }
    }
}

fn parse_args(args: &[String]) -> Result<Args> {
    let mut parsed = Args::default();
    let mut list = args.iter();
    while let Some(arg) = list.next() {
        match arg.as_str() {
            "--check" => parsed.check = true,
            "--rounds" | "--seconds" | "--only" => {
                let value = list.next().context(USAGE)?;
                parsed.rest.extend([arg.into(), value.into()]);
                if arg == "--only" {
                    (parsed.part, parsed.is_selection) = (part(value), true);
                }
            }
            _ => bail!(USAGE),
        }
    }
    Ok(parsed)
}

/// The part that `--only` names, alone or before a comma.
fn part(only: &str) -> Option<Part> {
    match only.split(',').next() {
        Some("server") => Some(Part::Server),
        Some("client") => Some(Part::Client),
        Some("budgets") => Some(Part::Budgets),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_parsed() {
        let of = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(parse_args(&of("")).unwrap(), Args::default());
        let rest = ["--rounds", "5"].map(OsString::from).to_vec();
        let args = Args { check: true, rest, ..Args::default() };
        assert_eq!(parse_args(&of("--rounds 5 --check")).unwrap(), args);
        let parts = [
            ("client", Some(Part::Client)),
            ("server", Some(Part::Server)),
            ("budgets", Some(Part::Budgets)),
            ("storm", None),
        ];
        for (only, part) in parts {
            assert_eq!(parse_args(&of(&format!("--only {only}"))).unwrap().part, part, "{only}");
        }
        let wanted = ["--check", "--check --only budgets", "--only budgets"];
        let unwanted = ["", "--check --only server", "--check --only storm"];
        let wants = |text: &&str| parse_args(&of(text)).unwrap().wants_budgets();
        assert!(wanted.iter().all(wants) && !unwanted.iter().any(wants));
        for wrong in ["--rounds", "--chek", "5"] {
            assert!(parse_args(&of(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn products_that_are_missing_are_passed_on_with_the_reason() {
        let mut command = Command::new("true");
        report_missing(&mut command, &["lounge"], Ok(()));
        assert_eq!(command.get_args().count(), 0);
        report_missing(&mut command, &["bun", "ws"], Err(anyhow::anyhow!("npm is missing")));
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(args[1], "bun=could not be installed: npm is missing");
        assert_eq!((args.len(), &*args[2]), (4, "--missing"));
    }
}
