//! A message in the timeline.

use leptos::{either::Either, html::Div, prelude::*};
use parlour_core::{
    model::{Delivery, Message, MessageId, TextState},
    policy::{Action, allows},
    status::Status,
    timeline::{Row, RowKind},
};

use super::{focus::return_focus_to_timeline, message_tools::ToolsState, scroller::Scroller};
use crate::{
    ctrl::use_store,
    i18n::{Key, Locale, time},
    view::{
        composer::Draft,
        markup::MessageText,
        shared::{Avatar, Icon, icon, tr, use_texts},
    },
};

/// A message: sender, time, text and, for an own one, its delivery. Own messages follow `row`, because their time and
/// delivery change. For other messages only the nick, `continued` and the button to expand a long one follow it.
#[component]
pub fn MessageRow(message: Message, row: RwSignal<Row>) -> impl IntoView {
    let is_continued = move || row.with(|row| matches!(row.kind, RowKind::Message { continued: true, .. }));
    // The sender may take another nick.
    let nick = move || {
        row.with(|row| match &row.kind {
            RowKind::Message { message, .. } => message.nick.clone(),
            _ => "".into(),
        })
    };
    let data_id = format!("{:?}", message.id);
    let text_state = match message.text {
        TextState::Original => None,
        TextState::Edited => Some(Key::MessageEdited),
        TextState::Erased => Some(Key::MessageDeleted),
        TextState::Saving if message.content.is_empty() => Some(Key::MessageDeleted),
        TextState::Saving => Some(Key::MessageSaving),
    };
    let text_state = text_state.map(|key| view! { <p class="text-state">{tr(key)}</p> });
    let reactions = (!message.reactions.is_empty()).then(|| {
        let (tools, message) = (expect_context::<ToolsState>(), message.clone());
        move || tools.draw_reactions(&message)
    });
    let expand = may_be_long(&message.content).then(|| view! { <ExpandButton row/> });
    if message.own {
        let delivery = use_delivery(row);
        Either::Left(view! {
            <div
                class="row message own" class:continued=is_continued
                data-id=data_id data-delivery=move || delivery_name(delivery())
            >
                <p class="head">
                    <bdi class="nick">{nick}</bdi>
                    " "
                    <OwnTime row/>
                    <PendingMark row/>
                </p>
                <div class="content" dir="auto" translate="yes"><MessageText content=message.content/></div>
                {text_state}
                {reactions}
                {expand}
                <Failure id=message.id row/>
            </div>
        })
    } else {
        Either::Right(view! {
            <div
                class="row message" class:continued=is_continued
                data-id=data_id data-delivery=delivery_name(message.delivery)
            >
                {move || view! { <Avatar nick=nick()/> }}
                <p class="head">
                    <bdi class="nick">{nick}</bdi>
                    " "
                    <MessageTime time=message.time/>
                </p>
                <div class="content" dir="auto" translate="yes"><MessageText content=message.content/></div>
                {text_state}
                {reactions}
                {expand}
            </div>
        })
    }
}

/// Returns `true` if a text may be taller than a screenful, on any screen. If not, the row has no button to expand it.
pub fn may_be_long(text: &str) -> bool {
    text.len() > 200 || text.split('\n').count() > 10
}

/// The button that expands a long message, or collapses it again. It is visible only if the text is taller than a screenful,
/// which [`MountedRow::fold`](super::mounted_row::MountedRow::fold) finds out. Follows `row`.
#[component]
fn ExpandButton(row: RwSignal<Row>) -> impl IntoView {
    let (scroller, t) = (expect_context::<Scroller>(), use_texts());
    let is_expanded = move || row.with(|row| row.expanded);
    let toggle = move |_| {
        let (key, expanded) = row.with_untracked(|row| (row.key, row.expanded));
        scroller.set_expanded(key, !expanded);
    };
    let text = move || t().text(if is_expanded() { Key::MessageShowLess } else { Key::MessageShowAll });
    view! {
        <button
            type="button" class="button expand" aria-expanded=move || is_expanded().to_string() on:click=toggle
        >
            {text}
        </button>
    }
}

/// The time of a message that does not change. Follows the language and the time zone.
#[component]
fn MessageTime(
    /// Unix time in ms.
    time: i64,
) -> impl IntoView {
    let locale = use_store().time_locale;
    // One closure around the element, not one for each of its parts: every effect adds to the cost of a row.
    move || time_element(locale.get(), time)
}

/// The time of an own message, which the server sets when it acknowledges the message. Follows `row`, the language
/// and the time zone.
#[component]
fn OwnTime(row: RwSignal<Row>) -> impl IntoView {
    let locale = use_store().time_locale;
    let time = move || {
        row.with(|row| if let RowKind::Message { message, .. } = &row.kind { message.time } else { 0 })
    };
    move || time_element(locale.get(), time())
}

fn time_element(locale: Locale, time: i64) -> impl IntoView {
    view! {
        <time datetime=time::machine(time) title=time::full(locale, time)>{time::clock(locale, time)}</time>
    }
}

/// Marks an own message that waits to be sent, or to be acknowledged.
#[component]
fn PendingMark(row: RwSignal<Row>) -> impl IntoView {
    let delivery = use_delivery(row);
    let label = Memo::new(move |_| match delivery() {
        Delivery::Queued => Some(Key::MessageQueued),
        Delivery::Pending => Some(Key::MessageSending),
        Delivery::Sent | Delivery::Failed(_) => None,
    });
    move || {
        label.get().map(|label| {
            view! {
                <span class="pending" title=tr(label)>
                    <Icon path=icon::CLOCK/>
                    <span class="label">{tr(label)}</span>
                </span>
            }
        })
    }
}

/// The reason and the possible actions if an own message was not sent, otherwise nothing. Follows `row`.
#[component]
fn Failure(id: MessageId, row: RwSignal<Row>) -> impl IntoView {
    let delivery = use_delivery(row);
    let status = Memo::new(move |_| match delivery() {
        Delivery::Failed(status) => Some(status),
        _ => None,
    });
    move || status.get().map(|status| view! { <FailureActions id status/> })
}

/// The reason why a message was not sent, and buttons to send it again, edit it or discard it.
#[component]
fn FailureActions(id: MessageId, status: Status) -> impl IntoView {
    let (store, t, draft) = (use_store(), use_texts(), expect_context::<Draft>());
    // Without the composer the text can't be edited: the message keeps it.
    let may_edit = Memo::new(move |_| {
        let room = store.open_room.get().and_then(|room| store.room(room));
        room.is_none_or(|room| allows(room.role, room.kind, room.archived, Action::Post).is_ok())
    });
    // A message that was not acknowledged may have been sent.
    let prefix = move || if status == Status::Unconfirmed { "" } else { t().text(Key::MessageNotSent) };
    let edit = move |_| {
        if let Some(text) = store.discard(id) {
            draft.prepend(&text);
        }
    };
    let discard = move |_| {
        store.discard(id);
    };
    let element = NodeRef::<Div>::new();
    return_focus_to_timeline(element);
    view! {
        <div class="failure" role="group" aria-label=tr(Key::MessageNotSent) node_ref=element>
            <Icon path=icon::ALERT/>
            <span class="reason">{prefix} " " {move || t().status(status)}</span>
            <button type="button" class="button retry" on:click=move |_| store.retry(id)>{tr(Key::CommonRetry)}</button>
            <Show when=move || may_edit.get()>
                <button type="button" class="button quiet edit" on:click=edit>{tr(Key::MessageEdit)}</button>
            </Show>
            <button type="button" class="button quiet discard" on:click=discard>{tr(Key::MessageDiscard)}</button>
        </div>
    }
}

/// The delivery state of the message of a row. Reactive.
fn use_delivery(row: RwSignal<Row>) -> impl Fn() -> Delivery + Copy + Send + Sync + 'static {
    move || {
        row.with(|row| match &row.kind {
            RowKind::Message { message, .. } => message.delivery,
            _ => Delivery::Sent,
        })
    }
}

/// The value of `data-delivery`.
fn delivery_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Queued => "queued",
        Delivery::Pending => "pending",
        Delivery::Sent => "sent",
        Delivery::Failed(_) => "failed",
    }
}
