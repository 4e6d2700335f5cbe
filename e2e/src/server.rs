//! The Parlour server as a child process.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use crate::{
    context::keep_until_pages_close,
    environment::Environment,
    eventually::eventually,
    seed_history,
    seed_rooms::{self, SeedRoom},
};

/// A server with its own data folder. It runs until it is killed or stopped, or until it is dropped and the pages of the
/// test are closed: a page that loses its server before that would report an error.
#[derive(Debug)]
pub struct Server {
    arguments: Vec<String>,
    address: String,
    process: Arc<Process>,
    log: Output,
}

/// A process and its data folder. Dropping it kills the process and deletes the folder.
#[derive(Debug)]
struct Process {
    child: Mutex<Child>,
    data: PathBuf,
}

impl Process {
    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

type Output = Arc<Mutex<Vec<String>>>;

fn new_data_dir() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("parlour-e2e-data-{}-{number}", std::process::id()))
}

impl Server {
    /// Starts a server on a free port.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with additional arguments.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(new_data_dir(), arguments)
    }

    /// Starts a server without a rate limit for messages.
    #[must_use]
    pub fn start_without_rate_limit() -> Self {
        Self::start_with(&["--messages-per-minute", "0", "--burst", "10000"])
    }

    /// Starts a server with `count` messages in its log, ten seconds apart. `text` gives the content of each.
    ///
    /// # Panics
    /// If the log cannot be written.
    #[must_use]
    pub fn start_with_history(count: u64, text: impl Fn(u64) -> String) -> Self {
        let data = new_data_dir();
        seed_history::write(&data, count, text);
        Self::start_in(data, &[])
    }

    fn start_in(data: PathBuf, arguments: &[&str]) -> Self {
        let arguments = with_data_dir(arguments, &data);
        let log = Output::default();
        let (child, address) = launch("127.0.0.1:0", &arguments, &log);
        let process = Arc::new(Process { child: Mutex::new(child), data });
        keep_until_pages_close(Arc::clone(&process));
        Self { arguments, address, process, log }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Sends SIGTERM, as a service manager does, and waits until the server has ended.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn stop(&mut self) {
        let sent = Command::new("kill").arg(self.process.child().id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "send SIGTERM to the server");
        eventually("the server ends", async || match self.process.child().try_wait() {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}\n{}", self.log())),
        })
        .await;
    }

    /// Kills the server without letting it shut down.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        let mut child = self.process.child();
        child.kill().expect("kill the server");
        child.wait().expect("a killed process ends");
    }

    /// Starts a stopped server again on the same port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        let (child, address) = launch(&self.address, &self.arguments, &self.log);
        assert_eq!(address, self.address, "the same port");
        *self.process.child() = child;
    }

    /// Adds rooms to those of the account with a nick, while the server is stopped. Returns their ids in hexadecimal digits.
    ///
    /// # Panics
    /// If the log cannot be written, or has no such account.
    pub fn add_rooms(&self, nick: &str, rooms: &[SeedRoom]) -> Vec<String> {
        seed_rooms::write(&self.process.data, nick, rooms)
    }

    /// Starts a stopped server again on the same port and with the same data, with other arguments.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart_with(&mut self, arguments: &[&str]) {
        self.arguments = with_data_dir(arguments, &self.process.data);
        self.restart();
    }

    /// The server's output so far.
    ///
    /// # Panics
    /// If a reading thread panicked.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("output of the server at {}:\n{}", self.address, self.log());
        }
    }
}

fn with_data_dir(arguments: &[&str], data: &Path) -> Vec<String> {
    let data = data.display().to_string();
    arguments.iter().copied().chain(["--data-dir", &data]).map(Into::into).collect()
}

fn launch(listen: &str, arguments: &[String], log: &Output) -> (Child, String) {
    let mut process = Command::new(Environment::read().server)
        .args(["--listen", listen])
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the server");
    let errors = process.stderr.take().expect("stderr is piped");
    collect(BufReader::new(errors), log.clone());
    let mut output = BufReader::new(process.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    let address = loop {
        line.clear();
        let read = output.read_line(&mut line).expect("the server writes UTF-8");
        if read == 0 {
            let _ = process.wait();
            panic!("the server ended before it listened; its output:\n{}", log.lock().unwrap().join("\n"));
        }
        log.lock().unwrap().push(line.trim_end().into());
        if let Some((_, rest)) = line.split_once("listens on http://") {
            break rest.trim_end().trim_end_matches('/').to_owned();
        }
    };
    collect(output, log.clone());
    (process, address)
}

/// Collects output, and prevents the pipe from filling up.
fn collect(output: impl BufRead + Send + 'static, log: Output) {
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            log.lock().unwrap().push(line);
        }
    });
}
