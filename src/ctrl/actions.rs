//! The user's actions.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use parlour_core::{
    client::room::ScrollPosition,
    model::{Delivery, MessageId, RoomId},
    status::Status,
    timeline::Notice,
};

use super::{
    command::{self, Input},
    store::Store,
    values::{Announcement, ComposerNote, Theme},
};
use crate::{
    config::{self, Remembered},
    i18n::Locale,
};

impl Store {
    /// The initial values of the login form.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        self.inner.with_value(|inner| inner.remembered.clone())
    }

    /// Sends a typed text, or executes it if it is a command. `true` if the text was accepted and the field can be
    /// cleared; otherwise [`Store::composer_note`] has the reason.
    pub fn send(&self, typed: &str) -> bool {
        let result = match command::parse(typed) {
            Ok(Input::Leave) => {
                self.log_out();
                Ok(())
            }
            Ok(Input::ListMembers) => {
                self.show_member_notice();
                Ok(())
            }
            Ok(Input::Help) => {
                self.add_notice(Notice::Help);
                Ok(())
            }
            Ok(Input::Room(command)) => self.execute_typed(command).map_err(ComposerNote::Refused),
            Ok(Input::Message(_)) if self.is_leaving() => Err(ComposerNote::Leaving),
            Ok(Input::Message(text)) => self.send_message(text).map_err(|status| match status {
                Status::ContentTooLong => ComposerNote::TooLong(self.service().excess_bytes(text)),
                status => ComposerNote::Refused(status),
            }),
            Err(status) => Err(ComposerNote::Refused(status)),
        };
        // Sending an empty field is not an error.
        let result = match result {
            Err(ComposerNote::Refused(Status::ContentEmpty)) if typed.trim().is_empty() => Ok(()),
            other => other,
        };
        match result {
            Ok(()) => {
                self.save_draft("");
                self.clear_note();
            }
            Err(note) => self.set.composer_note.set(Some(note)),
        }
        result.is_ok()
    }

    /// The user is leaving the open room.
    fn is_leaving(&self) -> bool {
        let room = self.open_room.get_untracked();
        self.inner.with_value(|inner| room.is_some_and(|room| inner.leaving.contains(&room)))
    }

    fn send_message(&self, text: &str) -> Result<(), Status> {
        let room = self.open_room.get_untracked().ok_or(Status::NotConnected)?;
        self.service().send(room, text)
    }

    /// What was typed in the open room and not sent. Follows the open room, and [`Store::tab_data`].
    #[must_use]
    pub fn draft(&self) -> String {
        self.tab_data.track();
        self.open_room.get().map(|room| self.service().draft(room)).unwrap_or_default()
    }

    /// Stores what was typed in the open room and not sent.
    pub fn save_draft(&self, text: &str) {
        if let Some(room) = self.open_room.get_untracked() {
            self.service().save_draft(room, text);
        }
    }

    /// Where the timeline of a room was; `None` for its end.
    #[must_use]
    pub fn scroll(&self, room: RoomId) -> Option<ScrollPosition> {
        self.service().scroll(room)
    }

    /// Stores where the timeline of a room is; `None` for its end.
    pub fn save_scroll(&self, room: RoomId, position: Option<ScrollPosition>) {
        if let Some(service) = self.service_if_loaded().filter(|_| !self.is_at_login_untracked()) {
            service.save_scroll(room, position);
        }
    }

    /// The ord after which the line above new messages is in the open room, if there is one. Follows the room and its
    /// messages.
    #[must_use]
    pub fn unread_line(&self) -> Option<u64> {
        self.timeline_version.track();
        let room = self.open_room.get()?;
        self.with_state(|state| state.room(room)?.unread_line())?
    }

    /// Reports that the messages of the open room up to an ord are on the screen; `at_end` if the newest one is. They are
    /// read if the page is visible and has the focus.
    pub fn set_visible(&self, ord: u64, at_end: bool) {
        if let Some(room) = self.open_room.get_untracked().filter(|_| self.focused.get_untracked()) {
            self.service().set_visible(room, ord, at_end);
        }
    }

    /// The number of bytes by which a text is too long to be sent; 0 if it is not.
    #[must_use]
    pub fn excess_bytes(&self, text: &str) -> usize {
        self.service().excess_bytes(text)
    }

    /// Stores the composer's text after it has changed, and updates the note.
    pub fn draft_changed(&self, text: &str) {
        self.save_draft(text);
        self.check_length(text);
    }

    /// Updates the note for the text in the composer.
    pub fn check_length(&self, text: &str) {
        match self.excess_bytes(text) {
            0 => self.clear_note(),
            excess => self.set.composer_note.set(Some(ComposerNote::TooLong(excess))),
        }
    }

    /// Sends a failed message again.
    pub fn retry(&self, id: MessageId) {
        if let Some(room) = self.open_room.get_untracked() {
            self.service().retry(room, id);
        }
    }

    /// Discards a failed message and returns its content; `None` if it has not failed.
    pub fn discard(&self, id: MessageId) -> Option<Arc<str>> {
        let room = self.open_room.get_untracked()?;
        let content = self.with_timeline(|timeline| {
            let message = timeline.unacknowledged(id)?;
            matches!(message.delivery, Delivery::Failed(_)).then(|| message.content.clone())
        })?;
        self.service().discard(room, id);
        Some(content)
    }

    /// Sets the colour scheme and remembers it on this device.
    pub fn set_theme(&self, theme: Theme) {
        config::remember_theme(theme.as_str());
        self.set.theme.set(theme);
    }

    /// Loads a language, switches to it and remembers it on this device.
    pub fn set_locale(&self, locale: Locale) {
        let (store, loading) = (*self, config::load_translation(locale));
        self.inner.update_value(|inner| inner.chosen_locale = locale);
        spawn_local(async move {
            let loaded = loading.await;
            if store.inner.with_value(|inner| inner.chosen_locale) != locale {
                // Another language was chosen meanwhile.
            } else if loaded {
                config::remember_language(locale.tag());
                store.set.time_locale.set(locale);
            } else {
                store.set.missing_languages.update(|missing| *missing = missing.wrapping_add(1));
                store.report_error(Status::NoAnswer);
            }
        });
    }

    /// Shows all times and days again, in the current time zone.
    pub fn time_zone_changed(&self) {
        self.set.time_locale.notify();
        self.update_timeline(|_| ());
    }

    /// Reports whether the page is visible and has the focus. Only then messages on the screen are read.
    pub fn set_focused(&self, focused: bool) {
        self.set.focused.set(focused);
        if let Some(service) = self.service_if_loaded().filter(|_| !focused) {
            service.set_hidden();
        }
    }

    /// Shows an error on the current page: the login form or the composer.
    pub(super) fn report_error(&self, status: Status) {
        if self.identity.with_untracked(Option::is_none) {
            self.set.login_error.set(Some(status.into()));
        } else {
            self.set.composer_note.set(Some(ComposerNote::Refused(status)));
        }
    }

    /// Removes the composer's note, except for a countdown in progress.
    pub(super) fn clear_note(&self) {
        if !matches!(self.composer_note.get_untracked(), None | Some(ComposerNote::Wait(..))) {
            self.set.composer_note.set(None);
        }
    }

    pub(super) fn add_notice(&self, notice: Notice) {
        self.set.announcements.update(|all| all.push(Announcement::Notice(notice.clone())));
        self.update_timeline(|timeline| timeline.push_notice(notice));
    }
}

/// A text above what is written, on a line of its own.
#[must_use]
pub fn prepended(text: &str, written: &str) -> String {
    if written.is_empty() { text.to_owned() } else { format!("{text}\n{written}") }
}
