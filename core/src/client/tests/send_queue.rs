//! Sending messages.

use super::*;

#[test]
fn an_own_message_is_reported_queued_pending_and_sent() {
    let mut driver = Driver::online();
    let id = driver.send("hello");
    assert!(matches!(&driver.events[0], Event::Own(m) if m.id == id && m.delivery == Delivery::Queued));
    assert_eq!(driver.events[1], Event::Delivery(RoomId::LOBBY, id, Delivery::Pending));
    assert_eq!((driver.texts(), driver.sent[0].id.as_slice()), (vec!["hello"], &id.0[..]));
    driver.events.clear();
    driver.receive(&ack(id, 9));
    assert!(
        matches!(&driver.events[..], [Event::Acknowledged { id: acknowledged, seq: 9, .. }] if *acknowledged == id)
    );
    driver.events.clear();
    driver.receive(&ack(id, 9));
    assert_eq!(driver.events, [], "a second acknowledgement has no effect");
}

#[test]
fn a_refused_message_fails_and_can_be_retried_or_discarded() {
    let mut driver = Driver::online();
    let id = driver.send("hello");
    driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    assert_eq!(
        driver.events.last(),
        Some(&Event::Delivery(RoomId::LOBBY, id, Delivery::Failed(Status::ContentTooLong)))
    );
    driver.clear();
    driver.client.handle_retry(driver.now, RoomId::LOBBY, id);
    driver.drain();
    assert_eq!((driver.texts(), driver.sent[0].id.as_slice()), (vec!["hello"], &id.0[..]), "the same id");
    driver.client.handle_discard(driver.now, RoomId::LOBBY, id);
    assert!(
        driver.client.send_queue.get(RoomId::LOBBY, id).is_some(),
        "a message in flight can't be discarded"
    );
    driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    driver.client.handle_discard(driver.now, RoomId::LOBBY, id);
    driver.drain();
    assert_eq!(driver.events.last(), Some(&Event::Discarded(RoomId::LOBBY, id)));
    driver.clear();
    driver.client.handle_retry(driver.now, RoomId::LOBBY, id);
    driver.drain();
    assert_eq!(driver.texts(), Vec::<&str>::new());
}

#[test]
fn messages_are_sent_in_order_within_the_rate_limit() {
    let mut driver = Driver::online();
    for n in 0..7 {
        driver.send(&n.to_string());
    }
    assert_eq!(driver.texts(), ["0", "1", "2", "3", "4"]);
    assert!(driver.events.iter().any(|e| matches!(e, Event::Throttled(None, Status::RateLimited, 1000))));
    driver.pass(999);
    assert_eq!(driver.texts().len(), 5);
    driver.pass(1_001);
    assert_eq!(driver.texts(), ["0", "1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_rate_limited_message_is_resent_after_the_delay() {
    let mut driver = Driver::online();
    let id = driver.send("hello");
    driver.clear();
    driver.receive(&codec::refusal(Status::RateLimited, Some(id), 3_000, None));
    let throttled = Event::Throttled(None, Status::RateLimited, 3_000);
    assert_eq!(
        driver.events,
        [Event::Delivery(RoomId::LOBBY, id, Delivery::Queued), throttled],
        "the message has not failed"
    );
    driver.pass(2_999);
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.pass(1);
    assert_eq!(driver.texts(), ["hello"]);
}

impl Driver {
    /// The connection ends, and the next one is open.
    fn ends_and_reconnects(&mut self, code: u16) {
        self.closed(code);
        self.client.handle_reconnect(self.now);
        self.clear();
        self.drain();
        self.opened();
        self.receive(&welcome("tom"));
        let due = self.client.poll_timeout();
        assert_eq!(due.filter(|due| *due <= self.now.monotonic), None, "a busy loop");
    }

    /// The connection lasts, and something arrives every second.
    fn lasts(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.pass(1_000);
            self.receive(&codec::extension(Ext::Typing(wire::Typing { typing: true })));
        }
    }

    /// The delivery states of all own messages, as they were reported last.
    fn failures(&self) -> Vec<(MessageId, Status)> {
        let failure = |queued: &QueuedMessage| match queued.stage {
            Stage::Failed(status) => Some((queued.id, status)),
            _ => None,
        };
        self.client.send_queue.iter().filter_map(|(_, queued)| failure(queued)).collect()
    }
}

#[test]
fn a_message_that_is_too_big_for_a_proxy_fails_the_second_time_and_the_others_are_sent() {
    for reload in [false, true] {
        let mut driver = Driver::online();
        let [small, big, last] = ["small", "big", "last"].map(|text| driver.send(text));
        driver.ends_and_reconnects(1009);
        if reload {
            driver.reload();
            driver.ends_and_reconnects(1006);
        }
        assert_eq!(driver.texts(), ["small"], "any of the three may be the cause");
        driver.receive(&ack(small, 1));
        assert_eq!(driver.texts(), ["small", "big"], "alone");
        driver.ends_and_reconnects(1009);
        assert_eq!(driver.failures(), [(big, Status::ContentTooLong)]);
        assert_eq!(driver.texts(), ["last"]);
        driver.receive(&ack(last, 2));
        // The reason is still known after a reload, and the message can be discarded.
        driver.pass(1_000);
        driver.reload();
        assert_eq!(driver.failures(), [(big, Status::ContentTooLong)]);
        driver.client.handle_discard(driver.now, RoomId::LOBBY, big);
        driver.drain();
        assert_eq!(driver.events.last(), Some(&Event::Discarded(RoomId::LOBBY, big)));
    }
}

#[test]
fn a_message_that_ends_the_connection_three_times_fails() {
    for code in [1002, 1006, 1011, 3999] {
        let mut driver = Driver::online();
        let [bad, good] = ["bad", "good"].map(|text| driver.send(text));
        driver.ends_and_reconnects(code);
        assert_eq!(driver.texts(), ["bad", "good"]);
        driver.ends_and_reconnects(code);
        driver.lasts(4);
        assert_eq!(driver.texts(), Vec::<&str>::new(), "the connection has to last without them");
        driver.lasts(1);
        assert_eq!(driver.texts(), ["bad"], "suspect messages are sent alone");
        let last = driver.sent.last().map(|envelope| &envelope.extension);
        assert!(matches!(last, Some(Some(Ext::Ping(_)))), "the answer would acquit it: {last:?}");
        driver.ends_and_reconnects(code);
        assert_eq!(driver.failures(), [(bad, Status::EndsConnection)], "{code}");
        driver.lasts(5);
        assert_eq!(driver.texts(), ["good"]);
        driver.receive(&ack(good, 1));
        // Sent again by the user, it has one more chance.
        driver.lasts(5);
        driver.client.handle_retry(driver.now, RoomId::LOBBY, bad);
        driver.drain();
        assert_eq!(driver.texts(), ["good", "bad"]);
        driver.receive(&ack(bad, 2));
        assert_eq!(driver.client.send_queue.len(), 0);
    }
}

#[test]
fn messages_are_not_blamed_for_other_ends_of_the_connection() {
    let mut driver = Driver::online();
    driver.send("hello");
    for status in [Status::GoingAway, Status::ShuttingDown, Status::TooSlow, Status::ServiceRestart] {
        (0..4).for_each(|_| driver.ends_and_reconnects(status.code()));
    }
    assert_eq!((driver.texts(), driver.failures()), (vec!["hello"], vec![]));
    // A connection that lives on after the message was sent ends for another reason.
    for _ in 0..4 {
        driver.lasts(6);
        driver.ends_and_reconnects(1006);
    }
    assert_eq!((driver.texts(), driver.failures()), (vec!["hello"], vec![]));
    // The server has answered what was sent after the message.
    for _ in 0..4 {
        driver.pong();
        driver.ends_and_reconnects(1006);
    }
    assert_eq!((driver.texts(), driver.failures()), (vec!["hello"], vec![]));
}

#[test]
fn a_message_is_acquitted_when_the_connection_ends_without_it() {
    let mut driver = Driver::online();
    let id = driver.send("hello");
    for _ in 0..5 {
        driver.ends_and_reconnects(1006);
        assert_eq!(driver.texts(), ["hello"]);
        driver.ends_and_reconnects(1006);
        assert_eq!(driver.texts(), Vec::<&str>::new());
        // It has not been sent on this connection.
        driver.ends_and_reconnects(1006);
        assert_eq!((driver.texts(), driver.failures()), (vec!["hello"], vec![]));
    }
    // Nor is it blamed if the server can't be reached afterwards.
    for _ in 0..5 {
        driver.ends_and_reconnects(1006);
        driver.closed(1006);
        driver.client.handle_reconnect(driver.now);
        driver.drain();
        driver.closed(1006);
        driver.ends_and_reconnects(1006);
        assert_eq!((driver.texts(), driver.failures()), (vec!["hello"], vec![]));
    }
    driver.receive(&ack(id, 1));
}

// ---- lanes

#[test]
fn a_refusal_in_one_room_does_not_hold_up_the_others() {
    let mut driver = Driver::online();
    let blocked = [driver.send_to(ROOM, "a1"), driver.send_to(ROOM, "a2")];
    driver.receive(&codec::refusal(Status::Internal, Some(blocked[0]), 60_000, None));
    assert!(driver.events.contains(&Event::Throttled(Some(ROOM), Status::Internal, 60_000)));
    driver.clear();
    let other = driver.send("b1");
    driver.send_to(ROOM, "a3");
    assert_eq!(driver.texts(), ["b1"]);
    driver.receive(&ack(other, 1));
    (0..12).for_each(|_| driver.lasts(5));
    assert_eq!(driver.texts(), ["b1", "a1", "a2", "a3"], "in their order");
}

#[test]
fn the_rate_limit_of_the_account_holds_all_rooms_which_then_take_turns() {
    let mut driver = Driver::online();
    let first = driver.send_to(ROOM, "a1");
    driver.receive(&codec::refusal(Status::RateLimited, Some(first), 4_000, None));
    for text in ["a2", "a3", "a4"] {
        driver.send_to(ROOM, text);
    }
    for text in ["b1", "b2"] {
        driver.send(text);
    }
    driver.clear();
    driver.lasts(3);
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.lasts(1);
    assert_eq!(driver.texts(), ["b1", "a1", "b2", "a2", "a3"], "the burst of the limit");
}

#[test]
fn a_refused_message_does_not_block_later_ones_and_keeps_its_place() {
    let mut driver = Driver::online();
    let ids = ["one", "two", "three"].map(|text| driver.send_to(ROOM, text));
    driver.receive(&codec::refusal(Status::NoSuchRoom, Some(ids[0]), 0, None));
    driver.receive(&ack(ids[1], 1));
    driver.receive(&ack(ids[2], 2));
    driver.closed(1006);
    driver.send_to(ROOM, "four");
    driver.client.handle_retry(driver.now, ROOM, ids[0]);
    driver.clear();
    driver.reconnect();
    assert_eq!(driver.texts(), ["one", "four"]);
}

#[test]
fn a_message_on_probation_does_not_hold_up_other_rooms_until_it_is_sent() {
    let mut driver = Driver::online();
    let bad = driver.send_to(ROOM, "bad");
    driver.ends_and_reconnects(1006);
    driver.ends_and_reconnects(1006);
    let good = driver.send("good");
    assert_eq!(driver.texts(), ["good"], "the other one waits for a connection that lasts");
    driver.receive(&ack(good, 1));
    driver.lasts(5);
    assert_eq!(driver.texts(), ["good", "bad"]);
    driver.send("held until the answer");
    assert_eq!(driver.texts().len(), 2);
    driver.receive(&ack(bad, 1));
    assert_eq!(driver.texts().len(), 3);
}
