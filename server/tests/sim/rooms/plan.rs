//! The faults that are possible in a run. The plan is drawn from the seed, so that some runs are quiet enough for a fault to
//! be found in them, and others combine many.

use crate::rng::Rng;

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
        }
    }

    /// A random plan.
    pub fn hostile(rng: &mut Rng) -> Self {
        Self {
            bad_storage: rng.once_in(5),
            hangs: rng.once_in(2),
            restores: rng.once_in(5),
            jumps: rng.once_in(4),
            ..Self::calm(rng)
        }
    }
}
