//! The reactions to a message, below its text.

use std::rc::Rc;

use leptos::{ev::MouseEvent, prelude::*, task::spawn_local};
use parlour_core::model::{Message, Reaction};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::scroller::Scroller;
use crate::{
    ctrl::{MessageEditor, Reactors},
    i18n::Key,
    view::{
        emoji::EmojiPicker,
        shared::{Icon, Sentence, icon, tr, use_texts},
    },
};

/// The reactions to a message. Drawn anew with the row whenever they change.
pub fn draw(messages: MessageEditor, message: &Message) -> AnyView {
    view! { <ReactionBar messages message=message.clone()/> }.into_any()
}

/// A button for each emoji, which adds or removes the reaction of this account. While one of them has the pointer or the focus, who
/// has reacted is shown.
#[component]
fn ReactionBar(messages: MessageEditor, message: Message) -> impl IntoView {
    // The emoji whose people are shown, and these people once they are known.
    let shown = RwSignal::new(None::<(String, Option<Reactors>)>);
    let message = StoredValue::new(message);
    let chips = message.with_value(|message| message.reactions.counts.to_vec());
    let may_react = message.with_value(|message| messages.may_react(message));
    let chips = chips.into_iter().map(|reaction| view! { <Chip messages message reaction shown/> });
    view! {
        <div class="reactions" role="group" aria-label=tr(Key::MessageReactions)>
            {chips.collect_view()}
            {may_react.then(|| view! { <AddButton messages message/> })}
            <Show when=move || shown.with(|shown| matches!(shown, Some((_, Some(_)))))>
                <People shown/>
            </Show>
        </div>
    }
}

/// The button of an emoji.
#[component]
fn Chip(
    messages: MessageEditor,
    message: StoredValue<Message>,
    reaction: Reaction,
    shown: RwSignal<Option<(String, Option<Reactors>)>>,
) -> impl IntoView {
    let scroller = expect_context::<Scroller>();
    let Reaction { emoji, count } = reaction;
    let own = message.with_value(|message| message.reactions.is_own(&emoji));
    let emoji = StoredValue::new(emoji);
    let show = move || {
        let emoji = emoji.get_value();
        let is_known = shown.with_untracked(|shown| shown.as_ref().is_some_and(|(of, _)| *of == emoji));
        if is_known {
            return;
        }
        shown.set(Some((emoji.clone(), None)));
        let people = message.with_value(|message| messages.reactors(message, &emoji));
        spawn_local(async move {
            let people = people.await;
            // The row may have been drawn anew, or another emoji have the pointer.
            shown.try_update(|shown| match shown {
                Some((of, found)) if *of == emoji => *found = people,
                _ => {}
            });
        });
    };
    let hide = move || shown.set(None);
    let toggle = move |_| {
        let emoji = emoji.get_value();
        message.with_value(|message| {
            messages.toggle_reaction(message, &emoji);
            keep_focus(scroller, message.ord, emoji);
        });
    };
    view! {
        <button
            type="button" class="reaction" data-emoji=emoji.get_value() aria-pressed=own.to_string() on:click=toggle
            on:pointerenter=move |_| show() on:focus=move |_| show() on:pointerleave=move |_| hide() on:blur=move |_| hide()
        >
            <span class="emoji">{emoji.get_value()}</span>
            " "
            {count}
        </button>
    }
}

/// The button that opens the emoji picker.
#[component]
fn AddButton(messages: MessageEditor, message: StoredValue<Message>) -> impl IntoView {
    let (scroller, picker) = (expect_context::<Scroller>(), expect_context::<EmojiPicker>());
    let open = move |event: MouseEvent| {
        let button = event.current_target().and_then(|button| button.dyn_into::<HtmlElement>().ok());
        if let Some(button) = button {
            pick(picker, button, (messages, scroller), message.get_value());
        }
    };
    view! {
        <button
            type="button" class="reaction add" aria-haspopup="dialog" aria-label=tr(Key::MessageReact)
            title=tr(Key::MessageReact) on:click=open
        >
            <Icon path=icon::EMOJI/>
        </button>
    }
}

/// Opens the emoji picker beside an element. The picked emoji is added to the reactions to a message.
pub fn pick(
    picker: EmojiPicker,
    opener: HtmlElement,
    (messages, scroller): (MessageEditor, Scroller),
    message: Message,
) {
    let add = move |emoji: &str| {
        messages.add_reaction(&message, emoji);
        keep_focus(scroller, message.ord, emoji.to_owned());
    };
    picker.open(opener, Rc::new(add));
}

/// The people who have reacted with an emoji.
#[component]
fn People(shown: RwSignal<Option<(String, Option<Reactors>)>>) -> impl IntoView {
    let t = use_texts();
    let sentence = move || {
        let (emoji, people) = shown.get()?;
        let Reactors { nicks, total } = people?;
        let parts = t().people_reacted(&nicks, total, &emoji);
        Some(view! { <Sentence parts/> })
    };
    view! { <div class="reaction-people" role="status">{sentence}</div> }
}

/// Moves the focus to the button of an emoji in the row that is drawn anew, or to the row if there is none any more.
fn keep_focus(scroller: Scroller, ord: u64, emoji: String) {
    // The row is drawn in the next frame.
    request_animation_frame(move || {
        request_animation_frame(move || {
            if document().active_element().is_some_and(|focused| focused.tag_name() != "BODY") {
                return;
            }
            scroller.focus_message(Some(ord));
            let Some(row) = document().active_element() else { return };
            let Ok(chips) = row.query_selector_all(".reaction") else { return };
            let chips = (0..chips.length()).filter_map(|at| chips.item(at)?.dyn_into::<Element>().ok());
            let of_emoji = |chip: &Element| chip.get_attribute("data-emoji").as_deref() == Some(&emoji);
            if let Some(chip) =
                chips.into_iter().find(of_emoji).and_then(|chip| chip.dyn_into::<HtmlElement>().ok())
            {
                // Without it the row has the focus.
                let _ = chip.focus();
            }
        });
    });
}
