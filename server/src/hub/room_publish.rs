//! Publication of committed changes: to the subscribers of rooms, and to the lists of accounts.

use std::sync::Arc;

use parlour_core::{
    model::{RoomId, UserId},
    status::Status,
};

use super::{
    Hub,
    nick_registry::Claim,
    output::Output,
    room_answers,
    rooms::{
        events,
        published::{Published, RoomChange},
    },
};
use crate::store::{
    Change, EventPage, LogError, PageSize, Place, Proposal, Query, QueryKind, QueryResult, Requester,
    RoomResult, StoredEvent, StoredMessage, room_query::RoomQuery,
};

impl Hub {
    /// Publishes a message to the subscribers of its room. Called in log order.
    pub(super) fn publish_in_room(&mut self, room: RoomId, message: &StoredMessage) {
        let StoredMessage { id, place: Place { seq, ord, time }, sender, nick, content } = message;
        let change = RoomChange::Message(*ord);
        let event = Published { room, seq: *seq, sender: *sender, time: *time, change };
        let encode = || {
            let (id, seq, ord, time, sender) = (*id, *seq, *ord, *time, *sender);
            events::message(&events::Message { room, id, seq, ord, time, sender, nick, content })
        };
        self.rooms.publish(self.now, &event, encode, &mut self.out);
    }

    /// Publishes a change other than a message. Called in log order.
    pub(super) fn publish_change(&mut self, proposal: &Proposal, place: Place) {
        let Proposal { id, sender, change, .. } = proposal;
        let nick_of = |account| self.accounts.get(account).map(|known| known.nick.to_string());
        let nick = nick_of(*sender).unwrap_or_default();
        match change {
            Change::CreateRoom { room, people, .. } => self.rooms.room_created(*room, *sender, people),
            Change::RenameRoom { room, name } => self.rooms.rename_room(*room, name, &mut self.out),
            Change::ChangeNick { nick, .. } => self.publish_nick(*sender, nick),
            Change::SetTopic { room, .. }
            | Change::Archive { room, .. }
            | Change::ChangeMember { room, .. } => {
                let target_nick = match change {
                    Change::ChangeMember { account, .. } => nick_of(*account).unwrap_or_default(),
                    _ => String::new(),
                };
                let change = change.clone();
                let event = StoredEvent { id: *id, place, sender: *sender, nick, change, target_nick };
                self.publish_event(*room, &event);
            }
            Change::CreateAccount { .. } | Change::Message { .. } => {}
        }
    }

    /// Publishes an event of a room.
    fn publish_event(&mut self, room: RoomId, event: &StoredEvent) {
        let change = match &event.change {
            Change::Message { content, .. } => {
                let (nick, content) = (event.nick.clone(), content.to_string());
                let (id, place, sender) = (event.id, event.place, event.sender);
                return self.publish_in_room(room, &StoredMessage { id, place, sender, nick, content });
            }
            Change::Archive { archived, .. } => RoomChange::Archived(*archived),
            Change::ChangeMember { account, role, .. } => RoomChange::Member(*account, *role),
            _ => RoomChange::Other,
        };
        let online = |account: UserId| self.accounts.online(account).is_some();
        let encoded = room_answers::encode_event(room, event, online);
        let Some(encoded) = encoded else { return };
        let (seq, time, sender) = (event.place.seq, event.place.time, event.sender);
        let published = Published { room, seq, sender, time, change };
        self.rooms.publish(self.now, &published, || encoded, &mut self.out);
    }

    /// An account has another nick.
    fn publish_nick(&mut self, account: UserId, nick: &Arc<str>) {
        let Some(before) = self.accounts.get(account).map(|known| (known.nick.clone(), known.key.clone()))
        else {
            return self.accounts.nick_taken(account, nick);
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
            self.lobby.note_presence(&before.0, false);
            self.lobby.note_presence(nick, true);
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

    fn read_as_hub(&mut self, token: u64, account: Option<UserId>, query: RoomQuery) {
        let requester = Requester { address: None, account };
        let size = PageSize { messages: 0, bytes: 0 };
        let query = Query { requester, room: RoomId::LOBBY, kind: QueryKind::Room(query), size };
        self.out.put(Output::Read { token, query });
    }

    /// Handles the result of a query of the hub itself. Returns it if it is of another query.
    pub(super) fn own_read(
        &mut self,
        token: u64,
        result: Result<QueryResult, LogError>,
    ) -> Option<Result<QueryResult, LogError>> {
        if let Some(room) = self.resolving_rooms.remove(&token) {
            self.room_resolved(room, result);
            return None;
        }
        let Some(reload) = self.reloads.remove(&token) else { return Some(result) };
        match result {
            Ok(QueryResult::Room(RoomResult::Row(row))) => {
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

    /// Reads the events of rooms after a failed append: the log may have some that it reported as failed.
    pub(super) fn resolve_rooms(&mut self) {
        for room in std::mem::take(&mut self.uncertain_rooms) {
            let Some(head_seq) = self.rooms.head_seq(room) else { continue };
            let token = self.queries.next_token();
            self.resolving_rooms.insert(token, room);
            self.read_as_hub(token, None, RoomQuery::Events(room, head_seq));
        }
        for (account, room) in std::mem::take(&mut self.failed_reloads) {
            self.rooms.reload_again(account, room);
        }
    }

    fn room_resolved(&mut self, room: RoomId, result: Result<QueryResult, LogError>) {
        let Ok(QueryResult::Room(RoomResult::Events(EventPage { events, more, .. }))) = result else {
            self.uncertain_rooms.insert(room);
            return self.finish_resolving(false);
        };
        for event in &events {
            self.release_resend(event.sender, event.id);
            if event.place.seq > self.rooms.head_seq(room).unwrap_or(0) {
                self.publish_event(room, event);
            }
        }
        if more {
            self.uncertain_rooms.insert(room);
        }
        self.finish_resolving(!more);
    }

    /// The events of a room were read; if they are those of the last one, appends are accepted again.
    pub(super) fn finish_resolving(&mut self, complete: bool) {
        if !complete {
            self.append_queue.resolved(self.now, false);
        } else if self.resolving_rooms.is_empty() && self.uncertain_rooms.is_empty() {
            self.append_queue.resolved(self.now, true);
        }
    }

    /// Notes what a failed append may have changed.
    pub(super) fn note_uncertain(&mut self, proposal: &Proposal) {
        let sender = proposal.sender;
        match &proposal.change {
            Change::Message { room, .. } | Change::SetTopic { room, .. } | Change::Archive { room, .. } => {
                self.uncertain_rooms.insert(*room);
            }
            Change::ChangeMember { room, account, .. } => {
                self.uncertain_rooms.insert(*room);
                self.failed_reloads.push((*account, *room));
            }
            Change::CreateRoom { room, people, .. } => {
                self.failed_reloads.push((sender, *room));
                self.failed_reloads.extend(people.iter().map(|person| (*person, *room)));
            }
            Change::RenameRoom { room, .. } => self.failed_reloads.push((sender, *room)),
            Change::CreateAccount { .. } | Change::ChangeNick { .. } => {}
        }
        // The lobby is read by itself.
        self.uncertain_rooms.remove(&RoomId::LOBBY);
    }
}
