//! What each crate weighs in a module that still has its names: the bytes of its functions.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::{Result, ensure};
use walrus::FunctionKind;
use wasm_bindgen_cli_support::Bindgen;

/// Crates with less of the code than this are joined in one line.
const SMALL: usize = 200;

/// What one crate has in the module.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Weight {
    functions: usize,
    bytes: usize,
}

/// The table of a module's crates, the heaviest first. Without what only wasm-bindgen runs: a fifth of what the compiler
/// makes describes imports to it.
pub fn weigh(file: &Path) -> Result<String> {
    let mut bindgen = Bindgen::new();
    let mut output =
        bindgen.web(true)?.demangle(false).keep_debug(true).input_path(file).generate_output()?;
    let module = output.wasm_mut();
    let mut crates: BTreeMap<String, Weight> = BTreeMap::new();
    for function in module.funcs.iter() {
        let FunctionKind::Local(local) = &function.kind else { continue };
        let name = function.name.as_deref().unwrap_or_default();
        let weight = crates.entry(owner(&format!("{:#}", rustc_demangle::demangle(name)))).or_default();
        weight.functions += 1;
        weight.bytes += local.original_range.as_ref().map_or(0, |range| range.len());
    }
    ensure!(crates.keys().any(|name| name == "core"), "{} has no names any more", file.display());
    Ok(table(&crates))
}

/// The crate that a function is of: the first that its name speaks of. `<T as Trait>::f` is of `T`'s crate, or of
/// `Trait`'s where `T` is nobody's; what is generic is of the crate that wrote it, whoever needs it.
fn owner(name: &str) -> String {
    let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let parts = name.match_indices("::").map(|(at, _)| {
        let before = &name[..at];
        &before[before.trim_end_matches(is_part).len()..]
    });
    let mut named = parts.filter(|part| part.starts_with(|c: char| c.is_ascii_lowercase()));
    named.next().unwrap_or("(no crate's)").to_owned()
}

fn table(crates: &BTreeMap<String, Weight>) -> String {
    let all: usize = crates.values().map(|weight| weight.bytes).sum();
    let (mut heavy, light): (Vec<_>, Vec<_>) = crates.iter().partition(|(_, weight)| weight.bytes >= SMALL);
    heavy.sort_by_key(|(name, weight)| (std::cmp::Reverse(weight.bytes), *name));
    let light = light.iter().fold(Weight::default(), |sum, (_, weight)| Weight {
        functions: sum.functions + weight.functions,
        bytes: sum.bytes + weight.bytes,
    });
    let mut out = format!("{:>9} {:>9} {:>6}  crate\n", "bytes", "functions", "%");
    let rest = [("all others".to_owned(), light)];
    for (name, weight) in heavy.into_iter().chain(rest.iter().map(|(name, weight)| (name, weight))) {
        let share = weight.bytes as f64 * 100.0 / all.max(1) as f64;
        let _ = writeln!(out, "{:>9} {:>9} {share:>6.1}  {name}", weight.bytes, weight.functions);
    }
    let _ = writeln!(out, "{all:>9}  code in all, before wasm-opt and brotli");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_function_is() {
        for (name, whose) in [
            ("parlour::view::room::room::{{closure}}", "parlour"),
            ("<hashbrown::map::HashMap<parlour_core::x::Y, u8> as core::fmt::Debug>::fmt", "hashbrown"),
            ("<&T as core::fmt::Debug>::fmt", "core"),
            ("core::ptr::drop_in_place<parlour::ctrl::Store>", "core"),
            ("<alloc::boxed::Box<dyn parlour::Chat> as core::ops::Drop>::drop", "alloc"),
            ("<[u8] as alloc::slice::ToOwned>::to_owned", "alloc"),
            ("memcpy", "(no crate's)"),
        ] {
            assert_eq!(owner(name), whose, "{name}");
        }
    }

    #[test]
    fn the_heaviest_come_first_and_the_light_together() {
        let weight = |functions, bytes| Weight { functions, bytes };
        let crates =
            [("a", weight(1, 300)), ("b", weight(2, 600)), ("c", weight(3, 60)), ("d", weight(1, 40))];
        let table = table(&crates.map(|(name, weight)| (name.to_owned(), weight)).into());
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["600", "2", "60.0", "b"]);
        assert_eq!(lines[2], ["300", "1", "30.0", "a"]);
        assert_eq!(lines[3], ["100", "4", "10.0", "all", "others"]);
        assert_eq!(lines[4][0], "1000");
    }
}
