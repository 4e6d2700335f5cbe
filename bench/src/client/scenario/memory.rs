//! What a page holds of what it was told.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{MANY, MOST};
use crate::{
    client::{
        browser::{Browser, Memory},
        pace::Pace,
        peers::{Held, LOUNGE, Peer, Site},
        setting::Setting,
    },
    measure::Figures,
};

/// How long the last message may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Until what was begun is done.
const REST: Duration = Duration::from_secs(2);
const MEGABYTE: f64 = 1e6;

/// From an empty room to one in which much was said while the page was there.
pub fn growth(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut site = peer.start(setting, Held(0))?;
    let mut browser = peer.enter(setting, &site)?;
    sleep(REST);
    let before = browser.memory()?;
    // The Lounge stops answering long before it has heard 10,000.
    let (rate, ends): (u64, &[u64]) =
        if peer.name == LOUNGE { (20, &[1_000]) } else { (2_000, &[1_000, 10_000, 50_000]) };
    let mut first = 0;
    let mut figures = Figures::new();
    for &end in ends {
        hear(&mut browser, &mut site, Pace { first, count: end - first, rate })?;
        let Memory { held, resident } = browser.memory()?;
        first = end;
        let named = |what: &str, bytes: f64| (format!("{what} of {end} messages, MB"), bytes / MEGABYTE);
        figures.push(named("heap and wasm", held - before.held));
        figures.push(named("resident memory", resident - before.resident));
    }
    Ok(figures)
}

fn hear(browser: &mut Browser, site: &mut Site, pace: Pace) -> Result<()> {
    pace.run(&mut *site.feed, |_| {
        sleep(pace.lasts());
        let end = Instant::now() + PATIENCE;
        while browser.eval::<i64>("bench.shows()")? < pace.last() as i64 {
            ensure!(Instant::now() < end, "{} messages are not there after {PATIENCE:?}", pace.last() + 1);
            sleep(Duration::from_millis(500));
        }
        sleep(REST);
        Ok(())
    })?;
    Ok(())
}

/// A room that is loaded by pages: as far up as it gets in ten seconds, and what that leaves behind.
pub fn paged(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut figures = Figures::new();
    let mut of = |held: Held| -> Result<f64> {
        let site = peer.start(setting, held)?;
        let mut browser = peer.enter(setting, &site)?;
        sleep(REST);
        let flung: Value = browser.eval("bench.scroll(0, 10)")?;
        let marks = flung["marks"].as_array().into_iter().flatten().filter_map(Value::as_f64);
        let loaded = held.0 as f64 - marks.fold(f64::NAN, f64::min);
        sleep(REST);
        let Memory { held: bytes, resident } = browser.memory()?;
        let named = |what: &str, value: f64| (format!("flung through a room of {}, {what}", held.0), value);
        figures.push(named("messages passed", loaded));
        figures.push(named("heap and wasm, MB", bytes / MEGABYTE));
        figures.push(named("resident memory, MB", resident / MEGABYTE));
        Ok(bytes)
    };
    let (many, most) = (of(MANY)?, of(MOST)?);
    figures.push(("flung through, heap and wasm of the larger room by the smaller's".into(), most / many));
    Ok(figures)
}
