//! What steers a browser.

use std::{path::Path, sync::Arc};

use crate::{browser::Browser, chromedriver::Chromedriver, geckodriver::Geckodriver};

/// A driver that runs, for as long as anybody holds it.
#[derive(Debug)]
pub enum Driver {
    /// One for all windows.
    Chromedriver(Arc<Chromedriver>),
    /// One for each window: it takes no second.
    Geckodriver(Geckodriver),
}

impl Driver {
    /// One for a window of a browser, which will keep its things in `profile`.
    pub async fn of(browser: Browser, profile: &Path) -> Self {
        match browser {
            Browser::Chromium => Self::Chromedriver(Chromedriver::shared()),
            Browser::Firefox => Self::Geckodriver(Geckodriver::start(profile).await),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        match self {
            Self::Chromedriver(driver) => driver.url(),
            Self::Geckodriver(driver) => driver.url(),
        }
    }
}
