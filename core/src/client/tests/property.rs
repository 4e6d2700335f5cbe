//! Random sequences of the user's actions and the server's faults.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    server::{RESEND_TIMEOUT_MS, Server},
    *,
};

const TAB: Origin = Origin(1);
pub(super) const ROOMS: [RoomId; 3] = [RoomId::LOBBY, ROOM, RoomId([9; 16])];

/// The client, the server, and what is expected.
struct World {
    driver: Driver,
    /// The state of another tab.
    tab: ClientState,
    server: Server,
    /// The sockets that the client has opened, as far as they were handled.
    opens: usize,
    /// The messages that the user has sent and not discarded, in order.
    sent: Vec<(RoomId, MessageId)>,
    /// Those of them that have failed at least once, so their place in the room may be later.
    failed: BTreeSet<MessageId>,
    /// The acknowledgements of each message in this client.
    acknowledged: BTreeMap<MessageId, u32>,
    /// The commands given to this client, and the number of their answers.
    commands: BTreeMap<(Origin, u32), u32>,
    /// The rooms that each tab shows.
    shown: BTreeSet<(Origin, RoomId)>,
    number: u32,
    /// The number of ids of messages.
    ids: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            driver: Driver::new(),
            tab: ClientState::new(nick_key),
            server: Server { restores: true, ..Server::default() },
            opens: 0,
            sent: Vec::new(),
            failed: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            commands: BTreeMap::new(),
            shown: BTreeSet::new(),
            number: 0,
            ids: 0,
        };
        world.driver.client.handle_connect(world.driver.now).unwrap();
        world.serve(9);
        world
    }

    /// Passes the output of the client on.
    fn collect(&mut self) {
        self.driver.drain();
        if !std::mem::take(&mut self.driver.closes).is_empty() {
            self.server.disconnect();
        }
        let sent = std::mem::take(&mut self.driver.sent);
        if self.server.is_open {
            self.server.inbox.extend(sent);
        }
        for event in std::mem::take(&mut self.driver.events) {
            self.tab.apply(self.driver.now, TAB, &event);
            while self.tab.poll_change().is_some() {}
            match event {
                Event::Acknowledged { id, .. } => *self.acknowledged.entry(id).or_default() += 1,
                Event::Delivery(_, id, Delivery::Failed(_)) => drop(self.failed.insert(id)),
                Event::Discarded(_, id) => self.sent.retain(|(_, sent)| *sent != id),
                Event::Answer { origin, number, .. } => {
                    *self.commands.get_mut(&(origin, number)).unwrap() += 1;
                }
                _ => {}
            }
        }
        for count in self.acknowledged.values().chain(self.commands.values()) {
            assert!(*count <= 1, "{:?} {:?}", self.acknowledged, self.commands);
        }
    }

    /// Lets the server handle and deliver some envelopes.
    fn serve(&mut self, count: u8) {
        if self.driver.opens > self.opens {
            self.opens = self.driver.opens;
            self.server.disconnect();
            self.server.is_open = true;
            self.driver.client.handle_opened(self.driver.now);
            self.collect();
        }
        for _ in 0..count {
            self.server.now = self.driver.now.monotonic;
            self.server.step();
            if let Some(envelope) = self.server.outbox.pop_front() {
                self.driver.receive(&envelope);
            }
            self.collect();
        }
    }

    fn send(&mut self, room: RoomId) {
        // The order of the ids is not that of the messages.
        self.ids += 1;
        let id = MessageId::new(self.ids ^ 0x55, [1; 10]);
        if self.driver.client.handle_send(self.driver.now, room, id, "hi").is_ok() {
            self.sent.push((room, id));
        }
        self.collect();
    }

    fn give(&mut self, what: u8) {
        self.number += 1;
        let room = ROOMS[usize::from(what) % 3];
        let (origin, state) = match what % 2 {
            0 => (Origin::LOCAL, self.driver.client.state_mut()),
            _ => (TAB, &mut self.tab),
        };
        let command = match what % 7 {
            0 | 1 => {
                let seq = state.room(room).map_or(0, |state| state.position());
                self.shown.insert((origin, room));
                Command::Subscribe { room, position: Position { seq, id: None } }
            }
            2 => {
                state.handle_unsubscribed(room);
                self.shown.remove(&(origin, room));
                Command::Unsubscribe { room }
            }
            3 => Command::Join { room, id: MessageId::new(self.number.into(), [3; 10]) },
            4 => Command::Read { room, cursor: Cursor { version: 0, ord: u64::from(what) } },
            5 => Command::LoadPage { room, start: PageStart::Before(u64::from(what)), count: 10 },
            _ => Command::BrowseRooms { query: String::new(), after: String::new(), count: 10 },
        };
        self.commands.insert((origin, self.number), 0);
        self.driver.client.handle_command(self.driver.now, origin, self.number, command.clone());
        // A tab may repeat what was not answered.
        if self.commands[&(origin, self.number)] == 0 && what.is_multiple_of(3) {
            self.collect();
            if self.commands[&(origin, self.number)] == 0 {
                self.driver.client.handle_command(self.driver.now, origin, self.number, command);
            }
        }
        self.collect();
    }

    fn reload(&mut self) {
        self.driver.reload();
        self.tab = ClientState::new(nick_key);
        self.server.disconnect();
        self.acknowledged.clear();
        self.commands.clear();
        self.shown.clear();
        // What was not written, and not sent either, is lost with the page.
        let stored: BTreeSet<_> = self.driver.queued.keys().map(|(_, id)| *id).collect();
        let log: BTreeSet<_> = self.server.log.values().flatten().copied().collect();
        self.sent.retain(|(_, id)| stored.contains(id) || log.contains(id));
        self.collect();
    }

    fn step(&mut self, (what, n): (u8, u8)) {
        let failed = self
            .driver
            .client
            .unacknowledged()
            .into_iter()
            .find(|own| matches!(own.delivery, Delivery::Failed(_)));
        match what {
            0..=4 => self.send(ROOMS[usize::from(n) % 3]),
            5..=7 => self.give(n),
            8..=12 => self.serve(n % 8),
            13 => {
                self.server.disconnect();
                self.driver.closed(1006);
            }
            14 | 15 => self.driver.pass(Millis::from(n) * 20),
            16 => self.server.blocked = (n % 2 == 0).then_some(ROOMS[usize::from(n / 2) % 3]),
            17 => self.server.rate_limited = n % 3,
            18 => self.server.refused = n % 3,
            19 => {
                // The server sends something twice.
                if let Some(envelope) = self.server.outbox.front().cloned()
                    && !matches!(envelope.extension, Some(Ext::Welcome(_)))
                {
                    self.server.outbox.push_front(envelope);
                }
            }
            20 => self.driver.storage_works = false,
            21 => {
                self.driver.storage_works = true;
                self.driver.apply_changes();
            }
            22 => self.server.restores = n % 2 == 0,
            23 => {
                if let Some(own) = failed {
                    let client = &mut self.driver.client;
                    if n % 2 == 0 {
                        client.handle_retry(self.driver.now, own.room, own.id);
                    } else {
                        client.handle_discard(self.driver.now, own.room, own.id);
                    }
                }
            }
            _ => self.reload(),
        }
        self.collect();
    }

    /// Serves until nothing happens any more.
    fn settle(&mut self) {
        self.driver.storage_works = true;
        self.driver.apply_changes();
        (self.server.rate_limited, self.server.refused) = (0, 0);
        // A retried message may be sent before one that the server waits for, and the latter only alone.
        let steps = RESEND_TIMEOUT_MS / 500 + 120;
        for _ in 0..steps {
            self.serve(20);
            self.driver.pass(500);
            self.collect();
        }
    }

    fn check(&mut self, is_quiet: impl Fn(RoomId) -> bool) {
        let queued = self.driver.client.unacknowledged();
        for own in &queued {
            let is_failed = matches!(own.delivery, Delivery::Failed(_));
            assert!(is_failed || !is_quiet(own.room), "{own:?} was not sent");
        }
        for (room, id) in self.sent.iter().filter(|(room, _)| is_quiet(*room)) {
            let stored = self.server.log.get(room).map_or(0, |log| log.iter().filter(|of| *of == id).count());
            let is_queued = queued.iter().any(|own| own.id == *id);
            assert_eq!(stored + usize::from(is_queued), 1, "{id:?} is lost or doubled");
        }
        for (room, log) in &self.server.log {
            let has_failed = |id: &MessageId| self.failed.contains(id) || self.server.failed.contains(id);
            let is_in_order = |id: &&MessageId| !has_failed(id);
            let expected: Vec<_> =
                self.sent.iter().filter(|(of, id)| of == room && log.contains(id)).collect();
            let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).filter(is_in_order).collect();
            let found: Vec<_> = log.iter().filter(is_in_order).collect();
            let found: Vec<_> =
                found.into_iter().filter(|id| self.sent.iter().any(|(_, sent)| sent == *id)).collect();
            assert_eq!(found, expected, "the order of {room:?} has changed");
        }
        let unanswered: Vec<_> = self.commands.iter().filter(|(_, count)| **count != 1).collect();
        assert!(unanswered.is_empty(), "not answered once: {unanswered:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Each message is stored and acknowledged once, or has failed; each room keeps its order; a room that is refused does
    /// not hold up the others; each command is answered once; each tab that shows a room has all of its events.
    #[test]
    fn nothing_is_lost_or_doubled(steps in proptest::collection::vec((0u8..25, any::<u8>()), 0..120)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        let blocked = *world.server.blocked.get_or_insert(ROOM);
        world.settle();
        world.check(|room| room != blocked);
        world.server.blocked = None;
        world.settle();
        world.check(|_| true);
        for room in ROOMS {
            let seq = world.server.seq(room);
            for (origin, state) in [(Origin::LOCAL, world.driver.client.state()), (TAB, &world.tab)] {
                let is_shown = world.shown.contains(&(origin, room));
                // A subscription may have been refused.
                let shown = state.room(room).filter(|state| is_shown && state.is_subscribed());
                let position = shown.map_or(seq, |state| state.position());
                assert_eq!(position, seq, "a tab that shows {room:?} lacks events");
            }
        }
    }
}
