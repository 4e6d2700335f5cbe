//! A copy of the sources, in which bugs are planted. Files that are the same are not touched, so that little is built
//! anew.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::Bug;
use crate::{place::Place, sh};

/// The copy.
#[derive(Debug)]
pub struct Tree {
    pub root: PathBuf,
}

impl Tree {
    /// Brings the copy up to date: all that git knows, or would know, as it is in the checkout now.
    pub fn copy(place: &Place, root: PathBuf) -> Result<Self> {
        let mut list = sh::program(place, "git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let names = sh::ask(&mut list).context("git does not list the sources")?;
        let names: BTreeSet<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
        let there = |name: &&&str| place.root.join(name).is_file();
        for name in names.iter().filter(there) {
            let bytes = fs::read(place.root.join(name)).with_context(|| format!("{name} can't be read"))?;
            put(&root.join(name), &bytes)?;
        }
        // What was there and is no more would still be compiled.
        for file in files(&root)? {
            let name = file.strip_prefix(&root).unwrap_or(&file);
            if !name.to_str().is_some_and(|name| names.contains(name) && there(&&name)) {
                fs::remove_file(&file).with_context(|| format!("{} can't be removed", file.display()))?;
            }
        }
        Ok(Self { root })
    }

    /// Makes a bug's changes; gives the files as they were.
    pub fn plant(&self, bug: &Bug) -> Result<Vec<(PathBuf, String)>> {
        let mut before = Vec::new();
        for edit in bug.edits {
            let file = self.root.join(edit.file);
            let text = fs::read_to_string(&file).with_context(|| format!("{} can't be read", edit.file))?;
            let times = text.matches(edit.text).count();
            ensure!(
                times == 1,
                "{}: {:?} is {times} times in {}, and should be once; the table of bugs is out of date.",
                bug.name,
                edit.text,
                edit.file
            );
            put(&file, text.replace(edit.text, edit.instead).as_bytes())?;
            before.push((file, text));
        }
        Ok(before)
    }

    /// Undoes a bug's changes, the last one first.
    pub fn restore(&self, before: Vec<(PathBuf, String)>) -> Result<()> {
        before.into_iter().rev().try_for_each(|(file, text)| put(&file, text.as_bytes()))
    }
}

fn put(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let write = || {
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(file, bytes)
    };
    write().with_context(|| format!("{} can't be written", file.display()))
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("{} can't be listed", dir.display()))? {
            let path = entry?.path();
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}
