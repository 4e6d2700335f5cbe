//! From the start of the navigation to the first frame in which something can be typed into: with a new profile, and
//! again with what the browser has kept of it.

use anyhow::Result;
use serde_json::json;

use crate::{
    client::{
        peers::{Held, Peer},
        setting::Setting,
    },
    measure::Figures,
};

/// New profiles in a round.
const TIMES: usize = 5;

pub fn start(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let site = peer.start(setting, Held(0))?;
    let mut figures = Figures::new();
    for _ in 0..TIMES {
        let mut browser = peer.browser(setting)?;
        browser.goto(&site.url)?;
        let cold = browser.until("the page can be used", "globalThis.bench?.usable")?;
        figures.push(("cold start, ms".into(), cold));
        browser.eval::<bool>("bench.before = true")?;
        browser.call("Page.reload", json!({}))?;
        let again = "globalThis.bench && !bench.before && bench.usable";
        figures
            .push(("start from the cache, ms".into(), browser.until("the page can be used again", again)?));
    }
    Ok(figures)
}
