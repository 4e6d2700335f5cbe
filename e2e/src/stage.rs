//! What a test stands on: windows are opened here, and whatever happens, looked through and closed here.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::{browser::Browser, driver::Driver, page::Page};

/// How long a test may take; a browser that hangs must not hang them all.
const DEADLINE: Duration = Duration::from_secs(150);
/// How many tests run at once: each has two or three browsers.
const AT_ONCE: u32 = 2;

/// A running test.
#[derive(Debug)]
pub struct Stage {
    name: String,
    /// Of its windows, where nothing else is asked for.
    browser: Browser,
    pages: RefCell<Vec<Page>>,
}

/// How a window is to be.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The language that the browser asks for.
    pub language: &'a str,
}

impl Default for Window<'_> {
    fn default() -> Self {
        Self { language: "en-US" }
    }
}

/// Runs a test in Chromium: gives it a stage, and when it is over looks whether any browser has to complain of
/// something. When it fails, what the windows showed is kept in `target/e2e/`.
///
/// # Panics
/// When the test does, and when a browser complains.
pub fn stage(name: &str, test: impl AsyncFnOnce(&Stage)) {
    stage_in(Browser::Chromium, name, test);
}

/// [`stage`], in another browser.
///
/// # Panics
/// As [`stage`].
pub fn stage_in(browser: Browser, name: &str, test: impl AsyncFnOnce(&Stage)) {
    run(browser, DEADLINE, name, test);
}

/// [`stage`], in one browser after the other, up to the first in which it fails.
///
/// # Panics
/// As [`stage`].
pub fn stage_in_each(name: &str, test: impl AsyncFn(&Stage)) {
    for browser in Browser::ALL {
        stage_in(browser, name, &test);
    }
}

/// [`stage`], with a deadline of one's own.
///
/// # Panics
/// As [`stage`].
pub fn stage_within(deadline: Duration, name: &str, test: impl AsyncFnOnce(&Stage)) {
    run(Browser::Chromium, deadline, name, test);
}

fn run(browser: Browser, deadline: Duration, name: &str, test: impl AsyncFnOnce(&Stage)) {
    let _seat = Seat::take();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let stage = Stage { name: name.into(), browser, pages: RefCell::default() };
    let run = async {
        tokio::time::timeout(deadline, test(&stage))
            .await
            .unwrap_or_else(|_| panic!("{name} takes too long"));
        stage.complain().await;
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run)));
    runtime.block_on(stage.clear(outcome.is_err()));
    if let Err(why) = outcome {
        eprintln!("{name} has failed in {browser}");
        resume_unwind(why);
    }
}

impl Stage {
    /// Opens a window of a browser of its own, and a page in it.
    pub async fn open(&self, name: &str, url: &str) -> Page {
        self.open_in(self.browser, name, url).await
    }

    /// [`Self::open`], in another browser than the test's.
    pub async fn open_in(&self, browser: Browser, name: &str, url: &str) -> Page {
        let page = self.window_in(browser, name, Window::default()).await;
        page.goto(url).await;
        page
    }

    /// Opens a window with nothing in it.
    ///
    /// # Panics
    /// When there is none to be had.
    pub async fn window(&self, name: &str, window: Window<'_>) -> Page {
        self.window_in(self.browser, name, window).await
    }

    /// [`Self::window`], in another browser than the test's.
    ///
    /// # Panics
    /// As [`Self::window`].
    pub async fn window_in(&self, browser: Browser, name: &str, window: Window<'_>) -> Page {
        static PROFILES: AtomicU32 = AtomicU32::new(0);
        let number = PROFILES.fetch_add(1, Ordering::Relaxed);
        let profile = std::env::temp_dir().join(format!("parlour-e2e-{}-{number}", std::process::id()));
        self.window_of(browser, name, window, profile).await
    }

    /// Closes a page's browser, and opens it again with what it has kept, and nothing in it.
    ///
    /// # Panics
    /// When it is closed already, when it has complaints, and when there is none to be had.
    pub async fn reopen(&self, name: &str, window: Window<'_>, page: &Page) -> Page {
        let complaints = page.complaints().await;
        assert!(complaints.is_empty(), "the browser complains:\n{}", complaints.join("\n"));
        let profile = page.quit().await.expect("a page that is open");
        self.pages.borrow_mut().retain(Page::is_open);
        self.window_of(page.browser(), name, window, profile).await
    }

    /// Kills a page's browser, and opens it again with what it has kept, and nothing in it.
    ///
    /// # Panics
    /// When it can't be killed, and when there is none to be had.
    pub async fn revive(&self, name: &str, window: Window<'_>, page: &Page) -> Page {
        let profile = page.kill().await;
        self.pages.borrow_mut().retain(Page::is_open);
        self.window_of(page.browser(), name, window, profile).await
    }

    async fn window_of(&self, browser: Browser, name: &str, window: Window<'_>, profile: PathBuf) -> Page {
        let driver = Driver::of(browser, &profile).await;
        let capabilities = browser.capabilities(window, &profile);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().expect("an object").clone())
            .connect(driver.url())
            .await
            .unwrap_or_else(|error| panic!("{browser} opens no window: {error}"));
        let name = match browser {
            Browser::Chromium => format!("{}-{name}", self.name),
            Browser::Firefox => format!("{}-{name}-firefox", self.name),
        };
        let page = Page::new(name, browser, driver, client, profile);
        self.pages.borrow_mut().push(page.clone());
        page
    }

    async fn complain(&self) {
        let mut complaints = Vec::new();
        let pages = self.pages.borrow().clone();
        for page in pages.iter().filter(|page| page.is_open()) {
            complaints.extend(page.complaints().await);
        }
        assert!(complaints.is_empty(), "the browser complains:\n{}", complaints.join("\n"));
    }

    async fn clear(&self, failed: bool) {
        for page in self.pages.take() {
            if failed {
                page.keep().await;
            }
            // One whose browser has crashed can't be closed, which is no news by now.
            let _ = tokio::time::timeout(Duration::from_secs(10), page.close()).await;
        }
    }
}

/// A place among those that run at once.
struct Seat;

static SEATED: Mutex<u32> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

impl Seat {
    fn take() -> Self {
        let seated = SEATED.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |seated: &mut u32| *seated >= AT_ONCE;
        *FREED.wait_while(seated, full).unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        *SEATED.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FREED.notify_one();
    }
}
