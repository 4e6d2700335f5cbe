//! The measurements of clients. Each function starts a server and a browser, measures once, and stops both.

mod idle;
mod ingest;
mod load;
mod memory;
mod room;
mod room_list;
mod shown;
mod start;
mod work;

use anyhow::Result;

use super::{
    peers::{FLOOR, LOUNGE, PARLOUR, Peer, Preloaded},
    setting::Setting,
};
use crate::measure::Figures;

/// A measurement, and the clients it is taken of.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    pub of: &'static [&'static str],
    pub run: fn(&Setting, &Peer) -> Result<Figures>,
}

const ALL: &[&str] = &[PARLOUR, LOUNGE, FLOOR];
/// Without The Lounge, which does not support the measurement or would take minutes to fail.
const FAST: &[&str] = &[PARLOUR, FLOOR];
/// Only Parlour stores messages.
const OURS: &[&str] = &[PARLOUR];

/// The large rooms.
const LARGE_ROOM: Preloaded = Preloaded(50_000);
const LARGEST_ROOM: Preloaded = Preloaded(1_000_000);

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "first load", of: ALL, run: load::load },
    Scenario { name: "cold start", of: ALL, run: start::start },
    Scenario { name: "send to shown", of: ALL, run: shown::shown },
    Scenario { name: "ingest", of: ALL, run: |setting, peer| ingest::max_rate(setting, peer, Preloaded(0)) },
    Scenario {
        name: "ingest in a room of 50000",
        of: OURS,
        run: |setting, peer| ingest::max_rate(setting, peer, LARGE_ROOM),
    },
    Scenario {
        name: "ingest in a room of 1000000",
        of: OURS,
        run: |setting, peer| ingest::max_rate(setting, peer, LARGEST_ROOM),
    },
    Scenario { name: "flood", of: FAST, run: ingest::flood },
    Scenario { name: "work, 50 a second", of: ALL, run: |setting, peer| work::work(setting, peer, 50) },
    Scenario { name: "work, 1000 a second", of: FAST, run: |setting, peer| work::work(setting, peer, 1000) },
    Scenario { name: "memory", of: ALL, run: memory::growth },
    Scenario { name: "paged memory", of: OURS, run: memory::paged },
    Scenario { name: "elements", of: OURS, run: room::elements },
    Scenario {
        name: "scroll, 50000",
        of: OURS,
        run: |setting, peer| room::scroll(setting, peer, LARGE_ROOM),
    },
    Scenario {
        name: "scroll, 1000000",
        of: OURS,
        run: |setting, peer| room::scroll(setting, peer, LARGEST_ROOM),
    },
    Scenario { name: "list of rooms", of: OURS, run: room_list::list },
    Scenario { name: "idle", of: ALL, run: idle::idle },
];
