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
    wire::{self, client_command::Operation, response::Result as Answer, server_event::Body},
};

use super::desktop::{Message, PATIENCE, Socket};

/// The capabilities of the page.
const CAPABILITIES: [&str; 2] = ["batch", "rooms"];

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
    /// The number of the last command.
    commands: u32,
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
            commands: 0,
        }
    }

    /// Connects and logs in; if the nick is reserved for a lost session, as soon as it is free.
    pub fn login(address: SocketAddr, nick: &str) -> Self {
        Self::login_with(address, nick, &[])
    }

    /// Logs in to the session with this secret, which may be new, as [`login`](Self::login) does.
    pub fn login_with(address: SocketAddr, nick: &str, secret: &[u8]) -> Self {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut client = Self::connect(address);
            client.send_login(nick, secret);
            client.until(|c| c.welcome.is_some() || c.refused(Status::NickTaken));
            if client.welcome.is_some() {
                return client;
            }
            assert!(Instant::now() < end, "{nick} is still taken");
        }
    }

    pub fn send_login(&mut self, nick: &str, secret: &[u8]) {
        self.nick = nick.into();
        self.send(&codec::login(
            nick,
            wire::Login {
                version: 1,
                capabilities: CAPABILITIES.map(Into::into).into(),
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

    /// Sends a command in the lobby. Returns its number.
    pub fn command(&mut self, operation: Operation) -> u32 {
        self.commands += 1;
        self.extension(Extension::Command(wire::ClientCommand {
            request: self.commands,
            operation: Some(operation),
            ..wire::ClientCommand::default()
        }));
        self.commands
    }

    /// The answer to a command.
    pub fn answer(&self, request: u32) -> Option<&Answer> {
        self.events().find_map(|body| match body {
            Body::Response(response) if response.request == request => response.result.as_ref(),
            _ => None,
        })
    }

    /// The events of the server.
    pub fn events(&self) -> impl Iterator<Item = &Body> {
        self.frames.iter().filter_map(|f| match &f.extension {
            Some(Extension::Event(event)) => event.body.as_ref(),
            _ => None,
        })
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
        let changes = self.events().filter_map(|body| match body {
            Body::Presence(changes) => Some(&changes.people),
            _ => None,
        });
        let is_online = |person: &wire::Person| person.state() != wire::PresenceState::Left;
        changes.flatten().filter(|person| person.nick == nick).map(is_online).collect()
    }
}
