//! The projector: the one function that turns proposals into events, and events into accounts, rooms and members.
//!
//! It takes the proposals in the order of the log. [`decide`] validates each at its place, against the state after all events
//! before it; [`apply`] is the only code that writes the projections. Both are deterministic: they read no clock and draw no
//! random numbers, so the same proposals in the same order always give the same log, and [`rebuild`](super::rebuild) gives
//! the same tables from the stored events.
//!
//! A proposal is recognised by its sender and id before anything else about it counts: whoever resends a command that was
//! accepted gets its first place, even if the same command would be refused now.
//!
//! [`decide`]: Projector::decide
//! [`apply`]: Projector::apply

mod apply;
mod decide;

use parlour_core::{
    model::{MessageId, Role, RoomId, UserId},
    status::Status,
};
use rusqlite::{Connection, params};

use self::decide::{Decision, Refusal, others};
use super::{
    accounts::{AccountKey, Accounts, KnownAccounts},
    cursors::{Cursor, Cursors, KnownCursors},
    entry::Entry,
    events::{Event, Events},
    fault::Fault,
    fingerprint::{fingerprint, legacy_fingerprint},
    heads::{DIRECTORY, KnownRooms, Rooms},
    members::{KnownMembers, Members},
    message_key, reactions, revisions,
};
use crate::store::{Change, Outcome, Place, Proposal, RoomLimits, RowChange};

/// The most rows that the projector knows from one append to the next.
const MAX_KNOWN_ROWS: usize = 20_000;

/// The rows that the projector has read and written. They are kept from one append to the next, and hold as long as nothing
/// else writes the same tables: whoever does must drop them, and so must an append that fails.
#[derive(Debug, Default)]
pub(super) struct KnownRows {
    accounts: KnownAccounts,
    rooms: KnownRooms,
    members: KnownMembers,
    cursors: KnownCursors,
}

/// The subject of an event whose outcome has more than a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// None.
    Nothing,
    /// The room itself.
    Room,
    /// A member, who has this role now.
    Member(i64, Role),
    /// The message with this place.
    Message(i64),
}

impl About {
    fn of(entry: &Entry) -> Self {
        match *entry {
            Entry::SetTopic { .. } | Entry::Archive { .. } => Self::Room,
            Entry::ChangeMember { account, role, .. } => Self::Member(account, role),
            Entry::Edit { target, .. } | Entry::Redact { target, .. } | Entry::React { target, .. } => {
                Self::Message(target)
            }
            _ => Self::Nothing,
        }
    }
}

/// The projector during one transaction. Rows are read once, and heads and cursors written once, by [`store`](Self::store).
pub(super) struct Projector<'a> {
    connection: &'a Connection,
    limits: RoomLimits,
    accounts: Accounts<'a>,
    rooms: Rooms<'a>,
    members: Members<'a>,
    cursors: Cursors<'a>,
    events: Events<'a>,
}

impl<'a> Projector<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        limits: RoomLimits,
        known: KnownRows,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            limits,
            accounts: Accounts::new(connection, known.accounts)?,
            rooms: Rooms::new(connection, known.rooms)?,
            members: Members::new(connection, known.members)?,
            cursors: Cursors::new(connection, known.cursors)?,
            events: Events::new(connection)?,
        })
    }

    /// The rows for the next append, after [`store`](Self::store); none if there are too many.
    pub(super) fn into_known(self) -> KnownRows {
        let known = KnownRows {
            accounts: self.accounts.known,
            rooms: self.rooms.known,
            members: self.members.known,
            cursors: self.cursors.known,
        };
        let rows = known.accounts.len() + known.rooms.len() + known.members.len() + known.cursors.len();
        if rows <= MAX_KNOWN_ROWS { known } else { KnownRows::default() }
    }

    /// Appends a proposal, if it is accepted.
    pub(super) fn append(&mut self, proposal: &Proposal) -> Result<Outcome, Fault> {
        let sender = self.accounts.find(proposal.sender)?;
        if let Some(sender) = sender
            && let Some(outcome) = self.resent_early(sender, proposal)?
        {
            return Ok(outcome);
        }
        let decided = match self.decide(proposal, sender) {
            Ok(Decision::Append { log, entry }) => {
                let sender = sender.map(|sender| sender.id);
                let about = About::of(&entry);
                if let Some(place) = self.insert(proposal.id, proposal.time, sender, log, entry)? {
                    return Ok(match sender {
                        Some(sender) => self.appended(log, place, sender, about)?,
                        None => Outcome::Appended(place),
                    });
                }
                // The sender has used the id.
                Outcome::Refused(Status::MessageIdReused)
            }
            Ok(Decision::Unchanged { log }) => {
                Outcome::Known(Place { seq: self.rooms.head(log).seq, ord: 0, time: proposal.time })
            }
            Ok(Decision::Exists(place)) => Outcome::Known(place),
            Err(Refusal::Status(status)) => Outcome::Refused(status),
            Err(Refusal::Fault(fault)) => return Err(fault),
        };
        let resent = match sender {
            Some(sender) => self.resent(sender.id, proposal)?,
            None => None,
        };
        Ok(resent.unwrap_or(decided))
    }

    /// The outcome of a proposal that was appended. The hub may not know the people whom its event names any more.
    fn appended(&self, log: i64, place: Place, sender: i64, about: About) -> rusqlite::Result<Outcome> {
        if about == About::Nothing {
            return Ok(Outcome::Appended(place));
        }
        let nick = self.accounts.nick(sender)?.0.into();
        Ok(match about {
            About::Nothing => Outcome::Appended(place),
            About::Room => Outcome::RoomChanged { place, nick },
            About::Member(account, role) => {
                let target_nick = self.accounts.nick(account)?.0.into();
                let members = self.rooms.members(log)?.cast_unsigned();
                Outcome::MemberChanged { place, role, members, nick, target_nick }
            }
            About::Message(message) => {
                let message = revisions::message(self.connection, message, sender)?;
                Outcome::MessageChanged { place, nick, message }
            }
        })
    }

    /// Gives an account a role in the lobby, unless it has that already or does not exist. Nobody has to allow it.
    pub(super) fn give_lobby_role(
        &mut self,
        account: UserId,
        role: Role,
        (id, time): (MessageId, i64),
    ) -> Result<(), Fault> {
        let (Some(account), Some(lobby)) = (self.accounts.find(account)?, self.rooms.find(RoomId::LOBBY)?)
        else {
            return Ok(());
        };
        let account = account.id;
        if self.members.role(account, lobby.id, lobby.kind)? != role {
            let handle = self.members.handle(account, lobby.id, lobby.kind)?;
            let entry = Entry::ChangeMember { account, role, handle };
            self.insert(id, time, Some(account), lobby.id, entry)?;
        }
        Ok(())
    }

    /// Inserts an event and applies it. Returns its place, or `None` if its sender has used its id before. The event that
    /// creates an account has no sender yet.
    pub(super) fn insert(
        &mut self,
        id: MessageId,
        time: i64,
        sender: Option<i64>,
        log: i64,
        entry: Entry,
    ) -> Result<Option<Place>, Fault> {
        let head = self.rooms.head(log);
        let seq = message_key::after(log, head.seq)?;
        let event = Event {
            log,
            seq,
            ord: head.ord + u64::from(entry.is_message()),
            // The number of an account is that of the event that creates it.
            sender: sender.unwrap_or(seq.cast_signed()),
            id,
            time,
            gseq: self.rooms.next_gseq(),
            entry,
        };
        if !self.events.insert(&event, head.last_time())? {
            return Ok(None);
        }
        if matches!(event.entry, Entry::Message { .. }) {
            self.accounts.sent_message(event.sender, event.gseq)?;
        }
        self.move_cursor(&event)?;
        self.apply(&event)?;
        revisions::store(self.connection, &event)?;
        reactions::apply(self.connection, &event)?;
        Ok(Some(event.place()))
    }

    /// Moves the read cursor of the sender of an event that was not applied yet. It has read what it says itself, and all
    /// that was said before it came.
    fn move_cursor(&mut self, event: &Event) -> Result<(), Fault> {
        match &event.entry {
            Entry::Message { .. } => self.cursors.read_own(event.sender, event.log, event.ord, event.gseq)?,
            Entry::CreateAccount { .. } | Entry::ImportAccount { .. } => {
                if let Some(lobby) = self.rooms.find(RoomId::LOBBY)? {
                    let ord = self.rooms.head(lobby.id).ord;
                    self.cursors.read_to(event.sender, lobby.id, ord, event.gseq)?;
                }
            }
            Entry::ChangeMember { account, role, .. } if role.is_member() && *account == event.sender => {
                let before = self.members.stored_role(*account, event.log)?;
                // Everybody is in the lobby from the beginning.
                let is_lobby = self.rooms.find(RoomId::LOBBY)?.is_some_and(|lobby| lobby.id == event.log);
                if matches!(before, Role::None | Role::Invited) && !is_lobby {
                    self.cursors.read_to(*account, event.log, event.ord, event.gseq)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The outcome of a proposal with an id that was used before, if that is not found by inserting it: its event was deleted,
    /// or is a message of the former guest of the sender's nick.
    fn resent_early(&mut self, sender: AccountKey, proposal: &Proposal) -> Result<Option<Outcome>, Fault> {
        if let Some(deleted) = self.events.deleted(sender.id, sender.former, proposal.id)? {
            let print = match &proposal.change {
                Change::Message { room: RoomId::LOBBY, content } if deleted.is_legacy => {
                    legacy_fingerprint(&self.accounts.nick(sender.id)?.0, content)
                }
                change => fingerprint(change),
            };
            return Ok(Some(known(print == deleted.fingerprint, deleted.place)));
        }
        match sender.former {
            Some(former) => self.resent(former, proposal),
            None => Ok(None),
        }
    }

    /// The outcome of a proposal whose id was used for an event of this sender.
    fn resent(&mut self, sender: i64, proposal: &Proposal) -> Result<Option<Outcome>, Fault> {
        let Some(event) = self.events.known(sender, proposal.id)? else { return Ok(None) };
        let is_same = self.is_same(&event, proposal)?;
        Ok(Some(known(is_same, event.place())))
    }

    /// Returns `true` if an event is what its sender proposes again. The account that loses a nick is not compared: it is not
    /// chosen by the sender.
    fn is_same(&mut self, event: &Event, proposal: &Proposal) -> rusqlite::Result<bool> {
        let change = &proposal.change;
        let room = match change {
            Change::Message { room, .. }
            | Change::Edit { room, .. }
            | Change::Redact { room, .. }
            | Change::React { room, .. }
            | Change::SetTopic { room, .. }
            | Change::Archive { room, .. }
            | Change::ChangeMember { room, .. }
            | Change::RenameRoom { room, .. } => self.rooms.find(*room)?.map(|room| room.id),
            Change::CreateAccount { .. } | Change::ChangeNick { .. } | Change::CreateRoom { .. } => None,
        };
        let in_room = room == Some(event.log);
        Ok(match (&event.entry, change) {
            (Entry::Message { content: stored }, Change::Message { content, .. }) => {
                in_room && stored == content
            }
            (Entry::Erased { print }, Change::Message { .. })
            | (Entry::Edit { print, .. }, Change::Edit { .. })
            | (Entry::Redact { print, .. }, Change::Redact { .. })
            | (Entry::React { print, .. }, Change::React { .. }) => *print == fingerprint(change),
            (Entry::SetTopic { topic: stored }, Change::SetTopic { topic, .. }) => in_room && stored == topic,
            (Entry::Archive { archived: stored }, Change::Archive { archived, .. }) => {
                in_room && stored == archived
            }
            (
                Entry::ChangeMember { account: stored, role: stored_role, .. },
                Change::ChangeMember { account, role, .. },
            ) => {
                let account = self.accounts.find(*account)?;
                // The first member of an empty room became its owner by joining.
                let is_same_role = stored_role == role
                    || (*stored_role, *role) == (Role::Owner, Role::Member) && *stored == event.sender;
                in_room && is_same_role && account.is_some_and(|account| account.id == *stored)
            }
            (Entry::CreateAccount { nick: stored, .. }, Change::CreateAccount { nick, .. })
            | (Entry::ChangeNick { nick: stored, .. }, Change::ChangeNick { nick, .. }) => stored == nick,
            (Entry::RenameRoom { room: stored, name: stored_name }, Change::RenameRoom { name, .. }) => {
                room == Some(*stored) && stored_name == name
            }
            (
                Entry::CreateRoom { room, kind, name, topic, people, .. },
                Change::CreateRoom {
                    room: new,
                    kind: new_kind,
                    name: new_name,
                    topic: new_topic,
                    people: new_people,
                },
            ) => {
                (room, kind, name, topic) == (new, new_kind, new_name, new_topic)
                    && others(proposal.sender, new_people).iter().eq(people.iter().map(|(user, _)| user))
            }
            _ => false,
        })
    }

    /// Applies a change of what only one account owns.
    pub(super) fn apply_row(&mut self, change: &RowChange) -> rusqlite::Result<()> {
        match change {
            RowChange::PutSession(session) => {
                if let Some(account) = self.accounts.find(session.account)? {
                    self.connection
                        .prepare_cached(
                            "INSERT OR REPLACE INTO session (hash, account, lost_at) VALUES (?1, ?2, ?3)",
                        )?
                        .execute(params![session.hash, account.id, session.lost_at])?;
                }
            }
            RowChange::EndSession(hash) => {
                self.connection.prepare_cached("DELETE FROM session WHERE hash = ?1")?.execute([hash])?;
            }
            RowChange::Cursor { account, room, ord, version } => {
                if let (Some(account), Some(room)) = (self.accounts.find(*account)?, self.rooms.find(*room)?)
                {
                    let newer = Cursor { version: *version, ord: (*ord).min(self.rooms.head(room.id).ord) };
                    self.cursors.merge(account.id, room.id, newer, self.rooms.head(DIRECTORY).gseq)?;
                }
            }
            RowChange::Muted { account, room, muted } => {
                if let (Some(account), Some(room)) = (self.accounts.find(*account)?, self.rooms.find(*room)?)
                {
                    self.connection
                        .prepare_cached(
                            "INSERT INTO cursor (account, room, muted, changed) VALUES (?1, ?2, ?3, ?4)
                             ON CONFLICT (account, room) DO UPDATE SET muted = ?3, changed = ?4",
                        )?
                        .execute(params![account.id, room.id, muted, self.rooms.head(DIRECTORY).gseq])?;
                }
            }
        }
        Ok(())
    }

    /// The number of events that were ever appended to the log.
    pub(super) fn events(&self) -> u64 {
        self.rooms.head(DIRECTORY).gseq.cast_unsigned()
    }

    /// Writes what was only changed in memory. Returns the rooms with new events.
    pub(super) fn store(&mut self) -> rusqlite::Result<Vec<i64>> {
        self.cursors.store()?;
        self.rooms.store()
    }
}

/// The outcome of a proposal whose id was used at a place.
fn known(is_same: bool, place: Place) -> Outcome {
    if is_same { Outcome::Known(place) } else { Outcome::Refused(Status::MessageIdReused) }
}
