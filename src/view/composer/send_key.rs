//! Decides whether a key press sends the message. The Enter that only ends a composition of an input method must never
//! send; browsers report it in three different ways.
//!
//! Not every Enter can be recognised as a key press. Keyboards of phones and Korean input methods end the composition and
//! insert a line break with the same Enter, which is reported as a key of the input method. The browser announces the line
//! break then; it announces none for an Enter that only chooses a candidate of a Chinese or Japanese input method.

/// The relevant properties of a `keydown` event, and the time of the last `compositionend`.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyPress<'a> {
    /// `KeyboardEvent.key`.
    pub key: &'a str,
    /// Shift or another modifier is pressed, which gives Enter another meaning.
    pub modified: bool,
    /// `KeyboardEvent.isComposing`.
    pub is_composing: bool,
    /// `KeyboardEvent.keyCode`: 229 for a key that the input method handles.
    pub key_code: u32,
    /// `Event.timeStamp` of the key press.
    pub at_ms: f64,
    /// `Event.timeStamp` of the last `compositionend`, if any.
    pub composition_ended_ms: Option<f64>,
}

/// A key press this soon after `compositionend` is the one that ended the composition.
const SAME_PRESS_MS: f64 = 20.0;

/// Returns `true` if this key press sends the message.
///
/// Chromium and Firefox report the Enter while composing and end the composition afterwards. Safari ends it first and
/// then reports the Enter, without `isComposing` and, in some versions, without key code 229; it can only be recognised by
/// its time. The time stamp is that of the physical key press, so on a busy page it can even precede the `compositionend`
/// that it caused.
pub fn is_send_key(press: KeyPress<'_>) -> bool {
    press.key == "Enter" && !press.modified && !is_of_composition(press)
}

/// Returns `true` if a key press belongs to a composition.
pub fn is_of_composition(press: KeyPress<'_>) -> bool {
    let ended_by_this = press.composition_ended_ms.is_some_and(|end| press.at_ms - end < SAME_PRESS_MS);
    press.is_composing || press.key_code == 229 || ended_by_this
}

/// Returns `true` if a change that the browser announces with `beforeinput` is an Enter that sends the message. It is
/// not if the last key press had a modifier (`modified`): then the user wants a line break.
pub fn sends_line_break(input_type: &str, modified: bool) -> bool {
    input_type == "insertLineBreak" && !modified
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTER: KeyPress<'_> = KeyPress {
        key: "Enter",
        modified: false,
        is_composing: false,
        key_code: 13,
        at_ms: 1000.0,
        composition_ended_ms: None,
    };

    #[test]
    fn only_plain_enter_sends() {
        assert!(is_send_key(ENTER));
        assert!(!is_send_key(KeyPress { key: "a", ..ENTER }));
        assert!(!is_send_key(KeyPress { modified: true, ..ENTER }), "a new line");
    }

    #[test]
    fn enter_that_ends_a_composition_does_not_send() {
        assert!(!is_send_key(KeyPress { is_composing: true, key_code: 229, ..ENTER }), "Chromium, Firefox");
        assert!(!is_send_key(KeyPress { key_code: 229, ..ENTER }), "Safari");
        for end in [999.0, 1000.0, 1008.0] {
            let press = KeyPress { composition_ended_ms: Some(end), ..ENTER };
            assert!(!is_send_key(press), "Safari, composition ended at {end}");
        }
    }

    #[test]
    fn line_break_sends_unless_it_is_wanted() {
        assert!(sends_line_break("insertLineBreak", false));
        assert!(!sends_line_break("insertLineBreak", true), "Shift+Enter");
        assert!(!sends_line_break("insertText", false));
    }

    #[test]
    fn enter_after_a_composition_sends() {
        assert!(is_send_key(KeyPress { composition_ended_ms: Some(900.0), ..ENTER }));
    }
}
