//! A page in a browser window, and what it shows. The user's actions, and functions of its window and of tabs, are in modules
//! of their own.

mod announcements;
mod input;
mod login;
mod navigation;
mod renderer;
mod rooms;
mod search;
mod tabs;
mod window;

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

pub use self::{input::keys, renderer::StoppedRenderer};
use fantoccini::Client;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    browser::Browser,
    driver::Driver,
    eventually::wait,
    view::{MessagesView, READ_MESSAGES_VIEW, READ_VIEW, View},
};

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

    /// Waits until the element with an id has the focus.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_focused(&self, id: &str) {
        let script = format!("return document.activeElement.id === '{id}' || document.activeElement.id");
        self.until_true(&format!("{id} has the focus"), &script).await;
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

    /// The WebDriver session.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
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
