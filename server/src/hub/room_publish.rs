//! Publication of committed changes: to the subscribers of rooms, and to the lists of accounts.

use std::sync::Arc;

use parlour_core::{
    model::{Role, RoomId, UserId},
    status::Status,
    validate,
};

use super::{
    Hub,
    nick_registry::Claim,
    room_answers,
    rooms::{
        events,
        published::{Published, RoomChange},
    },
};
use crate::store::{
    Change, ChangedMessage, LogError, Place, Proposal, RoomResult, StoredEvent, StoredMessage, TextState,
    room_query::RoomQuery,
};

impl Hub {
    /// Publishes a message to the subscribers of its room. Called in log order.
    pub(super) fn publish_in_room(&mut self, room: RoomId, message: &StoredMessage) {
        let StoredMessage { id, place, sender, nick, content, state, .. } = message;
        let Place { seq, ord, time } = *place;
        let event = Published { room, seq, sender: *sender, time, change: RoomChange::Message(ord) };
        let encode = || {
            let (id, place, sender, state) = (*id, *place, *sender, *state);
            events::message(&events::Message { room, id, place, sender, nick, content, state })
        };
        self.rooms.publish(self.now, &event, encode, &mut self.out);
    }

    /// Publishes a change of the directory. Called in log order.
    pub(super) fn publish_change(&mut self, Proposal { sender, change, .. }: &Proposal) {
        match change {
            Change::CreateRoom { room, people, .. } => self.rooms.room_created(*room, *sender, people),
            Change::RenameRoom { room, name } => self.rooms.rename_room(*room, name, &mut self.out),
            Change::ChangeNick { nick, .. } => self.publish_nick(*sender, nick),
            Change::CreateAccount { .. }
            | Change::Edit { .. }
            | Change::Redact { .. }
            | Change::React { .. }
            | Change::SetTopic { .. }
            | Change::Archive { .. }
            | Change::ChangeMember { .. }
            | Change::Message { .. } => {}
        }
    }

    /// Publishes a change of a room, by an account with this nick. Called in log order.
    pub(super) fn publish_room_change(&mut self, proposal: &Proposal, place: Place, nick: &str) {
        let Proposal { id, sender, change, .. } = proposal;
        let (Change::SetTopic { room, .. } | Change::Archive { room, .. }) = change else { return };
        let event =
            StoredEvent { nick: nick.to_owned(), ..StoredEvent::new(*id, place, *sender, change.clone()) };
        self.publish_event(*room, &event, None);
    }

    /// Publishes a change of a message, by an account with this nick. Called in log order.
    pub(super) fn publish_message_change(
        &mut self,
        proposal: &Proposal,
        place: Place,
        nick: &str,
        message: ChangedMessage,
    ) {
        let Proposal { id, sender, change, .. } = proposal;
        let (Change::Edit { room, .. } | Change::Redact { room, .. } | Change::React { room, .. }) = change
        else {
            return;
        };
        let event = StoredEvent {
            nick: nick.to_owned(),
            message: Some(message),
            ..StoredEvent::new(*id, place, *sender, change.clone())
        };
        self.publish_event(*room, &event, None);
    }

    /// Publishes a change of a member, with the role that it has got and the number of members. `nicks` are those of the sender
    /// and of the member. Called in log order.
    pub(super) fn publish_member(
        &mut self,
        proposal: &Proposal,
        place: Place,
        (role, members): (Role, u64),
        nicks: [&str; 2],
    ) {
        let Proposal { id, sender, change, .. } = proposal;
        let Change::ChangeMember { room, account, .. } = *change else { return };
        let [nick, target_nick] = nicks.map(str::to_owned);
        let change = Change::ChangeMember { room, account, role };
        let event = StoredEvent { nick, target_nick, ..StoredEvent::new(*id, place, *sender, change) };
        let is_counted = room != RoomId::LOBBY;
        self.publish_event(room, &event, is_counted.then_some(members));
    }

    /// Publishes an event of a room that is not a message; with the number of members after it, if that is known.
    pub(super) fn publish_event(&mut self, room: RoomId, event: &StoredEvent, members: Option<u64>) {
        let change = match &event.change {
            Change::Archive { archived, .. } => RoomChange::Archived(*archived),
            Change::ChangeMember { account, role, .. } => RoomChange::Member(*account, *role),
            _ => RoomChange::Other,
        };
        // The text of an edit is empty if the message was deleted since.
        if let (RoomId::LOBBY, Change::Edit { content, .. }) = (room, &event.change)
            && !content.is_empty()
        {
            self.publish_edit_as_message(event, content);
        }
        let encoded = room_answers::encode_event(room, event, members, self.present());
        let Some(encoded) = encoded else { return };
        let (seq, time, sender) = (event.place.seq, event.place.time, event.sender);
        let published = Published { room, seq, sender, time, change };
        self.rooms.publish(self.now, &published, || encoded, &mut self.out);
    }

    /// Publishes an edit of the lobby to basic peers, as a message.
    fn publish_edit_as_message(&mut self, event: &StoredEvent, content: &str) {
        let StoredEvent { id, place, sender, .. } = *event;
        let nick = self.present().nick(sender, &event.nick).to_owned();
        let content = format!("(edited) {content}");
        let (state, reactions) = (TextState::Original, Vec::new());
        self.lobby.publish(&StoredMessage { id, place, sender, nick, content, state, reactions });
    }

    /// An account has another nick.
    pub(super) fn publish_nick(&mut self, account: UserId, nick: &Arc<str>) {
        let Some(before) = self.accounts.get(account).map(|known| (known.nick.clone(), known.key.clone()))
        else {
            // It has left meanwhile, so that nobody has the nick. Its messages are still shown.
            self.nicks.release_pending(&validate::nick_key(nick), account);
            self.accounts.nick_taken(account, nick);
            return self.rooms.change_nick(account, nick, &mut self.out);
        };
        self.lobby.flush(&mut self.out);
        self.accounts.put(account, nick.clone());
        self.accounts.nick_taken(account, nick);
        let is_online = self.accounts.online(account).is_some();
        let claim = if is_online { Claim::Online(account) } else { Claim::Reserved(account) };
        let key = self.nicks.insert(nick, claim);
        if key != before.1 {
            self.nicks.remove(&before.1);
        }
        if is_online {
            self.lobby.members_changed();
        } else {
            self.reserved.set(key, self.now + self.settings.name_grace);
        }
        self.rooms.change_nick(account, nick, &mut self.out);
    }

    /// Asks for the rows that the rooms need.
    pub(super) fn read_reloads(&mut self) {
        for reload in self.rooms.take_reloads() {
            let (account, room) = (reload.account, reload.room);
            let token = self.queries.next_token();
            self.reloads.insert(token, reload);
            self.read_as_hub(token, Some(account), RoomQuery::Row(room));
        }
    }

    /// Handles the result of a query of the hub itself. Returns it if it is of another query.
    pub(super) fn own_read(
        &mut self,
        token: u64,
        result: Result<RoomResult, LogError>,
    ) -> Option<Result<RoomResult, LogError>> {
        let result = self.uncertain_read(token, result)?;
        let result = self.list_version_read(token, result)?;
        let Some(reload) = self.reloads.remove(&token) else { return Some(result) };
        match result {
            Ok(RoomResult::Row(row)) => {
                let row = row.as_deref();
                self.rooms.reloaded(reload.account, reload.room, row, reload.reading, &mut self.out);
            }
            // The list differs from the log now, so it is loaded anew when the clients are back.
            _ => {
                self.rooms.cancel_reload(reload.reading);
                let online = self.accounts.online(reload.account);
                for conn in online.map(|online| online.connections.clone()).unwrap_or_default() {
                    if self.viewer(conn).is_some() {
                        self.close(conn, Status::LogUnavailable);
                    }
                }
            }
        }
        None
    }
}
