//! A cover of the screen of a narrow viewport, such as the search panel or a dialog, has an entry in the browser's history
//! above that of the screen: going back closes it and changes nothing else.

use leptos::prelude::*;

use super::Screens;
use crate::{config, ctrl::Route};

/// The entry of what covers the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CoverEntry {
    /// No entry exists.
    #[default]
    Absent,
    /// The entry is the current one of the history.
    Current,
    /// The page goes back from it; the event of the history follows.
    Leaving,
}

/// A step in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Push,
    Back,
}

/// The meaning of an event of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Another screen.
    Screen,
    /// The user has gone back: what covers the screen is to be closed.
    Close,
    /// The page has left the entry.
    Left,
    /// The user has gone forward to an entry of what was closed.
    Stale,
}

impl CoverEntry {
    /// Something covers the screen now, or nothing any more.
    fn handle_cover(&mut self, is_covered: bool) -> Option<Step> {
        match (*self, is_covered) {
            (Self::Absent, true) => {
                *self = Self::Current;
                Some(Step::Push)
            }
            (Self::Current, false) => self.leave(),
            _ => None,
        }
    }

    /// Goes back from the entry, so that another screen does not lie above it.
    fn leave(&mut self) -> Option<Step> {
        let is_current = *self == Self::Current;
        if is_current {
            *self = Self::Leaving;
        }
        is_current.then_some(Step::Back)
    }

    /// The current entry of the history is another one.
    fn handle_history(&mut self, is_cover: bool) -> Event {
        match std::mem::take(self) {
            Self::Leaving => Event::Left,
            Self::Current => Event::Close,
            Self::Absent if is_cover => {
                *self = Self::Leaving;
                Event::Stale
            }
            Self::Absent => Event::Screen,
        }
    }
}

/// The action to take when the page has left the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Another screen is shown.
    Show(Route),
    /// The screen follows the store's open room.
    OpenRoom,
}

/// The elements that may cover the screen.
struct Covers {
    is_covered: Box<dyn Fn() -> bool>,
    /// Closes the uppermost one.
    close: Box<dyn Fn()>,
}

/// The entry, and what has to wait until the page has left it.
#[derive(Clone, Copy)]
pub struct Cover {
    entry: StoredValue<CoverEntry>,
    waiting: StoredValue<Option<Waiting>>,
    covers: StoredValue<Option<Covers>, LocalStorage>,
}

impl Cover {
    /// No entry.
    pub fn new() -> Self {
        Self {
            entry: StoredValue::new(CoverEntry::Absent),
            waiting: StoredValue::new(None),
            covers: StoredValue::new_local(None),
        }
    }

    /// Leaves the entry if there is one: what waits is returned by [`Self::handle_history`]. Otherwise returns `false`. Only
    /// the last of several waits.
    pub fn leave_before(self, waiting: Waiting) -> bool {
        let has_entry = self.entry.get_value() != CoverEntry::Absent;
        if has_entry {
            self.waiting.set_value(Some(waiting));
            self.take(CoverEntry::leave);
        }
        has_entry
    }

    /// Handles an event of the history. `Err` if it is not about a cover; otherwise what has waited for it. Then the caller has
    /// to call [`Self::follow`], because something may cover the screen still, or again.
    pub fn handle_history(self) -> Result<Option<Waiting>, ()> {
        match self.entry.try_update_value(|entry| entry.handle_history(config::is_cover())) {
            None | Some(Event::Screen) => return Err(()),
            Some(Event::Stale) => config::go_back(),
            Some(Event::Close) => {
                self.covers.with_value(|covers| covers.iter().for_each(|covers| (covers.close)()))
            }
            Some(Event::Left) => return Ok(self.waiting.try_update_value(Option::take).flatten()),
        }
        Ok(None)
    }

    /// Leaves the entry of what covered the screen before the page was reloaded. Returns `false` if there is none.
    pub fn leave_stale(self) -> bool {
        self.handle_history().is_ok()
    }

    /// Adds the entry, or leaves it, depending on what covers the screen. Follows that.
    pub fn follow(self) {
        let is_covered =
            self.covers.with_value(|covers| covers.as_ref().is_some_and(|covers| (covers.is_covered)()));
        self.take(|entry| entry.handle_cover(is_covered));
    }

    fn take(self, change: impl FnOnce(&mut CoverEntry) -> Option<Step>) {
        match self.entry.try_update_value(change).flatten() {
            Some(Step::Push) => config::push_cover(),
            Some(Step::Back) => config::go_back(),
            None => {}
        }
    }
}

impl Screens {
    /// Follows what covers the screen of a narrow viewport; `close` closes the uppermost of it.
    pub fn follow_cover(self, is_covered: impl Fn() -> bool + 'static, close: impl Fn() + 'static) {
        let is_covered = Box::new(move || self.is_narrow() && is_covered());
        self.cover.covers.set_value(Some(Covers { is_covered, close: Box::new(close) }));
        Effect::new(move || self.cover.follow());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_closes_what_covers_the_screen() {
        let mut entry = CoverEntry::default();
        assert_eq!(entry.handle_cover(false), None);
        assert_eq!(entry.handle_cover(true), Some(Step::Push));
        assert_eq!(entry.handle_cover(true), None);
        assert_eq!(entry.handle_history(false), Event::Close);
        assert_eq!(entry.handle_cover(false), None, "the history is where it was");
        assert_eq!(entry.handle_history(false), Event::Screen);
    }

    #[test]
    fn entry_is_left_when_its_cover_is_closed() {
        let mut entry = CoverEntry::default();
        entry.handle_cover(true);
        assert_eq!(entry.handle_cover(false), Some(Step::Back));
        assert_eq!(entry.handle_cover(true), None, "not before the page is back");
        assert_eq!(entry.leave(), None, "the page goes back already");
        assert_eq!(entry.handle_history(false), Event::Left);
        assert_eq!(entry.handle_cover(true), Some(Step::Push));
        assert_eq!(entry.leave(), Some(Step::Back));
        assert_eq!(entry.handle_history(false), Event::Left);
        assert_eq!(entry.leave(), None);
    }

    #[test]
    fn entry_without_a_cover_is_passed_over() {
        let mut entry = CoverEntry::default();
        assert_eq!(entry.handle_history(true), Event::Stale);
        assert_eq!(entry.handle_history(false), Event::Left);
    }
}
