//! What is searched for, and found.

use gloo_timers::callback::Timeout;
use parlour_core::{event::SearchResults, model::Message, status::Status};

use super::store::Store;

/// So long after the last key what is typed is searched for, in ms. A server answers some four questions a second.
const SOON: u32 = 300;
/// What is typed is searched for from so many bytes on: one letter is in every message, one Chinese character is a word.
const ENOUGH: usize = 2;

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Searched {
    /// Nothing is searched for.
    #[default]
    No,
    /// It is under way, or about to begin.
    Under,
    /// This is what was found.
    Found,
    /// It did not work, and why.
    Failed(Status),
}

/// A search, and what was found so far.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What is searched for.
    pub words: String,
    /// How far that has come.
    pub state: Searched,
    /// What the messages were found by: an earlier search, until there is an answer.
    pub of: String,
    /// The messages, the newest first.
    pub messages: Vec<Message>,
    /// There are older ones.
    pub more: bool,
    /// The server was asked.
    asked: bool,
    /// For what is older than the messages.
    older: bool,
}

impl Store {
    /// Searches what was said for words: at once, or when no others have been typed for a moment. Without any, forgets
    /// what was found.
    pub fn search_for(&self, words: &str, at_once: bool) {
        let words = words.trim();
        let goes_on = self.search.with_untracked(|search| match search.state {
            Searched::Under => search.words == words && (search.asked || !at_once),
            Searched::Found => search.words == words,
            Searched::No | Searched::Failed(_) => false,
        });
        if goes_on {
            return;
        }
        let mut timer = None;
        if words.is_empty() || !at_once && words.len() < ENOUGH {
            self.search.set(Search::default());
        } else {
            self.search.update(|search| {
                search.words = words.into();
                search.state = Searched::Under;
                search.asked = false;
            });
            let store = *self;
            if at_once {
                self.ask_server(false);
            } else {
                timer = Some(Timeout::new(SOON, move || store.ask_server(false)));
            }
        }
        self.inner.update_value(|inner| inner.search_timer = timer);
    }

    /// Goes on with a search: among what is older than what was found, or once more where that did not work.
    pub fn search_more(&self) {
        let older = self.search.with_untracked(|search| search.of == search.words && search.more);
        self.ask_server(older);
    }

    fn ask_server(&self, older: bool) {
        self.search.update(|search| {
            search.state = Searched::Under;
            search.asked = true;
            search.older = older;
        });
        let (words, before) = self.search.with_untracked(|search| {
            let last = search.messages.last().filter(|_| older);
            (search.words.clone(), last.map_or(0, |message| message.seq))
        });
        self.service().search(&words, before);
    }

    pub(super) fn found(&self, found: Result<SearchResults, Status>) {
        self.search.update(|search| {
            if search.state != Searched::Under || !search.asked {
                // Of a search that was given up.
                return;
            }
            match found {
                Ok(found) => {
                    search.state = Searched::Found;
                    search.more = found.more;
                    if !search.older {
                        search.of.clone_from(&search.words);
                        search.messages.clear();
                    }
                    search.messages.extend(found.messages);
                }
                Err(status) => {
                    search.state = Searched::Failed(status);
                    if search.of != search.words {
                        search.messages.clear();
                    }
                }
            }
        });
    }

    /// There is a connection again: what could not be searched for without one is.
    pub(super) fn search_again(&self) {
        if self.search.with_untracked(|search| search.state == Searched::Failed(Status::NotConnected)) {
            self.search_more();
        }
    }
}
