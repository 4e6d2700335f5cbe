//! A simulated user who sends messages, reloads, and opens and closes tabs.

use std::{
    cell::RefCell,
    ops::Add,
    time::{Duration, Instant},
};

use fantoccini::wd::WindowHandle;
use parlour_e2e::{
    Deck, MessagesView, Page, Rng, ShownMessage, StoredMessage, TestContext, WindowOptions,
    eventually_within, keys,
};
use serde_json::json;

use super::{ledger::Ledger, pause};

/// Deadline for a page to load and enter the room, with faults that may stall it for long.
const ENTER_ROOM_WITHIN: Duration = Duration::from_secs(90);
/// Deadline for a page to show everything that is stored.
const ALL_SHOWN_WITHIN: Duration = Duration::from_secs(30);

/// Logs in, unless a login is in progress.
const LOG_IN: &str = r"
    const nick = document.querySelector('#login-nick'), submit = document.querySelector('#login-submit');
    if (!nick || submit.getAttribute('aria-busy') === 'true') return false;
    nick.value = arguments[0];
    nick.dispatchEvent(new Event('input', { bubbles: true }));
    submit.click();
    return true;
";

#[derive(Clone, Copy, Debug)]
enum Action {
    Send,
    Wait,
    Reload,
    NavigateAway,
    Minimize,
    Reopen,
    SwitchTab,
    CloseTab,
}

/// The number of times that a user has performed each action.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActionCounts {
    pub sent: u32,
    pub reloads: u32,
    pub navigated_away: u32,
    pub minimized: u32,
    pub reopened: u32,
    pub tabs: u32,
    pub closed: u32,
    /// Logins in windows that already had a session.
    pub logins: u32,
}

impl Add for ActionCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            reloads: self.reloads + other.reloads,
            navigated_away: self.navigated_away + other.navigated_away,
            minimized: self.minimized + other.minimized,
            reopened: self.reopened + other.reopened,
            tabs: self.tabs + other.tabs,
            closed: self.closed + other.closed,
            logins: self.logins + other.logins,
        }
    }
}

/// A user in a browser.
pub struct User<'a> {
    pub name: &'static str,
    pub counts: ActionCounts,
    test: &'a TestContext,
    window: WindowOptions<'static>,
    url: &'a str,
    page: Page,
    /// The two tabs; closed ones are `None`.
    tabs: [Option<WindowHandle>; 2],
    /// Index of the current tab.
    tab: usize,
    rng: Rng,
    deck: Deck<Action>,
    ledger: &'a RefCell<Ledger>,
}

impl<'a> User<'a> {
    /// Opens a browser and logs in.
    pub async fn log_in(
        test: &'a TestContext,
        name: &'static str,
        window: WindowOptions<'static>,
        url: &'a str,
        rng: Rng,
        ledger: &'a RefCell<Ledger>,
    ) -> Self {
        let page = test.open_blank(name, window).await;
        let deck = Deck::new(&[
            (18, Action::Send),
            (3, Action::Wait),
            (2, Action::Reload),
            (1, Action::NavigateAway),
            (2, Action::Minimize),
            (1, Action::Reopen),
            (4, Action::SwitchTab),
            (2, Action::CloseTab),
        ]);
        let (counts, tabs) = (ActionCounts::default(), [Some(page.tab().await), None]);
        let mut user = Self { name, counts, test, window, url, page, tabs, tab: 0, rng, deck, ledger };
        user.open_page().await;
        user.until_in_room(true).await;
        user
    }

    /// Performs random actions until the given time.
    pub async fn act(&mut self, until: Instant) {
        while Instant::now() < until {
            match self.deck.draw(&mut self.rng) {
                Action::Send => self.send_messages().await,
                Action::Wait => {
                    pause(self.rng.millis(50..1_000)).await;
                    self.observe().await;
                }
                Action::Reload => self.reload().await,
                Action::NavigateAway => self.navigate_away().await,
                Action::Minimize => self.minimize().await,
                Action::Reopen => self.reopen().await,
                Action::SwitchTab => self.switch_tab().await,
                Action::CloseTab => self.close_tab().await,
            }
        }
    }

    /// Sends one to three messages in a row.
    async fn send_messages(&mut self) {
        for _ in 0..self.rng.in_range(1..4) {
            self.counts.sent += 1;
            let text = format!("{}{}", self.prefix(self.tab), self.counts.sent);
            self.ledger.borrow_mut().typed(&text);
            self.page.fill("#composer-text", &text).await;
            self.page.press(keys::ENTER).await;
            if self.observe().await.composer.as_deref() == Some("") {
                self.ledger.borrow_mut().accepted(&text);
            }
        }
        pause(self.rng.mostly_short(10..1_000)).await;
    }

    async fn reload(&mut self) {
        self.counts.reloads += 1;
        self.about_to_close(false).await;
        if self.page.try_to_load(None).await.is_err() {
            self.open_page().await;
        }
        self.until_in_room(false).await;
    }

    async fn navigate_away(&mut self) {
        self.counts.navigated_away += 1;
        self.about_to_close(false).await;
        self.page.try_to_load(Some("about:blank")).await.expect("open about:blank");
        pause(self.rng.mostly_short(10..3_000)).await;
        if self.page.client().back().await.is_err() {
            self.open_page().await;
        }
        self.until_in_room(false).await;
    }

    async fn minimize(&mut self) {
        self.counts.minimized += 1;
        self.page.minimize().await;
        pause(self.rng.millis(200..4_000)).await;
        self.observe().await;
        self.page.restore().await;
    }

    async fn reopen(&mut self) {
        self.counts.reopened += 1;
        self.about_to_close(true).await;
        self.page = self.test.reopen(self.name, self.window, &self.page).await;
        (self.tabs, self.tab) = ([Some(self.page.tab().await), None], 0);
        self.open_page().await;
        self.until_in_room(false).await;
    }

    /// Switches to the other tab, or opens it. A new tab may show the login page, because another user could log in
    /// there.
    async fn switch_tab(&mut self) {
        self.counts.tabs += 1;
        let other = 1 - self.tab;
        let is_new = self.tabs[other].is_none();
        if is_new {
            let opened = self.page.client().new_window(true).await.expect("open a new tab");
            self.tabs[other] = Some(opened.handle);
        }
        self.switch_to(other).await;
        if is_new {
            self.open_page().await;
        }
        self.until_in_room(is_new).await;
    }

    /// Closes the current tab of two. If there is only one, opens another first and then closes the original, which is the
    /// leader.
    async fn close_tab(&mut self) {
        let other = 1 - self.tab;
        if self.tabs[other].is_none() {
            self.switch_tab().await;
            self.switch_to(1 - other).await;
        }
        self.counts.closed += 1;
        self.about_to_close(false).await;
        self.page.client().close_window().await.expect("close a tab");
        self.tabs[self.tab] = None;
        self.switch_to(other).await;
        self.until_in_room(false).await;
    }

    async fn switch_to(&mut self, tab: usize) {
        self.page.switch_to(self.tabs[tab].as_ref().expect("an open tab")).await;
        self.page.devtools("Page.bringToFront", json!({})).await;
        self.tab = tab;
    }

    /// The beginning of all messages sent in a tab.
    fn prefix(&self, tab: usize) -> String {
        format!("{}.{tab} ", self.name)
    }

    async fn about_to_close(&mut self, all: bool) {
        self.observe().await;
        let prefix = if all { format!("{}.", self.name) } else { self.prefix(self.tab) };
        self.ledger.borrow_mut().closed(&prefix);
    }

    async fn open_page(&self) {
        // Browsers log an error for each failed or lost connection.
        for words in ["WebSocket connection to", "net::ERR_"] {
            self.page.expect_error(words);
        }
        let host = self.url.trim_start_matches("http://").trim_end_matches('/');
        self.page.allow_host(host);
        // A failed load is repeated later.
        let _ = self.page.try_to_load(Some(self.url)).await;
    }

    async fn observe(&self) -> MessagesView {
        let view = self.page.messages_view().await;
        self.ledger.borrow_mut().seen(&view);
        view
    }

    /// Waits for the room: logs in if necessary, and reloads a page that could not be loaded. Only a new window may need a
    /// login.
    async fn until_in_room(&mut self, is_new: bool) {
        let mut logins = 0;
        let what = format!("{} is in the room", self.name);
        eventually_within(ENTER_ROOM_WITHIN, &what, async || {
            let view = self.observe().await;
            if view.room {
                return Ok(());
            }
            if view.login {
                let logged_in: bool = self.page.eval(LOG_IN, vec![self.name.into()]).await;
                logins += u32::from(logged_in);
            } else if view.boot_or_crash.is_none_or(|words| words != "Parlour") {
                self.open_page().await;
            }
            // A nick that is still in use must not be requested continuously.
            pause(Duration::from_millis(200)).await;
            Err(self.page.messages_view().await.summary())
        })
        .await;
        self.counts.logins += logins - u32::from(is_new).min(logins);
    }

    /// Waits until all messages of all tabs are sent.
    pub async fn recover(&mut self, within: Duration) {
        for tab in self.open_tabs() {
            self.switch_to(tab).await;
            self.until_in_room(false).await;
            eventually_within(within, &format!("{} has sent everything", self.name), async || {
                let view = self.observe().await;
                if view.settled() { Ok(()) } else { Err(view.summary()) }
            })
            .await;
        }
    }

    /// All messages that each tab shows in the end, once they are as many as are stored.
    pub async fn shown_messages(
        &mut self,
        log: &[StoredMessage],
        mut members: [&str; 2],
    ) -> Vec<(String, Vec<ShownMessage>)> {
        members.sort_unstable();
        let mut shown = Vec::new();
        for tab in self.open_tabs() {
            self.switch_to(tab).await;
            let what = format!("{} shows all members and messages", self.name);
            let mut messages = Vec::new();
            eventually_within(ALL_SHOWN_WITHIN, &what, async || {
                let mut view = self.observe().await;
                view.members.sort_unstable();
                if view.members != members {
                    return Err(view.summary());
                }
                self.page.devtools("Page.bringToFront", serde_json::json!({})).await;
                let read = self.page.read_all_messages().await;
                let enough = read.len() >= log.len();
                messages = read;
                if enough { Ok(()) } else { Err(format!("{} of {} messages", messages.len(), log.len())) }
            })
            .await;
            shown.push((format!("{} (tab {tab})", self.name), messages));
        }
        shown
    }

    fn open_tabs(&self) -> Vec<usize> {
        (0..2).filter(|tab| self.tabs[*tab].is_some()).collect()
    }
}
