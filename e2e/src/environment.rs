//! Where the things are that the tests need.

use std::{env, path::PathBuf};

use crate::browser::Browser;

/// What `cargo xtask test` builds or finds, and puts into the environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `PARLOUR_SERVER`: the server's binary, the bundle in it.
    pub server: PathBuf,
    /// `PARLOUR_DIST`: the bundle.
    pub dist: PathBuf,
}

/// A browser's programs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `CHROME` or `FIREFOX`: the browser itself.
    pub browser: PathBuf,
    /// `CHROMEDRIVER` or `GECKODRIVER`: what drives it.
    pub driver: PathBuf,
}

impl Environment {
    /// Reads the environment.
    ///
    /// # Panics
    /// When a part of it is missing.
    #[must_use]
    pub fn read() -> Self {
        Self { server: path("PARLOUR_SERVER"), dist: path("PARLOUR_DIST") }
    }

    /// Where the programs of a browser are.
    ///
    /// # Panics
    /// When one is missing.
    #[must_use]
    pub fn programs(browser: Browser) -> Programs {
        let (browser, driver) = match browser {
            Browser::Chromium => ("CHROME", "CHROMEDRIVER"),
            Browser::Firefox => ("FIREFOX", "GECKODRIVER"),
        };
        Programs { browser: path(browser), driver: path(driver) }
    }

    /// The checkout.
    ///
    /// # Panics
    /// When it is not where it was when this was compiled.
    #[must_use]
    pub fn checkout() -> PathBuf {
        let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        workspace.canonicalize().expect("the checkout is where it was")
    }

    /// Where a test leaves something to look at: `target/<folder>/`.
    #[must_use]
    pub fn target(folder: &str) -> PathBuf {
        let target = Self::checkout().join("target").join(folder);
        std::fs::create_dir_all(&target).expect("a folder in target/ can be made");
        target
    }
}

fn path(name: &str) -> PathBuf {
    let path = env::var_os(name).map(PathBuf::from).unwrap_or_default();
    assert!(
        path.exists(),
        "{name} names nothing that exists ({path:?}). Run the browser tests with `cargo xtask test`, which builds \
         the page and the server, finds the browsers, and tells the tests where they are."
    );
    path
}
