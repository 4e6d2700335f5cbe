//! A session with a simulated clock, server and device, and a record of its output.

use parlour_core::{
    Millis,
    codec::{self, Envelope, Extension},
    event::Event,
    model::{Connection, MessageId},
    persist::Table,
    session::{Clocks, Command, Session},
};

use super::{
    device::Device,
    pending::{PendingMessage, PendingMessages},
};

/// The client's nick; a server may assign another one.
pub(super) const NICK: &str = "tom";
/// Wall-clock time at the start, in Unix ms.
const START: i64 = 1_700_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    pub session: Session,
    pub now: Clocks,
    /// The nonce of the last ping, and the id of the last history request.
    pub nonce: u64,
    pub request: u32,
    pub connection: Connection,
    /// The session has reported a part of the server's log since it last reported that the log was replaced.
    has_history: bool,
    /// The log was replaced since the last message was received.
    replaced: bool,
    /// A socket is open or being opened.
    pub open: bool,
    /// Ids of the messages sent on the current socket.
    pub sent: Vec<MessageId>,
    /// Ids of all messages of the run.
    ids: Vec<MessageId>,
    pub pending: PendingMessages,
    /// The message that the user is discarding.
    discarding: Option<MessageId>,
    pub device: Device,
    /// The device commits changes at once.
    commits_at_once: bool,
    /// The device has failed to commit at least once.
    pub lossy: bool,
    /// Commands and events processed so far, and the limit at this point.
    processed: usize,
    limit: usize,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            session: Session::new(seed, "fuzz"),
            now: Clocks { monotonic: 1_000, unix: START },
            nonce: 0,
            request: 0,
            connection: Connection::Idle,
            has_history: false,
            replaced: false,
            open: false,
            sent: Vec::new(),
            ids: Vec::new(),
            pending: PendingMessages::default(),
            discarding: None,
            device: Device::default(),
            commits_at_once: true,
            lossy: false,
            processed: 0,
            limit: 0,
        }
    }

    /// Processes all commands and events. Their number is limited to a small multiple of the input, which detects endless
    /// loops.
    pub(super) fn settle(&mut self) {
        self.limit = self.processed + self.limit + 100 + 8 * self.pending.len();
        loop {
            if let Some(command) = self.session.poll_command() {
                self.command(command);
            } else if let Some(event) = self.session.poll_event() {
                self.event(event);
            } else if !(self.commits_at_once && self.commit_oldest()) {
                break;
            }
            self.processed += 1;
            assert!(self.processed <= self.limit, "the session does not come to rest");
        }
        self.limit = 0;
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Open => {
                self.open = true;
                self.sent.clear();
            }
            Command::Close(_) => self.open = false,
            Command::Send(bytes) => {
                assert!(self.open, "sent without a socket");
                for frame in codec::decode_rich(&bytes).unwrap_or_else(|error| panic!("sent: {error}")) {
                    self.sent.extend(MessageId::from_wire(&frame.id));
                    match frame.extension {
                        Some(Extension::Ping(ping)) => self.nonce = ping.nonce,
                        Some(Extension::HistoryRequest(request)) => self.request = request.request,
                        _ => {}
                    }
                }
            }
            Command::Persist { ticket, changes } => self.device.request(ticket, changes),
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connection(connection) => self.connection = connection,
            Event::Message(message) => self.pending.shown(&message),
            Event::HistoryPage(messages) => messages.iter().for_each(|message| self.pending.shown(message)),
            Event::Delivery(id, delivery) => self.pending.delivery_changed(id, delivery),
            Event::Discarded(id) => {
                assert_eq!(self.discarding, Some(id), "discarded without a request");
                self.pending.discarded(id);
            }
            Event::RangeLoaded(_) => self.has_history = true,
            Event::LogReplaced => (self.has_history, self.replaced) = (false, true),
            _ => {}
        }
    }

    /// The device commits the oldest requested changes.
    fn commit_oldest(&mut self) -> bool {
        let Some((ticket, deleted)) = self.device.commit() else { return false };
        deleted.into_iter().for_each(|id| self.pending.deleted(id));
        self.session.handle_persisted(self.now, ticket);
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
                    self.session.handle_persisted(self.now, ticket);
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

    pub(super) fn log_in(&mut self) {
        self.commit_all();
        let persisted = self.device.persisted();
        self.has_history = false;
        self.session.handle_new_secret([self.ids.len() as u8; 16]);
        let nick = persisted.nick().unwrap_or(NICK).to_owned();
        if self.session.handle_login(self.now, &nick, persisted).is_ok() {
            self.retain_persisted();
        }
    }

    pub(super) fn exit(&mut self) {
        self.session.handle_leave(self.now);
        self.commit_all();
        self.retain_persisted();
    }

    /// Reloads the page, whatever state it is in.
    pub(super) fn reload(&mut self) {
        self.settle();
        self.device.drop_pending();
        self.session = Session::new(self.nonce, "fuzz");
        (self.open, self.connection) = (false, Connection::Idle);
        self.log_in();
    }

    /// Retains only the messages on the device.
    fn retain_persisted(&mut self) {
        self.pending.retain(|id, _| self.device.has_entry(*id));
        self.pending.values_mut().for_each(|message| message.failed = None);
    }

    pub(super) fn close(&mut self, code: u16) {
        self.session.handle_closed(self.now, code);
        self.open = false;
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.pending.receive(bytes);
        let is_replacement = self.has_history && !self.is_online() && has_reset(bytes);
        self.limit = 4 * bytes.len();
        self.replaced = false;
        self.session.handle_message(self.now, bytes);
        if is_replacement {
            self.settle();
            assert!(self.replaced || !self.is_online(), "messages of another log are kept");
        }
    }

    fn is_online(&self) -> bool {
        matches!(self.connection, Connection::Online { .. })
    }

    pub(super) fn send(&mut self, choice: u8) {
        let content = ["hi", "a text that is a little longer", "exit", " "][usize::from(choice % 4)];
        let mut random = [0; 10];
        random[2..].copy_from_slice(&(self.ids.len() as u64).to_be_bytes());
        let id = MessageId::new(1, random);
        if self.session.handle_send(self.now, id, content).is_ok() {
            self.ids.push(id);
            self.pending
                .insert(id, PendingMessage { content: content.into(), confirmed: false, failed: None });
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

    pub(super) fn discard(&mut self, which: u8) {
        let id = self.message_id(which);
        self.discarding = Some(id);
        self.session.handle_discard(self.now, id);
        self.settle();
        self.discarding = None;
    }

    /// Another tab announces an entry of the device's send queue.
    pub(super) fn adopt_from_tab(&mut self, which: u8) {
        let entries = self.device.values(Table::SendQueue);
        if let Some(value) = entries.get(usize::from(which) % entries.len().max(1)) {
            self.session.handle_adopt(self.now, value);
        }
    }

    pub(super) fn set_clock(&mut self, to: u16) {
        self.now.unix = START + i64::from(to) * 40_000;
    }

    /// Advances time. Each timer runs when it is due, and must have an effect.
    pub(super) fn advance(&mut self, ms: Millis) {
        let end = self.now.monotonic + ms;
        let mut at_once = 0;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            at_once = if at > self.now.monotonic { 0 } else { at_once + 1 };
            assert!(at_once < 10, "a timer stays due at {at}, and the time is {}", self.now.monotonic);
            self.tick(at.max(self.now.monotonic));
            let before = (self.session.poll_timeout(), self.processed);
            self.session.handle_timeout(self.now);
            self.settle();
            assert_ne!(
                (self.session.poll_timeout(), self.processed),
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

/// Returns `true` if a welcome says that the client's messages are not in the log.
fn has_reset(bytes: &[u8]) -> bool {
    let Ok(frames) = codec::decode_rich(bytes) else { return false };
    matches!(&*frames, [Envelope { extension: Some(Extension::Welcome(welcome)), .. }]
        if welcome.positions.iter().any(|position| position.room.is_empty() && position.reset))
}
