//! A full disk: messages wait, everything else works, and nothing is lost when there is space again.

use std::{
    env, fs,
    path::Path,
    process::Command,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use parlour_core::{
    codec::{Envelope, Extension},
    status::Status,
    wire::{
        ClientCommand, PageRequest, Response, client_command::Operation, page_request::Start,
        response::Result as Answer, server_event::Body,
    },
};
use parlour_server::store::{EventLog as _, sqlite::SqliteLog};

use super::{
    common::{Client, Dir},
    crowd::Crowd,
    program::Program,
    rng::Rng,
    tab::Order,
    table::Row,
    truth, wait_until,
};

/// Set for the child process, which runs this test where it may mount a small disk.
const INSIDE: &str = "PARLOUR_KILL_INSIDE";
/// The number of users.
const USERS: usize = 10;
/// The size of the file that is removed to make space, in bytes; the disk has 5 MiB.
const BALLAST: usize = 2 << 20;
/// The maximum file size where a limit replaces the full disk, in KiB.
const LIMIT: u32 = 2_048;

#[test]
fn full_disk_delays_messages_and_loses_none() {
    if env::var_os(INSIDE).is_some() {
        return on_a_small_disk();
    }
    // A mount needs its own namespace, which some systems do not allow.
    let program = env::current_exe().unwrap();
    let name = "full::full_disk_delays_messages_and_loses_none";
    let unshared = |program: &Path, arguments: &[&str]| {
        Command::new("unshare").arg("-rm").arg(program).args(arguments).env(INSIDE, "yes").output()
    };
    if !unshared(Path::new("true"), &[]).is_ok_and(|output| output.status.success()) {
        println!("full disk: not tested, because this system does not allow mounts");
        return;
    }
    let output = unshared(&program, &["--exact", name, "--nocapture"]).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "no test has this name: {name}");
}

/// The secret of a visitor's session.
fn secret(name: &str) -> Vec<u8> {
    format!("{name:~<32}").into_bytes()
}

/// A client of an account, which knows rooms.
fn log_in(server: &Program, name: &str) -> Client {
    Client::login_with(server.address, name, &secret(name))
}

/// The number of messages that a visitor requests.
const PAGE: usize = 10;

/// The number of messages of the page that answers the first command.
fn messages(frame: &Envelope) -> Option<usize> {
    let Some(Extension::Event(event)) = &frame.extension else { return None };
    match &event.body {
        Some(Body::Response(Response { request: 1, result: Some(Answer::Page(page)) })) => {
            Some(page.messages.len())
        }
        _ => None,
    }
}

/// A client joins, reads and leaves, while nothing can be stored. It has an account.
///
/// The log may have fewer messages than a page, because only little could be stored.
fn visit(server: &Program, crowd: &Crowd, name: &str) {
    let stored = crowd.states().iter().map(|state| state.newest).max().unwrap();
    let expected = PAGE.min(usize::try_from(stored).unwrap());
    assert!(expected > 0, "nothing is stored to read");
    let mut visitor = log_in(server, name);
    wait_until("all show the visitor", || crowd.all(|state| state.members == USERS + 1));
    let page = PageRequest { start: Some(Start::Before(u64::MAX)), count: u32::try_from(PAGE).unwrap() };
    let operation = Some(Operation::Page(page));
    visitor.extension(Extension::Command(ClientCommand {
        request: 1,
        operation,
        ..ClientCommand::default()
    }));
    visitor.until(|client| client.frames.iter().filter_map(messages).any(|count| count >= expected));
    drop(visitor);
    wait_until("the visitor has left", || crowd.all(|state| state.members == USERS));
}

/// Waits until each tab has received a refusal because the log is unavailable.
fn wait_until_all_are_refused(crowd: &Crowd) {
    let before: Vec<_> = crowd.states().iter().map(|state| state.refused).collect();
    wait_until("all are refused", || {
        crowd.states().iter().zip(&before).all(|(state, before)| state.refused > *before)
    });
}

fn on_a_small_disk() {
    let disk = Dir::new();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=5m", "tmpfs"]).arg(disk.path());
    assert!(mount.status().unwrap().success(), "a small disk");
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![7; BALLAST]).unwrap();
    run("has a full disk", &disk, None, |_| fs::remove_file(&ballast).unwrap());
    // The process that mounted it has ended when this one runs.
    let _ = Command::new("umount").arg(disk.path()).status();
}

#[test]
fn file_size_limit_delays_messages_and_loses_none() {
    run("can't write", &Dir::new(), Some(LIMIT), |server| {
        server.kill();
        server.limit = None;
        server.start();
    });
}

/// Runs a server that can't store messages until `free_space` is called; `how` is its title in the table.
fn run(how: &'static str, disk: &Dir, limit: Option<u32>, free_space: impl FnOnce(&mut Program)) {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let mut rng = Rng(u64::try_from(seed).unwrap());
    let (data, diagnostics) = (disk.path().join("data"), Dir::new());
    let mut server = Program::new(data.clone(), diagnostics.path().join("diagnostics"));
    server.limit = limit;
    server.start();
    let crowd = Crowd::new(server.address, USERS, 6_000, &mut rng);
    for visitor in ["lili", "tom"] {
        let connected = log_in(&server, visitor);
        wait_until("all show the visitor", || crowd.all(|state| state.members == USERS + 1));
        drop(connected);
        wait_until("the visitor has left", || crowd.all(|state| state.members == USERS));
    }
    crowd.order(Order::Send(true));
    wait_until_all_are_refused(&crowd);
    visit(&server, &crowd, "lili");
    // Somebody new needs an account, which can't be stored.
    let mut guest = Client::connect(server.address);
    guest.send_login("guest", &[]);
    assert_eq!(guest.until_closed(), Some(Status::LogUnavailable.code()));

    // Killed while nothing can be stored, and started again in the same state.
    server.kill();
    server.start();
    let started = Instant::now();
    crowd.wait_until_online();
    let reconnect_ms = crowd.reconnect_ms(started);
    wait_until_all_are_refused(&crowd);
    visit(&server, &crowd, "tom");
    let waiting = crowd.sum(|state| state.sent - state.acknowledged);

    free_space(&mut server);
    crowd.settle();
    let devices = crowd.end();
    server.kill();
    let log = SqliteLog::open(&data).unwrap();
    let log = truth::read_all(&mut *log.reader().unwrap());
    Row { how, rounds: 1, reconnect_ms }.print(&log, &devices);
    println!("{waiting} messages waited for space on the disk");
    assert!(waiting > 0);
    truth::check_exactly_once(&log, &devices);
    truth::check_presence(&devices);
}
