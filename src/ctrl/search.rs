//! What is searched for, and found.

use parlour_core::{event::Found, model::Message, status::Status};

use super::store::Store;

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Searched {
    /// Nothing is searched for.
    #[default]
    No,
    /// It is under way; what is there already is of the same words.
    Under,
    /// This is what was found.
    Found,
    /// It did not work, and why.
    Failed(Status),
}

/// A search, and what it has found so far.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What is searched for.
    pub words: String,
    /// How far it has come.
    pub state: Searched,
    /// The messages, the newest first.
    pub messages: Vec<Message>,
    /// There are older ones.
    pub more: bool,
}

impl Store {
    /// Searches what was said for words; without any, forgets what was found.
    pub fn search_for(&self, words: &str) {
        let words = words.trim();
        let is_same = |search: &Search| {
            search.words == words && matches!(search.state, Searched::Under | Searched::Found)
        };
        if self.search.with_untracked(is_same) {
            return;
        }
        let state = if words.is_empty() { Searched::No } else { Searched::Under };
        self.search.set(Search { words: words.into(), state, ..Search::default() });
        if !words.is_empty() {
            self.service().search(words, 0);
        }
    }

    /// Searches on among what is older than what was found; or once more, where that did not work.
    pub fn search_more(&self) {
        let (words, before) = self.search.with_untracked(|search| {
            (search.words.clone(), search.messages.last().map_or(0, |message| message.seq))
        });
        self.search.update(|search| search.state = Searched::Under);
        self.service().search(&words, before);
    }

    pub(super) fn found(&self, found: Result<Found, Status>) {
        self.search.update(|search| match found {
            // Of a search that was given up.
            _ if search.state != Searched::Under => {}
            Ok(found) => {
                search.state = Searched::Found;
                search.more = found.more;
                search.messages.extend(found.messages);
            }
            Err(status) => search.state = Searched::Failed(status),
        });
    }
}
