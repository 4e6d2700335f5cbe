//! The clients that are compared: how each one's server is started and fed, and the selectors of its page. Nothing else
//! depends on the client.

mod floor;
mod floor_server;
mod irc;
mod listen;
mod lounge;
mod parlour;

pub use parlour::SENDERS;

use std::{any::Any, path::PathBuf, thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{browser::Browser, setting::Setting},
    target,
};

/// Sends messages to the room as other users. Runs on its own thread.
pub trait Feed: Send {
    /// Sends a message; it may be buffered until the next poll.
    fn send(&mut self, text: &str) -> Result<()>;
    /// Writes buffered messages and reads input; waits at most this long for input.
    fn poll(&mut self, wait: Duration) -> Result<()>;
    /// All messages are acknowledged, so that later ones are ordered after them. Always true for a single sender.
    fn settled(&self) -> bool {
        true
    }
}

/// A running server with a feed. Dropping it stops both.
pub struct Site {
    pub url: String,
    pub feed: Box<dyn Feed>,
    /// The server's data folder, if it stores messages.
    pub data: Option<PathBuf>,
    /// Keeps the server running.
    _server: Box<dyn Any>,
}

/// The number of messages in the room before anybody joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preloaded(pub u64);

/// A client that can be measured.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub name: &'static str,
    /// Selectors of the nick field, if there is a login page, and of the composer.
    login: Option<&'static str>,
    composer: &'static str,
    /// Selectors of the message list and of a message.
    list: &'static str,
    row: &'static str,
    /// Selector of the placeholder for messages not loaded, if the page has one.
    gap: Option<&'static str>,
    start: fn(&Setting, Preloaded) -> Result<Site>,
}

/// Parlour and its peers.
pub const PEERS: &[Peer] = &[parlour::PEER, lounge::PEER, floor::PEER];

pub const PARLOUR: &str = target::OURS;
pub const LOUNGE: &str = "lounge";
pub const FLOOR: &str = "floor";

/// Time for a page to complete its work after entering the room.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// The nick of the measured page, which no other client uses.
pub const NICK: &str = "reader";

impl Peer {
    /// Starts the server with this number of messages in the room, which not every peer supports.
    pub fn start(&self, setting: &Setting, preloaded: Preloaded) -> Result<Site> {
        (self.start)(setting, preloaded)
    }

    /// Starts a new browser with an empty page.
    pub fn browser(&self, setting: &Setting) -> Result<Browser> {
        let Self { login, composer, list, row, gap, .. } = self;
        let selectors: Value =
            json!({ "login": login, "composer": composer, "list": list, "row": row, "gap": gap });
        Browser::start(&setting.chrome, &setting.paths.out, &selectors)
    }

    /// Starts a new browser and enters the room.
    pub fn enter(&self, setting: &Setting, site: &Site) -> Result<Browser> {
        let mut browser = self.browser(setting)?;
        self.enter_room(&mut browser, site)?;
        Ok(browser)
    }

    /// Enters the room from an empty page.
    pub fn enter_room(&self, browser: &mut Browser, site: &Site) -> Result<()> {
        browser.goto(&site.url)?;
        browser.until::<f64>("the page can be used", "globalThis.bench?.usable")?;
        if let Some(login) = self.login {
            let field = format!("document.querySelector({})", json!(login));
            browser.eval::<bool>(&format!("({field}.focus(), {field}.select(), true)"))?;
            browser.insert(NICK)?;
            browser.press("Enter")?;
        }
        browser.until::<bool>("the composer is usable", "bench.can('composer')")?;
        // By script, because a click would have side effects in some pages.
        let focus = format!("(document.querySelector({}).focus(), true)", json!(self.composer));
        ensure!(browser.eval::<bool>(&focus)?, "the composer accepts the focus");
        browser.until::<bool>(
            "the message list exists",
            &format!("!!document.querySelector({})", json!(self.list)),
        )?;
        // There is no common signal for the end of this work.
        sleep(SETTLE_TIME);
        Ok(())
    }
}
