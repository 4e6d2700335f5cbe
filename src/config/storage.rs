//! What the user chose, in the browser's local storage. Where that is forbidden, nothing is remembered and
//! everything else works.

use super::Remembered;

const NICK: &str = "parlour.nick";
const SERVER: &str = "parlour.server";
const LANGUAGE: &str = "parlour.language";
const THEME: &str = "parlour.theme";

pub(super) fn nick() -> Option<String> {
    get(NICK)
}

pub(super) fn server() -> Option<String> {
    get(SERVER)
}

pub(super) fn language() -> Option<String> {
    get(LANGUAGE)
}

pub(super) fn theme() -> Option<String> {
    get(THEME)
}

/// Remembers a login. A server that is where the page came from is not written down, so that the page goes on
/// following config.json and its own address.
pub fn remember(login: &Remembered) {
    set(NICK, &login.nick);
    let own = parlour_core::address::of_page(&super::page::host(), super::page_is_secure());
    if login.server == own { remove(SERVER) } else { set(SERVER, &login.server) }
}

/// Remembers the language.
pub fn remember_language(tag: &str) {
    set(LANGUAGE, tag);
}

/// Remembers light or dark.
pub fn remember_theme(theme: &str) {
    set(THEME, theme);
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?.filter(|text| !text.is_empty())
}

fn set(key: &str, value: &str) {
    // A full or forbidden storage costs a convenience, nothing else.
    let _ = storage().map(|storage| storage.set_item(key, value));
}

fn remove(key: &str) {
    let _ = storage().map(|storage| storage.remove_item(key));
}
