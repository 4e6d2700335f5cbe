//! The timelines of the rooms that were open. The signals of the timeline are those of the open room.

use leptos::prelude::*;
use parlour_core::{
    client::room::{RoomChange, RoomEvent},
    model::{Dialect, Role, RoomId, UserId},
    timeline::{Notice, RoomNotice, Timeline, TimelineUpdate},
};

use super::store::Store;
use crate::config;

/// Approximate number of timeline rows in memory, at some hundred bytes each. Rows farther from the scroll position are
/// evicted and loaded again on demand.
const MAX_ROWS: usize = 20_000;

/// The timeline of a room.
pub(super) struct RoomTimeline {
    pub rows: Timeline,
    /// The ord of the room's oldest message.
    first: u64,
    /// The end of what is before the first gap; `None` without gaps.
    first_gap: Option<u64>,
    /// The server has told the gaps: it has a history.
    has_history: bool,
}

impl RoomTimeline {
    pub fn new() -> Self {
        // Its days are those of the browser's time zone.
        let rows = Timeline::new(MAX_ROWS, config::local_day);
        Self { rows, first: 1, first_gap: None, has_history: false }
    }

    /// The timeline begins with the room's first message; `None` while no server with history is known.
    fn begins_room(&self) -> Option<bool> {
        let begins = self.first_gap.is_none_or(|from| from >= self.first);
        self.has_history.then_some(begins)
    }
}

impl Store {
    /// Applies an update of a room's timeline.
    pub(super) fn timeline_changed(&self, room: RoomId, update: TimelineUpdate) {
        let is_basic = self.identity.with_untracked(|identity| {
            identity.as_ref().is_some_and(|identity| identity.dialect == Dialect::Basic)
        });
        let is_cleared = update == TimelineUpdate::Cleared;
        self.inner.update_value(|inner| {
            let timeline = inner.timelines.or_insert_with(room, RoomTimeline::new);
            match &update {
                // There is nothing to load from a basic server.
                TimelineUpdate::Gaps(_) if is_basic => return,
                TimelineUpdate::Gaps(gaps) => {
                    timeline.has_history = true;
                    timeline.first_gap = gaps.first().map(|missing| missing.gap.from);
                }
                TimelineUpdate::Bounds { first, .. } => timeline.first = *first,
                _ => {}
            }
            timeline.rows.apply(update);
        });
        if self.open_room.get_untracked() != Some(room) {
            return self.report_evicted(room);
        }
        if is_cleared {
            // What was found is of another log.
            self.clear_search();
        }
        self.timeline_replaced();
        self.follow_link();
    }

    /// Changes the timeline of the open room and the signals derived from it.
    pub(super) fn update_timeline(&self, change: impl FnOnce(&mut Timeline)) {
        self.with_timeline(change);
        self.timeline_replaced();
    }

    /// Updates the signals derived from the timeline of the open room.
    pub(super) fn timeline_replaced(&self) {
        let room = self.open_room.get_untracked();
        let derived = |timeline: &RoomTimeline| {
            let rows = &timeline.rows;
            (rows.dropped_rows() > 0, rows.has_messages(), timeline.begins_room())
        };
        let derived = self.inner.with_value(|inner| inner.timelines.get(&room?).map(derived));
        let (rows_lost, has_messages, from_start) = derived.unwrap_or_default();
        self.set.rows_lost.maybe_update(|was| std::mem::replace(was, rows_lost) != rows_lost);
        self.set.has_messages.maybe_update(|had| std::mem::replace(had, has_messages) != has_messages);
        self.set.from_start.maybe_update(|was| std::mem::replace(was, from_start) != from_start);
        self.set.timeline_version.update(|version| *version = version.wrapping_add(1));
        if let Some(room) = room {
            self.report_evicted(room);
        }
    }

    /// Reports evicted ranges to the client, so that it can load them again.
    fn report_evicted(&self, room: RoomId) {
        let next = || {
            self.inner.try_update_value(|inner| inner.timelines.get_mut(&room)?.rows.poll_evicted()).flatten()
        };
        while let Some(range) = next() {
            self.service().evicted(room, range);
        }
    }

    /// Shows an event of a room that is not a message.
    pub(super) fn room_event(&self, room: RoomId, event: &RoomEvent) {
        let notice = self.with_state(|state| {
            let nick = |account: UserId| state.people().nick(account);
            let by = event.sender.map(nick).unwrap_or_else(|| "".into());
            let change = match &event.change {
                RoomChange::Name(name) => RoomNotice::Name(name.clone()),
                RoomChange::Topic(topic) => RoomNotice::Topic(topic.clone()),
                RoomChange::Archived(true) => RoomNotice::Archived,
                RoomChange::Archived(false) => RoomNotice::Restored,
                RoomChange::Member(account, role) => {
                    let by_self = event.sender == Some(*account);
                    match role {
                        Role::None if by_self => RoomNotice::Left,
                        Role::Member if by_self => RoomNotice::Joined,
                        Role::None => RoomNotice::Removed(nick(*account)),
                        Role::Invited => RoomNotice::Invited(nick(*account)),
                        role if by_self => RoomNotice::OwnRole(*role),
                        role => RoomNotice::Role(nick(*account), *role),
                    }
                }
                RoomChange::Unknown => return None,
            };
            Some(Notice::Room { by, change })
        });
        let Some(notice) = notice.flatten() else { return };
        self.inner.update_value(|inner| {
            inner.timelines.or_insert_with(room, RoomTimeline::new).rows.push_notice(notice);
        });
        if self.open_room.get_untracked() == Some(room) {
            self.timeline_replaced();
            self.list_members_soon();
        }
    }
}
