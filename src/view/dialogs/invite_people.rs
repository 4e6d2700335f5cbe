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
    // The reason of the first failure.
    let failed = RwSignal::new(None::<Refusal>);
    let submission = Submission::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let chosen = people.get_untracked();
        is_empty.set(chosen.is_empty());
        if chosen.is_empty() {
            return;
        }
        failed.set(None);
        submission.start(|| invite(store, room, chosen), move |(invited, refused)| {
            let Some((_, reason)) = refused.first() else {
                store.close_dialog();
                return store.report(Outcome::Invited(invited));
            };
            failed.set(Some(reason.clone()));
            people.set(refused.into_iter().map(|(person, _)| person).collect());
        });
    };
    let failure = move || {
        let refusal = failed.get()?;
        let names: Vec<_> = people.with(|people| people.iter().map(|p| Part::Name(p.nick.clone())).collect());
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

/// Invites people one after another. Returns the nicks of those who were invited, and those who were not, with the reason.
async fn invite(
    store: Store,
    room: RoomId,
    people: Vec<Contact>,
) -> Result<(Vec<Arc<str>>, Vec<(Contact, Refusal)>), Refusal> {
    let (mut invited, mut refused) = (Vec::new(), Vec::new());
    for person in people {
        let (account, role) = (person.account, Role::Invited);
        let invitation = Command::ChangeMember { room, id: store.new_id(), account, role };
        match store.give(invitation).await {
            Ok(()) => invited.push(person.nick),
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
