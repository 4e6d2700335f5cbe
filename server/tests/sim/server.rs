//! A server of the world: its machine, its clock, and the connections that it serves.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use parlour_core::{Millis, model::MessageId, status::Status};
use parlour_server::hub::{connection_table::ConnectionId, output::Output};

use super::{
    machine::{Backup, Disk, End, Running, settings},
    network::{Packet, payloads},
    stranger::Remembered,
    truth,
    witness::Witness,
    world::{UNIX, World},
};

/// The limits of a slow tab's queue, in packets: for published messages, and for others.
const QUEUE_LIMITS: (usize, usize) = (40, 400);

/// The address of the users and the witness.
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A server.
pub struct Server {
    /// Offset by which its clock is ahead.
    pub skew: i64,
    pub disk: Disk,
    pub running: Option<Running>,
    /// The time at which it is started again after a kill.
    pub restart_at: Option<Millis>,
    /// A copy of its log.
    pub backup: Option<Backup>,
    pub witness: Witness,
    pub remembered: Remembered,
}

impl Server {
    pub fn new(name: &str) -> Self {
        Self {
            skew: 0,
            disk: Disk::new(name),
            running: None,
            restart_at: None,
            backup: None,
            witness: Witness::default(),
            remembered: Remembered::default(),
        }
    }

    /// The time at which something is due next.
    pub fn due(&self) -> Option<Millis> {
        let Some(running) = &self.running else { return self.restart_at };
        let hub = running.hub.poll_timeout().map(|due| due + running.started);
        let request = running.requests.front().map(|(due, _)| *due);
        hub.into_iter().chain(request).min()
    }
}

impl World {
    pub fn unix(&self, server: usize) -> i64 {
        UNIX + i64::try_from(self.now).unwrap() + self.servers[server].skew
    }

    // ---- starting and stopping

    pub fn start_server(&mut self, server: usize, tight: bool) {
        let (seed, unix, now) = (self.rng.next(), self.unix(server), self.now);
        self.tally.count(if tight { "starts with a full disk" } else { "starts" });
        let settings = settings(&self.plan, self.devices.len());
        let this = &mut self.servers[server];
        this.restart_at = None;
        this.running = Some(Running::start(&this.disk, settings, now, unix, seed, tight));
        self.open_witness(server);
    }

    /// Kills the server; connected tabs notice, unless the connection is dead.
    pub fn kill_server(&mut self, server: usize, is_off_already: bool) {
        let restart_at = self.now + 200 + self.rng.below(8_000);
        let this = &mut self.servers[server];
        let Some(running) = this.running.take() else { return };
        if !is_off_already {
            running.kill(&mut this.disk);
        }
        this.restart_at = Some(restart_at);
        this.witness.disconnected();
        this.remembered.clear();
        self.tally.count("kills");
        self.dropped.retain(|link| link.server != server);
        let arrival = self.arrival();
        let tabs = self.devices.iter_mut().flat_map(|device| &mut device.tabs);
        for link in tabs.filter_map(|tab| tab.link.as_mut()).filter(|link| link.server == server) {
            link.to_server.clear();
            link.send_to_client(arrival, Packet::Close(1006));
        }
    }

    /// Copies the server's log, as an operator does while it runs.
    pub fn back_up(&mut self, server: usize) {
        let this = &mut self.servers[server];
        if this.running.is_some() {
            this.backup = Some(this.disk.back_up(&mut self.rng));
            self.tally.count("backups");
        }
    }

    /// Kills the server and replaces its log by the backup. The messages since then are gone, unless their
    /// senders still have them.
    pub fn restore(&mut self, server: usize) {
        let Some(backup) = self.servers[server].backup.take() else { return };
        let Some(running) = &mut self.servers[server].running else { return };
        let before = truth::read_all(&mut *running.reader);
        self.kill_server(server, false);
        let remaining: BTreeSet<MessageId> = self.servers[server].disk.restore(&backup).into_iter().collect();
        for (_, id, ..) in before.iter().filter(|(_, id, ..)| !remaining.contains(id)) {
            let accounts = self.devices.iter_mut().flat_map(|device| &mut device.accounts);
            for account in accounts.filter(|account| account.server == server) {
                if account.ledger.ids().any(|sent| sent == *id) {
                    account.ledger.forget(*id);
                }
            }
        }
        self.tally.count("restored logs");
    }

    // ---- running

    pub fn run_server(&mut self, server: usize) {
        if self.servers[server].restart_at.is_some_and(|at| at <= self.now) {
            let tight = self.faults && self.rng.once_in(6);
            self.start_server(server, tight);
        }
        self.run_log(server);
        let (now, unix) = (self.now, self.unix(server));
        if let Some(running) = self.servers[server].running.as_mut().filter(|_| self.plan.leaps) {
            running.apply_retention(now, unix);
        }
    }

    pub fn run_timers(&mut self, server: usize) {
        self.with_server(server, |running, now, unix| running.hub.handle_timeout(now, unix));
    }

    /// Calls the server and executes its outputs.
    pub fn with_server(&mut self, server: usize, act: impl FnOnce(&mut Running, Millis, i64)) {
        let unix = self.unix(server);
        let Some(running) = &mut self.servers[server].running else { return };
        let now = self.now - running.started;
        act(running, now, unix);
        let mut overflowed = Vec::new();
        while let Some(output) =
            self.servers[server].running.as_mut().and_then(|running| running.hub.poll_output())
        {
            self.output(server, output, &mut overflowed);
            for (conn, essential) in std::mem::take(&mut overflowed) {
                let Some(running) = &mut self.servers[server].running else { return };
                if !essential && running.hub.handle_overflow(now, conn) {
                    self.tally.count("skips");
                    continue;
                }
                running.hub.handle_disconnect(now, conn);
                self.tally.count("too slow");
                let arrival = self.arrival();
                if let Some(link) = self.link(conn) {
                    link.to_client.clear();
                    link.send_to_client(arrival, Packet::Close(Status::TooSlow.code()));
                }
            }
        }
    }

    fn output(&mut self, server: usize, output: Output, overflowed: &mut Vec<(ConnectionId, bool)>) {
        let arrival = self.arrival();
        match output {
            Output::Send { conn, frames } | Output::Snapshot { conn, frames } => {
                if self.servers[server].witness.conn == Some(conn) {
                    return self.servers[server].witness.receive(&frames);
                }
                self.servers[server].remembered.answered(conn, &frames);
                let Some(link) = self.link(conn) else {
                    return self.stranger_receives(server, conn, &frames);
                };
                if link.to_client.len() >= QUEUE_LIMITS.1 {
                    return overflowed.push((conn, true));
                }
                payloads(&frames)
                    .into_iter()
                    .for_each(|bytes| link.send_to_client(arrival, Packet::Bytes(bytes)));
            }
            Output::Fanout { to, frames } => {
                for &conn in to.iter() {
                    if self.servers[server].witness.conn == Some(conn) {
                        self.servers[server].witness.receive(&frames);
                    }
                    let Some(link) = self.link(conn).filter(|link| !link.skipping) else { continue };
                    if link.to_client.len() >= QUEUE_LIMITS.0 {
                        link.skipping = true;
                        overflowed.push((conn, false));
                        continue;
                    }
                    payloads(&frames)
                        .into_iter()
                        .for_each(|bytes| link.send_to_client(arrival, Packet::Bytes(bytes)));
                }
            }
            Output::Close { conn, status } => {
                let now = self.now;
                self.servers[server].remembered.lost(conn, now);
                if let Some(link) = self.link(conn) {
                    link.send_to_client(arrival, Packet::Close(status.code()));
                }
            }
            Output::Append(_) | Output::Read { .. } => {
                if let Output::Append(batch) = &output {
                    let changes = batch.proposals.iter().map(|proposal| &proposal.change);
                    self.servers[server].remembered.appended(changes);
                }
                let slow = if self.faults && self.rng.once_in(40) { 2_000 } else { 15 };
                let due = self.now + 1 + self.rng.below(slow);
                let Some(running) = &mut self.servers[server].running else { return };
                let due = due.max(running.requests.back().map_or(0, |(due, _)| *due));
                running.requests.push_back((due, output));
            }
            Output::CancelRead { token } => {
                let Some(running) = &mut self.servers[server].running else { return };
                let is_it =
                    |request: &Output| matches!(request, Output::Read { token: read, .. } if *read == token);
                running.requests.retain(|(_, request)| !is_it(request));
            }
            Output::Identified { .. } => {}
        }
    }

    fn run_log(&mut self, server: usize) {
        loop {
            let now = self.now;
            let this = &mut self.servers[server];
            let Some(running) = &mut this.running else { return };
            let Some((_, request)) = running.requests.pop_front_if(|(due, _)| *due <= now) else { return };
            match request {
                Output::Append(batch) => {
                    let mut batches = vec![batch];
                    while let Some((_, Output::Append(batch))) = running
                        .requests
                        .pop_front_if(|(due, request)| *due <= now && matches!(request, Output::Append(_)))
                    {
                        batches.push(batch);
                    }
                    let end = match self.rng.below(400) {
                        0 => End::KilledBefore,
                        1 | 2 => End::KilledWithin,
                        3 => End::KilledAfter,
                        4 => End::Refused,
                        5 => End::Ambiguous,
                        _ => End::Success,
                    };
                    let end = if self.faults { end } else { End::Success };
                    let result = running.append(&mut this.disk, &mut self.rng, batches, end);
                    let Some(results) = result else {
                        self.tally.count("kills during an append");
                        return self.kill_server(server, true);
                    };
                    for result in results {
                        self.tally.count(if result.is_ok() { "appends" } else { "failed appends" });
                        self.with_server(server, |running, now, unix| {
                            running.hub.handle_appended(now, unix, result);
                        });
                    }
                }
                Output::Read { token, query } => {
                    self.tally.count("queries");
                    let answer = running.reader.execute(&query);
                    self.with_server(server, |running, now, _| running.hub.handle_read(now, token, answer));
                }
                _ => unreachable!("not a request to the log"),
            }
        }
    }

    /// A packet arrives at the server.
    pub fn arrive(&mut self, server: usize, conn: ConnectionId, packet: Packet) {
        self.arrive_from(server, conn, HOME, packet);
    }

    /// A packet arrives at the server from an address; see [`Self::arrive`].
    pub fn arrive_from(&mut self, server: usize, conn: ConnectionId, address: IpAddr, packet: Packet) {
        if let Packet::Close(_) = packet {
            let now = self.now;
            self.servers[server].remembered.lost(conn, now);
        }
        self.with_server(server, |running, now, unix| match packet {
            Packet::Open => running.hub.handle_connect(now, conn, address),
            Packet::Bytes(bytes) => running.hub.handle_frame(now, unix, conn, &bytes),
            Packet::Close(_) => running.hub.handle_disconnect(now, conn),
        });
    }

    /// The witness logs in.
    fn open_witness(&mut self, server: usize) {
        let conn = self.new_conn();
        self.servers[server].witness.conn = Some(conn);
        self.arrive(server, conn, Packet::Open);
        self.arrive(server, conn, Packet::Bytes(Witness::login()));
    }
}
