//! The rooms of the account: reading the state of this tab, and the user's actions on rooms.

use std::sync::Arc;

use leptos::prelude::*;
use parlour_core::{
    client::{
        Command, Reply,
        account::{ListItem, RoomEntry, Totals},
        people::People,
        state::ClientState,
    },
    model::{Dialect, MessageId, PresenceState, Refusal, Role, RoomId, RoomKind},
};

use super::store::Store;

/// A room as the room list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSummary {
    /// The room.
    pub room: RoomId,
    /// The kind.
    pub kind: RoomKind,
    /// The name; of a direct room the nicks of the other people, separated by ", ". Empty for the lobby, which has none.
    pub name: Arc<str>,
    /// The role of the account.
    pub role: Role,
    /// Only attention is indicated.
    pub muted: bool,
    /// The room can be read, but not written to.
    pub archived: bool,
    /// The number of unread messages.
    pub unread: u64,
    /// The number of unread messages that the user is to be told of; 1 for an invitation.
    pub attention: u64,
    /// The presence of the partner in a direct room of two people; `None` in other rooms.
    pub presence: Option<PresenceState>,
}

impl RoomSummary {
    fn new(entry: &RoomEntry, people: &People) -> Self {
        let is_direct = entry.kind == RoomKind::Direct;
        let name = if is_direct {
            let nicks: Vec<_> = entry.people.iter().map(|account| people.nick(*account)).collect();
            nicks.join(", ").into()
        } else {
            entry.name.clone()
        };
        let presence = match &entry.people[..] {
            [partner] if is_direct => Some(people.get(*partner).state),
            _ => None,
        };
        Self {
            room: entry.room,
            kind: entry.kind,
            name,
            role: entry.role,
            muted: entry.muted,
            archived: entry.archived,
            unread: entry.unread(),
            attention: entry.attention(),
            presence,
        }
    }
}

impl Store {
    /// Calls `read` with the state of this tab; `None` before the login. Not reactive: track [`Store::list_version`] or
    /// [`Store::room_version`].
    pub fn with_state<T>(&self, read: impl FnOnce(&ClientState) -> T) -> Option<T> {
        let service = self.service_if_loaded()?;
        let (mut read, mut result) = (Some(read), None);
        service.with_state(&mut |state| result = read.take().map(|read| read(state)));
        result
    }

    /// Returns `true` if all rooms of the account are in the list. Follows the room list.
    #[must_use]
    pub fn has_complete_list(&self) -> bool {
        self.list_version.track();
        self.with_state(|state| state.account().is_complete()).unwrap_or_default()
    }

    /// A room of the list. Follows the room list.
    #[must_use]
    pub fn room(&self, room: RoomId) -> Option<RoomSummary> {
        self.list_version.track();
        self.with_state(|state| {
            state.account().room(room).map(|entry| RoomSummary::new(entry, state.people()))
        })?
    }

    /// The rooms whose names contain a text, in the order of the list; with an empty text all rooms, by section. Follows the
    /// room list.
    #[must_use]
    pub fn list(&self, query: &str) -> Vec<ListItem> {
        self.list_version.track();
        let list = self.with_state(|state| {
            let account = state.account();
            if query.trim().is_empty() { account.list() } else { account.search(query) }
        });
        list.unwrap_or_default()
    }

    /// The sums over all rooms. Follows the room list.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.list_version.track();
        self.with_state(|state| state.account().totals()).unwrap_or_default()
    }

    /// Returns `true` if the server has rooms other than the lobby. Follows the identity.
    #[must_use]
    pub fn has_rooms(&self) -> bool {
        self.identity
            .with(|identity| identity.as_ref().is_some_and(|identity| identity.dialect == Dialect::Rich))
    }

    /// Executes a command. It is answered once; then the state of this tab has its effects.
    pub fn request(
        &self,
        command: Command,
    ) -> impl Future<Output = Result<Reply, Refusal>> + use<> + 'static {
        self.service().request(command)
    }

    /// A new id, for a command that changes a log.
    #[must_use]
    pub fn new_id(&self) -> MessageId {
        self.service().new_id()
    }

    /// The number of messages, and of changes of messages, that the server has not acknowledged. They are lost if the user logs
    /// out now.
    #[must_use]
    pub fn unsent(&self) -> usize {
        let changes = self.inner.with_value(|inner| inner.editor).map_or(0, |editor| editor.unsent());
        self.service().unsent() + changes
    }

    /// Shows another room, or none; `at` is the ord of the message to scroll to.
    pub fn open(&self, room: Option<RoomId>, at: Option<u64>) {
        if self.open_room.get_untracked() != room {
            self.set.open_room.set(room);
            self.cancel_seek();
            self.clear_search();
            self.set.composer_note.set(None);
            self.forget_members();
            if let Some(service) = self.service_if_loaded() {
                service.open_room(room);
            }
            self.timeline_replaced();
            self.list_changed();
            self.set.room_version.update(|version| *version = version.wrapping_add(1));
            self.list_members_again();
        }
        self.inner.update_value(|inner| inner.link = room.zip(at));
        self.follow_link();
    }

    /// Marks all messages of a room as read.
    pub fn mark_read(&self, room: RoomId) {
        self.service().mark_read(room);
    }

    /// Marks the messages of a room from an ord on as unread.
    pub fn mark_unread(&self, room: RoomId, from: u64) {
        self.service().mark_unread(room, from);
    }

    /// Marks all messages of all rooms as read.
    pub fn mark_all_read(&self) {
        self.service().mark_all_read();
    }
}
