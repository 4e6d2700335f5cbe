//! What the server may cost an account with a thousand rooms, a room with ten thousand members, and a hub with a hundred
//! thousand rooms. Every figure is an exact count, of bytes, frames or rows, or the CPU time of something divided by that of
//! something else that is run in turn.
//!
//! Without arguments everything is small, and the ratios of CPU times are left out: that takes seconds, and runs with the
//! other tests. `cargo xtask bench --check` builds with optimisation and adds `--full`. A text as argument selects the goals
//! of the parts with it in their name.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

#[path = "../../../core/tests/allocator/mod.rs"]
mod allocator;
#[path = "../common/mod.rs"]
mod common;
mod cpu;
mod crowds;
mod hub_memory;
mod many_rooms;
mod other_events;
mod population;
mod table;

use std::{env, process::ExitCode};

use table::Table;

/// The sizes of what is measured.
#[derive(Debug)]
pub struct Scale {
    /// Ratios of CPU times are measured too.
    pub has_cpu: bool,
    /// The members of each room of the account with 1,000 rooms, and the messages; there is another account with ten times as
    /// many.
    pub members: u32,
    pub messages: u32,
    /// The time for which 1,000 rooms are busy, in s.
    pub busy_seconds: u64,
    /// The members of a large room.
    pub crowd: u32,
    /// The rooms that a hub holds.
    pub quiet_rooms: u32,
    /// The messages of a long room.
    pub long_room: u32,
}

const SMALL: Scale = Scale {
    has_cpu: false,
    members: 1,
    messages: 2,
    busy_seconds: 3,
    crowd: 200,
    quiet_rooms: 4_000,
    long_room: 0,
};

const FULL: Scale = Scale {
    has_cpu: true,
    members: 10,
    messages: 50,
    busy_seconds: 10,
    crowd: 10_000,
    quiet_rooms: 100_000,
    long_room: 1_000_000,
};

/// Measures some goals.
type Part = fn(&Scale, &mut Table);

const PARTS: &[(&str, Part)] = &[
    ("many rooms", many_rooms::measure),
    ("crowds", crowds::measure),
    ("hub memory", hub_memory::measure),
    ("other events", other_events::measure),
];

fn main() -> ExitCode {
    let (flags, texts): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|arg| arg.starts_with('-'));
    if flags.iter().any(|flag| flag == "--list") {
        // There are no tests with names of their own.
        return ExitCode::SUCCESS;
    }
    let scale = if flags.iter().any(|flag| flag == "--full") { FULL } else { SMALL };
    let mut table = Table::default();
    let is_selected = |name: &str| texts.is_empty() || texts.iter().any(|text| name.contains(text.as_str()));
    let parts: Vec<_> = PARTS.iter().filter(|(name, _)| is_selected(name)).collect();
    if parts.is_empty() {
        return ExitCode::SUCCESS;
    }
    parts.into_iter().for_each(|(_, measure)| measure(&scale, &mut table));
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
