//! The timelines of the rooms in the tab with the connection.

use std::collections::BTreeMap;

use parlour_core::{
    client::state::{Change, ClientState},
    model::RoomId,
    timeline::{Timeline, TimelineUpdate},
};

/// The timelines of the rooms.
#[derive(Debug, Default)]
pub(super) struct Shown(BTreeMap<RoomId, Timeline>);

impl Shown {
    /// Shows the changes of the state.
    ///
    /// # Panics
    /// If a gap is empty, or a page adds more rows than it can.
    pub(super) fn apply(&mut self, state: &mut ClientState) {
        while let Some(change) = state.poll_change() {
            match change {
                Change::Timeline(room, update) => {
                    let day = |time: i64| time.div_euclid(86_400_000);
                    let timeline = self.0.entry(room).or_insert_with(|| Timeline::new(100, day));
                    if let TimelineUpdate::Gaps(gaps) = &update {
                        assert!(
                            gaps.iter().all(|state| state.gap.from < state.gap.to),
                            "an empty gap: {gaps:?}"
                        );
                    }
                    timeline.apply(update);
                }
                Change::Removed(room) => drop(self.0.remove(&room)),
                Change::Account | Change::Room(_) | Change::Event(..) | Change::Person(_) => {}
            }
        }
    }
}
