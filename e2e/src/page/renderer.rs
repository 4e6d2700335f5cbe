//! Stopping a tab: its renderer process, as when the computer is overloaded, or only its page, as browsers do with tabs in
//! the background.

use std::{fs, process::Command, time::Duration};

use serde_json::json;

use super::Page;

/// The time for which the page is busy while its process is looked for, in ms.
const BUSY_MS: u32 = 600;

/// A stopped renderer process. Dropping it lets the process continue.
#[derive(Debug)]
pub struct StoppedRenderer {
    process: u32,
}

impl StoppedRenderer {
    /// Lets the process continue.
    pub fn resume(self) {}
}

impl Drop for StoppedRenderer {
    fn drop(&mut self) {
        signal(self.process, "-CONT");
    }
}

impl Page {
    /// Stops the renderer process of the current tab. Nothing can be done in that tab until it is resumed; switch to
    /// another one next. Chromium on Linux only.
    ///
    /// # Panics
    /// In any other browser, and if the process can't be found.
    pub async fn stop_renderer(&self) -> StoppedRenderer {
        self.only_chromium_can("be stopped");
        let browser: u32 = self.process().parse().expect("a process id");
        let before = renderers(browser);
        let busy = format!("const end = performance.now() + {BUSY_MS}; while (performance.now() < end);");
        self.eval::<()>(&format!("{busy} return null"), vec![]).await;
        let used = |(process, ticks): (u32, u64)| {
            let old = before.iter().find(|old| old.0 == process).map_or(0, |old| old.1);
            (ticks - old, process)
        };
        let (_, process) = renderers(browser).into_iter().map(used).max().expect("a renderer process");
        signal(process, "-STOP");
        // The process may still be finishing the task that reported its result.
        tokio::time::timeout(Duration::from_secs(5), async {
            while stat(process).is_none_or(|stat| stat.state != 'T') {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the process stops");
        StoppedRenderer { process }
    }

    /// Freezes the page of the current tab, which hides it: its timers stop, and it receives nothing. As with
    /// [`Self::stop_renderer`], switch to another tab next. Chromium only.
    ///
    /// # Panics
    /// In any other browser.
    pub async fn freeze(&self) {
        self.devtools("Page.setWebLifecycleState", json!({ "state": "frozen" })).await;
    }

    /// Lets a frozen page continue, and shows it.
    ///
    /// # Panics
    /// As [`Self::freeze`].
    pub async fn unfreeze(&self) {
        self.devtools("Page.setWebLifecycleState", json!({ "state": "active" })).await;
        // Otherwise it stays hidden, and hidden pages draw nothing.
        self.devtools("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
    }
}

fn signal(process: u32, signal: &str) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "send {signal} to {process}");
}

struct Stat {
    state: char,
    parent: u32,
    /// The CPU time used so far.
    ticks: u64,
}

fn stat(process: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may contain spaces.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: u32::try_from(number(1)?).ok()?,
        ticks: number(11)? + number(12)?,
    })
}

/// The renderer processes of a browser, and the CPU time that each has used.
fn renderers(browser: u32) -> Vec<(u32, u64)> {
    let is_renderer = |process: u32| {
        fs::read(format!("/proc/{process}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains("--type=renderer"))
    };
    let descends = |mut process: u32| {
        while let Some(stat) = stat(process) {
            if stat.parent == browser {
                return true;
            }
            process = stat.parent;
        }
        false
    };
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter(|process| is_renderer(*process) && descends(*process))
        .filter_map(|process| Some((process, stat(process)?.ticks)))
        .collect()
}
