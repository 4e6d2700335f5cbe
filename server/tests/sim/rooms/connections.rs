//! The connections of tabs: they are dropped while data is in transit, and a middlebox may close them.

use super::world::World;
use crate::network::{DroppedLink, NOTICE_MS, Packet};

impl World {
    /// A tab sends something, which a middlebox may refuse.
    pub fn send_to_server(&mut self, tab: usize, bytes: Vec<u8>) {
        self.check_sent(tab, &bytes);
        let arrival = self.arrival();
        let middlebox = self.devices[self.tabs[tab].device].middlebox;
        let Some(link) = self.tabs[tab].link.as_mut().filter(|link| !link.cut) else { return };
        let Some(code) = middlebox.and_then(|middlebox| middlebox.refuses(&bytes)) else {
            return link.send_to_server(arrival, Packet::Bytes(bytes));
        };
        // What was sent before still arrives at the server.
        let to_server = std::mem::take(&mut link.to_server);
        let server_end = DroppedLink { server: link.server, conn: link.conn, to_server, noticed_at: arrival };
        link.cut = true;
        link.to_client.clear();
        link.send_to_client(arrival, Packet::Close(code));
        self.dropped.push_back(server_end);
        let unused = self.new_conn();
        self.tabs[tab].link.iter_mut().for_each(|link| link.conn = unused);
        self.tally.count("closed by the middlebox");
    }

    /// The tab drops its connection. Data in transit may still arrive, all of it or partially, and late.
    pub fn drop_link(&mut self, tab: usize, loses: bool) {
        let Some(mut link) = self.tabs[tab].link.take() else { return };
        let late = if self.faults && self.rng.once_in(3) { self.rng.below(6_000) } else { 0 };
        if loses {
            let arriving = self.rng.index(link.to_server.len() + 1);
            link.to_server.truncate(arriving);
        }
        link.to_server.iter_mut().for_each(|(at, _)| *at += late);
        let noticed_at = match link.dead {
            true => {
                link.to_server.clear();
                self.now + NOTICE_MS
            }
            false => self.now + late + self.rng.below(60),
        };
        let (server, conn) = (link.server, link.conn);
        self.dropped.push_back(DroppedLink { server, conn, to_server: link.to_server, noticed_at });
    }

    pub fn run_dropped_links(&mut self) {
        for _ in 0..self.dropped.len() {
            let Some(mut link) = self.dropped.pop_front() else { return };
            while let Some((_, packet)) = link.to_server.pop_front_if(|(due, _)| *due <= self.now) {
                self.tally.count("late packets");
                self.arrive(link.server, link.conn, packet);
            }
            if link.to_server.is_empty() && link.noticed_at <= self.now {
                self.arrive(link.server, link.conn, Packet::Close(1006));
            } else {
                self.dropped.push_back(link);
            }
        }
    }
}
