//! The emoji that were picked last, of each account, and the skin tone, on the device.

use super::table::TONES;
use crate::{config, ctrl::Store};

/// The most emoji that are remembered.
const MAX_RECENT: usize = 24;

/// The emoji that the account has picked last, the last one first.
pub fn recent(store: Store) -> Vec<String> {
    let stored = account(store).and_then(|account| config::recent_emoji(&account));
    stored.unwrap_or_default().split_whitespace().take(MAX_RECENT).map(str::to_owned).collect()
}

/// Remembers a picked emoji. A basic server has no accounts, so nothing is remembered there.
pub fn add_recent(store: Store, emoji: &str) {
    if let Some(account) = account(store) {
        config::remember_recent_emoji(&account, &with_first(&recent(store), emoji).join(" "));
    }
}

/// The skin tone that was chosen on this device; 0 for none.
pub fn tone() -> usize {
    config::emoji_tone().and_then(|tone| tone.parse().ok()).filter(|tone| *tone <= TONES).unwrap_or(0)
}

/// The id of the account.
fn account(store: Store) -> Option<String> {
    store.with_state(|state| state.me())?.map(|me| format!("{me:?}"))
}

/// The list with an emoji at its beginning, once.
fn with_first<'a>(recent: &'a [String], emoji: &'a str) -> Vec<&'a str> {
    let others = recent.iter().map(String::as_str).filter(|other| *other != emoji);
    std::iter::once(emoji).chain(others).take(MAX_RECENT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_emoji_is_the_first_and_the_list_is_short() {
        let mut recent = Vec::new();
        let add = |recent: &mut Vec<String>, emoji: &str| {
            *recent = with_first(recent, emoji).into_iter().map(str::to_owned).collect();
        };
        for emoji in ["😀", "👍🏽", "😀"] {
            add(&mut recent, emoji);
        }
        assert_eq!(recent, ["😀", "👍🏽"]);
        for number in 0..30 {
            add(&mut recent, &number.to_string());
        }
        assert_eq!(recent.len(), MAX_RECENT);
        assert_eq!((recent[0].as_str(), recent[23].as_str()), ("29", "6"));
    }
}
