//! One WebSocket: open, bytes in, bytes out, close code. Knows neither the store nor what the bytes mean.

use futures_channel::mpsc;
use futures_util::{
    SinkExt, StreamExt,
    future::{Either, poll_fn, select},
};
use gloo_net::websocket::{Message, State, WebSocketError, futures::WebSocket};
use wasm_bindgen_futures::spawn_local;

/// What a socket reports.
#[derive(Debug)]
pub enum Report {
    /// It is open.
    Opened,
    /// A message came; Text arrives as the bytes of its UTF-8.
    Message(Vec<u8>),
    /// It is closed, with this code (RFC 6455, 7.4); nothing more will be reported.
    Closed(u16),
}

/// The browser refuses even to try.
#[derive(Debug)]
pub struct Unopenable;

enum Order {
    Send(Vec<u8>),
    Close(Option<u16>),
}

/// A socket that is opening or open. Dropped, it closes.
#[derive(Debug)]
pub struct Socket {
    orders: mpsc::UnboundedSender<Order>,
}

impl Socket {
    /// Opens a socket; what happens to it is told to `report`.
    ///
    /// # Errors
    /// [`Unopenable`] when the URL is none, or one that this page may not use.
    pub fn open(url: &str, report: impl Fn(Report) + 'static) -> Result<Self, Unopenable> {
        let socket = WebSocket::open(url).map_err(|_| Unopenable)?;
        let (orders, taken) = mpsc::unbounded();
        spawn_local(drive(socket, taken, report));
        Ok(Self { orders })
    }

    /// Sends a Binary message.
    pub fn send(&self, bytes: &[u8]) {
        // The other end of the channel goes away when the socket is closed, which is reported.
        let _ = self.orders.unbounded_send(Order::Send(bytes.to_vec()));
    }

    /// Closes, with a code or with an empty Close frame; after what was sent before. Nothing more is reported.
    pub fn close(self, code: Option<u16>) {
        let _ = self.orders.unbounded_send(Order::Close(code));
    }
}

/// Carries between the browser's socket and ours until one of them ends.
async fn drive(mut socket: WebSocket, mut orders: mpsc::UnboundedReceiver<Order>, report: impl Fn(Report)) {
    let opened = poll_fn(|cx| socket.poll_ready_unpin(cx));
    if let Either::Right((order, _)) = select(opened, orders.next()).await {
        // Told to close before it was open; nothing is ever sent on a socket that has not reported.
        let code = if let Some(Order::Close(code)) = order { code } else { None };
        let _ = socket.close(code, None);
        return;
    }
    if matches!(socket.state(), State::Open) {
        report(Report::Opened);
    }
    loop {
        match select(socket.next(), orders.next()).await {
            Either::Left((Some(Ok(Message::Bytes(bytes))), _)) => report(Report::Message(bytes)),
            Either::Left((Some(Ok(Message::Text(text))), _)) => report(Report::Message(text.into_bytes())),
            Either::Left((Some(Err(WebSocketError::ConnectionClose(close))), _)) => {
                report(Report::Closed(close.code));
                return;
            }
            // An error event says nothing; the close event that follows has the code.
            Either::Left((Some(Err(_)), _)) => {}
            Either::Left((None, _)) => {
                report(Report::Closed(1006));
                return;
            }
            Either::Right((Some(Order::Send(bytes)), _)) => {
                // A socket that is closing takes nothing more; its close event comes.
                let _ = socket.send(Message::Bytes(bytes)).await;
            }
            Either::Right((Some(Order::Close(code)), _)) => {
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
