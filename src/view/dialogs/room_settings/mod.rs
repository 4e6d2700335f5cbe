//! The dialog with the settings of a room.

mod general;
mod lifecycle;
mod members;

use leptos::prelude::*;
use parlour_core::{
    client::Command,
    model::{Role, RoomId, RoomKind},
    policy::{Action, allows},
};

use self::{general::General, lifecycle::Lifecycle, members::Members};
use super::{
    form::{Submission, sentence},
    frame::Dialog,
};
use crate::{
    ctrl::{Store, use_store},
    i18n::Key,
    view::shared::{announced, tr, use_texts},
};

/// Name and topic, notifications, members, and archiving or leaving: what the user may change is shown. Follows the room.
#[component]
pub fn RoomSettings(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    // Not reactive: the kind of a room does not change.
    let is_direct = untrack(|| store.room(room)).is_some_and(|room| room.kind == RoomKind::Direct);
    let title = if is_direct { Key::RoomSettingsTitleDirect } else { Key::RoomSettingsTitle };
    view! {
        <Dialog id="room-settings-dialog" title=Signal::derive(move || t().text(title).to_owned())>
            <div class="dialog-body">
                <General room/>
                <Notifications room is_direct/>
                // The people of a conversation are its name.
                <Show when=move || !is_direct>
                    <Members room/>
                </Show>
                <Lifecycle room/>
            </div>
        </Dialog>
    }
}

/// The switch that mutes the room. Follows the room.
#[component]
fn Notifications(room: RoomId, is_direct: bool) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let submission = Submission::new();
    let is_muted = Memo::new(move |_| store.room(room).is_some_and(|room| room.muted));
    let toggle = move |_| {
        let muted = !is_muted.get_untracked();
        submission.start(|| store.give(Command::SetMuted { room, muted }), |()| ());
    };
    let error = move || submission.refusal().map(|refusal| sentence(t(), &refusal));
    let text = if is_direct { Key::RoomSettingsMuteDirect } else { Key::RoomSettingsMute };
    view! {
        <section class="dialog-section" aria-labelledby="room-settings-notifications">
            <h3 id="room-settings-notifications">{tr(Key::RoomSettingsNotifications)}</h3>
            <button
                type="button" id="room-settings-mute" class="switch" role="switch"
                aria-checked=move || is_muted.get().to_string() aria-describedby="room-settings-mute-hint"
                aria-busy=move || submission.is_busy().to_string() on:click=toggle
            >
                {tr(text)}
                <span class="switch-track" aria-hidden="true"></span>
            </button>
            <p id="room-settings-mute-hint" class="field-hint">{tr(Key::RoomSettingsMuteHint)}</p>
            <p class="field-error" role="alert">{announced(error)}</p>
        </section>
    }
}

/// Returns `true` if the user may do this in a room. Reactive.
fn may(store: Store, room: RoomId, action: Action) -> bool {
    store.room(room).is_some_and(|room| allows(room.role, room.kind, room.archived, action).is_ok())
}

/// The name of a role.
pub fn role_name(role: Role) -> Key {
    match role {
        Role::Owner => Key::RoleOwner,
        Role::Moderator => Key::RoleModerator,
        Role::Invited => Key::RoleInvited,
        Role::Member | Role::None => Key::RoleMember,
    }
}
