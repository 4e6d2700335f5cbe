//! A page that is open in a quiet room, looked at and not looked at: what it takes though nothing happens.

use std::{fs, thread::sleep, time::Duration};

use anyhow::{Context, Result};

use crate::{
    client::{
        browser::Browser,
        peers::{Held, Peer},
        setting::Setting,
    },
    measure::Figures,
    process,
};

/// It goes on for so many spans, a minute in all.
const SPANS: u32 = 20;
/// Until what was begun is done.
const REST: Duration = Duration::from_secs(5);

/// Counts what is called by timers and for frames.
const COUNT: &str = "{
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
    let site = peer.start(setting, Held(0))?;
    let mut browser = peer.browser(setting)?;
    browser.before_load(COUNT)?;
    peer.go_in(&mut browser, &site)?;
    let mut figures = still(&mut browser, setting.span * SPANS, "idle")?;
    browser.look_away()?;
    figures.extend(still(&mut browser, setting.span * SPANS, "idle out of sight")?);
    Ok(figures)
}

fn still(browser: &mut Browser, span: Duration, name: &str) -> Result<Figures> {
    sleep(REST);
    let renderer = browser.renderer()?;
    let fired: f64 = browser.eval("globalThis.fired")?;
    let (cpu, woken) = (process::cpu(renderer)?, wake_ups(renderer)?);
    sleep(span);
    let (cpu, woken) = (process::cpu(renderer)? - cpu, wake_ups(renderer)? - woken);
    let fired = browser.eval::<f64>("globalThis.fired")? - fired;
    let minute = 60.0 / span.as_secs_f64();
    Ok(vec![
        (format!("{name}, CPU-ms a minute"), cpu * 1e3 * minute),
        (format!("{name}, wake-ups a minute"), woken * minute),
        (format!("{name}, timers and frames a minute"), fired * minute),
    ])
}

/// How often the process's threads have gone to sleep of themselves.
fn wake_ups(pid: u32) -> Result<f64> {
    let mut all = 0.0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("the process is gone")?.flatten() {
        // One that ends meanwhile does not matter.
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        all += line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or_default();
    }
    Ok(all)
}
