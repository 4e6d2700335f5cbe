//! A rich client for tests that records everything it receives.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    status::Status,
    wire,
};

use super::desktop::{Message, PATIENCE, Socket};

/// The client.
#[derive(Debug)]
pub struct Client {
    pub socket: Socket,
    pub nick: String,
    pub welcome: Option<wire::Welcome>,
    /// All envelopes, in order; batches are split.
    pub frames: Vec<Envelope>,
    pub closed: Option<Message>,
    /// `true` if WebSocket Pings are answered.
    pub answers: bool,
    sent: u64,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self {
            socket: Socket::open(address, "").expect("a WebSocket"),
            nick: String::new(),
            welcome: None,
            frames: Vec::new(),
            closed: None,
            answers: true,
            sent: 0,
        }
    }

    /// Connects and logs in; if the nick is reserved for a lost session, as soon as it is free.
    pub fn login(address: SocketAddr, nick: &str) -> Self {
        Self::login_with(address, nick, &[])
    }

    /// Logs in to the session with this secret, which may be new, as [`login`](Self::login) does.
    pub fn login_with(address: SocketAddr, nick: &str, secret: &[u8]) -> Self {
        Self::login_as(address, nick, secret, &[])
    }

    /// As [`login_with`](Self::login_with), with these capabilities.
    pub fn login_as(address: SocketAddr, nick: &str, secret: &[u8], capabilities: &[&str]) -> Self {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut client = Self::connect(address);
            client.send_login_as(nick, secret, capabilities);
            client.until(|c| c.welcome.is_some() || c.refused(Status::NickTaken));
            if client.welcome.is_some() {
                return client;
            }
            assert!(Instant::now() < end, "{nick} is still taken");
        }
    }

    /// Connects and logs in as a client with the history capability.
    pub fn reader(address: SocketAddr, nick: &str) -> Self {
        let mut client = Self::connect(address);
        client.nick = nick.into();
        let capabilities = vec!["history".into(), "batch".into()];
        client.send(&codec::login(
            nick,
            wire::Login { version: 1, capabilities, agent: "test".into(), ..wire::Login::default() },
        ));
        client.until(|c| c.welcome.is_some());
        client
    }

    pub fn send_login(&mut self, nick: &str, secret: &[u8]) {
        self.send_login_as(nick, secret, &[]);
    }

    fn send_login_as(&mut self, nick: &str, secret: &[u8], capabilities: &[&str]) {
        self.nick = nick.into();
        self.send(&codec::login(
            nick,
            wire::Login {
                version: 1,
                capabilities: capabilities.iter().map(|name| (*name).into()).collect(),
                secret: secret.to_vec(),
                agent: "test".into(),
                ..wire::Login::default()
            },
        ));
    }

    pub fn send(&mut self, frame: &Envelope) {
        self.socket.send(2, &codec::encode(frame)).expect("sent");
    }

    pub fn extension(&mut self, extension: Extension) {
        self.send(&codec::extension(extension));
    }

    /// A unique id.
    pub fn new_id(&mut self) -> MessageId {
        self.sent += 1;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.sent.to_be_bytes());
        random[8..]
            .copy_from_slice(&self.socket.stream.local_addr().expect("an address").port().to_be_bytes());
        MessageId::new(1, random)
    }

    pub fn talk(&mut self, content: &str) -> MessageId {
        let id = self.new_id();
        self.send(&codec::message(&self.nick.clone(), Some(id), content));
        id
    }

    /// Sends a message and waits until it is acknowledged and received.
    pub fn send_message(&mut self, content: &str) {
        let id = self.talk(content);
        self.until(|c| c.acked(id).is_some() && c.has_received(content));
    }

    /// Reads until a condition holds.
    #[track_caller]
    pub fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(self.closed.is_none(), "{}: closed unexpectedly: {:?}", self.nick, self.closed);
            let left = end.saturating_duration_since(Instant::now());
            if let Err(error) = self.step(left) {
                panic!("{}: {error}; received {:?}", self.nick, self.frames);
            }
        }
    }

    #[track_caller]
    pub fn until_closed(&mut self) -> Option<u16> {
        self.until(|c| c.closed.is_some());
        match self.closed {
            Some(Message::Close(code)) => code,
            _ => None,
        }
    }

    /// Waits for a reply of the server, so that everything sent before has been received.
    pub fn settle(&mut self) {
        self.sent += 1;
        let nonce = self.sent;
        self.extension(Extension::Ping(wire::Ping { nonce }));
        self.until(|c| c.frames.iter().any(|f| f.extension == Some(Extension::Pong(wire::Pong { nonce }))));
    }

    /// Reads one message.
    pub fn step(&mut self, within: Duration) -> io::Result<()> {
        match self.socket.next(within)? {
            Message::Ping(payload) if self.answers => self.socket.send(10, &payload)?,
            Message::Ping(_) | Message::Pong(_) => {}
            closed @ (Message::Close(_) | Message::End) => self.closed = Some(closed),
            Message::Data(opcode, payload) => {
                assert_eq!(opcode, 2, "always Binary");
                for frame in codec::decode_rich(&payload).expect("a frame") {
                    if let Some(Extension::Welcome(welcome)) = &frame.extension {
                        self.welcome = Some(welcome.clone());
                    }
                    self.frames.push(frame);
                }
            }
        }
        Ok(())
    }

    /// The received messages with this content.
    pub fn received_with(&self, content: &str) -> Vec<&Envelope> {
        self.frames.iter().filter(|f| f.extension.is_none() && f.content == content).collect()
    }

    pub fn has_received(&self, content: &str) -> bool {
        !self.received_with(content).is_empty()
    }

    pub fn acked(&self, id: MessageId) -> Option<wire::Accepted> {
        self.acks().into_iter().find(|accepted| accepted.id == id.0)
    }

    pub fn acks(&self) -> Vec<wire::Accepted> {
        let acks = self.frames.iter().filter_map(|f| match &f.extension {
            Some(Extension::Ack(ack)) => Some(ack.accepted.clone()),
            _ => None,
        });
        acks.flatten().collect()
    }

    /// The pages of history, in order.
    pub fn pages(&self) -> Vec<wire::HistoryPage> {
        let pages = self.frames.iter().filter_map(|f| match &f.extension {
            Some(Extension::HistoryPage(page)) => Some(page.clone()),
            _ => None,
        });
        pages.collect()
    }

    pub fn refusals(&self) -> Vec<wire::Refusal> {
        let refusals = self.frames.iter().filter_map(|f| match &f.extension {
            Some(Extension::Refusal(refusal)) => Some(refusal.clone()),
            _ => None,
        });
        refusals.collect()
    }

    pub fn refused(&self, status: Status) -> bool {
        self.refusals().iter().any(|r| r.code == u32::from(status.code()))
    }

    /// The presence changes of a nick: `true` for a join, `false` for a departure.
    pub fn presence(&self, nick: &str) -> Vec<bool> {
        let changes = self.frames.iter().filter_map(|f| match &f.extension {
            Some(Extension::Presence(presence)) => Some(&presence.changes),
            _ => None,
        });
        changes.flatten().filter(|m| m.nick == nick).map(|m| m.state != 0).collect()
    }

    /// The nicks of the last member snapshot.
    pub fn roster(&self) -> Vec<String> {
        let mut names = Vec::new();
        for frame in &self.frames {
            if let Some(Extension::Roster(roster)) = &frame.extension {
                if roster.first {
                    names.clear();
                }
                names.extend(roster.members.iter().map(|m| m.nick.clone()));
            }
        }
        names
    }
}
