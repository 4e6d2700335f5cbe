//! A bad network between pages and their server: a TCP proxy that, in a storm, does to sockets what networks do.
//! Pages' files pass unharmed, so that a page can be loaded at any time; what asks for `/ws` is the victim.

mod victim;

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

use crate::chance::{Chance, Deck};
use victim::Affliction;

/// How long the files of a page wait for a server that is not there.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest head of a request that is looked at.
const HEAD_BYTES: usize = 16 * 1024;

/// A proxy that listens, for as long as this lives.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Calm,
    Storm(u64),
    /// The proxy ends.
    Over,
}

#[derive(Debug)]
struct Shared {
    server: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    deck: Deck<Affliction>,
    chance: Chance,
    /// Nobody gets in before this.
    shut_until: Instant,
    tally: BTreeMap<&'static str, u32>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the proxy failed")
    }

    fn count(&self, what: &'static str) {
        *self.lock().tally.entry(what).or_default() += 1;
    }

    fn draw(&self) -> Affliction {
        let State { deck, chance, .. } = &mut *self.lock();
        deck.draw(chance)
    }
}

impl Proxy {
    /// Listens on a port of the machine's choice, for a server at `host:port`. All is calm.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start(server: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        listener.set_nonblocking(true).expect("a socket need not block");
        let (weather, sky) = watch::channel(Weather::Calm);
        let state = State {
            deck: Affliction::deck(),
            chance: Chance::new(0),
            shut_until: Instant::now(),
            tally: BTreeMap::new(),
        };
        let shared = Arc::new(Shared { server: server.into(), state: Mutex::new(state) });
        let held = shared.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // A thread of its own, so that what a test does in its own time holds nothing up.
        let thread = thread::spawn(move || runtime.block_on(listen(listener, held, sky)));
        Self { address, weather, shared, thread: Some(thread) }
    }

    /// The page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From now on sockets suffer, as a seed decides.
    pub fn storm(&self, seed: u64) {
        self.shared.lock().chance = Chance::new(seed);
        self.weather.send_replace(Weather::Storm(seed));
    }

    /// From now on everything comes through. Connections that were half dead stay so: it is for their ends to see it.
    pub fn calm(&self) {
        self.shared.lock().shut_until = Instant::now();
        self.weather.send_replace(Weather::Calm);
    }

    /// What was done so far, and how often.
    #[must_use]
    pub fn tally(&self) -> BTreeMap<&'static str, u32> {
        self.shared.lock().tally.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.weather.send_replace(Weather::Over);
        if let Some(thread) = self.thread.take() {
            // What is carried ends with its thread.
            let _ = thread.join();
        }
    }
}

async fn listen(listener: std::net::TcpListener, shared: Arc<Shared>, mut sky: watch::Receiver<Weather>) {
    let listener = TcpListener::from_std(listener).expect("a socket that does not block");
    for number in 0.. {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = sky.wait_for(|weather| *weather == Weather::Over) => return,
        };
        if let Ok((client, _)) = accepted {
            // A connection that fails has only itself to fail.
            tokio::spawn(connection(client, number, shared.clone(), sky.clone()));
        }
    }
}

async fn connection(
    mut client: TcpStream,
    number: u64,
    shared: Arc<Shared>,
    sky: watch::Receiver<Weather>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let head = head(&mut client).await?;
    if !head.starts_with(b"GET /ws ") {
        let mut server = patiently(&shared.server).await?;
        server.write_all(&head).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let weather = *sky.borrow();
    let chance = match weather {
        Weather::Storm(_) if Instant::now() < shared.lock().shut_until => {
            shared.count("refused");
            return client.set_zero_linger();
        }
        Weather::Storm(seed) => Chance::of(seed, number),
        _ => Chance::new(number),
    };
    let mut server = TcpStream::connect(&shared.server).await?;
    server.set_nodelay(true)?;
    shared.count("carried");
    server.write_all(&head).await?;
    victim::carry(client, server, chance, shared, sky).await
}

/// What a connection begins with, up to the end of the first request's head.
async fn head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() > HEAD_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

async fn patiently(server: &str) -> io::Result<TcpStream> {
    let begun = Instant::now();
    loop {
        match TcpStream::connect(server).await {
            Err(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// A server that sends back what it gets.
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

    /// Says hello until the connection ends or it was answered so many times. Gives how often that was.
    fn hello(proxy: &Proxy, path: &str, times: usize) -> usize {
        let mut stream = std::net::TcpStream::connect(proxy.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let said = format!("GET {path} HTTP/1.1\r\n\r\n");
        let mut heard = vec![0; said.len()];
        let answered = |_: &usize| {
            stream.write_all(said.as_bytes()).and_then(|()| stream.read_exact(&mut heard)).is_ok()
                && heard == said.as_bytes()
        };
        (0..times).take_while(answered).count()
    }

    #[test]
    fn in_a_calm_all_comes_through_and_in_a_storm_only_what_is_no_socket() {
        let proxy = Proxy::start(&echo());
        assert_eq!(hello(&proxy, "/ws", 1000), 1000);
        assert_eq!(proxy.tally(), BTreeMap::from([("carried", 1)]));
        proxy.storm(1);
        assert_eq!(hello(&proxy, "/index.html", 1000), 1000);
        assert!(hello(&proxy, "/ws", usize::MAX) < usize::MAX, "it does not last");
        assert!(proxy.tally().len() > 1, "something was done to it: {:?}", proxy.tally());
        proxy.calm();
        assert_eq!(hello(&proxy, "/ws", 1000), 1000);
    }

    #[test]
    fn a_storm_does_everything() {
        let proxy = Proxy::start(&echo());
        proxy.storm(2);
        let all = || victim::KINDS.iter().all(|kind| proxy.tally().contains_key(kind));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    while !all() {
                        let mut stream = std::net::TcpStream::connect(proxy.address).unwrap();
                        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
                        // Says something and hears what comes, until it ends or has lasted for some seconds.
                        for _ in 0..40 {
                            let said = stream.write_all(b"GET /ws HTTP/1.1\r\n\r\n");
                            let heard = said.and_then(|()| io::copy(&mut stream, &mut io::sink()));
                            if !heard.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                                break;
                            }
                        }
                    }
                });
            }
        });
    }
}
