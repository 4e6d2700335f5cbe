//! The name and the topic of a room.

use leptos::{ev::SubmitEvent, prelude::*};
use parlour_core::{
    client::{Command, RoomChange},
    model::{Refusal, RoomId, RoomKind},
    policy::Action,
};

use super::may;
use crate::{
    ctrl::{Store, use_store},
    i18n::Key,
    view::{
        dialogs::form::{Field, Submission, TextField},
        shared::{announced, tr, use_texts},
    },
};

/// A form with the name and the topic, as far as the user may change them; otherwise both as text. Follows the room.
#[component]
pub fn General(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let name = RwSignal::new(untrack(|| current_name(store, room)));
    let topic = RwSignal::new(untrack(|| current_topic(store, room)));
    let submission = Submission::new();
    let is_saved = RwSignal::new(false);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        is_saved.set(false);
        let (name, topic) = (name.get_untracked(), topic.get_untracked());
        submission.start(|| save(store, room, name, topic), move |()| is_saved.set(true));
    };
    let may_rename = Memo::new(move |_| may(store, room, Action::Rename));
    let may_set_topic = Memo::new(move |_| may(store, room, Action::SetTopic));
    let has_name = move || store.room(room).is_some_and(|room| !matches!(room.kind, RoomKind::Lobby));
    let name_error = submission.error(Field::Name);
    let topic_error = submission.error(Field::Topic);
    let form_error = submission.error(Field::Form);
    let saved = move || is_saved.get().then(|| t().text(Key::CommonSaved).to_owned());
    view! {
        <section class="dialog-section" aria-labelledby="room-settings-general">
            <h3 id="room-settings-general">{tr(Key::RoomSettingsGeneral)}</h3>
            <form class="section-form" novalidate on:submit=submit>
                <Show
                    when=move || may_rename.get()
                    fallback=move || {
                        let name = move || store.room(room).map(|room| room.name);
                        view! {
                            <Show when=has_name>
                                <p class="settings-name" dir="auto">{name}</p>
                            </Show>
                        }
                    }
                >
                    <TextField
                        id="room-settings-name" label=Key::RoomSettingsName hint=Key::DialogNameHint text=name
                        error=name_error
                    />
                </Show>
                <Show
                    when=move || may_set_topic.get()
                    fallback=move || view! { <p class="settings-topic" dir="auto">{move || current_topic(store, room)}</p> }
                >
                    <TextField
                        id="room-settings-topic" label=Key::RoomSettingsTopic text=topic error=topic_error
                    />
                </Show>
                <p class="field-error" role="alert">{announced(move || form_error.get())}</p>
                <Show when=move || may_rename.get() || may_set_topic.get()>
                    <div class="section-actions">
                        <button
                            type="submit" id="room-settings-save" class="button primary"
                            aria-busy=move || submission.is_busy().to_string()
                            aria-disabled=move || submission.is_busy().then_some("true")
                        >
                            {tr(Key::CommonSave)}
                        </button>
                        <span class="field-hint" role="status">{announced(saved)}</span>
                    </div>
                </Show>
            </form>
        </section>
    }
}

/// Changes what differs from the room.
async fn save(store: Store, room: RoomId, name: String, topic: String) -> Result<(), Refusal> {
    let (old_name, old_topic) = untrack(|| (current_name(store, room), current_topic(store, room)));
    let is_named = untrack(|| may(store, room, Action::Rename));
    let change = |change| store.give(Command::ChangeRoom { room, id: store.new_id(), change });
    if is_named && name.trim() != old_name {
        change(RoomChange::Name(name.trim().into())).await?;
    }
    if topic.trim() != old_topic {
        change(RoomChange::Topic(topic.trim().into())).await?;
    }
    Ok(())
}

/// The name of a room. Reactive.
fn current_name(store: Store, room: RoomId) -> String {
    store.room(room).map(|room| room.name.to_string()).unwrap_or_default()
}

/// The topic of a room that was opened. Reactive.
fn current_topic(store: Store, room: RoomId) -> String {
    store.room_version.track();
    let topic = store.with_state(|state| state.room(room).map(|room| room.topic().to_string()));
    topic.flatten().unwrap_or_default()
}
