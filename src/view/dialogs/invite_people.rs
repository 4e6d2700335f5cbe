//! The dialog that invites people to a room.

use std::sync::Arc;

use leptos::{ev::SubmitEvent, prelude::*};
use parlour_core::{
    client::Command,
    model::{Refusal, Role, RoomId},
};

use super::{
    form::{Actions, Field, Submission, sentence},
    frame::Dialog,
    people_picker::PeoplePicker,
};
use crate::{
    ctrl::{Contact, Outcome, Store, use_store},
    i18n::{Key, Part},
    view::shared::{Sentence, use_texts},
};

/// The maximum number of people who are invited at once.
const MAX_INVITED: usize = 20;

/// A form with the people to invite. Those who could not be invited stay chosen.
#[component]
pub fn InvitePeople(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let people = RwSignal::new(Vec::<Contact>::new());
    let is_empty = RwSignal::new(false);
    // The people who could not be invited last, and the reason of the first failure.
    let failed = RwSignal::new(None::<(Vec<Arc<str>>, Refusal)>);
    let submission = Submission::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let chosen = people.get_untracked();
        is_empty.set(chosen.is_empty());
        if chosen.is_empty() {
            return;
        }
        failed.set(None);
        submission.start(
            || invite(store, room, chosen),
            move |(invited, refused)| {
                // Others may have been chosen meanwhile.
                let is_invited =
                    |person: &Contact| invited.iter().any(|other| other.account == person.account);
                people.update(|people| people.retain(|person| !is_invited(person)));
                if let Some((_, reason)) = refused.first().cloned() {
                    failed.set(Some((refused.into_iter().map(|(person, _)| person.nick).collect(), reason)));
                } else if people.with_untracked(Vec::is_empty) {
                    store.close_dialog();
                    store.report(Outcome::Invited(invited.into_iter().map(|person| person.nick).collect()));
                }
            },
        );
    };
    let failure = move || {
        let (nicks, refusal) = failed.get()?;
        let names: Vec<_> = nicks.into_iter().map(Part::Name).collect();
        let reason = sentence(t(), &refusal);
        Some((t().invite_failed(names.len(), &names), reason))
    };
    let name = move || store.room(room).map(|room| room.name.to_string()).unwrap_or_default();
    view! {
        <Dialog id="invite-people-dialog" title=Signal::derive(move || t().text(Key::InviteTitle).to_owned())>
            <form class="dialog-form" novalidate on:submit=submit>
                <div class="dialog-body">
                    <p class="dialog-room" dir="auto">{name}</p>
                    <PeoplePicker
                        id="invite-people-people" label=Key::InvitePeople chosen=people max=MAX_INVITED room=room
                        error=with_missing_choice(is_empty, people, submission.error(Field::People)) autofocus=true
                    />
                    <div id="invite-failed" class="field-error" role="alert">
                        {move || {
                            failure().map(|(parts, reason)| view! { <p><Sentence parts/> " " {reason}</p> })
                        }}
                    </div>
                </div>
                <Actions submission submit=Key::InviteSubmit/>
            </form>
        </Dialog>
    }
}

/// Invites people one after another. Returns those who were invited, and those who were not, with the reason.
async fn invite(
    store: Store,
    room: RoomId,
    people: Vec<Contact>,
) -> Result<(Vec<Contact>, Vec<(Contact, Refusal)>), Refusal> {
    let (mut invited, mut refused) = (Vec::new(), Vec::new());
    for person in people {
        let (account, role) = (person.account, Role::Invited);
        let invitation = Command::ChangeMember { room, id: store.new_id(), account, role };
        match store.give(invitation).await {
            Ok(()) => invited.push(person),
            Err(refusal) => refused.push((person, refusal)),
        }
    }
    Ok((invited, refused))
}

/// The error of a picker: why its people were refused, or that nobody was chosen, until somebody is.
pub fn with_missing_choice(
    is_empty: RwSignal<bool>,
    people: RwSignal<Vec<Contact>>,
    refused: Signal<Option<String>>,
) -> Signal<Option<String>> {
    let t = use_texts();
    Signal::derive(move || {
        let is_missing = is_empty.get() && people.with(Vec::is_empty);
        if is_missing { Some(t().text(Key::DialogChoosePeople).to_owned()) } else { refused.get() }
    })
}
