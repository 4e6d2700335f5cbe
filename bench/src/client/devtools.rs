//! The browser's DevTools protocol: JSON over a WebSocket, one command at a time. Events are ignored; none are enabled, so
//! that they do not slow the page down.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::frame;

/// Deadline for a response; a page under a flood responds slowly.
const DEADLINE: Duration = Duration::from_secs(90);

/// The connection to a browser.
#[derive(Debug)]
pub struct Devtools {
    stream: TcpStream,
    /// Bytes received and not yet parsed.
    buffer: Vec<u8>,
    last_id: u64,
}

impl Devtools {
    /// Connects to `ws://host:port/path`, as printed by the browser.
    pub fn connect(url: &str) -> Result<Self> {
        let (host, path) = url
            .strip_prefix("ws://")
            .and_then(|rest| rest.split_once('/'))
            .context("unexpected DevTools address")?;
        let mut stream = TcpStream::connect(host).context("the browser does not listen")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        write!(
            stream,
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let mut devtools = Self { stream, buffer: Vec::new(), last_id: 0 };
        let end = loop {
            if let Some(at) = devtools.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            devtools.read()?;
        };
        ensure!(devtools.buffer.starts_with(b"HTTP/1.1 101"), "the browser did not accept the WebSocket");
        devtools.buffer.drain(..end);
        Ok(devtools)
    }

    /// Sends a command to the browser or, with a session, to a page, and returns the result.
    pub fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value> {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let mut out = Vec::new();
        frame::put(&mut out, frame::TEXT, command.to_string().as_bytes(), 1);
        self.stream.write_all(&out).context("the browser has ended")?;
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            let message = self.message().with_context(|| format!("{method} has no response"))?;
            if message["id"] == self.last_id {
                if let Some(error) = message.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(message["result"].clone());
            }
        }
        bail!("{method} has no response")
    }

    fn message(&mut self) -> Result<Value> {
        loop {
            if let Some(head) = frame::head(&self.buffer)
                && let Some(payload) = self.buffer.get(head.bytes..head.bytes.saturating_add(head.len))
            {
                let value = match head.opcode {
                    frame::TEXT => {
                        Some(serde_json::from_slice(payload).context("the browser sent invalid JSON")?)
                    }
                    frame::CLOSE => bail!("the browser has closed"),
                    _ => None,
                };
                self.buffer.drain(..head.bytes + head.len);
                if let Some(value) = value {
                    return Ok(value);
                }
                continue;
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Result<()> {
        let mut part = [0; 64 * 1024];
        match self.stream.read(&mut part) {
            Ok(0) => bail!("the browser has ended"),
            Ok(read) => self.buffer.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("the page does not respond"),
        }
        Ok(())
    }
}
