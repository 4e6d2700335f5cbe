//! Archiving and leaving a room.

use leptos::prelude::*;
use parlour_core::{
    client::{Command, RoomChange},
    model::RoomId,
    policy::Action,
};

use super::may;
use crate::{
    ctrl::{DialogKind, use_store},
    i18n::Key,
    view::{
        dialogs::form::{Submission, sentence},
        shared::{announced, tr, use_texts},
    },
};

/// The buttons that archive or restore the room, and that leave it, as far as the user may. Follows the room.
#[component]
pub fn Lifecycle(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let submission = Submission::new();
    let is_archived = Memo::new(move |_| store.room(room).is_some_and(|room| room.archived));
    let may_archive = Memo::new(move |_| may(store, room, Action::Archive));
    let may_leave = Memo::new(move |_| may(store, room, Action::Leave));
    let archive = move |_| {
        let change = RoomChange::Archived(!is_archived.get_untracked());
        let make = |id| Command::ChangeRoom { room, id, change: change.clone() };
        submission.start(|| store.give(submission.command(store, make)), |()| ());
    };
    let error = move || submission.refusal().map(|refusal| sentence(t(), &refusal));
    let by_state = move |archived, open| move || t().text(if is_archived.get() { archived } else { open });
    view! {
        <Show when=move || may_archive.get() || may_leave.get()>
            <section class="dialog-section" aria-labelledby="room-settings-lifecycle">
                <h3 id="room-settings-lifecycle">{tr(Key::RoomSettingsLifecycle)}</h3>
                <Show when=move || may_archive.get()>
                    <p id="room-settings-archive-hint" class="field-hint">
                        {by_state(Key::RoomSettingsRestoreHint, Key::RoomSettingsArchiveHint)}
                    </p>
                    <div class="section-actions">
                        <button
                            type="button" id="room-settings-archive" class="button"
                            aria-describedby="room-settings-archive-hint"
                            aria-busy=move || submission.is_busy().to_string()
                            aria-disabled=move || submission.is_busy().then_some("true") on:click=archive
                        >
                            {by_state(Key::RoomSettingsRestore, Key::RoomSettingsArchive)}
                        </button>
                    </div>
                </Show>
                <p class="field-error" role="alert">{announced(error)}</p>
                <Show when=move || may_leave.get()>
                    <div class="section-actions">
                        <button
                            type="button" id="room-settings-leave" class="button danger"
                            on:click=move |_| store.open_dialog(DialogKind::LeaveRoom(room))
                        >
                            {tr(Key::LeaveRoomSubmit)}
                        </button>
                    </div>
                </Show>
            </section>
        </Show>
    }
}
