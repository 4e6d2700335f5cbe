//! The server is stopped at a random moment and restarted, many times.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parlour_server::store::{EventLog as _, sqlite::SqliteLog};

use super::{
    common::Dir,
    crowd::Crowd,
    program::Program,
    rng::Rng,
    tab::{Order, State},
    table::Row,
    truth, wait_until,
};

/// The number of users.
const USERS: usize = 50;
/// The number of times that the server is stopped by default.
const ROUNDS: usize = 5;

/// Waits for a random moment: after some messages, or while clients reconnect.
fn wait_random_moment(crowd: &Crowd, rng: &mut Rng) {
    if rng.once_in(4) {
        let online = rng.index(USERS + 1);
        crowd.reconnect_until("some are online", || crowd.sum(|state| usize::from(state.online)) >= online);
    } else {
        let before = crowd.sum(|state| state.acknowledged);
        let more = rng.index(200);
        crowd.reconnect_until("messages are acknowledged", || {
            crowd.sum(|state| state.acknowledged) >= before + more
        });
    }
}

fn rounds(how: &'static str, end: impl Fn(&mut Program)) {
    let rounds = std::env::var("PARLOUR_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let mut rng = Rng(u64::try_from(seed).unwrap());
    let (dir, diagnostics) = (Dir::new(), Dir::new());
    let mut server = Program::new(dir.path().to_owned(), diagnostics.path().join("diagnostics"));
    server.start();
    let mut crowd = Crowd::new(server.address, USERS, 0, &mut rng);
    crowd.order(Order::Send(true));
    let (mut reconnect_ms, mut started) = (Vec::new(), None);
    for _ in 0..rounds {
        wait_random_moment(&crowd, &mut rng);
        reconnect_ms.extend(started.into_iter().flat_map(|started| crowd.reconnect_ms(started)));
        end(&mut server);
        // Users continue to send; some close the tab and open it again.
        (0..rng.below(4)).for_each(|_| crowd.order_one(&mut rng, Order::Reload));
        let sent = |state: &State| state.sent;
        let enough = crowd.sum(sent) + rng.index(40);
        wait_until("users have sent messages", || crowd.sum(sent) >= enough);
        server.start();
        started = Some(Instant::now());
        // The next stop may happen before all have reconnected.
        if rng.once_in(2) {
            crowd.wait_until_online();
        }
    }
    crowd.settle();
    reconnect_ms.extend(started.into_iter().flat_map(|started| crowd.reconnect_ms(started)));
    crowd.join_and_leave(&mut rng);
    let devices = crowd.end();
    server.kill();
    let log = SqliteLog::open(dir.path()).unwrap();
    let log = truth::read_all(&mut *log.reader().unwrap());
    Row { how, rounds, reconnect_ms }.print(&log, &devices);
    truth::check_exactly_once(&log, &devices);
    truth::check_presence(&devices);
}

#[test]
fn server_killed_at_any_moment() {
    rounds("is killed", Program::kill);
}

#[test]
fn server_stopped_at_any_moment() {
    rounds("is asked to stop", Program::terminate);
}
