//! The user's choices, in the browser's local storage. If the browser forbids it, nothing is remembered; everything
//! else works.

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

/// The scope that this tab is logged in to. Survives a reload, and is copied when the tab is duplicated.
#[must_use]
pub fn tab_scope() -> Option<String> {
    session_storage()?.get_item(SCOPE).ok()?.filter(|text| !text.is_empty())
}

/// The scope that the last tab was logged in to.
#[must_use]
pub fn last_scope() -> Option<String> {
    get(SCOPE)
}

/// Whether a user logged in on this device and has not logged out.
#[must_use]
pub fn has_session() -> bool {
    tab_scope().or_else(last_scope).is_some()
}

/// Remembers the scope that this tab is logged in to.
pub fn remember_scope(scope: &str) {
    let _ = session_storage().map(|storage| storage.set_item(SCOPE, scope));
    set(SCOPE, scope);
}

/// Removes the scope after a logout.
pub fn forget_scope() {
    let _ = session_storage().map(|storage| storage.remove_item(SCOPE));
    remove(SCOPE);
}

/// Remembers the values of a login. A server that is the page's own host is not stored, so that later changes of
/// config.json and of the page's address take effect.
pub fn remember(login: &Remembered) {
    set(NICK, &login.nick);
    let own = parlour_core::address::suggested(&super::page_address());
    if login.server == own { remove(SERVER) } else { set(SERVER, &login.server) }
}

/// Remembers the language.
pub fn remember_language(tag: &str) {
    set(LANGUAGE, tag);
}

/// Remembers the colour scheme.
pub fn remember_theme(theme: &str) {
    set(THEME, theme);
}

fn local_storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn session_storage() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok()?
}

fn get(key: &str) -> Option<String> {
    local_storage()?.get_item(key).ok()?.filter(|text| !text.is_empty())
}

fn set(key: &str, value: &str) {
    // If the storage is full or forbidden, only a convenience is lost.
    let _ = local_storage().map(|storage| storage.set_item(key, value));
}

fn remove(key: &str) {
    let _ = local_storage().map(|storage| storage.remove_item(key));
}
