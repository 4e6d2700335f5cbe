//! Runs a browser test: opens its windows, checks them for unexpected errors, and closes them.

use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::{
    browser::{Browser, SiteData},
    driver::Driver,
    page::Page,
    server::Server,
};

/// Maximum duration of a test, so that an unresponsive browser does not block the run.
const DEADLINE: Duration = Duration::from_secs(150);
/// Number of concurrent tests; each uses two or three browsers.
const MAX_CONCURRENT_TESTS: u32 = 2;

thread_local! {
    /// The resources that the pages of this thread's test need until they are closed.
    static KEPT: RefCell<Vec<Arc<dyn Any>>> = RefCell::default();
}

/// Keeps a value until the pages of the current thread's test are closed.
pub fn keep_until_pages_close(value: Arc<impl Any>) {
    KEPT.with_borrow_mut(|kept| kept.push(value));
}

/// A running test.
#[derive(Debug)]
pub struct TestContext {
    name: String,
    /// The default browser for its windows.
    browser: Browser,
    pages: RefCell<Vec<Page>>,
    /// Additional arguments for the Chromium windows opened from now on.
    arguments: RefCell<Vec<String>>,
}

/// Options for a new window.
#[derive(Clone, Copy, Debug)]
pub struct WindowOptions<'a> {
    /// The browser's preferred language.
    pub language: &'a str,
}

impl Default for WindowOptions<'_> {
    fn default() -> Self {
        Self { language: "en-US" }
    }
}

/// Runs a test in Chromium, then fails it if a browser reported unexpected errors. Artifacts of a failed test are saved
/// in `target/e2e/`.
///
/// # Panics
/// If the test panics, or a browser reported unexpected errors.
pub fn browser_test(name: &str, test: impl AsyncFnOnce(&TestContext)) {
    browser_test_in(Browser::Chromium, name, test);
}

/// [`browser_test`] in another browser.
///
/// # Panics
/// As [`browser_test`].
pub fn browser_test_in(browser: Browser, name: &str, test: impl AsyncFnOnce(&TestContext)) {
    run(browser, DEADLINE, name, test);
}

/// [`browser_test`] in every browser in turn. Stops at the first failure.
///
/// # Panics
/// As [`browser_test`].
pub fn browser_test_in_each(name: &str, test: impl AsyncFn(&TestContext)) {
    for browser in Browser::ALL {
        browser_test_in(browser, name, &test);
    }
}

/// [`browser_test`] with a custom deadline.
///
/// # Panics
/// As [`browser_test`].
pub fn browser_test_within(deadline: Duration, name: &str, test: impl AsyncFnOnce(&TestContext)) {
    run(Browser::Chromium, deadline, name, test);
}

fn run(browser: Browser, deadline: Duration, name: &str, test: impl AsyncFnOnce(&TestContext)) {
    let _slot = Slot::acquire();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let context =
        TestContext { name: name.into(), browser, pages: RefCell::default(), arguments: RefCell::default() };
    let run = async {
        tokio::time::timeout(deadline, test(&context))
            .await
            .unwrap_or_else(|_| panic!("{name} exceeds its deadline of {deadline:?}"));
        context.assert_no_unexpected_errors().await;
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run)));
    runtime.block_on(context.close_all(outcome.is_err()));
    KEPT.take();
    if let Err(why) = outcome {
        eprintln!("{name} has failed in {browser}");
        resume_unwind(why);
    }
}

impl TestContext {
    /// Starts Chromium with additional arguments in windows opened from now on.
    pub fn add_arguments(&self, arguments: impl IntoIterator<Item = String>) {
        self.arguments.borrow_mut().extend(arguments);
    }

    /// Opens a page in a new browser with its own profile.
    pub async fn open(&self, name: &str, url: &str) -> Page {
        self.open_in(self.browser, name, url).await
    }

    /// [`Self::open`] in another browser than the test's default.
    pub async fn open_in(&self, browser: Browser, name: &str, url: &str) -> Page {
        let page = self.open_blank_in(browser, name, WindowOptions::default()).await;
        page.goto(url).await;
        page
    }

    /// Opens an empty window in a new browser with its own profile.
    ///
    /// # Panics
    /// If the browser does not start.
    pub async fn open_blank(&self, name: &str, window: WindowOptions<'_>) -> Page {
        self.open_blank_in(self.browser, name, window).await
    }

    /// [`Self::open_blank`] in another browser than the test's default.
    ///
    /// # Panics
    /// As [`Self::open_blank`].
    pub async fn open_blank_in(&self, browser: Browser, name: &str, window: WindowOptions<'_>) -> Page {
        self.open_with_profile(browser, name, window, SiteData::Allowed, new_profile()).await
    }

    /// Opens a page that can lose the network. See [`Page::go_offline`].
    pub async fn open_with_network_switch(&self, name: &str, url: &str) -> Page {
        let page = self.open_blank(name, WindowOptions::default()).await;
        page.install_network_switch().await;
        page.goto(url).await;
        page
    }

    /// Logs in as `nick` in another browser while the page of that user is offline, and lets that page connect again.
    pub async fn take_nick(&self, offline: &Page, nick: &str, server: &Server) -> Page {
        let other = self.open("other", &server.url()).await;
        other.log_in_when_free(nick, server).await;
        offline.allow_connections().await;
        other
    }

    /// Opens an empty window in a new browser whose settings forbid all sites to store data.
    ///
    /// # Panics
    /// As [`Self::open_blank`].
    pub async fn open_without_site_data(&self, name: &str) -> Page {
        let window = WindowOptions::default();
        self.open_with_profile(self.browser, name, window, SiteData::Blocked, new_profile()).await
    }

    /// Closes a page's browser, and opens an empty window with the same profile.
    ///
    /// # Panics
    /// If it is closed already, reported unexpected errors, or does not start.
    pub async fn reopen(&self, name: &str, window: WindowOptions<'_>, page: &Page) -> Page {
        let errors = page.unexpected_errors().await;
        assert!(errors.is_empty(), "unexpected errors in the browser:\n{}", errors.join("\n"));
        let profile = page.quit().await.expect("the page is open");
        self.pages.borrow_mut().retain(Page::is_open);
        self.open_with_profile(page.browser(), name, window, SiteData::Allowed, profile).await
    }

    /// Kills a page's browser, and opens an empty window with the same profile.
    ///
    /// # Panics
    /// If it cannot be killed, or does not start.
    pub async fn kill_and_reopen(&self, name: &str, window: WindowOptions<'_>, page: &Page) -> Page {
        let profile = page.kill().await;
        self.pages.borrow_mut().retain(Page::is_open);
        self.open_with_profile(page.browser(), name, window, SiteData::Allowed, profile).await
    }

    async fn open_with_profile(
        &self,
        browser: Browser,
        name: &str,
        window: WindowOptions<'_>,
        site_data: SiteData,
        profile: PathBuf,
    ) -> Page {
        let driver = Driver::start(browser, &profile).await;
        let mut capabilities = browser.capabilities(window, site_data, &profile);
        if let Some(arguments) = capabilities["goog:chromeOptions"]["args"].as_array_mut() {
            arguments.extend(self.arguments.borrow().iter().cloned().map(Into::into));
        }
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().expect("an object").clone())
            .connect(driver.url())
            .await
            .unwrap_or_else(|error| panic!("{browser} does not open a window: {error}"));
        let name = match browser {
            Browser::Chromium => format!("{}-{name}", self.name),
            Browser::Firefox => format!("{}-{name}-firefox", self.name),
        };
        let page = Page::new(name, browser, driver, client, profile);
        self.pages.borrow_mut().push(page.clone());
        page
    }

    async fn assert_no_unexpected_errors(&self) {
        let mut errors = Vec::new();
        let pages = self.pages.borrow().clone();
        for page in pages.iter().filter(|page| page.is_open()) {
            errors.extend(page.unexpected_errors().await);
        }
        assert!(errors.is_empty(), "unexpected errors in the browser:\n{}", errors.join("\n"));
    }

    async fn close_all(&self, failed: bool) {
        for page in self.pages.take() {
            if failed {
                page.save_artifacts().await;
            }
            // Fails if the browser has crashed.
            let _ = tokio::time::timeout(Duration::from_secs(10), page.close()).await;
        }
    }
}

/// A folder for the profile of a new browser.
fn new_profile() -> PathBuf {
    static PROFILES: AtomicU32 = AtomicU32::new(0);
    let number = PROFILES.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("parlour-e2e-{}-{number}", std::process::id()))
}

/// Permission to run. At most [`MAX_CONCURRENT_TESTS`] exist at a time.
struct Slot;

static IN_USE: Mutex<u32> = Mutex::new(0);
static RELEASED: Condvar = Condvar::new();

impl Slot {
    fn acquire() -> Self {
        let in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |in_use: &mut u32| *in_use >= MAX_CONCURRENT_TESTS;
        *RELEASED.wait_while(in_use, full).unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *IN_USE.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        RELEASED.notify_one();
    }
}
