//! What is said: checked, given its place, acknowledged, delivered.

use parlour_core::{
    Millis,
    codec::{self, Envelope},
    model::MessageId,
    status::Status,
    validate,
};

use super::{
    Hub,
    appends::{REST, Waiting},
    room::{Group, LIST_NAMES},
    table::ConnId,
};
use crate::{
    hub::tail,
    log::{Appended, Entry, LogError, Stored},
};

impl Hub {
    /// A message, or what a basic peer typed as a command.
    pub(super) fn talk(&mut self, conn: ConnId, frame: Envelope) {
        let Some(peer) = self.conns.get(conn).and_then(|c| c.peer.as_ref()) else { return };
        let basic = peer.group == Group::Basic;
        let (nick, key) = (peer.nick.clone(), peer.key.clone());
        if frame.content.is_empty() && (basic || frame.id.is_empty()) {
            // A basic peer's greeting, or a frame whose meaning is in a field this server does not know.
            self.counters.ignored += 1;
            // Reading it costs all the same: it must not be the one frame without a limit.
            self.control(conn, &frame);
            return;
        }
        if basic && matches!(frame.content.trim(), codec::EXIT | codec::USERLIST) {
            return self.typed_command(conn, frame);
        }
        let given = MessageId::from_wire(&frame.id);
        let Some(id) = (if basic { Some(self.new_id()) } else { given }) else {
            return self.refuse(conn, Status::BadMessageId, None, 0, None);
        };
        let told = (!basic).then_some(id);
        // As it was written at the login, whatever white space is in it.
        let same = |name: &str| {
            validate::nick(name, &self.settings.limits).is_ok_and(|name| validate::nick_key(&name) == *key)
        };
        if !frame.user_name.is_empty() && !same(&frame.user_name) {
            return self.refuse(conn, Status::NotLoggedIn, told, 0, None);
        }
        if !frame.room.is_empty() {
            return self.refuse(conn, Status::NoSuchRoom, told, 0, None);
        }
        let content = match validate::content(&frame.content, &self.settings.limits) {
            Ok(content) => content,
            Err(status) => return self.refuse(conn, status, told, 0, None),
        };
        let now = self.now;
        if let Some(Err(wait)) = self.conns.get_mut(conn).map(|c| c.take_talk(now, told)) {
            self.note_hold(conn, told);
            return self.refuse(conn, Status::RateLimited, told, wait, None);
        }
        if let Some(wait) = self.appends.wait(now) {
            if let (Some(c), Some(id)) = (self.conns.get_mut(conn), told) {
                c.hold.refuse(now, id, wait);
            }
            self.note_hold(conn, told);
            return self.not_logged(conn, id, wait);
        }
        if let Some(c) = self.conns.get_mut(conn) {
            c.appending += 1;
        }
        let entry =
            Entry { id, room: frame.room.as_str().into(), nick, content: content.into(), time: self.unix_ms };
        self.appends.push(Waiting { conn, entry });
    }

    /// The log has answered the oldest batch: what it has is acknowledged and said, in its order.
    pub fn handle_appended(&mut self, now: Millis, unix_ms: i64, result: Result<Vec<Appended>, LogError>) {
        self.now = now;
        self.unix_ms = unix_ms;
        let Some((generation, batch)) = self.appends.answered() else { return };
        for waiting in &batch {
            if let Some(c) = self.conns.get_mut(waiting.conn) {
                c.appending = c.appending.saturating_sub(1);
            }
        }
        match result {
            Ok(outcomes) => {
                for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                    self.appended(waiting, outcome);
                }
            }
            Err(_) => {
                self.appends.failed(now, generation);
                for Waiting { conn, entry } in batch {
                    if let Some(c) = self.conns.get_mut(conn) {
                        if !c.is_basic() {
                            c.hold.failed(now, generation, entry.id, REST);
                            self.note_hold(conn, Some(entry.id));
                        }
                        self.not_logged(conn, entry.id, REST);
                    }
                }
            }
        }
        while let Some(departure) = self.appends.departed() {
            // Who is back by now was never said to have left.
            if self.names.holder(&departure.key).is_none_or(|holder| holder.conn.is_none()) {
                self.departed(&departure.nick);
            }
        }
    }

    fn appended(&mut self, Waiting { conn, entry }: Waiting, outcome: Appended) {
        let place = match outcome {
            Appended::New(place) => {
                let (nick, content) = (entry.nick.to_string(), entry.content.to_string());
                self.say(&Stored { place, id: entry.id, nick, content });
                place
            }
            Appended::Known(place) => place,
            Appended::Other => {
                return self.refuse(conn, Status::MessageIdReused, Some(entry.id), 0, None);
            }
        };
        if self.conns.get(conn).is_some_and(|c| !c.is_basic()) {
            self.lobby.ack(conn, entry.id, place);
        }
    }

    /// Says what the log has, in its order.
    pub(super) fn say(&mut self, message: &Stored) {
        if self.lobby.is_untold(&message.nick) {
            // Nobody speaks before they came.
            self.lobby.tell_changes(self.now, self.unix_ms, &mut self.out);
        }
        // However it got into the log: nobody waits for it any more.
        if !self.holds.is_empty()
            && let Some(conn) = self.holds.remove(&message.id)
            && let Some(c) = self.conns.get_mut(conn)
        {
            c.hold.release(message.id);
        }
        self.lobby.say(message.place.seq, tail::encode(message));
        self.counters.accepted += 1;
    }

    /// Remembers where a message is waited for.
    fn note_hold(&mut self, conn: ConnId, id: Option<MessageId>) {
        if let Some(id) = id {
            self.holds.insert(id, conn);
        }
    }

    /// Says that a message can't be stored now. Not the sender's fault, so it is not counted against them.
    fn not_logged(&mut self, conn: ConnId, id: MessageId, wait: Millis) {
        self.counters.refused += 1;
        let Some(basic) = self.conns.get(conn).map(|c| c.is_basic()) else { return };
        self.send_refusal(conn, basic, Status::LogUnavailable, Some(id), wait, None);
    }

    /// A basic user's bare word.
    fn typed_command(&mut self, conn: ConnId, frame: Envelope) {
        if !self.control(conn, &frame) {
            return;
        }
        if frame.content.trim() == codec::EXIT {
            self.leave(conn);
        } else {
            self.userlist(conn);
        }
    }

    /// Answers the question who is there: to the asker, in words and as a map.
    pub(super) fn userlist(&mut self, conn: ConnId) {
        let now = self.now;
        if let Some(Err(wait)) = self.conns.get_mut(conn).map(|c| c.lists.take(now)) {
            return self.refuse(conn, Status::RateLimited, None, wait, None);
        }
        let Some(peer) = self.conns.get(conn).and_then(|c| c.peer.as_ref()) else { return };
        let mut answer = codec::user_list_request(&peer.nick);
        for nick in self.names.members().take(LIST_NAMES) {
            answer.content.push_str(nick);
            answer.content.push(',');
        }
        answer.user_list = super::room::list(&self.names);
        self.lobby.flush_talk(&mut self.out);
        self.out.send(conn, &answer);
    }

    /// An id for a message that came without.
    fn new_id(&mut self) -> MessageId {
        let mut random = [0; 10];
        (self.random)(&mut random);
        MessageId::new(u64::try_from(self.unix_ms).unwrap_or(0), random)
    }
}
