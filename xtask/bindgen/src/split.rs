//! Cuts out of a module what is loaded later, before wasm-bindgen sees it: the part is fetched by the script that
//! wasm-bindgen writes, and shares memory, tables and imports with what is left.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, anyhow, bail, ensure};
use walrus::{Module, ModuleConfig};
use wasm_split_cli_support::{Options, transform};

/// Where the part is to be put; whoever sets it names the file in the page.
const INTO: &str = "PARLOUR_PART";

/// What calls a function that is loaded later names this module.
const MARK: &[u8] = b"__wasm_split_placeholder__";

/// The module that loads it, to the linker's mind.
const LINK: &str = "./__wasm_split.js";

/// The module that the part imports the main one as.
const SHARED: &str = "__wasm_split";

/// Stands in the script for [`LINK`]: fetches the part that the page names, and says whether that worked.
const SCRIPT: &str = include_str!("part.js");

/// What is to be made of a module with a part.
pub struct Split {
    /// What is left, for wasm-bindgen.
    pub main: Vec<u8>,
    /// The function of [`LINK`] that loads the part.
    load: String,
    /// What the part imports: modules and names.
    needs: Vec<(String, String)>,
}

/// Cuts the part out of a module that has one, and writes it to the file that is named in the environment.
pub fn split(module: &[u8], scratch: &Path) -> Result<Option<Split>> {
    if !module.windows(MARK.len()).any(|bytes| bytes == MARK) {
        return Ok(None);
    }
    let into = env::var_os(INTO).with_context(|| {
        format!("the module is to be split, and {INTO} does not say where to; cargo xtask builds such a page")
    })?;
    let dir = scratch.join("split");
    let main = dir.join("main.wasm");
    let mut options = Options::new(module);
    options.output_dir = &dir;
    options.main_out_path = &main;
    options.link_name = LINK;
    let made = transform(options)
        .map_err(|error| anyhow!("the module can't be split: {error:#}; is it linked with --emit-relocs?"))?;
    let [part] = &made.split_modules[..] else {
        bail!("one part is to be cut out of the module, not {}", made.split_modules.len());
    };
    let load = made.prefetch_map.keys().next().context("the part has no name")?;
    let mut part = parsed(&fs::read(part)?)?;
    walrus::passes::gc::run(&mut part);
    fs::write(into, part.emit_wasm())?;
    let load = format!("__wasm_split_load_{load}");
    let needs = part.imports.iter().map(|import| (import.module.clone(), import.name.clone())).collect();
    let split = Split { main: fs::read(&main)?, load, needs };
    fs::remove_dir_all(&dir)?;
    Ok(Some(split))
}

impl Split {
    /// What wasm-bindgen has made of the main module has all that the part imports. Otherwise it would be a browser that
    /// says so.
    pub fn fits(&self, main: &Module) -> Result<()> {
        for (module, name) in &self.needs {
            let has = module == SHARED && main.exports.iter().any(|export| export.name == *name);
            ensure!(has, "what is loaded later needs {module}.{name}, which the page has not.");
        }
        Ok(())
    }

    /// Puts what loads the part into a script of wasm-bindgen's, in place of an import.
    pub fn link(&self, script: &str) -> Result<String> {
        let import = script
            .lines()
            .find(|line| line.starts_with("import ") && line.contains(&format!("\"{LINK}\"")))
            .context("the script does not import what loads the part")?;
        let name = import.strip_prefix("import * as ").and_then(|rest| rest.split(' ').next());
        let name = name.with_context(|| format!("what is imported has no name: {import}"))?;
        Ok(script.replacen(import, &SCRIPT.replace("LINK", name).replace("LOAD", &self.load), 1))
    }
}

/// A module, to be written anew without what is for tools: names, and what the linker told of each function. Its numbers
/// are then no longer than they need be.
fn parsed(module: &[u8]) -> Result<Module> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    let mut module = config.parse(module)?;
    let customs: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
    for id in customs {
        module.customs.delete(id);
    }
    Ok(module)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
