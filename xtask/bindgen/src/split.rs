//! Divides the client into a main module and the room's module, which the page loads after the login page.
//!
//! `wasm_split_cli_support` finds the split point, which `#[wasm_split]` marks, and writes both modules; the room's module
//! imports memory, tables and functions of the main module. The script that it also writes is not used: it imports the
//! main script by name, which contains a hash that is known only to Trunk, and it supports neither an integrity nor a
//! retry. boot/load_room.js takes its place. Trunk copies it into the bundle because it is in wasm-bindgen's folder for
//! snippets, and adds a preload link with an integrity to the page.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use sha2::{Digest, Sha256};
use walrus::{Module, ModuleConfig};
use wasm_split_cli_support::{Options, transform};

/// The room's module, in wasm-bindgen's output folder.
const ROOM: &str = "room.wasm";

/// The name of the part in `#[wasm_split]`, which is also part of the name of the exported loader.
const PART: &str = "room";

/// The import module of calls to a split point. A module without it is not split.
const MARK: &[u8] = b"__wasm_split_placeholder__";

/// The import module under which the room's module imports the main module.
const MAIN: &str = "__wasm_split";

const LOADER: &str = include_str!("../../../boot/load_room.js");

/// Divides a module that has a split point, and returns the file with the main module. The room's module and its loader
/// are written to `out_dir`, from which those of an earlier build are always removed.
///
/// # Errors
/// Files cannot be read or written, the module was linked without `--emit-relocs`, or it has another number of parts.
pub fn split(input: &Path, out_dir: &Path) -> Result<Option<PathBuf>> {
    let snippets = out_dir.join("snippets");
    ignore_not_found(fs::remove_dir_all(&snippets))?;
    ignore_not_found(fs::remove_file(out_dir.join(ROOM)))?;
    let module = fs::read(input).with_context(|| input.display().to_string())?;
    if !module.windows(MARK.len()).any(|bytes| bytes == MARK) {
        return Ok(None);
    }
    // A hash in the name lets browsers cache the file forever.
    let loader = format!("load-room-{:.16x}.js", Sha256::digest(LOADER));
    fs::create_dir_all(&snippets)?;
    fs::write(snippets.join(&loader), LOADER)?;

    let split_dir = out_dir.join("split");
    let main = split_dir.join("main.wasm");
    let link_name = format!("./snippets/{loader}");
    // The unused script is written to a folder of this name.
    fs::create_dir_all(split_dir.join("snippets"))?;
    let mut options = Options::new(&module);
    options.output_dir = &split_dir;
    options.main_out_path = &main;
    options.link_name = &link_name;
    let output = transform(options).map_err(|error| {
        anyhow!("the module cannot be split: {error:#}; is it linked with --emit-relocs?")
    })?;
    let [room] = &output.split_modules[..] else {
        anyhow::bail!("the client has {} parts instead of one", output.split_modules.len());
    };
    ensure!(output.prefetch_map.contains_key(PART), "the client has no part named {PART:?}");
    fs::write(out_dir.join(ROOM), without_custom_sections(&fs::read(room)?)?)?;
    Ok(Some(main))
}

/// Checks that the main module exports everything that the room's module imports. Otherwise the page would fail in the
/// browser.
///
/// # Errors
/// An import is missing, or the room's module cannot be read.
pub fn check(main: &Module, out_dir: &Path) -> Result<()> {
    check_imports(main, &Module::from_file(out_dir.join(ROOM))?)
}

fn check_imports(main: &Module, room: &Module) -> Result<()> {
    for import in room.imports.iter() {
        let exported = import.module == MAIN && main.exports.iter().any(|export| export.name == import.name);
        ensure!(
            exported,
            "the room imports {}.{}, which the main module does not export",
            import.module,
            import.name
        );
    }
    Ok(())
}

/// A module without names and without the linker's relocations, which would add 37 KB to the download.
fn without_custom_sections(module: &[u8]) -> Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    let mut module = config.parse(module)?;
    let customs: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
    for id in customs {
        module.customs.delete(id);
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

fn ignore_not_found(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_a_split_point_is_left_alone() {
        let dir = std::env::temp_dir().join(format!("parlour-bindgen-{}", std::process::id()));
        fs::create_dir_all(dir.join("snippets")).unwrap();
        fs::write(dir.join(ROOM), "of an earlier build").unwrap();
        let file = dir.join("client.wasm");
        fs::write(&file, Module::default().emit_wasm()).unwrap();
        assert_eq!(split(&file, &dir).unwrap(), None);
        assert!(!dir.join(ROOM).exists() && !dir.join("snippets").exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_import_that_the_main_module_does_not_export_is_an_error() {
        let mut main = Module::default();
        let memory = main.memories.add_local(false, false, 1, None, None);
        main.exports.add("memory", memory);
        let room = |module: &str, name: &str| {
            let mut room = Module::default();
            room.add_import_memory(module, name, false, false, 1, None, None);
            room
        };
        check_imports(&main, &room(MAIN, "memory")).unwrap();
        for (module, name) in [(MAIN, "__indirect_function_table"), ("env", "memory")] {
            let error = check_imports(&main, &room(module, name)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn names_and_relocations_are_removed() {
        let mut module = Module::default();
        module.customs.add(walrus::RawCustomSection { name: "reloc.CODE".into(), data: vec![1] });
        module.name = Some("room".into());
        assert_eq!(without_custom_sections(&module.emit_wasm()).unwrap(), b"\0asm\x01\0\0\0");
    }

    #[test]
    fn the_loader_exports_the_function_that_the_module_imports() {
        assert!(LOADER.contains(&format!("export async function __wasm_split_load_{PART}(")));
    }
}
