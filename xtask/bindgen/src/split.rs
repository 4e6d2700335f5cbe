//! Divides the client into a main module and parts, which the page loads when it needs them.
//!
//! `wasm_split_cli_support` finds the split points, which `#[wasm_split]` marks with the name of a part, and writes one
//! module for each part and one for the code that only several parts share. They import memory, tables and functions of
//! the main module. The script that it also writes is not used: it imports the main script by name, which contains a hash
//! that is known only to Trunk, and it supports neither an integrity nor a retry. boot/load_part.js takes its place. Trunk
//! copies it into the bundle because it is in wasm-bindgen's folder for snippets, and adds a preload link with an
//! integrity to the page.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use sha2::{Digest, Sha256};
use walrus::{Module, ModuleConfig};
use wasm_split_cli_support::{Options, transform};

use crate::{exports, locals::sort_locals, merge::merge, order::sort_functions};

/// The folder of the parts' modules in wasm-bindgen's output folder.
const MODULES: &str = "parts";

/// The file in it that lists them: a line for each module, with its file name and the parts that need it.
const LIST: &str = "list.txt";

/// The import module of calls to a split point. A module without it is not split.
const MARK: &[u8] = b"__wasm_split_placeholder__";

/// The import module under which a part imports the main module.
const MAIN: &str = "__wasm_split";

/// The part that is loaded before all others. Its module contains those that it shares with them: compressed together, they are
/// 20 KB smaller.
const ROOM: &str = "room";

/// The part that is loaded when the user asks for it. The others are loaded after the room, so they are there by then. A module
/// that it shares with others is not divided for its sake: it loads more than it needs, if that was not loaded before.
const LATE: &str = "emoji";

/// A shared module up to this size in bytes becomes a part of the room's module too: as a file of its own it would cost more, for
/// its name, its hash and its request.
const SMALL_MODULE_BYTES: usize = 600;

const LOADER: &str = include_str!("../../../boot/load_part.js");

/// Divides a module that has split points, and returns the file with the main module. The modules of the parts, their list
/// and their loader are written to `out_dir`, from which those of an earlier build are always removed.
///
/// # Errors
/// Files cannot be read or written, the module was linked without `--emit-relocs`, or the loader does not know a part.
pub fn split(input: &Path, out_dir: &Path) -> Result<Option<PathBuf>> {
    let (snippets, parts) = (out_dir.join("snippets"), out_dir.join(MODULES));
    ignore_not_found(fs::remove_dir_all(&snippets))?;
    ignore_not_found(fs::remove_dir_all(&parts))?;
    let module = fs::read(input).with_context(|| input.display().to_string())?;
    if !module.windows(MARK.len()).any(|bytes| bytes == MARK) {
        return Ok(None);
    }
    let module = exports::without_unused(&module)?;
    // A hash in the name lets browsers cache the file forever.
    let loader = format!("load-part-{:.16x}.js", Sha256::digest(LOADER));
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
    for part in output.prefetch_map.keys() {
        ensure!(
            loader_of(part).is_some(),
            "boot/load_part.js does not export the loader of the part {part:?}"
        );
    }
    fs::create_dir_all(&parts)?;
    let mut needed = needed_by(&output.prefetch_map.into_iter().collect());
    let read = |stem: &String| anyhow::Ok(fs::read(split_dir.join(stem).with_extension("wasm"))?);
    let mut shared = take_shared_with(ROOM, &mut needed);
    let merged = merge_late(&mut needed);
    let read_merged = |stem: &String| {
        let Some(others) = merged.get(stem) else { return read(stem) };
        merge(&std::iter::once(stem).chain(others).map(read).collect::<Result<Vec<_>>>()?)
    };
    for stem in small_shared(&needed, |stem| Ok(cleaned(&read_merged(stem)?)?.len()))? {
        needed.remove(&stem);
        shared.push(stem);
    }
    for (stem, needed_by) in &needed {
        let mut module = read_merged(stem)?;
        if needed_by == &[ROOM] {
            let shared = shared.iter().map(read_merged).collect::<Result<Vec<_>>>()?;
            module = merge(&[vec![module], shared].concat())?;
        }
        fs::write(parts.join(file_name(stem)), sort_functions(&sort_locals(&cleaned(&module)?)?)?)?;
    }
    let line = |(stem, parts): (&String, &Vec<String>)| format!("{} {}\n", file_name(stem), parts.join(" "));
    let mut lines: Vec<_> = needed.iter().map(line).collect();
    lines.sort_unstable();
    fs::write(parts.join(LIST), lines.concat())?;
    Ok(Some(main))
}

/// The start of a part's loader in [`LOADER`]. The client imports it under this name.
fn loader_of(part: &str) -> Option<usize> {
    LOADER.find(&format!("export const __wasm_split_load_{part} = "))
}

/// The parts that need each module, from the modules that each part needs.
fn needed_by(modules: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let mut needed = BTreeMap::<String, Vec<String>>::new();
    for (part, stems) in modules {
        for stem in stems {
            needed.entry(stem.clone()).or_default().push(part.clone());
        }
    }
    needed
}

/// Removes the modules that a part shares with others, and returns them.
fn take_shared_with(part: &str, needed: &mut BTreeMap<String, Vec<String>>) -> Vec<String> {
    let is_shared =
        |_: &String, parts: &mut Vec<String>| parts.len() > 1 && parts.iter().any(|other| other == part);
    needed.extract_if(.., is_shared).map(|(stem, _)| stem).collect()
}

/// Joins each module that the late part shares with others with the module of the same others, if there is one. Returns the modules
/// to be merged into others.
fn merge_late(needed: &mut BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let mut merged = BTreeMap::<String, Vec<String>>::new();
    let is_shared =
        |_: &String, parts: &mut Vec<String>| parts.len() > 1 && parts.iter().any(|part| part == LATE);
    let late: Vec<_> = needed.extract_if(.., is_shared).collect();
    for (stem, parts) in late {
        let others: Vec<_> = parts.iter().filter(|part| *part != LATE).cloned().collect();
        let with_others = needed.iter_mut().find(|(_, of)| **of == others);
        if let Some((into, of)) = with_others {
            *of = parts;
            merged.entry(into.clone()).or_default().push(stem);
        } else {
            needed.insert(stem, parts);
        }
    }
    merged
}

/// The modules of several parts that are small. `size` returns the size of one in bytes.
fn small_shared(
    needed: &BTreeMap<String, Vec<String>>,
    size: impl Fn(&String) -> Result<usize>,
) -> Result<Vec<String>> {
    let mut small = Vec::new();
    for (stem, _) in needed.iter().filter(|(_, parts)| parts.len() > 1) {
        if size(stem)? <= SMALL_MODULE_BYTES {
            small.push(stem.clone());
        }
    }
    Ok(small)
}

/// The name of a module's file: that of its part, or `shared` and a number.
fn file_name(stem: &str) -> String {
    format!("{}.wasm", stem.trim_start_matches("split_").replace("chunk_", "shared-"))
}

/// Checks that the main module exports everything that the parts import. Otherwise the page would fail in the browser.
///
/// # Errors
/// An import is missing, or a part's module cannot be read.
pub fn check(main: &Module, out_dir: &Path) -> Result<()> {
    let list = fs::read_to_string(out_dir.join(MODULES).join(LIST))?;
    list.lines().filter_map(|line| line.split(' ').next()).try_for_each(|file| {
        check_imports(main, &Module::from_file(out_dir.join(MODULES).join(file))?).context(file.to_owned())
    })
}

fn check_imports(main: &Module, part: &Module) -> Result<()> {
    for import in part.imports.iter() {
        let exported = import.module == MAIN && main.exports.iter().any(|export| export.name == import.name);
        ensure!(
            exported,
            "the part imports {}.{}, which the main module does not export",
            import.module,
            import.name
        );
    }
    Ok(())
}

/// A module without names and without the linker's relocations, which would add 37 KB to the download.
fn cleaned(module: &[u8]) -> Result<Vec<u8>> {
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
        fs::create_dir_all(dir.join(MODULES)).unwrap();
        fs::write(dir.join(MODULES).join("room.wasm"), "of an earlier build").unwrap();
        let file = dir.join("client.wasm");
        fs::write(&file, Module::default().emit_wasm()).unwrap();
        assert_eq!(split(&file, &dir).unwrap(), None);
        assert!(!dir.join(MODULES).exists() && !dir.join("snippets").exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_import_that_the_main_module_does_not_export_is_an_error() {
        let mut main = Module::default();
        let memory = main.memories.add_local(false, false, 1, None, None);
        main.exports.add("memory", memory);
        let part = |module: &str, name: &str| {
            let mut part = Module::default();
            part.add_import_memory(module, name, false, false, 1, None, None);
            part
        };
        check_imports(&main, &part(MAIN, "memory")).unwrap();
        for (module, name) in [(MAIN, "__indirect_function_table"), ("env", "memory")] {
            let error = check_imports(&main, &part(module, name)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn names_and_relocations_are_removed() {
        let mut module = Module::default();
        module.customs.add(walrus::RawCustomSection { name: "reloc.CODE".into(), data: vec![1] });
        module.name = Some("part".into());
        assert_eq!(cleaned(&module.emit_wasm()).unwrap(), b"\0asm\x01\0\0\0");
    }

    #[test]
    fn the_loader_exports_a_function_for_each_part() {
        assert!(loader_of("room").is_some() && loader_of("search").is_some() && loader_of("roo").is_none());
    }

    #[test]
    fn shared_modules_are_listed_with_all_their_parts() {
        let stems = |list: &[&str]| list.iter().map(|&stem| stem.to_owned()).collect::<Vec<_>>();
        let modules = BTreeMap::from([
            ("room".to_owned(), stems(&["chunk_3", "split_room"])),
            ("search".to_owned(), stems(&["chunk_3", "split_search"])),
        ]);
        let mut needed = needed_by(&modules);
        assert_eq!(needed["chunk_3"], ["room", "search"]);
        assert_eq!(needed["split_search"], ["search"]);
        assert_eq!(
            (file_name("chunk_3"), file_name("split_room")),
            ("shared-3.wasm".into(), "room.wasm".into())
        );
        let small = |bytes| small_shared(&needed, |_| Ok(bytes)).unwrap();
        assert_eq!(small(SMALL_MODULE_BYTES), ["chunk_3"], "a part's own module is its file");
        assert!(small(SMALL_MODULE_BYTES + 1).is_empty());
        assert!(merge_late(&mut needed).is_empty());
        assert_eq!(take_shared_with("room", &mut needed), ["chunk_3"]);
        assert!(!needed.contains_key("chunk_3") && needed.contains_key("split_room"));
    }

    #[test]
    fn modules_that_the_late_part_shares_are_not_divided() {
        let parts = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut needed: BTreeMap<_, _> = [
            ("chunk_1", "dialogs side"),
            ("chunk_2", "dialogs emoji side"),
            ("chunk_3", "dialogs emoji"),
            ("chunk_4", "emoji message side"),
            ("chunk_5", "emoji side"),
            ("split_emoji", "emoji"),
            ("split_side", "side"),
        ]
        .map(|(stem, names)| (stem.to_owned(), parts(names)))
        .into();
        let merged = merge_late(&mut needed);
        let expected = [("chunk_1", "chunk_2"), ("split_side", "chunk_5")];
        assert_eq!(merged, expected.map(|(into, stem)| (into.to_owned(), parts(stem))).into());
        let expected = [
            ("chunk_1", "dialogs emoji side"),
            ("chunk_3", "dialogs emoji"),
            ("chunk_4", "emoji message side"),
            ("split_emoji", "emoji"),
            ("split_side", "emoji side"),
        ];
        assert_eq!(needed, expected.map(|(stem, names)| (stem.to_owned(), parts(names))).into());
    }
}
