//! What the page costs, beside other pages in the same browser on the same machine in the same minutes.
//!
//! | module | what it does |
//! | --- | --- |
//! | `scenario` | what is measured, a file each |
//! | `peers` | of whom: their servers, and the selectors their pages are known by |
//! | `browser`, `devtools` | a browser with a new profile, and how it is talked with |
//! | `instrument.js`, `watch` | the page's frames: noted there, understood here |
//! | `pace`, `seed` | what is said in the room, and what was said before |

mod browser;
mod devtools;
mod pace;
mod peers;
mod scenario;
mod seed;
mod setting;
mod watch;

use anyhow::{Context, Result};

pub use self::setting::Setting;
use self::{peers::PEERS, scenario::SCENARIOS};
use crate::{picked, report::Report};

/// By what `--only` knows this half.
pub const HALF: &str = "client";

/// Measures all whose name has `only` in it, of all peers in turn, and again. What fails is noted, and the rest goes on.
pub fn measure(setting: &Setting, only: &str, report: &mut Report) -> Result<()> {
    for scenario in SCENARIOS.iter().filter(|scenario| picked(HALF, scenario.name, only)) {
        for round in 1..=report.rounds {
            for of in scenario.of {
                if report.missing.contains_key(*of) {
                    continue;
                }
                let peer = PEERS.iter().find(|peer| peer.name == *of).context("there is no such peer")?;
                eprintln!("{}: {of}, {round} of {}", scenario.name, report.rounds);
                match (scenario.take)(setting, peer) {
                    Ok(figures) => report.add(scenario.of, of, figures),
                    Err(error) => {
                        let why = format!("{}, {of}: {error:#}", scenario.name);
                        eprintln!("  {why}");
                        report.failed.push(why);
                    }
                }
            }
        }
    }
    Ok(())
}
