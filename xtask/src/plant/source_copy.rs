//! A copy of the sources in which bugs are planted. Unchanged files are not written, so that cargo rebuilds little.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::Bug;
use crate::{fingerprint, process, workspace::Workspace};

/// The root folder of the copy.
#[derive(Debug)]
pub struct SourceCopy {
    pub root: PathBuf,
}

impl SourceCopy {
    /// Creates or updates the copy from the working tree: tracked files, and untracked ones that git does not ignore.
    pub fn update(workspace: &Workspace, root: PathBuf) -> Result<Self> {
        let mut list = process::program(workspace, "git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let names = process::try_output(&mut list).context("git cannot list the sources")?;
        let names: BTreeSet<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
        let exists = |name: &&&str| workspace.root.join(name).is_file();
        for name in names.iter().filter(exists) {
            let bytes =
                fs::read(workspace.root.join(name)).with_context(|| format!("{name} cannot be read"))?;
            write_if_changed(&root.join(name), &bytes)?;
        }
        // Files that were removed from the checkout would still be compiled.
        for file in fingerprint::files(&root)? {
            let name = file.strip_prefix(&root).unwrap_or(&file);
            if !name.to_str().is_some_and(|name| names.contains(name) && exists(&&name)) {
                fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
            }
        }
        Ok(Self { root })
    }

    /// Applies the edits of a bug, and returns the original contents of the files.
    pub fn plant(&self, bug: &Bug) -> Result<Vec<(PathBuf, String)>> {
        let mut originals = Vec::new();
        for edit in bug.edits {
            let file = self.root.join(edit.file);
            let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", edit.file))?;
            let times = text.matches(edit.text).count();
            ensure!(
                times == 1,
                "{}: {:?} occurs {times} times in {} instead of once; update the table of bugs.",
                bug.name,
                edit.text,
                edit.file
            );
            write_if_changed(&file, text.replace(edit.text, edit.replacement).as_bytes())?;
            originals.push((file, text));
        }
        Ok(originals)
    }

    /// Restores the original contents, in reverse order.
    pub fn restore(&self, originals: Vec<(PathBuf, String)>) -> Result<()> {
        originals.into_iter().rev().try_for_each(|(file, text)| write_if_changed(&file, text.as_bytes()))
    }
}

fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|current| current == bytes) {
        return Ok(());
    }
    let write = || {
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(file, bytes)
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}
