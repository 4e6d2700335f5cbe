//! Upper and lower case by the browser's Unicode tables. Those of the standard library would be 9 KB of the download.

use js_sys::JsString;
use parlour_core::validate::half_width;

/// The upper case of a character.
pub fn to_uppercase(c: char) -> String {
    match c {
        _ if c.is_ascii() => c.to_ascii_uppercase().into(),
        // Unit tests run without a browser.
        _ if cfg!(not(target_arch = "wasm32")) => c.to_uppercase().collect(),
        _ => JsString::from(String::from(c)).to_upper_case().into(),
    }
}

/// The key by which nicks are compared, as [`parlour_core::validate::nick_key`] makes it.
pub fn nick_key(nick: &str) -> String {
    nick.chars().map(half_width).fold(String::new(), |mut key, c| {
        match c {
            _ if c.is_ascii() => key.push(c.to_ascii_lowercase()),
            // CJK ideographs and Hangul have no case.
            '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7FF}' => key.push(c),
            _ if cfg!(not(target_arch = "wasm32")) => key.extend(c.to_lowercase()),
            // Not the whole text at once: a final sigma would be lowered in another way.
            _ => key.push_str(&String::from(JsString::from(String::from(c)).to_lower_case())),
        }
        key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nick_keys_are_those_of_core() {
        for nick in ["Tom", "ｔＯＭ", "ΟΔΟΣ", "李丽", "İ", "Ёлка", "한국", ""] {
            assert_eq!(nick_key(nick), parlour_core::validate::nick_key(nick));
        }
    }
}
