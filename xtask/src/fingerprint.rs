//! A hash over the names and contents of files, to find out whether a build is up to date.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::process;
use crate::workspace::Workspace;

/// The sources of the page, without core's tests and the server.
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
    "src",
    "style",
    "xtask/bindgen",
    "xtask/src/bundle.rs",
    "xtask/src/split.rs",
    "xtask/src/stylesheet.rs",
];

/// The hash of the page's sources, the compiler's version and the options of the build.
pub fn inputs(workspace: &Workspace, options: &str) -> Result<String> {
    let compiler = process::try_output(process::program(workspace, "rustc").arg("-V")).unwrap_or_default();
    let seed = format!("{compiler}\n{options}\n");
    of(&workspace.root, INPUTS, &seed)
}

/// The hash of `seed` and of the files at or below these paths in `root`. A path that does not exist counts as empty.
pub fn of(root: &Path, paths: &[&str], seed: &str) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(seed);
    for path in paths {
        for file in files(&root.join(path))? {
            let bytes = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            // The lengths ensure that two different sets of files do not yield the same bytes.
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Bytes as hexadecimal digits.
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
    fn the_hash_changes_with_any_content_name_or_option() {
        let dir = dir("fingerprint");
        let paths = ["a", "two", "missing"];
        let before = of(&dir, &paths, "").unwrap();
        assert_eq!(before, of(&dir, &paths, "").unwrap());
        assert_ne!(before, of(&dir, &paths, "another option").unwrap());
        fs::write(dir.join("a/b/one"), "3").unwrap();
        let edited = of(&dir, &paths, "").unwrap();
        assert_ne!(before, edited);
        fs::rename(dir.join("a/b/one"), dir.join("a/one")).unwrap();
        assert_ne!(edited, of(&dir, &paths, "").unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn files_outside_the_paths_do_not_change_the_hash() {
        let dir = dir("fingerprint-unlisted");
        let before = of(&dir, &["a"], "").unwrap();
        fs::write(dir.join("two"), "changed").unwrap();
        assert_eq!(before, of(&dir, &["a"], "").unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }
}
