//! How long the main thread works for a message.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    client::{
        pace::Pace,
        peers::{Held, Peer},
        setting::Setting,
    },
    measure::Figures,
};

/// After the last message, until all that it brings is done.
const REST: Duration = Duration::from_millis(1500);

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing is watched meanwhile: that too would be work.
pub fn work(setting: &Setting, peer: &Peer, rate: u64) -> Result<Figures> {
    let mut site = peer.start(setting, Held(0))?;
    let mut browser = peer.enter(setting, &site)?;
    sleep(REST);
    let pace = Pace { first: 0, count: rate * 2 * setting.span.as_secs(), rate };
    let before = browser.main_thread()?;
    let (_, after) = pace.run(&mut *site.feed, |_| {
        sleep(pace.lasts());
        let begun = Instant::now();
        loop {
            // Asked once a second at most, which is work that does not show.
            sleep(REST);
            let after = browser.main_thread()?;
            let shows: i64 = browser.eval("bench.shows()")?;
            if shows >= pace.last() as i64 {
                return Ok(after);
            }
            ensure!(begun.elapsed() < PATIENCE, "at {rate} a second the page only came to message {shows}");
        }
    })?;
    let each = (after - before) / pace.count as f64 * 1e6;
    Ok(vec![(format!("main thread per message at {rate} a second, us"), each)])
}
