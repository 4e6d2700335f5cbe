//! The picker: a field to search in, the groups, and the emoji. The field has the focus; arrow keys choose an emoji.

use leptos::{
    ev::{Event, KeyboardEvent, MouseEvent},
    html,
    prelude::*,
};

use super::{
    EmojiPicker,
    list::{Item, List, place_of},
    part,
    state::State,
    table,
};
use crate::{
    i18n::Key,
    view::shared::{Icon, announced, event, icon, tr, use_texts},
};

/// The emoji on which the skin tones are shown.
const TONED: &str = "✋";

/// The picker, as a modal dialog. Follows nothing: it is mounted anew whenever it is opened.
#[component]
pub fn Picker() -> impl IntoView {
    let picker = expect_context::<EmojiPicker>();
    // It is loaded before the picker is mounted.
    table::loaded(&part::language()).map(|table| view! { <Opened state=State::new(picker, table)/> })
}

#[component]
fn Opened(state: State) -> impl IntoView {
    let t = use_texts();
    let State { picker, dialog, field, count, active, .. } = state;
    let (all, found) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    Effect::new(move || {
        let (Some(all), Some(found)) = (all.get(), found.get()) else { return };
        state.open();
        state.place();
        state.found.set_value(Some(List::new(found.into(), "emoji-found")));
        state.show_all(all.into(), untrack(t).text(Key::EmojiRecent));
    });
    let resized = window_event_listener_untyped("resize", move |_| state.place());
    on_cleanup(move || {
        resized.remove();
        // The browser gives the focus back only when the dialog is closed, not when it is removed.
        queue_microtask(move || {
            let is_lost = document().active_element().is_none_or(|focused| focused.tag_name() == "BODY");
            if let Some(request) = picker.request().filter(|_| is_lost) {
                let _ = request.opener.focus();
            }
        });
    });
    let close = move |_: Event| {
        // It is open again after an emoji was picked with Shift.
        if dialog.get_untracked().is_none_or(|dialog| dialog.get_attribute("open").is_none()) {
            picker.close();
        }
    };
    // An input method uses Escape to discard what it composes.
    let cancel = move |event: Event| {
        if state.composing.get_value() {
            event.prevent_default();
        }
    };
    // Not the release alone: a selection may end beside the picker.
    let pressed_beside = StoredValue::new(false);
    let press = move |event: leptos::ev::PointerEvent| {
        pressed_beside.set_value(event.target() == event.current_target());
    };
    let click_beside = move |event: MouseEvent| {
        if pressed_beside.get_value() && event.target() == event.current_target() {
            picker.close();
        }
    };
    // The field keeps the focus.
    let keep_focus = move |event: MouseEvent| {
        if place_of(&event).is_some() {
            event.prevent_default();
        }
    };
    let click = move |event: MouseEvent| {
        if let Some(at) = place_of(&event) {
            state.pick(at, event.shift_key());
        }
    };
    let point = move |event: MouseEvent| {
        if let Some(at) = place_of(&event) {
            state.activate(Some(at));
        }
    };
    let of_active = move |read: fn(&Item) -> &String| {
        let at = active.get()?;
        state.with_list(|list| list.item(at).map(|item| read(item).clone())).flatten()
    };
    let news = move || {
        let none = || t().text(Key::EmojiNone).to_owned();
        let some = |count| [&*t().number(count), " ", t().text(Key::EmojiTitle)].concat();
        count.get().map(|count| if count == 0 { none() } else { some(count) })
    };
    let is_searching = move || count.get().is_some();
    view! {
        <dialog
            id="emoji" class="emoji" node_ref=dialog tabindex="-1" autofocus=state.is_touch aria-label=tr(Key::EmojiTitle)
            on:close=close on:cancel=cancel on:pointerdown=press on:click=click_beside
        >
            <div class="emoji-head">
                <input
                    id="emoji-search" node_ref=field type="text" dir="auto" maxlength="100" enterkeyhint="done"
                    autocomplete="off" spellcheck="false" role="combobox" aria-autocomplete="list" aria-haspopup="listbox"
                    aria-controls=move || if is_searching() { "emoji-results" } else { "emoji-list" }
                    aria-expanded=move || (count.get() != Some(0)).to_string()
                    aria-activedescendant=move || {
                        let at = active.get()?;
                        state.with_list(|list| list.id_of(at))
                    }
                    placeholder=tr(Key::EmojiSearch) aria-label=tr(Key::EmojiSearch)
                    on:compositionstart=move |_| state.composing.set_value(true)
                    on:compositionend=move |event| {
                        state.composing.set_value(false);
                        state.composition_ended.set_value(Some(event.time_stamp()));
                        state.search();
                    }
                    on:input=move |_| state.search() on:keydown=move |event| state.handle_key(&event)
                />
                <ToneMenu state/>
                <button
                    type="button" id="emoji-close" class="button quiet" aria-label=tr(Key::CommonClose)
                    title=tr(Key::CommonClose) on:click=move |_| picker.close()
                >
                    <Icon path=icon::CLOSE/>
                </button>
            </div>
            <GroupBar state/>
            <div
                id="emoji-list" class="emoji-list" role="listbox" node_ref=all aria-label=tr(Key::EmojiTitle) hidden=is_searching
                on:scroll=move |_| state.follow_scroll() on:mousedown=keep_focus on:click=click on:mousemove=point
            ></div>
            <div
                id="emoji-results" class="emoji-list" role="listbox" node_ref=found aria-label=tr(Key::EmojiTitle)
                hidden=move || count.get().unwrap_or_default() == 0
                on:mousedown=keep_focus on:click=click on:mousemove=point
            ></div>
            <p class="emoji-none" class:visually-hidden=move || count.get() != Some(0) role="status">{announced(news)}</p>
            <div class="emoji-preview" aria-hidden="true">
                <span class="emoji-large">{move || of_active(|item| &item.text)}</span>
                <span class="emoji-name">{move || of_active(|item| &item.name)}</span>
            </div>
        </dialog>
    }
}

/// The choice of the skin tone.
#[component]
fn ToneMenu(state: State) -> impl IntoView {
    let table = state.table;
    let hand = move |tone| table.find(TONED).map_or_else(|| TONED.to_owned(), |emoji| emoji.with_tone(tone));
    let option = |(tone, name): (usize, &'static str)| {
        let is_chosen = state.tone.get_untracked() == tone;
        view! { <option value=tone.to_string() selected=is_chosen>{hand(tone)} " " {name}</option> }
    };
    let names = std::iter::once("").chain(table.tones.iter().copied());
    view! {
        <select
            id="emoji-tone" class="emoji-tone" aria-label=tr(Key::EmojiTone) title=tr(Key::EmojiTone)
            on:change=move |event| state.set_tone(event_target_value(&event).parse().unwrap_or(0))
        >
            {names.enumerate().map(option).collect_view()}
        </select>
    }
}

/// Buttons that lead to the groups. Only one of them is reached by Tab, the others by arrow keys.
#[component]
fn GroupBar(state: State) -> impl IntoView {
    let bar = NodeRef::<html::Div>::new();
    let offset = usize::from(state.has_recent);
    let last = state.table.groups.len() + offset - 1;
    let focused = StoredValue::new(0_usize);
    let keydown = move |event: KeyboardEvent| {
        let at = focused.get_value();
        let to = match &*event::key(&event) {
            "ArrowLeft" => at.saturating_sub(1),
            "ArrowRight" => (at + 1).min(last),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        if let Some(bar) = bar.get_untracked() {
            focus_child(&bar, to);
        }
    };
    let button = move |(number, name): (usize, String)| {
        let picture = number
            .checked_sub(offset)
            .and_then(|number| state.table.emoji.get(state.table.groups[number].range.start))
            .map(|emoji| emoji.text);
        let is_current = move || state.count.get().is_none() && state.section.get() == number;
        view! {
            <button
                type="button" class="emoji-group" aria-label=name.clone() title=name
                aria-current=move || is_current().then_some("true")
                tabindex=move || if state.section.get() == number { "0" } else { "-1" }
                on:focus=move |_| focused.set_value(number) on:click=move |_| state.show_section(number)
            >
                {picture}
                {picture.is_none().then(|| view! { <Icon path=icon::CLOCK/> })}
            </button>
        }
    };
    let recent = state.has_recent.then(|| tr(Key::EmojiRecent)().to_owned());
    let names = recent.into_iter().chain(state.table.groups.iter().map(|group| group.name.to_owned()));
    view! {
        <div class="emoji-groups" node_ref=bar role="toolbar" aria-label=tr(Key::EmojiTitle) on:keydown=keydown>
            {names.enumerate().map(button).collect_view()}
        </div>
    }
}

/// Focuses a child of an element.
fn focus_child(element: &web_sys::Element, number: usize) {
    use wasm_bindgen::JsCast;
    let child = element.query_selector(&format!(":nth-child({})", number + 1)).ok().flatten();
    if let Some(child) = child.and_then(|child| child.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = child.focus();
    }
}
