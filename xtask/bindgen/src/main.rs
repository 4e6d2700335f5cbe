//! What Trunk needs of the `wasm-bindgen` command, over the library the lock file names: its version can
//! never differ from the crates'. Installed as `wasm-bindgen`, a name rustc refuses for a crate of its own.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut bindgen = Bindgen::new();
    let mut input = None;
    let mut out_dir = None;
    for arg in std::env::args().skip(1) {
        let (name, value) = arg.split_once('=').unwrap_or((&arg, ""));
        match (name, value) {
            ("--version", _) => {
                println!("wasm-bindgen {}", wasm_bindgen_shared::version());
                return Ok(());
            }
            ("--target", "web") => drop(bindgen.web(true)?),
            ("--target", "no-modules") => drop(bindgen.no_modules(true)?),
            ("--out-dir", dir) => out_dir = Some(PathBuf::from(dir)),
            ("--out-name", name) => drop(bindgen.out_name(name)),
            ("--no-typescript", _) => drop(bindgen.typescript(false)),
            ("--no-demangle", _) => drop(bindgen.demangle(false)),
            ("--debug", _) => drop(bindgen.debug(true)),
            ("--keep-debug", _) => drop(bindgen.keep_debug(true)),
            (flag, _) if flag.starts_with('-') => bail!("wasm-bindgen: {arg} is not supported here"),
            _ => input = Some(PathBuf::from(arg)),
        }
    }
    let input = input.context("wasm-bindgen: name the wasm file to process")?;
    let out_dir = out_dir.context("wasm-bindgen: --out-dir= is missing")?;
    bindgen.input_path(input).generate(out_dir)
}
