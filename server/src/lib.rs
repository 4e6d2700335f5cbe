//! Parlour's server: the page, the socket and the rooms.
//!
//! [`run`] is the whole of it as a call: listeners in, and it serves until it is told to stop.
//!
//! | module | what it does | what it does not know |
//! | --- | --- | --- |
//! | [`hub`] | decides: names, messages, who is told; sans-IO | sockets, clocks, tasks |
//! | [`log`] | what was said, for good | hub, sockets, tasks |
//! | [`relay`] | the task that owns the hub | what a frame means |
//! | [`ws`] | carries messages over one socket | the hub |
//! | [`http`], [`serve`], [`assets`] | routes, connections, the page's files | rooms |
//! | [`origin`], [`gate`] | who may open a socket, and how many | |
//! | [`config`], [`logging`], [`stats`] | settings, the log, counters | |

pub mod assets;
pub mod config;
pub mod gate;
pub mod http;
pub mod hub;
pub mod log;
pub mod logging;
pub mod origin;
pub mod relay;
pub mod serve;
pub mod stats;
pub mod ws;

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::{
        mpsc::{self, WeakUnboundedSender},
        watch,
    },
    task::JoinSet,
    time::timeout,
};

pub use crate::serve::bind;
use crate::{
    assets::Assets,
    config::{Config, ConfigError},
    gate::Gate,
    http::{Site, router},
    hub::{Hub, Recovered, Settings, table::Ids},
    log::{Log, LogError, sqlite::SqliteLog, threads},
    relay::{Input, Relay},
    serve::Door,
    stats::Stats,
    ws::socket::Times,
};

/// Why the server does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The settings make no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log can't be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The page's files can't be read.
    #[error("The page can't be read: {0}.")]
    Assets(#[source] io::Error),
    /// The system gives no randomness, without which there are no secrets.
    #[error("The system gives no randomness: {0}.")]
    Random(getrandom::Error),
}

/// Serves on `listeners` until `shutdown` is done; then tells everybody, and waits for them for
/// `shutdown_timeout` at most.
///
/// # Errors
/// See [`RunError`]; all of them before anything is served.
pub async fn run(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    run_counted(listeners, config, Arc::default(), shutdown).await
}

/// As [`run`], with counters that can be read from outside.
///
/// # Errors
/// As [`run`].
pub async fn run_counted(
    listeners: Vec<TcpListener>,
    config: Config,
    stats: Arc<Stats>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    config.validate()?;
    let assets =
        Assets::new(config.assets.as_path(), config.page_config.as_path()).map_err(RunError::Assets)?;
    getrandom::fill(&mut [0]).map_err(RunError::Random)?;
    let ids = Arc::new(Ids::default());
    let (inbox, inputs) = mpsc::unbounded_channel();
    let (hub, log) = open_log(&config, inbox.downgrade())?;
    let relay = tokio::spawn(Relay::new(hub, log, ids.clone(), stats.clone()).run(inputs));
    let site = Arc::new(Site {
        assets,
        gate: Gate::new(config.max_connections, config.max_connections_per_address),
        inbox: inbox.clone(),
        ids,
        times: Arc::new(times(&config)),
        stats: stats.clone(),
        stopping: AtomicBool::new(false),
        config,
    });
    let (stop, stopping) = watch::channel(false);
    let door = Door {
        router: router(site.clone()),
        gate: Door::gate(
            site.config.max_connections,
            site.config.max_connections_per_address,
            site.config.trust_proxy,
        ),
        site: site.clone(),
        stopping,
    };
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(door.clone().accept(listener));
    }
    drop(door);

    shutdown.await;
    tracing::info!(connections = stats.tcp.load(Relaxed), "stopping");
    site.stopping.store(true, Relaxed);
    // Nobody left to hear it is as good as having told them.
    let _ = stop.send(true);
    while doors.join_next().await.is_some() {}
    let _ = inbox.send(Input::Shutdown);
    let wait = site.config.shutdown_timeout.duration();
    drop((site, inbox));
    // Every connection holds the site, and with it an inbox; the relay ends when the last is gone.
    let mut relay = relay;
    if timeout(wait, &mut relay).await.is_err() {
        tracing::info!(connections = stats.tcp.load(Relaxed), "not everybody was done in time");
        relay.abort();
        // Its end lets go of the sockets that are left.
        let _ = relay.await;
    }
    Ok(())
}

/// Opens the log, and a hub that goes on from it. `inbox` is a weak one, so that the log does not keep its reader
/// waiting for ever.
fn open_log(config: &Config, inbox: WeakUnboundedSender<Input>) -> Result<(Hub, threads::Handle), LogError> {
    let log = SqliteLog::open(&config.data_dir)?;
    let recovered = Recovered::read(&mut *log.reader()?, relay::unix_ms())?;
    let report = move |report| {
        if let Some(inbox) = inbox.upgrade() {
            let _ = inbox.send(Input::Log(report));
        }
    };
    let threads = threads::start(Box::new(log), config.retention(), report)?;
    Ok((Hub::new(hub_settings(config), Box::new(random), &recovered), threads))
}

fn hub_settings(config: &Config) -> Settings {
    Settings {
        server_name: config.server_name.clone(),
        limits: config.limits(),
        heartbeat_ms: u32::try_from(config.heartbeat.as_millis()).unwrap_or(u32::MAX),
        login_timeout: config.login_timeout.as_millis(),
        session_grace: config.session_grace.as_millis(),
        name_grace: config.name_grace.as_millis(),
        logins_per_second: config.logins_per_second,
        login_burst: config.login_burst,
        ..Settings::default()
    }
}

fn times(config: &Config) -> Times {
    Times {
        ping_interval: config.ping_interval.duration(),
        ping_timeout: config.ping_timeout.duration(),
        frame_timeout: config.frame_timeout.duration(),
        write_timeout: config.write_timeout.duration(),
    }
}

/// The system's randomness.
#[allow(clippy::expect_used)] // It was there at the start; a secret that is not random must never be given out.
fn random(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the system gives randomness");
}
