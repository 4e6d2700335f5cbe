//! What Trunk needs of the `wasm-bindgen` command, over the library the lock file names: its version can
//! never differ from the crates'. Installed as `wasm-bindgen`, a name rustc refuses for a crate of its own.

mod split;
mod weigh;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::{Bindgen, Output};

fn main() -> Result<()> {
    let mut bindgen = Bindgen::new();
    let mut input = None;
    let (mut out_dir, mut out_name) = (None, None);
    let (mut release, mut names) = (true, false);
    for arg in std::env::args().skip(1) {
        let (name, value) = arg.split_once('=').unwrap_or((&arg, ""));
        match (name, value) {
            ("--version", _) => {
                println!("wasm-bindgen {}", wasm_bindgen_shared::version());
                return Ok(());
            }
            // Not wasm-bindgen's: for `cargo xtask size`.
            ("--weigh", file) => {
                print!("{}", weigh::weigh(Path::new(file))?);
                return Ok(());
            }
            ("--target", "web") => drop(bindgen.web(true)?),
            ("--target", "no-modules") => drop(bindgen.no_modules(true)?),
            ("--out-dir", dir) => out_dir = Some(PathBuf::from(dir)),
            ("--out-name", name) => {
                out_name = Some(name.to_owned());
                bindgen.out_name(name);
            }
            ("--no-typescript", _) => drop(bindgen.typescript(false)),
            ("--no-demangle", _) => drop(bindgen.demangle(false)),
            ("--debug", _) => {
                release = false;
                bindgen.debug(true);
            }
            ("--keep-debug", _) => {
                names = true;
                bindgen.keep_debug(true);
            }
            (flag, _) if flag.starts_with('-') => bail!("wasm-bindgen: {arg} is not supported here"),
            _ => input = Some(PathBuf::from(arg)),
        }
    }
    let input = input.context("wasm-bindgen: name the wasm file to process")?;
    let out_dir = out_dir.context("wasm-bindgen: --out-dir= is missing")?;
    let module = fs::read(&input).with_context(|| input.display().to_string())?;
    let split = split::split(&module, &out_dir)?;
    match &split {
        Some(split) => {
            // Of a module without a file the library takes this for the name.
            let name = out_name.context("wasm-bindgen: --out-name= is missing")?;
            // The part finds the functions of the main module in its table.
            bindgen.input_bytes(&name, split.main.clone()).keep_lld_exports(true);
        }
        None => drop(bindgen.input_path(input)),
    }
    bindgen.remove_name_section(release && !names).remove_producers_section(release);
    let stem = bindgen.stem()?.to_owned();
    let mut output = bindgen.generate_output()?;
    output.emit(&out_dir)?;
    let script = out_dir.join(&stem).with_extension("js");
    if let Some(split) = split {
        split.fits(output.wasm_mut())?;
        let linked = split.link(&read(&script)?)?;
        fs::write(&script, linked)?;
    }
    if release { shrink(&mut output, &out_dir.join(stem)) } else { Ok(()) }
}

/// Takes out of a bundle what only tools read: the names of imports, each with a hash in it, in the module and again
/// in the script; and a way to start the module that no page uses. What is left Trunk can minify, whose minifier takes
/// no list of exports.
fn shrink(output: &mut Output, stem: &Path) -> Result<()> {
    let file = stem.with_extension("js");
    let mut script = read(&file)?;
    for (nth, import) in output.wasm_mut().imports.iter_mut().enumerate() {
        let (key, short) = (format!(" {}: ", import.name), format!("i{nth}"));
        // One that is not defined just once is not the script's to name.
        if script.matches(&key).count() == 1 {
            script = script.replace(&key, &format!(" {short}: "));
            import.name = short;
        }
    }
    if let Some((before, rest)) = script.split_once("\nfunction initSync(")
        && let Some((_, after)) = rest.split_once("\n}\n")
        && let Some(after) = after.trim_end().strip_suffix("\nexport { initSync, __wbg_init as default };")
    {
        script = format!("{before}\n{after}\nexport default __wbg_init;\n");
    }
    fs::write(&file, script)?;
    let module = format!("{}_bg.wasm", stem.display());
    fs::write(module, output.wasm_mut().emit_wasm())?;
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}
