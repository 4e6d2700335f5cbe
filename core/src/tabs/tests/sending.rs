//! Messages of a follower.

use super::*;

#[test]
fn a_message_of_a_follower_is_sent_once_by_the_leader() {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.sent.clear();
    let id = MessageId([5; 16]);
    let sent = browser.follower.handle_send(NOW, id, "hello  ").unwrap();
    browser.drain_follower();
    assert!(
        matches!(browser.follower_tab.shown()[..], [(shown, _, Delivery::Queued)] if shown == id),
        "at once"
    );
    browser.write(sent.change.clone());
    for _ in 0..2 {
        assert_eq!(browser.command(&sent.command), LeaderAction::Nothing);
    }
    let talks: Vec<_> = browser.sent.iter().filter(|f| f.r#type == codec::TALK).collect();
    assert!(matches!(talks[..], [f] if f.content == "hello" && f.id == id.0));
    browser.both_show(1);
    let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq: 1, time: 5 }];
    browser.receive(&codec::extension(Extension::Ack(wire::Ack { accepted })));
    assert_eq!(browser.follower_tab.shown(), [(id, 1, Delivery::Sent)]);
    browser.both_show(1);
    // A follower that has become the leader adopts its own message.
    let next = browser.follower.handle_send(NOW, MessageId([6; 16]), "and this").unwrap();
    browser.session.handle_adopt(NOW, &next.value);
    browser.drain();
    assert_eq!(browser.sent.last().unwrap().content, "and this");
    assert_eq!(browser.follower.handle_send(NOW, id, " "), Err(Status::ContentEmpty));
    let long = "x".repeat(20_000);
    assert_eq!(browser.follower.handle_send(NOW, id, &long), Err(Status::ContentTooLong));
    assert_eq!(browser.follower.excess_bytes(&long), 20_000 - 16 * 1024);
    assert_eq!(Follower::new(0, 0).handle_send(NOW, id, "x"), Err(Status::NotConnected));
}

#[test]
fn unsent_messages_are_in_the_same_order_in_all_tabs() {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    let ids = [1, 2, 3].map(|n| MessageId([n; 16]));
    let at = |ms| Clocks { unix: NOW.unix + ms, ..NOW };
    // The leader sends a message while the follower's one is being persisted.
    let first = browser.follower.handle_send(at(0), ids[0], "one").unwrap();
    browser.drain_follower();
    browser.session.handle_send(at(1), ids[1], "two").unwrap();
    browser.drain();
    // A clock that is set back does not change the order.
    browser.session.handle_send(at(-9), ids[2], "three").unwrap();
    browser.drain();
    browser.command(&first.command);
    browser.both_show(3);
    assert_eq!(browser.follower_tab.shown().iter().map(|shown| shown.0).collect::<Vec<_>>(), ids);
}
