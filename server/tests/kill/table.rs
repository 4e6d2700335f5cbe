//! The figures, and the check that those of losses are zero.

use std::collections::BTreeMap;

use super::{device::Device, truth::LogEntry};

/// The result of a run.
#[derive(Debug)]
pub struct Row {
    pub how: &'static str,
    pub rounds: usize,
    /// The times that clients took to be online after the server had started, in ms.
    pub reconnect_ms: Vec<u128>,
}

impl Row {
    /// Prints it.
    pub fn print(mut self, log: &[LogEntry], devices: &[Device]) {
        let mut times = BTreeMap::new();
        log.iter().for_each(|(_, id, ..)| *times.entry(*id).or_insert(0_usize) += 1);
        let acknowledged = || devices.iter().flat_map(|device| &device.ledger.acknowledged);
        let lost = acknowledged().filter(|id| !times.contains_key(id)).count();
        let shown_twice = devices.iter().map(|device| {
            let shown = device.view.shown();
            let ids: std::collections::BTreeSet<_> = shown.iter().map(|(_, id)| id).collect();
            shown.len() - ids.len()
        });
        let doubled = times.values().filter(|times| **times > 1).count() + shown_twice.sum::<usize>();
        self.reconnect_ms.sort_unstable();
        let median =
            self.reconnect_ms.get(self.reconnect_ms.len() / 2).map_or("-".into(), |ms| format!("{ms} ms"));
        println!(
            "\n{:<24}{:>8}{:>8}{:>14}{:>8}{:>8}{:>8}{:>14}",
            "the server", "rounds", "users", "acknowledged", "in log", "lost", "doubled", "online after"
        );
        println!(
            "{:<24}{:>8}{:>8}{:>14}{:>8}{lost:>8}{doubled:>8}{median:>14}",
            self.how,
            self.rounds,
            devices.len(),
            acknowledged().count(),
            log.len(),
        );
    }
}
