//! Finds the browsers for the tests and their WebDriver programs.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::install::Install;
use crate::process;
use crate::workspace::{Workspace, exe_name, on_path};

/// A browser and its driver.
#[derive(Debug)]
pub struct Programs {
    pub browser: PathBuf,
    pub driver: PathBuf,
}

#[derive(Debug)]
pub struct Browsers {
    pub chromium: Programs,
    pub firefox: Programs,
}

const PACKAGES: &[&str] =
    &["chromium", "chromium-driver", "firefox-esr", "fontconfig", "fonts-noto-cjk", "fonts-noto-color-emoji"];
/// The version of Firefox's driver. Debian has no package of it.
const GECKODRIVER: &str = "0.37.1";

/// Finds the browsers, drivers and fonts. As root on Debian, missing ones are installed by apt. On any system, a
/// missing geckodriver is compiled.
pub fn find_or_install(workspace: &Workspace) -> Result<Browsers> {
    let complete = chromium().is_some() && firefox().is_some() && has_fonts(workspace);
    if !complete
        && Path::new("/etc/debian_version").exists()
        && on_path(&["apt-get"]).is_some()
        && is_root(workspace)
    {
        eprintln!("             installing {}", PACKAGES.join(", "));
        process::run(apt(workspace).arg("update"), "apt-get update")?;
        process::run(
            apt(workspace).args(["install", "-y", "--no-install-recommends"]).args(PACKAGES),
            "installing browsers by apt-get",
        )?;
    }
    let Some(chromium) = chromium() else {
        bail!(
            "a browser or its driver is missing: install Chromium or Chrome, and chromedriver of the same version \
             (on Debian: apt install {}).",
            PACKAGES[..2].join(" "),
        )
    };
    let Some(firefox) = firefox() else {
        bail!(
            "Firefox is missing: install it, and set FIREFOX to where it is if it is not on PATH (on Debian: apt \
             install {}).",
            PACKAGES[2],
        )
    };
    if !has_fonts(workspace) {
        bail!(
            "fonts for Chinese and for emoji, or fc-list to find them, are missing: install Noto Sans CJK and \
             Noto Color Emoji (on Debian: apt install {}).",
            PACKAGES[3..].join(" "),
        );
    }
    Ok(Browsers { chromium, firefox: Programs { browser: firefox, driver: geckodriver(workspace)? } })
}

/// A Chromium or Chrome: the one in CHROME, or else one on PATH.
pub fn chrome() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    from_env("CHROME").or_else(|| on_path(&names))
}

/// Arguments to run Chromium without a screen, also in a container.
pub fn headless_args(workspace: &Workspace) -> Vec<&'static str> {
    let mut args = vec!["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    if is_root(workspace) {
        args.push("--no-sandbox");
    }
    args
}

fn chromium() -> Option<Programs> {
    let driver = from_env("CHROMEDRIVER").or_else(|| on_path(&["chromedriver"]))?;
    Some(Programs { browser: chrome()?, driver })
}

/// The one in FIREFOX, or else one on PATH. Debian's `firefox` is a script that starts `firefox-esr`.
fn firefox() -> Option<PathBuf> {
    from_env("FIREFOX").or_else(|| on_path(&["firefox-esr", "firefox"]))
}

/// The one in GECKODRIVER, or else one on PATH, or else the one in `target/tools`, which is compiled if it is missing.
fn geckodriver(workspace: &Workspace) -> Result<PathBuf> {
    let own = workspace.tools_bin().join(exe_name("geckodriver"));
    let found = from_env("GECKODRIVER").or_else(|| on_path(&["geckodriver"]));
    if let Some(found) = found.or_else(|| own.is_file().then(|| own.clone())) {
        return Ok(found);
    }
    Install::start(workspace, "geckodriver", GECKODRIVER, "a minute or two")?.finish(workspace)?;
    Ok(own)
}

fn from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|file| file.is_file())
}

/// Returns `true` if the system has fonts for Chinese and emoji, which screenshots need. Other systems than Linux
/// include them.
fn has_fonts(workspace: &Workspace) -> bool {
    let has = |pattern: &str| {
        process::try_output(process::program(workspace, "fc-list").arg(pattern))
            .is_some_and(|list| !list.is_empty())
    };
    cfg!(not(target_os = "linux")) || (has(":lang=zh-cn") && has(":lang=und-zsye"))
}

/// Returns `true` if this program runs as root, and so may install packages.
pub fn is_root(workspace: &Workspace) -> bool {
    process::try_output(process::program(workspace, "id").arg("-u")).as_deref() == Some("0")
}

/// apt-get, which asks nothing.
pub fn apt(workspace: &Workspace) -> std::process::Command {
    let mut command = process::program(workspace, "apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
