//! Tabs, network and server on one clock.

use std::collections::{BTreeMap, VecDeque};

use parlour_core::{
    Millis,
    model::MessageId,
    session::{Clocks, Command, Session},
    status::Status,
};
use parlour_server::hub::{connection_table::ConnectionId, output::Output};

use super::{
    device::Device,
    machine::{Disk, End, Running},
    network::{DroppedLink, Link, Packet, payloads},
    rng::Rng,
};

const UNIX: i64 = 1_700_000_000_000;
/// How long the server takes to notice a dead connection, in ms.
const NOTICE_MS: Millis = 45_000;
/// The limits of a slow tab's queue, in packets: for published messages, and for others.
const QUEUE_LIMITS: (usize, usize) = (40, 400);

/// How often each event occurred.
#[derive(Debug, Default, Clone)]
pub struct Tally(pub BTreeMap<&'static str, u64>);

impl Tally {
    pub fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (what, n) in &other.0 {
            *self.0.entry(what).or_default() += n;
        }
    }
}

pub struct World {
    pub rng: Rng,
    pub now: Millis,
    /// Offset by which the server's clock is ahead.
    pub skew: i64,
    pub disk: Disk,
    pub server: Option<Running>,
    /// When the killed server is started again.
    pub restart_at: Option<Millis>,
    pub devices: Vec<Device>,
    pub dropped: VecDeque<DroppedLink>,
    pub tally: Tally,
    /// Whether faults are injected.
    pub faults: bool,
    next_conn: u32,
    next_id: u64,
}

impl World {
    pub fn new(seed: u64, devices: usize, faults: bool) -> Self {
        let mut rng = Rng(seed);
        // One in eight has a browser without storage.
        let devices = (0..devices).map(|n| Device::new(n, !rng.once_in(8))).collect();
        let mut world = Self {
            now: 1_000,
            skew: 0,
            disk: Disk::new(&seed.to_string()),
            server: None,
            restart_at: None,
            devices,
            dropped: VecDeque::new(),
            tally: Tally::default(),
            faults,
            next_conn: 0,
            next_id: 0,
            rng,
        };
        world.start_server(false);
        world
    }

    // ---- time

    pub fn unix(&self) -> i64 {
        UNIX + i64::try_from(self.now).unwrap() + self.skew
    }

    fn now_of(&self, at: usize) -> Clocks {
        Clocks { monotonic: self.now, unix: UNIX + i64::try_from(self.now).unwrap() + self.devices[at].skew }
    }

    /// The time of the next scheduled event, at most `end`.
    fn next(&self, end: Millis) -> Millis {
        let mut next = end;
        let mut at = |time: Option<Millis>| next = next.min(time.unwrap_or(Millis::MAX));
        at(self.restart_at);
        if let Some(server) = &self.server {
            at(server.hub.poll_timeout().map(|due| due + server.started));
            at(server.requests.front().map(|(due, _)| *due));
        }
        for device in &self.devices {
            at(device.session.as_ref().and_then(Session::poll_timeout));
            at(device.open_at);
            at(device.storage.requested.front().map(|(due, ..)| *due));
            if let Some(link) = &device.link {
                link.due().into_iter().for_each(&mut at);
            }
        }
        for link in &self.dropped {
            at(Some(link.to_server.front().map_or(link.noticed_at, |(due, _)| *due)));
        }
        next.max(self.now + 1)
    }

    /// Lets time pass, with all events that are due.
    pub fn advance(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.now = self.next(end);
            self.tick();
        }
    }

    fn tick(&mut self) {
        if self.restart_at.is_some_and(|at| at <= self.now) {
            let tight = self.faults && self.rng.once_in(6);
            self.start_server(tight);
        }
        self.run_log();
        self.run_dropped_links();
        for at in 0..self.devices.len() {
            self.run_device(at);
        }
        self.with_server(|server, now, unix| server.hub.handle_timeout(now, unix));
    }

    // ---- the server

    fn start_server(&mut self, tight: bool) {
        self.restart_at = None;
        let seed = self.rng.next();
        self.tally.count(if tight { "starts with a full disk" } else { "starts" });
        self.server = Some(Running::start(&self.disk, self.now, self.unix(), seed, tight));
    }

    /// Kills the server; connected tabs notice, unless the connection is dead.
    pub fn kill_server(&mut self, is_off_already: bool) {
        let Some(server) = self.server.take() else { return };
        if !is_off_already {
            server.kill(&mut self.disk);
        }
        self.tally.count("kills");
        self.restart_at = Some(self.now + 200 + self.rng.below(8_000));
        self.dropped.clear();
        let arrival = self.arrival();
        for link in self.devices.iter_mut().filter_map(|device| device.link.as_mut()) {
            link.to_server.clear();
            link.send_to_client(arrival, Packet::Close(1006));
        }
    }

    /// Calls the server and executes its outputs.
    pub fn with_server(&mut self, act: impl FnOnce(&mut Running, Millis, i64)) {
        let unix = self.unix();
        let Some(server) = &mut self.server else { return };
        let now = self.now - server.started;
        act(server, now, unix);
        let mut overflowed = Vec::new();
        while let Some(output) = self.server.as_mut().and_then(|server| server.hub.poll_output()) {
            self.output(output, &mut overflowed);
            if overflowed.is_empty() {
                continue;
            }
            for (conn, essential) in std::mem::take(&mut overflowed) {
                let Some(server) = &mut self.server else { return };
                if !essential && server.hub.handle_overflow(now, conn) {
                    self.tally.count("skips");
                    continue;
                }
                server.hub.handle_disconnect(now, conn);
                self.tally.count("too slow");
                let arrival = self.arrival();
                if let Some(link) = self.link(conn) {
                    link.to_client.clear();
                    link.send_to_client(arrival, Packet::Close(Status::TooSlow.code()));
                }
            }
        }
    }

    fn output(&mut self, output: Output, overflowed: &mut Vec<(ConnectionId, bool)>) {
        let arrival = self.arrival();
        match output {
            Output::Send { conn, frames } | Output::Snapshot { conn, frames } => {
                if let Some(link) = self.link(conn) {
                    if link.to_client.len() >= QUEUE_LIMITS.1 {
                        return overflowed.push((conn, true));
                    }
                    payloads(&frames)
                        .into_iter()
                        .for_each(|bytes| link.send_to_client(arrival, Packet::Bytes(bytes)));
                }
            }
            Output::Fanout { to, frames } => {
                for &conn in to.iter() {
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
                if let Some(link) = self.link(conn) {
                    link.send_to_client(arrival, Packet::Close(status.code()));
                }
            }
            Output::Append(_) | Output::Read { .. } => {
                let slow = if self.faults && self.rng.once_in(40) { 2_000 } else { 15 };
                let due = self.now + 1 + self.rng.below(slow);
                let Some(server) = &mut self.server else { return };
                let due = due.max(server.requests.back().map_or(0, |(due, _)| *due));
                server.requests.push_back((due, output));
            }
            Output::CancelRead { token } => {
                let Some(server) = &mut self.server else { return };
                let is_it =
                    |request: &Output| matches!(request, Output::Read { token: read, .. } if *read == token);
                server.requests.retain(|(_, request)| !is_it(request));
            }
            Output::Identified { .. } => {}
        }
    }

    fn link(&mut self, conn: ConnectionId) -> Option<&mut Link> {
        let links = self.devices.iter_mut().filter_map(|device| device.link.as_mut());
        links.into_iter().find(|link| link.conn == conn && !link.dead)
    }

    fn run_log(&mut self) {
        loop {
            let now = self.now;
            let Some(server) = &mut self.server else { return };
            let Some((_, request)) = server.requests.pop_front_if(|(due, _)| *due <= now) else { return };
            match request {
                Output::Append(batch) => {
                    let mut batches = vec![batch];
                    while let Some((_, Output::Append(batch))) = server
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
                    let result = server.append(&mut self.disk, &mut self.rng, batches, end);
                    let Some(results) = result else {
                        self.tally.count("kills during an append");
                        return self.kill_server(true);
                    };
                    for result in results {
                        self.tally.count(if result.is_ok() { "appends" } else { "failed appends" });
                        self.with_server(|server, now, unix| server.hub.handle_appended(now, unix, result));
                    }
                }
                Output::Read { token, query } => {
                    self.tally.count("queries");
                    let answer = server.reader.execute(&query);
                    self.with_server(|server, now, _| server.hub.handle_read(now, token, answer));
                }
                _ => unreachable!("not a request to the log"),
            }
        }
    }

    fn arrive(&mut self, conn: ConnectionId, packet: Packet) {
        match packet {
            Packet::Open => {
                self.with_server(|server, now, _| server.hub.handle_connect(now, conn, [10, 0, 0, 1].into()))
            }
            Packet::Bytes(bytes) => {
                self.with_server(|server, now, unix| server.hub.handle_frame(now, unix, conn, &bytes));
            }
            Packet::Close(_) => self.with_server(|server, now, _| server.hub.handle_disconnect(now, conn)),
        }
    }

    fn run_dropped_links(&mut self) {
        for _ in 0..self.dropped.len() {
            let Some(mut link) = self.dropped.pop_front() else { return };
            while let Some((_, packet)) = link.to_server.pop_front_if(|(due, _)| *due <= self.now) {
                self.tally.count("late packets");
                self.arrive(link.conn, packet);
            }
            if link.to_server.is_empty() && link.noticed_at <= self.now {
                self.arrive(link.conn, Packet::Close(1006));
            } else {
                self.dropped.push_back(link);
            }
        }
    }

    // ---- the tabs

    fn arrival(&mut self) -> Millis {
        self.now + 1 + self.rng.below(40)
    }

    fn run_device(&mut self, at: usize) {
        if std::mem::take(&mut self.devices[at].must_retry_login) {
            self.devices[at].open_at = Some(self.now + 2_000);
        }
        if self.devices[at].open_at.is_some_and(|time| time <= self.now) {
            self.open_tab(at);
        }
        while self.devices[at].storage.requested.front().is_some_and(|(due, ..)| *due <= self.now) {
            self.run_storage(at);
        }
        while let Some((conn, packet)) = self.due_packet(at, 0) {
            if matches!(packet, Packet::Open) {
                let arrival = self.arrival();
                if let Some(link) = &mut self.devices[at].link {
                    link.send_to_client(arrival, Packet::Open);
                }
            }
            self.arrive(conn, packet);
        }
        while let Some((conn, packet)) = self.due_packet(at, 1) {
            match packet {
                Packet::Open => {
                    self.with_session(at, Session::handle_opened);
                }
                Packet::Bytes(bytes) => {
                    self.with_session(at, |session, now| session.handle_message(now, &bytes));
                }
                Packet::Close(code) => {
                    self.devices[at].link = None;
                    self.with_session(at, |session, now| session.handle_closed(now, code));
                }
            }
            let drained = self.devices[at]
                .link
                .as_mut()
                .filter(|l| l.conn == conn && l.skipping && l.to_client.is_empty());
            if let Some(link) = drained {
                link.skipping = false;
                self.with_server(|server, now, _| server.hub.handle_drained(now, conn));
            }
        }
        if self.devices[at]
            .session
            .as_ref()
            .and_then(Session::poll_timeout)
            .is_some_and(|due| due <= self.now)
        {
            self.with_session(at, Session::handle_timeout);
        }
    }

    /// Executes the oldest storage request, or fails it.
    fn run_storage(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let done = match device.has_storage {
            true => device.storage.apply_next(),
            false => device.storage.requested.pop_front().map(|(_, ticket, _)| ticket),
        };
        if let Some(ticket) = done {
            self.with_session(at, |session, now| session.handle_persisted(now, ticket));
        }
    }

    fn due_packet(&mut self, at: usize, end: usize) -> Option<(ConnectionId, Packet)> {
        let link = self.devices[at].link.as_mut()?;
        if link.due()[end]? > self.now {
            return None;
        }
        let queue = if end == 0 { &mut link.to_server } else { &mut link.to_client };
        Some((link.conn, queue.pop_front()?.1))
    }

    /// Opens a tab on a device; the user logs in, or the session is resumed.
    pub fn open_tab(&mut self, at: usize) {
        // Reading the storage includes everything written before.
        while !self.devices[at].storage.requested.is_empty() {
            self.run_storage(at);
        }
        let seed = self.rng.next();
        let now = self.now_of(at);
        let device = &mut self.devices[at];
        device.open_at = None;
        let mut session = device.session.take().unwrap_or_else(|| Session::new(seed, "sim"));
        let nick = device.nick.clone();
        let mut random = [0; 16];
        self.rng.fill(&mut random);
        session.handle_new_secret(random);
        let login = session.handle_login(now, &nick, device.storage.persisted());
        device.session = Some(session);
        assert_eq!(login, Ok(()), "{nick} can't log in");
        self.drain(at);
    }

    pub fn with_session<T>(&mut self, at: usize, act: impl FnOnce(&mut Session, Clocks) -> T) -> Option<T> {
        let now = self.now_of(at);
        let out = act(self.devices[at].session.as_mut()?, now);
        self.drain(at);
        Some(out)
    }

    fn drain(&mut self, at: usize) {
        while let Some(command) = self.devices[at].session.as_mut().and_then(Session::poll_command) {
            match command {
                Command::Open => {
                    self.drop_link(at, false);
                    self.next_conn += 1;
                    let mut link = Link::new(ConnectionId::new(self.next_conn, self.next_conn));
                    let arrival = self.arrival();
                    match self.server {
                        Some(_) => link.send_to_server(arrival, Packet::Open),
                        None => link.send_to_client(arrival, Packet::Close(1006)),
                    }
                    self.devices[at].link = Some(link);
                }
                Command::Send(bytes) => {
                    let arrival = self.arrival();
                    if let Some(link) = &mut self.devices[at].link {
                        link.send_to_server(arrival, Packet::Bytes(bytes.to_vec()));
                    }
                }
                Command::Close(_) => self.drop_link(at, false),
                Command::Persist { ticket, changes } => {
                    let slow = if self.rng.once_in(20) { 1_500 } else { 12 };
                    let due = self.now + self.rng.below(slow);
                    let requested = &mut self.devices[at].storage.requested;
                    let due = due.max(requested.back().map_or(0, |(due, ..)| *due));
                    requested.push_back((due, ticket, changes));
                }
            }
        }
        while let Some(event) = self.devices[at].session.as_mut().and_then(Session::poll_event) {
            self.devices[at].handle_event(event);
        }
    }

    /// The tab drops its connection. Data in transit may still arrive, all of it or partially, and late.
    pub fn drop_link(&mut self, at: usize, loses: bool) {
        let Some(mut link) = self.devices[at].link.take() else { return };
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
        self.dropped.push_back(DroppedLink { conn: link.conn, to_server: link.to_server, noticed_at });
    }

    /// A user sends a message.
    pub fn send_message(&mut self, at: usize) {
        self.next_id += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.next_id.to_be_bytes());
        let time = u64::try_from(self.now_of(at).unix).unwrap();
        let id = MessageId::new(time, random);
        let text = format!("message {} of {}", self.next_id, self.devices[at].nick);
        let sent = self.with_session(at, |session, now| session.handle_send(now, id, &text));
        if sent == Some(Ok(())) {
            self.tally.count("messages");
            self.devices[at].sent.push(id);
        }
    }
}
