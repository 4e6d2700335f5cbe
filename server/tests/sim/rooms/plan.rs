//! The faults that are possible in a run. The plan is drawn from the seed, so that some runs are quiet enough for a fault to
//! be found in them, and others combine many.

use std::time::Duration;

use crate::{network::Middlebox, rng::Rng};

/// The ages at which messages are deleted: some are that old in a run, or none is.
const AGES: [Duration; 2] = [Duration::from_secs(20), Duration::from_secs(90 * 86_400)];

/// The kinds of faults of a run, in addition to those that every run has.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The number of accounts.
    pub users: usize,
    /// The number of tabs of a device.
    pub tabs: usize,
    /// Transactions on the devices are aborted or hang.
    pub bad_storage: bool,
    /// Tabs hang and wake up later.
    pub hangs: bool,
    /// The log is restored from a backup.
    pub restores: bool,
    /// Clocks jump by up to some hours.
    pub jumps: bool,
    /// Clocks jump by up to a year, and messages are deleted that are older than this.
    pub leaps: Option<Duration>,
    /// Some devices are behind it.
    pub middlebox: Option<Middlebox>,
    /// Tabs evict messages from memory.
    pub evictions: bool,
    /// Users log out, and log in again.
    pub logouts: bool,
    /// There are two servers, and users log in to either after a logout.
    pub servers: bool,
    /// Some devices have browsers that refuse locks.
    pub refused_locks: bool,
    /// Some devices have no storage.
    pub missing_storage: bool,
    /// Strangers come and go.
    pub strangers: bool,
}

impl Plan {
    /// A plan without faults.
    pub fn calm(rng: &mut Rng) -> Self {
        Self {
            users: 2 + rng.index(2),
            tabs: 2,
            bad_storage: false,
            hangs: false,
            restores: false,
            jumps: false,
            leaps: None,
            middlebox: None,
            evictions: false,
            logouts: false,
            servers: false,
            refused_locks: false,
            missing_storage: false,
            strangers: false,
        }
    }

    /// A random plan.
    pub fn hostile(rng: &mut Rng) -> Self {
        let leaps = rng.once_in(4).then(|| AGES[rng.index(2)]);
        let max_bytes = [700, 1_500, 8 * 1024][rng.index(3)];
        Self {
            bad_storage: rng.once_in(2),
            hangs: rng.once_in(2),
            restores: rng.once_in(5),
            // The clock for retention follows a small jump at once.
            jumps: leaps.is_none() && rng.once_in(3),
            leaps,
            middlebox: rng.once_in(5).then_some(Middlebox { max_bytes }),
            evictions: rng.once_in(3),
            logouts: rng.once_in(3),
            servers: rng.once_in(3),
            refused_locks: rng.once_in(4),
            missing_storage: rng.once_in(4),
            strangers: rng.once_in(3),
            ..Self::calm(rng)
        }
    }
}
