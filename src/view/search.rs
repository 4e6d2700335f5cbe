//! Where one looks for what was said: a panel in the place of the roster, and on a narrow screen all of it.

use leptos::{
    ev::{Event, KeyboardEvent, SubmitEvent},
    prelude::*,
};
use parlour_core::model::SeekTarget;
use wasm_bindgen::JsCast;

use super::{
    dom::{El, el, follow, listen},
    drawer::{Drawer, focus},
    icon::{self, icon},
    results::results,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, Store, context, use_store},
    i18n::time,
};

/// The button that opens the panel: the focus comes from there and goes back there.
const TOGGLE: &str = "search-toggle";
/// The field: the focus goes there.
const FIELD: &str = "search-words";

/// Whether the panel is open.
#[derive(Clone, Copy)]
pub struct Finder {
    opened: Live<bool>,
    drawer: Drawer,
}

impl Finder {
    /// A closed one, that opens by its button and by Ctrl+K.
    pub fn new(drawer: Drawer) -> Self {
        let (store, finder) = (use_store(), Self { opened: Live::new(false), drawer });
        listen(&window(), "keydown", move |event: KeyboardEvent| {
            let key = event.key();
            let only = !event.shift_key() && !event.alt_key() && event.ctrl_key() != event.meta_key();
            if only && key.eq_ignore_ascii_case("k") && can_search(store) {
                event.prevent_default();
                finder.open();
            }
        });
        finder
    }

    /// In sight, now.
    pub fn is_open(self) -> bool {
        self.opened.get()
    }

    /// Over the whole room, now.
    pub fn covers(self) -> bool {
        self.drawer.is_narrow() && self.opened.get()
    }

    fn open(self) {
        self.drawer.close();
        self.opened.set(true);
        focus(FIELD);
    }

    fn close(self) {
        self.opened.set(false);
        focus(TOGGLE);
    }

    /// The button, where there is something to search.
    pub fn toggle(self) -> El {
        let t = use_words();
        el("button#search-toggle.button.quiet")
            .attr("type", "button")
            .attr("aria-controls", "search")
            .attr("aria-keyshortcuts", "Control+K Meta+K")
            .words_attr("aria-label", Word::Search)
            .attr_fn("title", move || [t().word(Word::Search), " (Ctrl+K)"].concat())
            .attr_fn("aria-expanded", move || if self.is_open() { "true" } else { "false" })
            .on("click", move |_: Event| if self.opened.get_untracked() { self.close() } else { self.open() })
            .child(icon(icon::SEARCH))
    }
}

/// Whether the server searches; a basic one does not.
pub fn can_search(store: Store) -> bool {
    store.identity().with(|me| me.as_ref().is_some_and(|me| me.search))
}

/// The panel.
pub fn search() -> El {
    let finder = context::<Finder>();
    let head = el("div.search-head").child(el("h2#search-title").words(Word::Search)).child(
        el("button#search-close.button.quiet")
            .attr("type", "button")
            .words_attr("aria-label", Word::PeopleHide)
            .on("click", move |_: Event| finder.close())
            .child(icon(icon::CLOSE)),
    );
    close_when_there(finder);
    el("section#search.search")
        .attr("aria-labelledby", "search-title")
        .on("keydown", move |event: KeyboardEvent| match &*event.key() {
            // One that ends a composition is the input method's.
            "Escape" if !event.is_composing() => {
                event.prevent_default();
                finder.close();
            }
            "ArrowDown" => step(&event, true),
            "ArrowUp" => step(&event, false),
            _ => {}
        })
        .child(head)
        .child(words())
        .child(date())
        .child(results())
}

/// The field for words. What an input method has not given yet is not searched for.
fn words() -> El {
    let store = use_store();
    let composing = Live::new(false);
    let field = el("input#search-words")
        .attr("type", "search")
        .attr("dir", "auto")
        .attr("maxlength", "200")
        .attr("enterkeyhint", "search")
        .attr("autocomplete", "off")
        .attr("spellcheck", "false")
        .words_attr("placeholder", Word::SearchWords)
        .words_attr("aria-label", Word::SearchWords)
        .attr("aria-describedby", "search-state");
    field.set_value(&store.search().with(|search| search.words.clone()));
    let read = field.clone();
    let search = move |at_once| {
        if !composing.get_untracked() {
            store.search_for(&read.value(), at_once);
        }
    };
    let (typed, ended) = (search.clone(), search.clone());
    let field = field
        .on("compositionstart", move |_: Event| composing.set_untracked(true))
        .on("compositionend", move |_: Event| {
            composing.set_untracked(false);
            ended(false);
        })
        .on("input", move |_: Event| typed(false));
    el("form.search-words")
        .attr("role", "search")
        .words_attr("aria-label", Word::SearchWords)
        .child(icon(icon::SEARCH))
        .child(field)
        .on("submit", move |event: SubmitEvent| {
            event.prevent_default();
            search(true);
        })
}

/// The field for a day, and what there is to say when one can't go there.
fn date() -> El {
    let (store, t) = (use_store(), use_words());
    let field = el("input#search-date").attr("type", "date").on("change", move |event: Event| {
        if let Some(midnight) = time::midnight(&event_target_value(&event)) {
            store.seek(SeekTarget::Time(midnight));
        }
    });
    let before = number();
    let note = move || {
        if store.seeking().get() {
            return Some(t().word(Word::Loading));
        }
        let failed = store.sought().get().filter(|sought| sought.number != before && sought.seq.is_none());
        failed.map(|_| t().word(Word::SeekFailed))
    };
    el("div.search-date")
        .child(el("label").attr("for", "search-date").words(Word::GoToDate))
        .child(field)
        .child(el("p#search-note").attr("role", "status").text_fn(note))
}

/// Where the panel covers the room, it makes way for the place that was sought from it.
fn close_when_there(finder: Finder) {
    let (store, before) = (use_store(), number());
    follow(move || {
        let there = store.sought().get().filter(|sought| sought.number != before && sought.seq.is_some());
        if there.is_some() && untrack(move || finder.covers()) {
            finder.close();
        }
    });
}

/// The number of the place that was sought last.
fn number() -> u32 {
    use_store().sought().get().map_or(0, |sought| sought.number)
}

/// From the field to the results, from one to the next, and back.
fn step(event: &KeyboardEvent, down: bool) {
    let Some(at) = document().active_element() else { return };
    let to = match at.closest("li").ok().flatten() {
        Some(item) if down => item.next_element_sibling(),
        Some(item) => item.previous_element_sibling(),
        None if down && at.id() == FIELD => document().query_selector("#search li").ok().flatten(),
        None => return,
    };
    let to = match to {
        Some(item) => item.first_element_child(),
        None if !down => document().get_element_by_id(FIELD),
        None => None,
    };
    event.prevent_default();
    if let Some(to) = to.and_then(|to| to.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = to.focus();
    }
}
