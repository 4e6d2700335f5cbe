//! The servers: how each is started and stopped.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{process::Cores, scan::Dialect};

/// The server that is being developed.
pub const OURS: &str = "parlour";

/// Paths of programs and results.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The `parlour-server` program.
    pub server: PathBuf,
    /// Fetched peers: `node_modules`, `nats`.
    pub peers: PathBuf,
    /// The folder for results, and for the servers' data during a measurement.
    pub out: PathBuf,
}

impl Paths {
    /// The path of the data folder.
    fn data_dir(&self) -> PathBuf {
        self.out.join("data")
    }

    /// Creates an empty data folder.
    pub fn data(&self) -> Result<PathBuf> {
        let data = self.data_dir();
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot remove data of an earlier measurement")?;
        }
        fs::create_dir_all(&data).context("cannot write target/bench")?;
        Ok(data)
    }

    pub fn clean(&self) {
        // Leftovers are harmless.
        let _ = fs::remove_dir_all(self.data_dir());
    }
}

/// A server that can be measured.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    pub dialect: Dialect,
    command: fn(&Paths, u16) -> Result<Command>,
}

/// Parlour and its peers.
pub const TARGETS: &[Target] = &[
    Target { name: OURS, dialect: Dialect::Rich, command: parlour },
    Target { name: "bun", dialect: Dialect::Plain, command: bun },
    Target { name: "nats", dialect: Dialect::Nats, command: nats },
    Target { name: "ws", dialect: Dialect::Plain, command: ws },
];

/// Default settings, except for limits per user and address, because the load has one address.
pub fn parlour(paths: &Paths, port: u16) -> Result<Command> {
    let mut command = Command::new(&paths.server);
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--log-level", "error"]);
    for limit in
        ["messages-per-minute", "max-connections", "max-connections-per-address", "logins-per-second"]
    {
        command.arg(format!("--{limit}=0"));
    }
    command.arg("--data-dir").arg(paths.data_dir());
    Ok(command)
}

fn bun(paths: &Paths, port: u16) -> Result<Command> {
    let modules = paths.peers.join("node_modules");
    // npm installs the program at one of these paths. A small file is only a placeholder.
    let programs = [modules.join("bun/bin/bun.exe"), modules.join("@oven/bun-linux-x64/bin/bun")];
    let is_large = |file: &&PathBuf| fs::metadata(file).is_ok_and(|it| it.len() > 1 << 20);
    let program = programs.iter().find(is_large).context("Bun is not installed")?;
    let mut command = Command::new(program);
    command.arg(script("bun.js")).arg(port.to_string());
    Ok(command)
}

fn ws(paths: &Paths, port: u16) -> Result<Command> {
    let modules = paths.peers.join("node_modules");
    ensure!(modules.join("ws").is_dir(), "the npm package ws is not installed");
    let mut command = Command::new("node");
    command.arg(script("ws.js")).arg(port.to_string()).env("NODE_PATH", modules);
    Ok(command)
}

fn nats(paths: &Paths, port: u16) -> Result<Command> {
    let own = paths.peers.join("nats/usr/sbin/nats-server");
    let program = if own.is_file() { own } else { "nats-server".into() };
    let settings = paths.out.join("nats.conf");
    let text = format!(
        "listen: \"127.0.0.1:-1\"\nwebsocket {{ listen: \"127.0.0.1:{port}\", no_tls: true, compression: false }}\n"
    );
    fs::write(&settings, text).context("cannot write target/bench")?;
    let mut command = Command::new(program);
    command.arg("--config").arg(settings);
    Ok(command)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pub address: SocketAddr,
}

impl Target {
    /// Starts the server without data on the servers' core, and waits until it listens.
    pub fn start(&self, paths: &Paths, cores: Cores) -> Result<Running> {
        paths.data()?;
        self.start_on(paths, cores, free_port()?)
    }

    /// Starts the server on its existing data and port, and waits until it listens.
    pub fn start_on(&self, paths: &Paths, cores: Cores, port: u16) -> Result<Running> {
        let mut command = (self.command)(paths, port)?;
        if self.dialect == Dialect::Nats {
            // It logs every start.
            command.stderr(Stdio::null());
        }
        cores.on_server(|| Running::start(command, port))?
    }
}

impl Running {
    /// Starts a program, and waits until it listens.
    pub fn start(mut command: Command, port: u16) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn();
        let child = child.with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut running = Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) };
        let start = Instant::now();
        while TcpStream::connect(running.address).is_err() {
            if let Some(status) = running.child.try_wait()? {
                bail!("it exited at once ({status})");
            }
            ensure!(start.elapsed() < Duration::from_secs(20), "it does not listen");
            // There is no event for this, so poll.
            sleep(Duration::from_millis(5));
        }
        Ok(running)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds a free port. If another process takes it before the server does, starting the server fails.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
