//! The chromedriver process shared by all tests of a test binary.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, Weak},
};

use crate::{browser::Browser, environment::Environment};

/// A running chromedriver. It ends when the last test that uses it does.
#[derive(Debug)]
pub struct Chromedriver {
    process: Child,
    url: String,
}

static RUNNING: Mutex<Weak<Chromedriver>> = Mutex::new(Weak::new());

impl Chromedriver {
    /// Returns the running process, or starts one.
    pub fn shared() -> Arc<Self> {
        // A test that panicked here has left `running` unchanged.
        let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *running = Arc::downgrade(&started);
            started
        })
    }

    /// The URL of its WebDriver endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn start() -> Self {
        let mut process = Command::new(Environment::programs(Browser::Chromium).driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start chromedriver");
        let stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let port = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ").map(|(_, port)| port.to_owned()))
            .expect("chromedriver prints its port");
        let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        Self { process, url }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        // Every test has closed its windows already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
