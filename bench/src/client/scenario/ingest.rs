//! How much may be said while the page stays usable: steps up to the first that is too much; and a flood at one of them.

use std::{
    collections::BTreeSet,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Deserialize;

use crate::{
    client::{
        browser::Browser,
        pace::Pace,
        peers::{Held, Peer, TALKERS},
        seed,
        setting::Setting,
        watch::{self, percentile},
    },
    measure::Figures,
};

/// Messages a second.
const STEPS: &[u64] = &[50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];
/// A step goes on for so many spans.
const STEP: u32 = 2;
/// How long after a step's end the last message is waited for; later than the bar, so as to see by how much.
const PATIENCE: Duration = Duration::from_secs(3);

/// Every step has a room and a browser of its own. What else runs on the machine may spoil one, so each has two tries.
pub fn ladder(setting: &Setting, peer: &Peer, held: Held) -> Result<Figures> {
    let mut passed = 0;
    for &rate in STEPS {
        if !step(setting, peer, held, rate)? && !step(setting, peer, held, rate)? {
            break;
        }
        passed = rate;
    }
    let within = if held == Held(0) { String::new() } else { format!(" in a room of {}", held.0) };
    Ok(vec![(format!("ingest while responsive{within}, messages per second"), passed as f64)])
}

/// Whether the page is responsive at this rate. Marks go on from those of the room.
fn step(setting: &Setting, peer: &Peer, held: Held, rate: u64) -> Result<bool> {
    let mut site = peer.start(setting, held)?;
    let mut browser = peer.enter(setting, &site)?;
    let pace = Pace { first: held.0, count: rate * u64::from(STEP) * setting.span.as_secs(), rate };
    match watch::flood(&mut browser, &mut site, pace, PATIENCE, |_| pause()) {
        Ok((taken, _)) => {
            eprintln!(
                "  {rate} a second: p95 of frames {:.0} ms, of delays {:.0} ms, drained after {:.0} ms",
                percentile(&taken.gaps, 95),
                percentile(&taken.delays, 95),
                taken.drained
            );
            Ok(taken.responsive())
        }
        // A page that does not answer any more is as far from responsive as can be.
        Err(error) => {
            eprintln!("  {rate} a second: {error:#}");
            Ok(false)
        }
    }
}

fn pause() -> Result<()> {
    sleep(Duration::from_millis(50));
    Ok(())
}

const FLOOD: u64 = 10_000;
const FLOOD_SECONDS: u64 = 10;
/// Long enough to tell what comes late from what does not come.
const FLOOD_PATIENCE: Duration = Duration::from_secs(60);

/// What the rows have that were looked through afterwards.
#[derive(Debug, Deserialize)]
struct Through {
    marks: BTreeSet<u64>,
    /// The page shows that there is a gap.
    gap: bool,
}

/// How many are missing between the lowest mark that each talker is seen with and the last that they said. Talkers say
/// the marks in turn; theirs are in their order, and come to the server before or after another's as it happens.
fn holes(seen: &BTreeSet<u64>, last: u64) -> u64 {
    let talkers = TALKERS as u64;
    let of = |talker: u64| {
        let mut theirs = seen.iter().filter(|mark| *mark % talkers == talker);
        let said = |low: &u64| (last - low) / talkers + 1;
        // Of whom nothing is seen, all is missing that there is: at least one.
        theirs.next().map_or(1, |low| said(low).saturating_sub(theirs.count() as u64 + 1))
    };
    (0..talkers).map(of).sum()
}

pub fn flood(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut site = peer.start(setting, Held(0))?;
    let mut browser = peer.enter(setting, &site)?;
    let pace = Pace { first: 0, count: FLOOD * FLOOD_SECONDS, rate: FLOOD };
    let mut next = Instant::now();
    let typing = |browser: &mut Browser| {
        // As fast as people type; a page that is slower is typed into as fast as it answers.
        sleep(next.saturating_duration_since(Instant::now()));
        next = Instant::now() + Duration::from_millis(100);
        browser.press("a")
    };
    let (taken, watched) = watch::flood(&mut browser, &mut site, pace, FLOOD_PATIENCE, typing)?;
    // Up through what is there, slow enough that every row is in some frame.
    let through: Through = browser.eval("bench.scroll(2000, 3)")?;
    let holes = holes(&through.marks, pace.last()) as f64;
    let mut keys = watched.keys;
    keys.sort_by(f64::total_cmp);
    let named = |name: &str, value| (format!("flood of {FLOOD} a second, {name}"), value);
    let mut figures = vec![
        named("frames p95, ms", percentile(&taken.gaps, 95)),
        named("worst frame, ms", percentile(&taken.gaps, 100)),
        named("delay p95, ms", percentile(&taken.delays, 95)),
        named("drained after, ms", taken.drained),
        named("key to letter p50, ms", percentile(&keys, 50)),
        named("key to letter p95, ms", percentile(&keys, 95)),
        named("messages behind a gap that is shown", if through.gap { holes } else { 0.0 }),
        named("messages missing unseen", if through.gap { 0.0 } else { holes }),
    ];
    if let Some(data) = &site.data {
        figures.push(named("messages missing in the log", pace.count as f64 - seed::count(data)? as f64));
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_in_what_one_talker_said() {
        let seen = |marks: &[u64]| marks.iter().copied().collect();
        assert_eq!(holes(&(90..=99).collect(), 99), 0);
        assert_eq!(holes(&seen(&[88, 92, 95, 96, 97, 98, 99]), 99), 0, "one was quicker than the others");
        assert_eq!(holes(&seen(&[88, 96, 97, 98, 99]), 99), 1);
        assert_eq!(holes(&seen(&[92, 93, 94, 95, 96, 97, 98]), 99), 1, "the last is missing");
        assert_eq!(holes(&seen(&[97, 98, 99]), 99), 1, "somebody is");
    }
}
