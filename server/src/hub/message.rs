//! Incoming messages: validation, append, acknowledgement, publication.

use parlour_core::{
    Millis, codec,
    model::{MessageId, RoomId, UserId},
    request::Request,
    status::Status,
    validate,
};

use super::{
    Hub,
    append_queue::{Origin, PendingProposal},
    connection_table::ConnectionId,
};
use crate::{
    policy::{Action, allows},
    store::{Change, Proposal, StoredMessage, TextState},
    text_rules,
};

impl Hub {
    /// Handles a message, or a command typed by a basic client.
    pub(super) fn send_message(&mut self, conn: ConnectionId, request: Request) {
        let Some(c) = self.connections.get(conn) else { return };
        let (Some(account), basic) = (c.account(), c.is_basic()) else { return };
        let Some(known) = self.accounts.get(account) else { return };
        let (nick, key) = (known.nick.clone(), known.key.clone());
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
        // The nick may differ from the account's in white space and case.
        let same = |name: &str| {
            validate::nick(name, &self.settings.limits).is_ok_and(|name| validate::nick_key(&name) == *key)
        };
        // A device of an account with several may not know yet that another one has changed the nick.
        if basic && !request.user_name.is_empty() && !same(&request.user_name) {
            return self.refuse(conn, Status::NotLoggedIn, client_id, 0, None);
        }
        let room = match self.room_to_post(conn, &request.room) {
            Ok(room) => room,
            Err(status) => return self.refuse(conn, status, client_id, 0, None),
        };
        let content = match text_rules::content(&request.content, &self.settings.limits) {
            Ok(content) => content,
            Err(status) => return self.refuse(conn, status, client_id, 0, None),
        };
        let now = self.now;
        let (Some(c), Some(online)) = (self.connections.get_mut(conn), self.accounts.online_mut(account))
        else {
            return;
        };
        let address = c.address;
        if let Err(wait) = c.allow_message(now, room, client_id, &mut online.limits, &mut self.address_limits)
        {
            return self.refuse(conn, Status::RateLimited, client_id, wait, None);
        }
        if let Some(wait) = self.append_queue.retry_after(now, address, content.len()) {
            if let (Some(c), Some(id)) = (self.connections.get_mut(conn), client_id) {
                c.order_mut(room).refuse(now, id, wait);
            }
            return self.refuse_unstored(conn, id, wait);
        }
        self.create_basic_account(account, address);
        if let Some(online) = self.accounts.online_mut(account) {
            (online.has_sent, online.last_batch) = (true, self.append_queue.next_batch());
        }
        let change = Change::Message { room, content: content.into() };
        let proposal = Proposal { id, sender: account, time: self.unix_ms, change };
        let origin = Origin::Message { conn, nick };
        self.append_queue.push(PendingProposal { origin, address, proposal });
    }

    /// The room of a message.
    ///
    /// # Errors
    /// [`Status::NoSuchRoom`] for a client that knows only the lobby, and the reasons of the policy.
    fn room_to_post(&self, conn: ConnectionId, room: &[u8]) -> Result<RoomId, Status> {
        let room = RoomId::from_wire(room).ok_or(Status::NoSuchRoom)?;
        if room == RoomId::LOBBY {
            return Ok(room);
        }
        let (role, kind, archived) = self.rooms.role(conn, room).ok_or(Status::NoSuchRoom)?;
        allows(role, kind, archived, Action::Post).map(|()| room)
    }

    /// Publishes a committed message of the lobby. Called in log order.
    pub(super) fn publish(&mut self, message: &StoredMessage) {
        // Basic peers do not learn of deletions.
        if message.state != TextState::Erased {
            self.lobby.publish(message);
        }
        self.publish_in_room(RoomId::LOBBY, message);
        self.counters.accepted += 1;
    }

    /// A message is stored, perhaps by an earlier attempt: no client of its sender need send it again before others.
    pub(super) fn release_resend(&mut self, sender: UserId, id: MessageId) {
        for conn in self.accounts.online(sender).into_iter().flat_map(|online| &online.connections) {
            if let Some(c) = self.connections.get_mut(*conn) {
                c.release_resend(id);
            }
        }
    }

    /// Refuses a message that cannot be stored now. Does not use up the account's refusals, because the sender is not at
    /// fault.
    pub(super) fn refuse_unstored(&mut self, conn: ConnectionId, id: MessageId, wait: Millis) {
        self.counters.refused += 1;
        let Some(basic) = self.connections.get(conn).map(|c| c.is_basic()) else { return };
        self.send_refusal(conn, basic, Status::LogUnavailable, Some(id), wait, None);
    }
}
