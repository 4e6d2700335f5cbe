//! The order of the room list, and the part of a long list that is in the DOM.
//!
//! All rows of the list have the same height, also the headings of its sections. So the position of a row, in rows from the
//! top of the list, is known without measuring.

use std::{ops::Range, sync::Arc};

use parlour_core::{
    client::account::{ListItem, Section},
    model::RoomId,
};

use crate::{
    ctrl::Store,
    i18n::{Key, Texts},
    view::shared::nick_key,
};

/// The sections in the order in which they are shown, each with its heading.
pub const SECTIONS: [(Section, Key); 5] = [
    (Section::Invitations, Key::RoomsSectionInvitations),
    (Section::Unread, Key::RoomsSectionUnread),
    (Section::Direct, Key::RoomsSectionDirect),
    (Section::Rooms, Key::RoomsSectionRooms),
    (Section::Archived, Key::RoomsSectionArchived),
];

/// The most rooms that are all in the DOM.
const MAX_MOUNTED: usize = 200;

/// The number of rows that are in the DOM above and below the visible ones.
const OVERSCAN_ROWS: usize = 12;

/// The visible rows are rounded to multiples of this, so that the DOM does not change with each row that is scrolled.
const STEP_ROWS: usize = 8;

/// The rooms of a section, or those that a search has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The rooms. Shared, because each of the rows reads them.
    pub rooms: Arc<[RoomId]>,
    /// The number of rows above the first one in the whole list.
    pub rows_above: usize,
    /// The number of rooms, including those of a closed section that are not shown.
    pub count: usize,
}

/// The room list, or the result of a search in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// By section; a search has a single one.
    parts: Vec<(Option<Section>, Part)>,
    /// The number of rows.
    rows: usize,
    /// The number of rooms.
    count: usize,
}

impl Listing {
    /// The list of these rooms, which are ordered by section. Of a closed section, only the open room is shown.
    pub fn new(items: &[ListItem], is_closed: impl Fn(Section) -> bool, open: Option<RoomId>) -> Self {
        let mut listing = Self { count: items.len(), ..Self::default() };
        for (section, _) in SECTIONS {
            let mut rooms: Vec<_> =
                items.iter().filter(|item| item.section == section).map(|item| item.room).collect();
            let count = rooms.len();
            if is_closed(section) {
                rooms.retain(|room| Some(*room) == open);
            }
            if count > 0 {
                let rows_above = listing.rows + 1;
                listing.rows = rows_above + rooms.len();
                listing.parts.push((Some(section), Part { rooms: rooms.into(), rows_above, count }));
            }
        }
        listing
    }

    /// The result of a search, best first.
    pub fn found(items: &[ListItem]) -> Self {
        let rooms: Arc<[_]> = items.iter().map(|item| item.room).collect();
        let count = rooms.len();
        Self { parts: vec![(None, Part { rooms, rows_above: 0, count })], rows: count, count }
    }

    /// The number of rows, including headings.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of rooms, including those that are not shown.
    pub fn count(&self) -> usize {
        self.count
    }

    /// A section, or with `None` the result of a search; empty if it is not part of the list.
    pub fn part(&self, section: Option<Section>) -> Part {
        let found = self.parts.iter().find(|(shown, _)| *shown == section);
        found.map(|(_, part)| part.clone()).unwrap_or_default()
    }

    /// The rooms that are shown, in their order.
    pub fn rooms(&self) -> impl Iterator<Item = RoomId> {
        self.parts.iter().flat_map(|(_, part)| part.rooms.iter().copied())
    }

    /// The row of a room; `None` if it is not in the list.
    pub fn row_of(&self, room: RoomId) -> Option<usize> {
        self.parts.iter().find_map(|(_, part)| Some(part.rows_above + part.position(room)?))
    }

    /// The room that is `offset` rooms below another one, or above it for a negative number; at most the last or first one.
    /// Without the other one, the first.
    pub fn moved(&self, from: Option<RoomId>, offset: isize) -> Option<RoomId> {
        let rooms: Vec<_> = self.rooms().collect();
        let last = rooms.len().checked_sub(1)?;
        let at = from.and_then(|from| rooms.iter().position(|room| *room == from));
        Some(rooms[at.map_or(0, |at| at.saturating_add_signed(offset).min(last))])
    }

    /// The rows that are in the DOM when the list is scrolled by `top` px in a viewport of `height` px.
    pub fn mounted_rows(&self, top: f64, height: f64, row_height: f64) -> Range<usize> {
        if self.count <= MAX_MOUNTED || row_height <= 0.0 {
            return 0..if self.count <= MAX_MOUNTED { self.rows } else { MAX_MOUNTED };
        }
        // Not negative, and a list is not taller than the greatest integer.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let row_at = |px: f64| (px.max(0.0) / row_height) as usize;
        let first = row_at(top).saturating_sub(OVERSCAN_ROWS);
        let end = row_at(top + height) + 1 + OVERSCAN_ROWS;
        first / STEP_ROWS * STEP_ROWS..end.div_ceil(STEP_ROWS) * STEP_ROWS
    }
}

impl Part {
    /// The index of a room.
    pub fn position(&self, room: RoomId) -> Option<usize> {
        self.rooms.iter().position(|listed| *listed == room)
    }

    /// The rooms that are in the DOM, if these rows of the list are. The room with the keyboard focus, `active`, always is.
    pub fn mounted(&self, rows: &Range<usize>, active: Option<RoomId>) -> Vec<RoomId> {
        let is_mounted =
            |(at, room): &(usize, &RoomId)| rows.contains(&(self.rows_above + at)) || Some(**room) == active;
        self.rooms.iter().enumerate().filter(is_mounted).map(|(_, room)| *room).collect()
    }
}

/// The rooms whose names contain a text, best first; with an empty text all rooms, by section. Follows the room list.
pub fn find_rooms(store: Store, t: &Texts, query: &str) -> Vec<ListItem> {
    let mut found = store.list(query);
    // The lobby has no name of its own, so the store does not find it by the one that is shown.
    if is_lobby_meant(query, t.text(Key::RoomsLobby))
        && !found.iter().any(|item| item.room == RoomId::LOBBY)
        && let Some(lobby) = store.list("").into_iter().find(|item| item.room == RoomId::LOBBY)
    {
        found.insert(0, lobby);
    }
    found
}

fn is_lobby_meant(query: &str, name: &str) -> bool {
    let query = query.trim();
    !query.is_empty() && nick_key(name).contains(&nick_key(query))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: u16) -> RoomId {
        let mut id = [1; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        RoomId(id)
    }

    fn items(sections: &[(Section, Range<u16>)]) -> Vec<ListItem> {
        let of_section = |(section, rooms): &(Section, Range<u16>)| {
            let section = *section;
            rooms.clone().map(move |n| ListItem { section, room: room(n) }).collect::<Vec<_>>()
        };
        sections.iter().flat_map(of_section).collect()
    }

    fn all(sections: &[(Section, Range<u16>)]) -> Listing {
        Listing::new(&items(sections), |_| false, None)
    }

    #[test]
    fn closed_section_shows_its_heading_and_the_open_room() {
        let items = items(&[(Section::Rooms, 0..2), (Section::Archived, 2..6)]);
        let closed = |open| Listing::new(&items, |section| section == Section::Archived, open);
        let archived = |listing: &Listing| listing.part(Some(Section::Archived));
        let listing = closed(Some(room(1)));
        assert_eq!((archived(&listing).rooms.len(), archived(&listing).count), (0, 4));
        assert_eq!((listing.rows(), listing.count(), listing.row_of(room(3))), (4, 6, None));
        let listing = closed(Some(room(3)));
        assert_eq!((&*archived(&listing).rooms, listing.row_of(room(3))), (&[room(3)][..], Some(4)));
    }

    #[test]
    fn sections_are_below_each_other_with_a_heading_each() {
        let listing = all(&[(Section::Unread, 0..2), (Section::Direct, 2..3), (Section::Rooms, 3..10)]);
        assert_eq!((listing.rows(), listing.count()), (13, 10));
        let tops = [None, Some(Section::Invitations), Some(Section::Unread), Some(Section::Direct)];
        assert_eq!(tops.map(|section| listing.part(section).rows_above), [0, 0, 1, 4]);
        assert_eq!(listing.part(Some(Section::Rooms)).rows_above, 6);
        assert_eq!(listing.row_of(room(9)), Some(12));
        assert_eq!(listing.row_of(room(10)), None);
        assert_eq!(listing.rooms().collect::<Vec<_>>(), (0..10).map(room).collect::<Vec<_>>());
    }

    #[test]
    fn results_of_a_search_have_no_heading() {
        let listing = Listing::found(&items(&[(Section::Rooms, 5..8), (Section::Unread, 0..1)]));
        assert_eq!(*listing.part(None).rooms, [room(5), room(6), room(7), room(0)]);
        assert_eq!((listing.rows(), listing.row_of(room(0))), (4, Some(3)));
    }

    #[test]
    fn short_list_is_mounted_as_a_whole() {
        let listing = all(&[(Section::Unread, 0..100), (Section::Rooms, 100..200)]);
        assert_eq!(listing.mounted_rows(5000.0, 500.0, 36.0), 0..202);
    }

    #[test]
    fn visible_part_of_a_long_list_is_mounted_with_the_row_that_has_the_focus() {
        let listing = all(&[(Section::Direct, 0..300), (Section::Rooms, 300..1000)]);
        let rows = listing.mounted_rows(36.0 * 295.0, 360.0, 36.0);
        assert!(rows.start <= 283 && rows.end >= 306 + 12, "{rows:?}");
        assert!(rows.len() < 60, "{rows:?}");
        let direct = listing.part(Some(Section::Direct)).mounted(&rows, None);
        let rooms = listing.part(Some(Section::Rooms)).mounted(&rows, Some(room(900)));
        // The rooms are in rows 1 to 300 and, below a heading, from 302 on.
        assert_eq!(direct.first(), Some(&room(u16::try_from(rows.start).unwrap() - 1)));
        assert_eq!(direct.last(), Some(&room(299)));
        assert_eq!(rooms.first(), Some(&room(300)));
        assert_eq!(rooms.last(), Some(&room(900)));
        assert_eq!(direct.len() + rooms.len() - 1, rows.len() - 1);
    }

    #[test]
    fn mounted_part_changes_in_steps() {
        let listing = all(&[(Section::Rooms, 0..1000)]);
        let distinct = |from: u32| {
            let mut ranges: Vec<_> =
                (from..from + 80).map(|px| listing.mounted_rows(f64::from(px) * 36.0, 720.0, 36.0)).collect();
            ranges.dedup();
            ranges.len()
        };
        assert!(distinct(100) <= 22, "{}", distinct(100));
        assert_eq!(listing.mounted_rows(0.0, 0.0, 0.0), 0..MAX_MOUNTED);
        assert_eq!(listing.mounted_rows(-80.0, 720.0, 36.0).start, 0);
    }

    #[test]
    fn focus_moves_over_sections_and_stays_in_the_list() {
        let listing = all(&[(Section::Unread, 0..2), (Section::Rooms, 2..4)]);
        for (from, offset, expected) in [
            (None, 1, 0),
            (Some(1), 1, 2),
            (Some(2), -1, 1),
            (Some(0), -1, 0),
            (Some(3), 1, 3),
            (Some(1), isize::MAX, 3),
            (Some(3), isize::MIN, 0),
            (Some(9), 1, 0),
        ] {
            assert_eq!(listing.moved(from.map(room), offset), Some(room(expected)), "{from:?} {offset}");
        }
        assert_eq!(Listing::default().moved(None, 1), None);
    }

    #[test]
    fn lobby_is_found_by_the_name_that_is_shown() {
        assert!(is_lobby_meant(" lob", "Lobby") && is_lobby_meant("厅", "大厅"));
        assert!(!is_lobby_meant("lobster", "Lobby") && !is_lobby_meant("  ", "Lobby"));
    }
}
