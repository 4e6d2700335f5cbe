//! What a change of the screen does to the browser's history. In a narrow viewport the screens are above each other, room
//! list, room and people, and going back leads to the one below. In a wide viewport going back leads to the last room.

use crate::ctrl::Route;

/// A step in the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Goes back to the entry before.
    Back,
    /// Adds an entry; `above_parent` if the one before it is the screen that it belongs to.
    Push { above_parent: bool },
    /// Replaces the current entry.
    Replace { above_parent: bool },
}

/// The step from a screen to another one. `above_parent` is that of the current entry.
pub fn step(from: &Route, to: &Route, narrow: bool, above_parent: bool) -> Step {
    if parent(to).as_ref().is_some_and(|parent| is_same_screen(parent, from)) {
        return Step::Push { above_parent: true };
    }
    let is_to_parent = parent(from).as_ref().is_some_and(|parent| is_same_screen(parent, to));
    match (from, to) {
        _ if is_to_parent && above_parent && narrow => Step::Back,
        // The way back from another room is the same as from this one.
        (Route::Room { .. }, Route::Room { .. }) if narrow => Step::Replace { above_parent },
        _ if narrow => Step::Replace { above_parent: false },
        _ => Step::Push { above_parent: false },
    }
}

/// The screen below another one.
pub fn parent(route: &Route) -> Option<Route> {
    match route {
        Route::Rooms | Route::Link { .. } => None,
        Route::Room { .. } => Some(Route::Rooms),
        Route::People { room } => Some(Route::to_room(*room)),
    }
}

/// Returns `true` for routes that differ at most in the message to scroll to.
pub fn is_same_screen(one: &Route, other: &Route) -> bool {
    match (one, other) {
        (Route::Room { room, .. }, Route::Room { room: other, .. }) => room == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use parlour_core::model::RoomId;

    use super::*;

    fn room(n: u8) -> Route {
        Route::to_room(RoomId([n; 16]))
    }

    fn people(n: u8) -> Route {
        Route::People { room: RoomId([n; 16]) }
    }

    #[test]
    fn narrow_screens_are_above_each_other() {
        let push = Step::Push { above_parent: true };
        for (from, to, expected) in [
            (Route::Rooms, room(1), push),
            (room(1), people(1), push),
            (people(1), room(1), Step::Back),
            (room(1), Route::Rooms, Step::Back),
            (room(1), room(2), Step::Replace { above_parent: true }),
            (people(1), Route::Rooms, Step::Replace { above_parent: false }),
            (people(1), room(2), Step::Replace { above_parent: false }),
        ] {
            assert_eq!(step(&from, &to, true, true), expected, "{from} to {to}");
        }
    }

    #[test]
    fn screen_below_takes_the_place_of_one_that_was_opened_first() {
        let replace = Step::Replace { above_parent: false };
        assert_eq!(step(&room(1), &Route::Rooms, true, false), replace);
        assert_eq!(step(&people(1), &room(1), true, false), replace);
        assert_eq!(step(&room(1), &room(2), true, false), replace);
    }

    #[test]
    fn wide_viewport_goes_back_to_the_last_room() {
        let push = Step::Push { above_parent: false };
        for above_parent in [false, true] {
            assert_eq!(step(&room(1), &room(2), false, above_parent), push);
            assert_eq!(step(&room(1), &Route::Rooms, false, above_parent), push);
        }
        assert_eq!(step(&Route::Rooms, &room(1), false, false), Step::Push { above_parent: true });
    }

    #[test]
    fn message_to_scroll_to_does_not_make_another_screen() {
        let at = Route::Room { room: RoomId([1; 16]), at: Some(7) };
        assert_eq!(step(&people(1), &at, true, true), Step::Back);
        assert!(is_same_screen(&room(1), &at));
        assert!(!is_same_screen(&room(2), &at));
    }
}
