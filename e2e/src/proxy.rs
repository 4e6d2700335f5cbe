//! A TCP proxy that simulates a bad network between pages and their server. Faults are injected only into connections
//! to `/ws`. Requests for static files are forwarded unchanged, so that a page can be loaded at any time.

mod fault;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::rng::{Deck, Rng};
use fault::Fault;

/// The time for which a request for a static file retries to connect to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum size of a request head.
const HEAD_BYTES: usize = 16 * 1024;

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Normal,
    Faulty(u64),
    /// The proxy is being dropped.
    Stopped,
}

#[derive(Debug)]
struct Shared {
    server: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    deck: Deck<Fault>,
    rng: Rng,
    /// New connections are refused until this time.
    refused_until: Instant,
    counts: BTreeMap<&'static str, u32>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the proxy failed")
    }

    fn count(&self, what: &'static str) {
        *self.lock().counts.entry(what).or_default() += 1;
    }

    fn draw(&self) -> Fault {
        let State { deck, rng, .. } = &mut *self.lock();
        deck.draw(rng)
    }
}

impl Proxy {
    /// Listens on a free port and forwards to a server at `host:port`, without faults.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn start(server: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        listener.set_nonblocking(true).expect("make a socket non-blocking");
        let (mode, receiver) = watch::channel(Mode::Normal);
        let state = State {
            deck: Fault::deck(),
            rng: Rng::new(0),
            refused_until: Instant::now(),
            counts: BTreeMap::new(),
        };
        let shared = Arc::new(Shared { server: server.into(), state: Mutex::new(state) });
        let for_thread = shared.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // A separate thread, so that a test that blocks does not stall the proxy.
        let thread = thread::spawn(move || runtime.block_on(listen(listener, for_thread, receiver)));
        Self { address, mode, shared, thread: Some(thread) }
    }

    /// The URL of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Starts to inject faults, as determined by the seed.
    pub fn start_faults(&self, seed: u64) {
        self.shared.lock().rng = Rng::new(seed);
        self.mode.send_replace(Mode::Faulty(seed));
    }

    /// Stops injecting faults. Connections that were half-closed or lost data stay broken; their ends have to detect
    /// it.
    pub fn stop_faults(&self) {
        self.shared.lock().refused_until = Instant::now();
        self.mode.send_replace(Mode::Normal);
    }

    /// Counts how often each kind of fault has been injected.
    #[must_use]
    pub fn fault_counts(&self) -> BTreeMap<&'static str, u32> {
        self.shared.lock().counts.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mode.send_replace(Mode::Stopped);
        if let Some(thread) = self.thread.take() {
            // The thread ends all connections.
            let _ = thread.join();
        }
    }
}

async fn listen(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    mut mode_receiver: watch::Receiver<Mode>,
) {
    let listener = TcpListener::from_std(listener).expect("a non-blocking socket");
    for number in 0.. {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = mode_receiver.wait_for(|mode| *mode == Mode::Stopped) => return,
        };
        if let Ok((client, _)) = accepted {
            // Errors affect only this connection.
            tokio::spawn(connection(client, number, shared.clone(), mode_receiver.clone()));
        }
    }
}

async fn connection(
    mut client: TcpStream,
    number: u64,
    shared: Arc<Shared>,
    mode_receiver: watch::Receiver<Mode>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let head = head(&mut client).await?;
    if ![b"GET /ws ", b"GET /ws?"].iter().any(|start| head.starts_with(*start)) {
        let mut server = connect_with_retries(&shared.server).await?;
        server.write_all(&head).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let mode = *mode_receiver.borrow();
    let rng = match mode {
        Mode::Faulty(_) if Instant::now() < shared.lock().refused_until => {
            shared.count("refused");
            return client.set_zero_linger();
        }
        Mode::Faulty(seed) => Rng::for_part(seed, number),
        _ => Rng::new(number),
    };
    let mut server = TcpStream::connect(&shared.server).await?;
    server.set_nodelay(true)?;
    shared.count("relayed");
    server.write_all(&head).await?;
    fault::relay(client, server, rng, shared, mode_receiver).await
}

/// Reads the head of a connection's first request.
async fn head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() > HEAD_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

async fn connect_with_retries(server: &str) -> io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(server).await {
            Err(_) if start.elapsed() < CONNECT_TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(50)).await
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// A server that echoes its input.
    fn echo() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        address
    }

    /// Sends requests until the connection ends or `times` were echoed. Returns the number of echoes.
    fn count_echoes(proxy: &Proxy, path: &str, times: usize) -> usize {
        let mut stream = std::net::TcpStream::connect(proxy.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\n\r\n");
        let mut echo = vec![0; request.len()];
        let answered = |_: &usize| {
            stream.write_all(request.as_bytes()).and_then(|()| stream.read_exact(&mut echo)).is_ok()
                && echo == request.as_bytes()
        };
        (0..times).take_while(answered).count()
    }

    #[test]
    fn faults_break_only_websocket_connections() {
        let proxy = Proxy::start(&echo());
        assert_eq!(count_echoes(&proxy, "/ws", 1000), 1000);
        assert_eq!(proxy.fault_counts(), BTreeMap::from([("relayed", 1)]));
        proxy.start_faults(1);
        assert_eq!(count_echoes(&proxy, "/index.html", 1000), 1000);
        assert!(count_echoes(&proxy, "/ws", usize::MAX) < usize::MAX, "faults end the connection");
        assert!(proxy.fault_counts().len() > 1, "faults were injected: {:?}", proxy.fault_counts());
        proxy.stop_faults();
        assert_eq!(count_echoes(&proxy, "/ws", 1000), 1000);
    }

    #[test]
    fn every_kind_of_fault_is_injected() {
        let proxy = Proxy::start(&echo());
        proxy.start_faults(2);
        let all_injected = || fault::KINDS.iter().all(|kind| proxy.fault_counts().contains_key(kind));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    while !all_injected() {
                        let mut stream = std::net::TcpStream::connect(proxy.address).unwrap();
                        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
                        // Sends, and reads until the connection ends or four seconds have passed.
                        for _ in 0..40 {
                            let request = stream.write_all(b"GET /ws HTTP/1.1\r\n\r\n");
                            let echo = request.and_then(|()| io::copy(&mut stream, &mut io::sink()));
                            if !echo.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                                break;
                            }
                        }
                    }
                });
            }
        });
    }
}
