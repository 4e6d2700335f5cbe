//! The page's window and browser: developer tools, screenshots, crashes. Much of it works only in Chromium.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};

use super::{DEADLINE, Entry, Page};
use crate::{browser::Browser, driver::Driver, environment::Environment, eventually::wait};

impl Page {
    /// The browser that the page is open in.
    #[must_use]
    pub fn browser(&self) -> Browser {
        self.inner.browser
    }

    /// Sends a DevTools protocol command. Chromium only.
    ///
    /// # Panics
    /// If the browser refuses it, and in any other browser.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": method, "params": parameters });
        self.issue("goog/cdp/execute", body).await.unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    /// Runs a script in every document loaded from now on, before the document's own scripts. Chromium only.
    ///
    /// # Panics
    /// In any other browser.
    pub async fn before_load(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Resizes the viewport. In Chromium, widths under 600 pixels also emulate a phone with a touch screen.
    pub async fn resize(&self, width: u32, height: u32) {
        if self.browser() == Browser::Firefox {
            return self.resize_window(width, height).await;
        }
        let mobile = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await;
    }

    /// Resizes the window so that the viewport has this size.
    async fn resize_window(&self, width: u32, height: u32) {
        let script = "return [outerWidth - innerWidth, outerHeight - innerHeight]";
        let [bars_width, bars_height]: [u32; 2] = self.eval(script, vec![]).await;
        let client = self.client();
        let resized = client.set_window_rect(0, 0, width + bars_width, height + bars_height).await;
        resized.expect("resize the window");
        let size = format!(
            "return (innerWidth === {width} && innerHeight === {height}) || [innerWidth, innerHeight]"
        );
        self.until_true(&format!("a window of {width} by {height}"), &size).await;
    }

    /// Minimises the window.
    ///
    /// # Panics
    /// If the browser fails to.
    pub async fn minimize(&self) {
        self.client().minimize_window().await.expect("minimise the window");
        self.until_true("the page is hidden", "return document.hidden").await;
    }

    /// Restores the window.
    ///
    /// # Panics
    /// If the browser fails to.
    pub async fn restore(&self) {
        self.client().set_window_rect(0, 0, 1280, 800).await.expect("restore the window");
        self.until_true("the page is visible", "return !document.hidden").await;
    }

    /// Takes a screenshot, as PNG.
    ///
    /// # Panics
    /// If the browser fails to.
    pub async fn screenshot(&self) -> Vec<u8> {
        if self.browser() == Browser::Firefox {
            return self.client().screenshot().await.expect("a screenshot");
        }
        let taken = self.devtools("Page.captureScreenshot", json!({ "format": "png" })).await;
        STANDARD.decode(taken["data"].as_str().unwrap_or_default()).expect("a screenshot")
    }

    /// All console entries so far. In Firefox: messages and uncaught errors of pages, without reports of the content security
    /// policy.
    pub async fn console(&self) -> Vec<Entry> {
        if self.browser() == Browser::Firefox {
            // A closed driver has no more output.
            let driver = self.inner.driver.borrow();
            let Some(Driver::Geckodriver(driver)) = &*driver else { return Vec::new() };
            return driver.console();
        }
        for entry in self.log("browser").await {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let entry = Entry { level: text("level"), source: text("source"), message: text("message") };
            self.inner.console.borrow_mut().push(entry);
        }
        self.inner.console.borrow().clone()
    }

    /// The URLs requested so far, including WebSockets. Chromium only.
    ///
    /// # Panics
    /// In any other browser.
    pub async fn requests(&self) -> Vec<String> {
        for entry in self.log("performance").await {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap_or_default()).unwrap();
            let event = &message["message"];
            let url = match event["method"].as_str() {
                Some("Network.requestWillBeSent") => &event["params"]["request"]["url"],
                Some("Network.webSocketCreated") => &event["params"]["url"],
                _ => continue,
            };
            self.inner.network.borrow_mut().extend(url.as_str().map(ToOwned::to_owned));
        }
        self.inner.network.borrow().clone()
    }

    /// Unexpected errors in the console, and in Chromium also reports of the content security policy and requests to hosts
    /// that are not allowed.
    pub async fn unexpected_errors(&self) -> Vec<String> {
        let mut unexpected_errors = Vec::new();
        for Entry { level, source, message } in self.console().await {
            let unexpected =
                level == "SEVERE" || source == "security" || message.contains("Content Security Policy");
            if unexpected && !self.inner.expected.borrow().iter().any(|words| message.contains(words)) {
                unexpected_errors.push(format!("{}: console {level} ({source}): {message}", self.inner.name));
            }
        }
        if self.browser() != Browser::Chromium {
            return unexpected_errors;
        }
        let allowed_hosts = self.inner.allowed_hosts.borrow().clone();
        for url in self.requests().await {
            let parsed = url::Url::parse(&url).expect("a browser requests URLs");
            let allowed = match (parsed.host_str(), parsed.port_or_known_default()) {
                (Some(host), Some(port)) => allowed_hosts.contains(&format!("{host}:{port}")),
                // data:, blob: and about: stay in the browser.
                _ => true,
            };
            if !allowed {
                unexpected_errors.push(format!("{}: a request to {url}", self.inner.name));
            }
        }
        unexpected_errors
    }

    /// Saves a screenshot, the document and the console in `target/e2e/`.
    pub async fn save_artifacts(&self) {
        if !self.inner.open.get() {
            return;
        }
        let folder = Environment::target("e2e");
        let file = |ending: &str| folder.join(format!("{}.{ending}", self.inner.name));
        // Errors here must not hide the reason for the failure.
        if let Ok(picture) = self.client().screenshot().await {
            let _ = fs::write(file("png"), picture);
        }
        if let Ok(source) = self.client().source().await {
            let _ = fs::write(file("html"), source);
        }
        let console: String = self
            .console()
            .await
            .iter()
            .map(|entry| format!("{} {} {}\n", entry.level, entry.source, entry.message))
            .collect();
        let _ = fs::write(file("log"), console);
        eprintln!("artifacts of {} are in {}", self.inner.name, folder.display());
    }

    /// Crashes the renderer of the current tab, as when it runs out of memory. Other tabs of the browser survive; switch to
    /// one of them next. Chromium only.
    ///
    /// # Panics
    /// In any other browser.
    pub async fn crash(&self) {
        // The command gets no response.
        let crash = self.issue("goog/cdp/execute", json!({ "cmd": "Page.crash", "params": {} }));
        let _ = tokio::time::timeout(Duration::from_secs(2), crash).await;
    }

    /// Kills the whole browser without letting it shut down. Returns the profile folder.
    pub(crate) async fn kill(&self) -> PathBuf {
        let process = self.process();
        match self.browser() {
            Browser::Chromium => {
                let killed = Command::new("kill").args(["-9", &process]).status();
                assert!(killed.is_ok_and(|status| status.success()), "kill the browser");
            }
            // Dropping the driver kills it.
            Browser::Firefox => drop(self.inner.driver.take()),
        }
        let exe = std::path::Path::new("/proc").join(process).join("exe");
        let ended = async || if exe.exists() { Err(format!("{} exists", exe.display())) } else { Ok(()) };
        wait(DEADLINE, "the browser has ended", ended).await.expect("a killed process ends");
        self.inner.open.set(false);
        // The driver has to detect that the browser has ended.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.client().clone().close()).await;
        self.inner.profile.clone()
    }

    /// The browser's process id.
    pub(super) fn process(&self) -> String {
        let lock = match self.browser() {
            Browser::Chromium => "SingletonLock",
            Browser::Firefox => "lock",
        };
        let lock = fs::read_link(self.inner.profile.join(lock)).expect("the browser locks its profile");
        let lock = lock.to_string_lossy().into_owned();
        let (_, process) = lock.rsplit_once(['-', '+']).expect("the lock contains the process id");
        process.to_owned()
    }

    /// Returns `true` if the browser's local storage files contain a text. Browsers write these files with some seconds
    /// of delay. Chromium only.
    ///
    /// # Panics
    /// In any other browser.
    #[must_use]
    pub fn is_in_storage_files(&self, text: &str) -> bool {
        self.only_chromium_can("be searched for stored text");
        let folder = self.inner.profile.join("Default/Local Storage/leveldb");
        let contains = |file: fs::DirEntry| {
            fs::read(file.path())
                .is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        };
        fs::read_dir(folder).is_ok_and(|files| files.flatten().any(contains))
    }

    /// Closes the browser without giving the page time to react.
    pub async fn close(&self) {
        if let Some(profile) = self.quit().await {
            // The profile is not needed any more.
            let _ = fs::remove_dir_all(profile);
        }
    }

    /// [`Self::close`], but keeps the profile folder and returns it.
    pub(crate) async fn quit(&self) -> Option<PathBuf> {
        let was_open = self.inner.open.replace(false);
        if was_open {
            // Fails if the browser has crashed.
            let _ = self.client().clone().close().await;
            // Ends a Firefox that has not closed.
            drop(self.inner.driver.take());
        }
        was_open.then(|| self.inner.profile.clone())
    }

    /// Returns `true` if the browser has not been closed or killed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.open.get()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.issue("se/log", json!({ "type": kind })).await;
        entries.ok().and_then(|entries| entries.as_array().cloned()).unwrap_or_default()
    }

    async fn issue(&self, path: &'static str, body: Value) -> Result<Value, String> {
        self.only_chromium_can(&format!("execute {path}"));
        self.client().issue_cmd(Vendor { path, body: body.to_string() }).await.map_err(|e| e.to_string())
    }

    pub(super) fn only_chromium_can(&self, what: &str) {
        let browser = self.browser();
        assert!(browser == Browser::Chromium, "{}: only Chromium can {what}, not {browser}", self.inner.name);
    }
}

/// A vendor-specific WebDriver command.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: String,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.clone()))
    }
}
