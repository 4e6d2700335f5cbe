//! Finds messages by their ord.
//!
//! There is no index by ord: it would make each append slower. Every event states the number of messages up to it, so the
//! message is found by a search between its earliest and its latest possible place. In a room without other events the
//! first guess is right; in one with a million messages and 100,000 other events it takes one to three steps, and 21 at
//! most.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    message_key::{key, parts},
    rooms::RoomHead,
};

/// The number of steps that guess from what the previous one found. After them the range is halved, so that the number of
/// steps is bounded for every order of events.
const MAX_GUESSES: u32 = 4;

/// An event on the way to a message.
struct Found {
    seq: u64,
    ord: u64,
    is_message: bool,
}

/// The sequence number of the message with this ord; `None` if it is not stored.
pub(super) fn seq_of(connection: &Connection, room: &RoomHead, ord: u64) -> rusqlite::Result<Option<u64>> {
    if !room.stored().contains(&ord) {
        return Ok(None);
    }
    // Between the event with the number `low`, if the room had no other events before it, and `high`, if it had all of
    // them before it.
    let others = room.head_seq.saturating_sub(room.head_ord);
    let (mut low, mut high) = (ord, ord + others);
    // As if the other events were evenly distributed.
    let mut guess = low + share(others, ord, room.head_ord);
    for step in 1.. {
        let found = at_or_after(connection, room.id, guess, high)?;
        let is_earlier = match found {
            Some(Found { seq, ord: at, is_message: true }) if at == ord => return Ok(Some(seq)),
            Some(Found { seq, ord: at, .. }) if at < ord => {
                low = seq + (ord - at);
                false
            }
            Some(Found { seq, ord: at, is_message }) => {
                let last = if is_message { seq } else { seq - 1 };
                high = last.saturating_sub(at - ord).min(guess - 1);
                true
            }
            None => {
                high = guess - 1;
                true
            }
        };
        if low > high {
            break;
        }
        guess = match step {
            ..MAX_GUESSES if is_earlier => high,
            ..MAX_GUESSES => low,
            _ => low + (high - low) / 2,
        };
    }
    Ok(None)
}

/// `whole` times `part` / `of`.
fn share(whole: u64, part: u64, of: u64) -> u64 {
    let share = u128::from(whole) * u128::from(part) / u128::from(of.max(1));
    u64::try_from(share).unwrap_or(whole).min(whole)
}

/// The first event of a room in a range of sequence numbers.
fn at_or_after(connection: &Connection, room: i64, from: u64, to: u64) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached(
            "SELECT place, ord, kind = 0 FROM event WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT 1",
        )?
        .query_row(params![key(room, from), key(room, to)], |row| {
            Ok(Found {
                seq: parts(row.get(0)?).1,
                ord: row.get::<_, i64>(1)?.cast_unsigned(),
                is_message: row.get(2)?,
            })
        })
        .optional()
}

/// The ord of the newest message in the first places of a room, up to this one; `None` if there is no event there.
pub(super) fn ord_up_to(connection: &Connection, room: i64, place: i64) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT ord FROM event WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1")?
        .query_row([key(room, 0), place], |row| row.get::<_, i64>(0))
        .optional()
        .map(|ord| ord.map(i64::cast_unsigned))
}
