//! Two people talk over a bad network, with a server that is killed now and then, and with browsers that are loaded
//! again, left, put away and closed. Then all is calm, and nothing is lost and nothing is doubled.
//!
//! `PARLOUR_CHAOS_SECONDS` says how long (30), `PARLOUR_CHAOS_SEED` repeats the chance of a run.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ledger;
mod user;

use std::{
    cell::RefCell,
    fmt::Write as _,
    io::Write as _,
    str::FromStr,
    time::{Duration, Instant, SystemTime},
};

use parlour_e2e::{Chance, Proxy, Server, Window, history, stage_within};

use ledger::Ledger;
use user::{Tally, User};

/// Pages keep what is not sent, and who one is, over a reload.
const STORAGE_KEPT: bool = true;
/// One person can be there in several tabs of a browser.
const TABS: bool = true;

/// Without storage a page that was loaded again is a stranger: the sooner the server sees that the old one is gone, the
/// sooner there is its name again.
const FORGETFUL: &[&str] = &["--ping-interval", "2s", "--ping-timeout", "4s", "--name-grace", "1s"];

/// How long it may take until all is well again: the longest wait between two attempts, and a login in its time.
const RECOVERY: Duration = Duration::from_secs(90);

fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// Tells the seed of a run that fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat this chance: PARLOUR_CHAOS_SEED={}", self.0);
        }
    }
}

/// For as long as the storm lasts, kills the server, or asks it to end, and starts it again after a while.
async fn restart(server: &mut Server, mut chance: Chance, until: Instant) -> u32 {
    let mut restarts = 0;
    while Instant::now() < until {
        pause(chance.millis(4_000..9_000)).await;
        if chance.among(0..3) > 0 {
            server.kill();
        } else {
            server.stop().await;
        }
        pause(chance.mostly_short(50..3_000)).await;
        server.start_again();
        restarts += 1;
    }
    restarts
}

/// Chaos takes its time: nothing is waited for here.
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[test]
fn nothing_is_lost_and_nothing_is_doubled() {
    let seconds: u64 = setting("PARLOUR_CHAOS_SECONDS").unwrap_or(30);
    let by_clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_secs());
    let seed = Seed(setting("PARLOUR_CHAOS_SEED").unwrap_or_else(by_clock));
    let length = Duration::from_secs(seconds);
    stage_within(length + 4 * RECOVERY, "nothing_is_lost_and_nothing_is_doubled", async |stage| {
        let mut server = Server::start_with(if STORAGE_KEPT { &[] } else { FORGETFUL });
        let proxy = Proxy::start(server.address());
        let ledger = RefCell::new(Ledger::default());
        let window = Window::default();
        let url = proxy.url();
        let mut tom = User::come(stage, "tom", window, &url, Chance::of(seed.0, 1), &ledger).await;
        let mut lili =
            User::come(stage, "丽丽", Window { language: "zh-CN" }, &url, Chance::of(seed.0, 2), &ledger)
                .await;

        let until = Instant::now() + length;
        proxy.storm(seed.0);
        let (restarts, (), ()) = tokio::join!(
            restart(&mut server, Chance::of(seed.0, 3), until),
            tom.live(until),
            lili.live(until)
        );
        proxy.calm();
        let begun = Instant::now();
        for user in [&mut tom, &mut lili] {
            user.recover(RECOVERY).await;
        }
        let recovered = begun.elapsed();

        let log = history(server.address(), "reader");
        let names = [tom.name, lili.name];
        let mut shown = Vec::new();
        for user in [&mut tom, &mut lili] {
            shown.extend(user.shows(&log, names).await);
        }
        let verdict = ledger.borrow().verdict(&log, &shown);
        let done = tom.tally + lili.tally;
        let table = table(seed.0, seconds, recovered, done, restarts, &proxy, &verdict);
        // Past the test harness, which shows nothing of a test that passes.
        let _ = std::io::stdout().write_all(table.as_bytes());

        assert!(verdict.is_well(), "{verdict:#?}");
        assert!(
            !STORAGE_KEPT || done.logins == 0,
            "who one is is kept, but one had to log in again {} times in all",
            done.logins
        );
        enough(seconds, done, restarts, &proxy);
    });
}

/// Without chaos there is no proof.
fn enough(seconds: u64, done: Tally, restarts: u32, proxy: &Proxy) {
    let tally = proxy.tally();
    let broken = ["reset", "ended", "half closed", "swallowed", "shut", "refused", "cut before the answer"];
    let broken: u32 = broken.iter().filter_map(|kind| tally.get(kind)).sum();
    let slowed = ["stalled", "delayed", "trickled"].iter().filter_map(|kind| tally.get(kind)).sum();
    let expected = [
        ("messages", done.said, seconds),
        ("loaded again, left or opened again", done.reloads + done.left + done.reopened, seconds / 10),
        ("put away", done.hidden, seconds / 30),
        ("tabs opened or changed", done.tabs, if TABS { seconds / 15 } else { 0 }),
        ("tabs closed", done.closed, if TABS { seconds / 30 } else { 0 }),
        ("restarts", restarts, seconds / 15),
        ("connections broken", broken, seconds / 6),
        ("connections slowed down", slowed, seconds / 15),
    ];
    for (what, count, least) in expected {
        assert!(u64::from(count) >= least, "too little chaos: {what} {count}, at least {least}");
    }
}

fn table(
    seed: u64,
    seconds: u64,
    recovered: Duration,
    done: Tally,
    restarts: u32,
    proxy: &Proxy,
    verdict: &ledger::Verdict,
) -> String {
    let mut table = format!("\nchaos of {seconds} s, seed {seed}\n");
    let mut line = |what: &str, value: &dyn std::fmt::Display| writeln!(table, "{value:>8}  {what}");
    let rows = [
        ("messages said", done.said),
        ("pages loaded again", done.reloads),
        ("pages left and come back to", done.left),
        ("pages put away", done.hidden),
        ("browsers closed and opened again", done.reopened),
        ("tabs opened or changed", done.tabs),
        ("tabs closed", done.closed),
        ("logins where one was known", done.logins),
        ("servers killed or stopped", restarts),
    ];
    let _ = rows.iter().try_for_each(|(what, count)| line(what, count));
    let _ = proxy.tally().iter().try_for_each(|(what, count)| line(&format!("connections {what}"), count));
    let _ = line("in the log", &verdict.logged);
    let _ = line("not sent when their page was closed", &verdict.excused);
    let _ = line("lost", &verdict.lost.len());
    let _ = line("doubled", &verdict.doubled.len());
    let _ = line("out of order", &verdict.disorder.len());
    let _ = line("s until all was well", &format!("{:.1}", recovered.as_secs_f32()));
    table
}
