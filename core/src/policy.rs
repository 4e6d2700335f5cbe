//! The one rule that decides who may do what in a room. Both ends use it.
//!
//! The log applies it to each proposal at its place; the hub applies it before to save work; the page offers only what it
//! allows.
//!
//! | action | lobby | PUBLIC | PRIVATE | DIRECT | in an archived room |
//! | --- | --- | --- | --- | --- | --- |
//! | read | everybody | member | member | member | as before |
//! | post, react | everybody | member | member | member | nobody |
//! | edit or delete an own message | everybody | member | member | member | nobody |
//! | edit or delete another message | moderator | moderator | moderator | nobody | nobody |
//! | join, accept | is a member | everybody | invited | is a member | nobody |
//! | leave, decline | nobody | member, invited | member, invited | nobody | as before |
//! | invite | nobody | member | member | nobody | nobody |
//! | remove a member, withdraw an invitation | nobody | moderator | moderator | nobody | nobody |
//! | remove a moderator or owner | nobody | owner | owner | nobody | nobody |
//! | change a role | owner | owner | owner | nobody | nobody |
//! | set the topic | moderator | moderator | moderator | member | nobody |
//! | rename | nobody | owner | owner | nobody | nobody |
//! | archive, open | nobody | owner | owner | nobody | owner |
//!
//! "Member" includes moderators and owners, "moderator" includes owners. A PRIVATE or DIRECT room does not exist for whoever
//! is neither in it nor invited.

use crate::{
    model::{Role, RoomKind},
    status::Status,
};

/// An action in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Reads messages and members.
    Read,
    /// Sends a message.
    Post,
    /// Reacts to a message.
    React,
    /// Edits or deletes a message that the account has sent.
    ChangeOwnMessage,
    /// Edits or deletes a message of another account.
    ChangeMessage,
    /// Joins the room, or accepts an invitation.
    Join,
    /// Leaves the room, or declines an invitation.
    Leave,
    /// Invites an account that is not a member.
    Invite,
    /// Removes an account with this role, or withdraws its invitation.
    Remove(Role),
    /// Gives another role to a member.
    ChangeRole,
    /// Changes the topic.
    SetTopic,
    /// Changes the name.
    Rename,
    /// Archives the room, or opens it again.
    Archive,
}

/// Returns `Ok` if an account with this role may do this in a room of this kind.
///
/// # Errors
/// [`Status::NoSuchRoom`] if the account must not learn that the room exists; [`Status::RoomArchived`];
/// [`Status::NotAMember`] if a member could; [`Status::NotAllowed`] otherwise.
pub fn allows(role: Role, kind: RoomKind, archived: bool, action: Action) -> Result<(), Status> {
    let is_hidden = matches!(kind, RoomKind::Private | RoomKind::Direct) && role == Role::None;
    if is_hidden {
        return Err(Status::NoSuchRoom);
    }
    if archived && !matches!(action, Action::Read | Action::Leave | Action::Archive) {
        return Err(Status::RoomArchived);
    }
    // Everybody is a member of the lobby.
    let role = if kind == RoomKind::Lobby { role.max(Role::Member) } else { role };
    let needed = match (action, kind) {
        (Action::Read | Action::Post | Action::React | Action::ChangeOwnMessage, _)
        | (Action::SetTopic, RoomKind::Direct) => Role::Member,
        (Action::ChangeMessage, RoomKind::Direct) => return Err(Status::NotAllowed),
        (Action::SetTopic | Action::ChangeMessage, _) => Role::Moderator,
        (Action::Join, RoomKind::Public) => Role::None,
        (Action::Join, RoomKind::Private) => Role::Invited,
        (Action::Join, RoomKind::Lobby | RoomKind::Direct) => Role::Member,
        (Action::ChangeRole, RoomKind::Lobby) => Role::Owner,
        (_, RoomKind::Lobby | RoomKind::Direct) => return Err(Status::NotAllowed),
        (Action::Leave, _) => Role::Invited,
        (Action::Invite, _) => Role::Member,
        (Action::Remove(Role::None | Role::Invited | Role::Member), _) => Role::Moderator,
        (Action::Remove(Role::Moderator | Role::Owner), _) => Role::Owner,
        (Action::ChangeRole | Action::Rename | Action::Archive, _) => Role::Owner,
    };
    match role {
        role if role >= needed => Ok(()),
        Role::None | Role::Invited => Err(Status::NotAMember),
        _ => Err(Status::NotAllowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 5] = [Role::None, Role::Invited, Role::Member, Role::Moderator, Role::Owner];
    const KINDS: [RoomKind; 4] = [RoomKind::Lobby, RoomKind::Public, RoomKind::Private, RoomKind::Direct];

    /// The results of an action in the lobby and in PUBLIC, PRIVATE and DIRECT rooms, one character per role: `+` if it is
    /// allowed, `-` if it is not, `m` if the account has to be a member, `?` if there is no such room for it.
    fn table(archived: bool, action: Action) -> String {
        let of_kind = |kind| -> String {
            let result = |role| match allows(role, kind, archived, action) {
                Ok(()) => '+',
                Err(Status::NotAllowed) => '-',
                Err(Status::NotAMember) => 'm',
                Err(Status::NoSuchRoom) => '?',
                Err(Status::RoomArchived) => 'a',
                Err(other) => panic!("{other:?}"),
            };
            ROLES.map(result).iter().collect()
        };
        KINDS.map(of_kind).join(" ")
    }

    #[test]
    fn every_action_is_decided_by_role_and_kind() {
        let member_only = "+++++ mm+++ ?m+++ ?m+++";
        for (action, expected) in [
            (Action::Read, member_only),
            (Action::Post, member_only),
            (Action::React, member_only),
            (Action::ChangeOwnMessage, member_only),
            (Action::ChangeMessage, "---++ mm-++ ?m-++ ?----"),
            (Action::Join, "+++++ +++++ ?++++ ?m+++"),
            (Action::Leave, "----- m++++ ?++++ ?----"),
            (Action::Invite, "----- mm+++ ?m+++ ?----"),
            (Action::Remove(Role::None), "----- mm-++ ?m-++ ?----"),
            (Action::Remove(Role::Invited), "----- mm-++ ?m-++ ?----"),
            (Action::Remove(Role::Member), "----- mm-++ ?m-++ ?----"),
            (Action::Remove(Role::Moderator), "----- mm--+ ?m--+ ?----"),
            (Action::Remove(Role::Owner), "----- mm--+ ?m--+ ?----"),
            (Action::ChangeRole, "----+ mm--+ ?m--+ ?----"),
            (Action::SetTopic, "---++ mm-++ ?m-++ ?m+++"),
            (Action::Rename, "----- mm--+ ?m--+ ?----"),
            (Action::Archive, "----- mm--+ ?m--+ ?----"),
        ] {
            assert_eq!(table(false, action), expected, "{action:?}");
            let archived = match action {
                Action::Read | Action::Leave | Action::Archive => expected,
                _ => "aaaaa aaaaa ?aaaa ?aaaa",
            };
            assert_eq!(table(true, action), archived, "{action:?} in an archived room");
        }
    }
}
