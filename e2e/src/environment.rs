//! Paths of the programs and files under test.

use std::{env, path::PathBuf};

use crate::browser::Browser;

/// Paths that `cargo xtask test` sets in environment variables.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `PARLOUR_SERVER`: the server's binary with the embedded bundle.
    pub server: PathBuf,
    /// `PARLOUR_DIST`: the folder with the bundle.
    pub dist: PathBuf,
}

/// A browser and its driver.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `CHROME` or `FIREFOX`: the browser.
    pub browser: PathBuf,
    /// `CHROMEDRIVER` or `GECKODRIVER`: its WebDriver.
    pub driver: PathBuf,
}

impl Environment {
    /// Reads the environment variables.
    ///
    /// # Panics
    /// If a variable is not set or its path does not exist.
    #[must_use]
    pub fn read() -> Self {
        Self { server: path("PARLOUR_SERVER"), dist: path("PARLOUR_DIST") }
    }

    /// The paths of a browser's programs.
    ///
    /// # Panics
    /// If a variable is not set or its path does not exist.
    #[must_use]
    pub fn programs(browser: Browser) -> Programs {
        let (browser, driver) = match browser {
            Browser::Chromium => ("CHROME", "CHROMEDRIVER"),
            Browser::Firefox => ("FIREFOX", "GECKODRIVER"),
        };
        Programs { browser: path(browser), driver: path(driver) }
    }

    /// The path of another program, such as `NGINX`.
    ///
    /// # Panics
    /// As [`Self::programs`].
    #[must_use]
    pub fn program(variable: &str) -> PathBuf {
        path(variable)
    }

    /// The root of the source tree.
    ///
    /// # Panics
    /// If it was moved since the tests were compiled.
    #[must_use]
    pub fn checkout() -> PathBuf {
        let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        workspace.canonicalize().expect("the source tree has not moved since compilation")
    }

    /// Creates `target/<folder>/`, where tests store artifacts.
    #[must_use]
    pub fn target(folder: &str) -> PathBuf {
        let target = Self::checkout().join("target").join(folder);
        std::fs::create_dir_all(&target).expect("create a folder in target/");
        target
    }
}

fn path(name: &str) -> PathBuf {
    let path = env::var_os(name).map(PathBuf::from).unwrap_or_default();
    assert!(
        path.exists(),
        "{name} is not set, or its path does not exist ({path:?}). Run the browser tests with `cargo xtask test`, which \
         builds the page and the server, finds the browsers and proxies, and sets these variables."
    );
    path
}
