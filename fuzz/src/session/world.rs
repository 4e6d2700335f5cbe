//! A session under a clock of the run's own, and what it did.

use parlour_core::{
    Millis,
    codec::{self, Extension},
    event::Event,
    model::{Connection, MessageId},
    persist::Table,
    session::{Clocks, Command, Session},
};

use super::{
    device::Device,
    outbox::{Outbox, Said},
};

/// Who we are; a server may have it otherwise.
pub(super) const NICK: &str = "tom";
/// When it is, at the start: Unix ms.
const START: i64 = 1_700_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    pub session: Session,
    pub now: Clocks,
    /// Of the last ping, and of the last question for a page.
    pub nonce: u64,
    pub request: u32,
    pub connection: Connection,
    /// There is a socket, or one is being opened.
    pub open: bool,
    /// The messages sent on it.
    pub sent: Vec<MessageId>,
    /// All ids there were.
    ids: Vec<MessageId>,
    pub outbox: Outbox,
    /// The message that the user wants forgotten.
    discarding: Option<MessageId>,
    pub device: Device,
    /// The device makes changes at once.
    keeps: bool,
    /// It once did not.
    pub lossy: bool,
    /// How much was done and told, in all, and how much may be by now.
    done: usize,
    most: usize,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            session: Session::new(seed, "fuzz"),
            now: Clocks { monotonic: 1_000, unix: START },
            nonce: 0,
            request: 0,
            connection: Connection::Idle,
            open: false,
            sent: Vec::new(),
            ids: Vec::new(),
            outbox: Outbox::default(),
            discarding: None,
            device: Device::default(),
            keeps: true,
            lossy: false,
            done: 0,
            most: 0,
        }
    }

    /// Does and notes everything there is to be done and told. It is no more than a small multiple of what was said and
    /// heard.
    pub(super) fn settle(&mut self) {
        self.most = self.done + self.most + 100 + 8 * self.outbox.len();
        loop {
            if let Some(command) = self.session.poll_command() {
                self.command(command);
            } else if let Some(event) = self.session.poll_event() {
                self.event(event);
            } else if !(self.keeps && self.make_changes()) {
                break;
            }
            self.done += 1;
            assert!(self.done <= self.most, "there is no end to it");
        }
        self.most = 0;
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Open => {
                self.open = true;
                self.sent.clear();
            }
            Command::Close(_) => self.open = false,
            Command::Send(bytes) => {
                assert!(self.open, "something is sent without a socket");
                for frame in codec::decode_rich(&bytes).unwrap_or_else(|error| panic!("sent: {error}")) {
                    self.sent.extend(MessageId::from_wire(&frame.id));
                    match frame.extension {
                        Some(Extension::Ping(ping)) => self.nonce = ping.nonce,
                        Some(Extension::HistoryRequest(request)) => self.request = request.request,
                        _ => {}
                    }
                }
            }
            Command::Persist { ticket, changes } => self.device.ask(ticket, changes),
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connection(connection) => self.connection = connection,
            Event::Message(message) => self.outbox.shown(&message),
            Event::HistoryPage(messages) => messages.iter().for_each(|message| self.outbox.shown(message)),
            Event::Delivery(id, delivery) => self.outbox.shown_as(id, delivery),
            Event::Discarded(id) => {
                assert_eq!(self.discarding, Some(id), "nobody wanted that");
                self.outbox.discarded(id);
            }
            _ => {}
        }
    }

    /// The device makes the oldest changes it was asked for.
    fn make_changes(&mut self) -> bool {
        let Some((ticket, deleted)) = self.device.make() else { return false };
        deleted.into_iter().for_each(|id| self.outbox.deleted(id));
        self.session.handle_persisted(self.now, ticket);
        true
    }

    /// How the device goes about its changes: at once, one now, none for now; or it fails to.
    pub(super) fn keep(&mut self, how: u8) {
        match how % 4 {
            0 => self.keeps = true,
            1 => self.keeps = false,
            2 => drop(self.make_changes()),
            _ => {
                if let Some(ticket) = self.device.fail() {
                    self.lossy = true;
                    self.session.handle_persisted(self.now, ticket);
                }
            }
        }
    }

    /// All that was asked of the device is made; what it does not have now it never will.
    fn keep_all(&mut self) {
        self.settle();
        while self.make_changes() {
            self.settle();
        }
    }

    pub(super) fn log_in(&mut self) {
        self.keep_all();
        let kept = self.device.kept();
        self.session.handle_new_secret([self.ids.len() as u8; 16]);
        let nick = kept.nick().unwrap_or(NICK).to_owned();
        if self.session.handle_login(self.now, &nick, kept).is_ok() {
            self.only_kept();
        }
    }

    pub(super) fn exit(&mut self) {
        self.session.handle_leave(self.now);
        self.keep_all();
        self.only_kept();
    }

    /// The page is loaded again, in the middle of whatever it did.
    pub(super) fn reload(&mut self) {
        self.settle();
        self.device.lose();
        self.session = Session::new(self.nonce, "fuzz");
        (self.open, self.connection) = (false, Connection::Idle);
        self.log_in();
    }

    /// What is on the device is all there is.
    fn only_kept(&mut self) {
        self.outbox.retain(|id, _| self.device.has_entry(*id));
        self.outbox.values_mut().for_each(|said| said.failed = None);
    }

    pub(super) fn close(&mut self, code: u16) {
        self.session.handle_closed(self.now, code);
        self.open = false;
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.outbox.heard(bytes);
        self.most = 4 * bytes.len();
        self.session.handle_message(self.now, bytes);
    }

    pub(super) fn talk(&mut self, what: u8) {
        let content = ["hi", "a text that is a little longer", "exit", " "][usize::from(what % 4)];
        let mut random = [0; 10];
        random[2..].copy_from_slice(&(self.ids.len() as u64).to_be_bytes());
        let id = MessageId::new(1, random);
        if self.session.handle_send(self.now, id, content).is_ok() {
            self.ids.push(id);
            self.outbox.insert(id, Said { content: content.into(), arrived: false, failed: None });
        }
    }

    /// An id that was said, if there is one.
    pub(super) fn said(&self, which: u8) -> MessageId {
        let at = usize::from(which) % self.ids.len().max(1);
        self.ids.get(at).copied().unwrap_or(MessageId([which; 16]))
    }

    pub(super) fn content(&self, id: MessageId) -> Option<String> {
        self.outbox.get(&id).map(|said| said.content.clone())
    }

    pub(super) fn discard(&mut self, which: u8) {
        let id = self.said(which);
        self.discarding = Some(id);
        self.session.handle_discard(self.now, id);
        self.settle();
        self.discarding = None;
    }

    /// Another page has said what is on the device.
    pub(super) fn adopt(&mut self, which: u8) {
        let entries = self.device.values(Table::SendQueue);
        if let Some(value) = entries.get(usize::from(which) % entries.len().max(1)) {
            self.session.handle_adopt(self.now, value);
        }
    }

    pub(super) fn set_clock(&mut self, to: u16) {
        self.now.unix = START + i64::from(to) * 40_000;
    }

    /// Lets time pass. What is due is done when it is due, and something comes of it.
    pub(super) fn pass(&mut self, ms: Millis) {
        let end = self.now.monotonic + ms;
        let mut at_once = 0;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            at_once = if at > self.now.monotonic { 0 } else { at_once + 1 };
            assert!(at_once < 10, "due at {at} for ever, while it is {}", self.now.monotonic);
            self.tick(at.max(self.now.monotonic));
            let before = (self.session.poll_timeout(), self.done);
            self.session.handle_timeout(self.now);
            self.settle();
            assert_ne!((self.session.poll_timeout(), self.done), before, "what is due does nothing");
        }
        self.tick(end);
    }

    fn tick(&mut self, mono: Millis) {
        self.now.unix += (mono - self.now.monotonic).cast_signed();
        self.now.monotonic = mono;
    }
}
