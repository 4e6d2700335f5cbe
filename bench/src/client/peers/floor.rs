//! The floor: a page of some twenty lines that has no user, no name and no failure. What it takes, anything takes.

use anyhow::{Result, ensure};

use super::{FLOOR, Held, Peer, Site, floor_server::FloorServer};
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

fn start(_: &Setting, held: Held) -> Result<Site> {
    ensure!(held == Held(0), "the floor keeps nothing");
    let server = FloorServer::start()?;
    let url = format!("http://{}/", server.address);
    Ok(Site { url, feed: Box::new(server), data: None, _keep: Box::new(()) })
}
