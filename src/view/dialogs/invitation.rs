//! The answer to an invitation.

use leptos::prelude::*;
use parlour_core::model::RoomId;

use super::form::{Submission, sentence};
use crate::{
    ctrl::use_store,
    i18n::Key,
    view::shared::{Mark, announced, tr, use_texts},
};

/// The invitation to the open room. Takes the place of the room.
#[component]
pub fn OpenInvitation() -> impl IntoView {
    let store = use_store();
    // Not built anew when the same room is opened once more.
    let room = Memo::new(move |_| store.open_room.get());
    move || room.get().map(|room| view! { <Invitation room/> })
}

/// Says to which room the user is invited, with buttons that accept and decline. Follows the room.
#[component]
fn Invitation(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let name = move || store.room(room).map(|room| room.name.to_string()).unwrap_or_default();
    let submission = Submission::new();
    let accept = move |_| submission.start(|| store.join_room(room), |()| ());
    let decline = move |_| submission.start(|| store.leave_room(room), |()| ());
    let error = move || submission.refusal().map(|refusal| sentence(t(), &refusal));
    let is_disabled = move || submission.is_busy().then_some("true");
    view! {
        <section id="invitation" class="invitation empty" aria-labelledby="invitation-text">
            <Mark/>
            <h2 id="invitation-text" dir="auto">{move || t().invitation_text(&name())}</h2>
            <div class="invitation-buttons">
                <button
                    type="button" id="invitation-decline" class="button" aria-disabled=is_disabled
                    on:click=decline
                >
                    {tr(Key::InvitationDecline)}
                </button>
                <button
                    type="button" id="invitation-accept" class="button primary"
                    aria-busy=move || submission.is_busy().to_string() aria-disabled=is_disabled on:click=accept
                >
                    {tr(Key::InvitationAccept)}
                </button>
            </div>
            <p class="field-error" role="alert">{announced(error)}</p>
        </section>
    }
}
