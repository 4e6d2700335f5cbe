//! The invariants.

use parlour_core::Millis;
use parlour_server::hub::tables::TableSizes;

use super::{
    machine::{SESSION_GRACE_MS, empty_tables},
    network::Packet,
    tab::{Role, Tab},
    truth::{self, User},
    witness,
    world::{At, NOTICE_MS, World},
};

/// The longest time for which a visible tab follows one that hangs, in ms.
const TAKE_OVER_MS: Millis = 15_000;
/// The longest time that a seek or a search may take, in ms.
const ANSWER_TIMEOUT_MS: Millis = 60_000;

pub fn check_all_online(world: &World) {
    for device in &world.devices {
        assert!(device.tabs.iter().any(|tab| tab.is_online()), "{} is offline", device.account().nick);
    }
}

/// A leader that hangs is replaced by a visible tab.
pub fn check_leaders(world: &World) {
    for device in &world.devices {
        let hangs = |tab: &Tab| tab.hung_until > world.now;
        // A tab that hung is steady since it woke up.
        let is_steady =
            |tab: &Tab| tab.steady_since.max(tab.hung_until.min(world.now)) + TAKE_OVER_MS <= world.now;
        let is_stuck =
            |tab: &Tab| tab.is_leader() && hangs(tab) && tab.steady_since + TAKE_OVER_MS <= world.now;
        for (number, leader) in device.tabs.iter().enumerate().filter(|(_, tab)| is_stuck(tab)) {
            let holds_lock = device.accounts[leader.account].lock.holder == Some(number);
            let can_lead = |tab: &&Tab| {
                matches!(tab.role, Role::Follower(_)) && tab.account == leader.account && tab.is_visible
            };
            let successor = device.tabs.iter().filter(can_lead).find(|tab| !hangs(tab) && is_steady(tab));
            assert!(
                !holds_lock || successor.is_none(),
                "{} has followed a tab that hangs for {TAKE_OVER_MS} ms",
                device.account().nick
            );
        }
    }
}

fn is_quiet(world: &World) -> bool {
    world.devices.iter().all(|device| device.is_quiet())
}

/// Stops all faults and waits for the longest time that anything may take. Gaps are loaded, as when users
/// scroll up.
pub fn settle(world: &mut World) {
    // The disk has space again.
    (0..world.servers.len()).for_each(|server| world.kill_server(server, false));
    for device in &mut world.devices {
        device.skew = 0;
        if device.has_storage() {
            device.recover();
        }
        for tab in &mut device.tabs {
            tab.hung_until = 0;
            if !tab.has_joined() {
                tab.open_at = Some(world.now);
            }
            tab.link.iter_mut().for_each(|link| link.stalled_until = 0);
        }
    }
    world.servers.iter_mut().for_each(|server| server.skew = 0);
    for at in world.open_tabs() {
        world.set_visible(at, true);
    }
    // Longer than a heartbeat and its deadline, so that dead connections are detected.
    world.advance(30_000);
    wait_until_quiet(world);
    if world.plan.bad_storage {
        // Messages that could not be deleted from the storage are sent again, and the server detects the duplicates.
        reopen(world);
        wait_until_quiet(world);
    }
    settle_other_accounts(world);
}

/// Old dead connections and delayed presence updates may interrupt a quiet moment.
fn wait_until_quiet(world: &mut World) {
    for _ in 0..4 {
        load_until_quiet(world);
        world.advance(50_000);
        if is_quiet(world) {
            break;
        }
    }
}

fn load_until_quiet(world: &mut World) {
    for round in 0..600 {
        if is_quiet(world) {
            return;
        }
        for at in world.open_tabs() {
            let gap = world.tab(at).view.gaps.iter().find(|state| !state.loading).map(|state| state.gap.to);
            if let Some(to) = gap {
                world.load_gap(at, to);
            }
            if round % 20 == 0 {
                world.leave_other_accounts(at.device);
                world.handle_failed(at, true, false);
            }
        }
        world.advance(500);
    }
}

/// Messages that were not sent when their user changed to another account are sent on the next login.
fn settle_other_accounts(world: &mut World) {
    let homes: Vec<usize> = world.devices.iter().map(|device| device.current).collect();
    let accounts = world.devices.iter().map(|device| device.accounts.len()).max().unwrap_or(1);
    for change in 1..accounts {
        for (device, home) in homes.iter().enumerate() {
            let account = (home + change) % world.devices[device].accounts.len();
            if !world.devices[device].accounts[account].is_settled() {
                world.change_account(device, account);
            }
        }
        wait_until_quiet(world);
    }
    homes.into_iter().enumerate().for_each(|(device, home)| world.change_account(device, home));
    if accounts > 1 {
        wait_until_quiet(world);
    }
}

fn reopen(world: &mut World) {
    for at in world.open_tabs() {
        if world.devices[at.device].has_storage() {
            world.close_tab(at);
            let now = world.now;
            world.tab(at).open_at = Some(now);
        }
    }
}

/// Checks that nothing is lost or duplicated, that all clients agree on presence, that nothing is left without an
/// answer, and that no account has seen anything of another.
pub fn check_invariants(world: &mut World) {
    let now = world.now;
    for device in &world.devices {
        for tab in &device.tabs {
            let who = &device.accounts[tab.account].nick;
            assert_eq!(tab.view.complaints, Vec::<String>::new(), "{who}");
            for since in [tab.view.seek_since, tab.view.search_since].into_iter().flatten() {
                assert!(since + ANSWER_TIMEOUT_MS > now, "{who} waits for an answer since {since}");
            }
        }
    }
    for server in 0..world.servers.len() {
        let this = &mut world.servers[server];
        assert_eq!(this.witness.complaints, Vec::<String>::new(), "what server {server} has published");
        assert_eq!(this.remembered.complaints, Vec::<String>::new(), "the sessions of server {server}");
        let reader = &mut *this.running.as_mut().expect("the server runs").reader;
        let log = truth::read_all(reader);
        let held = reader.nicks().expect("the holders of nicks");
        let users: Vec<User> = world.devices.iter().flat_map(|device| device.users(server)).collect();
        truth::check_exactly_once(&log, &users);
        for user in users.iter().filter(|user| !user.tabs.is_empty()) {
            assert!(
                held.iter().any(|account| account.nick == user.nick),
                "{} is online, and does not hold the nick in the log of server {server}",
                user.nick
            );
        }
    }
    check_presence(world, 0);
    // One leaves, and another's connection is lost for good. Neither may still be shown as online.
    for device in 0..2 {
        for tab in 0..world.devices[device].tabs.len() {
            let at = At { device, tab };
            world.tab(at).is_retired = true;
            match device {
                0 => world.leave(at),
                _ => world.close_tab(at),
            }
        }
    }
    world.advance(10_000);
    check_presence(world, 2);
    check_tables(world);
}

/// Checks that a server has forgotten all users when they have left and the grace times are over.
fn check_tables(world: &mut World) {
    for at in world.open_tabs() {
        world.tab(at).is_retired = true;
        world.close_tab(at);
    }
    for server in 0..world.servers.len() {
        if let Some(conn) = world.servers[server].witness.conn.take() {
            world.arrive(server, conn, Packet::Close(1006));
        }
    }
    world.advance(NOTICE_MS + 10_000);
    world.advance(SESSION_GRACE_MS);
    // The log stores that they have expired.
    world.advance(10_000);
    for (number, server) in world.servers.iter().enumerate() {
        let sizes = server.running.as_ref().expect("the server runs").hub.table_sizes();
        // The addresses of the last logins are forgotten with the next login.
        let sizes = TableSizes { logins: 0, ..sizes };
        assert_eq!(sizes, empty_tables(), "what server {number} remembers of nobody");
    }
}

/// Exactly the users of the devices after the `first` ones are online.
fn check_presence(world: &World, first: usize) {
    for (number, server) in world.servers.iter().enumerate() {
        let online = world.devices[first..].iter().filter(|device| device.account().server == number);
        let users = online.flat_map(|device| device.users(number)).filter(|user| !user.tabs.is_empty());
        let users: Vec<User> = users.collect();
        truth::check_presence(&users, &[witness::NICK]);
        let members = server.running.as_ref().expect("the server runs").hub.members();
        assert_eq!(members, users.len() + 1, "server {number} counts the wrong members");
    }
}
