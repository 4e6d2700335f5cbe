//! Parlour: the bundle as it is released, from the server as it ships.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{Feed, Held, PARLOUR, Peer, Site};
use crate::{
    client::{seed, setting::Setting},
    scan::{Dialect, Seen},
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

/// Who talks, in turn.
pub const TALKERS: usize = 4;

fn start(setting: &Setting, held: Held) -> Result<Site> {
    let port = target::free_port()?;
    let data = setting.place.data()?;
    let mut command = target::parlour(&setting.place, port)?;
    seed::room(setting, held, &data)?;
    command.arg("--assets").arg(&setting.dist);
    let server = Running::start(command, port)?;
    let mut swarm = Swarm::new(server.address, Dialect::Rich)?;
    swarm.open(TALKERS, TALKERS)?;
    let url = format!("http://{}/", server.address);
    Ok(Site {
        url,
        feed: Box::new(Talkers { swarm, said: 0, accepted: 0 }),
        data: Some(data),
        _keep: Box::new(server),
    })
}

struct Talkers {
    swarm: Swarm,
    said: usize,
    accepted: usize,
}

impl Feed for Talkers {
    fn say(&mut self, text: &str) -> Result<()> {
        self.swarm.say(self.said % TALKERS, text);
        self.said += 1;
        Ok(())
    }

    fn turn(&mut self, wait: Duration) -> Result<()> {
        // Messages that come back are not looked at; they must be taken, or they would wait in the server.
        let accepted = &mut self.accepted;
        let mut seen = |_, what: Seen| *accepted += usize::from(what == Seen::Accepted);
        if !self.swarm.turn(wait.min(Duration::from_millis(1)), &mut seen)? {
            thread::yield_now();
        }
        Ok(())
    }

    fn settled(&self) -> bool {
        self.accepted == self.said
    }
}
