//! A room that was there before the page: what is in the document, and how it scrolls.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::MOST;
use crate::{
    client::{
        peers::{Held, Peer},
        setting::Setting,
        watch::percentile,
    },
    measure::Figures,
};

const FEW: Held = Held(1_000);
/// Until what was begun is done.
const REST: Duration = Duration::from_secs(2);
/// Pixels a second: a thousand rows in some seconds, which can be followed by nobody and is what people do.
const SPEED: u32 = 2_400;

pub fn elements(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut figures = Figures::new();
    let mut of = |held: Held| -> Result<f64> {
        let site = peer.start(setting, held)?;
        let mut browser = peer.enter(setting, &site)?;
        sleep(REST);
        ensure!(browser.eval::<u32>("bench.rows()")? > 0, "the room shows what is in it");
        let count: f64 = browser.eval("bench.elements()")?;
        figures.push((format!("elements in a room of {}", held.0), count));
        Ok(count)
    };
    let (few, most) = (of(FEW)?, of(MOST)?);
    figures.push(("elements, the larger room's by the smaller's".into(), most / few));
    Ok(figures)
}

/// What `bench.scroll` gives.
#[derive(Debug, Deserialize)]
struct Scrolled {
    frames: Vec<f64>,
    moved: f64,
    seen: f64,
}

pub fn scroll(setting: &Setting, peer: &Peer, held: Held) -> Result<Figures> {
    let site = peer.start(setting, held)?;
    let mut browser = peer.enter(setting, &site)?;
    sleep(REST);
    let seconds = setting.span.as_secs() * 3;
    let Scrolled { frames, moved, seen } = browser.eval(&format!("bench.scroll({SPEED}, {seconds})"))?;
    let mut gaps: Vec<_> = frames.windows(2).map(|two| two[1] - two[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let named = |name: &str, value: f64| (format!("scroll in a room of {}, {name}", held.0), value);
    Ok(vec![
        named("frames p95, ms", percentile(&gaps, 95)),
        named("worst frame, ms", percentile(&gaps, 100)),
        // As much as it should be, or the frames were quick because there was nothing to show.
        named("way by the way asked for", moved / f64::from(SPEED) / seconds as f64),
        named("messages passed", seen),
    ])
}
