//! What a screen reader announces: the changes of live regions.

use serde_json::Value;

use super::Page;

const RECORD: &str = r"
    const region = document.querySelector(arguments[0]);
    const texts = (window.announced ??= {})[arguments[0]] = [];
    new MutationObserver(() => region.textContent.trim() && texts.push(region.textContent.trim()))
        .observe(region, { childList: true, characterData: true, subtree: true });
";

impl Page {
    /// Records the text of a live region whenever its content changes. The region has to exist.
    pub async fn record_announcements(&self, selector: &str) {
        self.eval::<()>(RECORD, vec![selector.into()]).await;
    }

    /// The texts of a live region since [`Self::record_announcements`].
    pub async fn announcements(&self, selector: &str) -> Vec<String> {
        self.eval("return window.announced[arguments[0]]", vec![selector.into()]).await
    }

    /// Waits until a live region has announced a line this many times.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_announced(&self, selector: &str, line: &str, times: usize) {
        let [selector, line] = [selector, line].map(Value::from);
        let script = format!(
            "const texts = window.announced[{selector}];
             return texts.filter((text) => text.split('\\n').includes({line})).length === {times} || texts"
        );
        self.until_true(&format!("{line} was announced {times} times"), &script).await;
    }
}
