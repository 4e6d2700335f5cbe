//! The server's log is replaced: results of storage and other tabs that belong to the previous one are dropped.

use super::*;
use crate::persist::{self, Account};

impl Browser {
    /// The leader reaches a server whose log is `log` and ends with `last`; its newest messages are those of "zoe".
    fn reconnect(&mut self, log: &[u8], last: u64, reset: bool) {
        self.session.handle_closed(NOW, 1006);
        self.session.handle_reconnect(NOW);
        self.session.handle_opened(NOW);
        let position = wire::RoomPosition { seq: last, reset, ..wire::RoomPosition::default() };
        let welcome = wire::Welcome {
            version: 1,
            nick: "tom".into(),
            secret: vec![7; 32],
            capabilities: vec!["history".into(), "search".into()],
            log: log.to_vec(),
            positions: vec![position],
            ..wire::Welcome::default()
        };
        self.receive(&codec::extension(Extension::Welcome(welcome)));
        let frames = (last - 1..=last).map(|seq| codec::encode(&new_message(seq))).collect();
        let page = wire::HistoryPage { frames, from: last - 2, to: last, ..wire::HistoryPage::default() };
        self.receive(&codec::extension(Extension::HistoryPage(page)));
    }

    /// The positions in the session's next login.
    fn positions(&mut self) -> Vec<wire::RoomPosition> {
        self.drain();
        self.session.handle_opened(NOW);
        self.drain();
        let login = self.sent.iter().rev().find_map(|envelope| match &envelope.extension {
            Some(Extension::Login(login)) => Some(login.positions.clone()),
            _ => None,
        });
        login.unwrap()
    }

    fn contents(tab: &Tab) -> Vec<String> {
        let message = |kind: &RowKind| match kind {
            RowKind::Message { message, .. } => Some(format!("{}: {}", message.nick, message.content)),
            _ => None,
        };
        tab.timeline.rows().filter_map(|row| message(&row.kind)).collect()
    }
}

fn new_message(seq: u64) -> Envelope {
    let id = MessageId::new(1_000 + seq, [0; 10]);
    Envelope { seq, time: 1, ..codec::message("zoe", Some(id), &format!("new {seq}")) }
}

/// The position of a message in its room.
fn position(message: &Envelope) -> wire::RoomPosition {
    wire::RoomPosition { seq: message.seq, id: message.id.clone(), ..wire::RoomPosition::default() }
}

/// A leader and a follower that show messages 1 to 4, which are on the device.
fn both_have_four() -> Browser {
    let mut browser = Browser::new(0);
    (1..=4).for_each(|seq| browser.receive(&message(seq)));
    browser.sync();
    browser.both_show(4);
    browser
}

const NEW: [&str; 2] = ["zoe: new 2", "zoe: new 3"];

#[test]
fn a_late_read_of_the_previous_log_is_dropped() {
    for (log, reset) in [(&[2][..], false), (&[1][..], true)] {
        let mut browser = both_have_four();
        // The follower has requested this before the log is replaced.
        let late = browser.persisted();
        browser.reconnect(log, 3, reset);
        browser.follower.handle_persisted(late);
        browser.drain_follower();
        assert_eq!(Browser::contents(&browser.follower_tab), NEW, "log {log:?}");
        assert_eq!(browser.follower_tab.gaps, browser.leader_tab.gaps);
        // A read of the present state is shown.
        browser.session.handle_hidden();
        browser.drain();
        browser.read_device();
        browser.drain_follower();
        browser.both_show(2);
    }
}

#[test]
fn a_follower_that_missed_the_replacement_shows_the_new_log() {
    for (log, reset) in [(&[2][..], false), (&[1][..], true)] {
        let mut browser = both_have_four();
        browser.disconnected = true;
        browser.reconnect(log, 3, reset);
        browser.sync();
        assert_eq!(Browser::contents(&browser.follower_tab), NEW, "log {log:?}");
    }
}

#[test]
fn a_new_leader_drops_what_the_device_has_of_the_previous_log() {
    for (log, reset) in [(&[2][..], false), (&[1][..], true)] {
        let mut browser = both_have_four();
        browser.dying = true;
        browser.reconnect(log, 3, reset);
        browser.take_over();
        assert_eq!(
            Browser::contents(&browser.follower_tab),
            NEW,
            "it has received them from the previous leader"
        );
        assert_eq!(browser.positions(), [position(&new_message(3))], "not one of the previous log");
        browser.session.handle_hidden();
        browser.drain();
        assert!(browser.persisted().messages.is_empty(), "they are deleted on the device");
    }
}

#[test]
fn a_seek_of_the_previous_log_fails() {
    let mut browser = both_have_four();
    browser.follower.handle_evicted(Range { from: 0, to: 2 });
    browser.follower.handle_seek(SeekTarget::Seq(1));
    browser.follower.handle_search("words", 3);
    browser.reconnect(&[2], 3, false);
    browser.sent.clear();
    browser.command_from_follower();
    assert_eq!(browser.sent, [], "the same number is that of another message");
    let finished = |event: &&Event| {
        matches!(
            event,
            Event::SeekFinished { seq: None, .. }
                | Event::SearchFinished { results: Err(Status::NoAnswer), .. }
        )
    };
    assert_eq!(browser.follower_tab.events.iter().filter(finished).count(), 2);
}

#[test]
fn a_new_leader_continues_a_log_that_was_not_persisted() {
    // The leader has persisted nothing since its first login, or since the server's log was replaced.
    for (log, last) in [(&[1][..], 4), (&[2], 3)] {
        let mut browser = both_have_four();
        let epoch = browser.session.epoch();
        browser.dying = true;
        if log == [2] {
            browser.reconnect(log, last, false);
            assert_ne!(browser.session.epoch(), epoch);
        } else {
            let first = Account { log: Vec::new(), epoch: 0, ..browser.session.account().unwrap() };
            browser.write(persist::put_account(&first));
        }
        let (epoch, shown) = (browser.session.epoch(), Browser::contents(&browser.follower_tab));
        browser.follower_tab.events.clear();
        browser.leader_tab.events.clear();
        browser.take_over();
        assert!(!browser.follower_tab.events.contains(&Event::LogReplaced), "log {log:?}");
        assert_eq!((browser.session.epoch(), Browser::contents(&browser.follower_tab)), (epoch, shown));
        // The server has the same log still.
        browser.reconnect(log, last, false);
        assert!(!browser.leader_tab.events.contains(&Event::LogReplaced), "log {log:?}");
        assert_eq!(browser.session.epoch(), epoch, "the other tabs show the same log");
    }
}

#[test]
fn a_new_leader_reports_a_log_that_only_the_device_has() {
    let mut browser = both_have_four();
    // The follower has not received anything since the log was replaced and persisted.
    browser.disconnected = true;
    browser.reconnect(&[2], 3, false);
    browser.session.handle_hidden();
    browser.drain();
    let epoch = browser.session.epoch();
    browser.take_over();
    assert!(browser.follower_tab.events.contains(&Event::LogReplaced));
    assert_eq!(Browser::contents(&browser.follower_tab), NEW, "those of the device");
    assert_eq!(browser.session.epoch(), epoch);
}

#[test]
fn a_new_leader_asks_the_server_for_the_newest_message_that_its_tab_shows() {
    for is_readable in [true, false] {
        let mut browser = both_have_four();
        browser.dying = true;
        browser.receive(&message(5));
        browser.both_show(5);
        let persisted = if is_readable { browser.persisted() } else { browser.follower.mirrored().unwrap() };
        browser.take_over_with(persisted);
        assert_eq!(browser.positions(), [position(&message(5))], "the device is readable: {is_readable}");
        // It was not, before the log was replaced by a backup that ends with message 3.
        browser.reconnect(&[1], 3, true);
        assert!(browser.leader_tab.events.contains(&Event::LogReplaced));
    }
}

#[test]
fn a_new_leader_has_no_gaps_that_its_tab_does_not_show() {
    for is_readable in [true, false] {
        let mut browser = both_have_four();
        browser.dying = true;
        browser.receive(&message(5));
        let persisted = if is_readable { browser.persisted() } else { browser.follower.mirrored().unwrap() };
        browser.take_over_with(persisted);
        assert_eq!(browser.session.known().iter().collect::<Vec<_>>(), [Range { from: 0, to: 5 }]);
    }
}

#[test]
fn a_logout_is_not_reported_as_another_log() {
    let mut browser = both_have_four();
    browser.session.handle_leave(NOW);
    browser.drain();
    assert!(browser.follower_tab.events.contains(&Event::LoggedOut));
    assert!(!browser.follower_tab.events.contains(&Event::LogReplaced));
}
