//! The server as a process that is restarted on the same address.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::port::free_port;

/// Settings for the tests: no limits except those of the machine.
const ARGUMENTS: [&str; 8] = [
    "--messages-per-minute",
    "0",
    "--max-connections-per-address",
    "0",
    "--logins-per-second",
    "0",
    "--log-level",
    "warn",
];

/// The program; killed when dropped.
#[derive(Debug)]
pub struct Program {
    pub address: SocketAddr,
    data: PathBuf,
    /// The file with its diagnostics.
    diagnostics: PathBuf,
    /// The maximum file size in KiB; writing beyond it is an error, as on a full disk.
    pub limit: Option<u32>,
    child: Option<Child>,
}

impl Program {
    /// A program with a data directory and a file for its diagnostics. Not started.
    pub fn new(data: PathBuf, diagnostics: PathBuf) -> Self {
        let address = (Ipv4Addr::LOCALHOST, free_port()).into();
        Self { address, data, diagnostics, limit: None, child: None }
    }

    /// Starts it and waits until it listens.
    pub fn start(&mut self) {
        let diagnostics = File::options().create(true).append(true).open(&self.diagnostics).unwrap();
        let program = env!("CARGO_BIN_EXE_parlour-server");
        let mut command = match self.limit {
            None => Command::new(program),
            Some(kib) => {
                let mut shell = Command::new("sh");
                // In blocks of 512 bytes. The signal would end the program before it sees the error.
                let limit = format!("trap '' XFSZ; ulimit -f {} && exec \"$0\" \"$@\"", kib * 2);
                shell.args(["-c", &limit, program]);
                shell
            }
        };
        let mut child = command
            .arg("--data-dir")
            .arg(&self.data)
            .args(["--listen", &self.address.to_string()])
            .args(ARGUMENTS)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(diagnostics)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.child = Some(child);
        assert!(line.starts_with("Parlour listens on "), "{line:?}; {}", self.diagnostics());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; the program must exit successfully.
    pub fn terminate(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.diagnostics());
    }

    /// The end of its diagnostics.
    pub fn diagnostics(&self) -> String {
        let text = std::fs::read_to_string(&self.diagnostics).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
