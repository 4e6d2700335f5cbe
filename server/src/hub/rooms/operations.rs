//! The operations of clients: each function validates one and makes its plan.

use std::sync::Arc;

use parlour_core::{
    limits::INVITED_PEOPLE,
    markup::is_one_emoji,
    model::{MessageId, Role, RoomKind, UserId},
    status::Status,
    wire::{self, change_room, page_request},
};

use super::{
    commands::{Context, OwnChange, Plan, Position, Reading},
    cursor::Cursor,
};
use crate::{
    policy::Action,
    store::{
        Change, DIRECT_PEOPLE, PageStart, TOPIC_BYTES, Target, created_room, direct_room, is_searchable,
    },
    text_rules,
};

/// The most messages of a page.
pub const PAGE_MESSAGES: usize = 200;
/// The most rooms of a page, and of members.
const LIST_ENTRIES: usize = 100;
/// The most people that are found by a prefix.
const FOUND_PEOPLE: usize = 20;
/// The longest search query, in bytes.
const QUERY_BYTES: usize = 1_024;
/// The longest name or beginning of a name to search for, in bytes.
const NAME_BYTES: usize = 256;

type Planned = Result<Plan, Status>;

pub(super) fn subscribe(context: &Context<'_>, op: wire::Subscribe) -> Planned {
    context.may_read()?;
    Ok(Plan::Subscribe(Position { seq: op.seq, id: MessageId::from_wire(&op.id) }))
}

pub(super) fn unsubscribe(_: &Context<'_>, _: wire::Unsubscribe) -> Planned {
    Ok(Plan::Own(OwnChange::Unsubscribe))
}

pub(super) fn page(context: &Context<'_>, op: wire::PageRequest) -> Planned {
    context.may_read()?;
    let start = match op.start {
        Some(page_request::Start::Before(ord)) => PageStart::Before(ord),
        Some(page_request::Start::After(ord)) => PageStart::After(ord),
        Some(page_request::Start::Around(ord)) => PageStart::Around(ord),
        Some(page_request::Start::At(time)) => PageStart::At(time),
        None => PageStart::End,
    };
    Ok(Plan::Read(Reading::Page(start, count(op.count, PAGE_MESSAGES))))
}

pub(super) fn search(context: &Context<'_>, op: wire::RoomSearch) -> Planned {
    context.may_read()?;
    if op.query.len() > QUERY_BYTES {
        return Err(Status::ContentTooLong);
    }
    if !is_searchable(&op.query) {
        return Err(Status::SearchEmpty);
    }
    Ok(Plan::Read(Reading::Search(op.query, op.before, count(op.count, PAGE_MESSAGES))))
}

pub(super) fn read(_: &Context<'_>, op: wire::Cursor) -> Planned {
    Ok(Plan::Own(OwnChange::Read(Cursor::from_wire(op))))
}

pub(super) fn read_all(_: &Context<'_>, _: wire::ReadAll) -> Planned {
    Ok(Plan::Own(OwnChange::ReadAll))
}

pub(super) fn create_room(context: &Context<'_>, op: wire::CreateRoom) -> Planned {
    let kind = RoomKind::from_wire(op.kind).ok_or(Status::Unsupported)?;
    let mut people = people(&op.people)?;
    people.sort_unstable();
    people.dedup();
    people.retain(|person| *person != context.account);
    let (room, name) = match kind {
        RoomKind::Lobby => return Err(Status::NotAllowed),
        RoomKind::Direct => {
            if people.is_empty() {
                return Err(Status::NoSuchAccount);
            }
            if people.len() >= DIRECT_PEOPLE {
                return Err(Status::NotAllowed);
            }
            let all: Vec<_> = people.iter().copied().chain([context.account]).collect();
            (direct_room(&all), String::new())
        }
        RoomKind::Public | RoomKind::Private => {
            if people.len() > INVITED_PEOPLE {
                return Err(Status::NotAllowed);
            }
            (
                created_room(context.account, context.id.ok_or(Status::BadMessageId)?),
                text_rules::room_name(&op.name)?,
            )
        }
    };
    let topic = topic(&op.topic)?;
    Ok(Plan::Propose(Change::CreateRoom { room, kind, name: name.into(), topic, people: people.into() }))
}

pub(super) fn browse_rooms(_: &Context<'_>, op: wire::BrowseRooms) -> Planned {
    check_names([&op.query, &op.after])?;
    Ok(Plan::Read(Reading::Browse(op.query, op.after, count(op.count, LIST_ENTRIES))))
}

pub(super) fn join(context: &Context<'_>, _: wire::Join) -> Planned {
    context.may(Action::Join)?;
    Ok(propose_member(context, context.account, Role::Member))
}

pub(super) fn leave(context: &Context<'_>, _: wire::Leave) -> Planned {
    context.may(Action::Leave)?;
    Ok(propose_member(context, context.account, Role::None))
}

pub(super) fn change_room(context: &Context<'_>, op: wire::ChangeRoom) -> Planned {
    let room = context.room;
    let (action, change) = match op.change.ok_or(Status::Unsupported)? {
        change_room::Change::Name(name) => {
            let name = text_rules::room_name(&name)?.into();
            (Action::Rename, Change::RenameRoom { room, name })
        }
        change_room::Change::Topic(text) => {
            (Action::SetTopic, Change::SetTopic { room, topic: topic(&text)? })
        }
        change_room::Change::Archived(archived) => (Action::Archive, Change::Archive { room, archived }),
    };
    context.may(action)?;
    Ok(Plan::Propose(change))
}

pub(super) fn change_member(context: &Context<'_>, op: wire::ChangeMember) -> Planned {
    let account = UserId::from_wire(&op.account).ok_or(Status::NoSuchAccount)?;
    let role = Role::from_wire(op.role).ok_or(Status::Unsupported)?;
    // The role that the account has decides further; only the log knows it.
    let action = match role {
        Role::None if account == context.account => Action::Leave,
        Role::None => Action::Remove(Role::Member),
        Role::Invited => Action::Invite,
        Role::Member if account == context.account => return Ok(propose_member(context, account, role)),
        Role::Member | Role::Moderator | Role::Owner => Action::ChangeRole,
    };
    context.may(action)?;
    Ok(propose_member(context, account, role))
}

pub(super) fn list_members(context: &Context<'_>, op: wire::ListMembers) -> Planned {
    context.may_read()?;
    check_names([&op.prefix, &op.after])?;
    Ok(Plan::Read(Reading::Members(op.prefix, op.after, count(op.count, LIST_ENTRIES))))
}

pub(super) fn find_people(_: &Context<'_>, op: wire::FindPeople) -> Planned {
    check_names([&op.prefix])?;
    Ok(Plan::Read(Reading::People(op.prefix, count(op.count, FOUND_PEOPLE))))
}

pub(super) fn change_nick(context: &Context<'_>, op: wire::ChangeNick) -> Planned {
    Ok(Plan::TakeNick(text_rules::nick(&op.nick, context.limits)?))
}

pub(super) fn room_settings(_: &Context<'_>, op: wire::RoomSettings) -> Planned {
    Ok(Plan::Own(OwnChange::Mute(op.muted)))
}

pub(super) fn link_device(_: &Context<'_>, _: wire::LinkDevice) -> Planned {
    Ok(Plan::Own(OwnChange::LinkDevice))
}

pub(super) fn change_message(context: &Context<'_>, op: wire::ChangeMessage) -> Planned {
    let (room, target) = (context.room, target(op.ord, &op.id)?);
    context.may(Action::ChangeOwnMessage)?;
    Ok(Plan::Propose(if op.content.is_empty() {
        Change::Redact { room, target }
    } else {
        let content = text_rules::content(&op.content, context.limits)?.into();
        Change::Edit { room, target, content }
    }))
}

pub(super) fn list_revisions(context: &Context<'_>, op: wire::ListRevisions) -> Planned {
    context.may_read()?;
    Ok(Plan::Read(Reading::Revisions(target(op.ord, &op.id)?)))
}

pub(super) fn react(context: &Context<'_>, op: wire::React) -> Planned {
    let wire::React { ord, id, emoji, remove } = op;
    let (room, target) = (context.room, target(ord, &id)?);
    context.may(Action::React)?;
    if !is_one_emoji(&emoji) {
        return Err(Status::BadParameters);
    }
    Ok(Plan::Propose(Change::React { room, target, emoji: emoji.into(), remove }))
}

pub(super) fn list_reactions(context: &Context<'_>, op: wire::ListReactions) -> Planned {
    context.may_read()?;
    check_names([&op.emoji])?;
    Ok(Plan::Read(Reading::Reactions(target(op.ord, &op.id)?, op.emoji)))
}

fn target(ord: u64, id: &[u8]) -> Result<Target, Status> {
    Ok(Target { ord, id: MessageId::from_wire(id).ok_or(Status::NoSuchMessage)? })
}

fn propose_member(context: &Context<'_>, account: UserId, role: Role) -> Plan {
    Plan::Propose(Change::ChangeMember { room: context.room, account, role })
}

/// The number of entries to read: what is asked for, at most `most`.
fn count(asked: u32, most: usize) -> usize {
    match asked as usize {
        0 => most,
        asked => asked.min(most),
    }
}

fn people(ids: &[Vec<u8>]) -> Result<Vec<UserId>, Status> {
    ids.iter().map(|id| UserId::from_wire(id).ok_or(Status::NoSuchAccount)).collect()
}

/// Validates a topic, which may be empty. It is one line.
fn topic(typed: &str) -> Result<Arc<str>, Status> {
    let line = typed.split(char::is_control).map(str::trim).filter(|part| !part.is_empty());
    let topic = line.collect::<Vec<_>>().join(" ");
    if topic.len() > TOPIC_BYTES { Err(Status::ContentTooLong) } else { Ok(topic.into()) }
}

fn check_names<const N: usize>(names: [&String; N]) -> Result<(), Status> {
    if names.iter().any(|name| name.len() > NAME_BYTES) { Err(Status::NickTooLong) } else { Ok(()) }
}
