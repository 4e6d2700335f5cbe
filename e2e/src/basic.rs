//! A basic server: the original one as far as a client can tell. It answers in Text frames, whether they are
//! UTF-8 or not, tells everybody everything, and knows nothing of fields above 4 but passes them on.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use crate::{
    socket::{self, Received, TEXT, Writer},
    wire::Frame,
};

/// The most bytes of a message that its reader takes.
const INBOUND_BYTES: usize = 512;

/// A basic server that listens, for as long as this lives.
#[derive(Debug)]
pub struct BasicServer {
    address: SocketAddr,
    hub: Arc<Mutex<Hub>>,
}

#[derive(Debug, Default)]
struct Hub {
    peers: BTreeMap<u64, Peer>,
    connections: u64,
    heard: Vec<Heard>,
    closed: bool,
    deaf: bool,
}

#[derive(Debug)]
struct Peer {
    name: String,
    writer: Writer,
}

/// What a peer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It sent a frame.
    Frame(Frame),
    /// It sent what is no frame, or is too much.
    Refused(usize),
    /// It sent a Close frame.
    Close(Option<u16>),
}

impl BasicServer {
    /// Listens on a port of the machine's choice.
    ///
    /// # Panics
    /// When there is none.
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
                // A browser may open connections that it then does not use.
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

    /// What the peers sent so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.lock().heard.clone()
    }

    /// How many sockets were ever opened.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// Says something to everybody, under any name, as if somebody had sent it; with the list, unless it has one.
    pub fn say(&self, frame: Frame) {
        self.lock().broadcast(frame);
    }

    /// Sends these in one Text frame, with a line feed between them, as the original does under load.
    pub fn say_joined(&self, frames: &[Frame]) {
        let joined = frames.iter().map(Frame::encode).collect::<Vec<_>>().join(&0x0A);
        self.send(TEXT, &joined);
    }

    /// Sends bytes to everybody, whatever they are.
    pub fn send(&self, opcode: u8, bytes: &[u8]) {
        self.lock().send(opcode, bytes);
    }

    /// Takes what is sent and does nothing with it, as a server that is about to fall over.
    pub fn be_deaf(&self, deaf: bool) {
        self.lock().deaf = deaf;
    }

    /// Cuts every connection.
    pub fn cut(&self) {
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
        // Wakes the thread that listens, so that it sees this.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(hub: &Mutex<Hub>, stream: TcpStream) -> std::io::Result<()> {
    let (mut reader, writer) = socket::accept(stream)?;
    let id = hub.lock().unwrap().connected(writer);
    while let Ok(received) = reader.read() {
        if !hub.lock().unwrap().received(id, received) {
            break;
        }
    }
    hub.lock().unwrap().gone(id);
    Ok(())
}

impl Hub {
    fn connected(&mut self, writer: Writer) -> u64 {
        self.connections += 1;
        self.peers.insert(self.connections, Peer { name: String::new(), writer });
        self.connections
    }

    /// `false` when that was the last.
    fn received(&mut self, id: u64, received: Received) -> bool {
        let message = match received {
            Received::Message(message) => message,
            Received::Close(code) => {
                self.heard.push(Heard::Close(code));
                return false;
            }
        };
        let frame = Frame::decode(&message).filter(|_| message.len() <= INBOUND_BYTES);
        let Some(frame) = frame else {
            self.heard.push(Heard::Refused(message.len()));
            let _ = self.peers.get_mut(&id).map(|peer| peer.writer.close(Some(1009)));
            return false;
        };
        self.heard.push(Heard::Frame(frame.clone()));
        if self.deaf {
            return true;
        }
        match &*frame.kind {
            "exit" => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.name.clear();
                }
                self.broadcast(Frame::new(&frame.user_name, "", "exit"));
            }
            "userlist" => {
                let names: String = self.names().iter().map(|name| format!("{name},")).collect();
                let answer = Frame { content: names, ..frame };
                self.send(TEXT, &answer.encode());
            }
            // Whatever else it says it is.
            _ => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.name.clone_from(&frame.user_name);
                }
                self.broadcast(frame);
            }
        }
        true
    }

    /// Somebody is gone. One who did not say so is announced, under a wrong name.
    fn gone(&mut self, id: u64) {
        let Some(peer) = self.peers.remove(&id) else { return };
        peer.writer.shut_down();
        let wrong = self.peers.values().next().map(|peer| peer.name.clone());
        if let Some(wrong) = wrong.filter(|_| !peer.name.is_empty()) {
            self.broadcast(Frame::new(&wrong, "", "exit"));
        }
    }

    fn names(&self) -> Vec<String> {
        self.peers.values().map(|peer| peer.name.clone()).filter(|name| !name.is_empty()).collect()
    }

    fn broadcast(&mut self, mut frame: Frame) {
        if frame.user_list.is_empty() {
            frame = frame.with_list(self.names().iter().map(String::as_str));
        }
        self.send(TEXT, &frame.encode());
    }

    fn send(&mut self, opcode: u8, bytes: &[u8]) {
        for peer in self.peers.values_mut() {
            // One that is gone is noticed by who reads from it.
            let _ = peer.writer.write(opcode, bytes);
        }
    }
}
