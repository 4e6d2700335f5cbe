//! From Enter to the frame that shows what was sent, in a quiet room.

use anyhow::Result;

use crate::{
    client::{
        peers::{Held, Peer},
        setting::Setting,
        watch::{Watched, percentile},
    },
    measure::Figures,
};

/// Messages in a round.
const TIMES: usize = 40;

pub fn shown(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let site = peer.start(setting, Held(0))?;
    let mut browser = peer.enter(setting, &site)?;
    browser.eval::<bool>("(bench.watch(), true)")?;
    for mark in 0..TIMES {
        // Between two sends some frames with nothing to do, and not always the same part of one.
        let pause = format!("new Promise((done) => setTimeout(done, {}, true))", 150 + mark * 7 % 17);
        browser.eval::<bool>(&pause)?;
        browser.insert(&format!("k{mark}k said in a quiet room"))?;
        browser.press("Enter")?;
        browser.until::<bool>("what was sent is shown", &format!("bench.newest() >= {mark}"))?;
    }
    let sent = browser.eval::<Watched>("bench.stop()")?.sent();
    Ok(vec![
        ("send to shown p50, ms".into(), percentile(&sent, 50)),
        ("send to shown p95, ms".into(), percentile(&sent, 95)),
    ])
}
