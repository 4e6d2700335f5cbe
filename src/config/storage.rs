//! The user's choices, and changes of messages that are not confirmed, in the browser's local storage. If the browser forbids it,
//! nothing is remembered; everything else works as long as the page is open.

use super::Remembered;

const NICK: &str = "parlour.nick";
const SERVER: &str = "parlour.server";
const LANGUAGE: &str = "parlour.language";
const THEME: &str = "parlour.theme";
const SCOPE: &str = "parlour.scope";
const EMOJI_TONE: &str = "parlour.emoji_tone";
const TAB: &str = "parlour.tab";
/// The beginning of the keys of the emoji that an account has picked last.
const RECENT_EMOJI: &str = "parlour.emoji\n";
/// The beginning of the keys of changes of messages.
const CHANGES: &str = "parlour.change\n";
/// The beginning of the keys of the table of scopes. Each row has a key of its own, so tabs never overwrite each other's rows.
const SCOPES: &str = "parlour.account\n";

pub(super) fn nick() -> Option<String> {
    typed(NICK).or_else(|| get(NICK))
}

pub(super) fn server() -> Option<String> {
    typed(SERVER).or_else(|| get(SERVER))
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

/// Returns `true` if a user logged in on this device and has not logged out.
#[must_use]
pub fn has_session() -> bool {
    tab_scope().or_else(last_scope).is_some()
}

/// Remembers the scope that this tab is logged in to.
pub fn remember_scope(scope: &str) {
    let _ = session_storage().map(|storage| storage.set_item(SCOPE, scope));
    set(SCOPE, scope);
}

/// Removes the scope after a logout. That of another tab, which is logged in to another one, stays the last one.
pub fn forget_scope(scope: &str) {
    let _ = session_storage().map(|storage| storage.remove_item(SCOPE));
    if last_scope().as_deref() == Some(scope) {
        remove(SCOPE);
    }
}

/// The rows of the table of scopes: the accounts that use this device, each with the name of its scope.
#[must_use]
pub fn scope_rows() -> Vec<(String, String)> {
    rows(SCOPES)
}

/// The rows whose keys begin with this, each with the rest of its key.
fn rows(prefix: &str) -> Vec<(String, String)> {
    let Some(storage) = local_storage() else { return Vec::new() };
    let keys = (0..storage.length().unwrap_or(0)).filter_map(|at| storage.key(at).ok().flatten());
    let rows = keys.filter_map(|key| {
        let rest = key.strip_prefix(prefix)?.to_owned();
        Some((rest, storage.get_item(&key).ok()??))
    });
    rows.collect()
}

/// The changes of messages by the account with this id that no server has confirmed.
#[must_use]
pub fn changes(account: &str) -> Vec<String> {
    rows(&format!("{CHANGES}{account}\n")).into_iter().map(|(_, value)| value).collect()
}

/// Writes the change of a message with this id, by an account, or deletes it.
pub fn write_change(account: &str, id: &str, value: Option<&str>) {
    let key = format!("{CHANGES}{account}\n{id}");
    match value {
        Some(value) => set(&key, value),
        None => remove(&key),
    }
}

/// Deletes the changes of an account that has logged out, and the emoji that it has picked.
pub fn forget_account(account: &str) {
    remove(&[RECENT_EMOJI, account].concat());
    let prefix = format!("{CHANGES}{account}\n");
    rows(&prefix).into_iter().for_each(|(id, _)| remove(&[&prefix, &*id].concat()));
}

/// The emoji that an account has picked last, divided by spaces.
#[must_use]
pub fn recent_emoji(account: &str) -> Option<String> {
    get(&[RECENT_EMOJI, account].concat())
}

/// Remembers the emoji that an account has picked last.
pub fn remember_recent_emoji(account: &str, emoji: &str) {
    set(&[RECENT_EMOJI, account].concat(), emoji);
}

/// The number of the skin tone of emoji.
#[must_use]
pub fn emoji_tone() -> Option<String> {
    get(EMOJI_TONE)
}

/// Remembers the number of the skin tone of emoji.
pub fn remember_emoji_tone(tone: &str) {
    set(EMOJI_TONE, tone);
}

/// Writes a row of the table of scopes, or deletes it.
pub fn write_scope_row(scope: &str, value: Option<&str>) {
    let key = [SCOPES, scope].concat();
    match value {
        Some(value) => set(&key, value),
        None => remove(&key),
    }
}

/// Takes the id that [`keep_tab_id`] has kept in this tab.
#[must_use]
pub fn take_tab_id() -> Option<String> {
    let storage = session_storage()?;
    let id = storage.get_item(TAB).ok()?;
    storage.remove_item(TAB).ok()?;
    id
}

/// Keeps the tab's id while its page is replaced. It is not stored longer, because a duplicated tab gets a copy.
pub fn keep_tab_id(id: &str) {
    let _ = session_storage().map(|storage| storage.set_item(TAB, id));
}

/// Remembers the values of a login. A server that is the page's own host is not stored, so that later changes of
/// config.json and of the page's address take effect.
pub fn remember(login: &Remembered) {
    for key in [NICK, SERVER] {
        let _ = session_storage().map(|storage| storage.remove_item(key));
    }
    set(NICK, &login.nick);
    let own = parlour_core::address::suggested(&super::page_address());
    if login.server == own { remove(SERVER) } else { set(SERVER, &login.server) }
}

/// Keeps what is typed into a field of the login form, `nick` or `server`, until this tab logs in or is closed. So it
/// survives a reload.
pub fn keep_typed(field: &str, text: &str) {
    let _ = session_storage().map(|storage| storage.set_item(&format!("parlour.{field}"), text));
}

fn typed(key: &str) -> Option<String> {
    session_storage()?.get_item(key).ok()?.filter(|text| !text.is_empty())
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
    // If the storage is full or forbidden, it works as long as the page is open.
    let _ = local_storage().map(|storage| storage.set_item(key, value));
}

fn remove(key: &str) {
    let _ = local_storage().map(|storage| storage.remove_item(key));
}
