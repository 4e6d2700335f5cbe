//! A WebSocket: open, send, receive, close code. It does not interpret the bytes, and depends on neither the store nor
//! core.

use futures_channel::mpsc;
use futures_util::{
    SinkExt, StreamExt,
    future::{Either, poll_fn, select},
};
use gloo_net::websocket::{Message, State, WebSocketError, futures::WebSocket};
use wasm_bindgen_futures::spawn_local;

/// The close code for a connection that ended without a Close frame (RFC 6455, 7.4.1).
const ABNORMAL_CLOSURE: u16 = 1006;

/// An event of a socket.
#[derive(Debug)]
pub enum Report {
    /// The socket is open.
    Opened,
    /// A Binary message was received.
    Message(Vec<u8>),
    /// A Text message was received.
    Text(String),
    /// The socket is closed, with this close code. Nothing is reported afterwards.
    Closed(u16),
}

/// The browser refuses to open a socket to the URL.
#[derive(Debug)]
pub struct OpenError;

enum Command {
    Send(Vec<u8>),
    Close(Option<u16>),
}

/// A socket that is opening or open. Dropping it closes it.
#[derive(Debug)]
pub struct Socket {
    commands: mpsc::UnboundedSender<Command>,
}

impl Socket {
    /// Opens a socket, which calls `report` until it is closed.
    ///
    /// # Errors
    /// [`OpenError`] if the URL is invalid, or insecure in a secure page.
    pub fn open(url: &str, report: impl Fn(Report) + 'static) -> Result<Self, OpenError> {
        let socket = WebSocket::open(url).map_err(|_| OpenError)?;
        let (commands, receiver) = mpsc::unbounded();
        spawn_local(drive(socket, receiver, report));
        Ok(Self { commands })
    }

    /// Sends a Binary message.
    pub fn send(&self, bytes: &[u8]) {
        // The channel is closed only together with the socket, which is reported.
        let _ = self.commands.unbounded_send(Command::Send(bytes.to_vec()));
    }

    /// Closes the socket after the messages sent so far, with a close code or an empty Close frame. Nothing is reported
    /// afterwards.
    pub fn close(self, code: Option<u16>) {
        let _ = self.commands.unbounded_send(Command::Close(code));
    }
}

/// Executes commands and reports events until the socket is closed.
async fn drive(
    mut socket: WebSocket,
    mut commands: mpsc::UnboundedReceiver<Command>,
    report: impl Fn(Report),
) {
    let opened = poll_fn(|cx| socket.poll_ready_unpin(cx));
    if let Either::Right((command, _)) = select(opened, commands.next()).await {
        // Only a close is possible here: nothing is sent before the socket has reported that it is open.
        let code = if let Some(Command::Close(code)) = command { code } else { None };
        let _ = socket.close(code, None);
        return;
    }
    if matches!(socket.state(), State::Open) {
        report(Report::Opened);
    }
    loop {
        match select(socket.next(), commands.next()).await {
            Either::Left((Some(Ok(Message::Bytes(bytes))), _)) => report(Report::Message(bytes)),
            Either::Left((Some(Ok(Message::Text(text))), _)) => report(Report::Text(text)),
            Either::Left((Some(Err(WebSocketError::ConnectionClose(close))), _)) => {
                report(Report::Closed(close.code));
                return;
            }
            // An error event has no details; the close event that follows has the code.
            Either::Left((Some(Err(_)), _)) => {}
            Either::Left((None, _)) => {
                report(Report::Closed(ABNORMAL_CLOSURE));
                return;
            }
            Either::Right((Some(Command::Send(bytes)), _)) => {
                // A socket that is closing refuses messages; its close event is reported.
                let _ = socket.send(Message::Bytes(bytes)).await;
            }
            Either::Right((Some(Command::Close(code)), _)) => {
                let _ = socket.close(code, None);
                return;
            }
            Either::Right((None, _)) => {
                let _ = socket.close(None, None);
                return;
            }
        }
    }
}
