//! The messages and the composer of the open room; or what is to be known if there is none, or if nothing can be written.

use leptos::{either::EitherOf3, prelude::*};
use parlour_core::model::{Role, RoomId};

use crate::{
    ctrl::{Store, use_store},
    i18n::Key,
    view::{
        composer::Composer,
        pieces::{InvitationSlot, NoRoomSlot},
        screens::{Screen, Screens},
        search::PanelState,
        shared::{Icon, icon, tr},
        timeline::Timeline,
    },
};

/// What is in the place of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
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
    /// The user is invited to the room: the invitation covers the messages, which the user cannot read.
    Invitation,
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
    // For what is loaded later.
    provide_context(shown);
    // What is below the messages: the composer, unless nothing can be written.
    let below = Memo::new(move |_| match store.open_room.get().and_then(|room| store.room(room)) {
        Some(room) if room.role == Role::Invited => Below::Invitation,
        Some(room) if room.archived => Below::Archived,
        _ => Below::Composer,
    });
    view! {
        <main class="room-main" class:no-room=move || shown.get() != Shown::Room inert=hidden>
            // Not removed while no room is shown: the timeline would be built anew with the next one.
            <Timeline/>
            {move || match below.get() {
                Below::Composer => EitherOf3::A(view! { <Composer/> }),
                Below::Invitation => EitherOf3::B(view! { <InvitationSlot/> }),
                Below::Archived => EitherOf3::C(view! { <ArchivedNote/> }),
            }}
            <Show when=move || shown.get() != Shown::Room>
                <NoRoomSlot/>
            </Show>
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
    } else if store.has_complete_list() {
        Shown::Missing(room)
    } else {
        Shown::Loading
    }
}
