//! Applying an event to the projections.

use parlour_core::model::{Role, RoomKind, UserId};

use super::Projector;
use crate::store::sqlite::{
    accounts::AccountKey, entry::Entry, events::Event, heads::RoomKey, members::Membership,
};

impl Projector<'_> {
    /// Applies an event: one that was just accepted, or a stored one when the projections are rebuilt.
    pub(in crate::store::sqlite) fn apply(&mut self, event: &Event) -> rusqlite::Result<()> {
        let head = self.rooms.grow(event.log, event.seq, event.gseq)?;
        match &event.entry {
            Entry::Message { .. } | Entry::Erased { .. } => head.add_message(event.ord, event.time),
            // See `revisions` and `reactions`.
            Entry::Edit { .. } | Entry::Redact { .. } | Entry::React { .. } => {}
            Entry::CreateAccount { user, nick, from } => {
                self.take_nick(*from, event.gseq)?;
                self.create_account(event, *user, nick, None)?;
                self.accounts.hold_nick(event.sender, nick, event.gseq)?;
            }
            Entry::ImportAccount { user, nick, holds_nick, former } => {
                self.create_account(event, *user, nick, *former)?;
                if *holds_nick {
                    self.accounts.hold_nick(event.sender, nick, event.gseq)?;
                }
            }
            Entry::ChangeNick { nick, from } => {
                self.take_nick(*from, event.gseq)?;
                self.accounts.hold_nick(event.sender, nick, event.gseq)?;
            }
            Entry::CreateRoom { .. } => self.create_room(event)?,
            Entry::RenameRoom { room, name } => {
                self.rooms.touch(*room, event.gseq)?;
                self.rooms.rename(*room, name)?;
            }
            Entry::SetTopic { topic } => self.rooms.set_topic(event.log, topic)?,
            Entry::Archive { archived } => self.rooms.set_archived(event.log, *archived)?,
            Entry::ChangeMember { account, role, handle } => {
                self.put_member(*account, event.log, *role, *handle, event.gseq)?;
            }
        }
        Ok(())
    }

    fn take_nick(&self, from: Option<i64>, gseq: i64) -> rusqlite::Result<()> {
        from.map_or(Ok(()), |from| self.accounts.release_nick(from, gseq))
    }

    fn create_account(
        &mut self,
        event: &Event,
        user: UserId,
        nick: &str,
        former: Option<i64>,
    ) -> rusqlite::Result<()> {
        self.accounts.create(user, AccountKey { id: event.sender, former }, nick, event.gseq)
    }

    fn create_room(&mut self, event: &Event) -> rusqlite::Result<()> {
        let Entry::CreateRoom { id, room, kind, handle, people, name, topic } = &event.entry else {
            return Ok(());
        };
        let key = RoomKey { id: *id, kind: *kind, archived: false, created: event.seq };
        self.rooms.create(*room, key, name, topic)?;
        self.rooms.touch(*id, event.gseq)?;
        let (own, others) = match kind {
            RoomKind::Direct => (Role::Member, Role::Member),
            _ => (Role::Owner, Role::Invited),
        };
        if *kind != RoomKind::Direct {
            self.accounts.count_created(event.sender)?;
        }
        self.put_member(event.sender, *id, own, *handle, event.gseq)?;
        for (user, handle) in people {
            // An account that has left the room may have been deleted since.
            if let Some(account) = self.accounts.find(*user)? {
                self.put_member(account.id, *id, others, *handle, event.gseq)?;
            }
        }
        Ok(())
    }

    fn put_member(
        &mut self,
        account: i64,
        room: i64,
        role: Role,
        handle: u32,
        gseq: i64,
    ) -> rusqlite::Result<()> {
        let before = self.members.stored_role(account, room)?;
        self.members.put(account, room, Membership { role, handle }, gseq)?;
        // The members of the lobby, which has the handle 0, are not counted.
        let change = i64::from(role.is_member()) - i64::from(before.is_member());
        if change != 0 && handle > 0 { self.rooms.count_members(room, change) } else { Ok(()) }
    }
}
