//! A client with a simulated clock, server and device, and a record of its output.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::{
    Clocks, Millis,
    client::{Client, Command, Event, Origin, Output, Setup, state::ClientState},
    codec::{self, Envelope, Extension},
    left_sessions::LeftSessions,
    model::{Connection, MessageId, RoomId},
    validate::nick_key,
};

use super::{
    device::Device,
    pending::{PendingMessage, PendingMessages},
    shown::Shown,
};

/// The client's nick; a server may assign another one.
pub(super) const NICK: &str = "tom";
/// The rooms.
pub(super) const ROOMS: [RoomId; 3] = [RoomId::LOBBY, RoomId([3; 16]), RoomId([9; 16])];
/// Another tab.
pub(super) const TAB: Origin = Origin(1);
/// Wall-clock time at the start, in Unix ms.
const START: i64 = 1_700_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    pub client: Client,
    /// The state of another tab.
    pub tab: ClientState,
    shown: Shown,
    pub now: Clocks,
    /// The nonce of the last ping, and the number of the last command.
    pub nonce: u64,
    pub request: u32,
    pub connection: Connection,
    /// A socket is open or being opened.
    pub open: bool,
    /// Ids of the messages sent on the current socket.
    pub sent: Vec<MessageId>,
    /// Ids of all messages of the run.
    ids: Vec<MessageId>,
    pub pending: PendingMessages,
    /// The message that the user is discarding.
    discarding: Option<MessageId>,
    /// The rooms that the user has left, or tried to.
    left: BTreeSet<RoomId>,
    /// The commands that were not answered.
    pub commands: BTreeMap<(Origin, u32), Command>,
    /// The number of the last command that was given.
    number: u32,
    pub device: Device,
    /// The device commits changes at once.
    commits_at_once: bool,
    /// The device has failed to commit at least once.
    pub lossy: bool,
    /// Outputs and events processed so far, and the limit at this point.
    processed: usize,
    limit: usize,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let device = Device::default();
        Self {
            client: new_client(seed, LeftSessions::default(), &device),
            tab: ClientState::new(nick_key),
            shown: Shown::default(),
            now: Clocks { monotonic: 1_000, unix: START },
            nonce: 0,
            request: 0,
            connection: Connection::Idle,
            open: false,
            sent: Vec::new(),
            ids: Vec::new(),
            pending: PendingMessages::default(),
            discarding: None,
            left: BTreeSet::new(),
            commands: BTreeMap::new(),
            number: 0,
            device,
            commits_at_once: true,
            lossy: false,
            processed: 0,
            limit: 0,
        }
    }

    /// Processes all outputs and events. Their number is limited to a small multiple of the input, which detects endless
    /// loops.
    pub(super) fn settle(&mut self) {
        self.limit = self.processed + self.limit + 100 + 8 * (self.ids.len() + self.commands.len());
        loop {
            if let Some(output) = self.client.poll_output() {
                self.output(output);
            } else if let Some(event) = self.client.poll_event() {
                self.event(event);
            } else if !(self.commits_at_once && self.commit_oldest()) {
                break;
            }
            self.processed += 1;
            assert!(self.processed <= self.limit, "the client does not come to rest");
        }
        self.limit = 0;
        self.shown.apply(self.client.state_mut());
        while self.tab.poll_change().is_some() {}
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Open => {
                self.open = true;
                self.sent.clear();
            }
            Output::Close(_) => self.open = false,
            Output::Send(bytes) => {
                assert!(self.open, "sent without a socket");
                for frame in codec::decode_rich(&bytes).unwrap_or_else(|error| panic!("sent: {error}")) {
                    self.sent.extend(MessageId::from_wire(&frame.id));
                    match frame.extension {
                        Some(Extension::Ping(ping)) => self.nonce = ping.nonce,
                        Some(Extension::Command(command)) => self.request = command.request,
                        _ => {}
                    }
                }
            }
            Output::Persist { ticket, changes } => self.device.request(ticket, changes),
        }
    }

    fn event(&mut self, event: Event) {
        self.tab.apply(self.now, TAB, &event);
        match event {
            Event::Connection(connection) => self.connection = connection,
            Event::Own(message) => self.pending.delivery_changed(message.id, message.delivery),
            Event::Delivery(_, id, delivery) => self.pending.delivery_changed(id, delivery),
            Event::Acknowledged { id, .. } => self.pending.acknowledged(id),
            Event::Discarded(room, id) => {
                if self.left.contains(&room) {
                    self.pending.remove(&id);
                } else {
                    assert_eq!(self.discarding, Some(id), "discarded without a request");
                    self.pending.discarded(id);
                }
            }
            Event::Answer { origin, number, result, .. } => {
                let command = self.commands.remove(&(origin, number));
                assert!(command.is_some(), "command {number} is answered twice: {result:?}");
            }
            _ => {}
        }
    }

    /// The device commits the oldest requested changes.
    fn commit_oldest(&mut self) -> bool {
        let Some((ticket, deleted)) = self.device.commit() else { return false };
        deleted.into_iter().for_each(|id| self.pending.deleted(id));
        self.client.handle_persisted(self.now, ticket);
        true
    }

    /// Changes how the device behaves: commits at once; commits nothing; commits one change; fails one change.
    pub(super) fn step_device(&mut self, mode: u8) {
        match mode % 4 {
            0 => self.commits_at_once = true,
            1 => self.commits_at_once = false,
            2 => drop(self.commit_oldest()),
            _ => {
                if let Some(ticket) = self.device.fail() {
                    self.lossy = true;
                    self.client.handle_persisted(self.now, ticket);
                }
            }
        }
    }

    /// Commits everything requested so far.
    fn commit_all(&mut self) {
        self.settle();
        while self.commit_oldest() {
            self.settle();
        }
    }

    /// Logs in, after a logout with a new client.
    pub(super) fn log_in(&mut self) {
        self.commit_all();
        if self.client.handle_connect(self.now).is_err() && self.client.is_logged_out() {
            let seed = self.ids.len() as u64;
            let left =
                std::mem::replace(&mut self.client, new_client(0, LeftSessions::default(), &self.device))
                    .into_left_sessions();
            self.client = new_client(seed, left, &self.device);
            self.device.forget_tickets();
            self.start();
        }
    }

    /// A new client, with what is on the device, connects.
    fn start(&mut self) {
        self.shown = Shown::default();
        self.tab = ClientState::new(nick_key);
        (self.open, self.connection) = (false, Connection::Idle);
        self.commands.clear();
        self.pending.retain(|id, _| self.device.has_entry(*id));
        self.pending.values_mut().for_each(|message| message.failed = None);
        assert_eq!(self.client.handle_connect(self.now), Ok(()), "a new client can't connect");
    }

    /// Logs out, which deletes everything.
    pub(super) fn log_out(&mut self) {
        self.client.handle_log_out(self.now);
        self.pending.clear();
        self.commit_all();
        self.open = false;
    }

    /// Reloads the page, whatever state it is in.
    pub(super) fn reload(&mut self) {
        self.settle();
        self.device.drop_pending();
        self.client = new_client(self.nonce, LeftSessions::default(), &self.device);
        self.start();
    }

    pub(super) fn close(&mut self, code: u16) {
        self.client.handle_closed(self.now, code);
        self.open = false;
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.pending.receive(bytes);
        self.limit = 4 * bytes.len();
        let log = self.client.state().log().to_vec();
        self.client.handle_message(self.now, bytes);
        self.check_log(&log, bytes);
    }

    /// Receives Text.
    pub(super) fn receive_text(&mut self, bytes: &[u8]) {
        self.pending.receive(bytes);
        self.limit = 4 * bytes.len();
        self.client.handle_text(self.now, bytes);
    }

    /// After a welcome of another log, nothing is known of the rooms, except what the welcome itself tells.
    fn check_log(&self, before: &[u8], bytes: &[u8]) {
        let state = self.client.state();
        if before.is_empty() || state.log() == before || has_window(bytes) {
            return;
        }
        for room in ROOMS.into_iter().filter_map(|room| state.room(room)) {
            assert_eq!((room.position(), room.held_messages()), (0, 0), "messages of another log are kept");
        }
    }

    pub(super) fn send(&mut self, choice: u8) {
        let content = ["hi", "a text that is a little longer", "exit", " "][usize::from(choice % 4)];
        let room = ROOMS[usize::from(choice / 4) % ROOMS.len()];
        let mut random = [0; 10];
        random[2..].copy_from_slice(&(self.ids.len() as u64).to_be_bytes());
        let id = MessageId::new(1, random);
        if self.client.handle_send(self.now, room, id, content).is_ok() {
            self.ids.push(id);
            let message = PendingMessage { room, content: content.into(), confirmed: false, failed: None };
            self.pending.insert(id, message);
        }
    }

    /// The id of a message of this run, or an unknown one if there is none.
    pub(super) fn message_id(&self, which: u8) -> MessageId {
        let at = usize::from(which) % self.ids.len().max(1);
        self.ids.get(at).copied().unwrap_or(MessageId([which; 16]))
    }

    pub(super) fn content(&self, id: MessageId) -> Option<String> {
        self.pending.get(&id).map(|message| message.content.clone())
    }

    /// The room of a message.
    pub(super) fn room_of(&self, id: MessageId) -> RoomId {
        self.pending.get(&id).map_or(RoomId::LOBBY, |message| message.room)
    }

    pub(super) fn discard(&mut self, which: u8) {
        let id = self.message_id(which);
        self.discarding = Some(id);
        self.client.handle_discard(self.now, self.room_of(id), id);
        self.settle();
        self.discarding = None;
    }

    /// A tab gives a command.
    pub(super) fn give(&mut self, origin: Origin, command: Command) {
        self.number += 1;
        if let Command::Leave { room, .. } = command {
            self.left.insert(room);
        }
        self.commands.insert((origin, self.number), command.clone());
        self.client.handle_command(self.now, origin, self.number, command);
    }

    /// Another tab announces an entry of the device's send queue.
    pub(super) fn adopt_from_tab(&mut self, which: u8) {
        let entries: Vec<_> = self.device.queued().cloned().collect();
        if let Some((room, message)) = entries.get(usize::from(which) % entries.len().max(1)) {
            self.client.handle_adopt(self.now, *room, message.clone());
        }
    }

    pub(super) fn set_clock(&mut self, to: u16) {
        self.now.unix = START + i64::from(to) * 40_000;
    }

    /// Advances time. Each timer runs when it is due, and must have an effect.
    pub(super) fn advance(&mut self, ms: Millis) {
        let end = self.now.monotonic + ms;
        let mut at_once = 0;
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            at_once = if at > self.now.monotonic { 0 } else { at_once + 1 };
            assert!(at_once < 10, "a timer stays due at {at}, and the time is {}", self.now.monotonic);
            self.tick(at.max(self.now.monotonic));
            let before = (self.client.poll_timeout(), self.processed);
            self.client.handle_timeout(self.now);
            self.settle();
            assert_ne!(
                (self.client.poll_timeout(), self.processed),
                before,
                "a timer that is due has no effect"
            );
        }
        self.tick(end);
    }

    fn tick(&mut self, mono: Millis) {
        self.now.unix += (mono - self.now.monotonic).cast_signed();
        self.now.monotonic = mono;
    }
}

/// A client with what the device has of the account.
fn new_client(seed: u64, left: LeftSessions, device: &Device) -> Client {
    let setup = Setup {
        seed,
        agent: "fuzz".into(),
        nick: NICK.into(),
        secret: [seed as u8; 16],
        link_code: None,
        left,
        state: ClientState::new(nick_key),
        persisted: device.persisted(),
    };
    Client::new(setup).unwrap_or_else(|status| panic!("the persisted login can't be resumed: {status}"))
}

/// Returns `true` unless the bytes are a welcome without a window.
fn has_window(bytes: &[u8]) -> bool {
    let Ok(frames) = codec::decode_rich(bytes) else { return true };
    !matches!(&*frames, [Envelope { extension: Some(Extension::Welcome(welcome)), .. }] if welcome.window.is_none())
}
