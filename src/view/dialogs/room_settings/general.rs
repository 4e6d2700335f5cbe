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
    let name = Edited::following(Memo::new(move |_| store.room(room).map(|room| room.name.to_string())));
    let topic = Edited::following(Memo::new(move |_| current_topic(store, room)));
    let submission = Submission::new();
    let is_saved = RwSignal::new(false);
    let may_rename = Memo::new(move |_| may(store, room, Action::Rename));
    let may_set_topic = Memo::new(move |_| may(store, room, Action::SetTopic));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        is_saved.set(false);
        let name = name.change().filter(|_| may_rename.get_untracked());
        submission.start(|| save(store, room, name, topic.change()), move |()| is_saved.set(true));
    };
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
                        id="room-settings-name" label=Key::RoomSettingsName hint=Key::DialogNameHint text=name.text
                        error=name_error
                    />
                </Show>
                <Show
                    when=move || may_set_topic.get()
                    fallback=move || view! { <p class="settings-topic" dir="auto">{move || current_topic(store, room)}</p> }
                >
                    <TextField
                        id="room-settings-topic" label=Key::RoomSettingsTopic text=topic.text error=topic_error
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

/// A text of the room that the user may edit. Until then it is what the room has, also after others have changed that.
#[derive(Clone, Copy)]
struct Edited {
    text: RwSignal<String>,
    /// What the room has; empty until that is known.
    current: StoredValue<String>,
}

impl Edited {
    fn following(current: Memo<Option<String>>) -> Self {
        let first = current.get_untracked().unwrap_or_default();
        let edited = Self { text: RwSignal::new(first.clone()), current: StoredValue::new(first) };
        Effect::new(move || {
            if let Some(new) = current.get() {
                if edited.change().is_none() {
                    edited.text.maybe_update(|text| std::mem::replace(text, new.clone()) != new);
                }
                edited.current.set_value(new);
            }
        });
        edited
    }

    /// The text to be saved; `None` if the room has it.
    fn change(self) -> Option<String> {
        let text = self.text.with_untracked(|text| text.trim().to_owned());
        self.current.with_value(|current| text != current.trim()).then_some(text)
    }
}

/// Changes what was edited.
async fn save(
    store: Store,
    room: RoomId,
    name: Option<String>,
    topic: Option<String>,
) -> Result<(), Refusal> {
    let change = |change| store.give(Command::ChangeRoom { room, id: store.new_id(), change });
    if let Some(name) = name {
        change(RoomChange::Name(name)).await?;
    }
    if let Some(topic) = topic {
        change(RoomChange::Topic(topic)).await?;
    }
    Ok(())
}

/// The topic of a room that was opened. Reactive.
fn current_topic(store: Store, room: RoomId) -> Option<String> {
    store.room_version.track();
    store.with_state(|state| state.room(room).map(|room| room.topic().to_string())).flatten()
}
