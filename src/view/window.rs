//! The rows in the page: those on the screen, those a screen above and below, and what holds the focus or the selection.
//!
//! They lie in the flow, so that the browser lays them out; what is not there is a margin above the next one, of the
//! height that the timeline says it has.

use leptos::prelude::*;
use parlour_core::timeline::{Row, RowKind};
use web_sys::Node;

use super::{
    dom::{El, Part, el, pixels},
    line::{Around, Line},
    row::item,
};
use crate::ctrl::{Live, RcLive};

/// Heights that differ by less are the same: a browser counts in parts of a pixel of its own.
const SAME: f64 = 0.03;

/// The rows in the page.
#[derive(Clone, Copy)]
pub struct Window {
    /// What they are in.
    list: Live<El>,
    /// They go in before this.
    end: Live<El>,
    owner: Live<Owner>,
    shown: Live<Vec<Shown>>,
    /// Tells of rows that change their size.
    sizes: Live<Option<web_sys::ResizeObserver>>,
    /// The height of what is below the last of them.
    below: Live<f64>,
    /// Rows were told that they show something else now, which they have yet to follow.
    stale: Live<bool>,
}

struct Shown {
    key: u32,
    /// Its height is what is set.
    is_gap: bool,
    part: Part,
    /// How many rows were before it when it was drawn.
    at: usize,
    row: RcLive<Row>,
    /// The margin above it.
    skip: f64,
    /// How tall it was when it was measured last.
    height: f64,
    /// Its place among all, and how many there are, as it was told.
    place: (u64, u64),
}

/// A row that is to be in the page.
pub struct Wanted {
    /// How many rows are before it.
    pub at: usize,
    /// Where it begins, in CSS pixels from the top of the first one.
    pub top: f64,
    /// How tall it is thought to be.
    pub height: f64,
    /// What it shows.
    pub row: Row,
}

impl Window {
    /// An empty one.
    pub fn new() -> Self {
        let list = el("div.list");
        let end = el("div");
        let list = list.child(end.clone());
        Self {
            list: Live::new(list),
            end: Live::new(end),
            owner: Live::new(Owner::current().unwrap_or_default()),
            shown: Live::new(Vec::new()),
            sizes: Live::new(None),
            below: Live::new(0.0),
            stale: Live::new(false),
        }
    }

    /// The element that the rows are in.
    pub fn list(self) -> El {
        self.list.get_untracked()
    }

    /// Tells an observer of all rows, those that come later too.
    pub fn observe(self, sizes: web_sys::ResizeObserver) {
        self.sizes.set_untracked(Some(sizes));
    }

    /// Whether rows have yet to follow what they were told; that is asked once.
    pub fn is_stale(self) -> bool {
        self.stale.update_untracked(std::mem::take).unwrap_or(false)
    }

    /// The rows that must stay, wherever the reader goes: the keyboard is there, or words are selected.
    pub fn held(self) -> Vec<u32> {
        let document = document();
        let list = self.list();
        let mut nodes: Vec<Node> = document.active_element().map(Node::from).into_iter().collect();
        if let Ok(Some(selection)) = document.get_selection()
            && !selection.is_collapsed()
        {
            nodes.extend(selection.anchor_node().into_iter().chain(selection.focus_node()));
        }
        nodes.retain(|node| list.element().contains(Some(node)));
        if nodes.is_empty() {
            return Vec::new();
        }
        self.shown.with_untracked(|shown| {
            let holds = |of: &&Shown| nodes.iter().any(|node| of.part.el().element().contains(Some(node)));
            shown.iter().filter(holds).map(|of| of.key).collect()
        })
    }

    /// Puts these rows into the page, in the place of what was there, so much lower than they should be. Gives the rows that
    /// are of another height than was thought.
    pub fn show(self, around: Around, slack: f64) -> Vec<(usize, f64)> {
        let Around { rows: wanted, height, newest, .. } = around;
        let mut old = self.shown.update_untracked(std::mem::take).unwrap_or_default();
        old.retain_mut(|shown| {
            let stays = wanted.iter().any(|wanted| wanted.row.key == shown.key);
            if !stays {
                self.sizes.with_untracked(|sizes| {
                    if let Some(sizes) = sizes {
                        sizes.unobserve(shown.part.el().element());
                    }
                });
                shown.part.remove();
            }
            stays
        });
        let mut old = std::collections::VecDeque::from(old);
        let mut shown: Vec<Shown> = Vec::with_capacity(wanted.len());
        let mut heights = Vec::with_capacity(wanted.len());
        let mut below = height;
        let (mut end, mut moved) = (-slack, false);
        for wanted in wanted {
            let known = old.iter().position(|shown| shown.key == wanted.row.key);
            let mut it = if let Some(it) = known.and_then(|at| old.remove(at)) {
                if known != Some(0) || moved {
                    // Out of its order, as an own message that was acknowledged behind another.
                    self.before(&old).insert_before(it.part.el());
                    moved = true;
                }
                if it.row.with_untracked(|row| *row != wanted.row) {
                    it.row.set(wanted.row);
                    self.stale.set_untracked(true);
                }
                it
            } else {
                self.put(&old, wanted.row)
            };
            it.skip_to(wanted.top - end);
            it.at = wanted.at;
            it.stands_at(wanted.at, newest);
            end = wanted.top + wanted.height;
            below = height - end;
            heights.push((wanted.at, wanted.height));
            shown.push(it);
        }
        if (self.below.get_untracked() - below).abs() > SAME {
            self.below.set_untracked(below);
            self.list().style("padding-bottom", &pixels(below));
        }
        let measured = shown.iter_mut().zip(heights);
        let measured = measured.filter_map(|(shown, (at, thought))| {
            shown.height = shown.measure();
            (!shown.is_gap && (shown.height - thought).abs() > SAME).then_some((at, shown.height))
        });
        let measured = measured.collect();
        self.shown.set_untracked(shown);
        measured
    }

    /// The newest row in the page.
    pub fn newest(self) -> Option<u32> {
        self.shown.with_untracked(|shown| shown.last().map(|it| it.key))
    }

    /// Whether a row is in the page.
    pub fn has(self, key: u32) -> bool {
        self.shown.with_untracked(|shown| shown.iter().any(|it| it.key == key))
    }

    /// A row is of another height than when it was measured.
    pub fn is_reshaped(self) -> bool {
        self.shown.with_untracked(|shown| shown.iter().any(|it| (it.measure() - it.height).abs() > SAME))
    }

    /// The first row that is seen whole below a place of the screen, and not lower than another, as it is in the page: the
    /// timeline may have changed since it was drawn.
    pub fn first_whole(self, from: f64, to: f64) -> Option<Line> {
        self.shown.with_untracked(|shown| {
            let tops = shown.iter().filter(|it| !it.is_gap).map(|it| (it, top(it.part.el().element())));
            let (it, top) = tops.into_iter().find(|(_, top)| *top >= from)?;
            (top < to).then(|| Line::Row(it.key, it.at, top + it.head() - from))
        })
    }

    /// How far a row's content is below its top: as much as the line of a day that begins with it, which may go. 0 where there
    /// is none, or the row is not in the page.
    pub fn head(self, key: u32) -> f64 {
        self.shown.with_untracked(|shown| shown.iter().find(|it| it.key == key).map_or(0.0, Shown::head))
    }

    /// Marks a row for a moment: it is what was looked for.
    pub fn mark(self, key: u32) {
        self.shown.with_untracked(|shown| {
            for it in shown {
                it.part.el().set_class("sought", it.key == key);
            }
        });
    }

    /// Where the rows begin, in CSS pixels on the screen.
    pub fn top(self) -> f64 {
        top(self.list().element())
    }

    fn before(self, old: &std::collections::VecDeque<Shown>) -> El {
        old.front().map_or_else(|| self.end.get_untracked(), |next| next.part.el().clone())
    }

    fn put(self, old: &std::collections::VecDeque<Shown>, row: Row) -> Shown {
        let row = RcLive::new(row);
        let of = row.clone();
        let owner = self.owner.get_untracked();
        let part = Part::new(&owner, &self.before(old), Box::new(move || item(of)));
        self.sizes.with_untracked(|sizes| {
            if let Some(sizes) = sizes {
                sizes.observe(part.el().element());
            }
        });
        let (key, is_gap) = row.with_untracked(|row| (row.key, matches!(row.kind, RowKind::Gap { .. })));
        Shown { key, is_gap, part, at: 0, row, skip: 0.0, height: 0.0, place: (0, 0) }
    }
}

impl Shown {
    fn measure(&self) -> f64 {
        self.part.el().element().get_bounding_client_rect().height()
    }

    fn head(&self) -> f64 {
        let item = self.part.el().element();
        let content = item.last_element_child().filter(|_| item.child_element_count() > 1);
        content.map_or(0.0, |content| top(&content) - top(item))
    }

    fn skip_to(&mut self, skip: f64) {
        if (self.skip - skip).abs() > SAME {
            self.skip = skip;
            self.part.el().style("margin-top", &pixels(skip));
        }
    }

    /// Says to a screen reader which of how many it is: few of them are in the page.
    fn stands_at(&mut self, at: usize, newest: u64) {
        let seq = self.row.with_untracked(|row| match &row.kind {
            RowKind::Message { message, .. } => message.seq,
            _ => 0,
        });
        let place = if (1..=newest).contains(&seq) { seq } else { at as u64 + 1 };
        let all = newest.max(place);
        for (name, value, told) in
            [("aria-posinset", place, self.place.0), ("aria-setsize", all, self.place.1)]
        {
            if value != told {
                self.part.el().set(name, Some(&value.to_string()));
            }
        }
        self.place = (place, all);
    }
}

fn top(of: &web_sys::Element) -> f64 {
    of.get_bounding_client_rect().top()
}
