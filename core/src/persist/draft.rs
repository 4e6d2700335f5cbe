//! Drafts: what was typed into the composer of a room and not sent.
//!
//! Each tab has drafts of its own, so two tabs never overwrite each other's. A tab that is opened takes over the drafts
//! of tabs that were closed. It stores them under a new id, so nothing that is typed before they were read replaces them.
//! Drafts are not deleted by a logout: whoever logs in again with the nick finds them.
//!
//! They are the values of the table `Drafts`.

use prost::Message as _;

use super::{Change, Key};
use crate::{
    device,
    ids::RoomId,
    sorted::{SortedMap, SortedSet},
};

/// The change that stores the draft of a tab in a room, or deletes it if it is empty.
#[must_use]
pub fn save(room: RoomId, tab: &str, text: &str, time: i64) -> Change {
    let key = Key::Draft(room, tab.into());
    if text.is_empty() {
        return Change::Delete(key);
    }
    let value = device::Draft { tab: tab.into(), text: text.into(), time, room: room.to_wire() };
    Change::Put(key, value.encode_to_vec().into())
}

/// The rooms that have drafts, each once. `stored` are the values of the table.
#[must_use]
pub fn rooms(stored: &[Vec<u8>]) -> Vec<RoomId> {
    let drafts = stored.iter().filter_map(|value| device::Draft::decode(&**value).ok());
    let rooms: SortedSet<_> = drafts
        .filter(|draft| !draft.text.is_empty())
        .filter_map(|draft| RoomId::from_wire(&draft.room))
        .collect();
    rooms.into_iter().collect()
}

/// The draft that a tab begins with in a room: that of its previous page, below those of tabs that were closed, the oldest
/// first. The changes store it under `tab`, a new id. `stored` are the values of the table; those of other rooms, and ones
/// that can't be decoded, are ignored.
///
/// A text that was typed while the drafts were read is stored under `tab` already, and stays below them. It is not returned.
#[must_use]
pub fn take_over(
    room: RoomId,
    previous: Option<&str>,
    tab: &str,
    open_tabs: &[String],
    stored: &[Vec<u8>],
    now: i64,
) -> (String, Vec<Change>) {
    let is_own = |draft: &device::Draft| Some(&*draft.tab) == previous;
    let drafts = stored.iter().filter_map(|value| device::Draft::decode(&**value).ok());
    let drafts =
        drafts.filter(|draft| RoomId::from_wire(&draft.room) == Some(room) && !draft.text.is_empty());
    let (typed, mut drafts): (Vec<_>, Vec<_>) = drafts.partition(|draft| draft.tab == tab);
    drafts.retain(|draft| is_own(draft) || !open_tabs.contains(&draft.tab));
    let sorted: SortedMap<_, _> =
        drafts.into_iter().enumerate().map(|(at, draft)| ((is_own(&draft), draft.time, at), draft)).collect();
    let mut drafts: Vec<_> = sorted.into_values().collect();
    let mut changes: Vec<_> = drafts.iter().map(|draft| save(room, &draft.tab, "", now)).collect();
    // A tab that was duplicated has the same draft as its original.
    drafts.dedup_by(|later, earlier| later.text == earlier.text);
    let texts: Vec<_> = drafts.iter().map(|draft| &*draft.text).collect();
    let text = texts.join("\n");
    if !changes.is_empty() {
        let whole: Vec<_> = texts.into_iter().chain(typed.iter().map(|draft| &*draft.text)).collect();
        changes.push(save(room, tab, &whole.join("\n"), now));
    }
    (text, changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::{KeyRange, Rows, Table};

    const ROOM: RoomId = RoomId([3; 16]);

    fn save(tab: &str, text: &str, time: i64) -> Change {
        super::save(ROOM, tab, text, time)
    }

    fn take_over(
        previous: Option<&str>,
        tab: &str,
        open_tabs: &[String],
        stored: &[Vec<u8>],
        now: i64,
    ) -> (String, Vec<Change>) {
        super::take_over(ROOM, previous, tab, open_tabs, stored, now)
    }

    /// The values of a table, in the order of their keys, after some changes.
    fn apply(stored: &[Vec<u8>], changes: &[Change]) -> Vec<Vec<u8>> {
        let mut rows = Rows::default();
        for value in stored {
            let draft = device::Draft::decode(&**value).unwrap();
            let room = RoomId::from_wire(&draft.room).unwrap();
            rows.apply(&Change::Put(Key::Draft(room, draft.tab), value.clone().into()));
        }
        changes.iter().for_each(|change| rows.apply(change));
        rows.values(&KeyRange::all(Table::Drafts))
    }

    #[test]
    fn each_tab_keeps_its_draft() {
        let stored = apply(&[], &[save("a", "from a", 1), save("b", "from b", 2)]);
        let open = ["a".to_owned(), "b".to_owned()];
        for (previous, text) in [(Some("a"), "from a"), (Some("b"), "from b"), (None, "")] {
            let (taken, changes) = take_over(previous, "new", &open, &stored, 3);
            assert_eq!(taken, text);
            let stored = apply(&stored, &changes);
            assert_eq!(stored.len(), 2);
            assert_eq!(take_over(Some("new"), "newer", &open, &stored, 4).0, text);
        }
        let stored = apply(&stored, &[save("a", "", 4)]);
        assert_eq!(take_over(Some("a"), "new", &open, &stored, 5).0, "", "it was sent");
        assert_eq!(take_over(Some("b"), "new", &open, &stored, 5).0, "from b");
    }

    #[test]
    fn drafts_of_closed_tabs_are_taken_over_once() {
        let stored = apply(
            &[],
            &[save("z", "first", 1), save("own", "mine", 2), save("a", "second", 3), save("b", "open", 4)],
        );
        let open = ["own".to_owned(), "b".to_owned(), "new".to_owned()];
        let (text, changes) = take_over(Some("own"), "new", &open, &stored, 5);
        assert_eq!(text, "first\nsecond\nmine");
        let stored = apply(&stored, &changes);
        assert_eq!(stored.len(), 2);
        assert_eq!(take_over(Some("new"), "newer", &open, &stored, 6).0, text);
        assert_eq!(take_over(Some("b"), "newer", &open, &stored, 6).0, "open");
        assert_eq!(take_over(None, "other", &open, &stored, 6), (String::new(), vec![]));
    }

    #[test]
    fn text_typed_while_drafts_are_read_is_kept_once() {
        let stored = apply(&[], &[save("old", "half a thought", 1), save("new", "more", 2)]);
        let (text, changes) = take_over(Some("old"), "new", &[], &stored, 3);
        assert_eq!(text, "half a thought", "the composer has the rest");
        let stored = apply(&stored, &changes);
        assert_eq!(take_over(Some("new"), "newer", &[], &stored, 4).0, "half a thought\nmore");
    }

    #[test]
    fn duplicated_drafts_are_taken_over_as_one() {
        let stored = apply(&[], &[save("a", "same", 1), save("b", "same", 2)]);
        assert_eq!(take_over(None, "c", &[], &stored, 3).0, "same");
    }

    #[test]
    fn damaged_values_are_ignored() {
        assert_eq!(take_over(None, "a", &[], &[vec![0xff; 3], vec![]], 1).0, "");
    }

    #[test]
    fn each_room_has_its_own_draft() {
        let other = super::save(RoomId::LOBBY, "a", "in the lobby", 1);
        let stored = apply(&[], &[save("a", "in the room", 2), other]);
        assert_eq!(rooms(&stored), [RoomId::LOBBY, ROOM]);
        assert_eq!(take_over(Some("a"), "b", &[], &stored, 3).0, "in the room");
        let (text, changes) = super::take_over(RoomId::LOBBY, Some("a"), "b", &[], &stored, 3);
        assert_eq!(text, "in the lobby");
        assert_eq!(take_over(Some("a"), "b", &[], &apply(&stored, &changes), 4).0, "in the room");
    }
}
