//! Device links in the hub's tables.

use parlour_core::codec;

use super::{
    client::Client,
    commands::{device_link, link_login},
};
use crate::world;

#[test]
fn codes_of_an_account_end_with_its_last_session() {
    let mut w = world();
    drop(Client::login(&mut w, "tom", &[]));
    w.advance(1_000);
    let before = w.hub.table_sizes().rooms;
    let mut lili = Client::login(&mut w, "lili", &[]);
    device_link(&mut w, &mut lili);
    w.send(lili.conn, &codec::exit("lili"));
    w.advance(1_000);
    assert_eq!(w.hub.table_sizes().rooms, before);
}

/// A device that has gone before the log had its session, and that does not return.
#[test]
fn session_of_a_linked_device_that_has_gone_expires() {
    let mut w = world();
    let empty = w.hub.table_sizes();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let code = device_link(&mut w, &mut tom);
    w.hold_requests = true;
    let phone = w.connect();
    w.send(phone, &link_login(&code));
    w.disconnect(phone);
    w.release();
    w.send(tom.conn, &codec::exit("tom"));
    w.advance(40 * 24 * 3_600_000);
    assert_eq!(w.hub.table_sizes(), empty);
}
