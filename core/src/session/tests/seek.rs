//! Going to a place of the room.

use super::{
    history::{again, gaps, online_at, page, shown},
    *,
};
use crate::{model::Seek, ranges::Range, wire::history_request::Start};

impl Driver {
    fn seek(&mut self, seek: Seek) {
        self.session.handle_seek(self.now, seek);
        self.drain();
    }

    /// What was asked of the server since the last [`Driver::forget`].
    fn asked(&self) -> Vec<(u32, Start)> {
        let asked = self.sent.iter().filter_map(|frame| match &frame.extension {
            Some(Ext::HistoryRequest(asked)) => Some((asked.request, asked.start.unwrap())),
            _ => None,
        });
        asked.collect()
    }

    fn sought(&self) -> Vec<(u64, Option<u64>)> {
        let sought = self.events.iter().filter_map(|event| match event {
            Event::Sought { asker, seq } => Some((*asker, *seq)),
            _ => None,
        });
        sought.collect()
    }

    /// A page that is full before its time.
    fn page_not_to_the_end(&mut self, request: u32, from: u64, to: u64) {
        self.receive(&page(request, from, to));
    }
}

/// Where the room is at 250 and its newest 20 are known; with nothing asked yet.
fn far() -> Driver {
    let mut driver = online_at(250);
    driver.receive(&page(0, 230, 250));
    driver.forget();
    driver
}

fn refusal(request: u32) -> Frame {
    let mut refusal = codec::refusal(Status::RateLimited, None, 500, None);
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = request;
    refusal
}

#[test]
fn what_is_known_is_there_at_once() {
    let mut driver = far();
    for (seq, there) in [(231, 231), (250, 250), (999, 250), (u64::MAX, 250)] {
        driver.forget();
        driver.seek(Seek::Seq(seq));
        assert_eq!((driver.sought(), driver.asked()), (vec![(0, Some(there))], vec![]), "{seq}");
    }
}

#[test]
fn a_number_is_sought_with_what_is_around_it() {
    let mut driver = far();
    driver.seek(Seek::Seq(120));
    assert_eq!(driver.asked(), [(1, Start::After(70))]);
    assert_eq!((gaps(&driver), driver.sought()), (vec![(0, 230, true)], vec![]));
    driver.receive(&page(1, 70, 170));
    assert_eq!(gaps(&driver), [(0, 70, false), (170, 230, false)]);
    assert_eq!((driver.sought(), shown(&driver).len()), (vec![(0, Some(120))], 100));
    assert_eq!(driver.events.last(), Some(&Event::Sought { asker: 0, seq: Some(120) }), "after all else");
    driver.forget();
    driver.seek(Seek::Seq(7));
    assert_eq!(driver.asked(), [(2, Start::After(0))]);
    driver.seek(Seek::Seq(0));
    assert_eq!(driver.asked()[1], (3, Start::After(0)), "there is no message 0, but a first one");
}

#[test]
fn the_next_message_is_there_or_else_the_one_before() {
    let without = |missing: std::ops::RangeInclusive<u64>| {
        let mut driver = far();
        driver.seek(Seek::Seq(120));
        let Frame { extension: Some(Ext::HistoryPage(mut answer)), .. } = page(1, 70, 170) else { panic!() };
        answer.frames.retain(|bytes| !missing.contains(&decode(bytes).unwrap().seq));
        driver.receive(&codec::extension("", Ext::HistoryPage(answer)));
        driver.sought()
    };
    assert_eq!(without(120..=122), [(0, Some(123))]);
    assert_eq!(without(110..=170), [(0, Some(109))]);
    assert_eq!(without(1..=170), [(0, None)]);
}

#[test]
fn a_page_that_is_full_too_soon_is_followed_by_one_that_is_not() {
    let mut driver = far();
    driver.seek(Seek::Seq(120));
    driver.page_not_to_the_end(1, 70, 90);
    assert_eq!((driver.asked()[1], driver.sought()), ((2, Start::After(119)), vec![]));
    driver.receive(&page(2, 119, 121));
    assert_eq!(driver.sought(), [(0, Some(120))]);
}

#[test]
fn a_time_is_sought() {
    let mut driver = far();
    for (request, time, there) in [(1, 0, 71), (2, 1, 71), (3, 2, 100)] {
        driver.forget();
        driver.seek(Seek::Time(time));
        assert_eq!(driver.asked(), [(request, Start::At(time))]);
        assert!(gaps(&driver).iter().all(|gap| !gap.2), "nobody knows which");
        driver.receive(&page(request, 70, 100));
        assert_eq!(driver.sought(), [(0, Some(there))], "all of them are of 1");
    }
}

#[test]
fn a_newer_wish_overtakes_an_older_one_and_what_is_late_is_good() {
    let mut driver = far();
    driver.session.handle_load(driver.now, 230);
    driver.seek(Seek::Seq(100));
    assert_eq!(driver.asked(), [(1, Start::Before(231)), (2, Start::After(50))], "and a load too");
    driver.seek(Seek::Seq(10));
    driver.seek(Seek::Seq(20));
    assert_eq!(driver.asked().len(), 2, "a server takes so many questions");
    driver.receive(&page(1, 180, 230));
    assert_eq!(driver.asked()[2], (3, Start::After(0)), "the newest waited");
    driver.receive(&page(2, 50, 150));
    assert_eq!((driver.sought(), gaps(&driver)), (vec![], vec![(0, 50, true), (150, 180, false)]));
    driver.receive(&page(3, 0, 100));
    assert_eq!((driver.sought(), gaps(&driver)), (vec![(0, Some(20))], vec![(150, 180, false)]));
    driver.forget();
    driver.seek(Seek::Seq(160));
    driver.seek(Seek::Seq(5));
    driver.receive(&page(4, 110, 210));
    assert_eq!(driver.sought(), [(0, Some(5))], "what is known overtakes too");
    driver.session.handle_load_for_another(driver.now, 180);
    driver.drain();
    assert_eq!(driver.asked().len(), 2, "and nothing is in its way");
}

#[test]
fn what_does_not_come_is_told() {
    let mut driver = far();
    driver.seek(Seek::Seq(100));
    driver.receive(&refusal(1));
    assert_eq!((driver.sought(), gaps(&driver)), (vec![(0, None)], vec![(0, 230, false)]));
    driver.forget();
    driver.seek(Seek::Time(5));
    for _ in 0..11 {
        driver.pass(1_000);
        driver.receive(&codec::extension("", Ext::Typing(wire::Typing { typing: true })));
    }
    assert_eq!(driver.sought(), [(0, None)], "it takes too long");
    driver.forget();
    driver.seek(Seek::Seq(100));
    driver.seek(Seek::Seq(101));
    driver.receive(&refusal(3));
    assert_eq!(driver.sought(), [], "that was not the newest");
    driver.seek(Seek::Seq(102));
    driver.seek(Seek::Seq(103));
    driver.closed(1006);
    assert_eq!((driver.sought(), gaps(&driver)), (vec![(0, None)], vec![(0, 230, false)]));
    driver.seek(Seek::Seq(240));
    driver.seek(Seek::Seq(100));
    driver.seek(Seek::Time(1));
    assert_eq!(driver.sought()[1..], [(0, Some(240)), (0, None), (0, None)], "offline");
    driver.session.handle_retry_now(driver.now);
    driver.opened();
    driver.receive(&history::welcome_at(&history::LOG, 250));
    driver.forget();
    driver.seek(Seek::Seq(100));
    let [(request, _)] = driver.asked()[..] else { panic!() };
    driver.receive(&page(request, 50, 150));
    assert_eq!(driver.sought(), [(0, Some(100))], "and on the next connection it goes on");
}

#[test]
fn a_waiting_wish_is_not_forgotten_when_what_is_out_does_not_come() {
    let mut driver = far();
    (100..103).for_each(|seq| driver.seek(Seek::Seq(seq)));
    driver.receive(&refusal(2));
    assert_eq!(driver.asked()[2], (3, Start::After(52)));
    driver.receive(&page(3, 52, 152));
    assert_eq!(driver.sought(), [(0, Some(102))]);
}

#[test]
fn another_page_is_told_under_its_own_number() {
    let mut driver = far();
    driver.session.handle_seek_for_another(driver.now, 7, Seek::Seq(240));
    driver.drain();
    driver.receive(&page(1, 190, 250));
    assert_eq!((driver.sought(), shown(&driver).len()), (vec![(7, Some(240))], 60), "it may know less");
    driver.session.handle_seek_for_another(driver.now, 7, Seek::Seq(9));
    driver.seek(Seek::Seq(99));
    assert_eq!(driver.sought()[1..], [(7, None)], "ours came between");
    again(&mut driver);
    driver.session.handle_seek_for_another(driver.now, 0, Seek::Time(1));
    driver.drain();
    assert_eq!(driver.sought(), [(1, None)], "and is never ours");
}

#[test]
fn where_nothing_is_kept_nothing_is_found() {
    for mut driver in [Driver::new(), Driver::basic(), Driver::online()] {
        driver.forget();
        driver.seek(Seek::Seq(1));
        driver.seek(Seek::Time(1));
        assert_eq!((driver.sought(), driver.asked()), (vec![(0, None), (0, None)], vec![]));
    }
    let mut driver = online_at(0);
    driver.seek(Seek::Time(1));
    driver.receive(&page(1, 0, 0));
    assert_eq!(driver.sought(), [(0, None)], "the room is empty");
}

#[test]
fn what_was_let_go_of_is_asked_for_again() {
    let mut driver = far();
    driver.session.handle_dropped(Range { from: 235, to: 245 });
    driver.seek(Seek::Seq(240));
    assert_eq!(driver.asked(), [(1, Start::After(190))]);
    assert_eq!(gaps(&driver), [(0, 230, false), (235, 245, true)]);
}

#[test]
fn who_is_in_a_hurry_is_held_back_before_the_server_would_refuse() {
    let mut driver = far();
    let hurry = |driver: &mut Driver, times: u64| {
        (0..times).for_each(|n| {
            driver.seek(Seek::Time(i64::try_from(n).unwrap()));
            if let Some((request, _)) = driver.asked().last() {
                driver.receive(&page(*request, 0, 0));
            }
        })
    };
    hurry(&mut driver, 40);
    assert_eq!(driver.asked().len(), 25);
    driver.seek(Seek::Seq(100));
    assert_eq!(gaps(&driver), [(0, 230, true)], "it is under way all the same");
    driver.forget();
    driver.pass(400);
    assert_eq!(driver.asked(), [(26, Start::After(50))], "the newest wish");
    driver.receive(&page(26, 50, 150));
    assert_eq!(driver.sought(), [(0, Some(100))]);
    driver.session.handle_load(driver.now, 50);
    driver.session.handle_search(driver.now, "hello", 0);
    driver.drain();
    assert_eq!((gaps(&driver)[0], driver.sent.len()), ((0, 50, true), 1), "nor is anything else asked");
    driver.closed(1006);
    driver.session.handle_retry_now(driver.now);
    driver.opened();
    driver.receive(&history::welcome_at(&history::LOG, 250));
    driver.forget();
    driver.seek(Seek::Seq(50));
    driver.session.handle_search(driver.now, "hello", 0);
    driver.drain();
    assert_eq!(driver.asked(), [], "nor on another connection");
    driver.pass(1_000);
    assert!(driver.asked().len() == 1 && driver.sent.len() >= 2);
}
