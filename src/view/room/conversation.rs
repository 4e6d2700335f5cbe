//! The messages and the composer of the open room; or what is to be known if there is none, or if nothing can be written.

use leptos::{either::EitherOf3, prelude::*, task::spawn_local};
use parlour_core::{
    model::{Role, RoomId},
    status::Status,
};

use crate::{
    ctrl::{Store, use_store},
    i18n::Key,
    view::{
        composer::Composer,
        dialogs::Invitation,
        screens::{Screen, Screens},
        search::PanelState,
        shared::{Icon, Mark, announced, icon, tr, use_texts},
        timeline::Timeline,
    },
};

/// What is in the place of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// The room.
    Room,
    /// No room is open.
    Nothing,
    /// The room list is being loaded, so it is not known whether the user is in the room.
    Loading,
    /// The user is not in this room.
    Missing(RoomId),
}

/// What is below the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Composer,
    /// The user is invited to this room: the invitation covers the messages, which the user cannot read.
    Invitation(RoomId),
    Archived,
}

/// The main part of the page. Follows the screens, the open room and the room list.
#[component]
pub fn Conversation() -> impl IntoView {
    let store = use_store();
    let screens = expect_context::<Screens>();
    let panel = expect_context::<PanelState>();
    let hidden = move || !screens.shows(Screen::Conversation) || panel.covers_room();
    let shown = Memo::new(move |_| shown(store, screens));
    // What is below the messages: the composer, unless nothing can be written.
    let below = Memo::new(move |_| match store.open_room.get().and_then(|room| store.room(room)) {
        Some(room) if room.role == Role::Invited => Below::Invitation(room.room),
        Some(room) if room.archived => Below::Archived,
        _ => Below::Composer,
    });
    view! {
        <main
            class="room-main" class:no-room=move || shown.get() != Shown::Room
            class:invited=move || matches!(below.get(), Below::Invitation(_))
            class:closed=move || below.get() == Below::Archived inert=hidden
        >
            // Not removed while no room is shown: the timeline would be built anew with the next one.
            <Timeline/>
            {move || match below.get() {
                Below::Composer => EitherOf3::A(view! { <Composer/> }),
                Below::Invitation(room) => EitherOf3::B(view! { <Invitation room/> }),
                Below::Archived => EitherOf3::C(view! { <ArchivedNote/> }),
            }}
            {move || match shown.get() {
                Shown::Room => None,
                shown => Some(view! { <NoRoom shown/> }),
            }}
        </main>
    }
}

/// Says that nothing can be written.
#[component]
fn ArchivedNote() -> impl IntoView {
    view! {
        <p class="composer-closed">
            <Icon path=icon::ARCHIVED/>
            {tr(Key::RoomArchived)}
        </p>
    }
}

fn shown(store: Store, screens: Screens) -> Shown {
    let room = match screens.room() {
        _ if !store.has_rooms() => return Shown::Room,
        None => return Shown::Nothing,
        Some(RoomId::LOBBY) => return Shown::Room,
        Some(room) => room,
    };
    if store.room(room).is_some() {
        Shown::Room
    } else if store.with_state(|state| state.account().version()).unwrap_or_default() == 0 {
        Shown::Loading
    } else {
        Shown::Missing(room)
    }
}

/// Why no room is shown, and what can be done.
#[component]
fn NoRoom(shown: Shown) -> impl IntoView {
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
        spawn_local(async move {
            let result = store.join_room(room).await;
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
