//! The dialog that creates a room.

use leptos::{ev::SubmitEvent, prelude::*};
use parlour_core::{
    client::{Command, Reply},
    limits::INVITED_PEOPLE,
    model::{RoomId, RoomKind},
    status::Status,
};

use super::{
    form::{Actions, Field, Submission, TextField},
    frame::Dialog,
    people_picker::PeoplePicker,
};
use crate::{
    ctrl::{Contact, use_store},
    i18n::Key,
    view::shared::{tr, use_texts},
};

/// A form with the name of the room, who can join, the topic, and people to invite. Opens the room.
#[component]
pub fn CreateRoom() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let (name, topic) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let kind = RwSignal::new(RoomKind::Public);
    let people = RwSignal::new(Vec::<Contact>::new());
    let submission = Submission::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let make = |id| Command::CreateRoom {
            id,
            kind: kind.get_untracked(),
            name: name.get_untracked().trim().into(),
            topic: topic.get_untracked().trim().into(),
            people: people.with_untracked(|people| people.iter().map(|person| person.account).collect()),
        };
        submission.start(
            || store.request(submission.command(store, make)),
            move |reply| {
                store.close_dialog();
                if let Some(room) = created(&reply) {
                    store.open(Some(room), None);
                }
            },
        );
    };
    view! {
        <Dialog id="create-room-dialog" title=Signal::derive(move || t().text(Key::CreateRoomTitle).to_owned())>
            <form class="dialog-form" novalidate on:submit=submit>
                <div class="dialog-body">
                    <TextField
                        id="create-room-name" label=Key::CreateRoomName hint=Key::DialogNameHint text=name
                        error=submission.error(Field::Name) autofocus=true
                    />
                    <fieldset class="field">
                        <legend class="field-name">{tr(Key::CreateRoomAccess)}</legend>
                        <KindOption
                            kind of=RoomKind::Public id="create-room-public" label=Key::CreateRoomPublic
                            hint=Key::CreateRoomPublicHint
                        />
                        <KindOption
                            kind of=RoomKind::Private id="create-room-private" label=Key::CreateRoomPrivate
                            hint=Key::CreateRoomPrivateHint
                        />
                    </fieldset>
                    <TextField
                        id="create-room-topic" label=Key::CreateRoomTopic text=topic
                        error=submission.error(Field::Topic)
                    />
                    <PeoplePicker
                        id="create-room-people" label=Key::CreateRoomPeople chosen=people max=INVITED_PEOPLE
                        error=submission.error(Field::People)
                    />
                </div>
                <Actions
                    submission submit=Key::CreateRoomSubmit
                    reason=(Status::NotAllowed, Key::CreateRoomNotAllowed)
                />
            </form>
        </Dialog>
    }
}

/// One of the kinds of rooms that can be created.
#[component]
fn KindOption(
    kind: RwSignal<RoomKind>,
    of: RoomKind,
    id: &'static str,
    label: Key,
    hint: Key,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    view! {
        <label class="option" for=id>
            <input
                id=id type="radio" name="create-room-kind" aria-describedby=hint_id.clone()
                prop:checked=move || kind.get() == of on:change=move |_| kind.set(of)
            />
            <span class="option-name">{tr(label)}</span>
            <span id=hint_id class="field-hint">{tr(hint)}</span>
        </label>
    }
}

/// The room in the answer to a command that creates one.
pub fn created(reply: &Reply) -> Option<RoomId> {
    match reply {
        Reply::Room(row) => RoomId::from_wire(&row.room),
        _ => None,
    }
}
