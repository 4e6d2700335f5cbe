//! The dialog that begins a conversation.

use leptos::{ev::SubmitEvent, prelude::*};
use parlour_core::{client::Command, model::RoomKind};

use super::{
    create_room::created,
    form::{Actions, Field, Submission},
    frame::Dialog,
    invite_people::with_missing_choice,
    people_picker::PeoplePicker,
};
use crate::{
    ctrl::{Contact, use_store},
    i18n::Key,
    view::shared::{tr, use_texts},
};

/// The maximum number of other people in a conversation.
const MAX_PARTNERS: usize = 7;

/// A form with the people of a conversation. Opens the room that these people have.
#[component]
pub fn DirectMessage() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let people = RwSignal::new(Vec::<Contact>::new());
    let is_empty = RwSignal::new(false);
    let submission = Submission::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        is_empty.set(people.with_untracked(Vec::is_empty));
        if is_empty.get_untracked() {
            return;
        }
        let make = |id| Command::CreateRoom {
            id,
            kind: RoomKind::Direct,
            name: String::new(),
            topic: String::new(),
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
        <Dialog id="direct-message-dialog" title=Signal::derive(move || t().text(Key::DirectTitle).to_owned())>
            <form class="dialog-form" novalidate on:submit=submit>
                <div class="dialog-body">
                    <p class="field-hint">{tr(Key::DirectHint)}</p>
                    <PeoplePicker
                        id="direct-message-people" label=Key::DirectPeople chosen=people max=MAX_PARTNERS
                        error=with_missing_choice(is_empty, people, submission.error(Field::People)) autofocus=true
                    />
                </div>
                <Actions submission submit=Key::DirectSubmit/>
            </form>
        </Dialog>
    }
}
