//! Editing and deleting messages. The page shows a change before the server has confirmed it, and what was there before if the server
//! refuses it. A change that is not confirmed is kept on the device, and made by the next page if this one is closed.

use gloo_timers::callback::Timeout;
use leptos::{prelude::*, task::spawn_local};
use parlour_core::{
    client::{MessageTarget, PendingChange},
    model::{Delivery, Message, MessageId, RoomId, TextState, UserId},
    policy::{Action, allows},
    status::Status,
    timeline::{RowKind, Timeline, TimelineUpdate},
    validate,
};

use super::{Store, members::now_ms, values::ComposerNote};
use crate::config;

/// The time for which a deletion can be undone, in ms.
const UNDO_MS: u32 = 5_000;

/// The delay before a change is made again that the server could not make, in ms.
const RETRY_MS: u32 = 10_000;

/// The number of rows, from the end, among which the last own message is searched.
const LAST_ROWS: usize = 200;

/// Gets the message and the text of an edit that the server has refused.
type Refused = Box<dyn FnOnce(Message, String)>;

/// Edits and deletes messages, until a logout. All copies share their state.
#[derive(Clone, Copy, Debug)]
pub struct MessageEditor {
    store: Store,
    state: StoredValue<Edits, LocalStorage>,
    can_undo: RwSignal<bool>,
}

/// What the store knows of the editor: how to finish a deletion before a logout. A pointer, so that nothing outside of the part of
/// the client refers to the code.
pub(super) type Finish = (fn(MessageEditor), MessageEditor);

/// The changes that the server has not confirmed, one of a message.
#[derive(Default)]
struct Edits {
    /// The account, which the store does not know any more after a logout.
    account: Option<UserId>,
    changes: Vec<Edit>,
    /// The deletion that can be undone, and the timer that ends that.
    undo: Option<(MessageId, Timeout)>,
    /// Loads and makes changes again.
    retry: Option<Timeout>,
}

/// A change of a message.
struct Edit {
    change: PendingChange,
    /// The message before; `None` for a change of an earlier page.
    before: Option<Message>,
    refused: Option<Refused>,
    /// The server has been told, and has not answered.
    is_sent: bool,
}

impl MessageEditor {
    /// Makes the editor of the open page, and takes over the changes that earlier pages have not made.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let state = StoredValue::new_local(Edits::default());
        let editor = Self { store, state, can_undo: RwSignal::new(false) };
        store.inner.update_value(|inner| inner.finish_deletion = Some((Self::finish_deletion, editor)));
        editor.load_changes();
        on_cleanup(move || {
            if store.is_at_login_untracked() {
                editor.forget_changes();
            }
        });
        editor
    }

    /// Returns `true` if a deletion can be undone. Reactive.
    #[must_use]
    pub fn can_undo(self) -> bool {
        self.can_undo.get()
    }

    /// The message of the open room with this ord, if it is loaded.
    #[must_use]
    pub fn message(self, ord: u64) -> Option<Message> {
        self.shown(self.store.open_room.get_untracked()?, ord)
    }

    /// The user's last message of the open room that can be edited.
    #[must_use]
    pub fn last_own_message(self) -> Option<Message> {
        let own = |message: &Message| message.own && self.may_change(message);
        let last: Vec<_> = self.store.with_timeline(|timeline| {
            (0..timeline.len()).rev().take(LAST_ROWS).filter_map(|at| message_at(timeline, at)).collect()
        });
        last.into_iter().find(own)
    }

    /// Returns `true` if the user may edit and delete a message of the open room.
    #[must_use]
    pub fn may_change(self, message: &Message) -> bool {
        let room = self.store.open_room.get_untracked().filter(|_| untrack(|| self.store.has_rooms()));
        let Some(room) = room.and_then(|room| untrack(|| self.store.room(room))) else { return false };
        let action = if message.own { Action::ChangeOwnMessage } else { Action::ChangeMessage };
        let is_stored = message.delivery == Delivery::Sent && message.ord > 0;
        is_stored && !is_erased(message) && allows(room.role, room.kind, room.archived, action).is_ok()
    }

    /// Gives a message of the open room another text. `true` if the text was accepted; otherwise [`Store::composer_note`] has the
    /// reason. `refused` gets both if the server refuses it.
    pub fn edit_message(
        self,
        message: Message,
        typed: &str,
        refused: impl FnOnce(Message, String) + 'static,
    ) -> bool {
        let Some(room) = self.store.open_room.get_untracked() else { return false };
        // It may have been changed since the edit has begun.
        let message = self.shown(room, message.ord).unwrap_or(message);
        let limits = self.store.identity.with_untracked(|identity| identity.as_ref().map(|me| me.limits));
        let content = match validate::content(typed, &limits.unwrap_or_default()) {
            Ok(_) if is_erased(&message) => Err(ComposerNote::Refused(Status::NoSuchMessage)),
            Ok(content) => Ok(content),
            Err(Status::ContentTooLong) => Err(ComposerNote::TooLong(self.store.excess_bytes(typed))),
            Err(status) => Err(ComposerNote::Refused(status)),
        };
        let content = match content {
            Ok(content) => content.to_owned(),
            Err(note) => {
                self.store.set.composer_note.set(Some(note));
                return false;
            }
        };
        self.store.clear_note();
        if *content != *message.content {
            self.change_message(room, message, content, 0, Some(Box::new(refused)));
            self.make_changes();
        }
        true
    }

    /// Shows a message of the open room as deleted. The server is told when that can't be undone any more.
    pub fn delete_message(self, message: Message) {
        let Some(room) = self.store.open_room.get_untracked() else { return };
        self.finish_deletion();
        let id = message.id;
        self.change_message(room, message, String::new(), i64::from(UNDO_MS), None);
        let timer = Timeout::new(UNDO_MS, move || self.finish_deletion());
        self.state.update_value(|edits| {
            edits.undo = Some((id, timer));
        });
        self.can_undo.set(true);
    }

    /// Undoes the last deletion. Returns the room and the ord of the message.
    pub fn undo_deletion(self) -> Option<(RoomId, u64)> {
        let id = self.end_undo()?;
        let edit = self.take_change(|change| change.message.id == id)?;
        let place = (edit.change.room, edit.change.message.ord);
        self.restore(edit);
        Some(place)
    }

    /// Deletes the message whose deletion can still be undone.
    pub fn finish_deletion(self) {
        let Some(id) = self.end_undo() else { return };
        self.state.update_value(|edits| {
            let edit = edits.changes.iter_mut().find(|edit| edit.change.message.id == id);
            if let Some(edit) = edit {
                edit.change.due = 0;
            }
        });
        self.make_changes();
    }

    /// Takes over the changes that earlier pages have not made, and makes all that are due.
    pub fn load_changes(self) {
        let Some(me) = self.me() else { return };
        self.state.update_value(|edits| edits.account = Some(me));
        let stored = config::changes(&format!("{me:?}"));
        let stored: Vec<_> = stored.iter().filter_map(|text| PendingChange::decode(text)).collect();
        self.state.update_value(|edits| {
            // Another tab may have made or undone some of them.
            let is_stored = |id| stored.iter().any(|change| change.id == id);
            edits.changes.retain(|edit| edit.is_sent || edit.before.is_some() || is_stored(edit.change.id));
            for change in stored {
                if edits.changes.iter().all(|edit| edit.change.message != change.message) {
                    edits.changes.push(Edit { change, before: None, refused: None, is_sent: false });
                }
            }
        });
        self.make_changes();
    }

    /// Makes the changes that are due and that the server has not been told.
    fn make_changes(self) {
        let now = now_ms();
        let (mut due, mut is_any_later) = (Vec::new(), false);
        self.state.try_update_value(|edits| {
            for edit in edits.changes.iter_mut().filter(|edit| !edit.is_sent) {
                if edit.change.due <= now {
                    edit.is_sent = true;
                    due.push(edit.change.clone());
                } else {
                    // Of an earlier page, or of another tab, which may make or undo it.
                    is_any_later |= edit.before.is_none();
                }
            }
        });
        due.into_iter().for_each(|change| self.make_change(change));
        if is_any_later {
            self.load_later();
        }
    }

    fn load_later(self) {
        let timer = Timeout::new(RETRY_MS, move || self.load_changes());
        self.state.try_update_value(|edits| edits.retry = Some(timer));
    }

    fn make_change(self, change: PendingChange) {
        let answer = self.store.until_logout(self.store.service().request(change.command()));
        spawn_local(async move {
            let Some(result) = answer.await else { return };
            let status = match result {
                Ok(_) => None,
                Err(refusal) => Some(refusal.status),
            };
            if let Some(status) = status.filter(|status| !status.is_terminal()) {
                tracing::warn!(code = status.code(), "the change of a message is made later");
                return self.make_later(change.id);
            }
            // Another change of the message may have taken its place.
            let Some(edit) = self.take_change(|known| known.id == change.id) else { return };
            let Some(status) = status else { return };
            if self.store.open_room.get_untracked() == Some(change.room) {
                self.store.report_error(status);
            }
            if let Some((message, refused)) = self.restore(edit) {
                refused(message, change.content);
            }
        });
    }

    /// The server could not make a change: it is made again some time later, or once there is a connection.
    fn make_later(self, id: MessageId) {
        self.state.try_update_value(|edits| {
            let edit = edits.changes.iter_mut().find(|edit| edit.change.id == id);
            if let Some(edit) = edit {
                edit.is_sent = false;
            }
        });
        self.load_later();
    }

    /// Ends the time in which a deletion can be undone. Returns the message.
    fn end_undo(self) -> Option<MessageId> {
        let (id, _) = self.state.try_update_value(|edits| edits.undo.take()).flatten()?;
        self.can_undo.set(false);
        Some(id)
    }

    /// Shows the change of a message, and stores it. It takes the place of an earlier one that the server was not told.
    fn change_message(
        self,
        room: RoomId,
        message: Message,
        content: String,
        delay: i64,
        refused: Option<Refused>,
    ) {
        let changed =
            Message { content: content.as_str().into(), text: TextState::Saving, ..message.clone() };
        let target = MessageTarget { ord: message.ord, id: message.id };
        let due = if delay > 0 { now_ms() + delay } else { 0 };
        let change = PendingChange { due, room, id: self.store.new_id(), message: target, content };
        self.store_change(target.id, Some(&change.encode()));
        let edit = Edit { change, before: Some(message), refused, is_sent: false };
        self.state.update_value(|edits| {
            edits.changes.retain(|edit| edit.change.message != target);
            edits.changes.push(edit);
        });
        self.store.timeline_changed(room, TimelineUpdate::Changed(changed));
    }

    /// Removes a change, also from the device.
    fn take_change(self, is_meant: impl Fn(&PendingChange) -> bool) -> Option<Edit> {
        let edit = self.state.try_update_value(|edits| {
            let at = edits.changes.iter().position(|edit| is_meant(&edit.change))?;
            Some(edits.changes.remove(at))
        })??;
        self.store_change(edit.change.message.id, None);
        Some(edit)
    }

    /// Shows a message as it was before a change, unless it was changed meanwhile. Returns it, if somebody wants to know.
    fn restore(self, edit: Edit) -> Option<(Message, Refused)> {
        let message = edit.before?;
        let is_shown =
            |shown: Message| shown.text == TextState::Saving && *shown.content == *edit.change.content;
        if self.shown(edit.change.room, message.ord).is_some_and(is_shown) {
            // An earlier edit was confirmed, or the next event tells otherwise.
            let text = if message.text == TextState::Saving { TextState::Edited } else { message.text };
            let shown = Message { text, ..message.clone() };
            self.store.timeline_changed(edit.change.room, TimelineUpdate::Changed(shown));
        }
        Some((message, edit.refused?))
    }

    /// Deletes the changes on the device after a logout.
    fn forget_changes(self) {
        let account = self.state.try_update_value(|edits| edits.account.take()).flatten();
        if let Some(account) = account {
            config::forget_changes(&format!("{account:?}"));
        }
    }

    fn store_change(self, message: MessageId, value: Option<&str>) {
        if let Some(me) = self.me() {
            config::write_change(&format!("{me:?}"), &format!("{message:?}"), value);
        }
    }

    fn me(self) -> Option<UserId> {
        self.store.with_state(|state| state.me())?
    }

    /// A message as a room shows it, if it is loaded.
    fn shown(self, room: RoomId, ord: u64) -> Option<Message> {
        self.store.inner.with_value(|inner| {
            let rows = &inner.timelines.get(&room)?.rows;
            message_at(rows, rows.index_of_ord(ord)?).filter(|message| message.ord == ord)
        })
    }
}

fn is_erased(message: &Message) -> bool {
    match message.text {
        TextState::Erased => true,
        TextState::Saving => message.content.is_empty(),
        TextState::Original | TextState::Edited => false,
    }
}

fn message_at(timeline: &Timeline, at: usize) -> Option<Message> {
    match timeline.row(at)?.kind {
        RowKind::Message { message, .. } => Some(message),
        _ => None,
    }
}
