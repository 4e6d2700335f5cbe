//! Device links in the hub's tables.

use parlour_core::codec;

use super::{client::Client, commands::device_link};
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
