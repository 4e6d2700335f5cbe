//! The search panel.

use super::Page;

/// The texts of the results as shown, with marked words in brackets.
const RESULTS: &str = r"
    const text = (node) => node.nodeName === 'MARK' ? `[${node.textContent}]` : node.textContent;
    return [...document.querySelectorAll('#search .result-text')].map((e) => [...e.childNodes].map(text).join(''));
";

impl Page {
    /// Opens the search panel, and waits until its field has the focus.
    pub async fn open_search(&self) {
        self.click("#search-toggle").await;
        self.until_focused("search-words").await;
    }

    /// Waits until the panel shows these results, with the words searched for in brackets.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_found(&self, expected: &[&str]) {
        let expected = serde_json::to_string(expected).unwrap();
        let script = format!(
            "const found = (() => {{ {RESULTS} }})(); return JSON.stringify(found) === JSON.stringify({expected}) || found"
        );
        self.until_true(&format!("{expected} is found"), &script).await;
    }

    /// Waits until the panel says this about the search.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_search_state(&self, words: &str) {
        let script = "const state = document.querySelector('#search-state').textContent; return state === WORDS || state";
        let script = script.replace("WORDS", &serde_json::to_string(words).unwrap());
        self.until_true(&format!("the state of the search is {words}"), &script).await;
    }
}
