//! Pages, network and server under one clock.

use std::collections::{BTreeMap, VecDeque};

use parlour_core::{
    Millis,
    model::MessageId,
    session::{Clocks, Command, Session},
    status::Status,
};
use parlour_server::hub::{output::Output, table::ConnId};

use super::{
    device::Device,
    machine::{Disk, End, Running},
    network::{Ghost, Link, Packet, payloads},
    rng::Rng,
};

const UNIX: i64 = 1_700_000_000_000;
/// How long the server does not notice that a connection is dead, in ms.
const UNNOTICED: Millis = 45_000;
/// What may wait for a slow page, in packets: of what is said to many, and of what is said to it.
const ROOM: (usize, usize) = (40, 400);

/// How often what happened.
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
    /// Unix time on the server is so much ahead.
    pub skew: i64,
    pub disk: Disk,
    pub server: Option<Running>,
    pub back_at: Option<Millis>,
    pub devices: Vec<Device>,
    pub ghosts: VecDeque<Ghost>,
    pub tally: Tally,
    /// Faults happen.
    pub faults: bool,
    next_conn: u32,
    next_id: u64,
}

impl World {
    pub fn new(seed: u64, devices: usize, faults: bool) -> Self {
        let mut rng = Rng(seed);
        // One in eight has a browser that keeps nothing.
        let devices = (0..devices).map(|n| Device::new(n, !rng.once_in(8))).collect();
        let mut world = Self {
            now: 1_000,
            skew: 0,
            disk: Disk::new(&seed.to_string()),
            server: None,
            back_at: None,
            devices,
            ghosts: VecDeque::new(),
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

    /// The next moment at which anything happens by itself, `end` at the latest.
    fn next(&self, end: Millis) -> Millis {
        let mut next = end;
        let mut at = |time: Option<Millis>| next = next.min(time.unwrap_or(Millis::MAX));
        at(self.back_at);
        if let Some(server) = &self.server {
            at(server.hub.poll_timeout().map(|due| due + server.started));
            at(server.asked.front().map(|(due, _)| *due));
        }
        for device in &self.devices {
            at(device.session.as_ref().and_then(Session::poll_timeout));
            at(device.back_at);
            at(device.storage.waiting.front().map(|(due, ..)| *due));
            if let Some(link) = &device.link {
                link.due().into_iter().for_each(&mut at);
            }
        }
        for ghost in &self.ghosts {
            at(Some(ghost.to_server.front().map_or(ghost.gone, |(due, _)| *due)));
        }
        next.max(self.now + 1)
    }

    /// Lets time pass, and all happen that is to.
    pub fn pass(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.now = self.next(end);
            self.tick();
        }
    }

    fn tick(&mut self) {
        if self.back_at.is_some_and(|at| at <= self.now) {
            let tight = self.faults && self.rng.once_in(6);
            self.start_server(tight);
        }
        self.run_log();
        self.run_ghosts();
        for at in 0..self.devices.len() {
            self.run_device(at);
        }
        self.with_server(|server, now, unix| server.hub.handle_timeout(now, unix));
    }

    // ---- the server

    fn start_server(&mut self, tight: bool) {
        self.back_at = None;
        let seed = self.rng.next();
        self.tally.count(if tight { "starts with a full disk" } else { "starts" });
        self.server = Some(Running::start(&self.disk, self.now, self.unix(), seed, tight));
    }

    /// The server is gone; who is connected is told, unless the connection is dead.
    pub fn kill_server(&mut self, is_off_already: bool) {
        let Some(server) = self.server.take() else { return };
        if !is_off_already {
            server.kill(&mut self.disk);
        }
        self.tally.count("kills");
        self.back_at = Some(self.now + 200 + self.rng.below(8_000));
        self.ghosts.clear();
        let arrival = self.arrival();
        for link in self.devices.iter_mut().filter_map(|device| device.link.as_mut()) {
            link.to_server.clear();
            link.down(arrival, Packet::Close(1006));
        }
    }

    /// Lets the server do something, and passes on what it wants done.
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
            for (conn, needed) in std::mem::take(&mut overflowed) {
                let Some(server) = &mut self.server else { return };
                if !needed && server.hub.handle_overflow(now, conn) {
                    self.tally.count("skips");
                    continue;
                }
                server.hub.handle_disconnect(now, conn);
                self.tally.count("too slow");
                let arrival = self.arrival();
                if let Some(link) = self.link(conn) {
                    link.to_client.clear();
                    link.down(arrival, Packet::Close(Status::TooSlow.code()));
                }
            }
        }
    }

    fn output(&mut self, output: Output, overflowed: &mut Vec<(ConnId, bool)>) {
        let arrival = self.arrival();
        match output {
            Output::Send { conn, frames } | Output::Snapshot { conn, frames } => {
                if let Some(link) = self.link(conn) {
                    if link.to_client.len() >= ROOM.1 {
                        return overflowed.push((conn, true));
                    }
                    payloads(&frames).into_iter().for_each(|bytes| link.down(arrival, Packet::Bytes(bytes)));
                }
            }
            Output::Fanout { to, frames } => {
                for &conn in to.iter() {
                    let Some(link) = self.link(conn).filter(|link| !link.skipping) else { continue };
                    if link.to_client.len() >= ROOM.0 {
                        link.skipping = true;
                        overflowed.push((conn, false));
                        continue;
                    }
                    payloads(&frames).into_iter().for_each(|bytes| link.down(arrival, Packet::Bytes(bytes)));
                }
            }
            Output::Close { conn, status } => {
                if let Some(link) = self.link(conn) {
                    link.down(arrival, Packet::Close(status.code()));
                }
            }
            Output::Append(_) | Output::Read { .. } => {
                let slow = if self.faults && self.rng.once_in(40) { 2_000 } else { 15 };
                let due = self.now + 1 + self.rng.below(slow);
                let Some(server) = &mut self.server else { return };
                let due = due.max(server.asked.back().map_or(0, |(due, _)| *due));
                server.asked.push_back((due, output));
            }
            Output::Known { .. } => {}
        }
    }

    fn link(&mut self, conn: ConnId) -> Option<&mut Link> {
        let links = self.devices.iter_mut().filter_map(|device| device.link.as_mut());
        links.into_iter().find(|link| link.conn == conn && !link.dead)
    }

    fn run_log(&mut self) {
        loop {
            let now = self.now;
            let Some(server) = &mut self.server else { return };
            let Some((_, asked)) = server.asked.pop_front_if(|(due, _)| *due <= now) else { return };
            match asked {
                Output::Append(job) => {
                    let mut jobs = vec![job];
                    while let Some((_, Output::Append(job))) = server
                        .asked
                        .pop_front_if(|(due, asked)| *due <= now && matches!(asked, Output::Append(_)))
                    {
                        jobs.push(job);
                    }
                    let end = match self.rng.below(400) {
                        0 => End::KilledBefore,
                        1 | 2 => End::KilledWithin,
                        3 => End::KilledAfter,
                        4 => End::Refused,
                        5 => End::Ambiguous,
                        _ => End::Well,
                    };
                    let end = if self.faults { end } else { End::Well };
                    let result = server.append(&mut self.disk, &mut self.rng, jobs, end);
                    let Some(results) = result else {
                        self.tally.count("kills over an append");
                        return self.kill_server(true);
                    };
                    for result in results {
                        self.tally.count(if result.is_ok() { "appends" } else { "failed appends" });
                        self.with_server(|server, now, unix| server.hub.handle_appended(now, unix, result));
                    }
                }
                Output::Read { token, query } => {
                    self.tally.count("pages read");
                    let answer = server.reader.answer(&query);
                    self.with_server(|server, now, _| server.hub.handle_read(now, token, answer));
                }
                _ => unreachable!("nothing else is asked of the log"),
            }
        }
    }

    fn arrive(&mut self, conn: ConnId, packet: Packet) {
        match packet {
            Packet::Open => self.with_server(|server, now, _| server.hub.handle_connect(now, conn)),
            Packet::Bytes(bytes) => {
                self.with_server(|server, now, unix| server.hub.handle_frame(now, unix, conn, &bytes));
            }
            Packet::Close(_) => self.with_server(|server, now, _| server.hub.handle_disconnect(now, conn)),
        }
    }

    fn run_ghosts(&mut self) {
        for _ in 0..self.ghosts.len() {
            let Some(mut ghost) = self.ghosts.pop_front() else { return };
            while let Some((_, packet)) = ghost.to_server.pop_front_if(|(due, _)| *due <= self.now) {
                self.tally.count("late packets");
                self.arrive(ghost.conn, packet);
            }
            if ghost.to_server.is_empty() && ghost.gone <= self.now {
                self.arrive(ghost.conn, Packet::Close(1006));
            } else {
                self.ghosts.push_back(ghost);
            }
        }
    }

    // ---- the pages

    fn arrival(&mut self) -> Millis {
        self.now + 1 + self.rng.below(40)
    }

    fn run_device(&mut self, at: usize) {
        if std::mem::take(&mut self.devices[at].tries_again) {
            self.devices[at].back_at = Some(self.now + 2_000);
        }
        if self.devices[at].back_at.is_some_and(|time| time <= self.now) {
            self.open_page(at);
        }
        while self.devices[at].storage.waiting.front().is_some_and(|(due, ..)| *due <= self.now) {
            self.keep(at);
        }
        while let Some((conn, packet)) = self.due_packet(at, 0) {
            if matches!(packet, Packet::Open) {
                let arrival = self.arrival();
                if let Some(link) = &mut self.devices[at].link {
                    link.down(arrival, Packet::Open);
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

    /// The storage does what it was asked first, or can't.
    fn keep(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let done = match device.keeps {
            true => device.storage.make(),
            false => device.storage.waiting.pop_front().map(|(_, ticket, _)| ticket),
        };
        if let Some(ticket) = done {
            self.with_session(at, |session, now| session.handle_persisted(now, ticket));
        }
    }

    fn due_packet(&mut self, at: usize, end: usize) -> Option<(ConnId, Packet)> {
        let link = self.devices[at].link.as_mut()?;
        if link.due()[end]? > self.now {
            return None;
        }
        let queue = if end == 0 { &mut link.to_server } else { &mut link.to_client };
        Some((link.conn, queue.pop_front()?.1))
    }

    /// Opens a page on a device, on which the same person logs in, or still is.
    pub fn open_page(&mut self, at: usize) {
        // A storage reads what was written before, however slow it is.
        while !self.devices[at].storage.waiting.is_empty() {
            self.keep(at);
        }
        let seed = self.rng.next();
        let now = self.now_of(at);
        let device = &mut self.devices[at];
        device.back_at = None;
        let mut session = device.session.take().unwrap_or_else(|| Session::new(seed, "sim"));
        let nick = device.nick.clone();
        let mut random = [0; 16];
        self.rng.fill(&mut random);
        session.handle_new_secret(random);
        let login = session.handle_login(now, &nick, device.storage.kept());
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
                    let mut link = Link::new(ConnId::new(self.next_conn, self.next_conn));
                    let arrival = self.arrival();
                    match self.server {
                        Some(_) => link.up(arrival, Packet::Open),
                        None => link.down(arrival, Packet::Close(1006)),
                    }
                    self.devices[at].link = Some(link);
                }
                Command::Send(bytes) => {
                    let arrival = self.arrival();
                    if let Some(link) = &mut self.devices[at].link {
                        link.up(arrival, Packet::Bytes(bytes.to_vec()));
                    }
                }
                Command::Close(_) => self.drop_link(at, false),
                Command::Persist { ticket, changes } => {
                    let slow = if self.rng.once_in(20) { 1_500 } else { 12 };
                    let due = self.now + self.rng.below(slow);
                    let waiting = &mut self.devices[at].storage.waiting;
                    let due = due.max(waiting.back().map_or(0, |(due, ..)| *due));
                    waiting.push_back((due, ticket, changes));
                }
            }
        }
        while let Some(event) = self.devices[at].session.as_mut().and_then(Session::poll_event) {
            self.devices[at].note(event);
        }
    }

    /// The page gives its connection up. What it has sent may still arrive, some of it or all, and late.
    pub fn drop_link(&mut self, at: usize, loses: bool) {
        let Some(mut link) = self.devices[at].link.take() else { return };
        let late = if self.faults && self.rng.once_in(3) { self.rng.below(6_000) } else { 0 };
        if loses {
            let kept = self.rng.index(link.to_server.len() + 1);
            link.to_server.truncate(kept);
        }
        link.to_server.iter_mut().for_each(|(at, _)| *at += late);
        let gone = match link.dead {
            true => {
                link.to_server.clear();
                self.now + UNNOTICED
            }
            false => self.now + late + self.rng.below(60),
        };
        self.ghosts.push_back(Ghost { conn: link.conn, to_server: link.to_server, gone });
    }

    /// Somebody says something.
    pub fn talk(&mut self, at: usize) {
        self.next_id += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.next_id.to_be_bytes());
        let time = u64::try_from(self.now_of(at).unix).unwrap();
        let id = MessageId::new(time, random);
        let text = format!("message {} of {}", self.next_id, self.devices[at].nick);
        let said = self.with_session(at, |session, now| session.handle_send(now, id, &text));
        if said == Some(Ok(())) {
            self.tally.count("messages");
            self.devices[at].said.push(id);
        }
    }
}
