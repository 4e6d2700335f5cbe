//! Results of the log as answers to clients with the capability "rooms".

use std::collections::HashMap;

use bytes::Bytes;
use parlour_core::{
    model::{RoomId, UserId},
    wire::{self, room_event},
};

use super::{
    Hub,
    accounts::Accounts,
    rooms::{Rooms, events, rows::person},
};
use crate::store::{
    Account, Change, ChangedMessage, HistoryPage, MemberPage, Reaction, ReactionPage, Revision, RoomPage,
    SearchResults, StoredEvent, StoredMessage, TextState,
    room_query::{Window, WindowContent},
};

/// The accounts as the hub knows them, which may be newer than what was read from the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present<'a> {
    accounts: &'a Accounts,
    rooms: &'a Rooms,
}

impl Present<'_> {
    /// The nick of an account, which was read from the log.
    pub(super) fn nick<'a>(&'a self, account: UserId, read: &'a str) -> &'a str {
        self.accounts.get(account).map_or(read, |known| &known.nick)
    }

    /// An account as others see it, with the nick that was read from the log.
    fn person(&self, account: UserId, read: &str) -> wire::Person {
        person(account, self.nick(account, read), self.rooms.is_online(account))
    }
}

impl Hub {
    /// The known accounts.
    pub(super) fn present(&self) -> Present<'_> {
        Present { accounts: &self.accounts, rooms: &self.rooms }
    }
}

/// The state of a room.
pub(super) fn window(window: &Window, present: Present<'_>) -> wire::RoomWindow {
    let room = &window.row.room;
    let mut answer = wire::RoomWindow {
        seq: window.seq,
        topic: room.topic.clone(),
        members: u32::try_from(room.members).unwrap_or(u32::MAX),
        people: window.renamed.iter().map(|account| present.person(account.user, &account.nick)).collect(),
        ..wire::RoomWindow::default()
    };
    match &window.content {
        WindowContent::Behind => answer.behind = true,
        WindowContent::Events(events) => {
            let frames = events.iter().filter_map(|event| encode_event(room.room, event, None, present));
            answer.frames = frames.map(|frame| frame.to_vec()).collect();
        }
        WindowContent::Page(history) => {
            answer.reset = true;
            answer.page = Some(page(history, present));
        }
    }
    answer
}

/// An event as subscribers get it, with the number of members after it if that is known; `None` for one of the directory.
pub(super) fn encode_event(
    room: RoomId,
    event: &StoredEvent,
    members: Option<u64>,
    present: Present<'_>,
) -> Option<Bytes> {
    let StoredEvent { id, place, sender, nick, change, target_nick, state, message } = event;
    if let Change::Message { content, .. } = change {
        let (nick, state) = (present.nick(*sender, nick), *state);
        let (id, place, sender) = (*id, *place, *sender);
        return Some(events::message(&events::Message { room, id, place, sender, nick, content, state }));
    }
    if let Some(message) = message {
        let nick = present.nick(message.sender, &message.nick);
        return Some(events::changed_message(
            room,
            *place,
            (*sender, change),
            &ChangedMessage { nick: nick.into(), ..message.clone() },
        ));
    }
    let change = room_change(change, target_nick, members, present)?;
    let sender = present.person(*sender, nick);
    Some(events::room_event(room, place.seq, place.time, sender, change))
}

/// The change of an event of a room; `None` for one of a message or of the directory.
fn room_change(
    change: &Change,
    target_nick: &str,
    members: Option<u64>,
    present: Present<'_>,
) -> Option<room_event::Change> {
    Some(match change {
        Change::SetTopic { topic, .. } => room_event::Change::Topic(topic.to_string()),
        Change::Archive { archived, .. } => room_event::Change::Archived(*archived),
        Change::ChangeMember { account, role, .. } => {
            let person = Some(present.person(*account, target_nick));
            let members = members.map(|members| u32::try_from(members).unwrap_or(u32::MAX));
            room_event::Change::Member(wire::MemberChange { person, role: role.to_wire().into(), members })
        }
        Change::Message { .. }
        | Change::Edit { .. }
        | Change::Redact { .. }
        | Change::React { .. }
        | Change::CreateAccount { .. }
        | Change::ChangeNick { .. }
        | Change::CreateRoom { .. }
        | Change::RenameRoom { .. } => return None,
    })
}

/// A page of messages.
pub(super) fn page(page: &HistoryPage, present: Present<'_>) -> wire::MessagePage {
    let (messages, people) = messages(&page.messages, present);
    wire::MessagePage {
        messages,
        people,
        from: page.from,
        to: page.to,
        first_ord: page.first_ord,
        head_ord: page.head_ord,
        seq: page.seq,
        ..wire::MessagePage::default()
    }
}

/// The result of a search, newest first.
pub(super) fn found(found: &SearchResults, present: Present<'_>) -> wire::MessagePage {
    let (messages, people) = messages(&found.messages, present);
    wire::MessagePage {
        messages,
        people,
        from: found.partial.unwrap_or(0),
        complete: found.reached_start,
        partial: found.partial.is_some(),
        ..wire::MessagePage::default()
    }
}

fn messages(stored: &[StoredMessage], present: Present<'_>) -> (Vec<wire::PageMessage>, Vec<wire::Person>) {
    let mut people = PeopleIndex::default();
    let message = |message: &StoredMessage| wire::PageMessage {
        id: message.id.0.to_vec(),
        seq: message.place.seq,
        ord: message.place.ord,
        time: message.place.time,
        sender: people.index(message.sender, &message.nick, present),
        content: message.content.clone(),
        edited: events::edited(message.state),
        deleted: message.state == TextState::Erased,
        reactions: events::reactions(&message.reactions),
        own: own(&message.reactions),
    };
    (stored.iter().map(message).collect(), people.people)
}

/// The emoji of the account that gets the page.
fn own(reactions: &[Reaction]) -> Vec<String> {
    reactions.iter().filter(|reaction| reaction.own).map(|reaction| reaction.emoji.clone()).collect()
}

/// The texts of a message.
pub(super) fn revisions(revisions: &[Revision], present: Present<'_>) -> wire::MessagePage {
    let mut people = PeopleIndex::default();
    let revision = |revision: &Revision| wire::PageMessage {
        time: revision.time,
        sender: people.index(revision.sender, &revision.nick, present),
        content: revision.content.clone(),
        ..wire::PageMessage::default()
    };
    let messages = revisions.iter().map(revision).collect();
    wire::MessagePage { messages, people: people.people, ..wire::MessagePage::default() }
}

/// The people of a page, each once.
#[derive(Debug, Default)]
struct PeopleIndex {
    people: Vec<wire::Person>,
    index: HashMap<UserId, u32>,
}

impl PeopleIndex {
    /// The index of an account with the nick that was read from the log.
    fn index(&mut self, account: UserId, nick: &str, present: Present<'_>) -> u32 {
        *self.index.entry(account).or_insert_with(|| {
            self.people.push(present.person(account, nick));
            u32::try_from(self.people.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// A page of public rooms.
pub(super) fn rooms(page: &RoomPage) -> wire::RoomPage {
    let room = |listed: &crate::store::ListedRoom| wire::ListedRoom {
        room: listed.room.room.to_wire(),
        name: listed.room.name.clone(),
        topic: listed.room.topic.clone(),
        members: u32::try_from(listed.room.members).unwrap_or(u32::MAX),
        joined: listed.joined,
        archived: listed.room.archived,
    };
    wire::RoomPage {
        rooms: page.rooms.iter().map(room).collect(),
        more: page.next.is_some(),
        next: page.next.clone().unwrap_or_default(),
    }
}

/// A page of members.
pub(super) fn members(page: &MemberPage, present: Present<'_>) -> wire::PeoplePage {
    let member = |member: &crate::store::Member| present.person(member.account.user, &member.account.nick);
    wire::PeoplePage {
        people: page.members.iter().map(member).collect(),
        roles: page.members.iter().map(|member| member.role.to_wire().into()).collect(),
        more: page.more,
        total: u32::try_from(page.total).unwrap_or(u32::MAX),
    }
}

/// The people who have reacted to a message.
pub(super) fn reactions(page: &ReactionPage, present: Present<'_>) -> wire::PeoplePage {
    let total = u32::try_from(page.total).unwrap_or(u32::MAX);
    wire::PeoplePage { total, more: page.total > page.people.len() as u64, ..people(&page.people, present) }
}

/// People that were found.
pub(super) fn people(people: &[Account], present: Present<'_>) -> wire::PeoplePage {
    let people = people.iter().map(|account| present.person(account.user, &account.nick)).collect();
    wire::PeoplePage { people, ..wire::PeoplePage::default() }
}
