//! A server on its own port, and clients for it.
#![allow(dead_code, reason = "no test uses all of it")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

pub mod client;
pub mod desktop;
pub mod dir;
pub mod port;
pub mod received;
pub mod sent;
pub mod world;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use client::Client;
#[allow(unused_imports, reason = "no test uses all of them")]
pub use desktop::{Desktop, Message, PATIENCE, Socket};
pub use dir::Dir;
use parlour_server::{
    RunError,
    config::{Config, List},
    stats::Stats,
};
use tokio::sync::oneshot;

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct TestServer {
    pub address: SocketAddr,
    pub stats: Arc<Stats>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), RunError>>>,
    /// The directory of its log.
    pub dir: Dir,
}

impl TestServer {
    /// Starts with defaults, except the port and limits that allow many clients from one machine.
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    /// Starts with changed settings.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_log(Dir::new(), change)
    }

    /// Starts with changed settings and an existing log.
    pub fn with_log(dir: Dir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            listen: List(vec![]),
            data_dir: dir.path().to_owned(),
            max_connections_per_address: 0,
            messages_per_minute: 0,
            // Most tests connect one client after another with the same nick, without leaving.
            name_grace: parlour_server::config::Span::millis(1),
            shutdown_timeout: parlour_server::config::Span::seconds(2),
            ..Config::default()
        };
        change(&mut config);
        config.listen = List(vec![SocketAddr::from(([127, 0, 0, 1], 0))]);
        let stats = Arc::new(Stats::default());
        let (bound, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let counters = stats.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let result = runtime.block_on(async move {
                let listener = parlour_server::bind(config.listen[0]).unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async {
                    let _ = stopped.await;
                };
                parlour_server::run_counted(vec![listener], config, counters, stopped).await
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
            result
        });
        let address = address.recv_timeout(PATIENCE).unwrap();
        Self { address, stats, stop: Some(stop), thread: Some(thread), dir }
    }

    /// Asks the server to stop.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until it has stopped.
    pub fn join(&mut self) -> Result<(), RunError> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }

    pub fn sockets(&self) -> usize {
        self.stats.sockets.load(Relaxed)
    }

    pub fn members(&self) -> usize {
        self.stats.members.load(Relaxed)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Waits until a condition holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "timed out waiting until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs `disturb` while two other clients exchange messages. Checks that they are not affected, and that the
/// server has as many connections and members afterwards as before.
#[track_caller]
pub fn undisturbed(server: &TestServer, disturb: impl FnOnce()) {
    let mut witness = Client::login(server.address, "witness");
    let mut friend = Client::login(server.address, "friend");
    let (sockets, members) = (server.sockets(), server.members());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let talking = scope.spawn(|| {
            let mut last_round = false;
            for n in 0_u64.. {
                let text = format!("round {n}");
                witness.send_message(&text);
                friend.until(|c| c.has_received(&text));
                for client in [&mut witness, &mut friend] {
                    assert!(client.refusals().is_empty(), "{:?}", client.refusals());
                    client.frames.clear();
                }
                if std::mem::replace(&mut last_round, over.load(Relaxed)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let disturbed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(disturb));
        over.store(true, Relaxed);
        if let Err(panic) = disturbed {
            std::panic::resume_unwind(panic);
        }
        talking.join().expect("the other clients were disturbed");
    });
    eventually("the number of connections is as before", || server.sockets() == sockets);
    eventually("the number of members is as before", || server.members() == members);
}
