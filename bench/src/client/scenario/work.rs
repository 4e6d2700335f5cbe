//! Working time of the main thread per message.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    client::{
        peers::{Peer, Preloaded},
        schedule::Schedule,
        setting::Setting,
    },
    measure::Figures,
};

/// Time for the work of the last message to finish.
const SETTLE_TIME: Duration = Duration::from_millis(1500);

/// Deadline for the last message.
const DEADLINE: Duration = Duration::from_secs(60);

/// Frames are not recorded, because that would add work.
pub fn work(setting: &Setting, peer: &Peer, rate: u64) -> Result<Figures> {
    let mut site = peer.start(setting, Preloaded(0))?;
    let mut browser = peer.enter(setting, &site)?;
    sleep(SETTLE_TIME);
    let schedule = Schedule { first: 0, count: rate * 2 * setting.span.as_secs(), rate };
    let before = browser.main_thread()?;
    let (_, after) = schedule.run(&mut *site.feed, |_| {
        sleep(schedule.duration());
        let begun = Instant::now();
        loop {
            // Polled rarely enough not to affect the result.
            sleep(SETTLE_TIME);
            let after = browser.main_thread()?;
            let shows: i64 = browser.eval("bench.shows()")?;
            if shows >= schedule.last() as i64 {
                return Ok(after);
            }
            ensure!(begun.elapsed() < DEADLINE, "at {rate} a second the page only came to message {shows}");
        }
    })?;
    let each = (after - before) / schedule.count as f64 * 1e6;
    Ok(vec![(format!("main thread per message at {rate} a second, us"), each)])
}
