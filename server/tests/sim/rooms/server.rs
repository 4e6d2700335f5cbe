//! The server: its machine, its clock, and the connections that it serves.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use parlour_core::{Millis, limits::Limits, status::Status};
use parlour_server::hub::{Settings, connection_table::ConnectionId, output::Output};

use super::{
    log::Log,
    peer::Peer,
    plan::Plan,
    stranger::{self, Strangers},
    wire::{Frames, Wire},
    witness::Witness,
    world::World,
};
use crate::{
    machine::{Backup, Disk, End, Running, UNIX},
    network::{Packet, payloads},
};

/// The limits of a slow tab's queue, in packets: for published events, and for others.
const QUEUE_LIMITS: (usize, usize) = (60, 600);
/// The address of all users.
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
    pub peer: Peer,
    pub witness: Witness,
    pub strangers: Strangers,
    pub log: Log,
    pub wire: Wire,
    /// The ids of the logs that it has had.
    pub logs: BTreeSet<Vec<u8>>,
}

impl Server {
    pub fn new(name: &str, retention_age: Option<Duration>) -> Self {
        Self {
            skew: 0,
            disk: Disk::new(name),
            running: None,
            restart_at: None,
            backup: None,
            peer: Peer::default(),
            witness: Witness::default(),
            strangers: Strangers::default(),
            log: Log::new(retention_age),
            wire: Wire::default(),
            logs: BTreeSet::new(),
        }
    }

    /// Returns `true` if this is the connection of a basic client or of the witness, which check what they receive themselves.
    fn is_own(&self, conn: ConnectionId) -> bool {
        self.peer.conn == Some(conn) || self.witness.conn == Some(conn) || self.strangers.is_basic(conn)
    }

    /// The time at which something is due next.
    pub fn due(&self) -> Option<Millis> {
        let peer = self.peer.due().into_iter().chain(self.strangers.due()).min();
        let Some(running) = &self.running else { return self.restart_at.into_iter().chain(peer).min() };
        let hub = running.hub.poll_timeout().map(|due| due + running.started);
        let request = running.requests.front().map(|(due, _)| *due);
        hub.into_iter().chain(request).chain(peer).min()
    }
}

fn settings(plan: &Plan) -> Settings {
    let limits = Limits { messages_per_minute: 3_000, burst: 30, ..Limits::default() };
    let settings = Settings { limits, logins_per_second: 20, login_burst: 8, ..Settings::default() };
    if plan.strangers { stranger::settings(settings) } else { settings }
}

impl World {
    fn unix(&self, server: usize) -> i64 {
        UNIX + i64::try_from(self.now).unwrap() + self.servers[server].skew
    }

    // ---- starting and stopping

    pub fn start_server(&mut self, server: usize, tight: bool) {
        let (seed, now) = (self.rng.next(), self.now);
        self.tally.count(if tight { "starts with a full disk" } else { "starts" });
        let this = &mut self.servers[server];
        this.restart_at = None;
        let mut running = Running::start(&this.disk, settings(&self.plan), now, &mut this.skew, seed, tight);
        this.log.reload(&mut *running.reader, now);
        this.running = Some(running);
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
        this.wire.clear();
        this.witness.disconnected();
        this.strangers.disconnected();
        self.tally.count("kills");
        self.dropped.retain(|link| link.server != server);
        let arrival = self.arrival();
        let links = self.tabs.iter_mut().filter_map(|tab| tab.link.as_mut());
        for link in links.filter(|link| link.server == server) {
            link.to_server.clear();
            link.send_to_client(arrival, Packet::Close(1006));
        }
        self.servers[server].peer.disconnected(arrival + 3_000);
    }

    /// Copies the log, as an operator does while the server runs.
    pub fn back_up(&mut self, server: usize) {
        let this = &mut self.servers[server];
        if this.running.is_some() {
            let backup = this.disk.back_up(&mut self.rng);
            // Without another id of the log, a client notices the restored log only by the id of the message at its position,
            // which may have got there again because its sender has sent it again.
            this.backup = Some(backup).filter(|backup| !backup.is_unnoticed());
            self.tally.count("backups");
        }
    }

    /// Kills the server and replaces its log by the backup. What came since then is gone, unless its senders still have it.
    pub fn restore(&mut self, server: usize) {
        let this = &mut self.servers[server];
        if this.running.is_none() {
            return;
        }
        let Some(backup) = this.backup.take() else { return };
        let before = this.log.ids();
        self.kill_server(server, false);
        self.servers[server].disk.restore(&backup);
        // The clients keep what they have, so it counts only when the log is known.
        self.start_server(server, false);
        let remaining: BTreeSet<_> = self.servers[server].log.ids();
        for lost in before.difference(&remaining) {
            self.ledger.forget(*lost);
        }
        self.tally.count("restored logs");
    }

    /// The witness logs in.
    fn open_witness(&mut self, server: usize) {
        let conn = self.new_conn();
        self.servers[server].witness.conn = Some(conn);
        self.arrive(server, conn, Packet::Open);
        self.arrive(server, conn, Packet::Bytes(Witness::login()));
    }

    // ---- running

    pub fn run_server(&mut self, server: usize) {
        let this = &self.servers[server];
        if this.restart_at.is_some_and(|at| at <= self.now) && this.running.is_none() {
            let tight = self.faults && self.rng.once_in(6);
            self.start_server(server, tight);
        }
        self.run_log(server);
        let witness = &mut self.servers[server].witness;
        if let (Some(conn), Some(request)) = (witness.conn, witness.poll_request()) {
            self.arrive(server, conn, Packet::Bytes(request));
        }
        self.run_strangers(server);
    }

    pub fn run_timers(&mut self, server: usize) {
        self.with_server(server, |running, now, unix| running.hub.handle_timeout(now, unix));
        self.run_retention(server);
    }

    /// Deletes messages for their age, as long as there are faults.
    fn run_retention(&mut self, server: usize) {
        let (now, unix) = (self.now, self.unix(server));
        let this = &mut self.servers[server];
        let (Some(running), Some(age), true) = (&mut this.running, self.plan.leaps, self.faults) else {
            return;
        };
        if running.retain(now, unix, age) {
            let stored = |log: &Log| log.rooms.values().map(|log| log.stored().count() as u64).sum::<u64>();
            let before = stored(&this.log);
            this.log.read_new(&mut *running.reader, now);
            self.tally.add_to("messages deleted for their age", before - stored(&this.log));
        }
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
                self.servers[server].wire.ended(conn);
                let arrival = self.arrival();
                if let Some(link) = self.link(conn) {
                    link.to_client.clear();
                    link.send_to_client(arrival, Packet::Close(Status::TooSlow.code()));
                }
            }
        }
    }

    fn output(&mut self, server: usize, output: Output, overflowed: &mut Vec<(ConnectionId, bool)>) {
        match output {
            Output::Send { conn, frames } => {
                self.transmit(server, &[conn], &payloads(&frames), QUEUE_LIMITS.1, overflowed);
            }
            Output::Fanout { to, frames } => {
                self.transmit(server, &Arc::clone(&to), &payloads(&frames), QUEUE_LIMITS.0, overflowed);
            }
            Output::Close { conn, status } => {
                let arrival = self.arrival();
                let this = &mut self.servers[server];
                this.wire.ended(conn);
                this.strangers.closed(conn);
                if this.peer.conn == Some(conn) {
                    return this.peer.disconnected(arrival + 3_000);
                }
                if let Some(link) = self.link(conn) {
                    link.send_to_client(arrival, Packet::Close(status.code()));
                }
            }
            Output::Append(_) | Output::Read { .. } => {
                if let Output::Append(batch) = &output {
                    let log = &mut self.servers[server].log;
                    batch.proposals.iter().for_each(|of| log.proposed(of.sender, &of.change));
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

    /// Sends to connections, each of which has room for this many packets.
    fn transmit(
        &mut self,
        server: usize,
        to: &[ConnectionId],
        packets: &[Vec<u8>],
        limit: usize,
        overflowed: &mut Vec<(ConnectionId, bool)>,
    ) {
        let arrival = self.arrival();
        let essential = limit == QUEUE_LIMITS.1;
        let mut frames = None;
        for &conn in to {
            let this = &mut self.servers[server];
            if this.peer.conn == Some(conn) {
                this.peer.receive(packets);
                continue;
            }
            if this.witness.conn == Some(conn) {
                this.witness.receive(packets);
                continue;
            }
            this.strangers.receive(conn, packets);
            if this.strangers.is_basic(conn) {
                continue;
            }
            let frames = frames.get_or_insert_with(|| Frames::read(packets));
            this.wire.received(&this.log, self.now, conn, frames);
            let Some(link) = self.link(conn) else { continue };
            if !essential && link.skipping {
                continue;
            }
            if link.to_client.len() >= limit {
                link.skipping |= !essential;
                overflowed.push((conn, essential));
                continue;
            }
            packets.iter().for_each(|bytes| link.send_to_client(arrival, Packet::Bytes(bytes.clone())));
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
                        5 | 6 => End::Ambiguous,
                        _ => End::Success,
                    };
                    let end = if self.faults { end } else { End::Success };
                    let result = running.append(&mut this.disk, &mut self.rng, batches, end);
                    let Some(results) = result else {
                        self.tally.count("kills during an append");
                        return self.kill_server(server, true);
                    };
                    this.log.read_new(&mut *running.reader, now);
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
        let this = &mut self.servers[server];
        match &packet {
            Packet::Bytes(bytes) if !this.is_own(conn) && this.running.is_some() => {
                this.wire.sent(self.now, conn, bytes);
            }
            Packet::Close(_) => this.wire.ended(conn),
            _ => {}
        }
        let address = self.servers[server].strangers.address(conn).unwrap_or(HOME);
        self.with_server(server, |running, now, unix| match packet {
            Packet::Open => running.hub.handle_connect(now, conn, address),
            Packet::Bytes(bytes) => running.hub.handle_frame(now, unix, conn, &bytes),
            Packet::Close(_) => running.hub.handle_disconnect(now, conn),
        });
    }
}
