//! The floor's server: one page, and a WebSocket that broadcasts every message.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};

use super::{Feed, listen::listen};
use crate::frame;

/// The page.
const PAGE: &str = include_str!("../../../peers/floor.html");

type Sockets = Arc<Mutex<Vec<TcpStream>>>;

/// A running server. Its threads end with their connections, its listener with the program.
pub struct FloorServer {
    pub address: SocketAddr,
    sockets: Sockets,
    out: Vec<u8>,
}

impl FloorServer {
    pub fn start() -> Result<Self> {
        let sockets = Sockets::default();
        let shared = sockets.clone();
        let address = listen(move |stream| serve(&shared, stream))?;
        Ok(Self { address, sockets, out: Vec::new() })
    }
}

impl Feed for FloorServer {
    fn send(&mut self, text: &str) -> Result<()> {
        append_frame(&mut self.out, text.as_bytes());
        Ok(())
    }

    fn poll(&mut self, wait: Duration) -> Result<()> {
        broadcast(&self.sockets, &self.out);
        self.out.clear();
        thread::sleep(wait.min(Duration::from_millis(1)));
        Ok(())
    }
}

fn lock(sockets: &Sockets) -> MutexGuard<'_, Vec<TcpStream>> {
    // A thread that panicked has left the list unchanged.
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends frames to all connections, and removes those that fail.
fn broadcast(sockets: &Sockets, frames: &[u8]) {
    lock(sockets).retain_mut(|socket| frames.is_empty() || socket.write_all(frames).is_ok());
}

/// Appends an unmasked text frame, as servers send it.
fn append_frame(out: &mut Vec<u8>, text: &[u8]) {
    out.push(0x80 | frame::TEXT);
    match text.len() {
        short @ 0..126 => out.push(short as u8),
        long => {
            out.push(126);
            out.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

fn serve(sockets: &Sockets, mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut path, mut key, mut line) = (String::new(), None, String::new());
        while reader.read_line(&mut line)? > 0 && line != "\r\n" {
            if let Some(rest) = line.strip_prefix("GET ") {
                path = rest.split(' ').next().unwrap_or_default().to_owned();
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("sec-websocket-key")
            {
                key = Some(value.trim().to_owned());
            }
            line.clear();
        }
        if let Some(key) = key {
            let accept = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
            let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
            write!(stream, "{head}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")?;
            lock(sockets).push(stream);
            return relay(sockets, reader);
        }
        ensure!(!path.is_empty(), "the connection has ended");
        let (status, body) = if path == "/" { ("200 OK", PAGE) } else { ("404 Not Found", "") };
        let kind = "Content-Type: text/html; charset=utf-8\r\nCache-Control: max-age=60";
        write!(stream, "HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    }
}

/// Broadcasts the messages of a page until the connection ends.
fn relay(sockets: &Sockets, mut reader: BufReader<TcpStream>) -> Result<()> {
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head)?;
        let len = usize::from(head[1] & 0x7F);
        ensure!(len < 126 && head[0] & 0x0F == frame::TEXT, "unexpected frame from the page");
        let (mut mask, mut text) = ([0; 4], vec![0; len]);
        reader.read_exact(&mut mask)?;
        reader.read_exact(&mut text)?;
        text.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        let mut out = Vec::new();
        append_frame(&mut out, &text);
        broadcast(sockets, &out);
    }
}
