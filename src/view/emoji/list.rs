//! Emoji on the screen, in sections. The elements are made here and not by a component: there are two thousand of them, and none
//! changes by itself.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::{
    layout::{Arrow, step},
    support::Canvas,
    table::{Emoji, Table},
};
use crate::view::shared::px;

/// The attribute with the place of an emoji in the list.
const PLACE: &str = "data-at";

/// An emoji of the list.
pub struct Item {
    pub emoji: &'static Emoji,
    /// The emoji with its skin tone.
    pub text: String,
    /// Its name, with that of the skin tone.
    pub name: String,
    /// The skin tone does not follow the choice.
    pub is_fixed: bool,
}

/// A section of the list.
struct Section {
    element: HtmlElement,
    /// The element with the emoji.
    cells: Element,
    /// The emoji that have no elements yet.
    missing: Vec<Item>,
    count: usize,
}

/// The emoji in an element with the role `listbox`. The elements are made section by section, because all of them take as long as
/// several frames.
pub struct List {
    /// The scrolling element.
    root: HtmlElement,
    /// The beginning of the ids of the elements.
    id: &'static str,
    sections: Vec<Section>,
    items: Vec<Item>,
    cells: Vec<Element>,
}

impl List {
    /// An empty list in an element.
    pub fn new(root: HtmlElement, id: &'static str) -> Self {
        Self { root, id, sections: Vec::new(), items: Vec::new(), cells: Vec::new() }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.root.set_text_content(None);
        self.sections.clear();
        self.items.clear();
        self.cells.clear();
    }

    /// Adds a section at the end, without elements for its emoji. Without a heading it is no group for screen readers.
    pub fn add_section(&mut self, heading: &str, items: Vec<Item>) {
        // The heading is no name of the group: where it is not laid out, it has no text for screen readers.
        let attributes = [("class", "emoji-section"), ("role", "group"), ("aria-label", heading)];
        let attributes = if heading.is_empty() { &attributes[..1] } else { &attributes };
        let (Some(section), Some(title), Some(cells)) = (
            element("div", attributes),
            element("div", &[("class", "emoji-heading"), ("aria-hidden", "true")]),
            element("div", &[("class", "emoji-cells"), ("role", "presentation")]),
        ) else {
            return;
        };
        title.set_text_content(Some(heading));
        // Fails only for an element that contains the other one.
        let _ = section.append_child(&title).and_then(|_| section.append_child(&cells));
        let _ = self.root.append_child(&section);
        let count = items.len();
        self.sections.push(Section { element: section.unchecked_into(), cells, missing: items, count });
    }

    /// Makes the elements of the next section. Returns `false` if there is none.
    pub fn fill_next(&mut self, canvas: Option<&Canvas>) -> bool {
        let Some(section) = self.sections.iter_mut().find(|section| !section.missing.is_empty()) else {
            return false;
        };
        for item in std::mem::take(&mut section.missing) {
            if canvas.is_some_and(|canvas| !canvas.supports(item.emoji)) {
                section.count -= 1;
                continue;
            }
            let at = self.items.len().to_string();
            let attributes =
                [("role", "option"), (PLACE, &*at), ("aria-label", &*item.name), ("title", &*item.name)];
            if let Some(cell) = element("span", &attributes) {
                cell.set_text_content(Some(&item.text));
                let _ = section.cells.append_child(&cell);
                self.cells.push(cell);
                self.items.push(item);
            }
        }
        true
    }

    /// Changes the skin tone of the emoji.
    pub fn set_tone(&mut self, table: &Table, tone: usize) {
        let missing = self.sections.iter_mut().flat_map(|section| &mut section.missing);
        for (item, cell) in
            missing.map(|item| (item, None)).chain(self.items.iter_mut().zip(self.cells.iter().map(Some)))
        {
            if item.is_fixed || !item.emoji.has_tones {
                continue;
            }
            item.text = item.emoji.with_tone(tone);
            item.name = item.emoji.name_with_tone(table, tone);
            if let Some(cell) = cell {
                cell.set_text_content(Some(&item.text));
                for attribute in ["aria-label", "title"] {
                    let _ = cell.set_attribute(attribute, &item.name);
                }
            }
        }
    }

    /// Tells the browser the heights of the sections, so that it need not lay out those that are not visible. The first one is.
    pub fn set_heights(&self) {
        let (Some(cell), Some(first)) = (self.cells.first(), self.sections.first()) else { return };
        let (columns, height) = (self.columns(), cell.get_bounding_client_rect().height());
        let heading =
            first.cells.get_bounding_client_rect().top() - first.element.get_bounding_client_rect().top();
        for section in &self.sections {
            let rows = section.count.div_ceil(columns);
            let length = ["auto ", &*px(heading + rows as f64 * height)].concat();
            let _ = section.element.style().set_property("contain-intrinsic-block-size", &length);
        }
    }

    /// The number of emoji in a row.
    fn columns(&self) -> usize {
        let Some(first) = self.cells.first() else { return 1 };
        let (all, one) = (first.parent_element(), first.get_bounding_client_rect().width());
        let width = all.map_or(0.0, |all| all.get_bounding_client_rect().width());
        // Neither is a fraction that matters.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let columns = (width / one.max(1.0)).round() as usize;
        columns.max(1)
    }

    /// The emoji that an arrow key leads to.
    pub fn step(&self, from: Option<usize>, arrow: Arrow) -> Option<usize> {
        let filled = self.sections.iter().filter(|section| section.missing.is_empty());
        let counts: Vec<_> = filled.map(|section| section.count).collect();
        step(&counts, self.columns(), from, arrow)
    }

    /// The emoji at a place.
    pub fn item(&self, at: usize) -> Option<&Item> {
        self.items.get(at)
    }

    /// The number of emoji that have elements.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The id of the element of the active emoji.
    pub fn id_of(&self, at: usize) -> String {
        format!("{}-{at}", self.id)
    }

    /// Marks an emoji as the active one, or not any more.
    pub fn set_active(&self, at: usize, is_active: bool) {
        let Some(cell) = self.cells.get(at) else { return };
        // Cannot fail: the names are valid.
        let _ = if is_active {
            cell.set_id(&self.id_of(at));
            cell.set_attribute("aria-selected", "true")
        } else {
            cell.remove_attribute("aria-selected")
        };
    }

    /// Scrolls to an emoji, unless it is visible.
    pub fn show(&self, at: usize) {
        if let Some(cell) = self.cells.get(at) {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            cell.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }

    /// Scrolls to a section. Returns the place of its first emoji.
    pub fn show_section(&self, number: usize) -> Option<usize> {
        let section = self.sections.get(number)?;
        let distance =
            section.element.get_bounding_client_rect().top() - self.root.get_bounding_client_rect().top();
        self.root.set_scroll_top(self.root.scroll_top() + distance.round() as i32);
        let first = self.sections[..number].iter().map(|section| section.count).sum();
        Some(first).filter(|first| *first < self.len())
    }

    /// The number of the section at the upper edge.
    pub fn section_at_top(&self) -> usize {
        let top = self.root.get_bounding_client_rect().top() + 1.0;
        let is_above = |section: &Section| section.element.get_bounding_client_rect().top() <= top;
        self.sections.iter().rposition(is_above).unwrap_or(0)
    }
}

/// The place of the emoji that an event is about.
pub fn place_of(event: &web_sys::Event) -> Option<usize> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.get_attribute(PLACE)?.parse().ok()
}

/// A new element with these attributes.
fn element(tag: &str, attributes: &[(&str, &str)]) -> Option<Element> {
    // Fails only for names that are invalid.
    let element = document().create_element(tag).ok()?;
    for (name, value) in attributes {
        element.set_attribute(name, value).ok()?;
    }
    Some(element)
}
