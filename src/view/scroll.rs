//! Where the reader is in the timeline. At the end one stays at the end, whatever comes or changes its size; further up
//! the line being read stays where it is, and what is new is counted.
//!
//! The line is known by what it is, not by where: before each drawing the rows around it are asked of the timeline, put
//! into the page and measured, and what is above them is made as tall as it takes for the line to be where it was. That
//! is not quite what it should be, which nobody sees; once the frame rests it is put right, and the frame scrolled with
//! it: done earlier, that would end a fling.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use parlour_core::timeline::{RowMetrics, Timeline};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::Element;

use super::{
    dom::{Callback, El, el},
    line::{Around, Line},
    missing::Fetch,
    pace::{Next, Pace},
    window::Window,
};
use crate::{
    config::local_day,
    ctrl::{Live, Read, Store, context},
};

/// This close to the end, in CSS pixels, is at the end.
const NEAR: f64 = 40.0;
/// Rounds of drawing and measuring: each puts in what the one before found to be lower than thought.
const ROUNDS: usize = 8;
/// The frame has come to rest when it has not scrolled for so long, in ms.
const REST: u32 = 300;

/// The place of the reader, and the element that scrolls.
#[derive(Clone, Copy)]
pub struct Scroll {
    store: Store,
    frame: Live<El>,
    content: Live<El>,
    pub(super) window: Window,
    fetch: Fetch,
    at_end: Live<bool>,
    line: Live<Line>,
    /// Messages of others so far, and how many there were when the reader left the end.
    heard: Read<u32>,
    seen: Live<u32>,
    /// Where the frame was last seen or put.
    top: Live<f64>,
    /// Width and height of the frame when it was last drawn.
    shape: Live<(i32, i32)>,
    /// How tall all that scrolls was after that.
    whole: Live<i32>,
    /// The part of all rows that is in the page for sure.
    drawn: Live<(f64, f64)>,
    pace: Live<Pace>,
    /// It scrolls; this ends when it has come to rest.
    rest: Live<Option<Timeout>>,
    /// By how much what is above the rows in the page is taller than it should be.
    slack: Live<f64>,
    /// What is to be marked once it is in the page.
    mark: Live<Option<u64>>,
    /// When what is on the screen was said, for who is not at the end.
    day: Live<Option<i64>>,
}

impl Scroll {
    /// At the end.
    pub fn new(store: Store) -> Self {
        let scroll = Self {
            store,
            frame: Live::new(el("div#timeline.timeline")),
            content: Live::new(el("div.rows")),
            window: Window::new(),
            fetch: Fetch::new(store),
            at_end: Live::new(true),
            line: Live::new(Line::End),
            heard: store.heard(),
            seen: Live::new(0),
            top: Live::new(0.0),
            shape: Live::new((0, 0)),
            whole: Live::new(0),
            drawn: Live::new((0.0, 0.0)),
            pace: Live::new(Pace::default()),
            rest: Live::new(None),
            slack: Live::new(0.0),
            mark: Live::new(None),
            day: Live::new(None),
        };
        scroll.follow_size();
        super::dom::follow(move || {
            store.changes().with(|_| ());
            untrack(move || scroll.changed());
        });
        super::dom::follow(move || {
            store.connection().with(|_| ());
            untrack(move || scroll.fetch_what_is_near());
        });
        scroll
    }

    /// The element that scrolls.
    pub fn frame(self) -> El {
        self.frame.get_untracked()
    }

    /// The element in it, for what is above the rows.
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

    /// A time of the day that the uppermost message on the screen is of; `None` at the end, and where all is missing.
    pub fn day(self) -> Option<i64> {
        if self.at_end.get() { None } else { self.day.get() }
    }

    /// Back to the end.
    pub fn to_end(self) {
        self.reach_end();
        self.draw();
    }

    /// To the first message there is.
    pub fn to_start(self) {
        self.leave_end();
        let first = self.window.top() - self.content().element().get_bounding_client_rect().top();
        self.line.set_untracked(Line::Seq(0.01, first));
        self.draw();
        self.take_line();
    }

    /// To a message, if it is there; marks it.
    pub fn to(self, seq: u64) {
        let height = self.height();
        self.leave_end();
        // Sequence numbers are exact in it as far as any room will get.
        #[allow(clippy::cast_precision_loss)]
        self.line.set_untracked(Line::Seq(seq as f64, (height / 3.0).round()));
        self.mark.set_untracked(Some(seq));
        self.draw();
        self.take_line();
    }

    fn leave_end(self) {
        if self.at_end.get_untracked() {
            self.seen.set(self.heard.get_untracked());
            self.at_end.set(false);
        }
    }

    /// The frame has scrolled.
    pub fn moved(self) {
        if !self.notice() {
            return;
        }
        let (from, to) = self.drawn.get_untracked();
        let (y, height) = (self.y(), self.height());
        if y - height / 2.0 < from || y + height * 1.5 > to {
            self.draw();
        } else {
            self.fetch_what_is_near();
        }
    }

    /// Takes note of where the reader has scrolled to; `false` when nowhere. Only one who goes up leaves the end: rows that
    /// come in between two events move the end away from the reader, not the reader from the end.
    fn notice(self) -> bool {
        let frame = self.frame();
        let frame = frame.element();
        let (top, before) = (frame.scroll_top_f64(), self.top.get_untracked());
        // A frame that has changed its shape has scrolled by itself; that is put right as it is drawn.
        let reshaped = self.shape.get_untracked() != (frame.client_width(), frame.client_height());
        if reshaped || (top - before).abs() < 0.01 {
            return false;
        }
        let below = f64::from(frame.scroll_height() - frame.client_height()) - top;
        self.top.set_untracked(top);
        let near = below <= NEAR;
        if below < 1.0 || top >= before && (near || self.at_end.get_untracked()) {
            self.reach_end();
        } else {
            // Whether a little up is still the end is seen when it rests: who goes up slowly is not held by what comes.
            if !near {
                self.leave_end();
            }
            self.take_line();
        }
        self.fetch.moved();
        self.rest.set_untracked(Some(Timeout::new(REST, move || self.rests())));
        if self.y() < -NEAR {
            // Nothing is up there.
            self.rest.set_untracked(None);
        }
        true
    }

    /// How far the upper edge of the frame is below the beginning of the rows, as the timeline counts.
    fn y(self) -> f64 {
        let below = self.frame().element().get_bounding_client_rect().top() - self.window.top();
        below - self.slack.get_untracked()
    }

    /// Takes note of the line being read.
    fn take_line(self) {
        let (y, height) = (self.y(), self.height());
        let whole = self.first_whole();
        let (line, time) = self.store.lay_out(|timeline| {
            let first = timeline.index_at(y);
            timeline.set_anchor(timeline.key(first));
            let line = whole.unwrap_or_else(|| Line::of(timeline, y, height));
            // At the very top its own line is there.
            (line, timeline.time(first).filter(|_| y > 0.0))
        });
        self.line.set_untracked(line);
        let day = |time: Option<i64>| time.map(local_day);
        self.day.maybe_update(|was| day(std::mem::replace(was, time)) != day(time));
    }

    /// Where rows above have become lower or taller, another one is the first that is seen whole: it is the line from now on.
    /// As long as it is the same, its place is not taken anew, which would be off by a part of a pixel each time.
    fn follow_line(self) {
        if let (Line::Row(key, ..), Some(Line::Row(first, at, offset))) =
            (self.line.get_untracked(), self.first_whole())
            && first != key
        {
            self.line.set_untracked(Line::Row(first, at, offset));
        }
    }

    fn first_whole(self) -> Option<Line> {
        let top = self.frame().element().get_bounding_client_rect().top();
        self.window.first_whole(top, top + self.height() * 0.75)
    }

    fn reach_end(self) {
        self.line.set_untracked(Line::End);
        self.store.lay_out(|timeline| timeline.set_anchor(None));
        self.at_end.set(true);
    }

    /// Of the frame.
    fn height(self) -> f64 {
        f64::from(self.frame().element().client_height())
    }

    /// Rows have come, gone or changed.
    fn changed(self) {
        if self.pace.update_untracked(Pace::changes).unwrap_or(false) {
            self.draw();
            self.ask_for_frame();
        }
    }

    fn ask_for_frame(self) {
        // One that comes when the room is left finds nothing to do.
        let frame = Closure::once_into_js(move || self.frame_begins());
        let _ = window().request_animation_frame(frame.unchecked_ref());
    }

    fn frame_begins(self) {
        let next = self.pace.update_untracked(Pace::frame_begins);
        if next == Some(Next::Draw) {
            self.draw();
        }
        if next.is_some_and(|next| next != Next::Nothing) {
            self.ask_for_frame();
        }
    }

    /// Once nobody scrolls, who has not left the end is there again, and all is as tall as it should be.
    fn rests(self) {
        self.rest.set_untracked(None);
        let back = self.at_end.get_untracked() && self.line.get_untracked() != Line::End;
        if back {
            self.reach_end();
        }
        if self.store.lay_out(Timeline::rebalance_gaps) || self.slack.get_untracked() != 0.0 || back {
            self.draw();
        }
    }

    /// Puts the rows around the reader into the page.
    fn draw(self) {
        let Some(frame) = self.frame.try_with(El::clone) else { return };
        let frame = frame.element();
        // The browser tells of it only before it draws.
        self.notice();
        let shape = (frame.client_width(), frame.client_height());
        if shape.1 == 0 {
            // Not in the page yet, or not laid out.
            return;
        }
        if self.shape.get_untracked().0 != shape.0 {
            self.store.lay_out(|timeline| timeline.set_metrics(measure(shape.0)));
        }
        self.shape.set_untracked(shape);
        let height = f64::from(shape.1);
        let held = self.window.held();
        let newest = self.window.newest();
        // In a flood all of it is new with each frame, and nobody reads what is above the screen.
        let floods = self.at_end.get_untracked() && self.pace.get_untracked().bursts();
        let above = if floods { height / 4.0 } else { height };
        let mut rests = self.rest.with_untracked(Option::is_none);
        if rests || self.at_end.get_untracked() {
            self.slack.set_untracked(0.0);
        }
        for round in 1..=ROUNDS {
            let mut line = self.line.get_untracked();
            let head = if let Line::Row(key, ..) = line { self.window.head(key) } else { 0.0 };
            let around = self.store.lay_out(|timeline| {
                let y = line.place(timeline, height).map_or_else(|| self.y(), |y| y + head);
                Around::new(timeline, y, height, above, &held)
            });
            self.line.set_untracked(line);
            let y = around.y;
            self.drawn.set_untracked((y - above, y + 2.0 * height));
            let first = around.rows.first().map_or(0.0, |first| first.top);
            if first + self.slack.get_untracked() < 0.0 {
                // There is not so much above that it could be that much lower.
                self.slack.set_untracked(0.0);
                rests = true;
            }
            let measured = self.window.show(around, self.slack.get_untracked());
            if !measured.is_empty() {
                self.store.lay_out(|timeline| {
                    // Half a million pixels are exact to a hundredth.
                    #[allow(clippy::cast_possible_truncation)]
                    measured.iter().for_each(|(at, height)| timeline.set_measured(*at, *height as f32));
                });
                if round < ROUNDS {
                    continue;
                }
            }
            // All is as it was thought to be.
            if line == Line::End {
                // With what is under the rows.
                self.put(f64::from(frame.scroll_height()));
                break;
            }
            let is = self.y();
            if (y - is).abs() <= 0.5 {
                break;
            }
            let slack = self.slack.get_untracked() + is - y;
            if !rests && first + slack >= 0.0 {
                self.slack.set_untracked(slack);
                // If that is not enough, nothing is.
                rests = true;
                continue;
            }
            self.put(frame.scroll_top_f64() + y - is);
            break;
        }
        self.whole.set_untracked(frame.scroll_height());
        if newest.is_some_and(|newest| !self.window.has(newest)) {
            self.pace.update_untracked(Pace::sweeps);
        }
        self.follow_line();
        if self.window.is_stale() {
            // They follow before this does, and what they take is not what they took.
            queue_microtask(move || self.draw());
        }
        self.mark_what_was_sought();
        self.fetch_what_is_near();
    }

    /// Scrolls to a place, or as near as can be.
    fn put(self, top: f64) {
        let frame = self.frame();
        frame.element().set_scroll_top_f64(top);
        self.top.set_untracked(frame.element().scroll_top_f64());
    }

    fn mark_what_was_sought(self) {
        let Some(seq) = self.mark.get_untracked() else { return };
        let key = self.store.lay_out(|timeline| {
            let at = timeline.index_of_seq(seq)?;
            timeline.seq(at)?;
            timeline.key(at)
        });
        if let Some(key) = key {
            self.mark.set_untracked(None);
            self.window.mark(key);
        }
    }

    fn fetch_what_is_near(self) {
        let (y, height) = (self.y(), self.height());
        self.fetch.near(y, height);
    }

    /// The browser tells of a size. It tells of those of new rows too, which were measured when they were put in.
    fn resized(self) {
        let Some(frame) = self.frame.try_with(El::clone) else { return };
        let frame = frame.element();
        let is = ((frame.client_width(), frame.client_height()), frame.scroll_height());
        if is != (self.shape.get_untracked(), self.whole.get_untracked()) || self.window.is_reshaped() {
            self.draw();
        }
    }

    fn follow_size(self) {
        let changed = Callback::new(move |_| self.resized());
        // Without one, rows are still drawn as they come and as the reader scrolls.
        let Ok(observer) = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()) else { return };
        observer.observe(self.frame().element());
        observer.observe(self.content().element());
        self.window.observe(observer.clone());
        let held = StoredValue::new_local((observer, changed));
        on_cleanup(move || held.with_value(|(observer, _)| observer.disconnect()));
    }
}

/// What rows are about as tall as in a frame of this width, by the stylesheet.
fn measure(width: i32) -> RowMetrics {
    // No frame is so wide that it is not exact.
    #[allow(clippy::cast_precision_loss)]
    let text = (width as f32 - 200.0).clamp(160.0, 580.0);
    RowMetrics { message_px: 56.0, line_px: 22.5, bytes_per_line: text / 8.0 }
}

/// Places in an element that scrolls, to the fraction of a pixel.
trait Fine {
    fn scroll_top_f64(&self) -> f64;
    fn set_scroll_top_f64(&self, top: f64);
}

impl Fine for Element {
    fn scroll_top_f64(&self) -> f64 {
        let top = js_sys::Reflect::get(self, &"scrollTop".into());
        top.ok().and_then(|top| top.as_f64()).unwrap_or_default()
    }

    fn set_scroll_top_f64(&self, top: f64) {
        let _ = js_sys::Reflect::set(self, &"scrollTop".into(), &top.into());
    }
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
