//! The browser's DevTools protocol: JSON over one WebSocket, a question and its answer at a time. What the browser tells
//! unasked is passed over: of pages nothing is switched on that would tell, so nothing is slowed by it.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::frame;

/// How long a page may take to answer; one under a flood takes long.
const PATIENCE: Duration = Duration::from_secs(90);

/// The connection to a browser.
#[derive(Debug)]
pub struct Devtools {
    stream: TcpStream,
    /// What was read, and is not taken.
    buffer: Vec<u8>,
    asked: u64,
}

impl Devtools {
    /// Connects to `ws://host:port/path`, as the browser gives it.
    pub fn connect(url: &str) -> Result<Self> {
        let (host, path) = url
            .strip_prefix("ws://")
            .and_then(|rest| rest.split_once('/'))
            .context("the browser's address is not as expected")?;
        let mut stream = TcpStream::connect(host).context("the browser does not listen")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let mut devtools = Self { stream, buffer: Vec::new(), asked: 0 };
        let end = loop {
            if let Some(at) = devtools.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            devtools.read()?;
        };
        ensure!(devtools.buffer.starts_with(b"HTTP/1.1 101"), "the browser did not take a WebSocket");
        devtools.buffer.drain(..end);
        Ok(devtools)
    }

    /// Asks the browser, or with a session a page of it.
    pub fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value> {
        self.asked += 1;
        let mut question = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = session {
            question["sessionId"] = session.into();
        }
        let mut out = Vec::new();
        frame::put(&mut out, frame::TEXT, question.to_string().as_bytes(), 1);
        self.stream.write_all(&out).context("the browser is gone")?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let message = self.message().with_context(|| format!("{method} has no answer"))?;
            if message["id"] == self.asked {
                if let Some(error) = message.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(message["result"].clone());
            }
        }
        bail!("{method} has no answer")
    }

    fn message(&mut self) -> Result<Value> {
        loop {
            if let Some(head) = frame::head(&self.buffer)
                && let Some(payload) = self.buffer.get(head.bytes..head.bytes.saturating_add(head.len))
            {
                let value = match head.opcode {
                    frame::TEXT => {
                        Some(serde_json::from_slice(payload).context("the browser speaks no JSON")?)
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
            Ok(0) => bail!("the browser is gone"),
            Ok(read) => self.buffer.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("the page does not answer"),
        }
        Ok(())
    }
}
