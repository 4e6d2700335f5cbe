//! Drafts: what was typed into the composer and not sent.
//!
//! Each tab has a draft of its own, so two tabs never overwrite each other's. A tab that is opened takes over the drafts
//! of tabs that were closed. Drafts are not deleted by a logout: whoever logs in again with the nick finds them.
//!
//! They are values of the table `Account` in a scope of their own ([`scope`]), by the id of their tab.

use bytes::Bytes;
use prost::Message as _;

use super::{Change, Table};
use crate::device;

/// The scope in which the drafts of a user's [`scope`](super::scope) are stored.
#[must_use]
pub fn scope(user: &str) -> String {
    format!("{user}\ndrafts")
}

/// The change that stores the draft of a tab, or deletes it if it is empty.
#[must_use]
pub fn save(tab: &str, text: &str, time: i64) -> Change {
    let key = Bytes::copy_from_slice(tab.as_bytes());
    if text.is_empty() {
        return Change::Delete(Table::Account, key);
    }
    let value = device::Draft { tab: tab.into(), text: text.into(), time };
    Change::Put(Table::Account, key, value.encode_to_vec().into())
}

/// The draft that a tab begins with: its own, below those of tabs that were closed, the oldest first. The changes store it
/// as the tab's own. `stored` are the values of the table; ones that can't be decoded are ignored.
#[must_use]
pub fn take_over(tab: &str, open_tabs: &[String], stored: &[Vec<u8>], now: i64) -> (String, Vec<Change>) {
    let mut drafts: Vec<_> = stored
        .iter()
        .filter_map(|value| device::Draft::decode(&**value).ok())
        .filter(|draft| !draft.text.is_empty() && (draft.tab == tab || !open_tabs.contains(&draft.tab)))
        .collect();
    drafts.sort_by_key(|draft| (draft.tab == tab, draft.time));
    let others = drafts.iter().filter(|draft| draft.tab != tab);
    let mut changes: Vec<_> = others.map(|draft| save(&draft.tab, "", now)).collect();
    // A tab that was duplicated has the same draft as its original.
    drafts.dedup_by(|later, earlier| later.text == earlier.text);
    let texts: Vec<_> = drafts.iter().map(|draft| &*draft.text).collect();
    let text = texts.join("\n");
    if !changes.is_empty() {
        changes.push(save(tab, &text, now));
    }
    (text, changes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The values of a table, in the order of their keys, after some changes.
    fn apply(stored: &[Vec<u8>], changes: &[Change]) -> Vec<Vec<u8>> {
        let key = |value: &Vec<u8>| Bytes::from(device::Draft::decode(&**value).unwrap().tab);
        let mut table: BTreeMap<_, _> = stored.iter().map(|value| (key(value), value.clone())).collect();
        for change in changes {
            match change {
                Change::Put(Table::Account, key, value) => drop(table.insert(key.clone(), value.to_vec())),
                Change::Delete(Table::Account, key) => drop(table.remove(key)),
                other => panic!("{other:?}"),
            }
        }
        table.into_values().collect()
    }

    #[test]
    fn each_tab_keeps_its_draft() {
        let stored = apply(&[], &[save("a", "from a", 1), save("b", "from b", 2)]);
        let open = ["a".to_owned(), "b".to_owned()];
        for (tab, text) in [("a", "from a"), ("b", "from b"), ("c", "")] {
            assert_eq!(take_over(tab, &open, &stored, 3), (text.to_owned(), vec![]));
        }
        let stored = apply(&stored, &[save("a", "", 4)]);
        assert_eq!(take_over("a", &open, &stored, 5).0, "", "it was sent");
        assert_eq!(take_over("b", &open, &stored, 5).0, "from b");
    }

    #[test]
    fn drafts_of_closed_tabs_are_taken_over_once() {
        let stored = apply(
            &[],
            &[save("z", "first", 1), save("own", "mine", 2), save("a", "second", 3), save("b", "open", 4)],
        );
        let open = ["own".to_owned(), "b".to_owned()];
        let (text, changes) = take_over("own", &open, &stored, 5);
        assert_eq!(text, "first\nsecond\nmine");
        let stored = apply(&stored, &changes);
        assert_eq!(stored.len(), 2);
        assert_eq!(take_over("own", &open, &stored, 6), (text, vec![]));
        assert_eq!(take_over("b", &open, &stored, 6).0, "open");
    }

    #[test]
    fn duplicated_drafts_are_taken_over_as_one() {
        let stored = apply(&[], &[save("a", "same", 1), save("b", "same", 2)]);
        assert_eq!(take_over("c", &[], &stored, 3).0, "same");
    }

    #[test]
    fn damaged_values_are_ignored() {
        assert_eq!(take_over("a", &[], &[vec![0xff; 3], vec![]], 1).0, "");
    }
}
