//! Sending changes of messages until the server has confirmed or refused them, and keeping them on the device until then.

use gloo_timers::callback::Timeout;
use leptos::{prelude::*, task::spawn_local};
use parlour_core::{
    client::PendingChange,
    model::{Message, MessageId, TextState},
    status::Status,
};

use super::{
    super::{members::now_ms, prepended},
    Edit, MessageEditor,
};
use crate::config;

/// The delay before a change is sent again that could not be made, in ms.
const RETRY_MS: u32 = 10_000;

impl MessageEditor {
    /// Takes over the changes of other pages, and sends those that are due.
    pub(super) fn load_changes(self) {
        let Some(account) = self.account() else { return };
        let stored = config::changes(&account);
        let mut stored: Vec<_> = stored.iter().filter_map(|text| PendingChange::decode(text)).collect();
        // In the order in which they were made.
        stored.sort_unstable_by_key(|change| change.id);
        let (now, mut is_any_later) = (now_ms(), false);
        let due = self.state.try_update_value(|edits| {
            edits.is_loaded = true;
            // Another tab may have made or undone some of them.
            let is_stored = |id| stored.iter().any(|change| change.id == id);
            edits.changes.retain(|edit| edit.is_given || !edit.is_of_other_page || is_stored(edit.change.id));
            for change in stored {
                if edits.changes.iter().all(|edit| edit.change.id != change.id) {
                    edits.changes.push(Edit::of_other_page(change));
                }
            }
            let of_others = edits.changes.iter_mut().filter(|edit| edit.is_of_other_page && !edit.is_given);
            let mut due = Vec::new();
            for edit in of_others {
                if edit.change.due <= now {
                    edit.is_given = true;
                    due.push(edit.change.clone());
                } else {
                    is_any_later = true;
                }
            }
            due
        });
        due.into_iter().flatten().for_each(|change| self.send(change));
        self.send_changes();
        self.show_changes();
        if is_any_later {
            self.load_later();
        }
    }

    /// Sends the changes of this page that can't be undone any more. Those of other pages are sent right after they are read, because
    /// another tab may undo them.
    pub(super) fn send_changes(self) {
        let due = self.state.try_update_value(|edits| {
            let undo = edits.undo.as_ref().map(|(id, _)| *id);
            let is_due = |edit: &&mut Edit| {
                !edit.is_given && !edit.is_of_other_page && undo != Some(edit.change.message.id)
            };
            let due = edits.changes.iter_mut().filter(is_due).map(|edit| {
                edit.is_given = true;
                edit.change.clone()
            });
            due.collect::<Vec<_>>()
        });
        due.into_iter().flatten().for_each(|change| self.send(change));
    }

    fn load_later(self) {
        let timer = Timeout::new(RETRY_MS, move || self.load_changes());
        self.state.try_update_value(|edits| edits.retry = Some(timer));
    }

    fn send(self, change: PendingChange) {
        let answer = self.store.until_logout(self.store.service().request(change.command()));
        spawn_local(async move {
            let Some(result) = answer.await else { return };
            let refused = result.err().map(|refusal| refusal.status);
            if refused.is_some_and(|status| !is_final(status)) {
                return self.send_later(change.id);
            }
            // Another change of the message may have taken its place.
            let Some(edit) = self.take_change(|known| known.id == change.id) else { return };
            match refused {
                None => self.confirm(&edit),
                Some(status) => self.refuse(&edit, status),
            }
        });
    }

    /// A change could not be made for now: it is sent again some time later, or once there is a connection.
    fn send_later(self, id: MessageId) {
        self.state.try_update_value(|edits| {
            let edit = edits.changes.iter_mut().find(|edit| edit.change.id == id);
            if let Some(edit) = edit {
                edit.is_given = false;
            }
        });
        self.load_later();
    }

    /// The server has made a change, or the message was like that before. In that case no event follows.
    fn confirm(self, Edit { change, before, .. }: &Edit) {
        let Some(message) = self.pending(change) else { return };
        let text = match before {
            Some(before) if *before.content == *change.content => before.text,
            _ if change.content.is_empty() => TextState::Erased,
            _ => TextState::Edited,
        };
        self.show(change.room, Message { text, ..message });
    }

    /// The server has refused a change for good. The text of an edit is added to the draft of the room.
    fn refuse(self, edit: &Edit, status: Status) {
        let PendingChange { room, ref content, .. } = edit.change;
        self.restore(edit, None);
        if self.store.open_room.get_untracked() == Some(room) {
            self.store.report_error(status);
        }
        if !content.is_empty() {
            let service = self.store.service();
            service.save_draft(room, &prepended(content, &service.draft(room)));
            self.refused.update(|count| *count = count.wrapping_add(1));
        }
    }

    pub(super) fn store_change(self, id: MessageId, value: Option<&str>) {
        if let Some(account) = self.account() {
            config::write_change(&account, &format!("{id:?}"), value);
        }
    }

    /// The id of the account.
    fn account(self) -> Option<String> {
        self.store.with_state(|state| state.me())?.map(|me| format!("{me:?}"))
    }
}

/// Returns `true` if a refusal is about the change itself, and not about the connection, the account or the server.
fn is_final(status: Status) -> bool {
    matches!(
        status,
        Status::NoSuchMessage
            | Status::NoSuchRoom
            | Status::NotAMember
            | Status::NotAllowed
            | Status::RoomArchived
            | Status::ContentEmpty
            | Status::ContentTooLong
            | Status::BadMessageId
            | Status::MessageIdReused
            | Status::Unsupported
    )
}
