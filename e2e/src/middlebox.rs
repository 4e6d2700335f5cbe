//! A proxy that closes a WebSocket connection on a message that is larger than it accepts.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use crate::socket::{self, BINARY, Received};

/// A running middlebox, which relays WebSocket connections only. It stops with the test's process.
#[derive(Debug)]
pub struct Middlebox {
    address: SocketAddr,
    closed: Arc<AtomicU32>,
}

impl Middlebox {
    /// Listens on a free port, and relays to the server at `host:port`. A client's message of more than `max_bytes` ends
    /// its connection: with this close code, or without a Close frame.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn start(server: &str, max_bytes: usize, code: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let closed = Arc::new(AtomicU32::new(0));
        let (server, counter) = (server.to_owned(), closed.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, counter) = (server.clone(), counter.clone());
                thread::spawn(move || {
                    stream.and_then(|stream| relay(stream, &server, max_bytes, code, &counter))
                });
            }
        });
        Self { address, closed }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The number of connections that were closed because of a message.
    #[must_use]
    pub fn closed(&self) -> u32 {
        self.closed.load(Ordering::Relaxed)
    }
}

fn relay(
    stream: TcpStream,
    server: &str,
    max_bytes: usize,
    code: Option<u16>,
    closed: &AtomicU32,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = socket::accept(stream)?;
    let (mut from_server, mut to_server) = socket::connect(server, "username: relayed")?;
    let mut answers = to_client.clone();
    thread::spawn(move || {
        while let Ok(received) = from_server.read() {
            let written = match received {
                Received::Message(message) => answers.write(BINARY, &message),
                Received::Close(code) => answers.close(code),
            };
            if written.is_err() {
                break;
            }
        }
        answers.shut_down();
    });
    while let Ok(received) = from_client.read() {
        match received {
            Received::Message(message) if message.len() > max_bytes => {
                closed.fetch_add(1, Ordering::Relaxed);
                if code.is_some() {
                    to_client.close(code)?;
                    // Data that is not read would reset the connection, and the close code could be lost.
                    while !matches!(from_client.read(), Ok(Received::Close(_)) | Err(_)) {}
                }
                break;
            }
            Received::Message(message) => to_server.write(BINARY, &message)?,
            Received::Close(code) => to_server.close(code)?,
        }
    }
    to_server.shut_down();
    Ok(())
}
