//! WebDriver processes.

use std::{path::Path, sync::Arc};

use crate::{browser::Browser, chromedriver::Chromedriver, geckodriver::Geckodriver};

/// A running driver. It ends when it is dropped.
#[derive(Debug)]
pub enum Driver {
    /// One process for all windows.
    Chromedriver(Arc<Chromedriver>),
    /// One process per window, because geckodriver supports only one session.
    Geckodriver(Geckodriver),
}

impl Driver {
    /// The driver for a new window. It stores its files in `profile`.
    pub async fn start(browser: Browser, profile: &Path) -> Self {
        match browser {
            Browser::Chromium => Self::Chromedriver(Chromedriver::shared()),
            Browser::Firefox => Self::Geckodriver(Geckodriver::start(profile).await),
        }
    }

    /// The URL of its WebDriver endpoint.
    pub fn url(&self) -> &str {
        match self {
            Self::Chromedriver(driver) => driver.url(),
            Self::Geckodriver(driver) => driver.url(),
        }
    }
}
