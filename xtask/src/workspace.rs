//! Paths in the checkout and in cargo's target directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout, and the target directory that xtask was built into.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

impl Workspace {
    /// Finds both from the paths of this crate and of the running program, so that a target directory chosen by an option,
    /// a variable or a settings file is respected.
    pub fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
        let exe = std::env::current_exe().context("the path of xtask is unknown")?;
        let target = exe.parent().and_then(Path::parent).context("xtask was not started by cargo")?;
        Ok(Self { root: root.to_owned(), target: target.to_owned() })
    }

    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    pub fn tools_bin(&self) -> PathBuf {
        self.tools().join("bin")
    }

    pub fn server(&self) -> PathBuf {
        self.target.join("release").join(exe_name("parlour-server"))
    }
}

/// The file name of a program on this system.
pub fn exe_name(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// The first program of these names that is on PATH.
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| dirs.iter().map(|dir| dir.join(exe_name(name))).find(|file| file.is_file()))
}
