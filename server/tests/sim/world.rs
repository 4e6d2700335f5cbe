//! Tabs, network and servers on one clock.

use std::collections::{BTreeMap, VecDeque};

use parlour_core::{Millis, session::Clocks};
use parlour_server::hub::connection_table::ConnectionId;

use super::{
    device::Device,
    network::{DroppedLink, Link, Packet},
    plan::Plan,
    privacy::Secrets,
    rng::Rng,
    server::Server,
    stranger::Stranger,
    tab::{Role, Tab},
};

pub const UNIX: i64 = 1_700_000_000_000;
/// The time that the server takes to notice a dead connection, in ms.
pub const NOTICE_MS: Millis = 45_000;

/// The number of times that each event occurred.
#[derive(Debug, Default, Clone)]
pub struct Tally(pub BTreeMap<&'static str, u64>);

impl Tally {
    pub fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn add_to(&mut self, what: &'static str, n: u64) {
        *self.0.entry(what).or_default() += n;
    }

    pub fn add(&mut self, other: &Self) {
        for (what, n) in &other.0 {
            *self.0.entry(what).or_default() += n;
        }
    }
}

/// A tab of a device, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub device: usize,
    pub tab: usize,
}

pub struct World {
    pub rng: Rng,
    pub plan: Plan,
    pub now: Millis,
    pub servers: Vec<Server>,
    pub devices: Vec<Device>,
    pub dropped: VecDeque<DroppedLink>,
    pub secrets: Secrets,
    /// The strangers in the rooms.
    pub visitors: Vec<Stranger>,
    pub tally: Tally,
    /// `true` if faults are injected.
    pub faults: bool,
    next_conn: u32,
    pub(super) next_id: u64,
}

impl World {
    pub fn new(seed: u64, devices: usize, faults: bool) -> Self {
        let mut rng = Rng(seed);
        let plan = if faults { Plan::hostile(&mut rng) } else { Plan::calm(&mut rng) };
        let servers = if plan.accounts { 2 } else { 1 };
        let devices = (0..devices).map(|number| device(&mut rng, &plan, number)).collect();
        let mut world = Self {
            plan,
            now: 1_000,
            servers: (0..servers).map(|number| Server::new(&format!("{seed}-{number}"))).collect(),
            devices,
            dropped: VecDeque::new(),
            secrets: Secrets::default(),
            visitors: Vec::new(),
            tally: Tally::default(),
            faults,
            next_conn: 0,
            next_id: 0,
            rng,
        };
        (0..servers).for_each(|server| world.start_server(server, false));
        world
    }

    // ---- time

    pub fn now_of(&self, device: usize) -> Clocks {
        Clocks {
            monotonic: self.now,
            unix: UNIX + i64::try_from(self.now).unwrap() + self.devices[device].skew,
        }
    }

    /// The time of the next scheduled event, at most `end`.
    fn next(&self, end: Millis) -> Millis {
        let mut next = end;
        let mut at = |time: Option<Millis>| next = next.min(time.unwrap_or(Millis::MAX));
        self.servers.iter().for_each(|server| at(server.due()));
        for device in &self.devices {
            at(device.requests.front().map(|request| request.due));
            device.accounts.iter().for_each(|account| at(account.lock.due()));
            for tab in &device.tabs {
                at(tab.due());
                if let Some(link) = &tab.link {
                    at(link.due()[0]);
                    at(link.given_up_at);
                }
            }
        }
        at(self.strangers_due());
        for link in &self.dropped {
            at(Some(link.to_server.front().map_or(link.noticed_at, |(due, _)| *due)));
        }
        next.max(self.now + 1)
    }

    /// Advances the time, with all events that are due.
    pub fn advance(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.now = self.next(end);
            self.tick();
        }
    }

    fn tick(&mut self) {
        (0..self.servers.len()).for_each(|server| self.run_server(server));
        self.run_dropped_links();
        self.run_strangers();
        for device in 0..self.devices.len() {
            self.run_storage(device);
            self.run_locks(device);
            for tab in 0..self.devices[device].tabs.len() {
                self.run_link(At { device, tab });
                self.run_tab(At { device, tab });
            }
        }
        (0..self.servers.len()).for_each(|server| self.run_timers(server));
    }

    // ---- places

    pub fn tab(&mut self, at: At) -> &mut Tab {
        &mut self.devices[at.device].tabs[at.tab]
    }

    /// All tabs that are not closed.
    pub fn open_tabs(&self) -> Vec<At> {
        let tabs = self.devices.iter().enumerate().flat_map(|(device, of)| {
            let tabs = of.tabs.iter().enumerate();
            tabs.map(move |(number, tab)| (At { device, tab: number }, tab))
        });
        tabs.filter(|(_, tab)| !matches!(tab.role, Role::Closed)).map(|(at, _)| at).collect()
    }

    /// The server of a tab's account.
    pub fn server_of(&self, at: At) -> usize {
        let device = &self.devices[at.device];
        device.accounts[device.tabs[at.tab].account].server
    }

    // ---- connections

    pub fn new_conn(&mut self) -> ConnectionId {
        self.next_conn += 1;
        ConnectionId::new(self.next_conn, self.next_conn)
    }

    /// The time at which a packet arrives that is sent now.
    pub fn arrival(&mut self) -> Millis {
        self.now + 1 + self.rng.below(40)
    }

    pub fn link(&mut self, conn: ConnectionId) -> Option<&mut Link> {
        let tabs = self.devices.iter_mut().flat_map(|device| &mut device.tabs);
        tabs.filter_map(|tab| tab.link.as_mut()).find(|link| link.conn == conn && !link.dead)
    }

    /// Opens a connection from a tab to the server of its account.
    pub fn open_link(&mut self, at: At) {
        self.drop_link(at, false);
        let server = self.server_of(at);
        let mut link = Link::new(server, self.new_conn());
        let arrival = self.arrival();
        match self.servers[server].running {
            Some(_) => link.send_to_server(arrival, Packet::Open),
            None => link.send_to_client(arrival, Packet::Close(1006)),
        }
        self.tab(at).link = Some(link);
    }

    /// A tab sends a message, which a middlebox may refuse.
    pub fn send(&mut self, at: At, bytes: Vec<u8>) {
        let arrival = self.arrival();
        let middlebox = self.devices[at.device].middlebox;
        if self.tab(at).link.as_ref().is_none_or(|link| link.cut) {
            return;
        }
        self.check_privacy(at, &bytes);
        let Some(link) = &mut self.tab(at).link else { return };
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
        self.tab(at).link.iter_mut().for_each(|link| link.conn = unused);
        self.tally.count("closed by the middlebox");
    }

    /// The tab drops its connection. Data in transit may still arrive, all of it or partially, and late.
    pub fn drop_link(&mut self, at: At, loses: bool) {
        let Some(mut link) = self.tab(at).link.take() else { return };
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

    fn run_dropped_links(&mut self) {
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

    /// Passes to the server what a tab has sent.
    fn run_link(&mut self, at: At) {
        while let Some((server, conn, packet)) = self.due_packet(at, 0) {
            if matches!(packet, Packet::Open) {
                let arrival = self.arrival();
                if let Some(link) = &mut self.tab(at).link {
                    link.send_to_client(arrival, Packet::Open);
                }
            }
            self.arrive(server, conn, packet);
        }
        let (now, arrival) = (self.now, self.arrival());
        if let Some(link) = &mut self.tab(at).link
            && link.given_up_at.take_if(|given_up_at| *given_up_at <= now).is_some()
        {
            link.send_to_client(arrival, Packet::Close(1006));
            let (server, conn) = (link.server, link.conn);
            self.arrive(server, conn, Packet::Close(1006));
        }
    }

    /// The next packet that has arrived at an end of a tab's connection: 0 is the server, 1 the tab.
    pub fn due_packet(&mut self, at: At, end: usize) -> Option<(usize, ConnectionId, Packet)> {
        let now = self.now;
        let link = self.tab(at).link.as_mut()?;
        if link.due()[end]? > now {
            return None;
        }
        let queue = if end == 0 { &mut link.to_server } else { &mut link.to_client };
        Some((link.server, link.conn, queue.pop_front()?.1))
    }
}

/// A device with its accounts. The nick is the same on all servers.
fn device(rng: &mut Rng, plan: &Plan, number: usize) -> Device {
    let nick = format!("user{number}");
    let mut accounts = vec![(0, nick.clone())];
    if plan.accounts {
        accounts.extend([(1, nick.clone()), (0, format!("other{number}"))]);
    }
    // One in eight has a browser without storage.
    let mut device = Device::new(accounts, 1 + rng.index(plan.tabs), !rng.once_in(8));
    device.middlebox = plan.middlebox.filter(|_| rng.once_in(2));
    device.refuses_locks = plan.no_locks && rng.once_in(2);
    for account in &mut device.accounts {
        // A tab that hung while its user logged out and in again takes the log of the new login for another one. A new
        // tab that can't read the device, and gets no answer, logs in to a new session beside that of the other tabs.
        let has_unknown_session = plan.tabs > 1 && (plan.bad_storage || plan.no_locks);
        account.ledger.log_may_change = plan.restores || plan.hangs || has_unknown_session;
    }
    device
}
