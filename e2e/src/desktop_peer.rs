//! A desktop peer that servers cannot distinguish from the original program. It sends protobuf in Text frames even if they
//! are not valid UTF-8, and puts its name into a header that servers ignore.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    eventually::eventually,
    socket::{self, Received, TEXT, Writer},
    wire::Envelope,
};

/// A connected desktop peer.
#[derive(Debug)]
pub struct DesktopPeer {
    name: String,
    writer: Writer,
    seen: Arc<Mutex<DesktopWindow>>,
}

/// Everything that the peer has received so far.
#[derive(Clone, Debug, Default)]
pub struct DesktopWindow {
    /// Lines shown in its window: `name:content` of envelopes that have both.
    pub lines: Vec<String>,
    /// The user list of the last envelope that had one.
    pub list: BTreeSet<String>,
    /// All envelopes.
    pub envelopes: Vec<Envelope>,
    /// The connection has ended.
    pub ended: bool,
}

impl DesktopWindow {
    /// The number of envelopes that announce that `name` left.
    #[must_use]
    pub fn exits_of(&self, name: &str) -> usize {
        self.envelopes
            .iter()
            .filter(|envelope| envelope.user_name == name && envelope.content == "exit")
            .count()
    }

    fn receive(&mut self, envelope: Envelope) {
        if !envelope.user_list.is_empty() {
            self.list = envelope.user_list.keys().cloned().collect();
        }
        if !envelope.user_name.is_empty() && !envelope.content.is_empty() {
            self.lines.push(format!("{}:{}", envelope.user_name, envelope.content));
        }
        self.envelopes.push(envelope);
    }
}

impl DesktopPeer {
    /// Connects to `host:port`. The peer joins with its first message.
    ///
    /// # Panics
    /// If the server refuses the connection.
    #[must_use]
    pub fn connect(address: &str, name: &str) -> Self {
        let (mut reader, writer) = socket::connect(address, &format!("username: {name}"))
            .expect("the server accepts a desktop peer");
        let seen = Arc::new(Mutex::new(DesktopWindow::default()));
        let shared = seen.clone();
        thread::spawn(move || {
            while let Ok(Received::Message(message)) = reader.read() {
                let envelope =
                    Envelope::decode(&message).expect("every message is readable in the basic dialect");
                shared.lock().unwrap().receive(envelope);
            }
            shared.lock().unwrap().ended = true;
        });
        Self { name: name.into(), writer, seen }
    }

    /// Sends a message; the first one also joins.
    ///
    /// # Panics
    /// If the connection is lost.
    pub fn send(&mut self, content: &str) {
        self.send_frame("talk", content);
    }

    /// Requests the user list.
    ///
    /// # Panics
    /// If the connection is lost.
    pub fn request_user_list(&mut self) {
        self.send_frame("userlist", "");
    }

    /// Leaves as the original does: an `exit` envelope, an empty Close frame, and the end of the connection.
    ///
    /// # Panics
    /// If the connection is lost.
    pub fn leave(mut self) {
        self.send_frame("exit", "exit");
        self.writer.close(None).expect("the connection is open");
        self.writer.shut_down();
    }

    /// Disconnects without an `exit` envelope.
    pub fn disconnect(self) {
        self.writer.shut_down();
    }

    /// Everything received so far.
    ///
    /// # Panics
    /// If its reading thread panicked.
    #[must_use]
    pub fn seen(&self) -> DesktopWindow {
        self.seen.lock().expect("the reading thread has not panicked").clone()
    }

    /// Waits until it has received what `test` checks for.
    pub async fn until(&self, what: &str, test: impl Fn(&DesktopWindow) -> bool) -> DesktopWindow {
        eventually(&format!("{}'s desktop: {what}", self.name), async || {
            let seen = self.seen();
            if test(&seen) { Ok(seen) } else { Err(format!("{seen:#?}")) }
        })
        .await
    }

    fn send_frame(&mut self, kind: &str, content: &str) {
        let envelope = Envelope::new(&self.name, kind, content).encode();
        self.writer.write(TEXT, &envelope).expect("the connection is open");
    }
}
