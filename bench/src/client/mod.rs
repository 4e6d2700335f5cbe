//! Benchmarks of the page, compared with other pages in the same browser on the same machine at the same time.
//!
//! | module | content |
//! | --- | --- |
//! | `scenario` | the measurements, one per file |
//! | `peers` | the pages, their servers and selectors |
//! | `browser`, `devtools` | a browser with a new profile, and its automation |
//! | `instrument.js`, `watch` | recording of a page's frames, and its evaluation |
//! | `schedule`, `seed` | messages sent during a measurement, and messages stored before it |

mod browser;
mod devtools;
mod peers;
mod scenario;
mod schedule;
mod seed;
mod setting;
mod watch;

use anyhow::{Context, Result};

pub use self::setting::Setting;
use self::{peers::PEERS, scenario::SCENARIOS};
use crate::{is_selected, report::Report};

/// The name of this half in `--only`.
pub const HALF: &str = "client";

/// Takes the selected measurements of all peers in turn, for each round. Failures are recorded; the rest goes on.
pub fn measure(setting: &Setting, only: &str, report: &mut Report) -> Result<()> {
    for scenario in SCENARIOS.iter().filter(|scenario| is_selected(HALF, scenario.name, only)) {
        for round in 1..=report.rounds {
            for of in scenario.of {
                if report.missing.contains_key(*of) {
                    continue;
                }
                let peer = PEERS.iter().find(|peer| peer.name == *of).context("unknown peer")?;
                eprintln!("{}: {of}, {round} of {}", scenario.name, report.rounds);
                match (scenario.run)(setting, peer) {
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
