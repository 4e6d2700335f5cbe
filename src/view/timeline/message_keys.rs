//! Keys in the timeline: from message to message, to the tools of one, marking it as unread, editing and deleting it.

use leptos::ev::KeyboardEvent;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{message_tools::ToolsState, scroller::Scroller};
use crate::view::shared::event;

/// The effect of a key while a message, or the timeline itself, has the focus.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    /// Moves the focus to the last message in the viewport.
    Enter,
    /// Moves it to the message above.
    Previous,
    /// Moves it to the message below.
    Next,
    /// Moves it to the tools of the message.
    Tools,
    /// Marks the message and all later ones as unread.
    MarkUnread,
    /// Moves the focus back to the timeline.
    Leave,
}

/// The action of a key. Arrow keys scroll while the timeline itself has the focus.
fn action(key: &str, on_message: bool) -> Option<Action> {
    Some(match (key, on_message) {
        ("Enter", false) => Action::Enter,
        ("ArrowUp", true) => Action::Previous,
        ("ArrowDown", true) => Action::Next,
        ("Enter", true) => Action::Tools,
        ("u" | "U", true) => Action::MarkUnread,
        ("Escape", true) => Action::Leave,
        _ => return None,
    })
}

/// Handles a key without modifiers; `true` if it has an effect. Keys in a part of a message, such as a link, have none.
pub fn handle_key(tools: ToolsState, scroller: Scroller, event: &KeyboardEvent) -> bool {
    let Some(focused) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
        return false;
    };
    let on_message = focused.class_list().contains("item");
    if !on_message && focused.id() != "timeline" {
        return false;
    }
    let key = event::key(event);
    match action(&key, on_message) {
        None => return on_message && tools.handle_key(scroller, &focused, &key),
        Some(Action::Enter) => return last_in_view(&focused).is_some_and(|item| focus(&item)),
        Some(Action::Previous) => {
            next_message(&focused, Element::previous_element_sibling).is_some_and(|item| focus(&item))
        }
        Some(Action::Next) => {
            next_message(&focused, Element::next_element_sibling).is_some_and(|item| focus(&item))
        }
        Some(Action::Tools) => {
            tools.focus(scroller, &focused);
            true
        }
        Some(Action::MarkUnread) => tools.mark_unread(scroller, &focused),
        Some(Action::Leave) => {
            scroller.focus();
            true
        }
    };
    true
}

/// The nearest row with a message in a direction.
fn next_message(item: &Element, step: impl Fn(&Element) -> Option<Element>) -> Option<Element> {
    std::iter::successors(step(item), step).find(is_message)
}

fn is_message(item: &Element) -> bool {
    item.query_selector(".message").is_ok_and(|message| message.is_some())
}

/// The last message that ends in the viewport, or else the last one that begins in it.
fn last_in_view(viewport: &Element) -> Option<Element> {
    let bounds = viewport.get_bounding_client_rect();
    let last = viewport.query_selector(".list > .item:last-of-type").ok().flatten();
    let items = std::iter::successors(last, Element::previous_element_sibling).filter(is_message);
    let mut begun = items.filter(|item| item.get_bounding_client_rect().top() < bounds.bottom());
    let first = begun.next()?;
    let is_whole = first.get_bounding_client_rect().bottom() <= bounds.bottom() + 1.0;
    let above = if is_whole { None } else { begun.next() };
    Some(above.filter(|item| item.get_bounding_client_rect().bottom() > bounds.top()).unwrap_or(first))
}

/// Moves the focus to a row.
fn focus(item: &Element) -> bool {
    item.dyn_ref::<HtmlElement>().is_some_and(|item| item.focus().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_depend_on_what_has_the_focus() {
        for (key, on_timeline, on_message) in [
            ("Enter", Some(Action::Enter), Some(Action::Tools)),
            ("ArrowUp", None, Some(Action::Previous)),
            ("ArrowDown", None, Some(Action::Next)),
            ("u", None, Some(Action::MarkUnread)),
            ("U", None, Some(Action::MarkUnread)),
            ("Escape", None, Some(Action::Leave)),
            ("x", None, None),
        ] {
            assert_eq!((action(key, false), action(key, true)), (on_timeline, on_message), "{key}");
        }
    }
}
