//! The content of a row.

use leptos::{either::EitherOf4, prelude::*};
use parlour_core::timeline::{Row, RowKind};

use super::{
    day::DayLine,
    gap::GapRow,
    message::MessageRow,
    notice::{NoticeRow, PresenceRow},
};
use crate::{i18n::Key, view::shared::tr};

/// The content of a row, with a day line above it if it is the first row of a day, and the line above new messages if it is
/// the first of them. Follows the row's signal; only the kind of a row never changes.
#[component]
pub fn RowContent(row: RwSignal<Row>) -> impl IntoView {
    let day = move || row.with(|row| row.day);
    let unread_line = move || row.with(|row| row.unread_line);
    let content = match row.with_untracked(|row| row.kind.clone()) {
        RowKind::Message { message, .. } => EitherOf4::A(view! { <MessageRow message row/> }),
        RowKind::Gap { gap: missing, .. } => EitherOf4::B(view! { <GapRow missing row/> }),
        RowKind::Presence(_) => EitherOf4::C(view! { <PresenceRow row/> }),
        RowKind::Notice(notice) => EitherOf4::D(view! { <NoticeRow notice/> }),
    };
    view! {
        {move || day().map(|time| view! { <DayLine time/> })}
        {move || unread_line().then(|| view! { <h2 class="row unread-line">{tr(Key::TimelineUnreadLine)}</h2> })}
        {content}
    }
}
