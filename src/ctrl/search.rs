//! Searching the room's messages.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use parlour_core::{
    model::{Connection, Message},
    status::Status,
};
// Leptos' own works only after mounting, and a session is resumed before.
use wasm_bindgen_futures::spawn_local;

use super::store::Store;
use crate::service::SearchResults;

/// Delay from the last change of the search field to the request. Servers limit searches to about four a second.
const TYPING_DELAY_MS: u32 = 300;
/// Shorter words are searched for only on submit: a single letter is in every message, a single Chinese character (three
/// bytes) is a word.
const MIN_BYTES: usize = 2;

/// The state of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchState {
    /// There are no words to search for.
    #[default]
    Idle,
    /// The request is scheduled or sent.
    InProgress,
    /// The results are complete.
    Done,
    /// The request failed.
    Failed(Status),
}

/// A search and its results so far.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The words to search for.
    pub words: String,
    /// The state of the search for [`Self::words`].
    pub state: SearchState,
    /// The words that [`Self::messages`] were found by: those of the previous search until the current one is answered.
    pub result_words: String,
    /// The messages found, newest first.
    pub messages: Vec<Message>,
    /// There are older results, or may be.
    pub has_more: bool,
    /// The server has searched a part of the room only: the messages with an ord above this one.
    pub partial: Option<u64>,
    /// Counts the answers, so that two which are the same differ.
    pub answers: u32,
    /// The request was sent.
    requested: bool,
    /// The request is for results older than [`Self::messages`].
    for_older: bool,
}

impl Store {
    /// Searches the room for words, immediately or once typing pauses. Without words the results are cleared.
    pub fn search_for(&self, words: &str, immediately: bool) {
        let words = words.trim();
        let unchanged = self.search.with_untracked(|search| match search.state {
            SearchState::InProgress => search.words == words && (search.requested || !immediately),
            SearchState::Done => search.words == words,
            SearchState::Idle | SearchState::Failed(_) => false,
        });
        if unchanged {
            return;
        }
        let mut timer = None;
        if words.is_empty() || !immediately && words.len() < MIN_BYTES {
            self.set.search.set(Search::default());
        } else {
            self.set.search.update(|search| {
                search.words = words.into();
                search.state = SearchState::InProgress;
                search.requested = false;
            });
            let store = *self;
            if immediately {
                self.request_search(false);
            } else {
                timer = Some(Timeout::new(TYPING_DELAY_MS, move || store.request_search(false)));
            }
        }
        self.inner.update_value(|inner| inner.search_timer = timer);
    }

    /// Ends the search and forgets its results.
    pub(super) fn clear_search(&self) {
        self.inner.update_value(|inner| inner.search_timer = None);
        self.set.search.set(Search::default());
    }

    /// Requests older results, or repeats the request if it failed.
    pub fn search_more(&self) {
        let older =
            self.search.with_untracked(|search| search.result_words == search.words && search.has_more);
        self.request_search(older);
    }

    fn request_search(&self, for_older: bool) {
        self.set.search.update(|search| {
            search.state = SearchState::InProgress;
            search.requested = true;
            search.for_older = for_older;
        });
        let (words, before) = self.search.with_untracked(|search| {
            let oldest = search.messages.last().map_or(0, |message| message.ord);
            let before = search.partial.map_or(oldest, |searched| searched + 1);
            (search.words.clone(), if for_older { before } else { 0 })
        });
        if !matches!(self.connection.get_untracked(), Connection::Online { .. }) {
            return self.search_finished(Err(Status::NotConnected));
        }
        let Some(room) = self.open_room.get_untracked() else { return };
        let number = self.inner.try_update_value(|inner| {
            inner.searches = inner.searches.wrapping_add(1);
            inner.searches
        });
        let (store, found) = (*self, self.service().search(room, &words, before));
        spawn_local(async move {
            let found = found.await;
            // Otherwise it was replaced by another one meanwhile.
            if store.inner.try_with_value(|inner| inner.searches) == number {
                store.search_finished(found);
            }
        });
    }

    fn search_finished(&self, results: Result<SearchResults, Status>) {
        self.set.search.update(|search| {
            if search.state != SearchState::InProgress || !search.requested {
                // The answer to a search that was replaced meanwhile.
                return;
            }
            search.answers += 1;
            match results {
                Ok(results) => {
                    search.state = SearchState::Done;
                    search.has_more = results.more;
                    search.partial = results.partial;
                    if !search.for_older {
                        search.result_words.clone_from(&search.words);
                        search.messages.clear();
                    }
                    search.messages.extend(results.messages);
                }
                Err(status) => {
                    search.state = SearchState::Failed(status);
                    if search.result_words != search.words {
                        search.messages.clear();
                    }
                }
            }
        });
    }

    /// Repeats a search that failed for lack of a connection.
    pub(super) fn retry_failed_search(&self) {
        let failed = SearchState::Failed(Status::NotConnected);
        if self.search.with_untracked(|search| search.state == failed) {
            self.search_more();
        }
    }
}
