//! The names of rooms as they are shown.

use std::sync::Arc;

use parlour_core::model::RoomKind;

use crate::{
    ctrl::RoomSummary,
    i18n::{Key, Texts},
};

/// The name of a room. The lobby has one in each language.
pub fn room_name(room: &RoomSummary, t: &Texts) -> Arc<str> {
    if room.kind == RoomKind::Lobby { t.text(Key::RoomsLobby).into() } else { room.name.clone() }
}
