//! Where the reader is in the timeline. At the end one stays at the end, whatever comes or changes its size;
//! further up nothing moves, and what is new is counted.

use leptos::prelude::*;
use parlour_core::timeline::RowKind;
use wasm_bindgen::JsCast;

use super::dom::{Callback, El, el};
use crate::ctrl::Store;

/// This close to the end, in CSS pixels, is at the end.
const NEAR: f64 = 40.0;

/// The place of the reader, and the two elements it is in: the one that scrolls and what is in it.
#[derive(Clone, Copy)]
pub struct Scroll {
    /// Moves over the content.
    frame: StoredValue<El, LocalStorage>,
    /// As tall as all of the rows.
    content: StoredValue<El, LocalStorage>,
    at_end: RwSignal<bool>,
    /// The newest row when the reader left the end.
    seen: RwSignal<u64>,
    top: StoredValue<f64>,
    /// Width and height of the frame when the reader was last put at the end.
    shape: StoredValue<(i32, i32)>,
}

impl Scroll {
    /// At the end.
    pub fn new() -> Self {
        let scroll = Self {
            frame: StoredValue::new_local(el("div#timeline.timeline")),
            content: StoredValue::new_local(el("div.rows")),
            at_end: RwSignal::new(true),
            seen: RwSignal::new(0),
            top: StoredValue::new(0.0),
            shape: StoredValue::new((0, 0)),
        };
        scroll.follow_size();
        scroll
    }

    /// The element that scrolls.
    pub fn frame(self) -> El {
        self.frame.get_value()
    }

    /// The element that holds the rows.
    pub fn content(self) -> El {
        self.content.get_value()
    }

    /// The reader is at the end.
    pub fn at_end(self) -> bool {
        self.at_end.get()
    }

    /// Messages of others since the reader left the end.
    pub fn unseen(self, store: Store) -> u32 {
        if self.at_end.get() {
            return 0;
        }
        let seen = self.seen.get();
        let new = store.rows().with(|rows| {
            rows.iter()
                .rev()
                .filter(|row| row.key > seen && row.kind.with_untracked(is_message_of_others))
                .count()
        });
        u32::try_from(new).unwrap_or(u32::MAX)
    }

    /// Back to the end.
    pub fn to_end(self) {
        self.at_end.set(true);
        self.settle();
    }

    /// The frame has scrolled. Only a reader who goes up leaves the end: rows that come in between two events
    /// move the end away from the reader, not the reader from the end.
    pub fn moved(self, store: Store) {
        let frame = self.frame();
        let frame = frame.element();
        let top = f64::from(frame.scroll_top());
        let below = f64::from(frame.scroll_height() - frame.client_height()) - top;
        // A frame that has changed its shape has scrolled by itself; it is put right when that is seen.
        let reshaped = self.shape.get_value() != (frame.client_width(), frame.client_height());
        let stays = self.at_end.get_untracked() && (reshaped || top >= self.top.get_value());
        let at_end = below <= NEAR || stays;
        self.top.set_value(top);
        if at_end != self.at_end.get_untracked() {
            if !at_end {
                self.seen.set(
                    store.rows().with_untracked(|rows| rows.iter().map(|row| row.key).max().unwrap_or(0)),
                );
            }
            self.at_end.set(at_end);
        }
    }

    /// Puts a reader at the end back there.
    fn settle(self) {
        if let Some(frame) = self.frame.try_get_value()
            && self.at_end.get_untracked()
        {
            let frame = frame.element();
            frame.set_scroll_top(frame.scroll_height());
            self.top.set_value(f64::from(frame.scroll_top()));
            self.shape.set_value((frame.client_width(), frame.client_height()));
        }
    }

    fn follow_size(self) {
        let changed = Callback::new(move |_| self.settle());
        // Without one, new rows still scroll into view as the reader sends or asks.
        let Ok(observer) = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()) else { return };
        observer.observe(self.frame().element());
        observer.observe(self.content().element());
        let held = StoredValue::new_local((observer, changed));
        on_cleanup(move || held.with_value(|(observer, _)| observer.disconnect()));
    }
}

fn is_message_of_others(kind: &RowKind) -> bool {
    matches!(kind, RowKind::Message { message, .. } if !message.own)
}
