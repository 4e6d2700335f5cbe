//! The client against a server that the test plays, step by step.

use std::collections::BTreeMap;

use super::{
    connection::{ANSWER_TIMEOUT_MS, STABLE_MS},
    cursor::Cursor,
    *,
};
use crate::{
    codec::{Extension as Ext, decode},
    model::{Connection, Delivery, MessageId, Role, RoomId},
    room_rows,
    send_queue::{QueuedMessage, Stage},
    timeline::Notice,
    validate::nick_key,
    wire::{self, client_command::Operation, response::Result as Answer, server_event::Body},
};

mod basic;
mod commands;
mod connection;
mod cursors;
mod envelopes;
mod leaving;
mod lifecycle;
mod persistence;
#[cfg(not(target_arch = "wasm32"))]
mod property;
mod rename;
mod send_queue;
#[cfg(not(target_arch = "wasm32"))]
mod server;
mod subscriptions;

use self::envelopes::*;

const ME: UserId = UserId([1; 16]);
const OTHER: UserId = UserId([2; 16]);
const ROOM: RoomId = RoomId([3; 16]);
const LOG: [u8; 16] = [4; 16];
const SECRET: [u8; 32] = [7; 32];

/// A client under its own clock, and its output.
struct Driver {
    client: Client,
    now: Clocks,
    opens: usize,
    sent: Vec<Envelope>,
    closes: Vec<Option<u16>>,
    events: Vec<Event>,
    ids: u8,
    /// The device's storage, and whether requested changes are applied to it at once.
    account: Option<AccountRecord>,
    queued: BTreeMap<(RoomId, MessageId), QueuedMessage>,
    storage_works: bool,
    /// Changes that are not applied yet.
    unapplied: Vec<(u64, Vec<Change>)>,
}

fn setup(nick: &str, secret: u8) -> Setup {
    Setup {
        seed: 42,
        agent: "test".into(),
        nick: nick.into(),
        secret: [secret; 16],
        link_code: None,
        left: LeftSessions::default(),
        state: ClientState::new(nick_key),
        persisted: Persisted::default(),
    }
}

impl Driver {
    fn with(setup: Setup) -> Self {
        let now = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };
        let mut client = Client::new(setup).unwrap();
        client.state_mut().open_room(Some(RoomId::LOBBY));
        Self {
            client,
            now,
            opens: 0,
            sent: vec![],
            closes: vec![],
            events: vec![],
            ids: 0,
            account: None,
            queued: BTreeMap::new(),
            storage_works: true,
            unapplied: vec![],
        }
    }

    fn new() -> Self {
        Self::with(setup("tom", 0))
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Open => self.opens += 1,
                Output::Send(bytes) => self.sent.extend(codec::decode_rich(&bytes).unwrap()),
                Output::Close(code) => self.closes.push(code),
                Output::Persist { ticket, changes } => {
                    self.unapplied.push((ticket, changes));
                    if self.storage_works {
                        self.apply_changes();
                    }
                }
            }
        }
        while let Some(event) = self.client.poll_event() {
            self.events.push(event);
        }
        while self.client.state_mut().poll_change().is_some() {}
    }

    fn apply_changes(&mut self) {
        for (ticket, changes) in std::mem::take(&mut self.unapplied) {
            for change in changes {
                match change {
                    Change::PutAccount(account) => self.account = Some(*account),
                    Change::PutQueued(room, message) => {
                        self.queued.insert((room, message.id), message);
                    }
                    Change::DeleteQueued(room, id) => drop(self.queued.remove(&(room, id))),
                    Change::Forget => {
                        self.account = None;
                        self.queued.clear();
                    }
                }
            }
            self.client.handle_persisted(self.now, ticket);
        }
    }

    /// The content of the storage, as a page reads it when it is loaded. Only the stages that a device can store.
    fn persisted(&self) -> Persisted {
        let stored = |message: &QueuedMessage| match message.stage {
            Stage::Failed(_) => message.clone(),
            _ => QueuedMessage { stage: Stage::Queued, ..message.clone() },
        };
        let send_queue = self.queued.iter().map(|((room, _), message)| (*room, stored(message)));
        Persisted { account: self.account.clone(), send_queue: send_queue.collect(), last_order: 0 }
    }

    /// Reloads the page: a new client with the content of the storage.
    fn reload(&mut self) {
        let persisted = self.persisted();
        let nick =
            persisted.account.as_ref().map_or("tom".into(), |account| account.identity.nick.to_string());
        self.client = Client::new(Setup { seed: 43, persisted, ..setup(&nick, 0) }).unwrap();
        self.clear();
        self.unapplied.clear();
        self.client.handle_connect(self.now).unwrap();
        self.drain();
    }

    fn pass(&mut self, ms: Millis) {
        let end = self.now.monotonic + ms;
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            let step = at.saturating_sub(self.now.monotonic);
            self.now.monotonic += step;
            self.now.unix += i64::try_from(step).unwrap();
            let before = (self.client.poll_timeout(), self.opens, self.sent.len(), self.events.len());
            self.client.handle_timeout(self.now);
            self.drain();
            assert!(
                before != (self.client.poll_timeout(), self.opens, self.sent.len(), self.events.len()),
                "a due timeout had no effect: {:?}",
                self.client
            );
        }
        self.now.unix += i64::try_from(end - self.now.monotonic).unwrap();
        self.now.monotonic = end;
    }

    fn receive(&mut self, envelope: &Envelope) {
        self.receive_bytes(&codec::encode(envelope));
    }

    fn receive_bytes(&mut self, bytes: &[u8]) {
        self.client.handle_message(self.now, bytes);
        self.drain();
    }

    fn opened(&mut self) {
        self.client.handle_opened(self.now);
        self.drain();
    }

    fn closed(&mut self, code: u16) {
        self.client.handle_closed(self.now, code);
        self.drain();
    }

    fn connect(&mut self) {
        self.client.handle_connect(self.now).unwrap();
        self.drain();
        self.opened();
    }

    fn send_to(&mut self, room: RoomId, text: &str) -> MessageId {
        self.ids += 1;
        let id = MessageId([self.ids; 16]);
        self.client.handle_send(self.now, room, id, text).unwrap();
        self.drain();
        id
    }

    fn send(&mut self, text: &str) -> MessageId {
        self.send_to(RoomId::LOBBY, text)
    }

    fn command(&mut self, number: u32, command: Command) {
        self.client.handle_command(self.now, Origin::LOCAL, number, command);
        self.drain();
    }

    /// Logged in on a server with rooms, with cleared output.
    fn online() -> Self {
        let mut driver = Self::new();
        driver.connect();
        driver.receive(&welcome("tom"));
        driver.clear();
        driver
    }

    /// Logged in on a basic server, with cleared output.
    fn basic() -> Self {
        let mut driver = Self::new();
        driver.connect();
        driver.receive(&listed("tom", "login", "", &["tom"]));
        driver.clear();
        driver
    }

    /// Reconnects at once, with success, and clears the output before the login is answered.
    fn reconnect(&mut self) {
        self.client.handle_reconnect(self.now);
        self.drain();
        self.opened();
        self.receive(&welcome("tom"));
    }

    /// Clears the output.
    fn clear(&mut self) {
        self.sent.clear();
        self.events.clear();
        self.closes.clear();
    }

    fn connection(&self) -> &Connection {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Connection(connection) => Some(connection),
            _ => None,
        });
        last.expect("no connection state was reported")
    }

    /// The login that was sent last.
    fn login(&self) -> &wire::Login {
        let last = self.sent.iter().rev().find_map(|envelope| match &envelope.extension {
            Some(Ext::Login(login)) => Some(login),
            _ => None,
        });
        last.expect("no login was sent")
    }

    fn texts(&self) -> Vec<&str> {
        let messages = self.sent.iter().filter(|envelope| codec::kind(envelope) == codec::Kind::Message);
        messages.map(|message| message.content.as_str()).collect()
    }

    /// The commands that were sent: number and operation.
    fn operations(&self) -> Vec<(u32, RoomId, Operation)> {
        let commands = self.sent.iter().filter_map(|envelope| match &envelope.extension {
            Some(Ext::Command(command)) => Some(command.clone()),
            _ => None,
        });
        commands
            .map(|command| {
                (command.request, RoomId::from_wire(&command.room).unwrap(), command.operation.unwrap())
            })
            .collect()
    }

    /// The answers to commands: number and result.
    fn answers(&self) -> Vec<(u32, Result<Reply, Status>)> {
        let answers = self.events.iter().filter_map(|event| match event {
            Event::Answer { number, result, .. } => {
                Some((*number, result.clone().map_err(|refusal| refusal.status)))
            }
            _ => None,
        });
        answers.collect()
    }

    /// Own messages as they were reported last, also the acknowledged ones.
    fn deliveries(&self) -> BTreeMap<MessageId, Delivery> {
        let mut deliveries = BTreeMap::new();
        for event in &self.events {
            match event {
                Event::Own(message) => drop(deliveries.insert(message.id, message.delivery)),
                Event::Delivery(_, id, delivery) => drop(deliveries.insert(*id, *delivery)),
                Event::Acknowledged { id, .. } => drop(deliveries.insert(*id, Delivery::Sent)),
                Event::Discarded(_, id) => drop(deliveries.remove(id)),
                _ => {}
            }
        }
        deliveries
    }
}

#[test]
fn invalid_input_from_a_server_is_ignored() {
    let mut driver = Driver::online();
    driver.receive_bytes(&[0xFF; 40]);
    assert_eq!(driver.events, [Event::Notice(Notice::UnreadableFrame)]);
    driver.clear();
    driver.receive(&Envelope { r#type: "dance".into(), ..Envelope::default() });
    driver.receive(&codec::extension(Ext::Typing(wire::Typing { typing: true })));
    driver.receive(&codec::extension(Ext::Ack(wire::Ack { accepted: vec![wire::Accepted::default()] })));
    driver.receive(&response(77, Answer::Done(wire::Done::default())));
    driver.receive(&codec::extension(Ext::Event(wire::ServerEvent { room: vec![1], body: None })));
    // A page of history (field 27) and the end of skipped messages (field 25), as servers sent them to clients without rooms.
    driver.receive_bytes(&[0xDA, 0x01, 0x02, 0x08, 0x01]);
    driver.receive_bytes(&[0xCA, 0x01, 0x02, 0x08, 0x01]);
    assert_eq!((driver.events.len(), driver.client.ignored()), (0, 8));
    driver.receive(&talk(RoomId::LOBBY, OTHER, 1, MessageId([99; 16])));
    assert!(matches!(&driver.events[..], [Event::Received(_)]));
}
