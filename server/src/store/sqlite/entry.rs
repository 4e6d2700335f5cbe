//! The content of an event, and its form in the table of events.
//!
//! An entry has everything that applying the event needs, in internal numbers, and also the numbers that the projector
//! assigned. So it does not depend on events that retention has deleted. The form is stored and must not change.
//!
//! | kind | event | log | target | payload |
//! | --- | --- | --- | --- | --- |
//! | 0 | message | room | | none; the text is in `body` |
//! | 1 | account created | directory | the account that lost the nick | user id, 1, nick |
//! | 2 | room created | directory | the room | room id, kind, handle of the creator, length of the name, number of people, user id and handle of each, name, topic |
//! | 3 | nick changed | directory | the account that lost the nick | nick |
//! | 4 | room renamed | directory | the room | name |
//! | 5 | topic set | room | | topic |
//! | 6 | room archived | room | | 0 or 1 |
//! | 7 | member changed | room | the account | role, handle |
//! | 8 | account of an earlier version | directory | the former guest of its nick | user id, 1 if it holds its nick, nick |
//! | 9 | message edited | room | the place of the message | fingerprint; the text is in `revision` |
//! | 10 | message erased | room | the place of the message | fingerprint |
//! | 11 | reaction | room | the place of the message | fingerprint, 1 if it is removed, emoji |
//!
//! Handles have 4 bytes, the length of a name 2, kinds, roles and numbers of people 1; all are big-endian.

use std::sync::Arc;

use parlour_core::model::{Role, RoomId, RoomKind, UserId};

/// The content of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Message {
        content: Arc<str>,
    },
    /// A message whose text was erased.
    Erased {
        print: [u8; 16],
    },
    CreateAccount {
        user: UserId,
        nick: Arc<str>,
        /// The account that loses the nick, or a nick that looks like it.
        from: Option<i64>,
    },
    CreateRoom {
        id: i64,
        room: RoomId,
        kind: RoomKind,
        /// The handle of the room in the creator's list.
        handle: u32,
        /// The other people and their handles.
        people: Vec<(UserId, u32)>,
        name: Arc<str>,
        topic: Arc<str>,
    },
    ChangeNick {
        nick: Arc<str>,
        from: Option<i64>,
    },
    RenameRoom {
        room: i64,
        name: Arc<str>,
    },
    SetTopic {
        topic: Arc<str>,
    },
    Archive {
        archived: bool,
    },
    ChangeMember {
        account: i64,
        role: Role,
        handle: u32,
    },
    Edit {
        /// The place of the message.
        target: i64,
        print: [u8; 16],
        /// `None` if it was erased.
        content: Option<Arc<str>>,
    },
    Redact {
        /// The place of the message.
        target: i64,
        print: [u8; 16],
    },
    React {
        /// The place of the message.
        target: i64,
        print: [u8; 16],
        emoji: Arc<str>,
        remove: bool,
    },
    /// An account of a session or of an author in a database without accounts.
    ImportAccount {
        user: UserId,
        nick: Arc<str>,
        holds_nick: bool,
        /// The former guest of the same nick.
        former: Option<i64>,
    },
}

/// The kind of another nick.
pub(super) const CHANGE_NICK: u8 = 3;
/// The kind of a message.
pub(super) const MESSAGE: u8 = 0;
/// The kind of another text of a message.
pub(super) const EDIT: u8 = 9;
/// The kind of an erasure of a text.
pub(super) const REDACT: u8 = 10;

/// The kind of a reaction.
pub(super) const REACT: u8 = 11;

/// The columns of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Columns {
    pub(super) kind: u8,
    pub(super) target: Option<i64>,
    pub(super) payload: Option<Vec<u8>>,
}

impl Entry {
    /// Returns `true` for a message, also if its text was erased.
    pub(super) fn is_message(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Erased { .. })
    }

    /// The columns; the texts of messages and edits are not among them.
    pub(super) fn columns(&self) -> Columns {
        let columns = |kind, target, payload: Vec<u8>| Columns { kind, target, payload: Some(payload) };
        match self {
            Self::Message { .. } => Columns { kind: MESSAGE, ..Columns::default() },
            Self::Erased { print } => columns(MESSAGE, None, print.to_vec()),
            Self::CreateAccount { user, nick, from } => {
                columns(1, *from, [&user.0, &[1][..], nick.as_bytes()].concat())
            }
            Self::CreateRoom { id, room, kind, handle, people, name, topic } => {
                let mut payload = room.0.to_vec();
                payload.push(kind_code(*kind));
                payload.extend(handle.to_be_bytes());
                payload.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
                payload.push(u8::try_from(people.len()).unwrap_or(u8::MAX));
                for (user, handle) in people {
                    payload.extend(user.0);
                    payload.extend(handle.to_be_bytes());
                }
                payload.extend(name.as_bytes());
                payload.extend(topic.as_bytes());
                columns(2, Some(*id), payload)
            }
            Self::ChangeNick { nick, from } => columns(CHANGE_NICK, *from, nick.as_bytes().to_vec()),
            Self::RenameRoom { room, name } => columns(4, Some(*room), name.as_bytes().to_vec()),
            Self::SetTopic { topic } => columns(5, None, topic.as_bytes().to_vec()),
            Self::Archive { archived } => columns(6, None, vec![u8::from(*archived)]),
            Self::ChangeMember { account, role, handle } => {
                columns(7, Some(*account), [&[role_code(*role)][..], &handle.to_be_bytes()].concat())
            }
            Self::ImportAccount { user, nick, holds_nick, former } => {
                columns(8, *former, [&user.0, &[u8::from(*holds_nick)][..], nick.as_bytes()].concat())
            }
            Self::Edit { target, print, .. } => columns(EDIT, Some(*target), print.to_vec()),
            Self::Redact { target, print } => columns(REDACT, Some(*target), print.to_vec()),
            Self::React { target, print, emoji, remove } => {
                columns(REACT, Some(*target), [&print[..], &[u8::from(*remove)], emoji.as_bytes()].concat())
            }
        }
    }

    /// The entry of some columns, and of the text of a message or an edit; `None` if they are damaged.
    pub(super) fn decode(columns: &Columns, text: Option<Arc<str>>) -> Option<Self> {
        let mut payload = Payload(columns.payload.as_deref().unwrap_or_default());
        let target = columns.target;
        Some(match columns.kind {
            MESSAGE if columns.payload.is_some() => Self::Erased { print: payload.take()? },
            MESSAGE => Self::Message { content: text? },
            1 => {
                let (user, _) = (UserId(payload.take()?), payload.byte()?);
                Self::CreateAccount { user, nick: payload.text()?, from: target }
            }
            2 => {
                let room = RoomId(payload.take()?);
                let kind = RoomKind::from_wire(payload.byte()?.into())?;
                let handle = u32::from_be_bytes(payload.take()?);
                let name_bytes = u16::from_be_bytes(payload.take()?);
                let people = (0..payload.byte()?)
                    .map(|_| Some((UserId(payload.take()?), u32::from_be_bytes(payload.take()?))))
                    .collect::<Option<_>>()?;
                let (name, topic) = payload.0.split_at_checked(name_bytes.into())?;
                let (name, topic) = (Payload(name).text()?, Payload(topic).text()?);
                Self::CreateRoom { id: target?, room, kind, handle, people, name, topic }
            }
            CHANGE_NICK => Self::ChangeNick { nick: payload.text()?, from: target },
            4 => Self::RenameRoom { room: target?, name: payload.text()? },
            5 => Self::SetTopic { topic: payload.text()? },
            6 => Self::Archive { archived: payload.byte()? != 0 },
            7 => Self::ChangeMember {
                account: target?,
                role: Role::from_wire(payload.byte()?.into())?,
                handle: u32::from_be_bytes(payload.take()?),
            },
            8 => {
                let (user, holds_nick) = (UserId(payload.take()?), payload.byte()? != 0);
                Self::ImportAccount { user, nick: payload.text()?, holds_nick, former: target }
            }
            EDIT => Self::Edit { target: target?, print: payload.take()?, content: text },
            REDACT => Self::Redact { target: target?, print: payload.take()? },
            REACT => {
                let (print, remove) = (payload.take()?, payload.byte()? != 0);
                Self::React { target: target?, print, emoji: payload.text()?, remove }
            }
            _ => return None,
        })
    }
}

/// The rest of a payload.
struct Payload<'a>(&'a [u8]);

impl Payload<'_> {
    fn take<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn text(&self) -> Option<Arc<str>> {
        str::from_utf8(self.0).ok().map(Arc::from)
    }
}

/// The number of a kind of room in the database: that on the wire.
pub(super) fn kind_code(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::Lobby => 0,
        RoomKind::Public => 1,
        RoomKind::Private => 2,
        RoomKind::Direct => 3,
    }
}

/// The number of a role in the database: that on the wire.
pub(super) fn role_code(role: Role) -> u8 {
    match role {
        Role::None => 0,
        Role::Member => 1,
        Role::Moderator => 2,
        Role::Owner => 3,
        Role::Invited => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let (user, other) = (UserId([1; 16]), UserId([2; 16]));
        let direct = Entry::CreateRoom {
            id: 7,
            room: RoomId([3; 16]),
            kind: RoomKind::Direct,
            handle: 1,
            people: vec![(other, 0x0102_0304), (user, 2)],
            name: "".into(),
            topic: "".into(),
        };
        vec![
            Entry::Message { content: "hello".into() },
            Entry::CreateAccount { user, nick: "李丽".into(), from: None },
            Entry::CreateAccount { user, nick: "tom".into(), from: Some(4) },
            direct,
            Entry::CreateRoom {
                id: 8,
                room: RoomId([4; 16]),
                kind: RoomKind::Public,
                handle: 9,
                people: vec![],
                name: "general".into(),
                topic: "everything".into(),
            },
            Entry::ChangeNick { nick: "tim".into(), from: Some(3) },
            Entry::RenameRoom { room: 8, name: "other".into() },
            Entry::SetTopic { topic: "".into() },
            Entry::Archive { archived: true },
            Entry::ChangeMember { account: 3, role: Role::Invited, handle: 12 },
            Entry::ImportAccount { user, nick: "ann".into(), holds_nick: false, former: Some(1) },
            Entry::Erased { print: [5; 16] },
            Entry::Edit { target: 77, print: [6; 16], content: Some("hi".into()) },
            Entry::Edit { target: 77, print: [6; 16], content: None },
            Entry::Redact { target: 77, print: [7; 16] },
            Entry::React { target: 77, print: [8; 16], emoji: "👍".into(), remove: true },
        ]
    }

    #[test]
    fn every_entry_round_trips() {
        for entry in entries() {
            let text = match &entry {
                Entry::Message { content } => Some(content.clone()),
                Entry::Edit { content, .. } => content.clone(),
                _ => None,
            };
            assert_eq!(Entry::decode(&entry.columns(), text), Some(entry));
        }
    }

    #[test]
    fn damaged_columns_are_recognised() {
        for entry in entries() {
            let columns = entry.columns();
            let cut = |bytes| columns.payload.as_ref().map(|payload| payload[..bytes].to_vec());
            let fixed = match &entry {
                Entry::CreateAccount { .. } | Entry::ImportAccount { .. } | Entry::React { .. } => 17,
                Entry::CreateRoom { people, name, .. } => 24 + 20 * people.len() + name.len(),
                Entry::Archive { .. } => 1,
                Entry::ChangeMember { .. } => 5,
                Entry::Erased { .. } | Entry::Edit { .. } | Entry::Redact { .. } => 16,
                _ => 0,
            };
            for bytes in 0..fixed {
                assert_eq!(
                    Entry::decode(&Columns { payload: cut(bytes), ..columns }, None),
                    None,
                    "{entry:?}"
                );
            }
        }
        assert_eq!(Entry::decode(&Columns { kind: 12, ..Columns::default() }, Some("".into())), None);
    }

    #[test]
    fn codes_are_those_of_the_wire() {
        for code in 0..4 {
            assert_eq!(RoomKind::from_wire(code).map(|kind| i32::from(kind_code(kind))), Some(code));
        }
        for code in 0..5 {
            assert_eq!(Role::from_wire(code).map(|role| i32::from(role_code(role))), Some(code));
        }
    }
}
