//! Where the reader is in the timeline. At the end one stays at the end, whatever comes or changes its size;
//! further up the line being read stays where it is, and what is new is counted.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

use super::dom::{Callback, El, el};
use crate::ctrl::{Live, Read, Store, context};

/// This close to the end, in CSS pixels, is at the end.
const NEAR: f64 = 40.0;

/// The place of the reader, and the two elements it is in: the one that scrolls and what is in it.
#[derive(Clone, Copy)]
pub struct Scroll {
    /// Moves over the content.
    frame: Live<El>,
    /// As tall as all of the rows.
    content: Live<El>,
    at_end: Live<bool>,
    /// Messages of others so far, and how many there were when the reader left the end.
    heard: Read<u32>,
    seen: Live<u32>,
    top: Live<f64>,
    /// Width and height of the frame when the reader was last put at the end.
    shape: Live<(i32, i32)>,
    /// The line being read, and where it is. Browsers hold it too, but not all of them, and none when
    /// something is put in above the very top; the stylesheet keeps those from it that do.
    line: Live<Option<(Element, f64)>>,
}

impl Scroll {
    /// At the end.
    pub fn new(store: Store) -> Self {
        let scroll = Self {
            frame: Live::new(el("div#timeline.timeline")),
            content: Live::new(el("div.rows")),
            at_end: Live::new(true),
            heard: store.heard(),
            seen: Live::new(0),
            top: Live::new(0.0),
            shape: Live::new((0, 0)),
            line: Live::new(None),
        };
        scroll.follow_size();
        scroll
    }

    /// The element that scrolls.
    pub fn frame(self) -> El {
        self.frame.get_untracked()
    }

    /// The element that holds the rows.
    pub fn content(self) -> El {
        self.content.get_untracked()
    }

    /// The reader is at the end.
    pub fn at_end(self) -> bool {
        self.at_end.get()
    }

    /// Messages of others since the reader left the end.
    pub fn unseen(self) -> u32 {
        if self.at_end.get() { 0 } else { self.heard.get().saturating_sub(self.seen.get()) }
    }

    /// Back to the end.
    pub fn to_end(self) {
        self.at_end.set(true);
        self.settle();
    }

    /// The frame has scrolled. Only a reader who goes up leaves the end: rows that come in between two events
    /// move the end away from the reader, not the reader from the end.
    pub fn moved(self) {
        let frame = self.frame();
        let frame = frame.element();
        let top = f64::from(frame.scroll_top());
        let below = f64::from(frame.scroll_height() - frame.client_height()) - top;
        // A frame that has changed its shape has scrolled by itself; it is put right when that is seen.
        let reshaped = self.shape.get_untracked() != (frame.client_width(), frame.client_height());
        let stays = self.at_end.get_untracked() && (reshaped || top >= self.top.get_untracked());
        let at_end = below <= NEAR || stays;
        let by_reader = (top - self.top.get_untracked()).abs() > 0.0;
        self.top.set_untracked(top);
        if at_end != self.at_end.get_untracked() {
            self.seen.set(self.heard.get_untracked());
            self.at_end.set(at_end);
        }
        if at_end {
            self.line.set_untracked(None);
        } else {
            // What the browser has laid out since may have moved it already.
            self.hold(frame);
            if by_reader {
                self.read(frame);
            }
        }
    }

    /// Gives the rows that are about to be shown. Once they are, the reader is put back to where they were.
    pub fn held<T>(self, rows: T) -> T {
        queue_microtask(move || self.settle());
        rows
    }

    /// Puts a reader at the end back there, and any other back to the line they read.
    fn settle(self) {
        let Some(frame) = self.frame.try_with(El::clone) else { return };
        let frame = frame.element();
        if self.at_end.get_untracked() {
            frame.set_scroll_top(frame.scroll_height());
            self.top.set_untracked(f64::from(frame.scroll_top()));
            self.shape.set_untracked((frame.client_width(), frame.client_height()));
            return;
        }
        self.hold(frame);
    }

    /// Scrolls by what the line being read has moved among the rows, or with the frame. It stays the line being read,
    /// whatever is above it now: a row that was just put in has its size only once it is painted.
    fn hold(self, frame: &Element) {
        let Some((row, before)) = self.line.get_untracked().filter(|(row, _)| row.is_connected()) else {
            return self.read(frame);
        };
        let place = self.place(frame, &row);
        if (place - before).abs() > 0.1 {
            frame.scroll_by_with_x_and_y(0.0, place - before);
            self.top.set_untracked(f64::from(frame.scroll_top()));
            self.line.set_untracked(Some((row, place)));
        }
    }

    /// Where a row is, however far the frame has scrolled.
    fn place(self, frame: &Element, row: &Element) -> f64 {
        top(row) - top(self.content().element()) + top(frame)
    }

    /// Takes note of the line being read: the first message of which something is seen.
    fn read(self, frame: &Element) {
        let edge = top(frame);
        let is_seen = |row: &Element| row.get_bounding_client_rect().bottom() > edge;
        // From the last one: it is seldom far.
        let last = self.line.get_untracked().map(|(row, _)| row).filter(|row| row.is_connected());
        let mut row = last.or_else(|| self.content().element().first_element_child());
        while let Some(above) = row.as_ref().and_then(Element::previous_element_sibling).filter(is_seen) {
            row = Some(above);
        }
        while let Some(it) = row.as_ref().filter(|it| !(is_seen(it) && it.class_list().contains("message"))) {
            row = it.next_element_sibling();
        }
        self.line.set_untracked(row.map(|row| {
            let place = self.place(frame, &row);
            (row, place)
        }));
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

    /// Tells `seen` whether some of a row is in the frame. What is given has to be called to begin with, and whenever
    /// it is to be told anew. Where the browser can't tell, nothing is.
    pub fn sees(self, row: &El, seen: Live<bool>) -> impl Fn() + 'static {
        let told = Callback::new(move |entries| {
            let last = JsValue::from(entries).unchecked_into::<js_sys::Array>().pop();
            seen.set(last.unchecked_into::<web_sys::IntersectionObserverEntry>().is_intersecting());
        });
        let options = web_sys::IntersectionObserverInit::new();
        options.set_root(Some(self.frame().element()));
        let function = told.as_ref().unchecked_ref();
        let observer = web_sys::IntersectionObserver::new_with_options(function, &options).ok();
        let held = StoredValue::new_local((observer.clone(), told));
        on_cleanup(move || {
            held.with_value(|(observer, _)| {
                if let Some(observer) = observer {
                    observer.disconnect();
                }
            });
        });
        let row = row.clone();
        move || {
            if let Some(observer) = &observer {
                observer.unobserve(row.element());
                observer.observe(row.element());
            }
        }
    }
}

fn top(of: &Element) -> f64 {
    of.get_bounding_client_rect().top()
}

/// When an element goes away that has the focus in it, the timeline gets the focus: the keyboard stays where it was.
pub fn hand_on_focus(of: &El) {
    let frame = context::<Scroll>().frame;
    let of = Live::new(of.clone());
    on_cleanup(move || {
        let focused = document().active_element();
        of.with_untracked(|of| {
            if focused.is_some_and(|focused| of.element().contains(Some(&focused)))
                && let Some(frame) = frame.try_with(El::clone)
            {
                frame.focus();
            }
        });
    });
}
