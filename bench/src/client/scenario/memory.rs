//! Memory use of a page that has received or loaded many messages.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{LARGE_ROOM, LARGEST_ROOM};
use crate::{
    client::{
        browser::{Browser, Memory},
        peers::{LOUNGE, Peer, Preloaded, Site},
        schedule::Schedule,
        setting::Setting,
    },
    measure::Figures,
};

/// Deadline for the last message.
const DEADLINE: Duration = Duration::from_secs(120);
/// Time for earlier work to finish.
const SETTLE_TIME: Duration = Duration::from_secs(2);
const MEGABYTE: f64 = 1e6;

/// Growth of memory while messages arrive in a room that was empty.
pub fn growth(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut site = peer.start(setting, Preloaded(0))?;
    let mut browser = peer.enter(setting, &site)?;
    sleep(SETTLE_TIME);
    let before = browser.memory()?;
    // The Lounge stops responding long before it has received 10,000 messages.
    let (rate, ends): (u64, &[u64]) =
        if peer.name == LOUNGE { (20, &[1_000]) } else { (2_000, &[1_000, 10_000, 50_000]) };
    let mut first = 0;
    let mut figures = Figures::new();
    for &end in ends {
        receive_all(&mut browser, &mut site, Schedule { first, count: end - first, rate })?;
        let Memory { heap_and_wasm, resident } = browser.memory()?;
        first = end;
        let figure = |what: &str, bytes: f64| (format!("{what} of {end} messages, MB"), bytes / MEGABYTE);
        figures.push(figure("heap and wasm", heap_and_wasm - before.heap_and_wasm));
        figures.push(figure("resident memory", resident - before.resident));
    }
    Ok(figures)
}

fn receive_all(browser: &mut Browser, site: &mut Site, schedule: Schedule) -> Result<()> {
    schedule.run(&mut *site.feed, |_| {
        sleep(schedule.duration());
        let end = Instant::now() + DEADLINE;
        while browser.eval::<i64>("bench.shows()")? < schedule.last() as i64 {
            ensure!(
                Instant::now() < end,
                "{} messages are not shown after {DEADLINE:?}",
                schedule.last() + 1
            );
            sleep(Duration::from_millis(500));
        }
        sleep(SETTLE_TIME);
        Ok(())
    })?;
    Ok(())
}

/// Memory after scrolling up for ten seconds in a large room that loads pages of history.
pub fn paged(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut figures = Figures::new();
    let mut of = |preloaded: Preloaded| -> Result<f64> {
        let site = peer.start(setting, preloaded)?;
        let mut browser = peer.enter(setting, &site)?;
        sleep(SETTLE_TIME);
        let scrolled: Value = browser.eval("bench.scroll(0, 10)")?;
        let marks = scrolled["marks"].as_array().into_iter().flatten().filter_map(Value::as_f64);
        let loaded = preloaded.0 as f64 - marks.fold(f64::NAN, f64::min);
        sleep(SETTLE_TIME);
        let Memory { heap_and_wasm: bytes, resident } = browser.memory()?;
        let figure =
            |what: &str, value: f64| (format!("fast scroll in room of {}, {what}", preloaded.0), value);
        figures.push(figure("messages passed", loaded));
        figures.push(figure("heap and wasm, MB", bytes / MEGABYTE));
        figures.push(figure("resident memory, MB", resident / MEGABYTE));
        Ok(bytes)
    };
    let (large, largest) = (of(LARGE_ROOM)?, of(LARGEST_ROOM)?);
    figures.push(("fast scroll, heap and wasm, larger room / smaller".into(), largest / large));
    Ok(figures)
}
