//! The question before the user leaves a room.

use leptos::{ev::SubmitEvent, prelude::*};
use parlour_core::model::{RoomId, RoomKind};

use super::{
    form::{Actions, Submission},
    frame::Dialog,
};
use crate::{ctrl::use_store, i18n::Key, view::shared::use_texts};

/// Says how the user can come back, and leaves the room.
#[component]
pub fn LeaveRoom(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    // Not reactive: the room is not in the list any more when it was left.
    let left = untrack(|| store.room(room));
    let submission = Submission::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        submission.start(|| store.leave_room(room), move |()| store.close_dialog());
    };
    let text = move || {
        left.as_ref().map(|room| match room.kind {
            RoomKind::Private => t().leave_room_text_private(&room.name),
            _ => t().leave_room_text_public(&room.name),
        })
    };
    view! {
        <Dialog id="leave-room-dialog" compact=true title=Signal::derive(move || t().text(Key::LeaveRoomTitle).to_owned())>
            <form class="dialog-form" on:submit=submit>
                <div class="dialog-body">
                    <p dir="auto">{text}</p>
                </div>
                <Actions submission submit=Key::LeaveRoomSubmit dangerous=true/>
            </form>
        </Dialog>
    }
}
