//! A timeline for the tests of this folder.

use parlour_core::{
    model::{Delivery, Message, MessageId, Reactions, TextState},
    ranges::{Gap, GapState},
    timeline::Timeline,
};

/// Messages 501 to 600 of a room, each 10 pixels tall, below a gap of 5,000 pixels for messages 1 to 500.
pub fn timeline_with_gap() -> Timeline {
    let mut timeline = Timeline::new(1000, |_| 0);
    timeline.insert_page((501..=600).map(message).collect());
    timeline.set_gaps(&[GapState { gap: Gap { from: 0, to: 500 }, loading: false }]);
    timeline.set_measured(0, 5000.0);
    (1..=100).for_each(|at| timeline.set_measured(at, 10.0));
    timeline
}

/// A message of another person with this ord.
pub fn message(ord: u64) -> Message {
    let (id, nick, content) = (MessageId([0; 16]), "tom".into(), "hello".into());
    Message {
        id,
        sender: None,
        nick,
        content,
        ord,
        time: 0,
        own: false,
        delivery: Delivery::Sent,
        text: TextState::Original,
        reactions: Reactions::default(),
    }
}
