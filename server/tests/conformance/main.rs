//! RFC 6455 rule by rule, against the real server over real sockets.
//!
//! Every case of the table is sent at once and then one byte at a time, with the same expected response. The
//! results are printed: `cargo test -p parlour-server --test conformance -- --nocapture`.
//!
//! | file | cases |
//! | --- | --- |
//! | `handshake` | the opening handshake, section 4.2 |
//! | `framing` | headers, masks, lengths, fragments: 5.1 to 5.6 |
//! | `control` | Ping, Pong, and Close with its codes: 5.5 and 7 |
//! | `envelopes` | more fields, elements, levels and fragments than any client sends: 10.4 |
//! | `sent` | frames that the server sends |
//! | `case`, `bytes`, `table` | how a case is described, encoded and printed |
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod case;
mod control;
mod envelopes;
mod framing;
mod handshake;
mod sent;
mod table;

use case::{Delivery, Room};
use common::TestServer;
use table::Table;

#[test]
fn every_rule_is_followed() {
    let mut table = Table::default();
    let server = TestServer::start();
    for handshake_case in handshake::cases() {
        table.row(
            handshake_case.section,
            handshake_case.what,
            &handshake_case.wanted,
            &handshake_case.send(server.address),
        );
    }
    // Two rooms, because a message is published once per room.
    let (mut whole, mut cut) = (Room::open(), Room::open());
    for case in framing::cases().into_iter().chain(control::cases()).chain(envelopes::cases()) {
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
