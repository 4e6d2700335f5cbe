//! The values of the table `Scroll`: where each tab has scrolled to in each room.
//!
//! A tab that is reloaded finds its positions under the id of its previous page, and stores them under a new one, so that
//! a duplicate of the tab does not overwrite them. Positions of closed tabs are deleted.

use prost::Message as _;

use super::{Change, Key};
use crate::{device, ids::RoomId};

/// The message at the scroll anchor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Its ord; 0 for the start of the room.
    pub ord: u64,
    /// The distance from the top of the viewport down to the content of the message, in CSS pixels. Not rounded: browsers lay
    /// text out at fractions of a pixel, so a rounded position would move the text by up to a pixel.
    pub offset_px: f32,
}

/// The change that stores the position of a tab in a room, or deletes it; without one the newest message is shown.
#[must_use]
pub fn save(room: RoomId, tab: &str, position: Option<Position>, time: i64) -> Change {
    let key = Key::Scroll(room, tab.into());
    let Some(Position { ord, offset_px }) = position else { return Change::Delete(key) };
    let value = device::ScrollPosition { tab: tab.into(), room: room.to_wire(), ord, offset_px, time };
    Change::Put(key, value.encode_to_vec().into())
}

/// The positions that a tab begins with: those of its previous page. The changes store them under `tab`, a new id, and
/// delete those of tabs that were closed. `stored` are the values of the table; ones that can't be decoded are ignored.
#[must_use]
pub fn take_over(
    previous: Option<&str>,
    tab: &str,
    open_tabs: &[String],
    stored: &[Vec<u8>],
) -> (Vec<(RoomId, Position)>, Vec<Change>) {
    let (mut positions, mut changes) = (Vec::new(), Vec::new());
    for value in stored.iter().filter_map(|value| device::ScrollPosition::decode(&**value).ok()) {
        let Some(room) = RoomId::from_wire(&value.room).filter(|_| is_valid(&value)) else { continue };
        let is_own = Some(&*value.tab) == previous;
        if value.tab == tab || (!is_own && open_tabs.contains(&value.tab)) {
            continue;
        }
        changes.push(save(room, &value.tab, None, value.time));
        if is_own {
            let position = Position { ord: value.ord, offset_px: value.offset_px };
            changes.push(save(room, tab, Some(position), value.time));
            positions.push((room, position));
        }
    }
    (positions, changes)
}

fn is_valid(value: &device::ScrollPosition) -> bool {
    !value.tab.is_empty() && value.offset_px.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::{KeyRange, Rows, Table};

    const ROOM: RoomId = RoomId([3; 16]);
    const AT: Position = Position { ord: 7, offset_px: -12.25 };

    fn stored(rows: &Rows) -> Vec<Vec<u8>> {
        rows.values(&KeyRange::all(Table::Scroll))
    }

    #[test]
    fn a_reloaded_tab_finds_its_positions_and_others_do_not() {
        let mut rows = Rows::default();
        let other = Position { ord: 0, offset_px: 0.0 };
        for change in [
            save(RoomId::LOBBY, "a", Some(AT), 1),
            save(ROOM, "a", Some(other), 2),
            save(ROOM, "b", Some(AT), 3),
            save(ROOM, "closed", Some(AT), 4),
        ] {
            rows.apply(&change);
        }
        let open = ["a".to_owned(), "b".to_owned(), "new".to_owned()];
        let (positions, changes) = take_over(Some("a"), "new", &open, &stored(&rows));
        assert_eq!(positions, [(RoomId::LOBBY, AT), (ROOM, other)]);
        changes.iter().for_each(|change| rows.apply(change));
        let tabs: Vec<_> = rows.keys(Table::Scroll).cloned().collect();
        let key = |room, tab: &str| Key::Scroll(room, tab.into());
        assert_eq!(tabs, [key(RoomId::LOBBY, "new"), key(ROOM, "b"), key(ROOM, "new")]);
        assert_eq!(take_over(None, "newer", &open, &stored(&rows)), (vec![], vec![]));
        assert_eq!(take_over(Some("new"), "newer", &open, &stored(&rows)).0, positions);
        // The newest message is shown again.
        rows.apply(&save(ROOM, "new", None, 5));
        assert_eq!(take_over(Some("new"), "newer", &open, &stored(&rows)).0, [(RoomId::LOBBY, AT)]);
    }

    #[test]
    fn damaged_values_are_ignored() {
        let nowhere = Position { ord: 1, offset_px: f32::NAN };
        let mut rows = Rows::default();
        rows.apply(&save(ROOM, "b", Some(nowhere), 1));
        let values = [stored(&rows), vec![vec![0xFF; 3], vec![]]].concat();
        for previous in ["", "b"] {
            assert_eq!(take_over(Some(previous), "a", &[], &values), (vec![], vec![]));
        }
    }
}
