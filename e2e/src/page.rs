//! A page in a browser window: what a user can do with it and see on it. Its window is in `page/window.rs`.

mod window;

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

use fantoccini::{Client, Locator, elements::Element};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    driver::Driver,
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
    /// Home.
    pub const HOME: &str = "\u{E011}";
    /// End.
    pub const END: &str = "\u{E010}";
    /// The arrow down.
    pub const DOWN: &str = "\u{E015}";

    /// A key with Control held down.
    #[must_use]
    pub fn with_control(key: &str) -> String {
        format!("\u{E009}{key}\u{E000}")
    }
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

    // ---- asking

    /// The WebDriver session.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    async fn find(&self, selector: &str) -> Result<Element, String> {
        self.client().find(Locator::Css(selector)).await.map_err(|e| e.to_string())
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
