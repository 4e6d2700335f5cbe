//! The browser that tests run in, and the driver that steers it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::place::{Place, on_path};
use crate::sh;

#[derive(Debug)]
pub struct Browser {
    pub chrome: PathBuf,
    pub driver: PathBuf,
}

const PACKAGES: &[&str] =
    &["chromium", "chromium-driver", "fontconfig", "fonts-noto-cjk", "fonts-noto-color-emoji"];

/// Those of this machine; as root on Debian, installed when something is missing.
pub fn ready(place: &Place) -> Result<Browser> {
    if let (Some(browser), true) = (find(), fonts(place)) {
        return Ok(browser);
    }
    if Path::new("/etc/debian_version").exists() && on_path(&["apt-get"]).is_some() && is_root(place) {
        eprintln!("             installing {}", PACKAGES.join(", "));
        sh::run(apt(place).arg("update"), "apt-get update")?;
        sh::run(
            apt(place).args(["install", "-y", "--no-install-recommends"]).args(PACKAGES),
            "installing a browser by apt-get",
        )?;
    }
    match find() {
        Some(browser) if fonts(place) => Ok(browser),
        Some(_) => bail!(
            "fonts for Chinese and for emoji are missing (or fc-list, which tells): install Noto Sans CJK and \
             Noto Color Emoji (on Debian: apt install {}).",
            PACKAGES[2..].join(" "),
        ),
        None => bail!(
            "a browser or its driver is missing: install Chromium or Chrome, and chromedriver of the same version \
             (on Debian: apt install {}).",
            PACKAGES[..2].join(" "),
        ),
    }
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

fn find() -> Option<Browser> {
    let driver = from_env("CHROMEDRIVER").or_else(|| on_path(&["chromedriver"]))?;
    Some(Browser { chrome: chrome()?, driver })
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
