//! Throughput: the highest message rate at which the page stays responsive; and a flood at a fixed rate.

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
        peers::{Peer, Preloaded, SENDERS},
        schedule::Schedule,
        seed,
        setting::Setting,
        watch,
    },
    measure::Figures,
    statistics::percentile,
};

/// Rates in messages per second.
const RATES: &[u64] = &[50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];
/// Duration of a step in spans.
const STEP_SPANS: u32 = 2;
/// The time to wait for the last message of a step. Longer than the criterion allows, to report by how much it is
/// exceeded.
const DEADLINE: Duration = Duration::from_secs(3);

/// Raises the rate step by step, each with a new room and browser. A failed step is repeated once, because other load on the
/// machine may be the cause.
pub fn max_rate(setting: &Setting, peer: &Peer, preloaded: Preloaded) -> Result<Figures> {
    let mut passed = 0;
    for &rate in RATES {
        if !step(setting, peer, preloaded, rate)? && !step(setting, peer, preloaded, rate)? {
            break;
        }
        passed = rate;
    }
    let within =
        if preloaded == Preloaded(0) { String::new() } else { format!(" in a room of {}", preloaded.0) };
    Ok(vec![(format!("ingest while responsive{within}, messages per second"), passed as f64)])
}

/// Returns whether the page is responsive at this rate. Marks continue those of the room.
fn step(setting: &Setting, peer: &Peer, preloaded: Preloaded, rate: u64) -> Result<bool> {
    let mut site = peer.start(setting, preloaded)?;
    let mut browser = peer.enter(setting, &site)?;
    let schedule =
        Schedule { first: preloaded.0, count: rate * u64::from(STEP_SPANS) * setting.span.as_secs(), rate };
    match watch::flood(&mut browser, &mut site, schedule, DEADLINE, |_| pause()) {
        Ok((result, _)) => {
            eprintln!(
                "  {rate} a second: p95 of frames {:.0} ms, of delays {:.0} ms, drained after {:.0} ms",
                percentile(&result.gaps, 95),
                percentile(&result.delays, 95),
                result.drained
            );
            Ok(result.responsive())
        }
        // A page that does not respond has failed too.
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

const FLOOD_RATE: u64 = 10_000;
const FLOOD_SECONDS: u64 = 10;
/// Long enough to distinguish late messages from lost ones.
const FLOOD_DEADLINE: Duration = Duration::from_secs(60);

/// The messages found by scrolling up afterwards.
#[derive(Debug, Deserialize)]
struct ScrolledMessages {
    marks: BTreeSet<u64>,
    /// The page shows a gap.
    gap: bool,
}

/// The number of messages missing between each sender's lowest mark that was seen and its last one. Marks are assigned
/// to the senders in turn. Each sender's marks are in order, but different senders' may be interleaved in any way.
fn count_missing(seen: &BTreeSet<u64>, last: u64) -> u64 {
    let senders = SENDERS as u64;
    let of = |sender: u64| {
        let mut marks = seen.iter().filter(|mark| *mark % senders == sender);
        let expected = |lowest: &u64| (last - lowest) / senders + 1;
        // If no message of a sender was seen, at least one is missing.
        marks.next().map_or(1, |lowest| expected(lowest).saturating_sub(marks.count() as u64 + 1))
    };
    (0..senders).map(of).sum()
}

pub fn flood(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let mut site = peer.start(setting, Preloaded(0))?;
    let mut browser = peer.enter(setting, &site)?;
    let schedule = Schedule { first: 0, count: FLOOD_RATE * FLOOD_SECONDS, rate: FLOOD_RATE };
    let mut next = Instant::now();
    let typing = |browser: &mut Browser| {
        // At typing speed, or as fast as the page responds if that is slower.
        sleep(next.saturating_duration_since(Instant::now()));
        next = Instant::now() + Duration::from_millis(100);
        browser.press("a")
    };
    let (result, recording) = watch::flood(&mut browser, &mut site, schedule, FLOOD_DEADLINE, typing)?;
    // Scroll up slowly enough that every row is in some frame.
    let scrolled: ScrolledMessages = browser.eval("bench.scroll(2000, 3)")?;
    let count_missing = count_missing(&scrolled.marks, schedule.last()) as f64;
    let mut keys = recording.keys;
    keys.sort_by(f64::total_cmp);
    let figure = |name: &str, value| (format!("flood of {FLOOD_RATE} a second, {name}"), value);
    let mut figures = vec![
        figure("frames p95, ms", percentile(&result.gaps, 95)),
        figure("worst frame, ms", percentile(&result.gaps, 100)),
        figure("delay p95, ms", percentile(&result.delays, 95)),
        figure("drained after, ms", result.drained),
        figure("key to letter p50, ms", percentile(&keys, 50)),
        figure("key to letter p95, ms", percentile(&keys, 95)),
        figure("messages behind a shown gap", if scrolled.gap { count_missing } else { 0.0 }),
        figure("messages lost without a gap", if scrolled.gap { 0.0 } else { count_missing }),
    ];
    if let Some(data) = &site.data {
        figures
            .push(figure("messages missing in the log", schedule.count as f64 - seed::count(data)? as f64));
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_messages_are_counted_per_sender() {
        let seen = |marks: &[u64]| marks.iter().copied().collect();
        assert_eq!(count_missing(&(90..=99).collect(), 99), 0);
        assert_eq!(
            count_missing(&seen(&[88, 92, 95, 96, 97, 98, 99]), 99),
            0,
            "one sender was ahead of the others"
        );
        assert_eq!(count_missing(&seen(&[88, 96, 97, 98, 99]), 99), 1);
        assert_eq!(count_missing(&seen(&[92, 93, 94, 95, 96, 97, 98]), 99), 1, "the last message is missing");
        assert_eq!(count_missing(&seen(&[97, 98, 99]), 99), 1, "one sender has no messages");
    }
}
