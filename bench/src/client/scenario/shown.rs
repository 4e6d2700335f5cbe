//! Time from Enter to the frame that shows the sent message, in a quiet room.

use anyhow::Result;

use crate::{
    client::{
        peers::{Peer, Preloaded},
        setting::Setting,
        watch::Recording,
    },
    measure::Figures,
    statistics::percentile,
};

/// Messages per round.
const MESSAGES: usize = 40;

pub fn shown(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let site = peer.start(setting, Preloaded(0))?;
    let mut browser = peer.enter(setting, &site)?;
    browser.eval::<bool>("(bench.watch(), true)")?;
    for mark in 0..MESSAGES {
        // Some idle frames between two messages, with varying phase.
        let pause = format!("new Promise((done) => setTimeout(done, {}, true))", 150 + mark * 7 % 17);
        browser.eval::<bool>(&pause)?;
        browser.insert(&format!("k{mark}k said in a quiet room"))?;
        browser.press("Enter")?;
        browser.until::<bool>("the sent message is shown", &format!("bench.newest() >= {mark}"))?;
    }
    let sent = browser.eval::<Recording>("bench.stop()")?.sent();
    Ok(vec![
        ("send to shown p50, ms".into(), percentile(&sent, 50)),
        ("send to shown p95, ms".into(), percentile(&sent, 95)),
    ])
}
