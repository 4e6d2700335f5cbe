//! The user's actions.

use std::{pin::Pin, sync::Arc};

use leptos::{prelude::*, task::spawn_local};
use parlour_core::{
    model::{Delivery, MessageId, SeekTarget},
    status::Status,
    timeline::{Notice, Timeline},
};

use super::{
    command::{self, Input},
    store::{Announcement, ComposerNote, Store, Theme},
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
                self.leave();
                Ok(())
            }
            Ok(Input::ListMembers) => {
                self.service().list_members();
                Ok(())
            }
            Ok(Input::Help) => {
                self.add_notice(Notice::Help);
                Ok(())
            }
            Ok(Input::Room(command)) => self.execute_typed(command).map_err(ComposerNote::Refused),
            Ok(Input::Message(text)) => self.service().send(text).map_err(|status| match status {
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
                self.service().save_draft("");
                self.clear_note();
            }
            Err(note) => self.set.composer_note.set(Some(note)),
        }
        result.is_ok()
    }

    /// Reads what was typed before and not sent.
    #[must_use]
    pub fn load_draft(&self) -> Pin<Box<dyn Future<Output = String>>> {
        self.service().load_draft()
    }

    /// The number of bytes by which a text is too long to be sent; 0 if it is not.
    #[must_use]
    pub fn excess_bytes(&self, text: &str) -> usize {
        self.service().excess_bytes(text)
    }

    /// Stores the composer's text after it has changed, and updates the note.
    pub fn draft_changed(&self, text: &str) {
        self.service().save_draft(text);
        match self.excess_bytes(text) {
            0 => self.clear_note(),
            excess => self.set.composer_note.set(Some(ComposerNote::TooLong(excess))),
        }
    }

    /// Sends a failed message again.
    pub fn retry(&self, id: MessageId) {
        self.service().retry(id);
    }

    /// Discards a failed message and returns its content; `None` if it has not failed.
    pub fn discard(&self, id: MessageId) -> Option<Arc<str>> {
        let content = self.inner.with_value(|inner| {
            let message = inner.timeline.unacknowledged(id)?;
            matches!(message.delivery, Delivery::Failed(_)).then(|| message.content.clone())
        })?;
        self.service().discard(id);
        Some(content)
    }

    /// Loads the newest part of the gap that ends with the sequence number `to`.
    pub fn load_gap(&self, to: u64) {
        self.service().load_gap(to);
    }

    /// Jumps to a part of the room, loading it if necessary; the outcome is [`Store::seek_result`].
    pub fn seek(&self, target: SeekTarget) {
        self.set.seeking.set(true);
        self.service().seek(target);
    }

    /// Loads the messages around the scroll position without jumping. Does nothing during a seek, which has precedence.
    pub fn load_around(&self, target: SeekTarget) {
        if !self.seeking.get_untracked() {
            self.service().seek(target);
        }
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

    /// Reports whether the page is visible and has the focus. Then nothing is unread.
    pub fn set_focused(&self, focused: bool) {
        self.set.focused.set(focused);
        if let Some(service) = self.service_if_loaded() {
            service.set_focused(focused);
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
    fn clear_note(&self) {
        if !matches!(self.composer_note.get_untracked(), None | Some(ComposerNote::Wait(..))) {
            self.set.composer_note.set(None);
        }
    }

    pub(super) fn add_notice(&self, notice: Notice) {
        self.set.announcements.update(|all| all.push(Announcement::Notice(notice.clone())));
        self.update_timeline(|timeline| timeline.push_notice(notice));
    }

    /// Changes the timeline and the signals derived from it.
    pub(super) fn update_timeline(&self, change: impl FnOnce(&mut Timeline)) {
        let (rows_lost, has_messages) = self.with_timeline(|timeline| {
            change(timeline);
            (timeline.dropped_rows() > 0, timeline.has_messages())
        });
        self.set.rows_lost.maybe_update(|was| std::mem::replace(was, rows_lost) != rows_lost);
        self.set.has_messages.maybe_update(|had| std::mem::replace(had, has_messages) != has_messages);
        self.set.timeline_version.update(|version| *version = version.wrapping_add(1));
        // Evicted ranges are reported to the session, so that it can load them again.
        while let Some(range) = self.with_timeline(Timeline::poll_evicted) {
            self.service().evicted(range);
        }
    }
}
