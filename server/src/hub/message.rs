//! Incoming messages: validation, append, acknowledgement, publication.

use parlour_core::{
    Millis,
    codec::{self, Envelope},
    model::MessageId,
    status::Status,
    validate,
};

use super::{
    Hub,
    append_queue::{PendingMessage, RETRY_INTERVAL_MS},
    connection_table::ConnectionId,
    room::{Group, MAX_LISTED_NICKS},
    text_rules,
};
use crate::{
    hub::recent_messages,
    store::{AppendOutcome, LogError, NewMessage, StoredMessage},
};

impl Hub {
    /// Handles a message, or a command typed by a basic client.
    pub(super) fn send_message(&mut self, conn: ConnectionId, envelope: Envelope) {
        let Some(peer) = self.connections.get(conn).and_then(|c| c.peer.as_ref()) else { return };
        let basic = peer.group == Group::Basic;
        let (nick, key) = (peer.nick.clone(), peer.key.clone());
        if envelope.content.is_empty() && (basic || envelope.id.is_empty()) {
            // A basic client's greeting, or an envelope with only fields that this version does not have.
            self.counters.ignored += 1;
            // Ignored envelopes are rate limited like control envelopes.
            self.allow_control(conn, &envelope);
            return;
        }
        if basic && matches!(envelope.content.trim(), codec::EXIT | codec::USERLIST) {
            return self.handle_typed_command(conn, envelope);
        }
        let sent_id = MessageId::from_wire(&envelope.id);
        let Some(id) = (if basic { Some(self.new_id()) } else { sent_id }) else {
            return self.refuse(conn, Status::BadMessageId, None, 0, None);
        };
        let client_id = (!basic).then_some(id);
        // The nick may differ from the login's in white space and case.
        let same = |name: &str| {
            validate::nick(name, &self.settings.limits).is_ok_and(|name| validate::nick_key(&name) == *key)
        };
        if !envelope.user_name.is_empty() && !same(&envelope.user_name) {
            return self.refuse(conn, Status::NotLoggedIn, client_id, 0, None);
        }
        if !envelope.room.is_empty() {
            return self.refuse(conn, Status::NoSuchRoom, client_id, 0, None);
        }
        let content = match text_rules::content(&envelope.content, &self.settings.limits) {
            Ok(content) => content,
            Err(status) => return self.refuse(conn, status, client_id, 0, None),
        };
        let now = self.now;
        if let Some(Err(wait)) = self.connections.get_mut(conn).map(|c| c.allow_message(now, client_id)) {
            self.note_awaited_resend(conn, client_id);
            return self.refuse(conn, Status::RateLimited, client_id, wait, None);
        }
        if let Some(wait) = self.append_queue.retry_after(now) {
            if let (Some(c), Some(id)) = (self.connections.get_mut(conn), client_id) {
                c.order.refuse(now, id, wait);
            }
            self.note_awaited_resend(conn, client_id);
            return self.refuse_unstored(conn, id, wait);
        }
        if let Some(c) = self.connections.get_mut(conn) {
            c.appending += 1;
        }
        let message = NewMessage {
            id,
            room: envelope.room.as_str().into(),
            nick,
            content: content.into(),
            time: self.unix_ms,
        };
        self.append_queue.push(PendingMessage { conn, message });
    }

    /// Handles the result of the oldest batch: acknowledges and publishes the committed messages in log
    /// order.
    pub fn handle_appended(
        &mut self,
        now: Millis,
        unix_ms: i64,
        result: Result<Vec<AppendOutcome>, LogError>,
    ) {
        self.now = now;
        self.unix_ms = unix_ms;
        let Some((generation, batch)) = self.append_queue.complete_batch() else { return };
        for pending in &batch {
            if let Some(c) = self.connections.get_mut(pending.conn) {
                c.appending = c.appending.saturating_sub(1);
            }
        }
        match result {
            Ok(outcomes) => {
                for (pending, outcome) in batch.into_iter().zip(outcomes) {
                    self.handle_outcome(pending, outcome);
                }
            }
            Err(_) => {
                self.append_queue.failed(now, generation);
                for PendingMessage { conn, message } in batch {
                    if let Some(c) = self.connections.get_mut(conn) {
                        if !c.is_basic() {
                            c.order.append_failed(now, generation, message.id, RETRY_INTERVAL_MS);
                            self.note_awaited_resend(conn, Some(message.id));
                        }
                        self.refuse_unstored(conn, message.id, RETRY_INTERVAL_MS);
                    }
                }
            }
        }
        while let Some(departure) = self.append_queue.next_departure() {
            // No departure is published if the member has rejoined in the meantime.
            if self.nicks.holder(&departure.key).is_none_or(|holder| holder.conn.is_none()) {
                self.publish_departure(&departure.nick);
            }
        }
    }

    fn handle_outcome(&mut self, PendingMessage { conn, message }: PendingMessage, outcome: AppendOutcome) {
        let stamp = match outcome {
            AppendOutcome::Appended(stamp) => {
                let (nick, content) = (message.nick.to_string(), message.content.to_string());
                self.publish(&StoredMessage { stamp, id: message.id, nick, content });
                stamp
            }
            AppendOutcome::Duplicate(stamp) => stamp,
            AppendOutcome::IdConflict => {
                return self.refuse(conn, Status::MessageIdReused, Some(message.id), 0, None);
            }
        };
        if self.connections.get(conn).is_some_and(|c| !c.is_basic()) {
            self.lobby.acknowledge(conn, message.id, stamp);
        }
    }

    /// Publishes a committed message. Called in log order.
    pub(super) fn publish(&mut self, message: &StoredMessage) {
        if self.lobby.has_pending_presence(&message.nick) {
            // A member's arrival is published before its first message.
            self.lobby.publish_presence(self.now, self.unix_ms, &mut self.out);
        }
        // The message may have been committed by an earlier attempt; its resend is not awaited any more.
        if !self.awaited_resends.is_empty()
            && let Some(conn) = self.awaited_resends.remove(&message.id)
            && let Some(c) = self.connections.get_mut(conn)
        {
            c.order.release(message.id);
        }
        self.lobby.publish(message.stamp.seq, recent_messages::encode(message));
        self.counters.accepted += 1;
    }

    /// Records that a connection has to resend a message.
    fn note_awaited_resend(&mut self, conn: ConnectionId, id: Option<MessageId>) {
        if let Some(id) = id {
            self.awaited_resends.insert(id, conn);
        }
    }

    /// Refuses a message that cannot be stored now. Does not use up the connection's refusals, because the
    /// sender is not at fault.
    fn refuse_unstored(&mut self, conn: ConnectionId, id: MessageId, wait: Millis) {
        self.counters.refused += 1;
        let Some(basic) = self.connections.get(conn).map(|c| c.is_basic()) else { return };
        self.send_refusal(conn, basic, Status::LogUnavailable, Some(id), wait, None);
    }

    /// Handles a command that a basic client typed as a message.
    fn handle_typed_command(&mut self, conn: ConnectionId, envelope: Envelope) {
        if !self.allow_control(conn, &envelope) {
            return;
        }
        if envelope.content.trim() == codec::EXIT {
            self.leave(conn);
        } else {
            self.send_user_list(conn);
        }
    }

    /// Sends the member list to a basic client, as text and as a map.
    pub(super) fn send_user_list(&mut self, conn: ConnectionId) {
        let now = self.now;
        if let Some(Err(wait)) = self.connections.get_mut(conn).map(|c| c.nick_lists.take(now)) {
            return self.refuse(conn, Status::RateLimited, None, wait, None);
        }
        let Some(peer) = self.connections.get(conn).and_then(|c| c.peer.as_ref()) else { return };
        let mut answer = codec::user_list_request(&peer.nick);
        for nick in self.nicks.members().take(MAX_LISTED_NICKS) {
            answer.content.push_str(nick);
            answer.content.push(',');
        }
        answer.user_list = super::room::list(&self.nicks);
        self.lobby.flush(&mut self.out);
        self.out.send(conn, &answer);
    }

    /// A new id for a message of a basic client.
    fn new_id(&mut self) -> MessageId {
        let mut random = [0; 10];
        (self.random)(&mut random);
        MessageId::new(u64::try_from(self.unix_ms).unwrap_or(0), random)
    }
}
