//! The one chromedriver of a test binary.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, Weak},
};

use crate::{browser::Browser, environment::Environment};

/// A chromedriver that runs, until the last test that uses it is over.
#[derive(Debug)]
pub struct Chromedriver {
    process: Child,
    url: String,
}

static RUNNING: Mutex<Weak<Chromedriver>> = Mutex::new(Weak::new());

impl Chromedriver {
    /// The one that runs, or a new one.
    pub fn shared() -> Arc<Self> {
        // A test that failed while it started one leaves nothing half done.
        let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *running = Arc::downgrade(&started);
            started
        })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn start() -> Self {
        let mut process = Command::new(Environment::programs(Browser::Chromium).driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let stdout = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        let port = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ").map(|(_, port)| port.to_owned()))
            .expect("chromedriver says on which port it listens");
        let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        Self { process, url }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        // Every window is closed by the test that opened it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
