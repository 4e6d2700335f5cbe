//! The server as a program whose output is collected.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use rustix::process::{Pid, Signal};

use crate::common::{Dir, eventually};

/// The program with its own data directory; killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
    errors: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    /// Removed when dropped.
    _dir: Dir,
}

impl Program {
    /// Starts it with arguments.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// Starts it with arguments and environment variables.
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlour-server"));
        command.envs(variables.iter().copied());
        Self::spawn(command, arguments)
    }

    /// Starts it with a limit of open files.
    pub fn start_with_open_files(limit: u32, arguments: &[&str]) -> Self {
        Self::start_in_shell(&format!("ulimit -n {limit} && exec \"$0\" \"$@\""), arguments)
    }

    /// Starts it with arguments by a script, in which `"$0" "$@"` is the command.
    pub fn start_in_shell(script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_parlour-server")]);
        Self::spawn(command, arguments)
    }

    fn spawn(mut command: Command, arguments: &[&str]) -> Self {
        let dir = Dir::new();
        let mut child = command
            .arg("--data-dir")
            .arg(dir.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (output, errors) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), Arc::clone(&output)),
            collect(child.stderr.take().unwrap(), Arc::clone(&errors)),
        ];
        Self { child, output, errors, readers, _dir: dir }
    }

    /// Waits until it listens, and returns the first address.
    #[track_caller]
    pub fn address(&mut self) -> SocketAddr {
        eventually("the program listens", || !self.output.lock().unwrap().is_empty() || self.has_ended());
        let output = self.printed();
        let address = output.first().and_then(|line| {
            line.strip_prefix("Parlour listens on http://")?.strip_suffix('/')?.parse().ok()
        });
        address.unwrap_or_else(|| panic!("no address in {output:?}; {:?}", self.logged("")))
    }

    /// Returns `true` if it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits until it ends, and returns its exit code and its diagnostics.
    pub fn end(&mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (code, self.errors.lock().unwrap().join("\n"))
    }

    /// The lines on standard output so far.
    pub fn printed(&self) -> Vec<String> {
        self.output.lock().unwrap().clone()
    }

    /// The lines of its diagnostics so far that contain a text.
    pub fn logged(&self, text: &str) -> Vec<String> {
        self.errors.lock().unwrap().iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// Waits for such a line, and returns it.
    #[track_caller]
    pub fn until_logged(&self, text: &str) -> String {
        eventually(&format!("\"{text}\" is logged"), || !self.logged(text).is_empty());
        self.logged(text).swap_remove(0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("output: {:#?}\nlog: {:#?}", self.printed(), self.logged(""));
        }
    }
}

fn collect(stream: impl std::io::Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    })
}
