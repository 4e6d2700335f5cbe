//! The faults and actions that are possible in a run. The plan is drawn from the seed, so that some runs are quiet
//! enough for a fault to be found in them, and others combine many.

use super::{network::Middlebox, rng::Rng};

/// The kinds of faults of a run, in addition to those that every run has.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The most tabs of a device.
    pub tabs: usize,
    /// Transactions on the devices are aborted or hang.
    pub bad_storage: bool,
    /// Tabs hang and wake up later; with several tabs per device.
    pub hangs: bool,
    /// Some browsers refuse locks.
    pub no_locks: bool,
    /// Some devices are behind it.
    pub middlebox: Option<Middlebox>,
    /// Logs are restored from a backup.
    pub restores: bool,
    /// Strangers come and go, with the same secret and with many.
    pub strangers: bool,
    /// There are two servers, and users change between accounts.
    pub accounts: bool,
    /// Clocks jump by up to a year, with retention by age.
    pub leaps: bool,
}

impl Plan {
    /// A plan without faults.
    pub fn calm(rng: &mut Rng) -> Self {
        Self {
            tabs: 1 + rng.index(2),
            bad_storage: false,
            hangs: false,
            no_locks: false,
            middlebox: None,
            restores: false,
            strangers: false,
            accounts: false,
            leaps: false,
        }
    }

    /// A random plan.
    pub fn hostile(rng: &mut Rng) -> Self {
        let bad_storage = rng.once_in(5);
        let tabs = if rng.once_in(2) { 1 } else { 2 + rng.index(2) };
        let max_bytes = [700, 1_500, 8 * 1024][rng.index(3)];
        Self {
            tabs,
            bad_storage,
            hangs: tabs > 1 && rng.once_in(2),
            no_locks: rng.once_in(8),
            middlebox: rng.once_in(5).then_some(Middlebox { max_bytes }),
            restores: rng.once_in(6),
            // A device without its secret leaves many lost sessions behind.
            strangers: !bad_storage && rng.once_in(4),
            accounts: rng.once_in(5),
            leaps: rng.once_in(6),
        }
    }
}
