//! Executes the typed commands about rooms and the account. Those without an argument open a dialog. The others do what dialogs
//! do, with code that is loaded with the dialogs.

use std::pin::Pin;

use leptos::{prelude::*, task::spawn_local};
use parlour_core::{
    client::{Command, RoomChange},
    model::{Refusal, Role, RoomId, RoomKind},
    status::Status,
    validate,
};

use super::{
    command::RoomCommand,
    dialog::{DialogKind, Outcome},
    login::missing_part_status,
    store::Store,
    values::ComposerNote,
};

/// The effect of a typed command at the server.
#[derive(Debug)]
enum Typed {
    ChangeNick(String),
    SetTopic(RoomId, String),
    Invite(RoomId, String),
    /// The room with this name, and the one in which the command was typed.
    Join(String, Option<RoomId>),
    Leave(RoomId),
}

type Execution = Pin<Box<dyn Future<Output = Result<(), Refusal>>>>;

/// The split point: `xtask/bindgen` moves all code that is reachable only from here and from the dialogs into the part `dialogs`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(dialogs, fallible, wasm_split_path = leptos::wasm_split)]
fn load_execution(store: Store, command: Typed) -> Result<Execution, leptos::wasm_split::SplitLoaderError> {
    Ok(Box::pin(store.execute(command)))
}

#[cfg(not(feature = "split"))]
async fn load_execution(store: Store, command: Typed) -> Result<Execution, ()> {
    Ok(Box::pin(store.execute(command)))
}

impl Store {
    /// Executes a typed command. A refusal by the server is shown as the composer's note, unless another room was opened meanwhile.
    ///
    /// # Errors
    /// [`Status::NotOnThisServer`] if the server has no rooms, [`Status::NotAllowed`] in a room that nobody can leave, and the
    /// errors of [`validate::nick`].
    pub(super) fn execute_typed(&self, command: RoomCommand<'_>) -> Result<(), Status> {
        if !untrack(|| self.has_rooms()) {
            return Err(Status::NotOnThisServer);
        }
        let room = self.open_room.get_untracked().unwrap_or(RoomId::LOBBY);
        match command {
            RoomCommand::ChangeNick("") => self.open_dialog(DialogKind::ChangeNick),
            RoomCommand::ChangeNick(nick) => self.type_nick(nick)?,
            RoomCommand::SetTopic("") => self.open_dialog(DialogKind::RoomSettings(room)),
            RoomCommand::SetTopic(topic) => self.spawn_typed(Typed::SetTopic(room, topic.to_owned())),
            RoomCommand::Invite("") => self.open_dialog(DialogKind::InvitePeople(room)),
            RoomCommand::Invite(nick) => self.spawn_typed(Typed::Invite(room, nick.to_owned())),
            RoomCommand::Join("") => self.open_dialog(DialogKind::BrowseRooms),
            RoomCommand::Join(name) => {
                self.spawn_typed(Typed::Join(name.to_owned(), self.open_room.get_untracked()))
            }
            RoomCommand::Leave => self.type_leave(room)?,
        }
        Ok(())
    }

    fn type_nick(&self, nick: &str) -> Result<(), Status> {
        let limits = self.identity.with_untracked(|identity| identity.as_ref().map(|me| me.limits));
        let nick = validate::nick(nick, &limits.unwrap_or_default())?;
        self.spawn_typed(Typed::ChangeNick(nick));
        Ok(())
    }

    /// Leaves a room. A private room can't be entered again without an invitation, so the user is asked first.
    fn type_leave(&self, room: RoomId) -> Result<(), Status> {
        match untrack(|| self.room(room)).map(|room| room.kind) {
            Some(RoomKind::Private) => self.open_dialog(DialogKind::LeaveRoom(room)),
            Some(RoomKind::Public) => self.spawn_typed(Typed::Leave(room)),
            _ => return Err(Status::NotAllowed),
        }
        Ok(())
    }

    async fn execute(self, command: Typed) -> Result<(), Refusal> {
        match command {
            Typed::ChangeNick(nick) => self.change_nick(nick).await,
            Typed::SetTopic(room, topic) => {
                let change = RoomChange::Topic(topic);
                self.give(Command::ChangeRoom { room, id: self.new_id(), change }).await
            }
            Typed::Invite(room, nick) => self.invite_by_name(room, nick).await,
            Typed::Join(name, typed_in) => self.join_by_name(name, typed_in).await,
            Typed::Leave(room) => self.leave_room(room).await,
        }
    }

    async fn change_nick(self, nick: String) -> Result<(), Refusal> {
        self.give(Command::ChangeNick { id: self.new_id(), nick: nick.clone() }).await?;
        self.report(Outcome::NickChanged(nick.into()));
        Ok(())
    }

    async fn invite_by_name(self, room: RoomId, nick: String) -> Result<(), Refusal> {
        let person = self.person_named(&nick).await?;
        let (account, role) = (person.account, Role::Invited);
        self.give(Command::ChangeMember { room, id: self.new_id(), account, role }).await?;
        self.report(Outcome::Invited(vec![person.nick]));
        Ok(())
    }

    /// Opens the room of the list with a name, or joins the public one and opens it, unless the user has opened another one
    /// meanwhile.
    async fn join_by_name(self, name: String, typed_in: Option<RoomId>) -> Result<(), Refusal> {
        let room = match self.listed_room_named(&name) {
            Some(room) => room,
            None => {
                let room = self.public_room_named(&name).await?.room;
                self.give(Command::Join { room, id: self.new_id() }).await?;
                room
            }
        };
        if self.open_room.get_untracked() == typed_in {
            self.open(Some(room), None);
        }
        Ok(())
    }

    /// The room of the list with a name, unless the user is only invited to it.
    fn listed_room_named(self, name: &str) -> Option<RoomId> {
        let wanted = name.trim().chars().count();
        self.with_state(|state| {
            let account = state.account();
            let mut found = account.search(name).into_iter().filter_map(|item| account.room(item.room));
            // The search finds longer names too.
            let entry = found.find(|entry| entry.name.chars().count() == wanted && entry.role.is_member());
            entry.map(|entry| entry.room)
        })
        .flatten()
    }

    /// Joins a public room, or accepts an invitation, and opens the room.
    ///
    /// # Errors
    /// The refusal of the server.
    pub async fn join_room(self, room: RoomId) -> Result<(), Refusal> {
        self.give(Command::Join { room, id: self.new_id() }).await?;
        self.open(Some(room), None);
        Ok(())
    }

    /// Leaves a room, or declines an invitation. If the room is open, the lobby is opened in its place.
    ///
    /// # Errors
    /// The refusal of the server.
    pub async fn leave_room(self, room: RoomId) -> Result<(), Refusal> {
        let before = untrack(|| self.room(room));
        self.set_leaving(room, true);
        let left = self.give(Command::Leave { room, id: self.new_id() }).await;
        self.set_leaving(room, false);
        left?;
        if self.open_room.get_untracked() == Some(room) {
            self.open(Some(RoomId::LOBBY), None);
        }
        if let Some(room) = before.filter(|room| room.role.is_member()) {
            self.report(Outcome::LeftRoom(room.name));
        }
        Ok(())
    }

    fn set_leaving(self, room: RoomId, leaving: bool) {
        self.inner.update_value(|inner| {
            if leaving {
                inner.leaving.insert(room)
            } else {
                inner.leaving.remove(&room)
            };
        });
    }

    /// Executes a command whose answer does not matter.
    ///
    /// # Errors
    /// The refusal of the server.
    pub async fn give(self, command: Command) -> Result<(), Refusal> {
        self.request(command).await.map(drop)
    }

    /// Runs a typed command, in the login in which it was typed.
    fn spawn_typed(&self, command: Typed) {
        let (store, typed_in) = (*self, self.open_room.get_untracked());
        let execution = self.until_logout(Box::pin(async move {
            match load_execution(store, command).await {
                Ok(execution) => execution.await.map_err(|refusal| refusal.status),
                Err(_) => Err(missing_part_status().await),
            }
        }));
        spawn_local(async move {
            if let Some(Err(status)) = execution.await
                && store.open_room.get_untracked() == typed_in
            {
                store.set.composer_note.set(Some(ComposerNote::Refused(status)));
            }
        });
    }
}
