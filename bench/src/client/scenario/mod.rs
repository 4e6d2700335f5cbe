//! What is measured of each client. Every function starts a server and a browser, measures once, and stops both.

mod idle;
mod ingest;
mod load;
mod memory;
mod room;
mod shown;
mod start;
mod work;

use anyhow::Result;

use super::{
    peers::{FLOOR, Held, LOUNGE, PARLOUR, Peer},
    setting::Setting,
};
use crate::measure::Figures;

/// A measurement, and whom it is taken of.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    pub of: &'static [&'static str],
    pub take: fn(&Setting, &Peer) -> Result<Figures>,
}

const ALL: &[&str] = &[PARLOUR, LOUNGE, FLOOR];
/// The Lounge can't, or would take minutes to fail.
const QUICK: &[&str] = &[PARLOUR, FLOOR];
/// Only here is something kept that was said before.
const OURS: &[&str] = &[PARLOUR];

/// The largest rooms.
const MANY: Held = Held(50_000);
const MOST: Held = Held(1_000_000);

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "first load", of: ALL, take: load::load },
    Scenario { name: "cold start", of: ALL, take: start::start },
    Scenario { name: "send to shown", of: ALL, take: shown::shown },
    Scenario { name: "ingest", of: ALL, take: |setting, peer| ingest::ladder(setting, peer, Held(0)) },
    Scenario {
        name: "ingest in a room of 50000",
        of: OURS,
        take: |setting, peer| ingest::ladder(setting, peer, MANY),
    },
    Scenario {
        name: "ingest in a room of 1000000",
        of: OURS,
        take: |setting, peer| ingest::ladder(setting, peer, MOST),
    },
    Scenario { name: "flood", of: QUICK, take: ingest::flood },
    Scenario { name: "work, 50 a second", of: ALL, take: |setting, peer| work::work(setting, peer, 50) },
    Scenario {
        name: "work, 1000 a second",
        of: QUICK,
        take: |setting, peer| work::work(setting, peer, 1000),
    },
    Scenario { name: "memory", of: ALL, take: memory::growth },
    Scenario { name: "paged memory", of: OURS, take: memory::paged },
    Scenario { name: "elements", of: OURS, take: room::elements },
    Scenario { name: "scroll, 50000", of: OURS, take: |setting, peer| room::scroll(setting, peer, MANY) },
    Scenario { name: "scroll, 1000000", of: OURS, take: |setting, peer| room::scroll(setting, peer, MOST) },
    Scenario { name: "idle", of: ALL, take: idle::idle },
];
