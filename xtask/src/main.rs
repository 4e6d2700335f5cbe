//! The project's build and test commands: `cargo xtask <command>`.
//!
//! | command | purpose |
//! | --- | --- |
//! | `run [-- server arguments]` | builds page and server, and starts the server |
//! | `dist [--connect-src SOURCES]` | builds the static bundle in `dist/` and the server with the bundle embedded |
//! | `test` | runs every check: formatting, lints, native, wasm32 and browser tests |
//! | `bench [--check]` | measures server and page next to other products, or against `bench/budgets.toml` |
//! | `size` | prints the size of the page by file and by crate |
//! | `soak [sim\|kill\|browser\|all] [--minutes N]` | runs the randomised tests for longer |
//! | `plant` | checks that the simulation finds bugs that are planted in a copy of the sources |
//! | `wasm-test FILE` | runs one wasm32 test binary in a browser; cargo's runner for that target |
//!
//! Missing tools are installed into `target/tools`, and the products that `bench` measures into `target/bench`. Only the
//! wasm32 target (by rustup) and, for `test` as root on Debian, browsers and libraries (by apt) are installed outside the
//! checkout.

mod axe;
mod bench;
mod browser;
mod bundle;
mod check;
mod compress;
mod dist;
mod fingerprint;
mod html;
mod install;
mod plant;
mod process;
mod proxies;
mod run;
mod size;
mod soak;
mod split;
mod stylesheet;
mod test;
mod tools;
mod wasm_test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask run [-- server arguments]
       cargo xtask dist [--connect-src \"wss://chat.example\"]
       cargo xtask test
       cargo xtask bench [--check] [--rounds N] [--seconds N] [--only TEXT]
       cargo xtask size
       cargo xtask soak [sim|kill|browser|all] [--minutes N]
       cargo xtask plant [part of a name ...]";

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
