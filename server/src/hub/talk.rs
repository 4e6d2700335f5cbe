//! What is said: checked, given its place, acknowledged, delivered.

use parlour_core::{
    codec::{self, Frame},
    model::MessageId,
    status::Status,
    validate,
};

use super::{
    Hub,
    recent::{Accepted, Seen},
    room::{Group, LIST_NAMES},
    table::ConnId,
};

impl Hub {
    /// A message, or what a basic peer typed as a command.
    pub(super) fn talk(&mut self, conn: ConnId, frame: Frame) {
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
        match self.lobby.recent.get(id, &key, content) {
            Some(Seen::Same(accepted)) => {
                if self.control(conn, &frame) {
                    self.lobby.ack(conn, id, accepted);
                }
                return;
            }
            Some(Seen::Other) => return self.refuse(conn, Status::MessageIdReused, told, 0, None),
            None => {}
        }
        let now = self.now;
        if let Some(Err(wait)) = self.conns.get_mut(conn).map(|c| c.take_talk(now, told)) {
            return self.refuse(conn, Status::RateLimited, told, wait, None);
        }
        let accepted = Accepted { seq: self.lobby.next_seq(self.unix_ms), time: self.unix_ms };
        self.lobby.recent.insert(now, id, &key, content, accepted);
        if self.lobby.is_untold(&nick) {
            // Nobody speaks before they came.
            self.lobby.tell_changes(now, self.unix_ms, &mut self.out);
        }
        let message =
            Frame { seq: accepted.seq, time: accepted.time, ..codec::talk(&nick, "", Some(id), content) };
        self.lobby.say(codec::encode(&message));
        self.counters.accepted += 1;
        if !basic {
            self.lobby.ack(conn, id, accepted);
        }
    }

    /// A basic user's bare word.
    fn typed_command(&mut self, conn: ConnId, frame: Frame) {
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
        let mut answer = codec::userlist(&peer.nick);
        for nick in self.names.members().take(LIST_NAMES) {
            answer.content.push_str(nick);
            answer.content.push(',');
            answer.user_list.insert(nick.to_string(), nick.to_string());
        }
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
