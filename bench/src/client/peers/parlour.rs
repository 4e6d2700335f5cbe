//! Parlour: the release bundle, served by the release server.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{Feed, PARLOUR, Peer, Preloaded, Site};
use crate::{
    client::{seed, setting::Setting},
    scan::{Dialect, Received},
    swarm::Swarm,
    target::{self, Running},
};

pub const PEER: Peer = Peer {
    name: PARLOUR,
    login: Some("#login-nick"),
    composer: "#composer-text",
    list: "#timeline",
    row: "#timeline .row.message",
    gap: Some("#timeline .row.gap"),
    start,
};

/// Number of senders, used in turn.
pub const SENDERS: usize = 4;

fn start(setting: &Setting, preloaded: Preloaded) -> Result<Site> {
    let port = target::free_port()?;
    let data = setting.paths.data()?;
    let mut command = target::parlour(&setting.paths, port)?;
    seed::room(setting, preloaded, &data)?;
    command.arg("--assets").arg(&setting.dist);
    let server = Running::start(command, port)?;
    let mut swarm = Swarm::new(server.address, Dialect::Rich)?;
    swarm.open(SENDERS, SENDERS)?;
    let url = format!("http://{}/", server.address);
    Ok(Site {
        url,
        feed: Box::new(Senders { swarm, sent: 0, acknowledged: 0 }),
        data: Some(data),
        _server: Box::new(server),
    })
}

struct Senders {
    swarm: Swarm,
    sent: usize,
    acknowledged: usize,
}

impl Feed for Senders {
    fn send(&mut self, text: &str) -> Result<()> {
        self.swarm.send(self.sent % SENDERS, text);
        self.sent += 1;
        Ok(())
    }

    fn poll(&mut self, wait: Duration) -> Result<()> {
        // Delivered messages are read only so that they do not pile up in the server.
        let acknowledged = &mut self.acknowledged;
        let mut on_event = |_, what: Received| *acknowledged += usize::from(what == Received::Accepted);
        if !self.swarm.poll(wait.min(Duration::from_millis(1)), &mut on_event)? {
            thread::yield_now();
        }
        Ok(())
    }

    fn settled(&self) -> bool {
        self.acknowledged == self.sent
    }
}
