//! What the user chose, in the browser's local storage. Where that is forbidden, nothing is remembered and
//! everything else works.

use super::Remembered;

const NICK: &str = "parlour.nick";
const SERVER: &str = "parlour.server";
const LANGUAGE: &str = "parlour.language";
const THEME: &str = "parlour.theme";
const SCOPE: &str = "parlour.scope";

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

/// Where this page is logged in: kept over a reload, and for a page that is a copy of it.
#[must_use]
pub fn scope_of_page() -> Option<String> {
    of_page()?.get_item(SCOPE).ok()?.filter(|text| !text.is_empty())
}

/// Where the last page was logged in.
#[must_use]
pub fn last_scope() -> Option<String> {
    get(SCOPE)
}

/// Somebody was logged in here, and has not left.
#[must_use]
pub fn is_known() -> bool {
    scope_of_page().or_else(last_scope).is_some()
}

/// Remembers where this page is logged in.
pub fn remember_scope(scope: &str) {
    let _ = of_page().map(|storage| storage.set_item(SCOPE, scope));
    set(SCOPE, scope);
}

/// It is logged in nowhere any more.
pub fn forget_scope() {
    let _ = of_page().map(|storage| storage.remove_item(SCOPE));
    remove(SCOPE);
}

fn of_page() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok()?
}

/// Remembers a login. A server that is where the page came from is not written down, so that the page goes on
/// following config.json and its own address.
pub fn remember(login: &Remembered) {
    set(NICK, &login.nick);
    let own = parlour_core::address::suggested(&super::page::host(), super::page_is_secure());
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
