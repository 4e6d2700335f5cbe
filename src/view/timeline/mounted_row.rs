//! One row in the DOM: the bridge from the imperative row window to Leptos components.

use std::any::Any;

use leptos::{
    prelude::*,
    tachys::view::{Mountable, Render},
};
use parlour_core::{
    model::Delivery,
    timeline::{Row, RowKind, SCREENFUL_PX},
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{message::may_be_long, row::RowContent, viewport::top_of};
use crate::view::shared::px;

/// Lengths that differ by less are equal: browsers round layout to fractions of a pixel.
const TOLERANCE_PX: f64 = 0.03;

/// Returns `true` if two lengths in CSS pixels differ by more than rounding.
pub fn differs(a: f64, b: f64) -> bool {
    (a - b).abs() > TOLERANCE_PX
}

/// A row in the DOM. Call [`MountedRow::unmount`] to remove it.
pub struct MountedRow {
    /// The row's key in the timeline.
    pub key: u32,
    /// The row is a gap, whose height is set rather than measured.
    pub is_gap: bool,
    /// Its index in the timeline when it was rendered last.
    pub index: usize,
    /// Its height in CSS pixels when it was measured last.
    pub height: f64,
    element: HtmlElement,
    row: RwSignal<Row>,
    /// Owns the signals and effects of the content.
    owner: Owner,
    /// Holds the effects of the content, which end when it is dropped.
    _content: Box<dyn Any>,
    /// The text of a message that may be taller than a screenful.
    long_text: Option<Element>,
    /// The text is taller than a screenful.
    is_long: bool,
    /// Only the beginning of the text is shown.
    is_collapsed: bool,
    margin_top: f64,
    /// The values of `aria-posinset` and `aria-setsize`, if it has them.
    aria_position: Option<(u64, u64)>,
}

impl MountedRow {
    /// Builds a row's element and mounts the components of its content in it. The element is not in the document yet.
    /// `parent` gives the components their contexts.
    pub fn new(parent: &Owner, row: Row) -> Self {
        let (key, is_gap) = (row.key, matches!(row.kind, RowKind::Gap { .. }));
        let has_long_text =
            matches!(&row.kind, RowKind::Message { message, .. } if may_be_long(&message.content));
        let element = create_item();
        let owner = parent.child();
        let (row, content) = owner.with(|| {
            untrack(|| {
                let row = RwSignal::new(row);
                let mut content = view! { <RowContent row/> }.build();
                content.mount(&element, None);
                (row, Box::new(content))
            })
        });
        let long_text = has_long_text.then(|| element.query_selector(".content").ok()).flatten().flatten();
        Self {
            key,
            is_gap,
            long_text,
            is_long: false,
            is_collapsed: false,
            index: 0,
            height: 0.0,
            element,
            row,
            owner,
            _content: content,
            margin_top: 0.0,
            aria_position: None,
        }
    }

    /// Removes the row from the DOM and disposes of its signals and effects.
    pub fn unmount(self) {
        // Before the removal, because a cleanup moves the focus out of the element while it is still in the document.
        self.owner.cleanup();
        self.element.remove();
    }

    /// The row's element.
    pub fn element(&self) -> &Element {
        &self.element
    }

    /// The row's element, as one that can have the focus.
    pub fn html_element(&self) -> &HtmlElement {
        &self.element
    }

    /// The ord of the row's message, if the server has stored it.
    pub fn stored_message(&self) -> Option<u64> {
        self.row.with_untracked(|row| match &row.kind {
            RowKind::Message { message, .. } if message.delivery == Delivery::Sent => {
                Some(message.ord).filter(|ord| *ord > 0)
            }
            _ => None,
        })
    }

    /// Updates the row; returns whether it has changed. The DOM is updated in a microtask.
    pub fn update(&self, row: Row) -> bool {
        let differs = self.row.with_untracked(|shown| *shown != row);
        if differs {
            self.row.set(row);
        }
        differs
    }

    /// Collapses a message whose text is taller than a screenful, unless the user has expanded it.
    pub fn fold(&mut self) {
        let Some(text) = &self.long_text else { return };
        let is_long = f64::from(text.scroll_height()) > f64::from(SCREENFUL_PX);
        let is_collapsed = is_long && !self.row.with_untracked(|row| row.expanded);
        if (is_long, is_collapsed) != (self.is_long, self.is_collapsed) {
            (self.is_long, self.is_collapsed) = (is_long, is_collapsed);
            self.set_class("long", is_long);
            self.set_class("collapsed", is_collapsed);
        }
    }

    /// The row's height in CSS pixels, without its margin.
    pub fn measure(&self) -> f64 {
        self.element.get_bounding_client_rect().height()
    }

    /// Distance in CSS pixels from the top of the row to the top of its content: the text of a message, and of another row
    /// what is below its day line.
    pub fn content_offset(&self) -> f64 {
        let text = self.element.query_selector(".content").ok().flatten();
        text.map_or_else(|| self.day_line_height(), |text| top_of(&text) - top_of(&self.element))
    }

    /// The height of the day line in CSS pixels; 0 if there is none.
    pub fn day_line_height(&self) -> f64 {
        let below = self.element.last_element_child().filter(|_| self.element.child_element_count() > 1);
        below.map_or(0.0, |below| top_of(&below) - top_of(&self.element))
    }

    /// Sets the space above the row, which replaces rows that are not in the DOM.
    pub fn set_margin_top(&mut self, margin: f64) {
        if differs(self.margin_top, margin) {
            self.margin_top = margin;
            set_style(&self.element, "margin-top", margin);
        }
    }

    /// Sets `aria-posinset` and `aria-setsize`: few rows are in the DOM, so a screen reader can't count them. A row that is not
    /// one of the messages has neither.
    pub fn set_aria_position(&mut self, position: Option<u64>, set_size: u64) {
        let shown = position.map(|position| (position, set_size));
        if shown == self.aria_position {
            return;
        }
        self.aria_position = shown;
        for (name, value) in [
            ("aria-posinset", shown.map(|(position, _)| position)),
            ("aria-setsize", shown.map(|(_, size)| size)),
        ] {
            match value {
                Some(value) => set_attribute(&self.element, name, &value.to_string()),
                // The name is valid.
                None => drop(self.element.remove_attribute(name)),
            }
        }
    }

    /// Highlights the row, or ends its highlight.
    pub fn set_highlighted(&self, highlighted: bool) {
        self.set_class("seek-target", highlighted);
    }

    fn set_class(&self, name: &str, is_set: bool) {
        // A class name without spaces can't be refused.
        let _ = self.element.class_list().toggle_with_force(name, is_set);
    }
}

fn create_item() -> HtmlElement {
    // A document creates an element of any valid name.
    #[allow(clippy::expect_used)]
    let element = document().create_element("div").expect("`div` is a valid name");
    for (name, value) in [("class", "item"), ("role", "article"), ("tabindex", "-1")] {
        set_attribute(&element, name, value);
    }
    element.unchecked_into()
}

fn set_attribute(element: &Element, name: &str, value: &str) {
    // The names are constants, and all of them are valid.
    let _ = element.set_attribute(name, value);
}

/// Sets a CSS property to a length in pixels.
pub fn set_style(element: &HtmlElement, property: &str, length: f64) {
    // The properties are constants, and all of them can be set.
    let _ = element.style().set_property(property, &px(length));
}

#[cfg(test)]
mod tests {
    use parlour_core::timeline::COLLAPSED_PX;

    #[test]
    fn height_of_a_collapsed_message_is_that_of_the_stylesheet() {
        let css = include_str!("../../../style/message.css");
        assert!(css.contains(&format!(".collapsed .content {{ max-height: {COLLAPSED_PX}px;")));
    }
}
