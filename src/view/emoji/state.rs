//! The state of the open picker, and what the user does with it.

use leptos::{ev::KeyboardEvent, html, prelude::*};

use super::{
    EmojiPicker,
    layout::{Arrow, Edges, place},
    list::{Item, List},
    remembered,
    search::search,
    support::Canvas,
    table::{Emoji, Table, tone_of},
};
use crate::{
    config,
    ctrl::{Store, use_store},
    view::{
        composer::{KeyPress, is_send_key},
        shared::{event, px},
    },
};

/// The most emoji that are shown for a text.
const MAX_FOUND: usize = 200;

/// The state of the open picker.
#[derive(Clone, Copy)]
pub struct State {
    store: Store,
    pub picker: EmojiPicker,
    pub table: &'static Table,
    pub dialog: NodeRef<html::Dialog>,
    pub field: NodeRef<html::Input>,
    /// All emoji.
    all: StoredValue<Option<List>, LocalStorage>,
    /// The emoji that match the text.
    pub found: StoredValue<Option<List>, LocalStorage>,
    canvas: StoredValue<Option<Canvas>, LocalStorage>,
    /// The number of emoji that match the text; `None` without a text.
    pub count: RwSignal<Option<usize>>,
    pub active: RwSignal<Option<usize>>,
    pub tone: RwSignal<usize>,
    /// The section at the upper edge.
    pub section: RwSignal<usize>,
    /// The first section has the emoji that were picked last.
    pub has_recent: bool,
    /// The field does not get the focus, because the keyboard would cover the emoji.
    pub is_touch: bool,
    pub composing: StoredValue<bool>,
    pub composition_ended: StoredValue<Option<f64>>,
    /// The text was not changed since an arrow key has chosen an emoji: further arrows are not for the text.
    is_choosing: StoredValue<bool>,
}

impl State {
    pub fn new(picker: EmojiPicker, table: &'static Table) -> Self {
        let store = use_store();
        Self {
            store,
            picker,
            table,
            dialog: NodeRef::new(),
            field: NodeRef::new(),
            all: StoredValue::new_local(None),
            found: StoredValue::new_local(None),
            canvas: StoredValue::new_local(Canvas::new()),
            count: RwSignal::new(None),
            active: RwSignal::new(None),
            tone: RwSignal::new(remembered::tone()),
            section: RwSignal::new(0),
            has_recent: !remembered::recent(store).is_empty(),
            is_touch: window()
                .match_media("(pointer: coarse)")
                .ok()
                .flatten()
                .is_some_and(|query| query.matches()),
            composing: StoredValue::new(false),
            composition_ended: StoredValue::new(None),
            is_choosing: StoredValue::new(false),
        }
    }

    /// Opens the dialog.
    pub fn open(self) {
        let (Some(dialog), Some(request)) = (self.dialog.get_untracked(), self.picker.request()) else {
            return;
        };
        // When the dialog is closed, the browser gives the focus back to the opener. A text field would get it without its selection.
        let _ = request.opener.focus();
        // Fails only for an element that is not in the document.
        let _ = dialog.show_modal();
        if self.is_touch {
            // Not all browsers follow `autofocus`.
            let _ = dialog.focus();
        }
    }

    /// Shows all emoji in an element: the first ones at once, the others in the next frames.
    pub fn show_all(self, root: web_sys::HtmlElement, recent_heading: &str) {
        let mut list = List::new(root, "emoji-all");
        if self.has_recent {
            let recent = remembered::recent(self.store).into_iter();
            let item = |text: String| {
                let emoji = self.table.find(&text)?;
                Some(Item {
                    emoji,
                    name: emoji.name_with_tone(self.table, tone_of(&text)),
                    text,
                    is_fixed: true,
                })
            };
            list.add_section(recent_heading, recent.filter_map(item).collect());
        }
        for group in &self.table.groups {
            list.add_section(group.name, self.items(&self.table.emoji[group.range.clone()]));
        }
        self.fill(&mut list);
        self.fill(&mut list);
        list.set_heights();
        self.all.set_value(Some(list));
        self.fill_later();
    }

    fn fill(self, list: &mut List) -> bool {
        self.canvas.with_value(|canvas| list.fill_next(canvas.as_ref()))
    }

    fn fill_later(self) {
        request_animation_frame(move || {
            let fill = |list: &mut Option<List>| {
                let list = list.as_mut()?;
                let is_filled = self.fill(list);
                if !is_filled {
                    list.set_heights();
                }
                Some(is_filled)
            };
            // The picker may be closed by now.
            if self.all.try_update_value(fill).flatten() == Some(true) {
                self.fill_later();
            }
        });
    }

    fn items(self, emoji: impl IntoIterator<Item = &'static Emoji>) -> Vec<Item> {
        let tone = self.tone.get_untracked();
        let item = |emoji: &'static Emoji| Item {
            emoji,
            text: emoji.with_tone(tone),
            name: emoji.name_with_tone(self.table, tone),
            is_fixed: false,
        };
        emoji.into_iter().map(item).collect()
    }

    /// Shows the emoji that match the text of the field, or all without a text.
    pub fn search(self) {
        let Some(field) = self.field.get_untracked().filter(|_| !self.composing.get_value()) else { return };
        let text = field.value();
        self.activate(None);
        self.is_choosing.set_value(false);
        let is_searching = !text.trim().is_empty();
        let count = self.found.try_update_value(|list| {
            let list = list.as_mut()?;
            list.clear();
            if is_searching {
                let found = search(self.table, &text).into_iter().take(MAX_FOUND);
                list.add_section("", self.items(found.map(|at| &self.table.emoji[at])));
                self.fill(list);
            }
            Some(list.len())
        });
        self.count.set(count.flatten().filter(|_| is_searching));
        self.activate(count.flatten().filter(|count| *count > 0).map(|_| 0));
    }

    pub fn with_list<T>(self, read: impl FnOnce(&List) -> T) -> Option<T> {
        let is_searching = self.count.try_get_untracked().flatten().is_some();
        let list = if is_searching { self.found } else { self.all };
        list.try_with_value(|list| list.as_ref().map(read)).flatten()
    }

    /// Makes an emoji the one that Enter picks.
    pub fn activate(self, at: Option<usize>) {
        // The picker may be closed by now.
        let Some(before) = self.active.try_get_untracked() else { return };
        if before != at {
            self.with_list(|list| {
                before.into_iter().for_each(|before| list.set_active(before, false));
                at.into_iter().for_each(|at| list.set_active(at, true));
            });
            self.active.set(at);
        }
    }

    /// Handles a key press in the field.
    pub fn handle_key(self, event: &KeyboardEvent) {
        let key = event::key(event);
        let press = KeyPress {
            key: &key,
            modified: false,
            is_composing: event.is_composing(),
            key_code: event.key_code(),
            at_ms: event.time_stamp(),
            composition_ended_ms: self.composition_ended.get_value(),
        };
        if is_send_key(press) {
            event.prevent_default();
            if let Some(at) = self.active.get_untracked() {
                self.pick(at, event.shift_key());
            }
            return;
        }
        let is_modified = event.shift_key() || event.ctrl_key() || event.alt_key() || event.meta_key();
        let Some(arrow) = Arrow::of_key(&key).filter(|_| !event::is_composing(event) && !is_modified) else {
            return;
        };
        let is_for_text = matches!(arrow, Arrow::Left | Arrow::Right)
            && self.count.get_untracked().is_some()
            && !self.is_choosing.get_value();
        if !is_for_text {
            event.prevent_default();
            self.is_choosing.set_value(true);
            let to = self.with_list(|list| list.step(self.active.get_untracked(), arrow)).flatten();
            self.activate(to);
            self.with_list(|list| to.into_iter().for_each(|to| list.show(to)));
        }
    }

    /// Picks an emoji. The picker is closed while the picked emoji is handled, so that the focus can be moved.
    pub fn pick(self, at: usize, stays_open: bool) {
        let text = self.with_list(|list| list.item(at).map(|item| item.text.clone())).flatten();
        let (Some(text), Some(request), Some(dialog)) =
            (text, self.picker.request(), self.dialog.get_untracked())
        else {
            return;
        };
        remembered::add_recent(self.store, &text);
        dialog.close();
        (request.pick)(&text);
        if stays_open {
            self.open();
        } else {
            self.picker.close();
        }
    }

    pub fn set_tone(self, tone: usize) {
        config::remember_emoji_tone(&tone.to_string());
        self.tone.set(tone);
        for list in [self.all, self.found] {
            list.update_value(|list| list.iter_mut().for_each(|list| list.set_tone(self.table, tone)));
        }
    }

    /// Shows all emoji, from a section on.
    pub fn show_section(self, number: usize) {
        if let Some(field) = self.field.get_untracked() {
            field.set_value("");
            self.search();
            if !self.is_touch {
                let _ = field.focus();
            }
        }
        let show = move || {
            let first = self.with_list(|list| list.show_section(number)).flatten();
            self.activate(first);
        };
        // By then they are visible, and in the frame after that the heights of their sections are known.
        request_animation_frame(move || {
            show();
            request_animation_frame(show);
        });
    }

    pub fn follow_scroll(self) {
        let top = self.with_list(List::section_at_top).unwrap_or_default();
        self.section.maybe_update(|section| std::mem::replace(section, top) != top);
    }

    /// Moves the picker beside the element that has opened it. In a narrow viewport the stylesheet overrides this.
    pub fn place(self) {
        let (Some(dialog), Some(request), Some(root)) =
            (self.dialog.get_untracked(), self.picker.request(), document().document_element())
        else {
            return;
        };
        let (opener, own) = (request.opener.get_bounding_client_rect(), dialog.get_bounding_client_rect());
        let opener = Edges { top: opener.top(), right: opener.right(), bottom: opener.bottom() };
        let viewport = (f64::from(root.client_width()), f64::from(root.client_height()));
        let (left, top) = place(opener, (own.width(), own.height()), viewport);
        // Cannot fail: the names are valid.
        let style = web_sys::HtmlElement::style(&dialog);
        let _ = style.set_property("left", &px(left)).and_then(|()| style.set_property("top", &px(top)));
    }
}
