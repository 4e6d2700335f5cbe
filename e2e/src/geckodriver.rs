//! The geckodriver of a window, and the Firefox it has started.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{browser::Browser, environment::Environment, eventually::eventually, page::Entry};

/// Ends everything in its process group once its standard input is closed, which it is when the test is over and also
/// when the test's process is killed. A geckodriver that is killed leaves its Firefox behind, so it may not go alone.
const KEEPER: &str = r#""$@" & cat; kill -9 $!; wait $!; kill -9 -$$"#;

/// A geckodriver that runs, until this is dropped.
#[derive(Debug)]
pub struct Geckodriver {
    keeper: Child,
    url: String,
    log: PathBuf,
}

impl Geckodriver {
    /// Starts one. What it and its Firefox write is kept in `profile`.
    pub async fn start(profile: &Path) -> Self {
        fs::create_dir_all(profile).expect("a profile can be made");
        let log = profile.join("driver.log");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "geckodriver"]).arg(Environment::programs(Browser::Firefox).driver);
        // A Firefox that held a pipe of the test would keep whoever reads the other end waiting.
        let output = File::create(&log).expect("a profile can be written");
        command
            .args(["--port", "0"])
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("a file can be written from two places"))
            .stderr(output);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let keeper = command.spawn().expect("a shell starts");
        let mut started = Self { keeper, url: String::new(), log };
        started.url = eventually("geckodriver listens", async || {
            let log = started.written();
            let address = log.split_once("Listening on ").and_then(|(_, rest)| rest.split_once('\n'));
            address.map(|(address, _)| format!("http://{}", address.trim())).ok_or(log)
        })
        .await;
        started
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What pages have written to the console so far.
    pub fn console(&self) -> Vec<Entry> {
        self.written().lines().filter_map(entry).collect()
    }

    fn written(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Geckodriver {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A line of Firefox's output, where a page has written it: the first of what it wrote at once.
fn entry(line: &str) -> Option<Entry> {
    let (kind, message) = line.split_once(": ")?;
    let (level, source) = match kind {
        "console.error" => ("SEVERE", "console-api"),
        "console.warn" => ("WARNING", "console-api"),
        "console.log" | "console.info" => ("INFO", "console-api"),
        "console.debug" => ("DEBUG", "console-api"),
        // The browser's own scripts come from elsewhere.
        "JavaScript error" if message.starts_with("http") => ("SEVERE", "javascript"),
        _ => return None,
    };
    // Parts of the browser write under their names, which are not quoted; all that a page writes is, or is in brackets.
    let part = message
        .split_once(": ")
        .is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '.'));
    if part && source == "console-api" {
        return None;
    }
    Some(Entry { level: level.into(), source: source.into(), message: message.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Window, stage_in};

    #[test]
    fn a_firefox_goes_with_its_driver() {
        stage_in(Browser::Firefox, "a_firefox_goes_with_its_driver", async |stage| {
            let page = stage.window("page", Window::default()).await;
            stage.revive("again", Window::default(), &page).await;
        });
    }

    #[test]
    fn the_console_of_pages_is_told_from_the_browsers_words() {
        let level = |line| entry(line).map(|entry| entry.level);
        assert_eq!(level("console.error: \"panicked at\" 1").as_deref(), Some("SEVERE"));
        assert_eq!(level("console.warn: \"slow\"").as_deref(), Some("WARNING"));
        assert_eq!(
            level("JavaScript error: http://127.0.0.1/a.js, line 2: Error: x").as_deref(),
            Some("SEVERE")
        );
        assert_eq!(level("console.error: (new TypeError(\"x: y\"))").as_deref(), Some("SEVERE"));
        assert_eq!(level("console.error: RSLoader: "), None);
        assert_eq!(level("JavaScript error: resource://gre/a.mjs, line 2: Error: x"), None);
        assert_eq!(level("1795533928410\tgeckodriver\tINFO\tListening on 127.0.0.1:35949"), None);
    }
}
