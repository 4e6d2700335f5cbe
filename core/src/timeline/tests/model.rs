//! Random operations, compared with simple models.

use proptest::prelude::*;

use super::*;

/// Checks that messages are in order and unique, that none of them is in a gap, and that all sums are right.
fn check(t: &Timeline) -> Result<(), TestCaseError> {
    let orders: Vec<u64> = t.indices_from((0, 0)).filter_map(|index| t.packed(index).sort_key()).collect();
    prop_assert!(orders.is_sorted(), "{:?}", orders);
    // Ids are unique among the messages of an account only.
    let messages = t.indices_from((0, 0)).map(|p| t.packed(p)).filter(|row| row.is_message());
    let mut ids: Vec<_> = messages.map(|row| (row.id, row.is_own())).collect();
    let shown = ids.len();
    ids.sort_unstable();
    ids.dedup();
    prop_assert_eq!(shown, ids.len());
    prop_assert_eq!(t.rows().count(), t.len());
    prop_assert!(t.blocks.iter().all(|block| !block.rows.is_empty() && block.rows.len() <= BLOCK_ROWS + 1));
    let others = t.indices_from((0, 0)).filter(|p| !t.packed(*p).is_message()).count();
    prop_assert_eq!(others, t.others.len());
    let heights: f64 = t.indices_from((0, 0)).map(|p| f64::from(t.packed(p).height)).sum();
    prop_assert!((t.height() - heights).abs() < 1e-3);
    let mut gaps = Ranges::default();
    for row in t.rows() {
        if let RowKind::Gap { gap, .. } = row.kind {
            prop_assert!(gap.gap.from < gap.gap.to);
            gaps.insert(gap.gap.from, gap.gap.to);
        }
    }
    for at in 0..t.len() {
        prop_assert!(
            t.ord(at).is_none_or(|ord| !gaps.contains(ord)),
            "{} is shown and in a gap",
            t.ord(at).unwrap_or(0)
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn rows_are_in_order_and_unique(ops in prop::collection::vec((0u8..40, 0u8..4, 0i64..4), 0..120)) {
        let mut t = timeline();
        let by = |nick, n, ord, time| {
            let sender = Some(UserId([u8::from(nick == "me"); 16]));
            Message { sender, ..message(n, nick, ord, time) }
        };
        for (n, what, day) in ops {
            match what {
                0 => t.insert(Message { ord: u64::from(n / 2), ..by("me", n, 0, day * DAY) }),
                1 => t.discard(MessageId([n; 16])),
                2 => t.presence_changed(&n.to_string().into(), day % 2 == 0, 0),
                _ => t.insert(by(if n % 3 == 0 { "tom" } else { "me" }, n, u64::from(n) + 1, i64::from(n / 10) * DAY)),
            }
            check(&t)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// In a room of some thousand messages, the rows and the gaps are together the whole room, whatever is loaded,
    /// appended and evicted.
    #[test]
    fn every_message_is_shown_or_in_a_gap(ops in prop::collection::vec((0u8..5, 0u64..1500, 1u64..150), 1..40)) {
        let mut t = Timeline::new(400, |_| 0);
        let (mut known, mut last) = (Ranges::default(), 1500);
        t.set_gaps(&gaps_of(&known, last));
        for (what, at, count) in ops {
            match what {
                0 | 1 => {
                    t.insert_page((at + 1..=at + count).filter(|ord| *ord <= last).map(at_ord).collect());
                    known.insert(at, (at + count).min(last));
                }
                2 => for _ in 0..count {
                    t.insert(at_ord(last + 1));
                    known.insert(last, last + 1);
                    last += 1;
                },
                3 => t.set_anchor(t.key((at as usize) % t.len().max(1))),
                _ => t.set_anchor(None),
            }
            while let Some(evicted) = t.poll_evicted() {
                known.remove(evicted.from, evicted.to);
            }
            t.set_gaps(&gaps_of(&known, last));
            check(&t)?;
            prop_assert!(t.len() <= 400 + 7 * BLOCK_ROWS, "there are {} rows", t.len());
            for ord in 1..=last {
                let row = t.index_of_ord(ord).unwrap();
                let missing = t.gap_at(row).is_some_and(|m| m.gap.from < ord && ord <= m.gap.to);
                prop_assert!(known.contains(ord) != missing, "{ord}");
                prop_assert!(missing || t.ord(row) == Some(ord), "{ord}");
            }
        }
    }
}
