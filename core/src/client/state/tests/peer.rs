//! A client with its timelines, connected to the model server.

use std::collections::BTreeMap;

use super::server::{Item, ME, Server};
use crate::{
    client::{
        room::StoredRoom,
        state::{Change, ClientState},
    },
    codec::{Envelope, Extension},
    model::{Delivery, Message, MessageId, Reactions, RoomId, TextState},
    timeline::{Row, RowKind, Timeline},
    validate,
    wire::{self, response::Result as Answer, server_event::Body},
};

/// The number of rows that a timeline holds.
const ROWS: usize = 100;

pub struct Peer {
    pub state: ClientState,
    /// Another tab, which shows no room.
    pub other_tab: ClientState,
    pub timelines: BTreeMap<RoomId, Timeline>,
    /// Own messages that are not acknowledged, in their order.
    pub queue: Vec<(RoomId, MessageId, String)>,
    last_order: u64,
    /// The welcome was received, so that commands can be sent.
    is_online: bool,
}

impl Peer {
    pub fn new() -> Self {
        Self {
            state: ClientState::new(validate::nick_key),
            other_tab: ClientState::new(validate::nick_key),
            timelines: BTreeMap::new(),
            queue: Vec::new(),
            last_order: 0,
            is_online: false,
        }
    }

    pub fn connect(&mut self, server: &mut Server) {
        server.log_in((self.state.log(), self.state.account().version()));
    }

    pub fn is_online(&self) -> bool {
        self.is_online
    }

    fn welcomed(&mut self, server: &mut Server) {
        self.is_online = true;
        if let Some(room) = self.state.open() {
            self.subscribe(server, room);
        }
        for (room, id, content) in &self.queue {
            server.send_message(*room, *id, content);
        }
    }

    pub fn disconnect(&mut self, server: &mut Server) {
        server.disconnect();
        self.is_online = false;
        self.state.handle_disconnected();
        self.other_tab.handle_disconnected();
        self.drain();
    }

    /// Loads the page again, with what the device has: all rows, cursors that the server may not have, the send queue, and of
    /// each room the newest messages.
    pub fn reload(&mut self, server: &mut Server) {
        server.disconnect();
        let Some(me) = self.state.me() else { return };
        let mut new = Self::new();
        let untold: Vec<_> = self.state.account().unconfirmed_cursors().collect();
        new.state.restore(me, self.state.log(), &self.state.account_rows(), &untold);
        new.other_tab.restore(me, self.state.log(), &self.state.account_rows(), &untold);
        for (room, timeline) in &self.timelines {
            let state = self.state.room(*room).unwrap();
            let range = state.known().iter().last().filter(|range| range.to == state.head_ord());
            let sent = |row: Row| match row.kind {
                RowKind::Message { message, .. } => Some(message),
                _ => None,
            };
            let is_stored = |message: &Message| range.is_some_and(|range| range.from < message.ord);
            let messages = timeline.rows().filter_map(sent);
            let messages =
                messages.filter(|message| message.delivery == Delivery::Sent && is_stored(message));
            let stored = StoredRoom {
                position: state.position(),
                last_message: MessageId::from_wire(&state.subscription().id),
                first_ord: state.first_ord(),
                head_ord: state.head_ord(),
                topic: state.topic().clone(),
                messages: messages.collect(),
                range,
            };
            new.state.restore_room(*room, stored);
        }
        new.drain();
        for (room, id, content) in &self.queue {
            new.queue_message(*room, *id, content);
        }
        new.state.open_room(self.state.open());
        new.state.set_memory_limit(40);
        new.drain();
        *self = new;
    }

    /// Opens a room, and subscribes to it if there is a connection.
    pub fn open(&mut self, server: &mut Server, room: RoomId) {
        self.state.open_room(Some(room));
        if self.is_online && !server.is_subscribed(room) {
            self.subscribe(server, room);
        }
        self.drain();
    }

    pub fn subscribe(&mut self, server: &mut Server, room: RoomId) {
        let position = self.state.room(room).map(crate::client::room::RoomState::subscription);
        server.subscribe(room, &position.unwrap_or_default());
    }

    pub fn send(&mut self, server: &mut Server, room: RoomId, number: u64) {
        let (id, content) = (MessageId::new(number, [9; 10]), format!("own {number}"));
        self.queue_message(room, id, &content);
        if self.is_online {
            server.send_message(room, id, &content);
        }
        self.drain();
    }

    fn queue_message(&mut self, room: RoomId, id: MessageId, content: &str) {
        self.last_order += 1;
        let message = Message {
            id,
            sender: Some(ME),
            nick: self.state.people().nick(ME),
            content: content.into(),
            ord: self.last_order,
            time: 0,
            own: true,
            delivery: Delivery::Queued,
            text: TextState::Original,
            reactions: Reactions::default(),
        };
        self.state.handle_queued(room, message);
        self.queue.push((room, id, content.into()));
    }

    /// Handles what the server has sent, up to this number of items.
    pub fn deliver(&mut self, server: &mut Server, count: usize) {
        for _ in 0..count {
            let Some(item) = server.poll() else { break };
            let is_welcome = self.handle(item);
            self.drain();
            if is_welcome {
                self.welcomed(server);
            }
        }
    }

    /// Returns `true` for a welcome.
    fn handle(&mut self, item: Item) -> bool {
        match item {
            Item::Envelope(envelope) => {
                self.pass_on((*envelope).clone());
                let is_welcome = matches!(envelope.extension, Some(Extension::Welcome(_)));
                self.state.handle_envelope(*envelope, 0);
                return is_welcome;
            }
            Item::CursorAcknowledged(room, cursor) => {
                self.state.cursor_acknowledged(room, cursor, 0);
                self.other_tab.cursor_acknowledged(room, cursor, 0);
            }
            Item::AllRead => self.state.all_read_answered(true, 0),
            Item::Unsubscribed(room) => self.state.handle_unsubscribed(room),
            Item::Acknowledged(room, id, seq) => {
                self.queue.retain(|(_, of, _)| *of != id);
                self.state.handle_acknowledged(room, id, seq);
            }
        }
        false
    }

    /// Passes what the server has sent to the other tab, but not the answers to commands of the first one.
    fn pass_on(&mut self, envelope: Envelope) {
        if let Some(Extension::Event(wire::ServerEvent { room, body: Some(Body::Response(response)) })) =
            &envelope.extension
        {
            if let Some(Answer::Window(window)) = &response.result {
                self.other_tab.observe_window(RoomId::from_wire(room).unwrap(), window.clone());
            }
        } else {
            self.other_tab.handle_envelope(envelope, 0);
        }
    }

    /// Tells the server and the other tab the cursors that the server does not have.
    pub fn tell_cursors(&mut self, server: &mut Server) {
        if !self.is_online {
            return;
        }
        let cursors: Vec<_> = self.state.account().untold_cursors().collect();
        for (room, cursor) in cursors {
            self.other_tab.merge_cursor(room, cursor);
            server.read(room, cursor);
        }
    }

    /// Requests the pages of all gaps of a room until there is none.
    pub fn load_all(&mut self, server: &mut Server, room: RoomId) {
        server.request_page(room, u64::MAX);
        self.deliver(server, usize::MAX);
        for _ in 0..1000 {
            let Some(gap) = self.state.room(room).unwrap().gaps().pop() else { return };
            server.request_page(room, gap.gap.to + 1);
            self.deliver(server, usize::MAX);
        }
        panic!("gaps that can't be loaded: {:?}", self.state.room(room).unwrap().gaps());
    }

    /// Delivers everything, until client and server have nothing to tell each other.
    pub fn settle(&mut self, server: &mut Server) {
        for _ in 0..3 {
            if !server.is_connected() {
                self.connect(server);
            }
            self.deliver(server, usize::MAX);
            server.flush_activity();
            self.tell_cursors(server);
            self.deliver(server, usize::MAX);
        }
    }

    pub fn drain(&mut self) {
        while let Some(change) = self.state.poll_change() {
            match change {
                Change::Timeline(room, update) => {
                    let timeline = self.timelines.entry(room).or_insert_with(|| Timeline::new(ROWS, |_| 0));
                    timeline.apply(update);
                    let mut evicted = Vec::new();
                    while let Some(range) = timeline.poll_evicted() {
                        evicted.push(range);
                    }
                    evicted.into_iter().for_each(|range| self.state.handle_evicted(room, range));
                }
                Change::Removed(room) => drop(self.timelines.remove(&room)),
                Change::Account | Change::Room(_) | Change::Event(..) | Change::Person(_) => {}
            }
        }
    }

    /// The messages of a timeline that are acknowledged: ord, nick, content.
    pub fn shown(&self, room: RoomId) -> Vec<(u64, String, String)> {
        let sent = |row: Row| match row.kind {
            RowKind::Message { message, .. } if message.delivery == Delivery::Sent => {
                Some((message.ord, message.nick.to_string(), message.content.to_string()))
            }
            _ => None,
        };
        self.timelines.get(&room).into_iter().flat_map(Timeline::rows).filter_map(sent).collect()
    }

    /// The texts of the own messages that are shown as not acknowledged.
    pub fn unacknowledged(&self, room: RoomId) -> Vec<String> {
        let queued = |row: Row| match row.kind {
            RowKind::Message { message, .. } if message.delivery != Delivery::Sent => {
                Some(message.content.to_string())
            }
            _ => None,
        };
        self.timelines.get(&room).into_iter().flat_map(Timeline::rows).filter_map(queued).collect()
    }
}
