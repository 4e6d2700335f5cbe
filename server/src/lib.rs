//! Parlour's server: the page, the WebSocket endpoint and the rooms in one process.
//!
//! [`run`] is the whole server as a call: it serves on given listeners until a given future completes.
//!
//! | module | content | independent of |
//! | --- | --- | --- |
//! | [`hub`] | sessions, rooms, subscriptions, presence; sans-IO | sockets, clocks, tasks |
//! | [`store`] | the event log; SQLite | hub, sockets, tasks |
//! | [`hub_task`] | the task that drives the hub | the meaning of an envelope |
//! | [`conn`] | WebSocket connections | the hub's state |
//! | [`http`] | accept loop, routes, the page's files, origin check | rooms |
//! | [`skeletons`], `text_rules` | the rules for names and messages that need Unicode's tables | everything else |
//! | [`config`], [`logging`], [`stats`] | settings, diagnostics, counters | |

pub mod config;
pub mod conn;
mod fair_queue;
pub mod http;
pub mod hub;
pub mod hub_task;
pub mod logging;
pub mod skeletons;
pub mod stats;
pub mod store;
mod text_rules;

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

pub use parlour_core::policy;

pub use crate::http::listen::{ListenError, bind, listen};
use crate::{
    config::{Config, ConfigError},
    conn::{limiter::ConnectionLimiter, timeouts::Timeouts},
    http::{
        accept_errors::check_open_files,
        acceptor::Acceptor,
        assets::Assets,
        forwarded::TrustedProxies,
        origin::OriginPolicy,
        refusal_log::RefusalLog,
        routes::{AppState, router},
    },
    hub::{ADDRESS_FACTOR, Hub, Recovered, Settings, connection_table::ConnectionIds},
    hub_task::{HubInput, HubTask},
    stats::Stats,
    store::{
        EventLog, LogError,
        sqlite::{Options, SqliteLog},
        threads,
    },
};

/// The reason why the server cannot run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The settings are invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The event log cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The page's files cannot be read.
    #[error("The page can't be read: {0}. Check the directory given with --assets.")]
    Assets(#[source] io::Error),
    /// The operating system provides no random numbers, which session secrets need.
    #[error("The operating system provides no random numbers: {0}.")]
    Random(getrandom::Error),
}

/// Serves on `listeners` until `shutdown` completes. Then it notifies all clients and waits up to `shutdown_timeout`
/// for their connections to end.
///
/// # Errors
/// [`RunError`], before anything is served.
pub async fn run(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    run_counted(listeners, config, Arc::default(), shutdown).await
}

/// Runs the server as [`run`] does, with counters that the caller can read.
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
    let ids = Arc::new(ConnectionIds::default());
    check_open_files(config.max_connections);
    let (inbox, inputs) = mpsc::unbounded_channel();
    let (hub, log) = open_log(&config, inbox.downgrade())?;
    let mut hub_task = tokio::spawn(HubTask::new(hub, log, ids.clone(), stats.clone()).run(inputs));
    let state = Arc::new(AppState {
        assets,
        origins: OriginPolicy::new(&config),
        proxies: TrustedProxies::new(&config),
        refusals: RefusalLog::default(),
        limiter: ConnectionLimiter::new(config.max_connections, config.max_connections_per_address),
        inbox: inbox.clone(),
        ids,
        timeouts: Arc::new(timeouts(&config)),
        stats: stats.clone(),
        stopping: AtomicBool::new(false),
        config,
    });
    let (stop, stopping) = watch::channel(false);
    let acceptor = Acceptor {
        router: router(state.clone()),
        limiter: Acceptor::limiter(state.config.max_connections, state.config.max_connections_per_address),
        state: state.clone(),
        errors: Arc::default(),
        stopping,
    };
    let mut acceptors = JoinSet::new();
    for listener in listeners {
        acceptors.spawn(acceptor.clone().accept(listener));
    }
    drop(acceptor);

    shutdown.await;
    tracing::info!(connections = stats.tcp.load(Relaxed), "stopping");
    state.stopping.store(true, Relaxed);
    // Fails only if no receiver is left to be notified.
    let _ = stop.send(true);
    while acceptors.join_next().await.is_some() {}
    let _ = inbox.send(HubInput::Shutdown);
    let wait = state.config.shutdown_timeout.duration();
    // Every connection has a clone of the state, which contains the inbox. The hub task ends when the last
    // one is dropped.
    drop((state, inbox));
    if timeout(wait, &mut hub_task).await.is_err() {
        tracing::info!(connections = stats.tcp.load(Relaxed), "closing the remaining connections");
        hub_task.abort();
        // Dropping the hub task closes their sockets.
        let _ = hub_task.await;
    }
    Ok(())
}

/// Opens the event log and creates a hub from its content. `inbox` is weak: otherwise the log's threads, which the hub
/// task owns, would keep the hub task running.
fn open_log(
    config: &Config,
    inbox: WeakUnboundedSender<HubInput>,
) -> Result<(Hub, threads::LogThreads), LogError> {
    let options = Options { rooms: config.room_limits(), ..Options::default() };
    let log = SqliteLog::open_with(&config.data_dir, &options)?;
    let recovered = Recovered::read(&mut *log.reader()?, hub_task::unix_ms())?;
    let report = move |report| {
        if let Some(inbox) = inbox.upgrade() {
            let _ = inbox.send(HubInput::Log(report));
        }
    };
    let threads = threads::start(Box::new(log), config.retention(), report)?;
    Ok((Hub::new(hub_settings(config), Box::new(random), &recovered), threads))
}

fn hub_settings(config: &Config) -> Settings {
    Settings {
        server_name: config.server_name.clone(),
        limits: config.limits(),
        rooms: config.rooms_per_account,
        heartbeat_ms: u32::try_from(config.heartbeat.as_millis()).unwrap_or(u32::MAX),
        login_timeout: config.login_timeout.as_millis(),
        session_grace: config.session_grace.as_millis(),
        name_grace: config.name_grace.as_millis(),
        // An operator who does not limit the connections of an address has a reason: for example all users share one.
        address_factor: if config.max_connections_per_address == 0 { 0 } else { ADDRESS_FACTOR },
        logins_per_second: config.logins_per_second,
        login_burst: config.login_burst,
        ..Settings::default()
    }
}

fn timeouts(config: &Config) -> Timeouts {
    Timeouts {
        ping_interval: config.ping_interval.duration(),
        ping_timeout: config.ping_timeout.duration(),
        frame_timeout: config.frame_timeout.duration(),
        write_timeout: config.write_timeout.duration(),
    }
}

/// Random bytes of the operating system.
#[allow(
    clippy::expect_used,
    reason = "checked at the start; a secret that is not random must never be issued"
)]
fn random(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("random numbers were available at the start");
}
