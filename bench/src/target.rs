//! The servers: how each is started, and stopped.

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

/// The server this is all about.
pub const OURS: &str = "parlour";

/// Where things are.
#[derive(Debug, Clone)]
pub struct Place {
    /// `parlour-server`.
    pub server: PathBuf,
    /// What was fetched: `node_modules`, `nats`.
    pub peers: PathBuf,
    /// Where results go, and for the time of a measurement the servers' data.
    pub out: PathBuf,
}

impl Place {
    /// The directory for data, as it is.
    fn kept(&self) -> PathBuf {
        self.out.join("data")
    }

    /// A new, empty directory for data.
    pub fn data(&self) -> Result<PathBuf> {
        let data = self.kept();
        if data.exists() {
            fs::remove_dir_all(&data).context("what an earlier measurement left cannot be removed")?;
        }
        fs::create_dir_all(&data).context("target/bench cannot be written")?;
        Ok(data)
    }

    pub fn clean(&self) {
        // What is left takes room and does no harm.
        let _ = fs::remove_dir_all(self.kept());
    }
}

/// A server that can be measured.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    pub dialect: Dialect,
    command: fn(&Place, u16) -> Result<Command>,
}

/// Parlour and its peers.
pub const TARGETS: &[Target] = &[
    Target { name: OURS, dialect: Dialect::Rich, command: parlour },
    Target { name: "bun", dialect: Dialect::Plain, command: bun },
    Target { name: "nats", dialect: Dialect::Nats, command: nats },
    Target { name: "ws", dialect: Dialect::Plain, command: ws },
];

/// As it comes, but for the limits on people and addresses, of which the load has one.
pub fn parlour(place: &Place, port: u16) -> Result<Command> {
    let mut command = Command::new(&place.server);
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--log-level", "error"]);
    for limit in
        ["messages-per-minute", "max-connections", "max-connections-per-address", "logins-per-second"]
    {
        command.arg(format!("--{limit}=0"));
    }
    command.arg("--data-dir").arg(place.kept());
    Ok(command)
}

fn bun(place: &Place, port: u16) -> Result<Command> {
    let modules = place.peers.join("node_modules");
    // npm puts the program itself there, or a small text that says that it did not.
    let programs = [modules.join("bun/bin/bun.exe"), modules.join("@oven/bun-linux-x64/bin/bun")];
    let is_large = |file: &&PathBuf| fs::metadata(file).is_ok_and(|it| it.len() > 1 << 20);
    let program = programs.iter().find(is_large).context("Bun is not there")?;
    let mut command = Command::new(program);
    command.arg(script("bun.js")).arg(port.to_string());
    Ok(command)
}

fn ws(place: &Place, port: u16) -> Result<Command> {
    let modules = place.peers.join("node_modules");
    ensure!(modules.join("ws").is_dir(), "npm's ws is not there");
    let mut command = Command::new("node");
    command.arg(script("ws.js")).arg(port.to_string()).env("NODE_PATH", modules);
    Ok(command)
}

fn nats(place: &Place, port: u16) -> Result<Command> {
    let own = place.peers.join("nats/usr/sbin/nats-server");
    let program = if own.is_file() { own } else { "nats-server".into() };
    let settings = place.out.join("nats.conf");
    let text = format!(
        "listen: \"127.0.0.1:-1\"\nwebsocket {{ listen: \"127.0.0.1:{port}\", no_tls: true, compression: false }}\n"
    );
    fs::write(&settings, text).context("target/bench cannot be written")?;
    let mut command = Command::new(program);
    command.arg("--config").arg(settings);
    Ok(command)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// A server that runs, until this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pub address: SocketAddr,
}

impl Target {
    /// Starts it with nothing on the servers' core, and waits until it listens.
    pub fn start(&self, place: &Place, cores: Cores) -> Result<Running> {
        place.data()?;
        self.start_on(place, cores, free_port()?)
    }

    /// Starts it with what there is on a port that it had before, and waits until it listens.
    pub fn start_on(&self, place: &Place, cores: Cores, port: u16) -> Result<Running> {
        let mut command = (self.command)(place, port)?;
        if self.dialect == Dialect::Nats {
            // It tells of every start.
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
        let child =
            child.with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let mut running = Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) };
        let start = Instant::now();
        while TcpStream::connect(running.address).is_err() {
            if let Some(status) = running.child.try_wait()? {
                bail!("it ended at once ({status})");
            }
            ensure!(start.elapsed() < Duration::from_secs(20), "it does not listen");
            // Nothing tells when another program begins to listen; it is asked again.
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

/// A port nobody has; until the server takes it, somebody else could, and that would be seen.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
