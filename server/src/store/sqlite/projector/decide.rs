//! Deciding about a proposal at its place.

use std::sync::Arc;

use parlour_core::{
    limits::{INVITED_PEOPLE, NICK_CHARS},
    markup::is_one_emoji,
    model::{Role, RoomId, RoomKind, UserId},
    status::Status,
};

use super::Projector;
use crate::{
    policy::{Action, allows},
    store::{
        Change, DIRECT_PEOPLE, NickSource, Place, Proposal, ROOM_NAME_CHARS, TOPIC_BYTES, Target,
        direct_room,
        sqlite::{
            accounts::AccountKey,
            entry::Entry,
            fault::Fault,
            fingerprint::fingerprint,
            heads::{DIRECTORY, RoomKey},
            message_key,
            names::{Conflicts, Space},
            reactions,
            revisions::{self, Found},
        },
    },
};

/// What becomes of a proposal, unless its sender has used its id before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is appended to this log.
    Append { log: i64, entry: Entry },
    /// It changes nothing in this log.
    Unchanged { log: i64 },
    /// What it creates was created at this place.
    Exists(Place),
}

/// The reason why there is no decision.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The proposal is refused.
    Status(Status),
    /// The database failed.
    Fault(Fault),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl Projector<'_> {
    /// Decides about a proposal. Changes nothing. `sender` is the account of the sender, if it exists.
    pub(super) fn decide(
        &mut self,
        proposal: &Proposal,
        sender: Option<AccountKey>,
    ) -> Result<Decision, Refusal> {
        if let Change::CreateAccount { nick, from } = &proposal.change {
            if sender.is_some() {
                return Err(Status::BadParameters.into());
            }
            let from = self.check_nick(nick, None, *from)?;
            let entry = Entry::CreateAccount { user: proposal.sender, nick: nick.clone(), from };
            return Ok(Decision::Append { log: DIRECTORY, entry });
        }
        let own = sender.ok_or(Status::NoSuchAccount)?.id;
        match &proposal.change {
            Change::CreateAccount { .. } => Err(Status::BadParameters.into()),
            Change::Message { room, content } => {
                let room = self.room(*room)?;
                // A message to the lobby is the most frequent proposal, and needs no role.
                let role = match room.kind {
                    RoomKind::Lobby => Role::Member,
                    kind => self.members.role(own, room.id, kind)?,
                };
                allows(role, room.kind, room.archived, Action::Post)?;
                Ok(Decision::Append { log: room.id, entry: Entry::Message { content: content.clone() } })
            }
            Change::Edit { room, target, content } => {
                let (room, message) = self.changed_message(own, *room, *target)?;
                Ok(match message.text {
                    None => return Err(Status::NoSuchMessage.into()),
                    Some(text) if text == **content => Decision::Unchanged { log: room.id },
                    Some(_) => Decision::Append {
                        log: room.id,
                        entry: Entry::Edit {
                            target: message.place,
                            print: fingerprint(&proposal.change),
                            content: Some(content.clone()),
                        },
                    },
                })
            }
            Change::Redact { room, target } => {
                let (room, message) = self.changed_message(own, *room, *target)?;
                Ok(match message.text {
                    None => Decision::Unchanged { log: room.id },
                    Some(_) => Decision::Append {
                        log: room.id,
                        entry: Entry::Redact { target: message.place, print: fingerprint(&proposal.change) },
                    },
                })
            }
            Change::React { room, target, emoji, remove } => {
                let room = self.allowed_room(own, *room, Action::React)?;
                check(is_one_emoji(emoji))?;
                let head = self.rooms.head(room.id).of_room(room.id);
                let message = revisions::find(self.connection, &head, *target)?;
                let message =
                    message.filter(|message| message.text.is_some()).ok_or(Status::NoSuchMessage)?;
                let target = message.place;
                if reactions::exists(self.connection, target, own, emoji)? != *remove {
                    return Ok(Decision::Unchanged { log: room.id });
                }
                if !*remove && !reactions::is_possible(self.connection, target, own, emoji)? {
                    return Err(Status::TooManyReactions.into());
                }
                let (print, emoji, remove) = (fingerprint(&proposal.change), emoji.clone(), *remove);
                Ok(Decision::Append { log: room.id, entry: Entry::React { target, print, emoji, remove } })
            }
            Change::ChangeNick { nick, from } => self.change_nick(own, nick, *from),
            Change::CreateRoom { .. } => self.create_room_for(own, proposal),
            Change::RenameRoom { room, name } => self.rename_room(own, *room, name),
            Change::SetTopic { room, topic } => {
                let room = self.allowed_room(own, *room, Action::SetTopic)?;
                check(topic.len() <= TOPIC_BYTES)?;
                Ok(if self.rooms.texts(room.id)?.1 == **topic {
                    Decision::Unchanged { log: room.id }
                } else {
                    Decision::Append { log: room.id, entry: Entry::SetTopic { topic: topic.clone() } }
                })
            }
            Change::Archive { room, archived } => {
                let room = self.allowed_room(own, *room, Action::Archive)?;
                Ok(if room.archived == *archived {
                    Decision::Unchanged { log: room.id }
                } else {
                    Decision::Append { log: room.id, entry: Entry::Archive { archived: *archived } }
                })
            }
            Change::ChangeMember { room, account, role } => {
                let room = self.room(*room)?;
                self.change_member(own, room, *account, *role)
            }
        }
    }

    fn room(&mut self, room: RoomId) -> Result<RoomKey, Refusal> {
        Ok(self.rooms.find(room)?.ok_or(Status::NoSuchRoom)?)
    }

    /// A room in which an account may do this.
    fn allowed_room(&mut self, account: i64, room: RoomId, action: Action) -> Result<RoomKey, Refusal> {
        let room = self.room(room)?;
        let role = self.members.role(account, room.id, room.kind)?;
        allows(role, room.kind, room.archived, action)?;
        Ok(room)
    }

    /// A message that an account may edit or erase, and its room.
    fn changed_message(
        &mut self,
        account: i64,
        room: RoomId,
        target: Target,
    ) -> Result<(RoomKey, Found), Refusal> {
        let room = self.room(room)?;
        let role = self.members.role(account, room.id, room.kind)?;
        let may = |action| allows(role, room.kind, room.archived, action);
        // Without the right to read the room, nobody may learn which messages it has.
        may(Action::ChangeOwnMessage)?;
        let head = self.rooms.head(room.id).of_room(room.id);
        let message = revisions::find(self.connection, &head, target)?.ok_or(Status::NoSuchMessage)?;
        if message.sender != account {
            may(Action::ChangeMessage)?;
        }
        Ok((room, message))
    }

    /// Checks that an account can get a nick. `from` may lose a nick that conflicts with it; it is returned if it does.
    fn check_nick(
        &mut self,
        nick: &str,
        own: Option<i64>,
        from: Option<NickSource>,
    ) -> Result<Option<i64>, Refusal> {
        check((1..=NICK_CHARS).contains(&nick.chars().count()))?;
        let mut conflicts = Conflicts::find(self.connection, Space::Nicks, nick)?;
        if let Some(own) = own {
            conflicts = conflicts.without(own);
        }
        let from = match from {
            None => None,
            Some(NickSource::Account(from)) => self.accounts.find(from)?.map(|from| from.id),
            Some(NickSource::Anybody) => conflicts.holders().first().copied(),
        };
        let from = from.filter(|from| conflicts.holders().contains(from));
        if let Some(from) = from {
            conflicts = conflicts.without(from);
        }
        match (conflicts.same, conflicts.holders().is_empty()) {
            (Some(_), _) => Err(Status::NickTaken.into()),
            (None, false) => Err(Status::NickConfusable.into()),
            (None, true) => Ok(from),
        }
    }

    fn change_nick(
        &mut self,
        own: i64,
        nick: &Arc<str>,
        from: Option<NickSource>,
    ) -> Result<Decision, Refusal> {
        let from = self.check_nick(nick, Some(own), from)?;
        let (before, holds_nick) = self.accounts.nick(own)?;
        Ok(if holds_nick && before == **nick {
            Decision::Unchanged { log: DIRECTORY }
        } else {
            Decision::Append { log: DIRECTORY, entry: Entry::ChangeNick { nick: nick.clone(), from } }
        })
    }

    /// Checks the name of a room. `own` is the room, if it exists.
    fn check_room_name(&self, kind: RoomKind, name: &str, own: Option<i64>) -> Result<(), Refusal> {
        check((1..=ROOM_NAME_CHARS).contains(&name.chars().count()))?;
        if kind != RoomKind::Public {
            return Ok(());
        }
        let conflicts = Conflicts::find(self.connection, Space::PublicRooms, name)?;
        let conflicts = own.map_or(conflicts, |own| conflicts.without(own));
        match (conflicts.same, conflicts.holders().is_empty()) {
            (Some(_), _) => Err(Status::RoomNameTaken.into()),
            (None, false) => Err(Status::RoomNameConfusable.into()),
            (None, true) => Ok(()),
        }
    }

    fn create_room_for(&mut self, own: i64, proposal: &Proposal) -> Result<Decision, Refusal> {
        let Change::CreateRoom { room, kind, name, topic, people } = &proposal.change else {
            return Err(Status::BadParameters.into());
        };
        let others = others(proposal.sender, people);
        check(topic.len() <= TOPIC_BYTES)?;
        match kind {
            RoomKind::Lobby => return Err(Status::BadParameters.into()),
            RoomKind::Public | RoomKind::Private => {
                if !self.may_create_rooms(own)? {
                    return Err(Status::NotAllowed.into());
                }
                check(others.len() <= INVITED_PEOPLE && self.rooms.find(*room)?.is_none())?;
                self.check_room_name(*kind, name, None)?;
                if self.accounts.rooms_created(own)? >= self.limits.rooms_created.into() {
                    return Err(Status::TooManyRooms.into());
                }
            }
            RoomKind::Direct => {
                check(name.is_empty() && (1..DIRECT_PEOPLE).contains(&others.len()))?;
                check(*room == direct_room(&[&others[..], &[proposal.sender]].concat()))?;
                if let Some(exists) = self.rooms.find(*room)? {
                    return Ok(Decision::Exists(Place { seq: exists.created, ord: 0, time: proposal.time }));
                }
            }
        }
        let id = self.rooms.next_id()?;
        if !message_key::is_room(id) {
            return Err(Status::TooManyRooms.into());
        }
        let handle = self.next_handle(own, id, *kind)?;
        let mut with_handles = Vec::with_capacity(others.len());
        for person in others {
            let account = self.accounts.find(person)?.ok_or(Status::NoSuchAccount)?;
            with_handles.push((person, self.next_handle(account.id, id, *kind)?));
        }
        let entry = Entry::CreateRoom {
            id,
            room: *room,
            kind: *kind,
            handle,
            people: with_handles,
            name: name.clone(),
            topic: topic.clone(),
        };
        Ok(Decision::Append { log: DIRECTORY, entry })
    }

    /// Returns `true` if the settings allow an account to create PUBLIC and PRIVATE rooms.
    fn may_create_rooms(&mut self, account: i64) -> Result<bool, Refusal> {
        if self.limits.creators <= Role::Member {
            return Ok(true);
        }
        let Some(lobby) = self.rooms.find(RoomId::LOBBY)? else { return Ok(false) };
        Ok(self.members.role(account, lobby.id, lobby.kind)? >= self.limits.creators)
    }

    /// The handle of a room that an account gets into, if it may get into another one.
    fn next_handle(&mut self, account: i64, room: i64, kind: RoomKind) -> Result<u32, Refusal> {
        if self.members.rooms_of(account)? >= self.limits.rooms_per_account {
            return Err(Status::TooManyRooms.into());
        }
        Ok(self.members.handle(account, room, kind)?)
    }

    fn rename_room(&mut self, own: i64, room: RoomId, name: &Arc<str>) -> Result<Decision, Refusal> {
        let room = self.allowed_room(own, room, Action::Rename)?;
        self.check_room_name(room.kind, name, Some(room.id))?;
        Ok(if self.rooms.texts(room.id)?.0 == **name {
            Decision::Unchanged { log: DIRECTORY }
        } else {
            Decision::Append {
                log: DIRECTORY,
                entry: Entry::RenameRoom { room: room.id, name: name.clone() },
            }
        })
    }

    fn change_member(
        &mut self,
        own: i64,
        room: RoomKey,
        account: UserId,
        role: Role,
    ) -> Result<Decision, Refusal> {
        let own_role = self.members.role(own, room.id, room.kind)?;
        let may = |action| allows(own_role, room.kind, room.archived, action);
        let Some(account) = self.accounts.find(account)?.map(|account| account.id) else {
            // Not told to whoever must not learn that the room exists.
            may(Action::Invite)?;
            return Err(Status::NoSuchAccount.into());
        };
        let before = self.members.role(account, room.id, room.kind)?;
        may(match role {
            Role::None if account == own => Action::Leave,
            Role::Member if account == own && before <= Role::Member => Action::Join,
            Role::None => Action::Remove(before),
            Role::Invited => Action::Invite,
            Role::Member | Role::Moderator | Role::Owner => Action::ChangeRole,
        })?;
        let is_join = account == own && role == Role::Member;
        let unchanged = match role {
            Role::Invited => before != Role::None,
            role => role == before,
        };
        if unchanged {
            return Ok(Decision::Unchanged { log: room.id });
        }
        if role.is_member() && !before.is_member() && !is_join {
            return Err(Status::NotAMember.into());
        }
        let is_last_owner = room.kind != RoomKind::Lobby
            && before == Role::Owner
            && self.members.owners(room.id)? == 1
            && (role.is_member() || self.rooms.members(room.id)? > 1);
        if is_last_owner {
            return Err(Status::LastOwner.into());
        }
        // A room never has members without an owner: the first one of an empty room owns it.
        let is_first = is_join && room.kind != RoomKind::Lobby && self.rooms.members(room.id)? == 0;
        let role = if is_first { Role::Owner } else { role };
        let handle = match (before, role) {
            (Role::None, Role::Member | Role::Invited | Role::Owner) => {
                self.next_handle(account, room.id, room.kind)?
            }
            _ => self.members.handle(account, room.id, room.kind)?,
        };
        Ok(Decision::Append { log: room.id, entry: Entry::ChangeMember { account, role, handle } })
    }
}

/// The people of a new room without its creator, each once and in order.
pub(super) fn others(creator: UserId, people: &[UserId]) -> Vec<UserId> {
    let mut others: Vec<_> = people.iter().copied().filter(|person| *person != creator).collect();
    others.sort_unstable();
    others.dedup();
    others
}

/// Refuses a proposal that no hub makes.
fn check(is_valid: bool) -> Result<(), Refusal> {
    if is_valid { Ok(()) } else { Err(Status::BadParameters.into()) }
}
