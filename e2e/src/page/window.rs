//! The window that a page is in, and its browser: what a developer can do with it. Much of it only Chromium can.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};

use super::{DEADLINE, Entry, Page};
use crate::{browser::Browser, driver::Driver, environment::Environment, eventually::wait};

impl Page {
    /// Which it is in.
    #[must_use]
    pub fn browser(&self) -> Browser {
        self.inner.browser
    }

    /// Sends a command of the DevTools protocol, in Chromium.
    ///
    /// # Panics
    /// When the browser refuses it, and in any other browser.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": method, "params": parameters });
        self.issue("goog/cdp/execute", body).await.unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    /// Runs a script in every document that will be loaded, before anything of its own. In Chromium.
    ///
    /// # Panics
    /// In any other browser.
    pub async fn before_load(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Makes the screen as large as this; a small one is a phone's, which in Chromium has no mouse either.
    pub async fn resize(&self, width: u32, height: u32) {
        if self.browser() == Browser::Firefox {
            return self.resize_window(width, height).await;
        }
        let mobile = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await;
    }

    /// Makes the window so large that the page in it has this size.
    async fn resize_window(&self, width: u32, height: u32) {
        let script = "return [outerWidth - innerWidth, outerHeight - innerHeight]";
        let [bars_width, bars_height]: [u32; 2] = self.eval(script, vec![]).await;
        let client = self.client();
        let resized = client.set_window_rect(0, 0, width + bars_width, height + bars_height).await;
        resized.expect("a window can be given a size");
        let size = format!(
            "return (innerWidth === {width} && innerHeight === {height}) || [innerWidth, innerHeight]"
        );
        self.until_true(&format!("a window of {width} by {height}"), &size).await;
    }

    /// Puts the window out of sight.
    ///
    /// # Panics
    /// When the browser can't.
    pub async fn look_away(&self) {
        self.client().minimize_window().await.expect("a window can be put away");
        self.until_true("the page is hidden", "return document.hidden").await;
    }

    /// Brings it back.
    ///
    /// # Panics
    /// When the browser can't.
    pub async fn look_back(&self) {
        self.client().set_window_rect(0, 0, 1280, 800).await.expect("a window can be brought back");
        self.until_true("the page is seen", "return !document.hidden").await;
    }

    /// A picture of what is on the screen, as PNG.
    ///
    /// # Panics
    /// When the browser takes none.
    pub async fn screenshot(&self) -> Vec<u8> {
        if self.browser() == Browser::Firefox {
            return self.client().screenshot().await.expect("a picture");
        }
        let taken = self.devtools("Page.captureScreenshot", json!({ "format": "png" })).await;
        STANDARD.decode(taken["data"].as_str().unwrap_or_default()).expect("a picture")
    }

    /// The console so far. Of Firefox's, what the page has written and what it has thrown: no reports of the content
    /// security policy.
    pub async fn console(&self) -> Vec<Entry> {
        if self.browser() == Browser::Firefox {
            // One that is closed has nothing more to say.
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

    /// The URLs that were asked for so far, sockets too. In Chromium.
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

    /// What the browser has to complain of: errors in the console, and in Chromium also reports of the content security
    /// policy and requests to where the page has no business.
    pub async fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for Entry { level, source, message } in self.console().await {
            let wrong =
                level == "SEVERE" || source == "security" || message.contains("Content Security Policy");
            if wrong && !self.inner.expected.borrow().iter().any(|words| message.contains(words)) {
                complaints.push(format!("{}: console {level} ({source}): {message}", self.inner.name));
            }
        }
        if self.browser() != Browser::Chromium {
            return complaints;
        }
        let reachable = self.inner.reachable.borrow().clone();
        for url in self.requests().await {
            let parsed = url::Url::parse(&url).expect("a browser asks for URLs");
            let known = match (parsed.host_str(), parsed.port_or_known_default()) {
                (Some(host), Some(port)) => reachable.contains(&format!("{host}:{port}")),
                // data:, blob: and about: stay in the browser.
                _ => true,
            };
            if !known {
                complaints.push(format!("{}: a request to {url}", self.inner.name));
            }
        }
        complaints
    }

    /// Leaves a picture, the document and the console in `target/e2e/`.
    pub async fn keep(&self) {
        if !self.inner.open.get() {
            return;
        }
        let folder = Environment::target("e2e");
        let file = |ending: &str| folder.join(format!("{}.{ending}", self.inner.name));
        // What can't be kept must not hide why the test failed.
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
        eprintln!("what {} showed is in {}", self.inner.name, folder.display());
    }

    /// What shows the tab that is looked at dies, as it does when it runs out of memory. The browser's other tabs go on;
    /// one of them is to be looked at next. In Chromium.
    ///
    /// # Panics
    /// In any other browser.
    pub async fn crash(&self) {
        // Nobody is left to answer.
        let crash = self.issue("goog/cdp/execute", json!({ "cmd": "Page.crash", "params": {} }));
        let _ = tokio::time::timeout(Duration::from_secs(2), crash).await;
    }

    /// Kills the whole browser, which has no time for anything. What it has kept stays where it is: here.
    pub(crate) async fn kill(&self) -> PathBuf {
        let process = self.process();
        match self.browser() {
            Browser::Chromium => {
                let killed = Command::new("kill").args(["-9", &process]).status();
                assert!(killed.is_ok_and(|status| status.success()), "the browser can be killed");
            }
            // It goes with its driver.
            Browser::Firefox => drop(self.inner.driver.take()),
        }
        let exe = std::path::Path::new("/proc").join(process).join("exe");
        let gone = async || if exe.exists() { Err(format!("{} is there", exe.display())) } else { Ok(()) };
        wait(DEADLINE, "the browser is gone", gone).await.expect("who is killed is gone");
        self.inner.open.set(false);
        // The driver learns of it.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.client().clone().close()).await;
        self.inner.profile.clone()
    }

    /// The browser's, as digits.
    fn process(&self) -> String {
        let lock = match self.browser() {
            Browser::Chromium => "SingletonLock",
            Browser::Firefox => "lock",
        };
        let lock = fs::read_link(self.inner.profile.join(lock)).expect("a browser locks its profile");
        let lock = lock.to_string_lossy().into_owned();
        let (_, process) = lock.rsplit_once(['-', '+']).expect("the lock names the process");
        process.to_owned()
    }

    /// Whether there is a text in what the browser keeps of its local storage: that is in a file some seconds later. In
    /// Chromium.
    ///
    /// # Panics
    /// In any other browser.
    #[must_use]
    pub fn has_in_file(&self, text: &str) -> bool {
        self.only_chromium_can("show its files");
        let folder = self.inner.profile.join("Default/Local Storage/leveldb");
        let holds = |file: fs::DirEntry| {
            fs::read(file.path())
                .is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        };
        fs::read_dir(folder).is_ok_and(|files| files.flatten().any(holds))
    }

    /// Closes the browser, as a user does who is in a hurry: the page has no say in it.
    pub async fn close(&self) {
        if let Some(profile) = self.quit().await {
            // Left behind, it would only take up room.
            let _ = fs::remove_dir_all(profile);
        }
    }

    /// [`Self::close`], but what the browser has kept stays where it is: here.
    pub(crate) async fn quit(&self) -> Option<PathBuf> {
        let was_open = self.inner.open.replace(false);
        if was_open {
            // One that has crashed is closed already.
            let _ = self.client().clone().close().await;
            // And with it a Firefox that did not close, or not yet.
            drop(self.inner.driver.take());
        }
        was_open.then(|| self.inner.profile.clone())
    }

    /// Whether [`Self::close`] has not been called.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.open.get()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.issue("se/log", json!({ "type": kind })).await;
        entries.ok().and_then(|entries| entries.as_array().cloned()).unwrap_or_default()
    }

    async fn issue(&self, path: &'static str, body: Value) -> Result<Value, String> {
        self.only_chromium_can(&format!("be asked for {path}"));
        self.client().issue_cmd(Vendor { path, body: body.to_string() }).await.map_err(|e| e.to_string())
    }

    fn only_chromium_can(&self, what: &str) {
        let browser = self.browser();
        assert!(browser == Browser::Chromium, "{}: only Chromium can {what}, not {browser}", self.inner.name);
    }
}

/// A command that only this driver knows.
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
