//! Time from the start of the navigation to the first frame with a usable input field: with a new profile, and after a
//! reload with a warm cache.

use anyhow::Result;
use serde_json::json;

use crate::{
    client::{
        peers::{Peer, Preloaded},
        setting::Setting,
    },
    measure::Figures,
};

/// New profiles per round.
const STARTS: usize = 5;

pub fn start(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let site = peer.start(setting, Preloaded(0))?;
    let mut figures = Figures::new();
    for _ in 0..STARTS {
        let mut browser = peer.browser(setting)?;
        browser.goto(&site.url)?;
        let cold = browser.until("the page can be used", "globalThis.bench?.usable")?;
        figures.push(("cold start, ms".into(), cold));
        browser.eval::<bool>("bench.before = true")?;
        browser.call("Page.reload", json!({}))?;
        let again = "globalThis.bench && !bench.before && bench.usable";
        figures.push(("start from cache, ms".into(), browser.until("the page can be used again", again)?));
    }
    Ok(figures)
}
