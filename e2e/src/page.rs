//! A page in a browser window: user actions and what the page shows. Functions of its window and of tabs are in modules of
//! their own.

mod renderer;
mod tabs;
mod window;

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

pub use self::renderer::StoppedRenderer;
use fantoccini::{Client, Locator, elements::Element};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    driver::Driver,
    eventually::wait,
    server::Server,
    view::{MessagesView, READ_MESSAGES_VIEW, READ_VIEW, View},
};

/// Keys as WebDriver encodes them.
pub mod keys {
    /// Enter.
    pub const ENTER: &str = "\u{E007}";
    /// Enter with Shift held down.
    pub const SHIFT_ENTER: &str = "\u{E008}\u{E007}\u{E000}";
    /// Escape.
    pub const ESCAPE: &str = "\u{E00C}";
    /// Tab.
    pub const TAB: &str = "\u{E004}";
    /// Home.
    pub const HOME: &str = "\u{E011}";
    /// End.
    pub const END: &str = "\u{E010}";
    /// Arrow down.
    pub const DOWN: &str = "\u{E015}";

    /// A key pressed together with Control.
    #[must_use]
    pub fn with_control(key: &str) -> String {
        format!("\u{E009}{key}\u{E000}")
    }
}

/// Default deadline for the page to show an expected state.
const DEADLINE: Duration = Duration::from_secs(20);

/// A page in a window of its own browser. Clones refer to the same page.
#[derive(Clone, Debug)]
pub struct Page {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Names of test and window, used for artifacts.
    name: String,
    browser: Browser,
    /// `None` after the browser was closed.
    driver: RefCell<Option<Driver>>,
    client: Client,
    profile: PathBuf,
    open: Cell<bool>,
    /// `host:port` of hosts that the page may connect to.
    allowed_hosts: RefCell<Vec<String>>,
    /// Substrings of expected console errors.
    expected: RefCell<Vec<String>>,
    /// Console entries and requests read so far; WebDriver returns each only once.
    console: RefCell<Vec<Entry>>,
    network: RefCell<Vec<String>>,
}

/// An entry of the browser's console.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `SEVERE`, `WARNING`, `INFO`, `DEBUG`.
    pub level: String,
    /// `console-api`, `security`, `network`, `javascript`, ...
    pub source: String,
    /// The text.
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
            allowed_hosts: RefCell::default(),
            expected: RefCell::default(),
            console: RefCell::default(),
            network: RefCell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    // ---- navigation

    /// Opens a URL and allows connections to its host.
    ///
    /// # Panics
    /// If the browser fails to.
    pub async fn goto(&self, url: &str) {
        let host = url::Url::parse(url).expect("a URL");
        self.allow_host(&format!("{}:{}", host.host_str().unwrap(), host.port_or_known_default().unwrap()));
        self.client().goto(url).await.expect("the browser opens the page");
    }

    /// Reloads the page.
    ///
    /// # Panics
    /// If the browser fails to.
    pub async fn reload(&self) {
        match self.browser() {
            Browser::Chromium => self.client().refresh().await.expect("the browser reloads the page"),
            Browser::Firefox => self.reload_by_script().await,
        }
    }

    /// Reloads by a script, like the reload button. Firefox's driver bypasses the service worker, as Shift+reload does.
    async fn reload_by_script(&self) {
        self.eval::<()>("window.left = true; location.reload()", vec![]).await;
        let loaded = wait(DEADLINE, "the page is loaded again", async || {
            // While the document is replaced, scripts fail.
            let state = self.client().execute("return !window.left && document.readyState", vec![]).await;
            match state.map_err(|error| error.to_string())? {
                Value::String(state) if state == "complete" => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
        self.or_fail(loaded).await;
    }

    /// Opens a URL, or reloads if there is none. The server may be unreachable.
    ///
    /// # Errors
    /// The browser's error.
    pub async fn try_to_load(&self, url: Option<&str>) -> Result<(), String> {
        let loaded = match url {
            Some(url) => self.client().goto(url).await,
            None => self.client().refresh().await,
        };
        loaded.map_err(|error| error.to_string())
    }

    /// Allows the page to connect to `host:port`; requests to other hosts fail the test.
    pub fn allow_host(&self, address: &str) {
        self.inner.allowed_hosts.borrow_mut().push(address.into());
    }

    /// Console errors that contain this text do not fail the test.
    pub fn expect_error(&self, words: &str) {
        self.inner.expected.borrow_mut().push(words.into());
    }

    /// The server will be unreachable. Browsers log an error for each failed connection.
    pub fn expect_lost_connections(&self) {
        self.expect_error("WebSocket connection to");
    }

    // ---- state

    /// The current state of the page.
    ///
    /// # Panics
    /// If the page does not respond.
    pub async fn view(&self) -> View {
        self.eval(READ_VIEW, vec![]).await
    }

    /// All messages in the document, with less other state than [`Self::view`].
    ///
    /// # Panics
    /// If the page does not respond.
    pub async fn messages_view(&self) -> MessagesView {
        self.eval(READ_MESSAGES_VIEW, vec![]).await
    }

    /// Waits until the page shows what `test` checks for, and returns what it shows then.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until(&self, what: &str, test: impl Fn(&View) -> bool) -> View {
        self.until_within(DEADLINE, what, test).await
    }

    /// [`Self::until`] with a custom deadline.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_within(&self, deadline: Duration, what: &str, test: impl Fn(&View) -> bool) -> View {
        let waited = wait(deadline, what, async || {
            let view = self.view().await;
            if test(&view) { Ok(view) } else { Err(format!("{view:#?}")) }
        })
        .await;
        self.or_fail(waited).await
    }

    /// Waits until a script in the page returns `true`. The last other value is part of the failure message.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_true(&self, what: &str, script: &str) {
        let waited = wait(DEADLINE, what, async || match self.eval::<Value>(script, vec![]).await {
            Value::Bool(true) => Ok(()),
            other => Err(format!("{other:#}")),
        })
        .await;
        self.or_fail(waited).await;
    }

    /// Runs a script in the page and returns its value.
    ///
    /// # Panics
    /// If it throws, or returns a value of another type.
    pub async fn eval<T: DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> T {
        let value =
            self.client().execute(script, arguments).await.unwrap_or_else(|e| panic!("{e}\nin: {script}"));
        serde_json::from_value(value).unwrap_or_else(|e| panic!("{e}\nfrom: {script}"))
    }

    /// Evaluates an expression in each frame until ten frames in a row give the same value, and returns it. Used for
    /// positions, which change until the layout is complete. The page must be visible; hidden pages have no frames.
    ///
    /// # Panics
    /// If the expression throws, or if its value keeps changing until the script times out.
    pub async fn stable_value(&self, expression: &str) -> f64 {
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

    // ---- actions

    /// Clicks on the first element that matches a selector, waiting until it exists.
    ///
    /// # Panics
    /// If it does not appear, or another element covers it.
    pub async fn click(&self, selector: &str) {
        let clicked = wait(DEADLINE, &format!("a click on {selector}"), async || {
            self.find(selector).await?.click().await.map_err(|e| e.to_string())
        })
        .await;
        self.or_fail(clicked).await;
    }

    /// Presses keys in the focused element.
    ///
    /// # Panics
    /// If no element has the focus.
    pub async fn press(&self, keys: &str) {
        let focused = self.client().active_element().await.expect("an element has the focus");
        focused.send_keys(keys).await.expect("press keys");
    }

    /// Inserts text into the focused element at once, as an input method does. Supports all characters.
    ///
    /// # Panics
    /// If no text field has the focus.
    pub async fn type_text(&self, text: &str) {
        match self.browser() {
            Browser::Chromium => drop(self.devtools("Input.insertText", json!({ "text": text })).await),
            Browser::Firefox => {
                let script = "return document.execCommand('insertText', false, arguments[0])";
                assert!(self.eval::<bool>(script, vec![text.into()]).await, "insert {text:.40}");
            }
        }
    }

    /// Replaces the text of a field.
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

    /// Chooses a value of a `select`, or of a group of radio buttons or buttons inside the selected element.
    pub async fn choose(&self, selector: &str, value: &str) {
        let script = r"
            const [selector, value] = arguments;
            const menu = document.querySelector(selector);
            if (!menu) return `${selector} does not exist`;
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
        assert_eq!(chosen, Value::Bool(true), "choose {value} in {selector}");
    }

    /// Waits for the login page, and logs in on the proposed server.
    pub async fn log_in(&self, nick: &str) {
        self.submit_login(nick, None).await;
        self.until(&format!("{nick} is in the room"), |view| view.online() && view.lists(nick)).await;
    }

    /// Fills in and submits the login form, without waiting for the result.
    pub async fn submit_login(&self, nick: &str, server: Option<&str>) {
        self.until("the login page", |view| view.login).await;
        self.fill("#login-nick", nick).await;
        if let Some(server) = server {
            self.allow_host(server);
            // The address field is inside a closed `details` element.
            let open = "document.querySelector('#login-server').closest('details')?.setAttribute('open', '')";
            self.eval::<Value>(open, vec![]).await;
            self.fill("#login-server", server).await;
        }
        self.click("#login-submit").await;
    }

    /// Logs in to a server as soon as it accepts the nick.
    pub async fn log_in_when_free(&self, nick: &str, server: &Server) {
        let logged_in = wait(DEADLINE, &format!("{nick} is free"), async || {
            self.submit_login(nick, Some(server.address())).await;
            let view = self.until("an answer", |view| view.room || view.login_error.is_some()).await;
            if view.room { Ok(()) } else { Err(format!("{:?}", view.login_error)) }
        })
        .await;
        self.or_fail(logged_in).await;
    }

    /// Types into the composer and presses Enter.
    pub async fn send(&self, text: &str) {
        self.fill("#composer-text", text).await;
        self.press(keys::ENTER).await;
    }

    /// Sends a message, and waits until the server has acknowledged it and the composer is empty.
    pub async fn send_and_wait(&self, text: &str) {
        self.send(text).await;
        let sent = |view: &View| view.has_sent(text) && view.composer.as_deref() == Some("");
        self.until(&format!("own message {:.40} is sent", text), sent).await;
    }

    // ---- WebDriver

    /// The WebDriver session.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    async fn find(&self, selector: &str) -> Result<Element, String> {
        self.client().find(Locator::Css(selector)).await.map_err(|e| e.to_string())
    }

    /// On failure, saves artifacts and panics. The page must be saved before the test's servers stop.
    async fn or_fail<T>(&self, waited: Result<T, String>) -> T {
        match waited {
            Ok(seen) => seen,
            Err(why) => {
                self.save_artifacts().await;
                panic!("{}: {why}", self.inner.name);
            }
        }
    }
}
