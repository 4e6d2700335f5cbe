//! Seeking a message or a time.

use super::{
    history::{gaps, online_at, page, reconnect, shown},
    *,
};
use crate::{model::SeekTarget, ranges::Range, wire::history_request::Start};

impl Driver {
    fn seek(&mut self, target: SeekTarget) {
        self.session.handle_seek(self.now, target);
        self.drain();
    }

    /// The history requests since the last [`Driver::clear`].
    fn requests(&self) -> Vec<(u32, Start)> {
        let requests = self.sent.iter().filter_map(|envelope| match &envelope.extension {
            Some(Ext::HistoryRequest(request)) => Some((request.request, request.start.unwrap())),
            _ => None,
        });
        requests.collect()
    }

    /// The reported seek results, by requester.
    fn finished(&self) -> Vec<(u64, Option<u64>)> {
        let finished = self.events.iter().filter_map(|event| match event {
            Event::SeekFinished { requester, seq } => Some((*requester, *seq)),
            _ => None,
        });
        finished.collect()
    }

    /// A page that was full before it reached the target.
    fn receive_short_page(&mut self, request: u32, from: u64, to: u64) {
        self.receive(&page(request, from, to));
    }
}

/// Logged in to a room with 250 messages, of which the newest 20 are known; no request was sent yet.
fn online() -> Driver {
    let mut driver = online_at(250);
    driver.receive(&page(0, 230, 250));
    driver.clear();
    driver
}

fn refusal(request: u32) -> Envelope {
    let mut refusal = codec::refusal(Status::RateLimited, None, 500, None);
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = request;
    refusal
}

#[test]
fn a_known_target_is_reported_at_once() {
    let mut driver = online();
    for (seq, found) in [(231, 231), (250, 250), (999, 250), (u64::MAX, 250)] {
        driver.clear();
        driver.seek(SeekTarget::Seq(seq));
        assert_eq!((driver.finished(), driver.requests()), (vec![(0, Some(found))], vec![]), "{seq}");
    }
}

#[test]
fn a_seek_loads_the_messages_around_the_target() {
    let mut driver = online();
    driver.seek(SeekTarget::Seq(120));
    assert_eq!(driver.requests(), [(1, Start::After(70))]);
    assert_eq!((gaps(&driver), driver.finished()), (vec![(0, 230, true)], vec![]));
    driver.receive(&page(1, 70, 170));
    assert_eq!(gaps(&driver), [(0, 70, false), (170, 230, false)]);
    assert_eq!((driver.finished(), shown(&driver).len()), (vec![(0, Some(120))], 100));
    assert_eq!(
        driver.events.last(),
        Some(&Event::SeekFinished { requester: 0, seq: Some(120) }),
        "after the messages"
    );
    driver.clear();
    driver.seek(SeekTarget::Seq(7));
    assert_eq!(driver.requests(), [(2, Start::After(0))]);
    driver.seek(SeekTarget::Seq(0));
    assert_eq!(driver.requests()[1], (3, Start::After(0)), "0 stands for the first message");
}

#[test]
fn a_missing_target_is_replaced_by_the_next_or_the_last_message() {
    let without = |missing: std::ops::RangeInclusive<u64>| {
        let mut driver = online();
        driver.seek(SeekTarget::Seq(120));
        let Envelope { extension: Some(Ext::HistoryPage(mut answer)), .. } = page(1, 70, 170) else {
            panic!()
        };
        answer.frames.retain(|bytes| !missing.contains(&decode(bytes).unwrap().seq));
        driver.receive(&codec::extension(Ext::HistoryPage(answer)));
        driver.finished()
    };
    assert_eq!(without(120..=122), [(0, Some(123))]);
    assert_eq!(without(110..=170), [(0, Some(109))]);
    assert_eq!(without(1..=170), [(0, None)]);
}

#[test]
fn a_page_that_ends_before_the_target_is_followed_by_another_request() {
    let mut driver = online();
    driver.seek(SeekTarget::Seq(120));
    driver.receive_short_page(1, 70, 90);
    assert_eq!((driver.requests()[1], driver.finished()), ((2, Start::After(119)), vec![]));
    driver.receive(&page(2, 119, 121));
    assert_eq!(driver.finished(), [(0, Some(120))]);
}

#[test]
fn a_time_can_be_the_target() {
    let mut driver = online();
    for (request, time, found) in [(1, 0, 71), (2, 1, 71), (3, 2, 100)] {
        driver.clear();
        driver.seek(SeekTarget::Time(time));
        assert_eq!(driver.requests(), [(request, Start::At(time))]);
        assert!(gaps(&driver).iter().all(|gap| !gap.2), "it is unknown which gap is being loaded");
        driver.receive(&page(request, 70, 100));
        assert_eq!(driver.finished(), [(0, Some(found))], "all messages have the time 1");
    }
}

#[test]
fn a_new_seek_replaces_the_previous_one_and_late_pages_are_used() {
    let mut driver = online();
    driver.session.handle_load_gap(driver.now, 230);
    driver.seek(SeekTarget::Seq(100));
    assert_eq!(
        driver.requests(),
        [(1, Start::Before(231)), (2, Start::After(50))],
        "a seek replaces the loading of a gap too"
    );
    driver.seek(SeekTarget::Seq(10));
    driver.seek(SeekTarget::Seq(20));
    assert_eq!(driver.requests().len(), 2, "two requests may be unanswered");
    driver.receive(&page(1, 180, 230));
    assert_eq!(driver.requests()[2], (3, Start::After(0)), "only the newest seek was waiting");
    driver.receive(&page(2, 50, 150));
    assert_eq!((driver.finished(), gaps(&driver)), (vec![], vec![(0, 50, true), (150, 180, false)]));
    driver.receive(&page(3, 0, 100));
    assert_eq!((driver.finished(), gaps(&driver)), (vec![(0, Some(20))], vec![(150, 180, false)]));
    driver.clear();
    driver.seek(SeekTarget::Seq(160));
    driver.seek(SeekTarget::Seq(5));
    driver.receive(&page(4, 110, 210));
    assert_eq!(driver.finished(), [(0, Some(5))], "a seek to a known target replaces the previous one too");
    driver.session.handle_load_gap_for(driver.now, 7, 180);
    driver.drain();
    assert_eq!(driver.requests().len(), 2, "the request of the replaced seek does not block this one");
}

#[test]
fn failed_seeks_are_reported() {
    let mut driver = online();
    driver.seek(SeekTarget::Seq(100));
    driver.receive(&refusal(1));
    assert_eq!((driver.finished(), gaps(&driver)), (vec![(0, None)], vec![(0, 230, false)]));
    driver.clear();
    driver.seek(SeekTarget::Time(5));
    for _ in 0..11 {
        driver.pass(1_000);
        driver.receive(&codec::extension(Ext::Typing(wire::Typing { typing: true })));
    }
    assert_eq!(driver.finished(), [(0, None)], "the request timed out");
    driver.clear();
    driver.seek(SeekTarget::Seq(100));
    driver.seek(SeekTarget::Seq(101));
    driver.receive(&refusal(3));
    assert_eq!(driver.finished(), [], "the refused seek was replaced");
    driver.seek(SeekTarget::Seq(102));
    driver.seek(SeekTarget::Seq(103));
    driver.closed(1006);
    assert_eq!((driver.finished(), gaps(&driver)), (vec![(0, None)], vec![(0, 230, false)]));
    driver.seek(SeekTarget::Seq(240));
    driver.seek(SeekTarget::Seq(100));
    driver.seek(SeekTarget::Time(1));
    assert_eq!(driver.finished()[1..], [(0, Some(240)), (0, None), (0, None)], "there is no connection");
    driver.session.handle_reconnect(driver.now);
    driver.opened();
    driver.receive(&history::welcome_at(&history::LOG, 250));
    driver.clear();
    driver.seek(SeekTarget::Seq(100));
    let [(request, _)] = driver.requests()[..] else { panic!() };
    driver.receive(&page(request, 50, 150));
    assert_eq!(driver.finished(), [(0, Some(100))], "seeks work again after the reconnect");
}

#[test]
fn a_waiting_seek_is_sent_when_an_earlier_request_is_refused() {
    let mut driver = online();
    (100..103).for_each(|seq| driver.seek(SeekTarget::Seq(seq)));
    driver.receive(&refusal(2));
    assert_eq!(driver.requests()[2], (3, Start::After(52)));
    driver.receive(&page(3, 52, 152));
    assert_eq!(driver.finished(), [(0, Some(102))]);
}

#[test]
fn results_for_another_tab_carry_its_requester_number() {
    let mut driver = online();
    driver.session.handle_seek_for(driver.now, 7, SeekTarget::Seq(240));
    driver.drain();
    driver.receive(&page(1, 190, 250));
    assert_eq!(
        (driver.finished(), shown(&driver).len()),
        (vec![(7, Some(240))], 60),
        "the other tab may lack messages"
    );
    driver.session.handle_seek_for(driver.now, 7, SeekTarget::Seq(9));
    driver.seek(SeekTarget::Seq(99));
    assert_eq!(driver.finished()[1..], [], "not replaced by the local seek");
    driver.receive(&page(3, 49, 149));
    driver.receive(&page(2, 0, 49));
    assert_eq!(driver.finished()[1..], [(0, Some(99)), (7, Some(9))]);
    let other = |seq| (7 << 32 | seq, SeekTarget::Seq(seq));
    for (requester, target) in [other(160), other(170)] {
        driver.session.handle_seek_for(driver.now, requester, target);
    }
    driver.closed(1006);
    assert_eq!(driver.finished()[3..], [(7 << 32 | 170, None)], "a tab's own seek replaces its previous one");
    reconnect(&mut driver);
    driver.session.handle_seek_for(driver.now, 0, SeekTarget::Time(1));
    driver.drain();
    assert_eq!(driver.finished(), [(1, None)], "0 is reserved for the local tab");
}

#[test]
fn seeks_fail_without_a_history() {
    for mut driver in [Driver::new(), Driver::basic(), Driver::online()] {
        driver.clear();
        driver.seek(SeekTarget::Seq(1));
        driver.seek(SeekTarget::Time(1));
        assert_eq!((driver.finished(), driver.requests()), (vec![(0, None), (0, None)], vec![]));
    }
    let mut driver = online_at(0);
    driver.seek(SeekTarget::Time(1));
    driver.receive(&page(1, 0, 0));
    assert_eq!(driver.finished(), [(0, None)], "the room is empty");
}

#[test]
fn evicted_messages_are_requested_again() {
    let mut driver = online();
    driver.session.handle_evicted(Range { from: 235, to: 245 });
    driver.seek(SeekTarget::Seq(240));
    assert_eq!(driver.requests(), [(1, Start::After(190))]);
    assert_eq!(gaps(&driver), [(0, 230, false), (235, 245, true)]);
}

#[test]
fn requests_are_limited_to_the_rate_of_the_server() {
    let mut driver = online();
    let seek_often = |driver: &mut Driver, times: u64| {
        (0..times).for_each(|n| {
            driver.seek(SeekTarget::Time(i64::try_from(n).unwrap()));
            if let Some((request, _)) = driver.requests().last() {
                driver.receive(&page(*request, 0, 0));
            }
        })
    };
    seek_often(&mut driver, 40);
    assert_eq!(driver.requests().len(), 25);
    driver.seek(SeekTarget::Seq(100));
    assert_eq!(gaps(&driver), [(0, 230, true)], "a waiting request counts as loading");
    driver.clear();
    driver.pass(400);
    assert_eq!(driver.requests(), [(26, Start::After(50))], "the newest seek");
    driver.receive(&page(26, 50, 150));
    assert_eq!(driver.finished(), [(0, Some(100))]);
    driver.session.handle_load_gap(driver.now, 50);
    driver.session.handle_search(driver.now, "hello", 0);
    driver.drain();
    assert_eq!(
        (gaps(&driver)[0], driver.sent.len()),
        ((0, 50, true), 1),
        "searches and gaps use the same budget"
    );
    driver.closed(1006);
    driver.session.handle_reconnect(driver.now);
    driver.opened();
    driver.receive(&history::welcome_at(&history::LOG, 250));
    driver.clear();
    driver.seek(SeekTarget::Seq(50));
    driver.session.handle_search(driver.now, "hello", 0);
    driver.drain();
    assert_eq!(driver.requests(), [], "the budget spans connections");
    driver.pass(1_000);
    assert!(driver.requests().len() == 1 && driver.sent.len() >= 2);
}
