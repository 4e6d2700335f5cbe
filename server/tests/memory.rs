//! The memory of a server that is flooded by one address. Alone in its binary, because the allocations of the whole
//! process are counted.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "../../core/tests/allocator/mod.rs"]
mod allocator;
mod common;

use std::{io::Write as _, net::Shutdown, thread};

use allocator::measure_process;
use common::{Client, TestServer, eventually};

/// The connections of one address that the default settings allow, without the witness.
const CONNECTIONS: usize = 195;
/// Frames that each sends.
const FRAMES: usize = 12;
/// Threads that send, so that several connections are read at once.
const THREADS: usize = 15;

#[test]
fn flood_of_empty_attachments_is_bounded_and_released() {
    let server = TestServer::with(|config| config.max_connections_per_address = 200);
    let mut witness = Client::login(server.address, "witness");
    witness.send_message("before");
    // Field 12 of a request, empty, as often as it fits.
    let payload = [0x62, 0].repeat(32_700);
    let frame = witness.socket.frame(0x82, &payload);
    let allocated = measure_process(|| {
        let mut flood: Vec<_> =
            (0..CONNECTIONS).map(|n| Client::login(server.address, &format!("flood-{n}-"))).collect();
        thread::scope(|scope| {
            for clients in flood.chunks_mut(CONNECTIONS.div_ceil(THREADS)) {
                scope.spawn(|| {
                    for _ in 0..FRAMES {
                        // The server may close a connection that sends nothing but ignored requests.
                        clients.iter_mut().for_each(|client| drop(client.socket.stream.write_all(&frame)));
                    }
                });
            }
            witness.send_message("meanwhile");
        });
        for client in &flood {
            let _ = client.socket.stream.shutdown(Shutdown::Both);
        }
        drop(flood);
        eventually("the connections have ended", || server.sockets() == 1 && server.members() == 1);
        witness.send_message("after");
        witness.frames.clear();
    });
    // For each connection an incomplete frame and one that waits; and what is in the hub's channel.
    assert!(allocated.peak < 40 << 20, "{allocated:?}");
    assert!(allocated.retained < 2 << 20, "{allocated:?}");
}
