//! Sending messages.

use super::*;

#[test]
fn an_own_message_is_reported_queued_pending_and_sent() {
    let mut driver = Driver::online();
    let id = driver.send("hello");
    assert!(matches!(&driver.events[0], Event::Message(m) if m.id == id && m.delivery == Delivery::Queued));
    assert_eq!(driver.events[1], Event::Delivery(id, Delivery::Pending));
    assert_eq!((driver.texts(), driver.sent[0].id.as_slice()), (vec!["hello"], &id.0[..]));
    driver.events.clear();
    driver.receive(&ack(id, 9));
    assert!(
        matches!(&driver.events[..], [Event::Message(m)] if m.id == id && m.seq == 9 && m.delivery == Delivery::Sent)
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
    assert_eq!(driver.events.last(), Some(&Event::Delivery(id, Delivery::Failed(Status::ContentTooLong))));
    driver.clear();
    driver.session.handle_retry(driver.now, id);
    driver.drain();
    assert_eq!((driver.texts(), driver.sent[0].id.as_slice()), (vec!["hello"], &id.0[..]), "the same id");
    driver.session.handle_discard(driver.now, id);
    assert!(driver.session.send_queue.get(id).is_some(), "a message in flight can't be discarded");
    driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    driver.session.handle_discard(driver.now, id);
    driver.drain();
    assert_eq!(driver.events.last(), Some(&Event::Discarded(id)));
    driver.clear();
    driver.session.handle_retry(driver.now, id);
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
    assert!(driver.events.iter().any(|e| matches!(e, Event::Throttled(Status::RateLimited, 1000))));
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
    let throttled = Event::Throttled(Status::RateLimited, 3_000);
    assert_eq!(
        driver.events,
        [throttled, Event::Delivery(id, Delivery::Queued)],
        "the message has not failed"
    );
    driver.pass(2_999);
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.pass(1);
    assert_eq!(driver.texts(), ["hello"]);
}
