//! The random events of a run.

use parlour_core::{model::SeekTarget, session::Session};

use super::{
    storage::Health,
    world::{At, NOTICE_MS, World},
};

/// A random event.
pub fn step(world: &mut World) {
    // A user can do nothing in a tab that hangs.
    let mut awake = world.open_tabs();
    awake.retain(|at| world.tab(*at).hung_until <= world.now);
    let Some(&at) = awake.get(world.rng.index(awake.len())) else { return };
    match world.rng.below(100) {
        0..40 => world.send_message(at),
        40..45 => {
            (0..world.rng.below(25)).for_each(|_| world.send_message(at));
        }
        // Nothing, so that the system can settle.
        45..70 => {}
        _ if !world.faults => {}
        70..81 => break_link(world, at),
        81..86 if world.devices[at.device].has_storage() => kill_tab(world, at),
        86 => {
            let server = world.server_of(at);
            world.kill_server(server, false);
        }
        87 => jump(world, at),
        88..90 => {
            let visible = world.rng.once_in(2);
            world.set_visible(at, visible);
        }
        90 if world.tab(at).is_online() => {
            world.tally.count("exits");
            world.leave(at);
        }
        91 => {
            world.guard(at);
            if world.tab(at).is_leader() {
                world.with_session(at, |session, now| session.handle_offline(now));
            }
        }
        92..94 => {
            if let Some(to) = world.tab(at).view.gaps.last().map(|state| state.gap.to) {
                world.load_gap(at, to);
            }
        }
        94..96 => {
            let n = world.rng.below(100_000);
            let unix = world.now_of(at.device).unix;
            let by_time = world.rng.once_in(3);
            let ago = i64::try_from(n).unwrap();
            world.seek(at, if by_time { SeekTarget::Time(unix - ago) } else { SeekTarget::Seq(n % 500) });
        }
        96 => world.search(at, "message"),
        _ => planned(world, at),
    }
}

/// The connection of a tab breaks, is dead, or stalls.
fn break_link(world: &mut World, at: At) {
    if world.tab(at).link.is_none() {
        return;
    }
    let (kind, stall) = (world.rng.below(11), world.rng.below(14_000));
    let until = world.now + stall;
    let link = world.tab(at).link.as_mut().unwrap();
    match kind {
        // It breaks, and the tab notices.
        0..5 => {
            world.tally.count("broken connections");
            world.guard(at);
            world.drop_link(at, true);
            world.with_session(at, |session, now| session.handle_closed(now, 1006));
        }
        5..8 => {
            link.dead = true;
            world.tally.count("dead connections");
        }
        _ => {
            link.stalled_until = until;
            world.tally.count("stalls");
        }
    }
}

fn kill_tab(world: &mut World, at: At) {
    world.tally.count("tabs killed");
    if world.rng.once_in(3) && world.tab(at).is_leader() {
        world.with_session(at, |session, _| Session::handle_hidden(session));
    }
    world.close_tab(at);
    let open_at = world.now + world.rng.below(9_000);
    world.tab(at).open_at = Some(open_at);
}

/// A clock jumps.
fn jump(world: &mut World, at: At) {
    world.tally.count("clock jumps");
    let hours = i64::try_from(world.rng.below(7_200_000)).unwrap() - 3_600_000;
    let year = world.plan.leaps && world.rng.once_in(2);
    let jump = if year { 365 * 86_400_000 } else { hours };
    match world.rng.once_in(3) {
        true => {
            let server = world.server_of(at);
            world.servers[server].skew = jump;
        }
        false => world.devices[at.device].skew = jump,
    }
}

/// A fault of the plan.
fn planned(world: &mut World, at: At) {
    let At { device, .. } = at;
    match world.rng.below(6) {
        0 if world.plan.bad_storage && world.devices[device].has_storage() => {
            let until = world.now + if world.rng.once_in(4) { 1 << 40 } else { world.rng.below(20_000) };
            let aborts = world.rng.once_in(2);
            world.tally.count(if aborts { "aborting storages" } else { "hanging storages" });
            world.devices[device].health = if aborts { Health::Aborts(until) } else { Health::Hangs(until) };
        }
        1 if world.plan.hangs => {
            let duration = world.rng.below(90_000);
            let now = world.now;
            let tab = world.tab(at);
            (tab.hung_until, tab.steady_since) = (now + duration, now);
            if let Some(link) = tab.link.as_mut().filter(|_| duration > NOTICE_MS) {
                link.given_up_at = Some(now + NOTICE_MS);
            }
            world.tally.count("tabs that hang");
        }
        2 if world.plan.restores => {
            let server = world.server_of(at);
            match world.servers[server].backup.is_some() && world.rng.once_in(2) {
                true => world.restore(server),
                false => world.back_up(server),
            }
        }
        3 if world.plan.accounts && world.devices[device].has_storage() => {
            let account = world.rng.index(world.devices[device].accounts.len());
            world.tally.count("changes of the account");
            world.change_account(device, account);
        }
        4 if world.tab(at).has_joined() => {
            let retry = world.rng.once_in(2);
            world.handle_failed(at, retry, true);
        }
        5 if world.plan.strangers => {
            let server = world.server_of(at);
            world.strangers(server);
        }
        _ => {}
    }
}
