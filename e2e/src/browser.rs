//! The browsers that tests run in, and what each has to be told to run by itself.

use std::{fmt, fs, path::Path};

use serde_json::{Value, json};

use crate::{environment::Environment, stage::Window};

/// An engine to run a page in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Chromium or Chrome. Most tests run here: it can be asked for its console and its requests, made to crash, and
    /// told that it is a phone.
    Chromium,
    /// Firefox. What only Chromium can do panics here, and says so.
    Firefox,
}

impl Browser {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    /// Makes the profile's folder where the browser wants it made, and gives what WebDriver needs to open a window.
    pub(crate) fn capabilities(self, window: Window<'_>, profile: &Path) -> Value {
        match self {
            Self::Chromium => chromium(window, profile),
            Self::Firefox => firefox(window, profile),
        }
    }
}

impl fmt::Display for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
        })
    }
}

fn chromium(window: Window<'_>, profile: &Path) -> Value {
    json!({
        "browserName": "chrome",
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": {
            "binary": Environment::programs(Browser::Chromium).browser,
            "args": [
                "--headless",
                // Containers run as root, where the sandbox can't.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--window-size=1280,800",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                format!("--accept-lang={}", window.language),
                format!("--user-data-dir={}", profile.display()),
            ],
        },
    })
}

fn firefox(window: Window<'_>, profile: &Path) -> Value {
    // By itself it is never narrower than 450 pixels, which a phone is.
    let narrow = ":root { min-width: 0 !important; min-height: 0 !important }";
    fs::create_dir_all(profile.join("chrome")).expect("a profile can be made");
    fs::write(profile.join("chrome/userChrome.css"), narrow).expect("a profile can be written");
    json!({
        "browserName": "firefox",
        "moz:firefoxOptions": {
            "binary": Environment::programs(Browser::Firefox).browser,
            "args": ["-headless", "-profile", profile],
            // The screen, which a window can't be larger than.
            "env": { "MOZ_HEADLESS_WIDTH": "1920", "MOZ_HEADLESS_HEIGHT": "1440" },
            "prefs": {
                "intl.accept_languages": window.language,
                "toolkit.legacyUserProfileCustomizations.stylesheets": true,
                // What pages write to the console, and nothing of the browser's own.
                "devtools.console.stdout.content": true,
                "devtools.console.stdout.chrome": false,
                // The driver's own preferences leave little that asks for anything outside. All that still does is
                // refused at once, here: nothing listens on this port. Loopback is never asked through it.
                "network.proxy.type": 1,
                "network.proxy.http": "127.0.0.1",
                "network.proxy.http_port": 9,
                "network.proxy.ssl": "127.0.0.1",
                "network.proxy.ssl_port": 9,
                "network.proxy.failover_direct": false,
                "network.captive-portal-service.enabled": false,
                "network.connectivity-service.enabled": false,
                "network.trr.mode": 5,
                "network.dns.disablePrefetch": true,
                "browser.safebrowsing.malware.enabled": false,
                "browser.safebrowsing.phishing.enabled": false,
                "browser.region.network.url": "",
                "browser.search.update": false,
                "app.normandy.enabled": false,
                "dom.push.connection.enabled": false,
                "toolkit.telemetry.enabled": false,
                "toolkit.telemetry.unified": false,
            },
        },
    })
}
