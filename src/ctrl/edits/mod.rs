//! Editing and deleting messages. The page shows a change before the server has confirmed it, and what was there before if the server
//! refuses it. Changes that are not confirmed are kept on the device, so that other pages send them if this one is closed.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | what the user does |
//! | `history` | the earlier texts of a message |
//! | `sending` | sending the changes, and keeping them on the device |

mod history;
mod sending;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use parlour_core::{
    client::{MessageTarget, PendingChange},
    model::{Connection, Delivery, Message, MessageId, Reactions, RoomId, TextState},
    policy::{Action, allows},
    status::Status,
    timeline::{RowKind, Timeline, TimelineUpdate},
    validate,
};

pub use self::history::Revision;
use super::{Store, members::now_ms, values::ComposerNote};

/// The time for which a deletion can be undone, in ms; and while the button for that has the focus.
const UNDO_MS: u32 = 5_000;
const HELD_UNDO_MS: u32 = 60_000;

/// The number of rows, from the end, among which the last own message is searched.
const LAST_ROWS: usize = 200;

/// Edits and deletes messages, until a logout. All copies share their state.
#[derive(Clone, Copy, Debug)]
pub struct MessageEditor {
    store: Store,
    state: StoredValue<Edits, LocalStorage>,
    can_undo: RwSignal<bool>,
    /// Counts the texts that were added to drafts.
    refused: RwSignal<u32>,
}

/// What a logout needs of the editor. Function pointers, so that nothing outside of the part of the client refers to the code.
#[derive(Clone, Copy)]
pub(super) struct EditorAtLogout {
    editor: MessageEditor,
    finish_deletion: fn(MessageEditor),
    unsent: fn(MessageEditor) -> usize,
}

impl EditorAtLogout {
    /// Deletes the message whose deletion can still be undone.
    pub(super) fn finish_deletion(self) {
        (self.finish_deletion)(self.editor);
    }

    /// The number of changes that would be lost.
    pub(super) fn unsent(self) -> usize {
        (self.unsent)(self.editor)
    }
}

/// The changes that the server has not confirmed, one of a message.
#[derive(Default)]
struct Edits {
    /// The changes of earlier pages were read.
    is_loaded: bool,
    changes: Vec<Edit>,
    /// The message whose deletion can be undone, and the timer that ends that.
    undo: Option<(MessageId, Timeout)>,
    /// Sends the changes again.
    retry: Option<Timeout>,
}

/// A change of a message.
struct Edit {
    change: PendingChange,
    /// It is a change of another page, which that page may still undo.
    is_of_other_page: bool,
    /// The message as it was before all changes that are not confirmed; `None` if it was not shown since then.
    before: Option<Message>,
    /// The edit that a deletion has replaced, which goes on if the deletion is undone.
    replaced: Option<Box<Edit>>,
    /// Given to the client, which has not answered.
    is_given: bool,
}

impl Edit {
    fn of_other_page(change: PendingChange) -> Self {
        Self { change, is_of_other_page: true, before: None, replaced: None, is_given: false }
    }
}

impl MessageEditor {
    /// Makes the editor of the open page, and takes over the changes that earlier pages have not made.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let state = StoredValue::new_local(Edits::default());
        let editor = Self { store, state, can_undo: RwSignal::new(false), refused: RwSignal::new(0) };
        let at_logout =
            EditorAtLogout { editor, finish_deletion: Self::finish_deletion, unsent: Self::unsent };
        store.inner.update_value(|inner| inner.editor = Some(at_logout));
        editor.load_changes();
        let is_online =
            move || store.connection.with(|connection| matches!(connection, Connection::Online { .. }));
        let load = move |is_online: &bool, _: Option<&bool>, _: Option<()>| {
            if *is_online {
                editor.load_changes();
            }
        };
        Effect::watch(is_online, load, false);
        let show = move |_: &(), _: Option<&()>, _: Option<()>| {
            // The account may not have been known yet when this part was loaded.
            if editor.state.with_value(|edits| edits.is_loaded) {
                editor.show_changes();
            } else {
                editor.load_changes();
            }
        };
        Effect::watch(move || store.timeline_version.track(), show, false);
        editor
    }

    pub(super) fn store(self) -> Store {
        self.store
    }

    /// Returns `true` if a room shows a message with these reactions.
    pub(super) fn is_shown(self, room: RoomId, message: &Message) -> bool {
        self.shown(room, message.ord)
            .is_some_and(|shown| shown.id == message.id && shown.reactions == message.reactions)
    }

    /// Returns `true` if a deletion can be undone. Reactive.
    #[must_use]
    pub fn can_undo(self) -> bool {
        self.can_undo.get()
    }

    /// Notifies when the text of a refused edit was added to a draft.
    pub fn track_refused(self) {
        self.refused.track();
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
        let action = if message.own { Action::ChangeOwnMessage } else { Action::ChangeMessage };
        self.may(message, action)
    }

    /// Returns `true` if the user may do something with a message of the open room that the server has, with its text.
    pub(super) fn may(self, message: &Message, action: Action) -> bool {
        let room = self.store.open_room.get_untracked().filter(|_| untrack(|| self.store.has_rooms()));
        let Some(room) = room.and_then(|room| untrack(|| self.store.room(room))) else { return false };
        let is_stored = message.delivery == Delivery::Sent && message.ord > 0;
        is_stored && !is_erased(message) && allows(room.role, room.kind, room.archived, action).is_ok()
    }

    /// Gives a message of the open room another text. `true` if the text was accepted; otherwise [`Store::composer_note`] has the
    /// reason. If the server refuses it, the text is added to the draft of the room.
    #[must_use]
    pub fn edit_message(self, message: Message, typed: &str) -> bool {
        let Some(room) = self.store.open_room.get_untracked() else { return false };
        // Another change may have come since the edit has begun.
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
            self.add_change(room, message, content, 0);
            self.send_changes();
        }
        true
    }

    /// Shows a message of the open room as deleted. The server is told when that can't be undone any more.
    pub fn delete_message(self, message: Message) {
        let Some(room) = self.store.open_room.get_untracked() else { return };
        // Another change may have come since the user has chosen it.
        let message = self.shown(room, message.ord).unwrap_or(message);
        if is_erased(&message) {
            return;
        }
        self.finish_deletion();
        let id = message.id;
        self.add_change(room, message, String::new(), i64::from(UNDO_MS));
        self.start_undo(id, UNDO_MS);
        self.can_undo.set(true);
    }

    fn start_undo(self, id: MessageId, delay: u32) {
        let timer = Timeout::new(delay, move || self.finish_deletion());
        self.state.update_value(|edits| edits.undo = Some((id, timer)));
    }

    /// Gives the user more time to undo the last deletion, while the button for that has the focus. Afterwards the usual time
    /// begins anew.
    pub fn hold_undo(self, is_held: bool) {
        let delay = if is_held { HELD_UNDO_MS } else { UNDO_MS };
        let change = self.state.try_update_value(|edits| {
            let (id, _) = edits.undo.as_ref()?;
            let edit = edits.changes.iter_mut().find(|edit| edit.change.message.id == *id)?;
            edit.change.due = now_ms() + i64::from(delay);
            Some(edit.change.clone())
        });
        if let Some(change) = change.flatten() {
            self.store_change(change.id, Some(&change.encode()));
            self.start_undo(change.message.id, delay);
        }
    }

    /// Undoes the last deletion. An edit that was not confirmed before goes on. Returns the room and the ord of the message.
    pub fn undo_deletion(self) -> Option<(RoomId, u64)> {
        let id = self.end_undo()?;
        let mut edit = self.take_change(|change| change.message.id == id && change.content.is_empty())?;
        let place = (edit.change.room, edit.change.message.ord);
        match edit.replaced.take() {
            Some(replaced) => {
                self.restore(&edit, Some(&replaced.change.content));
                self.store_change(replaced.change.id, Some(&replaced.change.encode()));
                self.state.update_value(|edits| edits.changes.push(Edit { is_given: false, ..*replaced }));
                self.send_changes();
            }
            None => self.restore(&edit, None),
        }
        Some(place)
    }

    /// Deletes the message whose deletion can still be undone.
    pub fn finish_deletion(self) {
        if self.end_undo().is_some() {
            self.send_changes();
        }
    }

    /// The number of changes that a logout would lose. With a connection they are made first.
    fn unsent(self) -> usize {
        if self.is_online() { 0 } else { self.state.with_value(|edits| edits.changes.len()) }
    }

    fn is_online(self) -> bool {
        self.store.connection.with_untracked(|connection| matches!(connection, Connection::Online { .. }))
    }

    /// Ends the time in which a deletion can be undone. Returns the message.
    fn end_undo(self) -> Option<MessageId> {
        let (id, _) = self.state.try_update_value(|edits| edits.undo.take()).flatten()?;
        self.can_undo.set(false);
        Some(id)
    }

    /// Shows the change of a message, and stores it. It takes the place of an earlier one that is not confirmed. It can be undone
    /// for `delay` ms.
    fn add_change(self, room: RoomId, message: Message, content: String, delay: i64) {
        let target = MessageTarget { ord: message.ord, id: message.id };
        if self.state.with_value(|edits| edits.undo.as_ref().is_some_and(|(id, _)| *id == target.id)) {
            self.end_undo();
        }
        let due = if delay > 0 { now_ms() + delay } else { 0 };
        let change = PendingChange { due, room, id: self.store.new_id(), message: target, content };
        self.show(room, saving(&message, &change.content));
        let replaced = self.take_change(|known| known.message == target);
        self.store_change(change.id, Some(&change.encode()));
        let before = replaced.as_ref().and_then(|replaced| replaced.before.clone());
        let edit = Edit {
            change,
            is_of_other_page: false,
            before: Some(before.unwrap_or(message)),
            replaced: replaced.filter(|replaced| delay > 0 && !replaced.is_of_other_page).map(Box::new),
            is_given: false,
        };
        self.state.update_value(|edits| edits.changes.push(edit));
    }

    /// Shows the changes again of messages that were loaded, or changed by somebody else, after them.
    fn show_changes(self) {
        let changes = self.state.with_value(|edits| {
            // Only the last one of each message: two tabs may have changed the same one.
            let is_last = |(at, edit): &(usize, &Edit)| {
                let later = &edits.changes[at + 1..];
                later.iter().all(|other| other.change.message != edit.change.message)
            };
            let last = edits.changes.iter().enumerate().filter(is_last);
            last.map(|(_, edit)| edit.change.clone()).collect::<Vec<_>>()
        });
        for change in changes {
            let Some(shown) = self.shown(change.room, change.message.ord) else { continue };
            // Otherwise it is shown, or was made: then the answer follows.
            if shown.id != change.message.id || *shown.content == *change.content || is_erased(&shown) {
                continue;
            }
            self.show(change.room, saving(&shown, &change.content));
            self.state.update_value(|edits| {
                let edit = edits.changes.iter_mut().find(|edit| edit.change.id == change.id);
                if let Some(edit) = edit.filter(|_| shown.text != TextState::Saving) {
                    edit.before = Some(shown);
                }
            });
        }
    }

    /// Removes a change, also from the device.
    fn take_change(self, is_meant: impl Fn(&PendingChange) -> bool) -> Option<Edit> {
        let edit = self.state.try_update_value(|edits| {
            let at = edits.changes.iter().position(|edit| is_meant(&edit.change))?;
            Some(edits.changes.remove(at))
        })??;
        self.store_change(edit.change.id, None);
        Some(edit)
    }

    /// Shows a message as it was before a change, or with the text of another one that goes on. Not if it was changed meanwhile.
    fn restore(self, Edit { change, before, .. }: &Edit, other: Option<&str>) {
        let (Some(before), true) = (before, self.pending(change).is_some()) else { return };
        let message = match other {
            Some(content) => saving(before, content),
            // An earlier edit was confirmed; its event may follow.
            None if before.text == TextState::Saving => Message { text: TextState::Edited, ..before.clone() },
            None => before.clone(),
        };
        self.show(change.room, message);
    }

    /// The message of a change, if it is shown with that.
    fn pending(self, change: &PendingChange) -> Option<Message> {
        let is_pending =
            |shown: &Message| shown.text == TextState::Saving && *shown.content == *change.content;
        self.shown(change.room, change.message.ord).filter(is_pending)
    }

    fn show(self, room: RoomId, message: Message) {
        self.store.timeline_changed(room, TimelineUpdate::Changed(message));
    }

    /// A message as a room shows it, if it is loaded.
    fn shown(self, room: RoomId, ord: u64) -> Option<Message> {
        self.store.inner.with_value(|inner| {
            let rows = &inner.timelines.get(&room)?.rows;
            message_at(rows, rows.index_of_ord(ord)?).filter(|message| message.ord == ord)
        })
    }
}

/// A message with a text that is not confirmed.
fn saving(message: &Message, content: &str) -> Message {
    let reactions = if content.is_empty() { Reactions::default() } else { message.reactions.clone() };
    Message { content: content.into(), text: TextState::Saving, reactions, ..message.clone() }
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
