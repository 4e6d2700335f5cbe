//! What is said, and what becomes of it.

use super::*;

#[test]
fn an_own_message_is_shown_pending_then_sent_once() {
    let mut driver = Driver::online();
    let id = driver.talk("hello");
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
    assert_eq!(driver.events, [], "a second acknowledgement says nothing new");
}

#[test]
fn a_refused_message_fails_and_may_be_tried_again_or_discarded() {
    let mut driver = Driver::online();
    let id = driver.talk("hello");
    driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    assert_eq!(driver.events.last(), Some(&Event::Delivery(id, Delivery::Failed(Status::ContentTooLong))));
    driver.forget();
    driver.session.handle_retry(driver.now, id);
    driver.drain();
    assert_eq!((driver.texts(), driver.sent[0].id.as_slice()), (vec!["hello"], &id.0[..]), "the same id");
    driver.session.handle_discard(driver.now, id);
    assert!(driver.session.outbox.get(id).is_some(), "what is on its way can't be called back");
    driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    driver.session.handle_discard(driver.now, id);
    driver.drain();
    assert_eq!(driver.events.last(), Some(&Event::Discarded(id)));
    driver.forget();
    driver.session.handle_retry(driver.now, id);
    driver.drain();
    assert_eq!(driver.texts(), Vec::<&str>::new());
}

#[test]
fn the_rate_the_server_told_is_kept_and_the_order_too() {
    let mut driver = Driver::online();
    for n in 0..7 {
        driver.talk(&n.to_string());
    }
    assert_eq!(driver.texts(), ["0", "1", "2", "3", "4"]);
    assert!(driver.events.iter().any(|e| matches!(e, Event::Throttled(Status::RateLimited, 1000))));
    driver.pass(999);
    assert_eq!(driver.texts().len(), 5);
    driver.pass(1_001);
    assert_eq!(driver.texts(), ["0", "1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_refusal_for_the_rate_is_waited_out() {
    let mut driver = Driver::online();
    let id = driver.talk("hello");
    driver.forget();
    driver.receive(&codec::refusal(Status::RateLimited, Some(id), 3_000, None));
    let throttled = Event::Throttled(Status::RateLimited, 3_000);
    assert_eq!(
        driver.events,
        [throttled, Event::Delivery(id, Delivery::Queued)],
        "the message is not given up"
    );
    driver.pass(2_999);
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.pass(1);
    assert_eq!(driver.texts(), ["hello"]);
}
