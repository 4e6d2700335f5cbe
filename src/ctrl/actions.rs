//! What a user can do.

use std::sync::Arc;

use leptos::task::spawn_local;
use parlour_core::{
    model::{Delivery, MessageId, SeekTarget},
    status::Status,
    timeline::{Notice, Timeline},
};

use super::{
    command::{self, Typed},
    store::{ComposerNote, Store, Theme},
};
use crate::{
    config::{self, Remembered},
    i18n::Locale,
};

impl Store {
    /// What the login page begins with.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        self.inner.with_value(|inner| inner.remembered.clone())
    }

    /// Sends what was typed, or does what it commands. `true` when the text was taken and the field can be
    /// emptied; otherwise [`Store::composer_note`] says why not.
    pub fn talk(&self, typed: &str) -> bool {
        let result = match command::parse(typed) {
            Ok(Typed::Exit) => {
                self.exit();
                Ok(())
            }
            Ok(Typed::Who) => {
                self.service().who();
                Ok(())
            }
            Ok(Typed::Help) => {
                self.notice(Notice::Help);
                Ok(())
            }
            Ok(Typed::Text(text)) => self.service().talk(text).map_err(|status| match status {
                Status::ContentTooLong => ComposerNote::TooLong(self.service().excess(text)),
                status => ComposerNote::Refused(status),
            }),
            Err(status) => Err(ComposerNote::Refused(status)),
        };
        // Emptying what was empty is no mistake to be told of.
        let result = match result {
            Err(ComposerNote::Refused(Status::ContentEmpty)) if typed.trim().is_empty() => Ok(()),
            other => other,
        };
        match result {
            // A wait that is being counted down goes on being shown.
            Ok(()) => self.clear_note(),
            Err(note) => self.composer_note.set(Some(note)),
        }
        result.is_ok()
    }

    /// The text in the composer changed.
    pub fn composing(&self, text: &str) {
        match self.service().excess(text) {
            0 => self.clear_note(),
            over => self.composer_note.set(Some(ComposerNote::TooLong(over))),
        }
    }

    /// Sends a failed message once more.
    pub fn retry(&self, id: MessageId) {
        self.service().retry(id);
    }

    /// Forgets a failed message, and gives what it said; `None` when it has not failed.
    pub fn discard(&self, id: MessageId) -> Option<Arc<str>> {
        let content = self.inner.with_value(|inner| {
            let message = inner.timeline.unacknowledged(id)?;
            matches!(message.delivery, Delivery::Failed(_)).then(|| message.content.clone())
        })?;
        self.service().discard(id);
        Some(content)
    }

    /// Loads the newest part of the gap that ends with this sequence number.
    pub fn load(&self, to: u64) {
        self.service().load(to);
    }

    /// Goes to a place of the room; [`Store::sought`] tells when it is there.
    pub fn seek(&self, seek: SeekTarget) {
        self.seeking.set(true);
        self.service().seek(seek);
    }

    /// Loads what is around a place of the room, for a reader who is there. What is sought goes first.
    pub fn fetch(&self, seek: SeekTarget) {
        if !self.seeking.get_untracked() {
            self.service().seek(seek);
        }
    }

    /// Chooses light or dark, for this time and the next.
    pub fn set_theme(&self, theme: Theme) {
        config::remember_theme(theme.as_str());
        self.theme.set(theme);
    }

    /// Chooses the language, for this time and the next.
    pub fn set_locale(&self, locale: Locale) {
        let (store, words) = (*self, config::words(locale));
        self.inner.update_value(|inner| inner.wanted = locale);
        spawn_local(async move {
            let there = words.await;
            if store.inner.with_value(|inner| inner.wanted) != locale {
                // Another one was chosen meanwhile.
            } else if there {
                config::remember_language(locale.tag());
                store.locale.set(locale);
            } else {
                store.locale.update(|_| {});
                store.tell(Status::NoAnswer);
            }
        });
    }

    /// The page is looked at, or not any more: what was unread is read.
    pub fn set_looking(&self, looking: bool) {
        self.looking.set(looking);
        if looking && self.unread.get_untracked() > 0 {
            self.unread.set(0);
        }
    }

    /// Tells what is wrong on the page that is shown.
    fn tell(&self, status: Status) {
        if self.identity.with_untracked(Option::is_none) {
            self.login_error.set(Some(status.into()));
        } else {
            self.composer_note.set(Some(ComposerNote::Refused(status)));
        }
    }

    fn clear_note(&self) {
        if !matches!(self.composer_note.get_untracked(), None | Some(ComposerNote::Wait(..))) {
            self.composer_note.set(None);
        }
    }

    pub(super) fn notice(&self, notice: Notice) {
        self.change(|timeline| timeline.push_notice(notice));
    }

    /// Changes the timeline, and tells that it has.
    pub(super) fn change(&self, change: impl FnOnce(&mut Timeline)) {
        let (dropped, has_messages) = self.lay_out(|timeline| {
            change(timeline);
            (timeline.dropped_rows() > 0, timeline.has_messages())
        });
        self.dropped.maybe_update(|was| std::mem::replace(was, dropped) != dropped);
        self.has_messages.maybe_update(|had| std::mem::replace(had, has_messages) != has_messages);
        self.changes.update(|changes| *changes = changes.wrapping_add(1));
        // It can be loaded again.
        while let Some(range) = self.lay_out(Timeline::poll_evicted) {
            self.service().dropped(range);
        }
    }

    /// Whether the login page is to be shown rather than the room.
    #[must_use]
    pub fn at_login(&self) -> bool {
        self.identity.with(Option::is_none)
    }
}
