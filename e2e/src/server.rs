//! Our server as a process of its own.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use crate::{environment::Environment, eventually::eventually, past};

/// Our server, for as long as this lives.
#[derive(Debug)]
pub struct Server {
    arguments: Vec<String>,
    address: String,
    process: Child,
    log: Log,
    data: PathBuf,
}

type Log = Arc<Mutex<Vec<String>>>;

fn new_data_dir() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("parlour-e2e-data-{}-{number}", std::process::id()))
}

impl Server {
    /// Starts it on a port of the machine's choice.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with more arguments.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(new_data_dir(), arguments)
    }

    /// Starts it with a log that has so many messages, of these texts; ten seconds lie between two of them.
    ///
    /// # Panics
    /// When the log can't be written.
    #[must_use]
    pub fn start_with_past(count: u64, text: impl Fn(u64) -> String) -> Self {
        let data = new_data_dir();
        past::write(&data, count, text);
        Self::start_in(data, &[])
    }

    fn start_in(data: PathBuf, arguments: &[&str]) -> Self {
        let mut arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        arguments.extend(["--data-dir".into(), data.display().to_string()]);
        let log = Log::default();
        let (process, address) = launch("127.0.0.1:0", &arguments, &log);
        Self { arguments, address, process, log, data }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "the server can be asked to end");
        eventually("the server ends", async || match self.process.try_wait() {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}\n{}", self.log())),
        })
        .await;
    }

    /// Kills it: it has no time for anything.
    ///
    /// # Panics
    /// When it can't be killed.
    pub fn kill(&mut self) {
        self.process.kill().expect("the server can be killed");
        self.process.wait().expect("a killed process ends");
    }

    /// Starts it again, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        let (process, address) = launch(&self.address, &self.arguments, &self.log);
        assert_eq!(address, self.address, "the same port");
        self.process = process;
    }

    /// What it wrote.
    ///
    /// # Panics
    /// When a thread of ours failed.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.data);
        if thread::panicking() {
            eprintln!("the server at {} wrote:\n{}", self.address, self.log());
        }
    }
}

fn launch(listen: &str, arguments: &[String], log: &Log) -> (Child, String) {
    let mut process = Command::new(Environment::read().server)
        .args(["--listen", listen])
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let errors = process.stderr.take().expect("its output is a pipe");
    follow(BufReader::new(errors), log.clone());
    let mut output = BufReader::new(process.stdout.take().expect("its output is a pipe"));
    let mut line = String::new();
    let address = loop {
        line.clear();
        let read = output.read_line(&mut line).expect("the server writes text");
        if read == 0 {
            let _ = process.wait();
            panic!("the server ended before it listened; it wrote:\n{}", log.lock().unwrap().join("\n"));
        }
        log.lock().unwrap().push(line.trim_end().into());
        if let Some((_, rest)) = line.split_once("listens on http://") {
            break rest.trim_end().trim_end_matches('/').to_owned();
        }
    };
    follow(output, log.clone());
    (process, address)
}

/// Keeps what is written, and the pipe from filling up.
fn follow(output: impl BufRead + Send + 'static, log: Log) {
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            log.lock().unwrap().push(line);
        }
    });
}
