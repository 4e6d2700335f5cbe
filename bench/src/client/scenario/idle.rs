//! CPU use of a page that is idle, visible and hidden.

use std::{fs, thread::sleep, time::Duration};

use anyhow::{Context, Result};

use crate::{
    client::{
        browser::Browser,
        peers::{Peer, Preloaded},
        setting::Setting,
    },
    measure::Figures,
    process,
};

/// Duration in spans: one minute in all.
const SPANS: u32 = 20;
/// Time for earlier work to finish.
const SETTLE_TIME: Duration = Duration::from_secs(5);

/// Counts callbacks of timers and frames.
const COUNT_CALLBACKS: &str = "{
    globalThis.fired = 0;
    for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback']) {
        const original = globalThis[name];
        globalThis[name] = (what, ...rest) => {
            const counted = (...all) => { globalThis.fired++; return what(...all); };
            return original(typeof what === 'function' ? counted : what, ...rest);
        };
    }
}";

pub fn idle(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let site = peer.start(setting, Preloaded(0))?;
    let mut browser = peer.browser(setting)?;
    browser.before_load(COUNT_CALLBACKS)?;
    peer.enter_room(&mut browser, &site)?;
    let mut figures = measure_idle(&mut browser, setting.span * SPANS, "idle")?;
    browser.minimize()?;
    figures.extend(measure_idle(&mut browser, setting.span * SPANS, "idle, hidden")?);
    Ok(figures)
}

fn measure_idle(browser: &mut Browser, span: Duration, name: &str) -> Result<Figures> {
    sleep(SETTLE_TIME);
    let renderer = browser.renderer()?;
    let fired: f64 = browser.eval("globalThis.fired")?;
    let (cpu, wake_ups_so_far) = (process::cpu(renderer)?, wake_ups(renderer)?);
    sleep(span);
    let (cpu, wake_ups_so_far) = (process::cpu(renderer)? - cpu, wake_ups(renderer)? - wake_ups_so_far);
    let fired = browser.eval::<f64>("globalThis.fired")? - fired;
    let minute = 60.0 / span.as_secs_f64();
    Ok(vec![
        (format!("{name}, CPU-ms a minute"), cpu * 1e3 * minute),
        (format!("{name}, wake-ups a minute"), wake_ups_so_far * minute),
        (format!("{name}, timers and frames a minute"), fired * minute),
    ])
}

/// Voluntary context switches of the process's threads, which count how often they were woken.
fn wake_ups(pid: u32) -> Result<f64> {
    let mut all = 0.0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("the process has ended")?.flatten() {
        // Ignore threads that end at this time.
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        all += line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or_default();
    }
    Ok(all)
}
