//! The connection of the model server: logins, subscriptions, pages, commands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::server::{Item, ME, Server, person};
use crate::{
    client::cursor::Cursor,
    codec::{self, Extension},
    model::{MessageId, RoomId},
    room_rows,
    wire::{self, server_event::Body},
};

/// The number of messages on a page.
const PAGE: u64 = 10;
/// A resume with more events than this is a reset.
const MAX_REPLAY: usize = 60;

impl Server {
    pub fn disconnect(&mut self) {
        self.is_connected = false;
        self.subscribed.clear();
        self.told.clear();
        self.slow_pages.clear();
        self.out.clear();
    }

    /// Logs in. `known` is the log and the version that the client has.
    pub fn log_in(&mut self, known: (&[u8], u64)) {
        self.disconnect();
        self.is_connected = true;
        let version = if known.0 == self.log { known.1 } else { 0 };
        let is_full = version == 0;
        let rows = self
            .rooms
            .iter()
            .filter(|room| if is_full { room.role != wire::Role::None } else { room.changed >= version });
        let rows: Vec<_> = rows.map(|room| room.row(&self.people)).collect();
        self.told = self.rooms.iter().map(|room| (room.id, room.head())).collect();
        let nick = self.people[&ME].clone();
        let first = wire::AccountRows {
            rows: room_rows::pack(rows.iter().take(1).cloned()),
            more: true,
            ..Default::default()
        };
        let welcome = wire::Welcome {
            account: ME.0.to_vec(),
            nick,
            log: self.log.clone(),
            rows: Some(first),
            ..wire::Welcome::default()
        };
        self.out.push_back(Item::Envelope(Box::new(codec::extension(Extension::Welcome(welcome)))));
        let rest = wire::AccountRows {
            rows: room_rows::pack(rows.into_iter().skip(1)),
            complete: is_full,
            version: self.gseq,
            ..wire::AccountRows::default()
        };
        self.send(Body::Rows(rest), RoomId::LOBBY);
    }

    pub fn subscribe(&mut self, room: RoomId, position: &wire::Subscribe) {
        if self.room(room).role == wire::Role::None {
            return;
        }
        self.subscribed.insert(room);
        let of = self.room(room);
        let seq = of.events.len() as u64;
        let after = position.seq as usize;
        let id_at =
            of.messages().find(|(_, seq, ..)| *seq == position.seq).map(|(_, _, id, ..)| id.0.to_vec());
        let is_other = !position.id.is_empty() && id_at.is_some_and(|id| id != position.id);
        // A message after the position was deleted.
        let is_too_old = of.messages().any(|(ord, seq, ..)| seq > position.seq && ord < of.first_ord);
        let is_too_far = seq.saturating_sub(position.seq) as usize > MAX_REPLAY;
        let is_reset = position.seq == 0 || after > of.events.len() || is_other || is_too_old || is_too_far;
        let frames = of.events.iter().enumerate().skip(if is_reset { seq as usize } else { after });
        let frames =
            frames.map(|(at, event)| codec::encode(&self.frame(room, at as u64 + 1, event)).into()).collect();
        let window = wire::RoomWindow {
            seq,
            reset: is_reset,
            behind: false,
            frames,
            page: is_reset.then(|| self.page(room, u64::MAX)),
            topic: of.topic.clone(),
            members: of.others.len() as u32,
            // Nicks that have changed since the position.
            people: self.people.keys().map(|account| person(*account, &self.people)).collect(),
        };
        let head = of.head();
        self.told.insert(room, head);
        self.answer(wire::response::Result::Window(window), room);
    }

    pub fn unsubscribe(&mut self, room: RoomId) {
        if self.subscribed.remove(&room) {
            self.out.push_back(Item::Unsubscribed(room));
        }
    }

    /// Answers a request for the page that ends before an ord.
    pub fn request_page(&mut self, room: RoomId, before: u64) {
        let page = self.page(room, before);
        self.answer(wire::response::Result::Page(page), room);
    }

    pub fn page(&self, room: RoomId, before: u64) -> wire::MessagePage {
        let of = self.room(room);
        let to = of.head().min(before.saturating_sub(1)).max(of.first_ord - 1);
        let from = to.saturating_sub(PAGE).max(of.first_ord - 1);
        let inside: Vec<_> = of.messages().filter(|(ord, ..)| from < *ord && *ord <= to).collect();
        let senders: BTreeSet<_> = inside.iter().map(|(_, _, _, sender, _)| *sender).collect();
        let senders: Vec<_> = senders.into_iter().collect();
        wire::MessagePage {
            messages: inside
                .iter()
                .map(|(ord, seq, id, sender, sent)| {
                    let (content, edited, deleted) = of.text(*ord, sent);
                    let (reactions, own) = of.wire_reactions(*ord);
                    wire::PageMessage {
                        reactions,
                        own,
                        id: id.0.to_vec(),
                        seq: *seq,
                        ord: *ord,
                        time: 60_000 * *ord as i64,
                        sender: senders.iter().position(|of| of == sender).unwrap() as u32,
                        content: content.to_owned(),
                        edited: edited.into(),
                        deleted,
                    }
                })
                .collect(),
            people: senders.iter().map(|account| person(*account, &self.people)).collect(),
            from,
            to,
            first_ord: of.first_ord,
            head_ord: of.head(),
            seq: of.events.len() as u64,
            ..wire::MessagePage::default()
        }
    }

    /// The client sends a message.
    pub fn send_message(&mut self, room: RoomId, id: MessageId, content: &str) {
        let seq = self.post(room, ME, id, content);
        if self.is_connected {
            self.out.push_back(Item::Acknowledged(room, id, seq));
        }
    }

    /// The client tells a cursor.
    pub fn read(&mut self, room: RoomId, cursor: Cursor) {
        let gseq = self.gseq;
        let of = self.room_mut(room);
        of.cursors.push(cursor);
        of.changed = gseq;
        self.out.push_back(Item::CursorAcknowledged(room, cursor));
    }

    /// The client marks everything as read.
    pub fn read_all(&mut self) {
        for at in 0..self.rooms.len() {
            let room = &self.rooms[at];
            if room.role != wire::Role::None {
                self.tell_cursor(room.id, room.cursor().advanced(room.head()));
            }
        }
        self.out.push_back(Item::AllRead);
    }

    /// The same server with another connection.
    pub fn for_another_client(&self) -> Self {
        Self {
            log: self.log.clone(),
            rooms: self.rooms.clone(),
            people: self.people.clone(),
            gseq: self.gseq,
            is_connected: false,
            subscribed: BTreeSet::new(),
            told: BTreeMap::new(),
            slow_pages: Vec::new(),
            out: VecDeque::new(),
        }
    }
}
