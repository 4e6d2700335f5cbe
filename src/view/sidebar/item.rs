//! A room in the list.

use leptos::{either::Either, ev::MouseEvent, prelude::*};
use parlour_core::{
    client::account::Section,
    model::{Connection, PresenceState, Role, RoomId, RoomKind},
};

use super::list_state::ListState;
use crate::{
    ctrl::{RoomSummary, Route, use_store},
    i18n::{Key, Texts},
    view::shared::{Avatar, Icon, icon, room_name, tr, use_texts},
};

/// The largest number that a badge shows.
const MAX_BADGE: u64 = 99;

/// A row of the list: a link to the room, with its name and what is new in it. Follows the room and the open room.
#[component]
pub fn RoomItem(
    room: RoomId,
    /// The section that the row is in; `None` among the results of a search.
    section: Option<Section>,
) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let list = expect_context::<ListState>();
    let summary = Memo::new(move |_| store.room(room));
    let place = Memo::new(move |_| {
        list.listing.with(|listing| {
            let part = listing.part(section);
            (part.position(room).unwrap_or(0), part.rooms.len())
        })
    });
    let has = move |test: fn(&RoomSummary) -> bool| summary.with(|room| room.as_ref().is_some_and(test));
    let open = move |event: MouseEvent| {
        // Otherwise the browser opens the link in another tab or window.
        let is_plain = event.button() == 0
            && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
        if is_plain {
            event.prevent_default();
            list.choose(room);
        }
    };
    view! {
        <li
            class="room-row" style:top=move || format!("calc(var(--room-row) * {})", place.get().0)
            aria-posinset=move || (place.get().0 + 1).to_string() aria-setsize=move || place.get().1.to_string()
        >
            <a
                class="room-item" class:unread=move || has(is_emphasised) class:muted=move || has(|room| room.muted)
                class:archived=move || has(|room| room.archived)
                href=Route::to_room(room).to_string() data-room=format!("{room:?}")
                aria-current=move || (store.open_room.get() == Some(room)).then_some("page")
                tabindex=move || if list.tab_stop.get() == Some(room) { "0" } else { "-1" }
                on:click=open on:focus=move |_| list.handle_focus(Some(room)) on:blur=move |_| list.handle_focus(None)
            >
                {move || summary.get().map(|room| view! { <Content t=t() room/> })}
            </a>
        </li>
    }
}

/// What a row shows. Built anew when the room changes.
#[component]
fn Content(t: &'static Texts, room: RoomSummary) -> impl IntoView {
    let name = room_name(&room, t);
    let badge = badge(&room);
    let mark = if room.muted {
        Some((icon::MUTED, Key::RoomsMuted))
    } else {
        room.archived.then_some((icon::ARCHIVED, Key::RoomsArchived))
    };
    // The spaces separate the words for screen readers.
    view! {
        <RoomMark room/>
        <bdi class="room-label" title=name.to_string()>{name.to_string()}</bdi>
        {mark.map(|(path, text)| {
            view! { " " <span class="room-state"><Icon path/><span class="visually-hidden">{tr(text)}</span></span> }
        })}
        {badge.map(|badge| {
            view! {
                " "
                <span class="badge" class:attention=badge.is_attention aria-hidden="true">{badge.text()}</span>
                <span class="visually-hidden">{badge.spoken(t)}</span>
            }
        })}
    }
}

/// The icon of a room by its kind. A direct room has the avatar of its first person, with the presence if it is the only one.
/// Follows the connection: without one the presence is not known.
#[component]
pub fn RoomMark(room: RoomSummary) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let path = match room.kind {
        RoomKind::Lobby => icon::LOBBY,
        RoomKind::Public => icon::PUBLIC,
        RoomKind::Private => icon::PRIVATE,
        RoomKind::Direct => {
            let nick = room.name.split(", ").next().unwrap_or_default().into();
            let presence = match room.presence {
                Some(PresenceState::Online) => Some(("online", Key::RoomsOnline)),
                Some(PresenceState::Away) => Some(("away", Key::MembersAway)),
                _ => None,
            };
            let is_known = Memo::new(move |_| {
                store.connection.with(|connection| matches!(connection, Connection::Online { .. }))
            });
            let unknown = ("unknown", Key::RoomsPresenceUnknown);
            return Either::Left(view! {
                <span class="room-mark">
                    <Avatar nick/>
                    {presence.map(|known| {
                        let shown = move || if is_known.get() { known } else { unknown };
                        view! {
                            <span class="presence-dot" data-state=move || shown().0>
                                <span class="visually-hidden">{move || t().text(shown().1)}</span>
                            </span>
                        }
                    })}
                </span>
            });
        }
    };
    Either::Right(view! { <span class="room-mark"><Icon path/></span> })
}

/// What is new in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Badge {
    count: u64,
    is_attention: bool,
    is_invitation: bool,
}

impl Badge {
    fn text(self) -> String {
        match self.count {
            _ if self.is_invitation => "!".into(),
            MAX_BADGE.. if self.count > MAX_BADGE => format!("{MAX_BADGE}+"),
            count => count.to_string(),
        }
    }

    /// The badge in words.
    fn spoken(self, t: &Texts) -> String {
        if self.is_invitation {
            t.text(Key::RoomsInvited).to_owned()
        } else {
            t.rooms_unread(usize::try_from(self.count).unwrap_or(usize::MAX))
        }
    }
}

/// The badge of a room: the messages that the user is to be told of, otherwise the unread ones; of a muted room only the former.
fn badge(room: &RoomSummary) -> Option<Badge> {
    let is_attention = room.attention > 0;
    let count = match room.attention {
        0 if room.muted => 0,
        0 => room.unread,
        attention => attention,
    };
    (count > 0).then_some(Badge { count, is_attention, is_invitation: room.role == Role::Invited })
}

/// Returns `true` if the name is emphasised.
fn is_emphasised(room: &RoomSummary) -> bool {
    badge(room).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(unread: u64, attention: u64, muted: bool) -> RoomSummary {
        RoomSummary {
            room: RoomId::LOBBY,
            kind: RoomKind::Lobby,
            name: "".into(),
            role: Role::Member,
            muted,
            archived: false,
            unread,
            attention,
            presence: None,
        }
    }

    #[test]
    fn badge_counts_attention_or_unread_messages() {
        let shown = |unread, attention, muted| {
            badge(&room(unread, attention, muted)).map(|badge| (badge.text(), badge.is_attention))
        };
        for (unread, attention, muted, expected) in [
            (0, 0, false, None),
            (3, 0, false, Some(("3", false))),
            (3, 2, false, Some(("2", true))),
            (3, 0, true, None),
            (3, 2, true, Some(("2", true))),
            (99, 0, false, Some(("99", false))),
            (100, 0, false, Some(("99+", false))),
        ] {
            let expected = expected.map(|(text, is_attention): (&str, _)| (text.to_owned(), is_attention));
            assert_eq!(shown(unread, attention, muted), expected, "{unread} {attention} {muted}");
        }
    }

    #[test]
    fn invitation_is_no_number() {
        let invited = RoomSummary { role: Role::Invited, ..room(0, 1, false) };
        assert_eq!(badge(&invited).map(Badge::text), Some("!".into()));
    }
}
