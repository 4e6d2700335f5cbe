//! A button that opens a menu of actions.

use leptos::{
    ev::{FocusEvent, KeyboardEvent},
    html,
    prelude::*,
};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};

use super::{Icon, event, focus_selected_next_frame, tr};
use crate::i18n::Key;

/// An action of a menu.
pub struct MenuItem {
    /// The id of the element.
    pub id: &'static str,
    /// The text.
    pub text: Key,
    /// The icon.
    pub icon: &'static str,
    /// The action. The focus is on the menu's button when it is called, so a dialog returns it there.
    pub act: Box<dyn Fn()>,
}

/// The menu of the page that is open, by the id of its button; at most one. A context of the room.
#[derive(Clone, Copy)]
pub struct OpenMenu(RwSignal<Option<&'static str>>);

impl OpenMenu {
    /// No menu is open.
    pub fn new() -> Self {
        Self(RwSignal::new(None))
    }

    /// Returns `true` if a menu is open. Reactive.
    pub fn is_open(self) -> bool {
        self.0.with(Option::is_some)
    }

    /// [`Self::is_open`] without following it.
    pub fn is_open_untracked(self) -> bool {
        self.0.with_untracked(Option::is_some)
    }

    /// Opens a menu that is no [`Menu`]; no element needs to have its id.
    pub fn open(self, id: &'static str) {
        self.0.set(Some(id));
    }

    /// Returns `true` if the open menu is this one. Reactive.
    pub fn is_this_open(self, id: &'static str) -> bool {
        self.0.get() == Some(id)
    }

    /// Closes the menu. Its button gets the focus.
    pub fn close(self) {
        let Some(id) = self.0.try_update(Option::take).flatten() else { return };
        let button = document().get_element_by_id(id);
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            let _ = button.focus();
        }
    }
}

/// A button with an icon that opens a menu. The menu closes when an action is chosen, by Escape, and when it loses the focus.
#[component]
pub fn Menu(
    /// The id of the button.
    id: &'static str,
    /// The name of the button.
    label: Key,
    /// The icon of the button.
    icon: &'static str,
    /// The actions that are possible when the menu opens.
    items: Box<dyn Fn() -> Vec<MenuItem>>,
) -> impl IntoView {
    let items = StoredValue::new_local(items);
    let menu = expect_context::<OpenMenu>();
    let anchor = NodeRef::<html::Div>::new();
    let is_this_open = move || menu.0.try_get_untracked().flatten() == Some(id);
    let toggle = move |_| {
        if is_this_open() {
            menu.close();
        } else {
            menu.0.set(Some(id));
            focus_selected_next_frame("[role=menu] [role=menuitem]");
        }
    };
    let keydown = move |event: KeyboardEvent| {
        if !is_this_open() {
            return;
        }
        match &*event::key(&event) {
            "Escape" => menu.close(),
            "ArrowDown" => move_focus(anchor, |at, count| (at + 1) % count),
            "ArrowUp" => move_focus(anchor, |at, count| (at + count - 1) % count),
            "Home" => move_focus(anchor, |_, _| 0),
            "End" => move_focus(anchor, |_, count| count - 1),
            // The focus leaves the menu, which closes it.
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let focus_out = move |event: FocusEvent| {
        let next = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        // The browser sends this event also when the menu is removed with the focus in it.
        let anchor = anchor.try_get_untracked().flatten();
        let is_inside = anchor.is_some_and(|anchor| next.is_some() && anchor.contains(next.as_ref()));
        if !is_inside && is_this_open() {
            menu.0.set(None);
        }
    };
    let entries = move || {
        let items = items.with_value(|items| untrack(items));
        let entry = move |MenuItem { id, text, icon, act }: MenuItem| {
            let act = StoredValue::new_local(act);
            let choose = move |_| {
                menu.close();
                act.with_value(|act| act());
            };
            view! {
                <li role="none">
                    <button type="button" id=id class="menu-item" role="menuitem" tabindex="-1" on:click=choose>
                        <Icon path=icon/>
                        {tr(text)}
                    </button>
                </li>
            }
        };
        items.into_iter().map(entry).collect_view()
    };
    view! {
        <div class="menu-anchor" node_ref=anchor on:keydown=keydown on:focusout=focus_out>
            <button
                type="button" id=id class="button quiet" aria-haspopup="menu"
                aria-expanded=move || (menu.0.get() == Some(id)).to_string() aria-label=tr(label) title=tr(label) on:click=toggle
            >
                <Icon path=icon/>
            </button>
            <Show when=move || menu.0.get() == Some(id)>
                <ul class="menu" role="menu" aria-labelledby=id>{entries}</ul>
            </Show>
        </div>
    }
}

/// Moves the focus to another action, chosen from the index of the focused one and the number of all.
fn move_focus(anchor: NodeRef<html::Div>, next: impl Fn(usize, usize) -> usize) {
    let Some(anchor) = anchor.get_untracked() else { return };
    let Ok(items) = anchor.query_selector_all("[role=menuitem]") else { return };
    let items: Vec<HtmlElement> =
        (0..items.length()).filter_map(|at| items.get(at)?.dyn_into::<HtmlElement>().ok()).collect();
    let focused = document().active_element();
    let is_focused =
        |item: &HtmlElement| focused.as_ref().is_some_and(|focused| item.is_same_node(Some(focused)));
    if !items.is_empty() {
        let at = items.iter().position(is_focused).unwrap_or(items.len() - 1);
        // Fails only for an element that cannot be focused.
        let _ = items[next(at, items.len())].focus();
    }
}
