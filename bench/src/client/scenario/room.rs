//! A room with stored messages: size of the document, and scrolling.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::LARGEST_ROOM;
use crate::{
    client::{
        peers::{Peer, Preloaded},
        setting::Setting,
    },
    measure::Figures,
    statistics::percentile,
};

const SMALL_ROOM: Preloaded = Preloaded(1_000);
/// Time for earlier work to finish.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// Pixels per second: a thousand rows in some seconds, as when people skim.
const SPEED_PX_PER_S: u32 = 2_400;

pub fn elements(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut figures = Figures::new();
    let mut of = |preloaded: Preloaded| -> Result<f64> {
        let site = peer.start(setting, preloaded)?;
        let mut browser = peer.enter(setting, &site)?;
        sleep(SETTLE_TIME);
        ensure!(browser.eval::<u32>("bench.rows()")? > 0, "the room shows messages");
        let count: f64 = browser.eval("bench.elements()")?;
        figures.push((format!("elements in a room of {}", preloaded.0), count));
        Ok(count)
    };
    let (small, largest) = (of(SMALL_ROOM)?, of(LARGEST_ROOM)?);
    figures.push(("elements, larger room / smaller".into(), largest / small));
    Ok(figures)
}

/// The result of `bench.scroll`.
#[derive(Debug, Deserialize)]
struct Scrolled {
    frames: Vec<f64>,
    moved: f64,
    seen: f64,
}

pub fn scroll(setting: &Setting, peer: &Peer, preloaded: Preloaded) -> Result<Figures> {
    let site = peer.start(setting, preloaded)?;
    let mut browser = peer.enter(setting, &site)?;
    sleep(SETTLE_TIME);
    let seconds = setting.span.as_secs() * 3;
    let Scrolled { frames, moved, seen } =
        browser.eval(&format!("bench.scroll({SPEED_PX_PER_S}, {seconds})"))?;
    let mut gaps: Vec<_> = frames.windows(2).map(|two| two[1] - two[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let figure = |name: &str, value: f64| (format!("scroll in a room of {}, {name}", preloaded.0), value);
    Ok(vec![
        figure("frames p95, ms", percentile(&gaps, 95)),
        figure("worst frame, ms", percentile(&gaps, 100)),
        // If this is much less than 1, frames were fast only because there was nothing to show.
        figure("distance / requested", moved / f64::from(SPEED_PX_PER_S) / seconds as f64),
        figure("messages passed", seen),
    ])
}
