//! The browsers and their automation settings.

use std::{fmt, fs, path::Path};

use serde_json::{Value, json};

use crate::{context::WindowOptions, environment::Environment};

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Chromium or Chrome. Most tests use it: it reports its console and requests, and can emulate crashes and phones.
    Chromium,
    /// Firefox. Operations that only Chromium supports panic with a message.
    Firefox,
}

impl Browser {
    /// All browsers.
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    /// Prepares the profile folder, and returns the WebDriver capabilities for a window.
    pub(crate) fn capabilities(
        self,
        window: WindowOptions<'_>,
        site_data: SiteData,
        profile: &Path,
    ) -> Value {
        match self {
            Self::Chromium => chromium(window, site_data, profile),
            Self::Firefox => firefox(window, site_data, profile),
        }
    }
}

/// The browser's setting for sites that store data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SiteData {
    Allowed,
    Blocked,
}

impl fmt::Display for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
        })
    }
}

fn chromium(window: WindowOptions<'_>, site_data: SiteData, profile: &Path) -> Value {
    let [allow, block] = [1, 2];
    json!({
        "browserName": "chrome",
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": {
            "binary": Environment::programs(Browser::Chromium).browser,
            "args": [
                "--headless",
                // The sandbox does not work as root, and processes in containers usually run as root.
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
            // "Block all site data": the setting is called after cookies, and covers all kinds of storage.
            "prefs": {
                "profile.default_content_setting_values.cookies":
                    if site_data == SiteData::Blocked { block } else { allow },
            },
        },
    })
}

fn firefox(window: WindowOptions<'_>, site_data: SiteData, profile: &Path) -> Value {
    // Firefox windows are at least 450 pixels wide by default, wider than a phone.
    let narrow = ":root { min-width: 0 !important; min-height: 0 !important }";
    fs::create_dir_all(profile.join("chrome")).expect("create the profile");
    fs::write(profile.join("chrome/userChrome.css"), narrow).expect("write the profile");
    let [allow_own_and_partitioned, block] = [5, 2];
    json!({
        "browserName": "firefox",
        "moz:firefoxOptions": {
            "binary": Environment::programs(Browser::Firefox).browser,
            "args": ["-headless", "-profile", profile],
            // The screen size, which limits the window size.
            "env": { "MOZ_HEADLESS_WIDTH": "1920", "MOZ_HEADLESS_HEIGHT": "1440" },
            "prefs": {
                "intl.accept_languages": window.language,
                "network.cookie.cookieBehavior":
                    if site_data == SiteData::Blocked { block } else { allow_own_and_partitioned },
                "toolkit.legacyUserProfileCustomizations.stylesheets": true,
                // Console output of pages only, not of the browser itself.
                "devtools.console.stdout.content": true,
                "devtools.console.stdout.chrome": false,
                // The driver's own preferences disable most external requests. The rest go to this proxy address, where
                // nothing listens, so they fail at once. Loopback addresses bypass the proxy.
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
