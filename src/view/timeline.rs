//! What was said in the room, from the oldest that is held to the newest.

use leptos::prelude::*;
use parlour_core::timeline::RowKind;

use super::{
    icon::{self, icon, mark},
    row::RowView,
    scroll::Scroll,
    words::use_words,
};
use crate::{ctrl::use_store, i18n::time};

/// Today's number, for rows that name their day by how long ago it was.
#[derive(Clone, Copy)]
pub struct Today(pub RwSignal<i64>);

/// The rows, and the way back to the end.
#[component]
pub fn TimelineView() -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let scroll = expect_context::<Scroll>();
    let rows = store.rows();

    let today = RwSignal::new(time::today());
    provide_context(Today(today));
    let new_day = move || {
        let now = time::today();
        if today.get_untracked() != now {
            today.set(now);
        }
    };
    let timer = set_interval_with_handle(new_day, std::time::Duration::from_secs(60)).ok();
    on_cleanup(move || {
        if let Some(timer) = timer {
            timer.clear();
        }
    });

    let empty = Memo::new(move |_| {
        rows.with(|rows| {
            !rows.iter().any(|row| row.kind.with_untracked(|kind| matches!(kind, RowKind::Message { .. })))
        })
    });
    let unseen = Memo::new(move |_| scroll.unseen(store));
    view! {
        <div class="timeline-frame">
            <div
                id="timeline" class="timeline" class:at-end=move || scroll.at_end() role="log" aria-live="polite"
                tabindex="0" aria-label=move || t().timeline node_ref=scroll.frame
                on:scroll=move |_| scroll.moved(store)
            >
                <div class="rows" node_ref=scroll.content>
                    <Show when=move || 0 < store.rows_dropped().get()>
                        <p class="row dropped">{move || t().dropped}</p>
                    </Show>
                    <Show when=move || empty.get()>
                        <div class="empty">
                            {mark()}
                            <h2>{move || t().empty_title}</h2>
                            <p>{move || t().empty_text}</p>
                        </div>
                    </Show>
                    <For each=move || rows.get() key=|row| row.key children=|row| view! { <RowView row/> }/>
                </div>
            </div>
            <Show when=move || !scroll.at_end()>
                <button
                    type="button" id="jump-to-end" class="button jump" data-new=move || unseen.get()
                    on:click=move |_| scroll.to_end()
                >
                    {icon(icon::DOWN)}
                    {move || (t().jump)(unseen.get())}
                </button>
            </Show>
        </div>
    }
}
