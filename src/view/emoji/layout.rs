//! Where the picker is, and which emoji an arrow key leads to.

/// The distance from the edges of the viewport, and from the element that has opened the picker, in CSS pixels.
const DISTANCE_PX: f64 = 8.0;

/// The edges of an element in the viewport, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// The left and the upper edge of a picker of this size: above the element that has opened it, or else below it, or else where there
/// is space. Its right edge is that of the element, if possible.
pub fn place(opener: Edges, size: (f64, f64), viewport: (f64, f64)) -> (f64, f64) {
    let (above, below) = (opener.top - DISTANCE_PX - size.1, opener.bottom + DISTANCE_PX);
    let lowest = viewport.1 - DISTANCE_PX - size.1;
    let top = if above >= DISTANCE_PX { above } else { below.min(lowest).max(DISTANCE_PX) };
    let left = (opener.right - size.0).min(viewport.0 - DISTANCE_PX - size.0).max(DISTANCE_PX);
    (left, top)
}

/// An arrow key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrow {
    Left,
    Right,
    Up,
    Down,
}

impl Arrow {
    /// The arrow of a key.
    pub fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "ArrowLeft" => Self::Left,
            "ArrowRight" => Self::Right,
            "ArrowUp" => Self::Up,
            "ArrowDown" => Self::Down,
            _ => return None,
        })
    }
}

/// The emoji that an arrow leads to from another one. They are in sections with these numbers of emoji, in rows of `columns`. The first
/// one if no emoji was chosen before; `None` if there is no emoji.
pub fn step(sections: &[usize], columns: usize, from: Option<usize>, arrow: Arrow) -> Option<usize> {
    let (columns, last) = (columns.max(1), sections.iter().sum::<usize>().checked_sub(1)?);
    let Some(from) = from.map(|from| from.min(last)) else { return Some(0) };
    // The section: its first emoji, and the number of them.
    let mut start = 0;
    let mut at = 0;
    while start + sections[at] <= from {
        start += sections[at];
        at += 1;
    }
    let (count, place) = (sections[at], from - start);
    let column = place % columns;
    Some(match arrow {
        Arrow::Left => from.saturating_sub(1),
        Arrow::Right => (from + 1).min(last),
        Arrow::Down if place + columns < count => from + columns,
        // The last row is shorter.
        Arrow::Down if place / columns < (count - 1) / columns => start + count - 1,
        Arrow::Down => {
            let next = sections[at + 1..].iter().find(|count| **count > 0);
            next.map_or(from, |next| start + count + column.min(next - 1))
        }
        Arrow::Up if place >= columns => from - columns,
        Arrow::Up => {
            let before = sections[..at].iter().rev().find(|count| **count > 0);
            let last_row = |count: usize| (count - 1) / columns * columns;
            before.map_or(from, |count| start - count + (last_row(*count) + column).min(count - 1))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picker_is_above_its_opener_and_in_the_viewport() {
        let opener = |top, right| Edges { top, right, bottom: top + 40.0 };
        let place = |opener| place(opener, (300.0, 400.0), (1000.0, 800.0));
        assert_eq!(place(opener(700.0, 900.0)), (600.0, 292.0), "above");
        assert_eq!(place(opener(100.0, 900.0)), (600.0, 148.0), "below");
        assert_eq!(place(opener(380.0, 100.0)), (8.0, 392.0), "neither, and at the left edge");
        assert_eq!(place(opener(700.0, 999.0)), (692.0, 292.0), "at the right edge");
        let small = super::place(opener(100.0, 90.0), (300.0, 400.0), (200.0, 300.0));
        assert_eq!(small, (8.0, 8.0), "a viewport that is too small");
    }

    #[test]
    fn arrows_lead_to_the_next_row() {
        use Arrow::{Down, Left, Right, Up};
        // Rows: 0 1 2 | 3 4, then 5, then 6 7 8 | 9.
        let sections = [5, 0, 1, 4];
        for (from, arrow, to) in [
            (0, Left, 0),
            (0, Right, 1),
            (9, Right, 9),
            (4, Right, 5),
            (5, Left, 4),
            (0, Down, 3),
            (2, Down, 4),
            (4, Down, 5),
            (3, Down, 5),
            (5, Down, 6),
            (8, Down, 9),
            (9, Down, 9),
            (0, Up, 0),
            (2, Up, 2),
            (3, Up, 0),
            (5, Up, 3),
            (7, Up, 5),
            (9, Up, 6),
        ] {
            assert_eq!(step(&sections, 3, Some(from), arrow), Some(to), "{arrow:?} from {from}");
        }
        assert_eq!(step(&sections, 3, None, Up), Some(0));
        assert_eq!(step(&sections, 3, Some(99), Left), Some(8));
        assert_eq!(step(&[0, 0], 3, Some(1), Down), None);
        assert_eq!(step(&[], 0, None, Down), None);
        assert_eq!(step(&[2], 0, Some(0), Down), Some(1));
    }

    mod properties {
        use proptest::{collection::vec, prelude::*};

        use super::*;

        proptest! {
            #[test]
            fn arrows_stay_among_the_emoji(
                sections in vec(0_usize..20, 0..6), columns in 0_usize..10, from in 0_usize..130, key in 0_usize..4,
            ) {
                let arrow = [Arrow::Left, Arrow::Right, Arrow::Up, Arrow::Down][key];
                let count: usize = sections.iter().sum();
                let to = step(&sections, columns, Some(from), arrow);
                prop_assert_eq!(to.is_some(), count > 0);
                prop_assert!(to.is_none_or(|to| to < count));
                let from = from.min(count.saturating_sub(1));
                let is_forward = matches!(arrow, Arrow::Right | Arrow::Down);
                let is_in_direction = to.is_none_or(|to| if is_forward { to >= from } else { to <= from });
                prop_assert!(is_in_direction);
            }
        }
    }
}
