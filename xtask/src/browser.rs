//! The browsers that tests run in, and the drivers that steer them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::install::Install;
use crate::place::{Place, exe_name, on_path};
use crate::sh;

/// A browser, and its driver.
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
/// Firefox's driver, which Debian does not have.
const GECKODRIVER: &str = "0.37.1";

/// Those of this machine; as root on Debian, installed when something is missing. A geckodriver is compiled anywhere.
pub fn ready(place: &Place) -> Result<Browsers> {
    let complete = chromium().is_some() && firefox().is_some() && fonts(place);
    if !complete
        && Path::new("/etc/debian_version").exists()
        && on_path(&["apt-get"]).is_some()
        && is_root(place)
    {
        eprintln!("             installing {}", PACKAGES.join(", "));
        sh::run(apt(place).arg("update"), "apt-get update")?;
        sh::run(
            apt(place).args(["install", "-y", "--no-install-recommends"]).args(PACKAGES),
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
    if !fonts(place) {
        bail!(
            "fonts for Chinese and for emoji are missing (or fc-list, which tells): install Noto Sans CJK and \
             Noto Color Emoji (on Debian: apt install {}).",
            PACKAGES[3..].join(" "),
        );
    }
    Ok(Browsers { chromium, firefox: Programs { browser: firefox, driver: geckodriver(place)? } })
}

/// A Chromium or Chrome: the one CHROME names, else one on PATH.
pub fn chrome() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    from_env("CHROME").or_else(|| on_path(&names))
}

/// What a browser needs to be told to run by itself, in a container too.
pub fn headless_args(place: &Place) -> Vec<&'static str> {
    let mut args = vec!["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    if is_root(place) {
        args.push("--no-sandbox");
    }
    args
}

fn chromium() -> Option<Programs> {
    let driver = from_env("CHROMEDRIVER").or_else(|| on_path(&["chromedriver"]))?;
    Some(Programs { browser: chrome()?, driver })
}

/// The one FIREFOX names, else one on PATH. Debian's `firefox` is only a script that starts the other.
fn firefox() -> Option<PathBuf> {
    from_env("FIREFOX").or_else(|| on_path(&["firefox-esr", "firefox"]))
}

/// The one GECKODRIVER names, else one on PATH, else our own.
fn geckodriver(place: &Place) -> Result<PathBuf> {
    let own = place.tools_bin().join(exe_name("geckodriver"));
    let found = from_env("GECKODRIVER").or_else(|| on_path(&["geckodriver"]));
    if let Some(found) = found.or_else(|| own.is_file().then(|| own.clone())) {
        return Ok(found);
    }
    Install::start(place, "geckodriver", GECKODRIVER, "a minute or two")?.finish(place)?;
    Ok(own)
}

fn from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|file| file.is_file())
}

/// Without them the screenshots of Chinese and of emoji show boxes. Other systems bring both along.
fn fonts(place: &Place) -> bool {
    let has = |pattern: &str| {
        sh::ask(sh::program(place, "fc-list").arg(pattern)).is_some_and(|list| !list.is_empty())
    };
    cfg!(not(target_os = "linux")) || (has(":lang=zh-cn") && has(":lang=und-zsye"))
}

fn is_root(place: &Place) -> bool {
    sh::ask(sh::program(place, "id").arg("-u")).as_deref() == Some("0")
}

fn apt(place: &Place) -> std::process::Command {
    let mut command = sh::program(place, "apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
