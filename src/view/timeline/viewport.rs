//! Reads and sets the scroll position of the timeline's DOM elements. All lengths are in CSS pixels.

use js_sys::Reflect;
use web_sys::{Element, HtmlElement};

/// The scrolling element, and the element in it that contains everything that is scrolled.
#[derive(Debug)]
pub struct Viewport {
    element: HtmlElement,
    content: HtmlElement,
}

impl Viewport {
    pub fn new(element: HtmlElement, content: HtmlElement) -> Self {
        Self { element, content }
    }

    /// The scrolling element.
    pub fn element(&self) -> &Element {
        &self.element
    }

    /// The element with everything that is scrolled: the rows, and the lines above them.
    pub fn content(&self) -> &Element {
        &self.content
    }

    /// Width and height without scroll bars.
    pub fn size(&self) -> (i32, i32) {
        (self.element.client_width(), self.element.client_height())
    }

    /// Height without scroll bars.
    pub fn height(&self) -> f64 {
        f64::from(self.element.client_height())
    }

    /// Height of everything that scrolls.
    pub fn scroll_height(&self) -> i32 {
        self.element.scroll_height()
    }

    /// The scroll offset of the content.
    pub fn scroll_top(&self) -> f64 {
        // web-sys rounds `scrollTop` to an integer.
        let top = Reflect::get(&self.element, &"scrollTop".into());
        top.ok().and_then(|top| top.as_f64()).unwrap_or_default()
    }

    /// Scrolls to a position, or as near as possible; returns the position reached.
    pub fn set_scroll_top(&self, top: f64) -> f64 {
        // Setting a property of an existing element cannot fail.
        let _ = Reflect::set(&self.element, &"scrollTop".into(), &top.into());
        self.scroll_top()
    }

    /// The upper edge on the screen.
    pub fn top(&self) -> f64 {
        top_of(&self.element)
    }
}

/// The upper edge of an element on the screen.
pub fn top_of(element: &Element) -> f64 {
    element.get_bounding_client_rect().top()
}
