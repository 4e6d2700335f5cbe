//! Everything that is done to the project, as `cargo xtask <command>`.
//!
//! | command | what it does |
//! | --- | --- |
//! | `run [-- server arguments]` | builds the page and the server, starts the server |
//! | `dist [--connect-src SOURCES]` | the static bundle in `dist/`, and the one-file server |
//! | `test` | every check: formatting, lints, native, wasm32 and browser tests |
//! | `bench [--check]` | measures server and page beside others, by itself or against `bench/budgets.toml` |
//! | `size` | how large the page is: file by file, and of its code crate by crate |
//! | `soak [sim\|kill\|browser\|all] [--minutes N]` | what is random in the tests, for longer |
//! | `plant` | plants bugs in a copy of the sources, each of which the simulation must catch |
//! | `wasm-test FILE` | runs one wasm32 test binary in a browser (cargo's runner for that target) |
//!
//! What a machine lacks is fetched into `target/tools`, and what they are measured beside into `target/bench`, so
//! nothing outside the checkout changes, except by rustup (the wasm32 target) and, for `test` as root on Debian, apt (a
//! browser).

mod bench;
mod browser;
mod bundle;
mod check;
mod dist;
mod fingerprint;
mod html;
mod install;
mod pack;
mod part;
mod place;
mod plant;
mod run;
mod sh;
mod size;
mod soak;
mod table;
mod test;
mod tools;
mod wasm_test;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask run [-- server arguments]
       cargo xtask dist [--connect-src \"wss://chat.example\"]
       cargo xtask test
       cargo xtask bench [--check] [--rounds N] [--seconds N] [--only TEXT]
       cargo xtask size
       cargo xtask soak [sim|kill|browser|all] [--minutes N]
       cargo xtask plant";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let (command, rest) = args.split_first().map_or(("", args), |(first, rest)| (first.as_str(), rest));
    match command {
        "run" => run::run(rest),
        "dist" => dist::dist(rest),
        "test" => test::test(rest),
        "bench" => bench::bench(rest),
        "size" => size::size(rest),
        "soak" => soak::soak(rest),
        "plant" => plant::plant(rest),
        "wasm-test" => wasm_test::wasm_test(rest),
        "" | "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no command {other:?}.\n{USAGE}"),
    }
}
