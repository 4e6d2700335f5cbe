//! The timeline as signals: one for the list, one for each row, so that a row that changes redraws alone.

use parlour_core::timeline::{Change, Row, RowKind, Timeline};

use super::live::RcLive;

/// A row of the timeline for a keyed list.
#[derive(Clone, Debug)]
pub struct RowItem {
    /// Unique and lasting.
    pub key: u64,
    /// What it shows, now.
    pub kind: RcLive<RowKind>,
}

impl From<&Row> for RowItem {
    fn from(row: &Row) -> Self {
        Self { key: row.key, kind: RcLive::new(row.kind.clone()) }
    }
}

/// Makes the same changes to the items that the timeline made to its rows. `true` when the list itself
/// changed, not only what some rows show.
pub fn follow(timeline: &Timeline, changes: &[Change], items: &mut Vec<RowItem>) -> bool {
    let mut changed = false;
    for change in changes {
        match *change {
            // The indexes hold as of each change, the rows are those of the end: what a row shows is set below.
            Change::Inserted(at) => {
                items.insert(at, RowItem { key: u64::MAX, kind: RcLive::new(RowKind::Day(0)) });
                changed = true;
            }
            Change::Removed(at) => {
                items.remove(at);
                changed = true;
            }
            Change::Updated(at) => items[at].key |= STALE,
        }
    }
    for (row, item) in timeline.rows().iter().zip(items) {
        if item.key == u64::MAX {
            *item = row.into();
        } else if item.key & STALE != 0 {
            item.key &= !STALE;
            item.kind.set(row.kind.clone());
        }
    }
    changed
}

/// Marks a row whose content is to be read again; keys count rows and never come near it.
const STALE: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_core::model::{Delivery, Message, MessageId};

    #[test]
    fn items_follow_rows_and_keep_their_signals() {
        let mut timeline = Timeline::new(5, |t| t / 1000);
        let mut items = Vec::new();
        let message = |n: u8, seq| Message {
            id: MessageId([n; 16]),
            nick: "tom".into(),
            content: "hello".into(),
            seq,
            time: i64::from(n),
            own: true,
            delivery: if seq == 0 { Delivery::Pending } else { Delivery::Sent },
        };
        let check = |timeline: &Timeline, items: &[RowItem]| {
            assert_eq!(items.len(), timeline.rows().len());
            for (row, item) in timeline.rows().iter().zip(items) {
                assert_eq!(row.key, item.key);
                item.kind.with_untracked(|kind| assert_eq!(row.kind, *kind));
            }
        };
        let changes = timeline.message(message(1, 0));
        assert!(follow(&timeline, &changes, &mut items));
        check(&timeline, &items);
        let signal = items[1].kind.clone();
        let changes = timeline.message(message(1, 9));
        assert!(!follow(&timeline, &changes, &mut items), "an acknowledgement moves no row");
        check(&timeline, &items);
        assert!(
            signal
                .with_untracked(|kind| matches!(kind, RowKind::Message { message, .. } if message.seq == 9))
        );
        for n in 2..9 {
            let changes = timeline.message(message(n, u64::from(n) + 20));
            follow(&timeline, &changes, &mut items);
            check(&timeline, &items);
        }
    }
}
