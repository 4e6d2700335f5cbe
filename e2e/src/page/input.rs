//! What a user does with mouse and keyboard.

use fantoccini::{Locator, elements::Element};
use serde_json::{Value, json};

use super::{DEADLINE, Page};
use crate::{browser::Browser, eventually::wait, view::View};

/// Keys as WebDriver encodes them.
pub mod keys {
    /// Enter.
    pub const ENTER: &str = "\u{E007}";
    /// Enter with Shift held down.
    pub const SHIFT_ENTER: &str = "\u{E008}\u{E007}\u{E000}";
    /// Escape.
    pub const ESCAPE: &str = "\u{E00C}";
    /// Tab.
    pub const TAB: &str = "\u{E004}";
    /// Tab with Shift held down.
    pub const SHIFT_TAB: &str = "\u{E008}\u{E004}\u{E000}";
    /// Home.
    pub const HOME: &str = "\u{E011}";
    /// End.
    pub const END: &str = "\u{E010}";
    /// Delete.
    pub const DELETE: &str = "\u{E017}";
    /// Arrow down.
    pub const DOWN: &str = "\u{E015}";

    /// Arrow left.
    pub const LEFT: &str = "\u{E012}";

    /// Arrow right.
    pub const RIGHT: &str = "\u{E014}";

    /// Arrow up.
    pub const UP: &str = "\u{E013}";

    /// A key pressed together with Alt.
    #[must_use]
    pub fn with_alt(key: &str) -> String {
        format!("\u{E00A}{key}\u{E000}")
    }

    /// A key pressed together with Alt and Shift.
    #[must_use]
    pub fn with_alt_shift(key: &str) -> String {
        format!("\u{E00A}\u{E008}{key}\u{E000}")
    }

    /// A key pressed together with Control and Shift.
    #[must_use]
    pub fn with_control_shift(key: &str) -> String {
        format!("\u{E009}\u{E008}{key}\u{E000}")
    }

    /// A key pressed together with Control.
    #[must_use]
    pub fn with_control(key: &str) -> String {
        format!("\u{E009}{key}\u{E000}")
    }
}

impl Page {
    /// Clicks on the first element that matches a selector, waiting until it exists.
    ///
    /// # Panics
    /// If it does not appear, or another element covers it.
    pub async fn click(&self, selector: &str) {
        let clicked = wait(DEADLINE, &format!("a click on {selector}"), async || {
            self.find(selector).await?.click().await.map_err(|e| e.to_string())
        })
        .await;
        self.or_fail(clicked).await;
    }

    /// Presses keys in the focused element.
    ///
    /// # Panics
    /// If no element has the focus.
    pub async fn press(&self, keys: &str) {
        let focused = self.client().active_element().await.expect("an element has the focus");
        focused.send_keys(keys).await.expect("press keys");
    }

    /// Inserts text into the focused element at once, as an input method does. Supports all characters.
    ///
    /// # Panics
    /// If no text field has the focus.
    pub async fn type_text(&self, text: &str) {
        match self.browser() {
            Browser::Chromium => drop(self.devtools("Input.insertText", json!({ "text": text })).await),
            Browser::Firefox => {
                let script = "return document.execCommand('insertText', false, arguments[0])";
                assert!(self.eval::<bool>(script, vec![text.into()]).await, "insert {text:.40}");
            }
        }
    }

    /// Replaces the text of a field.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        let script = "const e = document.querySelector(arguments[0]); e.focus(); e.select();";
        self.eval::<()>(script, vec![selector.into()]).await;
        if text.is_empty() {
            // Delete.
            self.press("\u{E017}").await;
        } else {
            self.type_text(text).await;
        }
    }

    /// Chooses a value of a `select`, or of a group of radio buttons or buttons inside the selected element.
    pub async fn choose(&self, selector: &str, value: &str) {
        let script = r"
            const [selector, value] = arguments;
            const menu = document.querySelector(selector);
            if (!menu) return `${selector} does not exist`;
            if (menu.tagName === 'SELECT') {
                if (![...menu.options].some((option) => option.value === value)) return menu.outerHTML;
                menu.value = value;
                menu.dispatchEvent(new Event('input', { bubbles: true }));
                menu.dispatchEvent(new Event('change', { bubbles: true }));
                return true;
            }
            const choice = menu.querySelector(`[value='${value}'], [data-value='${value}']`);
            if (!choice) return menu.outerHTML;
            choice.click();
            return true;
        ";
        let chosen: Value = self.eval(script, vec![selector.into(), value.into()]).await;
        assert_eq!(chosen, Value::Bool(true), "choose {value} in {selector}");
    }

    /// Types into the composer and presses Enter.
    pub async fn send(&self, text: &str) {
        self.fill("#composer-text", text).await;
        self.press(keys::ENTER).await;
    }

    /// Sends a message, and waits until the server has acknowledged it and the composer is empty.
    pub async fn send_and_wait(&self, text: &str) {
        self.send(text).await;
        let sent = |view: &View| view.has_sent(text) && view.composer.as_deref() == Some("");
        self.until(&format!("own message {:.40} is sent", text), sent).await;
    }

    async fn find(&self, selector: &str) -> Result<Element, String> {
        self.client().find(Locator::Css(selector)).await.map_err(|e| e.to_string())
    }
}
