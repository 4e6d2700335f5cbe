//! What a page knows that leads after another one.

use super::*;

#[test]
fn what_was_acknowledged_stays_so_when_another_page_leads() {
    let mut browser = Browser::new(0);
    browser.hello();
    let id = MessageId([5; 16]);
    let said = browser.mirror.handle_talk(NOW, id, "hello").unwrap();
    browser.drain_mirror();
    browser.write(said.change.clone());
    browser.wish(&said.wish);
    let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq: 1, time: 5 }];
    browser.receive(&codec::extension("", Extension::Ack(wire::Ack { accepted })));
    assert_eq!(browser.second.shown(), [(id, 1, Delivery::Sent)]);
    // That it is done with is not written yet.
    browser.take_over();
    assert_eq!(browser.second.shown(), [(id, 1, Delivery::Sent)]);
}

#[test]
fn what_a_page_said_and_could_not_write_down_is_sent_by_the_next_one() {
    let mut browser = Browser::new(0);
    browser.hello();
    let [written, waits] = [1, 2].map(|n| MessageId([n; 16]));
    browser.session.handle_talk(NOW, written, "written").unwrap();
    browser.drain();
    assert_eq!(browser.mirror.take_waiting(), [], "what is under way was written down");
    browser.dying = true;
    // A clock that is put back changes nothing.
    browser.session.handle_talk(Now { unix: NOW.unix - 9, ..NOW }, waits, "not written").unwrap();
    browser.drain();
    browser.both_show(2);
    browser.sent.clear();
    browser.take_over();
    browser.drain();
    assert!(browser.kept().outbox.iter().any(|entry| entry.id == waits), "it is written down now");
    browser.session.handle_opened(NOW);
    let welcome = wire::Welcome { version: 1, nick: "tom".into(), secret: vec![7; 32], ..Default::default() };
    browser.receive(&codec::extension("", Extension::Welcome(welcome)));
    let sent = browser.sent.iter().filter(|frame| frame.r#type == codec::TALK);
    let sent: Vec<_> = sent.map(|frame| &*frame.content).collect();
    assert_eq!(sent, ["written", "not written"], "each once");
}

#[test]
fn what_may_have_been_discarded_meanwhile_is_not_sent_by_the_next_page() {
    let mut browser = Browser::new(0);
    browser.hello();
    browser.dying = true;
    browser.session.handle_talk(NOW, MessageId([1; 16]), "not written").unwrap();
    browser.drain();
    // Letters are missed, and nobody is there any more to say what was in them.
    browser.deaf = true;
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    let letter = browser.lead.tell(NOW.mono, &Event::RoundTrip(5), &browser.session).unwrap();
    assert_eq!(browser.mirror.handle(NOW.mono, &letter), Took::Missed);
    assert_eq!(browser.mirror.take_waiting(), []);
}

#[test]
fn what_is_on_a_page_of_the_room_does_not_wait() {
    let mut browser = Browser::new(0);
    browser.hello();
    browser.dying = true;
    browser.session.handle_talk(NOW, MessageId([1; 16]), "not written").unwrap();
    browser.drain();
    let sent = |event: &Event| match event {
        Event::Message(message) => Some(Message { seq: 1, delivery: Delivery::Sent, ..message.clone() }),
        _ => None,
    };
    let page = Event::Page(browser.second.events.iter().filter_map(sent).collect());
    let letter = browser.lead.tell(NOW.mono, &page, &browser.session).unwrap();
    browser.told(&letter);
    assert_eq!(browser.mirror.take_waiting(), []);
}
