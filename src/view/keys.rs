//! Which key press sends. An input method uses Enter to take a word, and that Enter must never send; browsers
//! tell of it in three different ways.

/// What a `keydown` says, and when the last composition ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyPress<'a> {
    /// `KeyboardEvent.key`.
    pub key: &'a str,
    /// Shift, or another key that changes what Enter does, is held.
    pub modified: bool,
    /// `KeyboardEvent.isComposing`.
    pub is_composing: bool,
    /// `KeyboardEvent.keyCode`: 229 for a key that an input method has taken.
    pub key_code: u32,
    /// The time stamp of the event, in ms.
    pub at: f64,
    /// The time stamp of the last `compositionend`, if there was one.
    pub composition_ended: Option<f64>,
}

/// The end of a composition and the key press that ended it are this close together, in ms.
const SAME_PRESS: f64 = 20.0;

/// Whether this key press sends the message.
///
/// Chromium and Firefox press Enter while composing, and the composition ends afterwards. Safari ends it first
/// and presses Enter then, without `isComposing` and, in some versions, without 229; there only the time tells. A
/// press has the time of the key going down, so on a busy page it can even lie before the end it caused.
pub fn should_send(press: KeyPress<'_>) -> bool {
    let ended_by_this = press.composition_ended.is_some_and(|end| press.at - end < SAME_PRESS);
    press.key == "Enter" && !press.modified && !press.is_composing && press.key_code != 229 && !ended_by_this
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTER: KeyPress<'_> = KeyPress {
        key: "Enter",
        modified: false,
        is_composing: false,
        key_code: 13,
        at: 1000.0,
        composition_ended: None,
    };

    #[test]
    fn enter_sends_and_nothing_else_does() {
        assert!(should_send(ENTER));
        assert!(!should_send(KeyPress { key: "a", ..ENTER }));
        assert!(!should_send(KeyPress { modified: true, ..ENTER }), "a new line");
    }

    #[test]
    fn an_enter_that_takes_a_word_never_sends() {
        assert!(!should_send(KeyPress { is_composing: true, key_code: 229, ..ENTER }), "Chromium, Firefox");
        assert!(!should_send(KeyPress { key_code: 229, ..ENTER }), "Safari");
        for end in [999.0, 1000.0, 1008.0] {
            let press = KeyPress { composition_ended: Some(end), ..ENTER };
            assert!(!should_send(press), "Safari, the end at {end}");
        }
    }

    #[test]
    fn the_enter_after_it_sends() {
        assert!(should_send(KeyPress { composition_ended: Some(900.0), ..ENTER }));
    }
}
