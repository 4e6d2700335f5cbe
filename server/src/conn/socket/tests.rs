use std::{
    future::Future as _,
    io::Write as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    pin::pin,
};

use tokio::{net, sync::mpsc};

use super::*;
use crate::conn::{limiter::ConnectionLimiter, write_queue::Bounds};

#[tokio::test]
async fn flood_of_one_connection_is_read_in_turns_with_others() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, address) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    // As many Pongs as the operating system takes at once.
    let pongs = [0x8A, 0x80, 0, 0, 0, 0].repeat(1_000);
    peer.set_nonblocking(true).unwrap();
    let sent = std::iter::from_fn(|| peer.write(&pongs).ok()).take(400).sum::<usize>();
    drop(peer);

    let (read, write) = net::TcpStream::from_std(stream).unwrap().into_split();
    let write = Arc::new(write);
    let bounds = Bounds { bytes: 1 << 20, frames: 64, grace: Duration::ZERO };
    let sink = Arc::downgrade(&write);
    let (_sender, receiver) = write_queue::channel(bounds, sink);
    let (inbox, _inputs) = mpsc::unbounded_channel();
    let budget = InputBudget::new(ConnectionLimiter::new(0, 0).acquire(address.ip()).unwrap());
    let day = Duration::from_secs(86_400);
    let timeouts = Timeouts { ping_interval: day, ping_timeout: day, frame_timeout: day, write_timeout: day };
    let conn = ConnectionId::new(0, 0);
    let socket = Socket::new((read, write), conn, 1 << 16, receiver, inbox, budget, Arc::new(timeouts));
    let mut running = pin!(socket.run(Bytes::new()));
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        running.as_mut().poll(cx)
    })
    .await;
    let least = sent / (MAX_READS_PER_POLL * READ_BUFFER_BYTES);
    assert!(least >= 2 && polls >= least, "{sent} bytes in {polls} polls");
}
