//! A page in a browser window: what a user can do with it and see on it.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::PathBuf,
    process::Command,
    rc::Rc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::{Client, Locator, elements::Element, wd::WebDriverCompatibleCommand};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    driver::Driver,
    environment::Environment,
    eventually::wait,
    view::{GLANCE, Glance, LOOK, View},
};

/// Keys as WebDriver has them.
pub mod keys {
    /// Enter.
    pub const ENTER: &str = "\u{E007}";
    /// Enter with Shift held down.
    pub const SHIFT_ENTER: &str = "\u{E008}\u{E007}\u{E000}";
    /// Escape.
    pub const ESCAPE: &str = "\u{E00C}";
    /// Tab.
    pub const TAB: &str = "\u{E004}";
}

/// How long a page may take to show what it should.
const DEADLINE: Duration = Duration::from_secs(20);

/// A page in a window of its own browser. Clones are the same page.
#[derive(Clone, Debug)]
pub struct Page {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Test and window, for what is left to look at.
    name: String,
    browser: Browser,
    /// Until the browser is closed.
    driver: RefCell<Option<Driver>>,
    client: Client,
    profile: PathBuf,
    open: Cell<bool>,
    /// `host:port` of what it may talk with.
    reachable: RefCell<Vec<String>>,
    /// Parts of console errors that are no mistake.
    expected: RefCell<Vec<String>>,
    /// Where the console's and the network's entries go when they are read.
    console: RefCell<Vec<Entry>>,
    network: RefCell<Vec<String>>,
}

/// A line of the browser's console.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `SEVERE`, `WARNING`, `INFO`, `DEBUG`.
    pub level: String,
    /// `console-api`, `security`, `network`, `javascript`, ...
    pub source: String,
    /// The words.
    pub message: String,
}

impl Page {
    pub(crate) fn new(
        name: String,
        browser: Browser,
        driver: Driver,
        client: Client,
        profile: PathBuf,
    ) -> Self {
        let inner = Inner {
            name,
            browser,
            driver: RefCell::new(Some(driver)),
            client,
            profile,
            open: Cell::new(true),
            reachable: RefCell::default(),
            expected: RefCell::default(),
            console: RefCell::default(),
            network: RefCell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    // ---- going somewhere

    /// Opens a URL.
    ///
    /// # Panics
    /// When the browser can't.
    pub async fn goto(&self, url: &str) {
        let host = url::Url::parse(url).expect("a URL");
        self.may_reach(&format!("{}:{}", host.host_str().unwrap(), host.port_or_known_default().unwrap()));
        self.client().goto(url).await.expect("the browser opens the page");
    }

    /// Loads the page again.
    ///
    /// # Panics
    /// When the browser can't.
    pub async fn reload(&self) {
        match self.browser() {
            Browser::Chromium => self.client().refresh().await.expect("the browser loads the page again"),
            Browser::Firefox => self.reload_itself().await,
        }
    }

    /// As a user does it. Asked by its driver, Firefox goes past the page's worker, as a user does with Shift held down.
    async fn reload_itself(&self) {
        self.eval::<()>("window.left = true; location.reload()", vec![]).await;
        let loaded = wait(DEADLINE, "the page is loaded again", async || {
            // Between two documents there is none to be asked.
            let asked = self.client().execute("return !window.left && document.readyState", vec![]).await;
            match asked.map_err(|error| error.to_string())? {
                Value::String(state) if state == "complete" => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
        self.or_fail(loaded).await;
    }

    /// Opens a URL, or loads the page again where there is none, with a server that may be away.
    ///
    /// # Errors
    /// What the browser says when it can't.
    pub async fn try_to_load(&self, url: Option<&str>) -> Result<(), String> {
        let loaded = match url {
            Some(url) => self.client().goto(url).await,
            None => self.client().refresh().await,
        };
        loaded.map_err(|error| error.to_string())
    }

    /// The page is meant to talk with `host:port`, though it does not come from there.
    pub fn may_reach(&self, address: &str) {
        self.inner.reachable.borrow_mut().push(address.into());
    }

    /// A console error with these words in it is no mistake.
    pub fn expect_error(&self, words: &str) {
        self.inner.expected.borrow_mut().push(words.into());
    }

    /// The server is going to be away, and a browser writes an error of its own for each attempt.
    pub fn expect_lost_connections(&self) {
        self.expect_error("WebSocket connection to");
    }

    // ---- seeing

    /// What it shows now.
    ///
    /// # Panics
    /// When the page can't be asked.
    pub async fn look(&self) -> View {
        self.eval(LOOK, vec![]).await
    }

    /// All of its messages, and little else.
    ///
    /// # Panics
    /// When the page can't be asked.
    pub async fn glance(&self) -> Glance {
        self.eval(GLANCE, vec![]).await
    }

    /// Waits until it shows something, and gives what it shows then.
    ///
    /// # Panics
    /// When it never does.
    pub async fn until(&self, what: &str, test: impl Fn(&View) -> bool) -> View {
        self.until_within(DEADLINE, what, test).await
    }

    /// [`Self::until`], with a deadline of one's own.
    ///
    /// # Panics
    /// When it never does.
    pub async fn until_within(&self, deadline: Duration, what: &str, test: impl Fn(&View) -> bool) -> View {
        let waited = wait(deadline, what, async || {
            let view = self.look().await;
            if test(&view) { Ok(view) } else { Err(format!("{view:#?}")) }
        })
        .await;
        self.or_fail(waited).await
    }

    /// Waits until a script in the page gives `true`. What it gives until then is told when it never does.
    ///
    /// # Panics
    /// When it never does.
    pub async fn until_true(&self, what: &str, script: &str) {
        let waited = wait(DEADLINE, what, async || match self.eval::<Value>(script, vec![]).await {
            Value::Bool(true) => Ok(()),
            other => Err(format!("{other:#}")),
        })
        .await;
        self.or_fail(waited).await;
    }

    /// Runs a script in the page.
    ///
    /// # Panics
    /// When it throws, or gives something else than expected.
    pub async fn eval<T: DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> T {
        let value =
            self.client().execute(script, arguments).await.unwrap_or_else(|e| panic!("{e}\nin: {script}"));
        serde_json::from_value(value).unwrap_or_else(|e| panic!("{e}\nfrom: {script}"))
    }

    /// What an expression gives once it has given the same for ten frames on end: where something is, when all that
    /// is laid out late has been. Only of a page that is seen; others have no frames.
    ///
    /// # Panics
    /// When it throws, and when it goes on moving.
    pub async fn still(&self, expression: &str) -> f64 {
        let script = format!(
            "return new Promise((resolve, reject) => {{
                let [last, frames] = [null, 0];
                const frame = () => {{
                    try {{
                        const now = {expression};
                        frames = now === last ? frames + 1 : 0;
                        last = now;
                    }} catch (error) {{ return reject(error); }}
                    if (frames < 10) requestAnimationFrame(frame); else resolve(last);
                }};
                requestAnimationFrame(frame);
            }});"
        );
        self.eval(&script, vec![]).await
    }

    // ---- doing

    /// Clicks on the first element of a selector, once it is there.
    ///
    /// # Panics
    /// When it is not there, or something lies over it.
    pub async fn click(&self, selector: &str) {
        let clicked = wait(DEADLINE, &format!("a click on {selector}"), async || {
            self.find(selector).await?.click().await.map_err(|e| e.to_string())
        })
        .await;
        self.or_fail(clicked).await;
    }

    /// Presses keys where the focus is.
    ///
    /// # Panics
    /// When nothing has it.
    pub async fn press(&self, keys: &str) {
        let focused = self.client().active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("keys can be pressed");
    }

    /// Types text where the focus is, as an input method gives it: any characters, at once.
    ///
    /// # Panics
    /// When nothing has the focus that takes text.
    pub async fn type_text(&self, text: &str) {
        match self.browser() {
            Browser::Chromium => drop(self.devtools("Input.insertText", json!({ "text": text })).await),
            Browser::Firefox => {
                let script = "return document.execCommand('insertText', false, arguments[0])";
                assert!(self.eval::<bool>(script, vec![text.into()]).await, "{text:.40} can be typed");
            }
        }
    }

    /// Puts text into a field, in the place of what is in it.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        let script = "const e = document.querySelector(arguments[0]); e.focus(); e.select();";
        self.eval::<()>(script, vec![selector.into()]).await;
        if text.is_empty() {
            // Delete.
            self.press("\u{E017}").await;
        } else {
            self.type_text(text).await;
        }
    }

    /// Chooses a value of a menu: a `select`, or radio buttons under the id.
    pub async fn choose(&self, selector: &str, value: &str) {
        let script = r"
            const [selector, value] = arguments;
            const menu = document.querySelector(selector);
            if (!menu) return `${selector} is not there`;
            if (menu.tagName === 'SELECT') {
                if (![...menu.options].some((option) => option.value === value)) return menu.outerHTML;
                menu.value = value;
                menu.dispatchEvent(new Event('input', { bubbles: true }));
                menu.dispatchEvent(new Event('change', { bubbles: true }));
                return true;
            }
            const choice = menu.querySelector(`[value='${value}'], [data-value='${value}']`);
            if (!choice) return menu.outerHTML;
            choice.click();
            return true;
        ";
        let chosen: Value = self.eval(script, vec![selector.into(), value.into()]).await;
        assert_eq!(chosen, Value::Bool(true), "{value} can be chosen in {selector}");
    }

    /// Waits for the login page, and logs in where the page proposes.
    pub async fn log_in(&self, nick: &str) {
        self.submit_login(nick, None).await;
        self.until(&format!("{nick} is in the room"), |view| view.online() && view.lists(nick)).await;
    }

    /// Fills the login page and sends it off; what comes of it is left to be seen.
    pub async fn submit_login(&self, nick: &str, server: Option<&str>) {
        self.until("the login page", |view| view.login).await;
        self.fill("#login-nick", nick).await;
        if let Some(server) = server {
            self.may_reach(server);
            // The address is behind a summary.
            let open = "document.querySelector('#login-server').closest('details')?.setAttribute('open', '')";
            self.eval::<Value>(open, vec![]).await;
            self.fill("#login-server", server).await;
        }
        self.click("#login-submit").await;
    }

    /// Writes into the composer and presses Enter.
    pub async fn say(&self, text: &str) {
        self.fill("#composer-text", text).await;
        self.press(keys::ENTER).await;
    }

    /// Says something, and waits until the server has it and the composer is empty.
    pub async fn say_and_see(&self, text: &str) {
        self.say(text).await;
        let sent = |view: &View| view.has(text) && view.composer.as_deref() == Some("");
        self.until(&format!("own message {:.40} is sent", text), sent).await;
    }

    // ---- the browser

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

    /// The WebDriver session.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    async fn find(&self, selector: &str) -> Result<Element, String> {
        self.client().find(Locator::Css(selector)).await.map_err(|e| e.to_string())
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

    /// Keeps what is on the screen before the test's servers go away with it.
    async fn or_fail<T>(&self, waited: Result<T, String>) -> T {
        match waited {
            Ok(seen) => seen,
            Err(why) => {
                self.keep().await;
                panic!("{}: {why}", self.inner.name);
            }
        }
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
