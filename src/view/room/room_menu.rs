//! The menu of the open room.

use leptos::{prelude::*, task::spawn_local};
use parlour_core::{
    client::Command,
    model::{RoomId, RoomKind},
    policy::{Action, allows},
};

use crate::{
    ctrl::{DialogKind, Outcome, RoomSummary, Store, use_store},
    i18n::Key,
    view::shared::{Menu, MenuItem, icon},
};

/// The button that opens the menu, with the actions that are possible in the open room.
#[component]
pub fn RoomMenu() -> impl IntoView {
    let store = use_store();
    let items = move || {
        let room = store.open_room.get_untracked().and_then(|room| store.room(room));
        room.map(|room| room_actions(store, &room)).unwrap_or_default()
    };
    view! { <Menu id="room-menu" label=Key::RoomMenu icon=icon::MORE items=Box::new(items)/> }
}

fn room_actions(store: Store, summary: &RoomSummary) -> Vec<MenuItem> {
    let room = summary.room;
    let item = |id, text, icon, act: Box<dyn Fn()>| MenuItem { id, text, icon, act };
    let dialog = |id, text, icon, kind| item(id, text, icon, Box::new(move || store.open_dialog(kind)));
    let mut items = Vec::new();
    if !summary.role.is_member() {
        return items;
    }
    if summary.unread > 0 {
        let act = Box::new(move || store.mark_read(room));
        items.push(item("mark-read", Key::RoomMarkRead, icon::READ, act));
    } else if let Some(head) = head(store, room) {
        let act = Box::new(move || store.mark_unread(room, head));
        items.push(item("mark-unread", Key::RoomMarkUnread, icon::UNREAD, act));
    }
    let (text, icon) =
        if summary.muted { (Key::RoomUnmute, icon::MUTE_END) } else { (Key::RoomMute, icon::MUTED) };
    let muted = !summary.muted;
    items.push(item("mute-room", text, icon, Box::new(move || set_muted(store, room, muted))));
    let may = |action| allows(summary.role, summary.kind, summary.archived, action).is_ok();
    if may(Action::Invite) {
        items.push(dialog("invite-people", Key::RoomInvite, icon::INVITE, DialogKind::InvitePeople(room)));
    }
    if summary.kind != RoomKind::Lobby || may(Action::SetTopic) {
        let text =
            if summary.kind == RoomKind::Direct { Key::RoomSettingsTitleDirect } else { Key::RoomSettings };
        items.push(dialog("room-settings", text, icon::SETTINGS, DialogKind::RoomSettings(room)));
    }
    if may(Action::Leave) {
        items.push(dialog("leave-room", Key::LeaveRoomSubmit, icon::LEAVE, DialogKind::LeaveRoom(room)));
    }
    items
}

/// The ord of the newest message of a room; `None` if it has none.
fn head(store: Store, room: RoomId) -> Option<u64> {
    let head = store.with_state(|state| state.account().room(room).map(|entry| entry.head()));
    head.flatten().filter(|head| *head > 0)
}

/// Mutes a room, or ends that. A refusal leaves the room as it is shown, so the user is told.
fn set_muted(store: Store, room: RoomId, muted: bool) {
    let answer = store.until_logout(Box::pin(store.request(Command::SetMuted { room, muted })));
    spawn_local(async move {
        if let Some(Err(refusal)) = answer.await {
            store.report(Outcome::Refused(refusal));
        }
    });
}
