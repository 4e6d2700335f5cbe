//! `cargo xtask test`: every check there is, the quick ones first.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::sh::{self, Steps};
use crate::{browser, bundle, check, dist, table, tools};

/// The last line of a run in which nothing failed, and of no other.
const PASSED: &str = "everything passed";

type Check = fn(&Place) -> Result<()>;

const CHECKS: &[(&str, Check)] = &[
    ("checking the tools", |place| tools::wasm_target(place).and_then(|()| tools::components(place))),
    ("looking for browsers", |place| browser::ready(place).map(drop)),
    ("formatting", |place| cargo(place, "fmt --all --check")),
    ("lints", |place| cargo(place, "clippy --workspace --all-targets -- -D warnings")),
    ("lints for wasm32", |place| {
        cargo(place, "clippy -p parlour -p parlour-core --target wasm32-unknown-unknown -- -D warnings")?;
        cargo(place, "clippy -p parlour --features split --target wasm32-unknown-unknown -- -D warnings")
    }),
    ("native tests", |place| cargo(place, "test --workspace --exclude parlour-e2e --no-fail-fast")),
    ("core's tests on wasm32, in the browser", |place| {
        cargo(place, "test -p parlour-core --lib --tests --target wasm32-unknown-unknown")
    }),
    ("building the page", |place| bundle::build(place, None)),
    ("checking the page", |place| {
        check::check(&place.dist())?;
        table::print(place)?;
        check::check_size(&place.dist())
    }),
    ("building the server", |place| {
        cargo(place, "clippy -p parlour-server --features embed -- -D warnings")?;
        dist::server(place)
    }),
    // Which one of the browser tests then serves.
    ("compiling the page in one module", tools::whole_client),
    ("browser tests", end_to_end),
];

pub fn test(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask test (to run a part of it, use cargo fmt, cargo clippy or cargo test)");
    }
    let place = Place::find()?;
    let mut steps = Steps::new(CHECKS.len());
    for (what, check) in CHECKS {
        steps.next(what);
        check(&place).with_context(|| format!("{what} failed"))?;
    }
    steps.times();
    steps.done("in all");
    println!("{PASSED}");
    Ok(())
}

fn cargo(place: &Place, args: &str) -> Result<()> {
    let list: Vec<&str> = args.split_whitespace().collect();
    sh::run(&mut sh::cargo(place, &list), &format!("cargo {args}"))
}

fn end_to_end(place: &Place) -> Result<()> {
    let mut command = browser_test(place)?;
    sh::run(command.arg("--no-fail-fast"), "cargo test -p parlour-e2e")
}

/// The browser tests, with what they are told of the page, the server and the browsers.
pub fn browser_test(place: &Place) -> Result<Command> {
    let browser::Browsers { chromium, firefox } = browser::ready(place)?;
    let mut command = sh::cargo(place, &["test", "--package", "parlour-e2e"]);
    command
        .env("PARLOUR_SERVER", place.server())
        .env("PARLOUR_DIST", place.dist())
        .env("CHROMEDRIVER", chromium.driver)
        .env("CHROME", chromium.browser)
        .env("GECKODRIVER", firefox.driver)
        .env("FIREFOX", firefox.browser);
    // One of them serves the page as a developer does: with the Trunk that has built it.
    let trunk = tools::trunk(place);
    command.env("PARLOUR_TRUNK", trunk.get_program());
    command.envs(trunk.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ok(command)
}
