//! Folding names for comparison, by the browser's Unicode tables. Those of the standard library would be 9 KB of the
//! download.

use js_sys::JsString;
use parlour_core::validate::half_width;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = JsString)]
    type Text;
    #[wasm_bindgen(method)]
    fn normalize(this: &Text, form: &str) -> JsString;
}

/// A name without case, width and accents.
pub fn fold(name: &str) -> String {
    let name: String = name.chars().map(half_width).collect();
    if name.is_ascii() || cfg!(not(target_arch = "wasm32")) {
        // Unit tests run without a browser.
        return name.to_ascii_lowercase();
    }
    use wasm_bindgen::JsCast;
    let text: Text = JsString::from(name).unchecked_into();
    let decomposed = String::from(text.normalize("NFD").to_lower_case());
    // Combining diacritical marks.
    decomposed.chars().filter(|c| !('\u{300}'..='\u{36F}').contains(c)).collect()
}
