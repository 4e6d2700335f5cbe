//! Incoming messages: validation, append, acknowledgement, publication.

use parlour_core::{Millis, codec, model::MessageId, request::Request, status::Status, validate};

use super::{
    Hub,
    append_queue::{PendingMessage, RETRY_INTERVAL_MS},
    connection_table::ConnectionId,
    room::{Group, MAX_LISTED_NICKS},
};
use crate::{
    hub::recent_messages,
    store::{AppendOutcome, LogError, NewMessage, StoredMessage},
    text_rules,
};

impl Hub {
    /// Handles a message, or a command typed by a basic client.
    pub(super) fn send_message(&mut self, conn: ConnectionId, request: Request) {
        let Some(peer) = self.connections.get(conn).and_then(|c| c.peer.as_ref()) else { return };
        let basic = peer.group == Group::Basic;
        let (nick, key) = (peer.nick.clone(), peer.key.clone());
        if request.content.is_empty() && (basic || request.id.is_empty()) {
            // A basic client's greeting, or a request with only fields that this version does not have.
            self.counters.ignored += 1;
            // Ignored requests are rate limited like those that are not messages.
            self.allow_control(conn, &request);
            return;
        }
        if basic && matches!(request.content.trim(), codec::EXIT | codec::USERLIST) {
            return self.handle_typed_command(conn, request);
        }
        let sent_id = MessageId::from_wire(&request.id);
        let Some(id) = (if basic { Some(self.new_id()) } else { sent_id }) else {
            return self.refuse(conn, Status::BadMessageId, None, 0, None);
        };
        let client_id = (!basic).then_some(id);
        // The nick may differ from the login's in white space and case.
        let same = |name: &str| {
            validate::nick(name, &self.settings.limits).is_ok_and(|name| validate::nick_key(&name) == *key)
        };
        if !request.user_name.is_empty() && !same(&request.user_name) {
            return self.refuse(conn, Status::NotLoggedIn, client_id, 0, None);
        }
        if !request.room.is_empty() {
            return self.refuse(conn, Status::NoSuchRoom, client_id, 0, None);
        }
        let content = match text_rules::content(&request.content, &self.settings.limits) {
            Ok(content) => content,
            Err(status) => return self.refuse(conn, status, client_id, 0, None),
        };
        let now = self.now;
        let Some(c) = self.connections.get_mut(conn) else { return };
        let address = c.address;
        if let Err(wait) = c.allow_message(now, client_id, &mut self.address_limits) {
            return self.refuse(conn, Status::RateLimited, client_id, wait, None);
        }
        if let Some(wait) = self.append_queue.retry_after(now, address, content.len()) {
            if let (Some(c), Some(id)) = (self.connections.get_mut(conn), client_id) {
                c.order.refuse(now, id, wait);
            }
            return self.refuse_unstored(conn, id, wait);
        }
        if let Some(c) = self.connections.get_mut(conn) {
            (c.has_sent, c.last_batch) = (true, self.append_queue.next_batch());
        }
        let message = NewMessage { id, room: "".into(), nick, content: content.into(), time: self.unix_ms };
        self.append_queue.push(PendingMessage { conn, address, message });
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
        match result {
            Ok(outcomes) => {
                for (pending, outcome) in batch.into_iter().zip(outcomes) {
                    self.handle_outcome(pending, outcome);
                }
            }
            Err(_) => {
                self.append_queue.failed(now, generation);
                for PendingMessage { conn, message, .. } in batch {
                    if let Some(c) = self.connections.get_mut(conn) {
                        if !c.is_basic() {
                            c.order.append_failed(now, generation, message.id, RETRY_INTERVAL_MS);
                        }
                        self.refuse_unstored(conn, message.id, RETRY_INTERVAL_MS);
                    }
                }
            }
        }
    }

    fn handle_outcome(
        &mut self,
        PendingMessage { conn, message, .. }: PendingMessage,
        outcome: AppendOutcome,
    ) {
        if matches!(outcome, AppendOutcome::Appended(_) | AppendOutcome::Duplicate(_)) {
            self.release_resend(Some(conn), &message.nick, message.id);
        }
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
        self.lobby.publish(message.stamp.seq, recent_messages::encode(message));
        self.counters.accepted += 1;
    }

    /// A message is stored, perhaps by an earlier attempt: its sender, on `conn` or on a later connection, need not
    /// send it again before others.
    pub(super) fn release_resend(&mut self, conn: Option<ConnectionId>, nick: &str, id: MessageId) {
        let conn = conn.filter(|conn| self.connections.get(*conn).is_some()).or_else(|| {
            let key = validate::nick_key(nick);
            self.nicks.holder(&key).and_then(|holder| holder.conn)
        });
        if let Some(c) = conn.and_then(|conn| self.connections.get_mut(conn)) {
            c.order.release(id);
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
    fn handle_typed_command(&mut self, conn: ConnectionId, request: Request) {
        if request.content.trim() == codec::EXIT {
            self.leave(conn);
        } else if self.allow_control(conn, &request) {
            self.send_user_list(conn);
        }
    }

    /// Sends the member list to a basic client, as text and as a map.
    pub(super) fn send_user_list(&mut self, conn: ConnectionId) {
        let now = self.now;
        if let Some(Err(wait)) = self.connections.get_mut(conn).map(|c| c.limits.nick_lists.take(now)) {
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
