//! What may happen in a run. The plan is drawn from the seed, so that some runs are quiet enough for a fault to be
//! found in them, and others combine many.

use super::{network::Middlebox, rng::Rng};

/// The kinds of faults of a run, in addition to those that every run has.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The most tabs of a device.
    pub tabs: usize,
    /// Transactions on the devices are aborted or hang.
    pub bad_storage: bool,
    /// Tabs hang and wake up later.
    pub hangs: bool,
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
            tabs: 1,
            bad_storage: false,
            hangs: false,
            middlebox: None,
            restores: false,
            strangers: false,
            accounts: false,
            leaps: false,
        }
    }

    /// A random plan.
    pub fn hostile(rng: &mut Rng) -> Self {
        // Several, when another tab takes over from one that hangs.
        let tabs = 1;
        let max_bytes = [700, 1_500, 8 * 1024][rng.index(3)];
        Self {
            tabs,
            bad_storage: rng.once_in(4),
            hangs: false,
            middlebox: rng.once_in(5).then_some(Middlebox { max_bytes }),
            restores: rng.once_in(6),
            strangers: rng.once_in(5),
            accounts: rng.once_in(5),
            leaps: rng.once_in(6),
        }
    }
}
