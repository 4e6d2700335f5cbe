//! The clients that are compared: how each one's server is started and fed, and by which selectors its page is known.
//! Nothing else here knows one from another.

mod floor;
mod floor_server;
mod irc;
mod listen;
mod lounge;
mod parlour;

pub use parlour::TALKERS;

use std::{any::Any, path::PathBuf, thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{browser::Browser, setting::Setting},
    target,
};

/// Says things in the room as other people. Sent from a thread of its own.
pub trait Feed: Send {
    /// Says something; it may leave with the next turn.
    fn say(&mut self, text: &str) -> Result<()>;
    /// Sends what was said and reads what came in; waits for something to come in no longer than this.
    fn turn(&mut self, wait: Duration) -> Result<()>;
    /// All that was said has its place in the room: what is said from now on comes after it. So it is where one alone talks.
    fn settled(&self) -> bool {
        true
    }
}

/// A running server, and who talks there; until this is dropped.
pub struct Site {
    pub url: String,
    pub feed: Box<dyn Feed>,
    /// Where the server keeps what was said, if it does.
    pub data: Option<PathBuf>,
    /// Ends with it.
    _keep: Box<dyn Any>,
}

/// What is in the room before anybody comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held(pub u64);

/// A client that can be measured.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub name: &'static str,
    /// The field of the name, where there is something before the room; and the composer.
    login: Option<&'static str>,
    composer: &'static str,
    /// The element that messages come and go in, and a message.
    list: &'static str,
    row: &'static str,
    /// What stands where messages are known to be missing, in a page that says so.
    gap: Option<&'static str>,
    start: fn(&Setting, Held) -> Result<Site>,
}

/// Parlour and its peers.
pub const PEERS: &[Peer] = &[parlour::PEER, lounge::PEER, floor::PEER];

pub const PARLOUR: &str = target::OURS;
pub const LOUNGE: &str = "lounge";
pub const FLOOR: &str = "floor";

/// Until a page that has come in has done all that comes with it.
const REST: Duration = Duration::from_secs(1);

/// The name by which the page is in the room, which is nobody else's.
const NICK: &str = "reader";

impl Peer {
    /// Starts the server, with so many messages in its room; not every peer can.
    pub fn start(&self, setting: &Setting, held: Held) -> Result<Site> {
        (self.start)(setting, held)
    }

    /// A new browser that has not been anywhere.
    pub fn browser(&self, setting: &Setting) -> Result<Browser> {
        let Self { login, composer, list, row, gap, .. } = self;
        let selectors: Value =
            json!({ "login": login, "composer": composer, "list": list, "row": row, "gap": gap });
        Browser::start(&setting.chrome, &setting.place.out, &selectors)
    }

    /// A new browser whose page is in the room.
    pub fn enter(&self, setting: &Setting, site: &Site) -> Result<Browser> {
        let mut browser = self.browser(setting)?;
        self.go_in(&mut browser, site)?;
        Ok(browser)
    }

    /// Goes from an empty page into the room.
    pub fn go_in(&self, browser: &mut Browser, site: &Site) -> Result<()> {
        browser.goto(&site.url)?;
        browser.until::<f64>("the page can be used", "globalThis.bench?.usable")?;
        if let Some(login) = self.login {
            let field = format!("document.querySelector({})", json!(login));
            browser.eval::<bool>(&format!("({field}.focus(), {field}.select(), true)"))?;
            browser.insert(NICK)?;
            browser.press("Enter")?;
        }
        browser.until::<bool>("the room can be written in", "bench.can('composer')")?;
        // A click would do more than this in some page.
        let there = format!("(document.querySelector({}).focus(), true)", json!(self.composer));
        ensure!(browser.eval::<bool>(&there)?, "the composer takes the focus");
        browser
            .until::<bool>("the room is there", &format!("!!document.querySelector({})", json!(self.list)))?;
        // What a page does once it is in the room is nobody's to know; it is done by then.
        sleep(REST);
        Ok(())
    }
}
