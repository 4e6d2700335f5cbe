//! One client of the swarm: its login, and what it answers.

use std::{
    io::{ErrorKind, Write as _},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use parlour_core::{PROTOCOL_VERSION, codec, status::Status, wire};

use super::HEADROOM_BYTES;
use crate::{
    frame,
    scan::{Dialect, Received, Scanner},
};

/// A client of a server.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) stage: Stage,
    pub(super) scanner: Scanner,
    pub(super) carry: Vec<u8>,
    pub(super) out: Vec<u8>,
    /// The last Welcome.
    pub(super) welcome: Option<Box<wire::Welcome>>,
}

/// The progress of its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Upgrading,
    Greeting,
    Ready,
    /// The server has refused the login for now.
    Refused,
}

/// Events other than messages, handled after a scan.
#[derive(Debug, Default)]
pub(super) struct ControlEvents {
    pub(super) is_ready: bool,
    welcome: Vec<u8>,
    refusal: Option<Vec<u8>>,
    answers: Vec<u8>,
    unexpected: Option<&'static str>,
}

impl ControlEvents {
    pub(super) fn handle_control(&mut self, on_event: Received) {
        match on_event {
            Received::Ready(payload) => {
                self.is_ready = true;
                self.welcome = payload.to_vec();
            }
            Received::Refused(payload) => self.refusal = Some(payload.to_vec()),
            Received::Ping(payload) => frame::put(&mut self.answers, frame::PONG, payload, 1),
            Received::NatsPing => frame::put(&mut self.answers, frame::BINARY, b"PONG\r\n", 1),
            Received::Unexpected(what) => self.unexpected = Some(what),
            Received::Message(_) | Received::Accepted => {}
        }
    }
}

/// The part of a Welcome that a later login needs. There are many clients.
fn needed(welcome: wire::Welcome) -> wire::Welcome {
    let seq = welcome.window.map_or(0, |window| window.seq);
    let version = welcome.rows.map_or(0, |rows| rows.version);
    wire::Welcome {
        secret: welcome.secret,
        log: welcome.log,
        resumed: welcome.resumed,
        window: Some(wire::RoomWindow { seq, ..wire::RoomWindow::default() }),
        rows: Some(wire::AccountRows { version, ..wire::AccountRows::default() }),
        ..wire::Welcome::default()
    }
}

impl Client {
    /// Sends the first message of the dialect, such as the login. Returns `false` if the dialect has none.
    pub(super) fn log_in(&mut self, dialect: Dialect, index: usize, attempt: u64) -> bool {
        self.stage = Stage::Greeting;
        self.carry.clear();
        match dialect {
            Dialect::Plain => {
                self.stage = Stage::Ready;
                return false;
            }
            Dialect::Nats => {
                let hello =
                    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\nSUB room 1\r\nPING\r\n";
                frame::put(&mut self.out, frame::BINARY, hello, 1);
            }
            Dialect::Rich => {
                let before = self.welcome.as_deref().cloned().unwrap_or_default();
                let seq = before.window.map_or(0, |window| window.seq);
                let login = wire::Login {
                    version: PROTOCOL_VERSION,
                    capabilities: vec!["batch".into(), "rooms".into()],
                    secret: before.secret,
                    positions: vec![wire::RoomPosition { seq, ..wire::RoomPosition::default() }],
                    agent: "parlour-bench".into(),
                    log: before.log,
                    attempt: format!("{attempt:016x}"),
                    account_version: before.rows.map_or(0, |rows| rows.version),
                    ..wire::Login::default()
                };
                let login = codec::encode(&codec::login(&format!("u{index}"), login));
                frame::put(&mut self.out, frame::BINARY, &login, 1);
            }
        }
        true
    }

    /// Handles what is not a message. Returns after how long to connect again if the server is too busy for the login.
    pub(super) fn handle_control(&mut self, events: ControlEvents) -> Result<Option<Duration>> {
        if let Some(refusal) = events.refusal {
            let Ok(codec::Envelope { extension: Some(codec::Extension::Refusal(refusal)), .. }) =
                codec::decode(&refusal)
            else {
                bail!("the server's refusal cannot be read");
            };
            let is_busy = refusal.code == u32::from(Status::Busy.code()) && self.stage == Stage::Greeting;
            ensure!(is_busy, "the server refused something: {}", refusal.text);
            self.stage = Stage::Refused;
            return Ok(Some(Duration::from_millis(refusal.retry_after_ms.into())));
        }
        if let Some(unexpected) = events.unexpected {
            bail!("{unexpected}");
        }
        if events.is_ready && self.stage == Stage::Greeting {
            self.stage = Stage::Ready;
            if let Ok(codec::Envelope { extension: Some(codec::Extension::Welcome(welcome)), .. }) =
                codec::decode(&events.welcome)
            {
                self.welcome = Some(Box::new(needed(welcome)));
            }
        }
        if !events.answers.is_empty() {
            self.out.extend_from_slice(&events.answers);
            self.write()?;
        }
        Ok(None)
    }

    pub(super) fn carry_over(&mut self, rest: &[u8]) -> Result<()> {
        ensure!(rest.len() <= HEADROOM_BYTES, "the server's message is too large for the buffer");
        self.carry.clear();
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    pub(super) fn write(&mut self) -> Result<()> {
        while !self.out.is_empty() && self.stage != Stage::Connecting {
            match self.stream.write(&self.out) {
                Ok(written) => drop(self.out.drain(..written)),
                // The rest is written when the socket is writable again.
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("a connection was lost"),
            }
        }
        Ok(())
    }
}
