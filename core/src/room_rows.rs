//! Rows of a room list on the wire: by column, so that a thousand rooms fit into the first frames after a login.

use crate::{
    model::RoomId,
    wire::{AccountRows, RoomRow, RoomRows},
};

/// The length of an id in bytes.
const ID_BYTES: usize = 16;

/// Arranges rows by column; `None` if there are none. A row whose room is no id is left out.
#[must_use]
pub fn pack(rows: impl IntoIterator<Item = RoomRow>) -> Option<RoomRows> {
    let mut packed = RoomRows::default();
    for row in rows {
        let Some(room) = RoomId::from_wire(&row.room) else { continue };
        let index = u32::try_from(packed.handles.len()).unwrap_or(u32::MAX);
        packed.rooms.extend(room.0);
        packed.handles.push(row.handle);
        packed.kinds.push(row.kind);
        packed.roles.push(row.role);
        packed.names.push(row.name);
        packed.head_ords.push(row.head_ord);
        packed.unread.push(row.unread);
        packed.cursor_versions.push(row.cursor_version);
        packed.attention.push(row.attention);
        packed.active.push(row.active);
        packed.muted.extend(row.muted.then_some(index));
        packed.archived.extend(row.archived.then_some(index));
        packed.cursors_unsaved.extend(row.cursor_unsaved.then_some(index));
        packed.people_counts.push(u32::try_from(row.people.len()).unwrap_or(u32::MAX));
        packed.people.extend(row.people);
    }
    if packed.rooms.is_empty() {
        return None;
    }
    trim(&mut packed.handles);
    trim(&mut packed.kinds);
    trim(&mut packed.roles);
    trim(&mut packed.names);
    trim(&mut packed.head_ords);
    trim(&mut packed.unread);
    trim(&mut packed.cursor_versions);
    trim(&mut packed.attention);
    trim(&mut packed.active);
    trim(&mut packed.people_counts);
    Some(packed)
}

/// Removes the elements at the end that are 0 or empty.
fn trim<T: Default + PartialEq>(column: &mut Vec<T>) {
    let used = column.iter().rposition(|element| *element != T::default()).map_or(0, |last| last + 1);
    column.truncate(used);
}

/// The rows of a frame. Their number is that of the ids in it, whatever the length of the other lists.
#[must_use]
pub fn unpack(rows: AccountRows) -> Vec<RoomRow> {
    let Some(packed) = rows.rows else { return Vec::new() };
    let mut handles = packed.handles.into_iter();
    let mut kinds = packed.kinds.into_iter();
    let mut roles = packed.roles.into_iter();
    let mut names = packed.names.into_iter();
    let mut head_ords = packed.head_ords.into_iter();
    let mut unread = packed.unread.into_iter();
    let mut cursor_versions = packed.cursor_versions.into_iter();
    let mut attention = packed.attention.into_iter();
    let mut active = packed.active.into_iter();
    let mut people_counts = packed.people_counts.into_iter();
    let mut people = packed.people.into_iter();
    let ids = packed.rooms.chunks_exact(ID_BYTES).filter_map(RoomId::from_wire);
    let mut rows: Vec<_> = ids
        .map(|room| RoomRow {
            room: room.to_wire(),
            handle: handles.next().unwrap_or_default(),
            kind: kinds.next().unwrap_or_default(),
            role: roles.next().unwrap_or_default(),
            name: names.next().unwrap_or_default(),
            head_ord: head_ords.next().unwrap_or_default(),
            unread: unread.next().unwrap_or_default(),
            cursor_version: cursor_versions.next().unwrap_or_default(),
            attention: attention.next().unwrap_or_default(),
            active: active.next().unwrap_or_default(),
            muted: false,
            archived: false,
            cursor_unsaved: false,
            people: people.by_ref().take(people_counts.next().unwrap_or_default() as usize).collect(),
        })
        .collect();
    for index in packed.muted {
        if let Some(row) = rows.get_mut(index as usize) {
            row.muted = true;
        }
    }
    for index in packed.archived {
        if let Some(row) = rows.get_mut(index as usize) {
            row.archived = true;
        }
    }
    for index in packed.cursors_unsaved {
        if let Some(row) = rows.get_mut(index as usize) {
            row.cursor_unsaved = true;
        }
    }
    rows
}

#[cfg(all(test, not(target_arch = "wasm32")))] // proptest is not available there
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::wire::Person;

    fn frame(rows: Option<RoomRows>) -> AccountRows {
        AccountRows { rows, ..AccountRows::default() }
    }

    fn row() -> impl Strategy<Value = RoomRow> {
        let person = any::<u8>().prop_map(|n| Person { account: vec![n; 16], nick: "n".into(), state: 1 });
        let numbers = (any::<u32>(), 0..4i32, 0..5i32, any::<u64>(), 0..3u64, 0..2u32, any::<u32>());
        (0..9u8, numbers, any::<(bool, bool, bool)>(), "[a-c]{0,3}", vec(person, 0..3)).prop_map(
            |(room, (handle, kind, role, head_ord, unread, cursor_version, active), flags, name, people)| {
                RoomRow {
                    room: RoomId([room; 16]).to_wire(),
                    handle,
                    kind,
                    role,
                    name,
                    head_ord,
                    unread,
                    cursor_version,
                    attention: cursor_version,
                    active,
                    muted: flags.0,
                    archived: flags.1,
                    cursor_unsaved: flags.2,
                    people,
                }
            },
        )
    }

    #[test]
    fn damaged_columns_give_the_rows_of_the_ids() {
        let packed = RoomRows {
            rooms: vec![7; 2 * ID_BYTES + 1],
            handles: vec![1, 2, 3],
            muted: vec![1, 9],
            people_counts: vec![u32::MAX],
            people: vec![Person::default()],
            ..RoomRows::default()
        };
        let rows = unpack(frame(Some(packed)));
        assert_eq!(
            rows.iter().map(|row| (row.handle, row.muted, row.people.len())).collect::<Vec<_>>(),
            [(1, false, 1), (2, true, 0)]
        );
        assert_eq!(unpack(frame(None)), []);
        assert_eq!(pack([RoomRow { room: vec![1], ..RoomRow::default() }]), None);
    }

    proptest! {
        #[test]
        fn rows_are_the_same_after_packing(rows in vec(row(), 0..20)) {
            prop_assert_eq!(unpack(frame(pack(rows.clone()))), rows);
        }
    }
}
