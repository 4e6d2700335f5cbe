//! Somebody who talks, and does with the page what people do.

use std::{
    cell::RefCell,
    ops::Add,
    time::{Duration, Instant},
};

use fantoccini::wd::WindowHandle;
use parlour_e2e::{Chance, Deck, Glance, Logged, Page, Said, Stage, Window, eventually_within, keys};
use serde_json::json;

use crate::{STORAGE_KEPT, TABS, ledger::Ledger, pause};

/// How long a page may take to be loaded and to be in the room, in a storm that may stall it for long.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a page may take to show what the log has.
const AGREED_WITHIN: Duration = Duration::from_secs(30);

/// Logs in, unless that is under way.
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
    Say,
    Watch,
    Reload,
    Leave,
    Hide,
    Reopen,
    Tab,
    CloseTab,
}

/// What somebody has done, and how often.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub said: u32,
    pub reloads: u32,
    pub left: u32,
    pub hidden: u32,
    pub reopened: u32,
    pub tabs: u32,
    pub closed: u32,
    /// Logins of windows that were not new.
    pub logins: u32,
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            said: self.said + other.said,
            reloads: self.reloads + other.reloads,
            left: self.left + other.left,
            hidden: self.hidden + other.hidden,
            reopened: self.reopened + other.reopened,
            tabs: self.tabs + other.tabs,
            closed: self.closed + other.closed,
            logins: self.logins + other.logins,
        }
    }
}

/// Somebody in a browser.
pub struct User<'a> {
    pub name: &'static str,
    pub tally: Tally,
    stage: &'a Stage,
    window: Window<'static>,
    url: &'a str,
    page: Page,
    /// Both tabs, or one of them.
    tabs: [Option<WindowHandle>; 2],
    /// Which of them is before the eyes.
    tab: usize,
    chance: Chance,
    deck: Deck<Action>,
    ledger: &'a RefCell<Ledger>,
}

impl<'a> User<'a> {
    /// Opens a browser and logs in.
    pub async fn come(
        stage: &'a Stage,
        name: &'static str,
        window: Window<'static>,
        url: &'a str,
        chance: Chance,
        ledger: &'a RefCell<Ledger>,
    ) -> Self {
        let page = stage.window(name, window).await;
        let deck = Deck::new(&[
            (18, Action::Say),
            (3, Action::Watch),
            (2, Action::Reload),
            (1, Action::Leave),
            (2, Action::Hide),
            (1, Action::Reopen),
            (if TABS { 4 } else { 0 }, Action::Tab),
            (if TABS { 2 } else { 0 }, Action::CloseTab),
        ]);
        let (tally, tabs) = (Tally::default(), [Some(own_tab(&page).await), None]);
        let mut user = Self { name, tally, stage, window, url, page, tabs, tab: 0, chance, deck, ledger };
        user.open_page().await;
        user.settle(true).await;
        user
    }

    /// Does this and that.
    pub async fn live(&mut self, until: Instant) {
        while Instant::now() < until {
            match self.deck.draw(&mut self.chance) {
                Action::Say => self.talk().await,
                Action::Watch => {
                    pause(self.chance.millis(50..1_000)).await;
                    self.glance().await;
                }
                Action::Reload => self.reload().await,
                Action::Leave => self.leave().await,
                Action::Hide => self.hide().await,
                Action::Reopen => self.reopen().await,
                Action::Tab => self.change_tab().await,
                Action::CloseTab => self.close_tab().await,
            }
        }
    }

    /// One message, or some at once.
    async fn talk(&mut self) {
        for _ in 0..self.chance.among(1..4) {
            self.tally.said += 1;
            let text = format!("{}{}", self.prefix(self.tab), self.tally.said);
            self.ledger.borrow_mut().typed(&text);
            self.page.fill("#composer-text", &text).await;
            self.page.press(keys::ENTER).await;
            if self.glance().await.composer.as_deref() == Some("") {
                self.ledger.borrow_mut().taken(&text);
            }
        }
        pause(self.chance.mostly_short(10..1_000)).await;
    }

    async fn reload(&mut self) {
        self.tally.reloads += 1;
        self.about_to_close(false).await;
        if self.page.try_to_load(None).await.is_err() {
            self.open_page().await;
        }
        self.settle(false).await;
    }

    async fn leave(&mut self) {
        self.tally.left += 1;
        self.about_to_close(false).await;
        self.page.try_to_load(Some("about:blank")).await.expect("a browser has an empty page");
        pause(self.chance.mostly_short(10..3_000)).await;
        if self.page.client().back().await.is_err() {
            self.open_page().await;
        }
        self.settle(false).await;
    }

    async fn hide(&mut self) {
        self.tally.hidden += 1;
        self.page.look_away().await;
        pause(self.chance.millis(200..4_000)).await;
        self.glance().await;
        self.page.look_back().await;
    }

    async fn reopen(&mut self) {
        self.tally.reopened += 1;
        self.about_to_close(true).await;
        self.page = self.stage.reopen(self.name, self.window, &self.page).await;
        (self.tabs, self.tab) = ([Some(own_tab(&self.page).await), None], 0);
        self.open_page().await;
        self.settle(false).await;
    }

    /// To the other tab, or to a new one, which may ask who one is: one may be two.
    async fn change_tab(&mut self) {
        self.tally.tabs += 1;
        let other = 1 - self.tab;
        let is_new = self.tabs[other].is_none();
        if is_new {
            let opened = self.page.client().new_window(true).await.expect("a new tab");
            self.tabs[other] = Some(opened.handle);
        }
        self.switch_to(other).await;
        if is_new {
            self.open_page().await;
        }
        self.settle(is_new).await;
    }

    /// Closes one of two tabs: any, or where there was but one, that one, which leads.
    async fn close_tab(&mut self) {
        let other = 1 - self.tab;
        if self.tabs[other].is_none() {
            self.change_tab().await;
            self.switch_to(1 - other).await;
        }
        self.tally.closed += 1;
        self.about_to_close(false).await;
        self.page.client().close_window().await.expect("a tab can be closed");
        self.tabs[self.tab] = None;
        self.switch_to(other).await;
        self.settle(false).await;
    }

    async fn switch_to(&mut self, tab: usize) {
        let handle = self.tabs[tab].clone().expect("a tab that is there");
        self.page.client().switch_to_window(handle).await.expect("a tab can be looked at");
        self.page.devtools("Page.bringToFront", json!({})).await;
        self.tab = tab;
    }

    /// What this person's messages begin with, in a tab.
    fn prefix(&self, tab: usize) -> String {
        format!("{}.{tab} ", self.name)
    }

    async fn about_to_close(&mut self, all: bool) {
        self.glance().await;
        let prefix = if all { format!("{}.", self.name) } else { self.prefix(self.tab) };
        self.ledger.borrow_mut().closed(&prefix);
    }

    async fn open_page(&self) {
        // The browser writes an error of its own for each connection that it can't open or keep.
        for words in ["WebSocket connection to", "net::ERR_"] {
            self.page.expect_error(words);
        }
        let host = self.url.trim_start_matches("http://").trim_end_matches('/');
        self.page.may_reach(host);
        // What does not come now comes when it is asked for again.
        let _ = self.page.try_to_load(Some(self.url)).await;
    }

    async fn glance(&self) -> Glance {
        let glance = self.page.glance().await;
        self.ledger.borrow_mut().seen(&glance);
        glance
    }

    /// Until the room is there: logs in when asked, and loads again what could not be loaded. Only a new window may ask.
    async fn settle(&mut self, is_new: bool) {
        let mut logins = 0;
        let what = format!("{} is in the room", self.name);
        eventually_within(PATIENCE, &what, async || {
            let glance = self.glance().await;
            if glance.room {
                return Ok(());
            }
            if glance.login {
                let logged_in: bool = self.page.eval(LOG_IN, vec![self.name.into()]).await;
                logins += u32::from(logged_in);
            } else if glance.trouble.is_none_or(|words| words != "Parlour") {
                self.open_page().await;
            }
            // A name that is still taken is not to be asked for all the time.
            pause(Duration::from_millis(200)).await;
            Err(self.page.glance().await.summary())
        })
        .await;
        self.tally.logins += logins - u32::from(is_new).min(logins);
    }

    /// Until all is well, in all tabs.
    pub async fn recover(&mut self, within: Duration) {
        for tab in self.there() {
            self.switch_to(tab).await;
            self.settle(false).await;
            eventually_within(within, &format!("{} has nothing that waits", self.name), async || {
                let glance = self.glance().await;
                if glance.settled() { Ok(()) } else { Err(glance.summary()) }
            })
            .await;
        }
    }

    /// What each tab shows in the end, all of it: what the log has, if that can be waited for.
    pub async fn shows(&mut self, log: &[Logged], mut there: [&str; 2]) -> Vec<(String, Vec<Said>)> {
        there.sort_unstable();
        let mut shown = Vec::new();
        for tab in self.there() {
            self.switch_to(tab).await;
            let what = format!("{} sees who is there and all that was said", self.name);
            let mut messages = Vec::new();
            eventually_within(AGREED_WITHIN, &what, async || {
                let mut glance = self.glance().await;
                glance.roster.sort_unstable();
                if glance.roster != there {
                    return Err(glance.summary());
                }
                self.page.devtools("Page.bringToFront", serde_json::json!({})).await;
                let read = self.page.read_through().await;
                let enough = read.len() >= log.len();
                messages = read;
                if enough { Ok(()) } else { Err(format!("{} of {} messages", messages.len(), log.len())) }
            })
            .await;
            shown.push((format!("{} (tab {tab})", self.name), messages));
        }
        shown
    }

    fn there(&self) -> Vec<usize> {
        (0..2).filter(|tab| self.tabs[*tab].is_some()).collect()
    }
}

async fn own_tab(page: &Page) -> WindowHandle {
    page.client().window().await.expect("a tab")
}

/// Without storage the login page comes after every reload.
const _: () = assert!(STORAGE_KEPT || !TABS, "tabs of one person share what is stored");
