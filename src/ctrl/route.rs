//! The addresses of the page's screens, which are the fragments of its URL. A fragment is never sent to a server.
//!
//! | fragment | screen |
//! | --- | --- |
//! | `#/rooms` | the room list |
//! | `#/room/<room>` | a room; `<room>` is `lobby`, or the 32 hexadecimal digits of the room's id |
//! | `#/room/<room>/<ord>` | a room, scrolled to the message with this ord |
//! | `#/room/<room>/members` | the people of a room |
//! | `#/link/<code>` | the login to the account of another device |
//! | `#/link/<code>/<server>` | the same on another server than that of the page; `<server>` is its address |

use std::fmt;

use parlour_core::model::RoomId;

/// The name of the lobby in a fragment.
const LOBBY: &str = "lobby";

/// A screen of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The room list.
    Rooms,
    /// A room.
    Room {
        /// The room.
        room: RoomId,
        /// The ord of the message to scroll to.
        at: Option<u64>,
    },
    /// The people of a room.
    People {
        /// The room.
        room: RoomId,
    },
    /// The login to the account of another device.
    Link {
        /// The code that the other device has got.
        code: String,
        /// The address of the server, unless it is the one beside the page.
        server: Option<String>,
    },
}

impl Route {
    /// A room, without a message to scroll to.
    #[must_use]
    pub fn to_room(room: RoomId) -> Self {
        Self::Room { room, at: None }
    }

    /// The route of a fragment, with or without its `#`; `None` if it is empty or invalid.
    #[must_use]
    pub fn parse(fragment: &str) -> Option<Self> {
        let path = fragment.strip_prefix('#').unwrap_or(fragment).strip_prefix('/')?;
        if let Some(link) = path.strip_prefix("link/") {
            let (code, server) = link.split_once('/').map_or((link, None), |(code, rest)| (code, Some(rest)));
            let is_valid = is_code(code) && server != Some("");
            return is_valid.then(|| Self::Link { code: code.into(), server: server.map(Into::into) });
        }
        let mut parts = path.split('/');
        let (screen, first, second) = (parts.next()?, parts.next(), parts.next());
        if parts.next().is_some() {
            return None;
        }
        match (screen, first, second) {
            ("rooms", None, None) => Some(Self::Rooms),
            ("room", Some(room), None) => Some(Self::to_room(parse_room(room)?)),
            ("room", Some(room), Some("members")) => Some(Self::People { room: parse_room(room)? }),
            ("room", Some(room), Some(ord)) => {
                Some(Self::Room { room: parse_room(room)?, at: Some(parse_ord(ord)?) })
            }
            _ => None,
        }
    }

    /// The same screen, without a message to scroll to.
    #[must_use]
    pub fn without_message(self) -> Self {
        if let Self::Room { room, .. } = self { Self::to_room(room) } else { self }
    }

    /// The room that the screen belongs to.
    #[must_use]
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Self::Room { room, .. } | Self::People { room } => Some(*room),
            Self::Rooms | Self::Link { .. } => None,
        }
    }
}

/// The fragment, with its `#`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rooms => f.write_str("#/rooms"),
            // The lobby's id is written as `lobby`, that of any other room in hexadecimal digits.
            Self::Room { room, at: None } => write!(f, "#/room/{room:?}"),
            Self::Room { room, at: Some(ord) } => write!(f, "#/room/{room:?}/{ord}"),
            Self::People { room } => write!(f, "#/room/{room:?}/members"),
            Self::Link { code, server: None } => write!(f, "#/link/{code}"),
            // Last, because it may contain slashes.
            Self::Link { code, server: Some(server) } => write!(f, "#/link/{code}/{server}"),
        }
    }
}

fn parse_room(text: &str) -> Option<RoomId> {
    if text == LOBBY {
        return Some(RoomId::LOBBY);
    }
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(RoomId(id))
}

/// An ord of 1 or more. Signs, which `parse` accepts, are invalid.
fn parse_ord(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|ord| is_number && *ord > 0)
}

/// Returns `true` for a text that a server may have given as a code: letters, digits, `-` and `_`.
fn is_code(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId([0xAB; 16]);

    #[test]
    fn routes_are_the_same_after_formatting_and_parsing() {
        let id = "ab".repeat(16);
        for (route, fragment) in [
            (Route::Rooms, "#/rooms".to_owned()),
            (Route::to_room(RoomId::LOBBY), "#/room/lobby".into()),
            (Route::Room { room: RoomId::LOBBY, at: Some(7) }, "#/room/lobby/7".into()),
            (Route::People { room: RoomId::LOBBY }, "#/room/lobby/members".into()),
            (Route::to_room(ROOM), format!("#/room/{id}")),
            (Route::Room { room: ROOM, at: Some(u64::MAX) }, format!("#/room/{id}/18446744073709551615")),
            (Route::People { room: ROOM }, format!("#/room/{id}/members")),
            (Route::Link { code: "a-Z_09".into(), server: None }, "#/link/a-Z_09".into()),
            (
                Route::Link { code: "a1".into(), server: Some("wss://chat.example.org/ws".into()) },
                "#/link/a1/wss://chat.example.org/ws".into(),
            ),
        ] {
            assert_eq!(route.to_string(), fragment);
            assert_eq!(Route::parse(&fragment), Some(route.clone()), "{fragment}");
            assert_eq!(Route::parse(&fragment[1..]), Some(route), "{fragment} without #");
        }
    }

    #[test]
    fn other_fragments_are_no_routes() {
        let id = "ab".repeat(16);
        for fragment in [
            "",
            "#",
            "#/",
            "#rooms",
            "#/rooms/",
            "#/rooms/lobby",
            "#/room",
            "#/room/",
            "#/room/lobby/",
            "#/room/lobby/0",
            "#/room/lobby/+1",
            "#/room/lobby/-1",
            "#/room/lobby/18446744073709551616",
            "#/room/lobby/members/1",
            "#/room/Lobby",
            &format!("#/room/{}", &id[1..]),
            &format!("#/room/{id}0"),
            &format!("#/room/{}g", &id[1..]),
            &format!("#/room/+{}", &id[1..]),
            &format!("#/room/{}ä", &id[2..]),
            "#/link",
            "#/link/",
            "#/link/a b",
            "#/link/a/",
            "#/link/%3Cb%3E",
        ] {
            assert_eq!(Route::parse(fragment), None, "{fragment}");
        }
    }

    #[test]
    fn room_ids_may_be_in_upper_case() {
        assert_eq!(Route::parse(&format!("#/room/{}", "AB".repeat(16))), Some(Route::to_room(ROOM)));
    }
}
