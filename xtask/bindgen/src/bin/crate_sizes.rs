//! Prints how many bytes of code each crate contributes to a module that still has its names:
//! `parlour-crate-sizes FILE`.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::{Context, Result, ensure};
use walrus::FunctionKind;
use wasm_bindgen_cli_support::Bindgen;

/// Crates with fewer bytes of code than this are one line together.
const SMALL_BYTES: usize = 200;

/// One crate's share of the module.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Size {
    functions: usize,
    bytes: usize,
}

fn main() -> Result<()> {
    let file = std::env::args().nth(1).context("usage: parlour-crate-sizes FILE")?;
    print!("{}", table(&crate_sizes(Path::new(&file))?));
    Ok(())
}

/// The size of each crate after wasm-bindgen has removed the functions that only describe imports to it, which are a
/// fifth of what the compiler emits.
fn crate_sizes(file: &Path) -> Result<BTreeMap<String, Size>> {
    let mut bindgen = Bindgen::new();
    let mut output =
        bindgen.web(true)?.demangle(false).keep_debug(true).input_path(file).generate_output()?;
    let mut sizes: BTreeMap<String, Size> = BTreeMap::new();
    for function in output.wasm_mut().funcs.iter() {
        let FunctionKind::Local(local) = &function.kind else { continue };
        let name = function.name.as_deref().unwrap_or_default();
        let size = sizes.entry(crate_of(&format!("{:#}", rustc_demangle::demangle(name)))).or_default();
        size.functions += 1;
        size.bytes += local.original_range.as_ref().map_or(0, |range| range.len());
    }
    ensure!(sizes.contains_key("core"), "{} has no names", file.display());
    Ok(sizes)
}

/// The crate of a function: the first crate in its demangled name. `<T as Trait>::f` counts for the crate of `T`, or that
/// of `Trait` if `T` is a primitive type; a generic function counts for the crate that defines it.
fn crate_of(name: &str) -> String {
    let is_ident = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let segments = name.match_indices("::").map(|(at, _)| {
        let before = &name[..at];
        &before[before.trim_end_matches(is_ident).len()..]
    });
    let mut modules = segments.filter(|segment| segment.starts_with(|c: char| c.is_ascii_lowercase()));
    modules.next().unwrap_or("(no crate)").to_owned()
}

/// Lines sorted by size, the largest first.
fn table(sizes: &BTreeMap<String, Size>) -> String {
    let total: usize = sizes.values().map(|size| size.bytes).sum();
    let (mut large, small): (Vec<_>, Vec<_>) = sizes.iter().partition(|(_, size)| size.bytes >= SMALL_BYTES);
    large.sort_by_key(|(name, size)| (std::cmp::Reverse(size.bytes), *name));
    let rest = small.iter().fold(Size::default(), |sum, (_, size)| Size {
        functions: sum.functions + size.functions,
        bytes: sum.bytes + size.bytes,
    });
    let mut out = format!("{:>9} {:>9} {:>6}  crate\n", "bytes", "functions", "%");
    let rest = [("all others".to_owned(), rest)];
    for (name, size) in large.into_iter().chain(rest.iter().map(|(name, size)| (name, size))) {
        let share = size.bytes as f64 * 100.0 / total.max(1) as f64;
        let _ = writeln!(out, "{:>9} {:>9} {share:>6.1}  {name}", size.bytes, size.functions);
    }
    let _ = writeln!(out, "{total:>9}  total code, before compression");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_counts_for_the_first_crate_in_its_name() {
        for (name, expected) in [
            ("parlour::view::room::room::{{closure}}", "parlour"),
            ("<hashbrown::map::HashMap<parlour_core::x::Y, u8> as core::fmt::Debug>::fmt", "hashbrown"),
            ("<&T as core::fmt::Debug>::fmt", "core"),
            ("core::ptr::drop_in_place<parlour::ctrl::Store>", "core"),
            ("<alloc::boxed::Box<dyn parlour::Chat> as core::ops::Drop>::drop", "alloc"),
            ("<[u8] as alloc::slice::ToOwned>::to_owned", "alloc"),
            ("memcpy", "(no crate)"),
        ] {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }

    #[test]
    fn large_crates_come_first_and_small_ones_are_summed_up() {
        let size = |functions, bytes| Size { functions, bytes };
        let sizes = [("a", size(1, 300)), ("b", size(2, 600)), ("c", size(3, 60)), ("d", size(1, 40))];
        let table = table(&sizes.map(|(name, size)| (name.to_owned(), size)).into());
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["600", "2", "60.0", "b"]);
        assert_eq!(lines[2], ["300", "1", "30.0", "a"]);
        assert_eq!(lines[3], ["100", "4", "10.0", "all", "others"]);
        assert_eq!(lines[4][0], "1000");
    }
}
