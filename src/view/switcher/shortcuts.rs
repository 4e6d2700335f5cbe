//! The keys that lead to other rooms: Alt+Up and Alt+Down to the room above and below, with Shift to the next one with
//! something unread; Ctrl+K, on a Mac Command+K, to one by its name.

use leptos::{
    ev::{self, KeyboardEvent},
    prelude::*,
};
use parlour_core::client::account::Direction;

use super::SwitcherState;
use crate::{
    ctrl::Store,
    view::{screens::Screens, shared::event},
};

/// What a key press does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortcut {
    Switcher,
    Neighbour(Direction),
    Unread(Direction),
}

/// The modifiers of a key press.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Modifiers {
    alt: bool,
    shift: bool,
    /// Command on a Mac, Control elsewhere, and not both.
    command: bool,
    /// Control or Command.
    any_command: bool,
}

impl Modifiers {
    fn of(event: &KeyboardEvent, is_mac: bool) -> Self {
        let (control, command) = (event.ctrl_key(), event.meta_key());
        Self {
            alt: event.alt_key(),
            shift: event.shift_key(),
            command: if is_mac { command && !control } else { control && !command },
            any_command: control || command,
        }
    }
}

/// Handles the keys until the current owner is disposed of.
pub fn listen(store: Store, screens: Screens, switcher: SwitcherState) {
    // There Control+K deletes the rest of a line.
    let is_mac = window().navigator().platform().is_ok_and(|platform| is_mac(&platform));
    let listener = window_event_listener(ev::keydown, move |event| {
        let shortcut = shortcut(&event::key(&event), Modifiers::of(&event, is_mac));
        let Some(shortcut) = shortcut.filter(|_| !event::is_composing(&event)) else { return };
        let in_dialog = document().query_selector("dialog[open]").is_ok_and(|dialog| dialog.is_some());
        if untrack(|| !store.has_rooms()) || in_dialog && !switcher.is_open_untracked() {
            return;
        }
        event.prevent_default();
        match shortcut {
            Shortcut::Switcher => switcher.toggle(),
            _ if in_dialog => {}
            Shortcut::Neighbour(direction) => go(store, screens, direction, false),
            Shortcut::Unread(direction) => go(store, screens, direction, true),
        }
    });
    on_cleanup(move || listener.remove());
}

fn go(store: Store, screens: Screens, direction: Direction, unread: bool) {
    let from = untrack(|| screens.room());
    let next = store.with_state(|state| {
        let account = state.account();
        if unread { account.next_unread(from, direction) } else { account.neighbour(from, direction) }
    });
    if let Some(room) = next.flatten() {
        screens.show_room(room);
    }
}

/// Returns `true` if the keyboard of a platform has a Command key.
pub fn is_mac(platform: &str) -> bool {
    platform.starts_with("Mac") || platform.starts_with("iP")
}

fn shortcut(key: &str, modifiers: Modifiers) -> Option<Shortcut> {
    let Modifiers { alt, shift, command, any_command } = modifiers;
    let direction = match key {
        "ArrowUp" => Direction::Previous,
        "ArrowDown" => Direction::Next,
        _ => {
            let is_switcher = key.eq_ignore_ascii_case("k") && command && !alt && !shift;
            return is_switcher.then_some(Shortcut::Switcher);
        }
    };
    match (alt && !any_command, shift) {
        (false, _) => None,
        (true, false) => Some(Shortcut::Neighbour(direction)),
        (true, true) => Some(Shortcut::Unread(direction)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Modifiers = Modifiers { alt: false, shift: false, command: false, any_command: false };
    const ALT: Modifiers = Modifiers { alt: true, ..NONE };
    const COMMAND: Modifiers = Modifiers { command: true, any_command: true, ..NONE };

    #[test]
    fn command_key_belongs_to_the_keyboards_of_one_maker() {
        for (platform, expected) in [
            ("MacIntel", true),
            ("iPad", true),
            ("iPhone", true),
            ("Win32", false),
            ("Linux x86_64", false),
            ("", false),
        ] {
            assert_eq!(is_mac(platform), expected, "{platform}");
        }
    }

    #[test]
    fn keys_with_exactly_their_modifiers_are_shortcuts() {
        for (key, modifiers, expected) in [
            ("ArrowUp", ALT, Some(Shortcut::Neighbour(Direction::Previous))),
            ("ArrowDown", ALT, Some(Shortcut::Neighbour(Direction::Next))),
            ("ArrowDown", Modifiers { shift: true, ..ALT }, Some(Shortcut::Unread(Direction::Next))),
            ("ArrowDown", NONE, None),
            ("ArrowDown", Modifiers { shift: true, ..NONE }, None),
            ("ArrowDown", Modifiers { alt: true, ..COMMAND }, None),
            ("ArrowDown", Modifiers { any_command: true, ..ALT }, None),
            ("k", COMMAND, Some(Shortcut::Switcher)),
            ("K", COMMAND, Some(Shortcut::Switcher)),
            ("k", NONE, None),
            ("k", Modifiers { shift: true, ..COMMAND }, None),
            ("k", Modifiers { alt: true, ..COMMAND }, None),
            // Both Control and Command.
            ("k", Modifiers { any_command: true, ..NONE }, None),
            ("j", COMMAND, None),
        ] {
            assert_eq!(shortcut(key, modifiers), expected, "{key} {modifiers:?}");
        }
    }
}
