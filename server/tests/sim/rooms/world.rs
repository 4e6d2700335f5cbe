//! Accounts with their devices and tabs, the network and the servers on one clock.

use std::collections::{BTreeSet, VecDeque};

use parlour_core::{
    Clocks, Millis,
    model::{MessageId, UserId},
};
use parlour_server::hub::connection_table::ConnectionId;

use super::{
    device::Device,
    ledger::{Key, Ledger},
    log::Log,
    plan::Plan,
    privacy::Secrets,
    server::Server,
    tab::Tab,
};
use crate::{
    machine::UNIX,
    network::{DroppedLink, Link, Packet},
    rng::Rng,
    tally::Tally,
};

/// The number of devices of each of the first accounts.
pub const DEVICES: usize = 2;

/// An account.
pub struct User {
    number: usize,
    nicks: u64,
    /// The first nick.
    pub nick: String,
    /// Known from the first login on.
    pub account: Option<UserId>,
    /// The server of the account.
    pub server: usize,
}

impl User {
    pub fn new(number: usize, server: usize) -> Self {
        Self { number, nicks: 0, nick: format!("user{number}"), account: None, server }
    }

    /// A nick that nobody has.
    pub fn next_nick(&mut self) -> String {
        self.nicks += 1;
        format!("user{}x{}", self.number, self.nicks)
    }
}

pub struct World {
    pub rng: Rng,
    pub plan: Plan,
    pub now: Millis,
    pub servers: Vec<Server>,
    pub users: Vec<User>,
    pub devices: Vec<Device>,
    pub tabs: Vec<Tab>,
    pub dropped: VecDeque<DroppedLink>,
    pub ledger: Ledger,
    pub secrets: Secrets,
    pub tally: Tally,
    /// `true` if faults are injected.
    pub faults: bool,
    /// The ids that each account has used.
    pub used_ids: BTreeSet<(Option<UserId>, MessageId)>,
    next_conn: u32,
    numbers: u32,
}

impl World {
    pub fn new(seed: u64, faults: bool) -> Self {
        let mut rng = Rng(seed);
        let plan = if faults { Plan::hostile(&mut rng) } else { Plan::calm(&mut rng) };
        let servers = if plan.servers { 2 } else { 1 };
        let mut world = Self {
            now: 1_000,
            servers: (0..servers)
                .map(|number| Server::new(&format!("rooms-{seed}-{faults}-{number}"), plan.leaps))
                .collect(),
            users: (0..plan.users).map(|number| User::new(number, number % servers)).collect(),
            devices: Vec::new(),
            tabs: Vec::new(),
            dropped: VecDeque::new(),
            ledger: Ledger::default(),
            secrets: Secrets::default(),
            tally: Tally::default(),
            faults: false,
            used_ids: BTreeSet::new(),
            next_conn: 0,
            numbers: 0,
            plan,
            rng,
        };
        for user in 0..world.plan.users {
            for _ in 0..DEVICES {
                world.add_device(user, world.plan.tabs);
                let middlebox = world.plan.middlebox.filter(|_| world.rng.once_in(2));
                let refuses_locks = world.plan.refused_locks && world.rng.once_in(2);
                let has_storage = !world.plan.missing_storage || world.rng.once_in(2);
                let device = world.devices.iter_mut().next_back().unwrap();
                (device.middlebox, device.refuses_locks) = (middlebox, refuses_locks);
                device.has_storage = has_storage;
            }
        }
        for server in 0..servers {
            world.start_server(server, false);
            world.servers[server].peer.disconnected(0);
        }
        world
    }

    /// Adds a device of a user, whose tabs are closed.
    pub fn add_device(&mut self, user: usize, tabs: usize) {
        let (device, first) = (self.devices.len(), self.tabs.len());
        self.tabs.extend((0..tabs).map(|_| Tab::new(device, user)));
        self.devices.push(Device::new((first..first + tabs).collect()));
    }

    /// A number that is used only once.
    pub fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    // ---- time

    pub fn clocks(&self, tab: usize) -> Clocks {
        let skew = self.devices[self.tabs[tab].device].skew;
        Clocks { monotonic: self.now, unix: UNIX + i64::try_from(self.now).unwrap() + skew }
    }

    /// The time of the next scheduled event, at most `end`.
    fn next(&self, end: Millis) -> Millis {
        let devices = self.devices.iter().filter_map(Device::due);
        let tabs = self.tabs.iter().filter_map(Tab::due);
        let arriving = self
            .tabs
            .iter()
            .filter_map(|tab| tab.link.as_ref())
            .flat_map(|link| [link.due()[0], link.given_up_at].into_iter().flatten());
        let dropped =
            self.dropped.iter().map(|link| link.to_server.front().map_or(link.noticed_at, |(due, _)| *due));
        let next = devices.chain(tabs).chain(arriving).chain(dropped);
        let next = next.chain(self.servers.iter().filter_map(Server::due)).min();
        next.map_or(end, |next| next.min(end)).max(self.now + 1)
    }

    /// Advances the time, with all events that are due.
    pub fn advance(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.now = self.next(end);
            (0..self.servers.len()).for_each(|server| self.run_server(server));
            self.run_dropped_links();
            (0..self.servers.len()).for_each(|server| self.run_peer(server));
            for device in 0..self.devices.len() {
                self.run_storage(device);
                self.grant_locks(device);
            }
            for tab in 0..self.tabs.len() {
                self.run_link(tab);
                self.run_tab(tab);
            }
            (0..self.servers.len()).for_each(|server| self.run_timers(server));
        }
    }

    /// The server of a tab's account.
    pub fn server_of(&self, tab: usize) -> usize {
        self.users[self.tabs[tab].user].server
    }

    /// The log of the server of a tab's account.
    pub fn log_of(&self, tab: usize) -> &Log {
        &self.servers[self.server_of(tab)].log
    }

    /// Returns `true` if a message is in the log of a server.
    pub fn is_logged(&self, (sender, id): Key) -> bool {
        self.servers.iter().any(|server| server.log.has(sender, id))
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
        let links = self.tabs.iter_mut().filter_map(|tab| tab.link.as_mut());
        links.filter(|link| !link.dead).find(|link| link.conn == conn)
    }

    /// Opens a connection from a tab to the server of its account.
    pub fn open_link(&mut self, tab: usize) {
        self.drop_link(tab, false);
        let server = self.server_of(tab);
        let mut link = Link::new(server, self.new_conn());
        let arrival = self.arrival();
        match self.servers[server].running {
            Some(_) => link.send_to_server(arrival, Packet::Open),
            None => link.send_to_client(arrival, Packet::Close(1006)),
        }
        self.tabs[tab].socket += 1;
        self.tabs[tab].link = Some(link);
    }

    /// Passes to the server what a tab has sent.
    fn run_link(&mut self, tab: usize) {
        while let Some((server, conn, packet)) = self.due_packet(tab, 0) {
            if matches!(packet, Packet::Open) {
                let arrival = self.arrival();
                if let Some(link) = &mut self.tabs[tab].link {
                    link.send_to_client(arrival, Packet::Open);
                }
            }
            self.arrive(server, conn, packet);
        }
        let (now, arrival) = (self.now, self.arrival());
        if let Some(link) = &mut self.tabs[tab].link
            && link.given_up_at.take_if(|given_up_at| *given_up_at <= now).is_some()
        {
            link.send_to_client(arrival, Packet::Close(1006));
            let (server, conn) = (link.server, link.conn);
            self.arrive(server, conn, Packet::Close(1006));
        }
    }

    /// The next packet that has arrived at an end of a tab's connection: 0 is the server, 1 the tab.
    pub fn due_packet(&mut self, tab: usize, end: usize) -> Option<(usize, ConnectionId, Packet)> {
        let now = self.now;
        let link = self.tabs[tab].link.as_mut()?;
        if link.due()[end]? > now {
            return None;
        }
        let queue = if end == 0 { &mut link.to_server } else { &mut link.to_client };
        Some((link.server, link.conn, queue.pop_front()?.1))
    }
}
