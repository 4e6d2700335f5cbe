//! Checks between the steps of a run that a leader which hangs is replaced.

use parlour_core::Millis;

use super::{
    tab::{Role, Tab},
    world::World,
};

/// The longest time for which a visible tab follows one that hangs, in ms.
const TAKE_OVER_MS: Millis = 15_000;

/// A leader that hangs is replaced by a visible tab.
pub fn check_leaders(world: &World) {
    let hangs = |tab: &Tab| tab.hung_until > world.now;
    // A tab that hung is steady since it woke up.
    let is_steady = |tab: &Tab| {
        let woken_at = tab.hung_until.min(world.now);
        tab.steady_since.max(woken_at) + TAKE_OVER_MS <= world.now
    };
    for (at, leader) in world.tabs.iter().enumerate().filter(|(_, tab)| tab.is_leader() && hangs(tab)) {
        if leader.steady_since + TAKE_OVER_MS > world.now || !world.holds_lock(at) {
            continue;
        }
        let tabs = world.devices[leader.device].tabs.iter().map(|at| &world.tabs[*at]);
        let mut followers = tabs.filter(|tab| matches!(tab.role, Role::Follower(_)));
        let follows =
            followers.any(|tab| tab.scope == leader.scope && tab.is_visible && !hangs(tab) && is_steady(tab));
        assert!(!follows, "a tab has followed tab {at}, which hangs, for {TAKE_OVER_MS} ms");
    }
}
