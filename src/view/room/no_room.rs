//! The note in the place of a room.

use leptos::{prelude::*, task::spawn_local};
use parlour_core::{model::RoomId, status::Status};

use super::conversation::Shown;
use crate::{
    ctrl::use_store,
    i18n::Key,
    view::shared::{Mark, announced, tr, use_texts},
};

/// The reason why no room is shown, and what can be done. Follows [`Shown`].
#[component]
pub fn NoRoom() -> impl IntoView {
    let shown = expect_context::<Memo<Shown>>();
    move || view! { <Reason shown=shown.get()/> }
}

#[component]
fn Reason(shown: Shown) -> impl IntoView {
    let (title, text) = match shown {
        Shown::Missing(_) => (Key::RoomMissingTitle, Some(Key::RoomMissingText)),
        Shown::Loading => (Key::CommonLoading, None),
        Shown::Nothing | Shown::Room => (Key::RoomChooseTitle, Some(Key::RoomChooseText)),
    };
    let join = if let Shown::Missing(room) = shown { Some(view! { <JoinButton room/> }) } else { None };
    view! {
        <div id="no-room" class="empty no-room-text">
            <Mark/>
            <h2>{tr(title)}</h2>
            {text.map(|text| view! { <p>{tr(text)}</p> })}
            {join}
        </div>
    }
}

/// The button that joins a public room, and why that has failed. The room is opened when it is in the list.
#[component]
fn JoinButton(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let failed = RwSignal::new(None::<Status>);
    let is_joining = RwSignal::new(false);
    let join = move |_| {
        if is_joining.get_untracked() {
            return;
        }
        is_joining.set(true);
        let joining = store.until_logout(Box::pin(store.join_room(room)));
        spawn_local(async move {
            let Some(result) = joining.await else { return };
            // The button does not exist any more when the room is shown.
            is_joining.try_set(false);
            failed.try_set(result.err().map(|refusal| refusal.status));
        });
    };
    view! {
        <button
            type="button" id="join-room" class="button primary" aria-disabled=move || is_joining.get().then_some("true")
            on:click=join
        >
            {tr(Key::RoomJoin)}
        </button>
        <p class="no-room-error" role="alert">
            {announced(move || failed.get().map(|status| t().status(status).to_owned()))}
        </p>
    }
}
