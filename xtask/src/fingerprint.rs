//! Has anything changed? A hash over files: their names and what is in them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::place::Place;
use crate::sh;

/// Everything the page is made of. Tests of core and the server are not among it.
const INPUTS: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "Trunk.toml",
    "index.html",
    "rust-toolchain.toml",
    ".cargo/config.toml",
    "assets",
    "boot",
    "build.rs",
    "core/Cargo.toml",
    "core/build.rs",
    "core/src",
    "lang",
    "proto",
    "patches",
    "src",
    "style",
    "xtask/bindgen",
    "xtask/src/part.rs",
];

/// The page's inputs, the compiler, and the options it is built with.
pub fn inputs(place: &Place, options: &str) -> Result<String> {
    let compiler = sh::ask(sh::program(place, "rustc").arg("-V")).unwrap_or_default();
    let seed = format!("{compiler}\n{options}\n");
    of(&place.root, INPUTS, &seed)
}

/// Every file below `root/<part>` of each part, in a fixed order; a part that does not exist counts as empty.
pub fn of(root: &Path, parts: &[&str], seed: &str) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(seed);
    for part in parts {
        for file in files(&root.join(part))? {
            let bytes = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            // Lengths first, so that no two different sets of files run together into the same bytes.
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Bytes as digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The files at or below `path`, sorted.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let entries = fs::read_dir(path).with_context(|| format!("{} cannot be listed", path.display()))?;
    for entry in entries {
        found.extend(files(&entry?.path())?);
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/one"), "1").unwrap();
        fs::write(dir.join("two"), "2").unwrap();
        dir
    }

    #[test]
    fn same_files_same_hash_and_any_change_shows() {
        let dir = dir("fingerprint");
        let parts = ["a", "two", "missing"];
        let before = of(&dir, &parts, "").unwrap();
        assert_eq!(before, of(&dir, &parts, "").unwrap());
        assert_ne!(before, of(&dir, &parts, "another option").unwrap());
        fs::write(dir.join("a/b/one"), "3").unwrap();
        let edited = of(&dir, &parts, "").unwrap();
        assert_ne!(before, edited);
        fs::rename(dir.join("a/b/one"), dir.join("a/one")).unwrap();
        assert_ne!(edited, of(&dir, &parts, "").unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_is_not_listed_does_not_count() {
        let dir = dir("fingerprint-unlisted");
        let before = of(&dir, &["a"], "").unwrap();
        fs::write(dir.join("two"), "changed").unwrap();
        assert_eq!(before, of(&dir, &["a"], "").unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }
}
