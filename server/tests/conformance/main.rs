//! RFC 6455 rule by rule, against the real server over real sockets.
//!
//! Every case of the table is sent whole and then again a byte at a time, and must be answered alike. What came of
//! it is printed: `cargo test -p parlour-server --test conformance -- --nocapture`.
//!
//! | file | cases |
//! | --- | --- |
//! | `handshake` | the opening, section 4.2 |
//! | `framing` | headers, masks, lengths, fragments: 5.1 to 5.6 |
//! | `control` | Ping, Pong, and Close with its codes: 5.5 and 7 |
//! | `sent` | what the server itself sends |
//! | `case`, `bytes`, `table` | how a case is told, put into bytes, and printed |
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod case;
mod control;
mod framing;
mod handshake;
mod sent;
mod table;

use case::{Delivery, Room};
use common::TestServer;
use table::Table;

#[test]
fn every_rule_is_kept() {
    let mut table = Table::default();
    let server = TestServer::start();
    for shake in handshake::cases() {
        table.row(shake.section, shake.what, &shake.wanted, &shake.ask(server.address));
    }
    // Two, as a message is said once in a room.
    let (mut whole, mut cut) = (Room::open(), Room::open());
    for case in framing::cases().into_iter().chain(control::cases()) {
        let answer = case.play(&mut whole, Delivery::Whole);
        table.row(case.section, &case.what, &case.wanted, &answer);
        let again = case.play(&mut cut, Delivery::Bytes);
        if again != answer {
            table.row(case.section, &format!("{}, a byte at a time", case.what), &case.wanted, &again);
        }
    }
    let server = TestServer::with(sent::long_messages);
    for (what, wanted, found) in sent::frames(&server) {
        table.row("5.2", what, &wanted, &found);
    }
    table.done();
}
