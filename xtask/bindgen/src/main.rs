//! The `wasm-bindgen` command that Trunk calls, in the version that Cargo.lock names, so that it cannot differ from the
//! version of the crate. It is installed under the name `wasm-bindgen`, which rustc does not allow for the package.
//!
//! A module with split points is first divided by [`split`]; wasm-bindgen then processes the main module.

mod exports;
mod locals;
mod merge;
mod names;
mod order;
mod split;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut bindgen = Bindgen::new();
    let (mut input, mut out_dir, mut out_name) = (None, None, None);
    for arg in std::env::args().skip(1) {
        match arg.split_once('=').unwrap_or((&arg, "")) {
            ("--version", _) => {
                println!("wasm-bindgen {}", wasm_bindgen_shared::version());
                return Ok(());
            }
            ("--target", "web") => {
                bindgen.web(true)?;
            }
            ("--out-dir", dir) => out_dir = Some(PathBuf::from(dir)),
            ("--out-name", name) => {
                bindgen.out_name(name);
                out_name = Some(name.to_owned());
            }
            ("--no-typescript", _) => {
                bindgen.typescript(false);
            }
            ("--no-demangle", _) => {
                bindgen.demangle(false);
            }
            ("--keep-debug", _) => {
                bindgen.keep_debug(true);
            }
            ("--debug", _) => {
                bindgen.debug(true);
            }
            (flag, _) if flag.starts_with('-') => bail!("wasm-bindgen: {arg} is not supported here"),
            _ => input = Some(PathBuf::from(arg)),
        }
    }
    let input = input.context("wasm-bindgen: the input file is missing")?;
    let out_dir = out_dir.context("wasm-bindgen: --out-dir is missing")?;
    let Some(main) = split::split(&input, &out_dir)? else {
        return bindgen.input_path(input).generate(out_dir);
    };
    let output_name = out_name.context("wasm-bindgen: --out-name is missing")?;
    // The parts use the exports that the linker made. The linker has left the names of functions in the module,
    // because the splitter reads them.
    bindgen.keep_lld_exports(true).remove_name_section(true).remove_producers_section(true);
    let mut output = bindgen.input_path(main).generate_output()?;
    let renamed = names::shorten(output.wasm_mut());
    output.emit(&out_dir)?;
    names::rename_in(&out_dir.join(&output_name).with_extension("js"), &renamed)?;
    let module = out_dir.join(output_name + "_bg.wasm");
    fs::write(&module, order::sort_functions(&locals::sort_locals(&fs::read(&module)?)?)?)?;
    split::check(output.wasm(), &out_dir)
}
