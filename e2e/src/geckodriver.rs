//! A geckodriver process with its Firefox.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{browser::Browser, environment::Environment, eventually::eventually, page::Entry};

/// Runs geckodriver and kills its whole process group when standard input is closed: at the end of the test, or when the
/// test process is killed. Killing geckodriver alone would leave its Firefox running.
const SUPERVISOR: &str = r#""$@" & cat; kill -9 $!; wait $!; kill -9 -$$"#;

/// A running geckodriver. Dropping it ends it and its Firefox.
#[derive(Debug)]
pub struct Geckodriver {
    supervisor: Child,
    url: String,
    log: PathBuf,
}

impl Geckodriver {
    /// Starts geckodriver. Its output and that of Firefox is written to a file in `profile`.
    pub async fn start(profile: &Path) -> Self {
        fs::create_dir_all(profile).expect("create the profile");
        let log = profile.join("driver.log");
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "geckodriver"]).arg(Environment::programs(Browser::Firefox).driver);
        // Not a pipe: if a Firefox outlives the test, the reader of a pipe would wait for it.
        let output = File::create(&log).expect("write the profile");
        command
            .args(["--port", "0"])
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("duplicate the file handle"))
            .stderr(output);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let supervisor = command.spawn().expect("start a shell");
        let mut started = Self { supervisor, url: String::new(), log };
        started.url = eventually("geckodriver listens", async || {
            let log = started.output();
            let address = log.split_once("Listening on ").and_then(|(_, rest)| rest.split_once('\n'));
            address.map(|(address, _)| format!("http://{}", address.trim())).ok_or(log)
        })
        .await;
        started
    }

    /// The URL of its WebDriver endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Console messages of pages so far.
    pub fn console(&self) -> Vec<Entry> {
        self.output().lines().filter_map(parse_entry).collect()
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Geckodriver {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

/// Parses a line of Firefox's output. Returns only messages of pages; of several arguments, only the first.
fn parse_entry(line: &str) -> Option<Entry> {
    let (kind, message) = line.split_once(": ")?;
    let (level, source) = match kind {
        "console.error" => ("SEVERE", "console-api"),
        "console.warn" => ("WARNING", "console-api"),
        "console.log" | "console.info" => ("INFO", "console-api"),
        "console.debug" => ("DEBUG", "console-api"),
        // Scripts of the browser itself have other schemes.
        "JavaScript error" if message.starts_with("http") => ("SEVERE", "javascript"),
        _ => return None,
    };
    // Browser components log as `Name: ...`. Values logged by pages are quoted or in parentheses.
    let component = message
        .split_once(": ")
        .is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '.'));
    if component && source == "console-api" {
        return None;
    }
    Some(Entry { level: level.into(), source: source.into(), message: message.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{WindowOptions, browser_test_in};

    #[test]
    fn firefox_ends_with_its_driver() {
        browser_test_in(Browser::Firefox, "firefox_ends_with_its_driver", async |test| {
            let page = test.open_blank("page", WindowOptions::default()).await;
            test.kill_and_reopen("again", WindowOptions::default(), &page).await;
        });
    }

    #[test]
    fn console_parser_ignores_messages_of_the_browser_itself() {
        let level = |line| parse_entry(line).map(|entry| entry.level);
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
