//! The life of an own message in the state of a tab: shown at once, and replaced by the acknowledged one.

use super::*;
use crate::{client::state::Change as StateChange, timeline::TimelineUpdate};

/// The updates of a room's timeline since the last call.
fn updates(driver: &mut Driver, room: RoomId) -> Vec<TimelineUpdate> {
    let mut updates = Vec::new();
    while let Some(change) = driver.client.state_mut().poll_change() {
        match change {
            StateChange::Timeline(of, update) if of == room => updates.push(update),
            _ => {}
        }
    }
    updates.retain(|update| !matches!(update, TimelineUpdate::Gaps(_) | TimelineUpdate::Bounds { .. }));
    updates
}

/// Sends a message without draining the changes of the state.
fn send(driver: &mut Driver, room: RoomId) -> MessageId {
    let id = MessageId([40; 16]);
    driver.client.handle_send(driver.now, room, id, "hi").unwrap();
    id
}

#[test]
fn an_own_message_is_shown_at_once_and_replaced_by_the_acknowledged_one() {
    for message_first in [false, true] {
        let mut driver = Driver::online();
        driver.subscribed(ROOM, 4);
        let id = send(&mut driver, ROOM);
        let shown = updates(&mut driver, ROOM);
        let [TimelineUpdate::Message(message)] = &shown[..] else { panic!("{shown:?}") };
        assert_eq!((message.id, message.delivery, message.own), (id, Delivery::Queued, true));
        assert_eq!((message.sender, &*message.nick), (Some(ME), "tom"));
        let mut envelopes = [codec::encode(&ack(id, 5)), codec::encode(&talk(ROOM, ME, 5, id))];
        if message_first {
            envelopes.reverse();
        }
        driver.drain();
        for bytes in envelopes {
            driver.client.handle_message(driver.now, &bytes);
        }
        let sent: Vec<_> = updates(&mut driver, ROOM)
            .into_iter()
            .filter(|update| matches!(update, TimelineUpdate::Message(_) | TimelineUpdate::Discarded(_)))
            .collect();
        let [TimelineUpdate::Message(message)] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!((message.id, message.delivery, message.ord), (id, Delivery::Sent, 5));
        driver.drain();
        assert_eq!(driver.deliveries()[&id], Delivery::Sent);
    }
}

#[test]
fn a_message_to_a_room_without_a_subscription_is_acknowledged_too() {
    let mut driver = Driver::online();
    let id = driver.send_to(ROOM, "hi");
    driver.receive(&ack(id, 5));
    assert_eq!(driver.deliveries(), BTreeMap::from([(id, Delivery::Sent)]));
}
