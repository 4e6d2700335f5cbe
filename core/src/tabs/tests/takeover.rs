//! A follower that becomes the leader.

use super::*;

#[test]
fn acknowledged_messages_stay_acknowledged_under_a_new_leader() {
    let mut browser = Browser::new(0);
    browser.sync();
    let id = MessageId([5; 16]);
    let sent = browser.follower.handle_send(NOW, id, "hello").unwrap();
    browser.drain_follower();
    browser.write(sent.change.clone());
    browser.command(&sent.command);
    let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq: 1, time: 5 }];
    browser.receive(&codec::extension(Extension::Ack(wire::Ack { accepted })));
    assert_eq!(browser.follower_tab.shown(), [(id, 1, Delivery::Sent)]);
    // The acknowledgement is not persisted yet.
    browser.take_over();
    assert_eq!(browser.follower_tab.shown(), [(id, 1, Delivery::Sent)]);
}

#[test]
fn messages_that_are_settled_are_not_sent_again_although_the_device_has_them() {
    let mut browser = Browser::new(0);
    browser.sync();
    let [sent, discarded] = [1, 2].map(|n| MessageId([n; 16]));
    for id in [sent, discarded] {
        browser.session.handle_send(NOW, id, "hello").unwrap();
        browser.drain();
    }
    // The leader's storage fails from now on.
    browser.dying = true;
    let accepted = vec![wire::Accepted { id: sent.0.to_vec(), seq: 1, time: 5 }];
    browser.receive(&codec::extension(Extension::Ack(wire::Ack { accepted })));
    let code = Status::ContentTooLong.code().into();
    let refusal = wire::Refusal { code, id: discarded.0.to_vec(), ..wire::Refusal::default() };
    browser.receive(&codec::extension(Extension::Refusal(refusal)));
    browser.session.handle_discard(NOW, discarded);
    browser.drain();
    assert_eq!(browser.persisted().send_queue.len(), 2);
    browser.take_over();
    browser.drain();
    assert_eq!(browser.follower_tab.shown(), [(sent, 1, Delivery::Sent)]);
    assert_eq!(texts_sent(&mut browser), Vec::<String>::new());
    browser.session.handle_hidden();
    browser.drain();
    assert!(browser.persisted().send_queue.is_empty(), "they are deleted");
}

#[test]
fn messages_that_a_dying_leader_did_not_persist_are_sent_by_the_next_one() {
    let mut browser = Browser::new(0);
    browser.sync();
    let [persisted, queued] = [1, 2].map(|n| MessageId([n; 16]));
    browser.session.handle_send(NOW, persisted, "persisted").unwrap();
    browser.drain();
    assert_eq!(browser.follower.take_queued(), [], "messages in flight are persisted");
    browser.dying = true;
    // A clock that is set back does not change the order.
    browser.session.handle_send(Clocks { unix: NOW.unix - 9, ..NOW }, queued, "not persisted").unwrap();
    browser.drain();
    browser.both_show(2);
    browser.take_over();
    browser.drain();
    assert!(
        browser.persisted().send_queue.iter().any(|message| message.id == queued),
        "the new leader has persisted it"
    );
    assert_eq!(texts_sent(&mut browser), ["persisted", "not persisted"], "each is sent once");
}

#[test]
fn messages_that_may_have_been_discarded_are_not_sent_by_the_next_leader() {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.dying = true;
    browser.session.handle_send(NOW, MessageId([1; 16]), "not persisted").unwrap();
    browser.drain();
    // The follower misses messages, and no leader is left to send a snapshot.
    browser.disconnected = true;
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    let message = browser.leader.publish(NOW.monotonic, &Event::RoundTrip(5), &browser.session).unwrap();
    assert_eq!(browser.follower.handle_message(NOW.monotonic, &message), FollowerAction::RequestSnapshot);
    assert_eq!(browser.follower.take_queued(), []);
}

#[test]
fn messages_on_a_history_page_are_not_queued_any_more() {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.dying = true;
    browser.session.handle_send(NOW, MessageId([1; 16]), "not persisted").unwrap();
    browser.drain();
    let sent = |event: &Event| match event {
        Event::Message(message) => Some(Message { seq: 1, delivery: Delivery::Sent, ..message.clone() }),
        _ => None,
    };
    let page = Event::HistoryPage(browser.follower_tab.events.iter().filter_map(sent).collect());
    let message = browser.leader.publish(NOW.monotonic, &page, &browser.session).unwrap();
    browser.deliver(&message);
    assert_eq!(browser.follower.take_queued(), []);
}

/// The texts that the session of a browser sends once it is online.
fn texts_sent(browser: &mut Browser) -> Vec<String> {
    browser.sent.clear();
    browser.session.handle_opened(NOW);
    let welcome = wire::Welcome { version: 1, nick: "tom".into(), secret: vec![7; 32], ..Default::default() };
    browser.receive(&codec::extension(Extension::Welcome(welcome)));
    let sent = browser.sent.iter().filter(|envelope| envelope.r#type == codec::TALK);
    sent.map(|envelope| envelope.content.clone()).collect()
}

/// A clock that was set back.
const EARLIER: Clocks = Clocks { monotonic: NOW.monotonic + 100, unix: NOW.unix - 3_600_000 };

#[test]
fn messages_keep_their_order_when_a_tab_becomes_the_leader_and_the_clock_goes_back() {
    let mut browser = Browser::new(0);
    browser.sync();
    // The first one is being written to the device when the leader's tab is closed.
    let first = browser.follower.handle_send(NOW, MessageId([1; 16]), "first").unwrap();
    browser.take_over();
    browser.session.handle_send(EARLIER, MessageId([2; 16]), "second").unwrap();
    browser.write(first.change);
    browser.session.handle_adopt(NOW, &first.value);
    browser.drain();
    assert_eq!(texts_sent(&mut browser), ["first", "second"]);
}

#[test]
fn messages_keep_their_order_across_tabs_when_the_clock_goes_back() {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.session.handle_closed(NOW, 1006);
    browser.session.handle_send(NOW, MessageId([1; 16]), "first, in the leader").unwrap();
    browser.drain();
    let second =
        browser.follower.handle_send(EARLIER, MessageId([2; 16]), "second, in the follower").unwrap();
    browser.write(second.change);
    browser.command(&second.command);
    // The old leader follows.
    let mut follower = Follower::after_leading(NOW.monotonic, 1, &browser.leader, &browser.session);
    let third = follower.handle_send(EARLIER, MessageId([3; 16]), "third, in the old leader").unwrap();
    browser.session.handle_adopt(NOW, &third.value);
    browser.session.handle_reconnect(NOW);
    browser.drain();
    let expected = ["first, in the leader", "second, in the follower", "third, in the old leader"];
    assert_eq!(texts_sent(&mut browser), expected);
}
