//! A gap in the timeline: messages that are not loaded.

use leptos::{html::Div, prelude::*};
use parlour_core::{
    ranges::GapState,
    timeline::{Row, RowKind},
};

use super::focus::return_focus_to_timeline;
use crate::{
    ctrl::use_store,
    i18n::Key,
    view::shared::{px, use_texts},
};

/// A gap, as tall as its messages are estimated to be. It is loaded when the viewport comes near, or by its button. The
/// button stays the same element until the whole gap is loaded, because it may have the focus. Follows `row`.
#[component]
pub fn GapRow(missing: GapState, row: RwSignal<Row>) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    // A memo, because loading changes the height of the row far more often than the missing range.
    let missing = Memo::new(move |_| {
        row.with(|row| if let RowKind::Gap { gap: missing, .. } = row.kind { missing } else { missing })
    });
    let height = move || {
        row.with(|row| match row.kind {
            RowKind::Gap { height, .. } => px(height),
            _ => String::new(),
        })
    };
    let is_oldest = move || missing.get().gap.from == 0;
    let text = move || t().text(if is_oldest() { Key::TimelineOlder } else { Key::TimelineGap });
    let is_loading = move || missing.get().loading;
    let action = move || t().text(if is_loading() { Key::CommonLoading } else { Key::TimelineLoad });
    let load = move |_| store.load_gap(missing.get_untracked().gap.to);
    let element = NodeRef::<Div>::new();
    return_focus_to_timeline(element);
    view! {
        <div
            class="row gap" class:top=is_oldest style:height=height role="group" aria-label=text node_ref=element
        >
            <div class="gap-label">
                <span>{text}</span>
                <button
                    type="button" class="button quiet load" aria-busy=move || is_loading().then_some("true")
                    on:click=load
                >
                    {action}
                </button>
            </div>
        </div>
    }
}
