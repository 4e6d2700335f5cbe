//! The program: reads the settings, prints the addresses, and serves until it is asked to stop; or makes a
//! backup, checks or rebuilds the log, or gives a role.

use std::{
    fmt::Display,
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use parlour_server::{
    config::{Command, Config, ConfigError, LobbyRole},
    listen, logging, run,
    store::{
        backup::{Backup, backup},
        check::{check, rebuild},
        roles::give_role,
    },
};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

fn main() -> ExitCode {
    let (config, command) = match Config::load_command(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(ConfigError::Arguments(error)) => error.exit(),
        Err(error) => return fail(&error),
    };
    let log = match logging::start(&config) {
        Ok(log) => log,
        Err(error) => return fail(&error),
    };
    let ended = match command {
        Some(Command::Backup { to }) => make_backup(&config.data_dir, &to),
        Some(Command::Check) => check_log(&config.data_dir),
        Some(Command::Rebuild) => rebuild_log(&config.data_dir),
        Some(Command::Role { nick, role }) => set_role(&config.data_dir, &nick, role),
        None => start(config),
    };
    // The error follows the lines of the log.
    drop(log);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn make_backup(from: &Path, to: &Path) -> Result<(), String> {
    let Backup { messages, checksum } = backup(from, to).map_err(|error| error.to_string())?;
    print(format_args!("{messages} messages are in {}, SHA-256 {checksum}", to.display()));
    Ok(())
}

fn check_log(dir: &Path) -> Result<(), String> {
    let differences = check(dir).map_err(|error| error.to_string())?;
    if !differences.is_empty() {
        differences.iter().for_each(print);
        return Err(format!(
            "The message log in {} is not what follows from its events; stop the server and run parlour-server rebuild.",
            dir.display()
        ));
    }
    print(format_args!("The message log in {} is what follows from its events", dir.display()));
    Ok(())
}

fn rebuild_log(dir: &Path) -> Result<(), String> {
    let differences = rebuild(dir).map_err(|error| error.to_string())?;
    if !differences.is_empty() {
        differences.iter().for_each(print);
        return Err(format!(
            "The message log in {} was rebuilt, but its events are damaged; restore it from a backup.",
            dir.display()
        ));
    }
    print(format_args!("The message log in {} was rebuilt from its events", dir.display()));
    Ok(())
}

fn set_role(dir: &Path, nick: &str, role: LobbyRole) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let nick = give_role(dir, nick, role.into(), unix_ms).map_err(|error| error.to_string())?;
    print(format_args!("{nick} has the role {role} in the lobby"));
    Ok(())
}

fn start(config: Config) -> Result<(), String> {
    raise_file_limit();
    let runtime = Runtime::new().map_err(|error| format!("The server can't start: {error}."))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), String> {
    let failed = |error| format!("The server can't start: {error}.");
    // Before anybody is told that it runs, because a signal that is not handled ends the program at once.
    let mut requests = StopRequests::listen().map_err(failed)?;
    let listeners = listen(&config.listen).map_err(|error| error.to_string())?;
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>();
    announce(&addresses.map_err(failed)?);
    let (stop, stopping) = oneshot::channel();
    tokio::spawn(async move {
        requests.next().await;
        // Fails only if the server has ended by itself.
        let _ = stop.send(());
        // A second request ends it at once.
        requests.next().await;
        std::process::exit(1);
    });
    let stop_requested = async {
        let _ = stopping.await;
    };
    run(listeners, config, stop_requested).await.map_err(|error| error.to_string())
}

/// Raises the limit of open files. Every connection is one, and the default limit is low.
#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // If this fails, connections beyond the limit are not accepted.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

#[cfg(not(unix))]
fn raise_file_limit() {}

/// Prints the addresses on standard output.
fn announce(addresses: &[SocketAddr]) {
    let mut printed = Vec::new();
    for address in addresses {
        let port = address.port();
        let url = match address.ip() {
            ip if ip.is_unspecified() => format!("http://localhost:{port}/"),
            _ => format!("http://{address}/"),
        };
        // 0.0.0.0 and [::] have the same.
        if !printed.contains(&url) {
            print(format_args!("Parlour listens on {url}"));
            printed.push(url);
        }
    }
}

/// Prints a line. Unlike `println!` it does not panic if nobody reads it, or the disk that it is written to is full.
fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn fail(error: &dyn Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "{error}");
    ExitCode::FAILURE
}

/// The requests to stop the program: SIGTERM, and SIGINT or Ctrl+C.
#[cfg(unix)]
struct StopRequests {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopRequests {
    /// Requests are kept from now on, instead of ending the program.
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next request.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct StopRequests;

#[cfg(not(unix))]
impl StopRequests {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
