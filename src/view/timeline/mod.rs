//! The timeline: the messages of the room in order, with presence changes, notices and gaps between them, scrollable
//! from the first to the last.
//!
//! The frame and the content of each row are components. The window of rows that are in the DOM is not: it is rendered by
//! [`renderer::Renderer`], so that a flood of messages can't delay the page. Components reach it through [`Scroller`].
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the components around the rows |
//! | `row`, `message`, `gap`, `notice`, `day` | the components for the content of a row |
//! | `reactions` | the reactions to a message |
//! | `message_tools` | the buttons beside the message under the pointer, or with the focus |
//! | `message_keys` | keys that lead from message to message, and to their tools |
//! | `announcer` | the live region for screen readers |
//! | `scroller` | the interface: scroll position as signals, and events |
//! | `renderer`, `render_scheduler`, `render_plan` | when to render, which rows, and where |
//! | `row_window`, `mounted_row` | the rows in the DOM |
//! | `scroll_anchor`, `viewport` | the row that keeps its position, and the scrolling element |
//! | `gap_loader` | loads messages near the viewport |
//! | `focus` | keeps the focus when the focused element is removed |

mod announcer;
mod day;
mod focus;
mod gap;
mod gap_loader;
mod message;
mod message_keys;
mod message_tools;
mod mounted_row;
mod notice;
mod reactions;
mod render_plan;
mod render_scheduler;
mod renderer;
mod row;
mod row_window;
mod scroll_anchor;
mod scroller;
#[cfg(test)]
mod test_rows;
mod viewport;

use leptos::{ev::KeyboardEvent, prelude::*};
use parlour_core::model::SeekTarget;

use self::{
    announcer::Announcer, day::DayOverlay, message_keys::handle_key, message_tools::ToolsState,
    scroller::Elements,
};
pub use self::{
    day::{provide_today, use_day_name},
    message_tools::MessageTools,
    scroller::Scroller,
};
use crate::{
    ctrl::use_store,
    i18n::Key,
    view::{
        composer::Draft,
        message_part::MessageToolsSlot,
        shared::{Icon, Mark, event, icon, tr, use_texts},
    },
};

/// The timeline of the room, the day of the uppermost message over it, and the button that scrolls to the end. Needs a
/// [`Scroller`] in the context.
#[component]
pub fn Timeline() -> impl IntoView {
    let store = use_store();
    let scroller = expect_context::<Scroller>();
    let Elements { viewport, content, list } = scroller.elements();
    scroller.start();
    let tools = ToolsState::new(expect_context::<Draft>());
    provide_context(tools);

    let is_empty = move || !store.has_messages.get();
    let begins_here = move || store.has_messages.get() && store.from_start.get() == Some(true);
    // The browser's default is an animation that ends at a position computed when the key was pressed, although rows
    // load meanwhile.
    let scroll_by_key = move |event: KeyboardEvent| {
        let modified = event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key();
        match &*event::key(&event) {
            "End" if !modified => scroller.to_end(),
            "Home" if !modified => scroller.to_start(),
            _ if !modified && handle_key(tools, scroller, &event) => {}
            _ => return,
        }
        event.prevent_default();
    };
    // `aria-live` is off, because rows also appear when one scrolls and when history loads. `Announcer` announces new
    // messages.
    view! {
        <div
            class="timeline-frame" node_ref=tools.frame on:pointerover=move |event| tools.handle_move(scroller, &event)
            on:focusin=move |event| tools.handle_move(scroller, &event) on:pointerleave=move |_| tools.hide(scroller)
        >
            <div
                id="timeline" class="timeline" role="log" aria-live="off" tabindex="0"
                aria-label=tr(Key::TimelineLabel) aria-description=tr(Key::TimelineKeys) node_ref=viewport
                on:scroll=move |_| {
                    tools.hide(scroller);
                    scroller.handle_scroll();
                }
                on:keydown=scroll_by_key
            >
                <div class="rows" node_ref=content>
                    <Show when=move || store.rows_lost.get()>
                        <p class="row timeline-start">{tr(Key::TimelineEvicted)}</p>
                    </Show>
                    <Show when=begins_here>
                        <p class="row timeline-start beginning">{tr(Key::TimelineBeginning)}</p>
                    </Show>
                    <Show when=is_empty>
                        <EmptyState/>
                    </Show>
                    <div class="list" role=move || (!is_empty()).then_some("feed") node_ref=list></div>
                </div>
            </div>
            <Show when=move || scroller.day().is_some()>
                <DayOverlay/>
            </Show>
            <Show when=move || scroller.unread_above().is_some()>
                <JumpToUnread/>
            </Show>
            <Show when=move || !scroller.at_end()>
                <JumpToEnd/>
            </Show>
            <MessageToolsSlot/>
            <Announcer/>
        </div>
    }
}

/// Shown in place of rows in a room without messages.
#[component]
fn EmptyState() -> impl IntoView {
    view! {
        <div class="empty">
            <Mark/>
            <h2>{tr(Key::TimelineEmptyTitle)}</h2>
            <p>{tr(Key::TimelineEmptyText)}</p>
        </div>
    }
}

/// The button that scrolls to the end, with the number of messages received since the viewport left the end.
#[component]
fn JumpToEnd() -> impl IntoView {
    let (scroller, t) = (expect_context::<Scroller>(), use_texts());
    let unseen = move || scroller.unseen();
    view! {
        <button
            type="button" id="jump-to-end" class="button jump" data-new=move || unseen().to_string()
            on:click=move |_| scroller.to_end()
        >
            <Icon path=icon::DOWN/>
            {move || t().jump_to_latest(unseen())}
        </button>
    }
}

/// The button that scrolls to the first message that was unread when the room was opened.
#[component]
fn JumpToUnread() -> impl IntoView {
    let (store, scroller) = (use_store(), expect_context::<Scroller>());
    let jump = move |_| {
        if let Some(ord) = scroller.unread_above() {
            store.seek(SeekTarget::Ord(ord));
        }
    };
    view! {
        <button type="button" id="jump-to-unread" class="button jump to-unread" on:click=jump>
            <Icon path=icon::UP/>
            {tr(Key::TimelineJumpToUnread)}
        </button>
    }
}
