//! Chaos test: two users exchange messages over a bad network, while the server is killed now and then and their pages are
//! reloaded, left, hidden and closed. Afterwards, without faults, no message may be lost or duplicated.
//!
//! `PARLOUR_CHAOS_SECONDS` sets the duration (default 30). `PARLOUR_CHAOS_SEED` repeats the random choices of a run.

mod ledger;
mod user;

use std::{
    cell::RefCell,
    fmt::Write as _,
    io::Write as _,
    str::FromStr,
    time::{Duration, Instant, SystemTime},
};

use parlour_e2e::{Proxy, Rng, Server, WindowOptions, browser_test_within, read_history};

use ledger::Ledger;
use user::{ActionCounts, User};

/// Deadline for recovery: the longest delay between two connection attempts, plus a login.
const RECOVERY: Duration = Duration::from_secs(90);

fn env_setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// Prints the seed if the test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat the random choices: PARLOUR_CHAOS_SEED={}", self.0);
        }
    }
}

/// Repeatedly kills or stops the server and restarts it, until the given time.
async fn restart(server: &mut Server, mut rng: Rng, until: Instant) -> u32 {
    let mut restarts = 0;
    while Instant::now() < until {
        pause(rng.millis(4_000..9_000)).await;
        if rng.in_range(0..3) > 0 {
            server.kill();
        } else {
            server.stop().await;
        }
        pause(rng.mostly_short(50..3_000)).await;
        server.restart();
        restarts += 1;
    }
    restarts
}

/// A pause that is part of the test scenario; results are awaited with `eventually`.
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[test]
fn no_message_is_lost_or_duplicated() {
    let seconds: u64 = env_setting("PARLOUR_CHAOS_SECONDS").unwrap_or(30);
    let by_clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_secs());
    let seed = Seed(env_setting("PARLOUR_CHAOS_SEED").unwrap_or_else(by_clock));
    let length = Duration::from_secs(seconds);
    browser_test_within(length + 4 * RECOVERY, "no_message_is_lost_or_duplicated", async |test| {
        let mut server = Server::start();
        let proxy = Proxy::start(server.address());
        let ledger = RefCell::new(Ledger::default());
        let window = WindowOptions::default();
        let url = proxy.url();
        let mut tom = User::log_in(test, "tom", window, &url, Rng::for_part(seed.0, 1), &ledger).await;
        let mut lili = User::log_in(
            test,
            "丽丽",
            WindowOptions { language: "zh-CN" },
            &url,
            Rng::for_part(seed.0, 2),
            &ledger,
        )
        .await;

        let until = Instant::now() + length;
        proxy.start_faults(seed.0);
        let (restarts, (), ()) = tokio::join!(
            restart(&mut server, Rng::for_part(seed.0, 3), until),
            tom.act(until),
            lili.act(until)
        );
        proxy.stop_faults();
        let begun = Instant::now();
        for user in [&mut tom, &mut lili] {
            user.recover(RECOVERY).await;
        }
        let recovered = begun.elapsed();

        let log = read_history(server.address(), "reader");
        let names = [tom.name, lili.name];
        let mut shown = Vec::new();
        for user in [&mut tom, &mut lili] {
            shown.extend(user.shown_messages(&log, names).await);
        }
        let verdict = ledger.borrow().verdict(&log, &shown);
        let done = tom.counts + lili.counts;
        let table = table(seed.0, seconds, recovered, done, restarts, &proxy, &verdict);
        // Written directly, because the test harness hides the output of a test that passes.
        let _ = std::io::stdout().write_all(table.as_bytes());

        assert!(verdict.is_ok(), "{verdict:#?}");
        assert_eq!(done.logins, 0, "repeated logins, although the session is persisted");
        assert_enough_chaos(seconds, done, restarts, &proxy);
    });
}

/// Fails if too few faults and actions happened for a meaningful test.
fn assert_enough_chaos(seconds: u64, done: ActionCounts, restarts: u32, proxy: &Proxy) {
    let faults = proxy.fault_counts();
    let broken = ["reset", "ended", "half closed", "swallowed", "shut", "refused", "cut before the answer"];
    let broken: u32 = broken.iter().filter_map(|kind| faults.get(kind)).sum();
    let slowed = ["stalled", "delayed", "trickled"].iter().filter_map(|kind| faults.get(kind)).sum();
    let expected = [
        ("messages", done.sent, seconds),
        ("reloaded, left or reopened", done.reloads + done.navigated_away + done.reopened, seconds / 10),
        ("minimised", done.minimized, seconds / 30),
        ("tabs opened or switched", done.tabs, seconds / 15),
        ("tabs closed", done.closed, seconds / 30),
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
    done: ActionCounts,
    restarts: u32,
    proxy: &Proxy,
    verdict: &ledger::Verdict,
) -> String {
    let mut table = format!("\nchaos of {seconds} s, seed {seed}\n");
    let mut line = |what: &str, value: &dyn std::fmt::Display| writeln!(table, "{value:>8}  {what}");
    let rows = [
        ("messages sent", done.sent),
        ("reloads", done.reloads),
        ("navigations away and back", done.navigated_away),
        ("windows minimised", done.minimized),
        ("browsers closed and reopened", done.reopened),
        ("tabs opened or switched", done.tabs),
        ("tabs closed", done.closed),
        ("repeated logins", done.logins),
        ("servers killed or stopped", restarts),
    ];
    let _ = rows.iter().try_for_each(|(what, count)| line(what, count));
    let _ =
        proxy.fault_counts().iter().try_for_each(|(what, count)| line(&format!("connections {what}"), count));
    let _ = line("messages stored", &verdict.stored);
    let _ = line("not sent before their page was closed", &verdict.excused);
    let _ = line("lost", &verdict.lost.len());
    let _ = line("duplicated", &verdict.duplicated.len());
    let _ = line("never typed", &verdict.invented.len());
    let _ = line("out of order", &verdict.misordered.len());
    let _ = line("s until recovery", &format!("{:.1}", recovered.as_secs_f32()));
    table
}
