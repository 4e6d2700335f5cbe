//! The available languages, and the choice of the one that best matches the user's preferences.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::{guarded::get, texts::LANGUAGES};

/// A language that the page has a translation for. The default is English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Locale(usize);

impl Locale {
    /// English, which is compiled in.
    pub(super) const ENGLISH: Locale = Locale(0);

    /// All languages, in the order of the language menu.
    pub const ALL: [Locale; LANGUAGES.len()] = {
        let mut all = [Self::ENGLISH; LANGUAGES.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = Locale(at);
            at += 1;
        }
        all
    };

    /// The language's name in itself, for the language menu.
    #[must_use]
    pub fn name(self) -> &'static str {
        LANGUAGES[self.0].1
    }

    /// The BCP 47 tag, for the `lang` attribute, for storage, and as the name of the language file.
    #[must_use]
    pub fn tag(self) -> &'static str {
        LANGUAGES[self.0].0
    }

    /// The language that fits a BCP 47 tag best; `None` if there is no translation into that language.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        closest(&LANGUAGES.map(|(tag, _)| tag), tag).map(Locale)
    }

    /// The language for the browser's list of preferred languages.
    #[must_use]
    pub fn of_browser() -> Self {
        browser_tags().iter().find_map(|tag| Self::from_tag(tag)).unwrap_or_default()
    }

    /// The tags for the formatting of dates, numbers and lists, best first: the browser's own varieties of the language, such
    /// as British English, and the tag of the translation. Those of the browser may not be well-formed.
    pub(super) fn formatting_tags(self) -> Vec<String> {
        let mut tags = browser_tags();
        tags.retain(|tag| Self::from_tag(tag) == Some(self));
        tags.push(self.tag().to_owned());
        tags
    }
}

/// The user's preferred languages, best first. A browser may be configured with tags that are not well-formed, such as
/// `en-US@posix`, and `navigator.languages` may be missing.
fn browser_tags() -> Vec<String> {
    let navigator = web_sys::window().map(|window| window.navigator());
    let property = |name| navigator.as_ref().and_then(|navigator| get(navigator, name));
    let languages = property("languages").filter(Array::is_array).map(JsCast::unchecked_into::<Array>);
    let languages = languages.into_iter().flat_map(|list| list.to_vec()).chain(property("language"));
    languages.filter_map(|tag: JsValue| tag.as_string()).collect()
}

/// The position of the tag that is closest to the wanted one: the same tag, else the longest one that it begins with, else
/// any tag of the same language.
pub(super) fn closest(tags: &[&str], wanted: &str) -> Option<usize> {
    // Systems append the encoding and a variant, as in `zh_CN.UTF-8` and `en-US@posix`.
    let wanted = wanted.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    let mut shortened = wanted.as_str();
    loop {
        if let Some(at) = tags.iter().position(|tag| tag.eq_ignore_ascii_case(shortened)) {
            return Some(at);
        }
        let Some((shorter, _)) = shortened.rsplit_once('-') else { break };
        shortened = shorter;
    }
    let language = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    tags.iter().position(|tag| language(tag) == language(&wanted))
}
