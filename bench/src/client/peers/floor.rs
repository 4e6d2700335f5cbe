//! The floor: a minimal page of about twenty lines, without users, names or error handling. It is a lower bound for any page.

use anyhow::{Result, ensure};

use super::{FLOOR, Peer, Preloaded, Site, floor_server::FloorServer};
use crate::client::setting::Setting;

pub const PEER: Peer = Peer {
    name: FLOOR,
    login: None,
    composer: "#composer",
    list: "#list",
    row: "#list .row",
    gap: None,
    start,
};

fn start(_: &Setting, preloaded: Preloaded) -> Result<Site> {
    ensure!(preloaded == Preloaded(0), "the floor stores no messages");
    let server = FloorServer::start()?;
    let url = format!("http://{}/", server.address);
    Ok(Site { url, feed: Box::new(server), data: None, _server: Box::new(()) })
}
