//! Leaving in one tab logs all tabs out.

use super::*;

#[test]
fn logging_out_in_one_tab_logs_out_all_tabs() {
    let mut browser = Browser::new(0);
    browser.sync();
    assert_eq!(browser.command(&command(TabCommand::Leave)), LeaderAction::Leave);
    browser.session.handle_leave(NOW);
    browser.drain();
    assert_eq!(browser.follower_tab.events.last(), Some(&Event::LoggedOut));
    assert_eq!(browser.follower.handle_send(NOW, MessageId([5; 16]), "x"), Err(Status::NotConnected));
}

#[test]
fn a_tab_that_has_missed_messages_logs_out_too() {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.disconnected = true;
    browser.receive(&message(1));
    browser.disconnected = false;
    browser.session.handle_leave(NOW);
    browser.drain();
    assert!(browser.follower_tab.events.contains(&Event::LoggedOut));
    assert!(
        browser.follower.mirrored().is_none(),
        "it can't continue the session, also if the storage fails"
    );
    // A user who has just typed a nick into another tab is not affected.
    let mut browser = Browser::new(0);
    browser.leader = Leader::new(9, true);
    browser.disconnected = false;
    browser.session.handle_leave(NOW);
    let events: Vec<_> = std::iter::from_fn(|| browser.session.poll_event()).collect();
    for event in events {
        let message = browser.leader.publish(NOW.monotonic, &event, &browser.session).unwrap();
        browser.follower.handle_message(NOW.monotonic, &message);
    }
    browser.drain_follower();
    assert!(!browser.follower_tab.events.contains(&Event::LoggedOut));
}
