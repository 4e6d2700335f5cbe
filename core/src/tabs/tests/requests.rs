//! What a page that follows asks of the server, by the one that leads.

use super::*;

/// What a page was told of the places it sought.
fn sought(page: &Page) -> Vec<Option<u64>> {
    let sought = page.events.iter().filter_map(|event| match event {
        Event::Sought { asker: HERE, seq } => Some(*seq),
        Event::Sought { .. } => panic!("somebody else's"),
        _ => None,
    });
    sought.collect()
}

fn found(page: &Page) -> Vec<Result<Vec<u64>, Status>> {
    let found = page.events.iter().filter_map(|event| match event {
        Event::Found { asker: HERE, found: Ok(found) } => {
            assert!(found.more && found.messages.iter().all(|message| !message.own));
            Some(Ok(found.messages.iter().map(|message| message.seq).collect()))
        }
        Event::Found { asker: HERE, found: Err(status) } => Some(Err(*status)),
        Event::Found { .. } => panic!("somebody else's"),
        _ => None,
    });
    found.collect()
}

impl Browser {
    /// A room of which the follower has less than the lead, which has all.
    fn with_less() -> Self {
        let mut browser = Browser::new(0);
        (1..=3 * MESSAGES_KEPT as u64).for_each(|seq| browser.receive(&said(seq)));
        browser.hello();
        browser.sent.clear();
        browser
    }

    fn seek(&mut self, number: u64, seek: Seek) {
        let wish = self.mirror.handle_seek(number, seek);
        self.drain_mirror();
        if let Some(wish) = wish {
            self.wish(&wish);
        }
    }

    fn search(&mut self, number: u64, words: &str) {
        let wish = self.mirror.handle_search(number, words, 70);
        self.wish(&wish);
    }

    /// The number of the last request.
    fn request(&self) -> u32 {
        match self.sent.last().and_then(|frame| frame.extension.clone()) {
            Some(Extension::HistoryRequest(asked)) => asked.request,
            Some(Extension::SearchRequest(asked)) => asked.request,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_follower_seeks_and_nobody_else_goes_there() {
    let mut browser = Browser::with_less();
    let last = 3 * MESSAGES_KEPT as u64;
    browser.seek(77, Seek::Seq(last - 1));
    assert_eq!((sought(&browser.second), browser.sent.len()), (vec![Some(last - 1)], 0), "it is here");
    for (number, seek) in [(78, Seek::Seq(200)), (79, Seek::Time(1))] {
        browser.second.events.clear();
        browser.seek(number, seek);
        assert_eq!(browser.second.gaps[0].loading, matches!(seek, Seek::Seq(_)));
        assert!(!browser.mirror.handle_load(browser.second.gaps[0].gap.to), "one at a time");
        let page =
            if number == 78 { page(browser.request(), 150, 250) } else { page(browser.request(), 10, 20) };
        browser.receive(&page);
        let there = if number == 78 { 200 } else { 11 };
        assert_eq!(sought(&browser.second), [Some(there)]);
        assert_eq!(browser.second.events.last(), Some(&Event::Sought { asker: HERE, seq: Some(there) }));
    }
    assert!(browser.first.events.iter().all(|event| !matches!(event, Event::Sought { asker: HERE, .. })));
    browser.session.handle_seek(NOW, Seek::Seq(5));
    browser.drain();
    assert_eq!(sought(&browser.second).len(), 1, "where the lead goes is its own");
}

#[test]
fn what_another_follower_is_told_is_not_ours() {
    let mut browser = Browser::with_less();
    browser.seek(77, Seek::Seq(200));
    let mut another = Mirror::new();
    let wish = another.handle_seek(99, Seek::Seq(300)).unwrap();
    browser.wish(&wish);
    assert_eq!(sought(&browser.second), [None], "it came between");
    browser.receive(&page(2, 250, 350));
    assert_eq!(sought(&browser.second), [None]);
}

#[test]
fn a_follower_is_told_when_nobody_answers() {
    let mut browser = Browser::with_less();
    browser.seek(77, Seek::Seq(200));
    browser.search(78, "hello");
    browser.hello();
    assert_eq!(sought(&browser.second), [], "they are still out");
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    assert_eq!(sought(&browser.second), [None]);
    assert_eq!(found(&browser.second), [Err(Status::NotConnected)]);
    browser.mirror.handle_end();
    browser.drain_mirror();
    assert_eq!(sought(&browser.second).len() + found(&browser.second).len(), 2, "once");
    // Another lead knows nothing of it.
    let _ = browser.mirror.handle_seek(79, Seek::Seq(200));
    let _ = browser.mirror.handle_search(80, "hello", 0);
    let whole = Lead::new(5, true).whole(NOW.mono, &browser.session);
    browser.told(&whole);
    assert_eq!((sought(&browser.second).len(), found(&browser.second).len()), (2, 2));
}

#[test]
fn a_follower_searches() {
    let mut browser = Browser::with_less();
    browser.search(77, "old");
    browser.search(78, "你好");
    assert_eq!(browser.sent.len(), 1);
    let finding = |request, seqs: &[u64]| {
        let frames = seqs.iter().map(|seq| codec::encode(&said(*seq))).collect();
        let page = wire::HistoryPage { request, frames, ..wire::HistoryPage::default() };
        codec::extension("", Extension::HistoryPage(page))
    };
    browser.receive(&finding(1, &[1]));
    let Some(Extension::SearchRequest(asked)) = browser.sent[1].extension.clone() else { panic!() };
    assert_eq!((asked.query.as_str(), asked.before), ("你好", 70));
    browser.receive(&finding(asked.request, &[2, 3]));
    assert_eq!(found(&browser.second).last(), Some(&Ok(vec![3, 2])));
    assert!(browser.first.events.iter().all(|event| !matches!(event, Event::Found { asker: HERE, .. })));
    browser.session.handle_search(NOW, "lead", 0);
    browser.drain();
    browser.receive(&finding(3, &[4]));
    assert!(!found(&browser.second).contains(&Ok(vec![4])));
    let own = [
        Event::Sought { asker: HERE, seq: Some(4) },
        Event::Found { asker: HERE, found: Err(Status::NoAnswer) },
    ];
    for event in &own {
        assert_eq!(browser.lead.tell(NOW.mono, event, &browser.session), None, "not even told");
    }
}

#[test]
fn a_follower_lets_go_of_what_it_shows() {
    let mut browser = Browser::new(0);
    (1..=9).for_each(|seq| browser.receive(&said(seq)));
    browser.hello();
    browser.mirror.handle_dropped(Range { from: 4, to: 9 });
    browser.drain_mirror();
    assert_eq!(browser.second.gaps, Missing::between(&[(0, 4), (9, 9)].map(range).into_iter().collect(), 0));
    browser.receive(&said(10));
    let gaps: Vec<_> = browser.second.gaps.iter().map(|missing| (missing.gap.from, missing.gap.to)).collect();
    assert_eq!(gaps, [(4, 9)], "also when more is said");
}

fn range((from, to): (u64, u64)) -> Range {
    Range { from, to }
}
