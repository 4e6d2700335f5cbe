//! A basic server that clients cannot distinguish from the original one. It answers in Text frames even if they are not
//! valid UTF-8, broadcasts every message, and forwards fields above 4 without interpreting them.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use crate::{
    socket::{self, Received, TEXT, Writer},
    wire::Envelope,
};

/// Maximum size of a client's message.
const INBOUND_BYTES: usize = 512;

/// A running basic server. Dropping it stops it.
#[derive(Debug)]
pub struct BasicServer {
    address: SocketAddr,
    hub: Arc<Mutex<Hub>>,
}

#[derive(Debug, Default)]
struct Hub {
    peers: BTreeMap<u64, Peer>,
    connections: u64,
    received: Vec<PeerInput>,
    closed: bool,
    unresponsive: bool,
}

#[derive(Debug)]
struct Peer {
    name: String,
    writer: Writer,
}

/// Input from a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerInput {
    /// An envelope.
    Envelope(Envelope),
    /// A message that is not an envelope, or too large; its size in bytes.
    Refused(usize),
    /// A Close frame, with its code if it has one.
    Close(Option<u16>),
}

impl BasicServer {
    /// Listens on a free port.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let hub = Arc::new(Mutex::new(Hub::default()));
        let shared = hub.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.lock().unwrap().closed {
                    return;
                }
                let shared = shared.clone();
                // Browsers may open connections in advance and never use them.
                thread::spawn(move || stream.and_then(|stream| serve(&shared, stream)));
            }
        });
        Self { address, hub }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// All input of all peers so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<PeerInput> {
        self.lock().received.clone()
    }

    /// The number of WebSocket connections opened so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// Broadcasts an envelope. Adds the user list if the envelope has none.
    pub fn broadcast(&self, envelope: Envelope) {
        self.lock().broadcast(envelope);
    }

    /// Broadcasts several envelopes in one Text frame, separated by line feeds, as the original does under load.
    pub fn broadcast_joined(&self, envelopes: &[Envelope]) {
        let joined = envelopes.iter().map(Envelope::encode).collect::<Vec<_>>().join(&0x0A);
        self.send_bytes(TEXT, &joined);
    }

    /// Broadcasts raw bytes.
    pub fn send_bytes(&self, opcode: u8, bytes: &[u8]) {
        self.lock().send(opcode, bytes);
    }

    /// Makes the server unresponsive, or ends it: an unresponsive server reads messages and ignores them.
    pub fn set_unresponsive(&self, unresponsive: bool) {
        self.lock().unresponsive = unresponsive;
    }

    /// Closes every TCP connection.
    pub fn drop_connections(&self) {
        self.lock().peers.values().for_each(|peer| peer.writer.shut_down());
    }

    fn lock(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap()
    }
}

impl Drop for BasicServer {
    fn drop(&mut self) {
        if let Ok(mut hub) = self.hub.lock() {
            hub.closed = true;
            hub.peers.values().for_each(|peer| peer.writer.shut_down());
        }
        // Unblocks the listening thread so that it sees `closed`.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(hub: &Mutex<Hub>, stream: TcpStream) -> std::io::Result<()> {
    let (mut reader, writer) = socket::accept(stream)?;
    let id = hub.lock().unwrap().connected(writer);
    while let Ok(received) = reader.read() {
        if !hub.lock().unwrap().receive(id, received) {
            break;
        }
    }
    hub.lock().unwrap().disconnected(id);
    Ok(())
}

impl Hub {
    fn connected(&mut self, writer: Writer) -> u64 {
        self.connections += 1;
        self.peers.insert(self.connections, Peer { name: String::new(), writer });
        self.connections
    }

    /// Returns `false` if the connection is to be closed.
    fn receive(&mut self, id: u64, received: Received) -> bool {
        let message = match received {
            Received::Message(message) => message,
            Received::Close(code) => {
                self.received.push(PeerInput::Close(code));
                return false;
            }
        };
        let envelope = Envelope::decode(&message).filter(|_| message.len() <= INBOUND_BYTES);
        let Some(envelope) = envelope else {
            self.received.push(PeerInput::Refused(message.len()));
            let _ = self.peers.get_mut(&id).map(|peer| peer.writer.close(Some(1009)));
            return false;
        };
        self.received.push(PeerInput::Envelope(envelope.clone()));
        if self.unresponsive {
            return true;
        }
        match &*envelope.kind {
            "exit" => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.name.clear();
                }
                self.broadcast(Envelope::new(&envelope.user_name, "", "exit"));
            }
            "userlist" => {
                let names: String = self.names().iter().map(|name| format!("{name},")).collect();
                let answer = Envelope { content: names, ..envelope };
                self.send(TEXT, &answer.encode());
            }
            // Every other type is treated as a message.
            _ => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.name.clone_from(&envelope.user_name);
                }
                self.broadcast(envelope);
            }
        }
        true
    }

    /// Removes a peer. If it did not send `exit`, announces it under the wrong name, as the original does.
    fn disconnected(&mut self, id: u64) {
        let Some(peer) = self.peers.remove(&id) else { return };
        peer.writer.shut_down();
        let wrong = self.peers.values().next().map(|peer| peer.name.clone());
        if let Some(wrong) = wrong.filter(|_| !peer.name.is_empty()) {
            self.broadcast(Envelope::new(&wrong, "", "exit"));
        }
    }

    fn names(&self) -> Vec<String> {
        self.peers.values().map(|peer| peer.name.clone()).filter(|name| !name.is_empty()).collect()
    }

    fn broadcast(&mut self, mut envelope: Envelope) {
        if envelope.user_list.is_empty() {
            envelope = envelope.with_list(self.names().iter().map(String::as_str));
        }
        self.send(TEXT, &envelope.encode());
    }

    fn send(&mut self, opcode: u8, bytes: &[u8]) {
        for peer in self.peers.values_mut() {
            // The peer's reading thread handles a lost connection.
            let _ = peer.writer.write(opcode, bytes);
        }
    }
}
