//! Requests to the server that a follower makes through the leader.

use super::*;

/// The results of a tab's seeks.
fn seeks(tab: &Tab) -> Vec<Option<u64>> {
    let results = tab.events.iter().filter_map(|event| match event {
        Event::SeekFinished { requester: LOCAL, seq } => Some(*seq),
        Event::SeekFinished { .. } => panic!("the result of another tab"),
        _ => None,
    });
    results.collect()
}

/// The results of a tab's searches.
fn searches(tab: &Tab) -> Vec<Result<Vec<u64>, Status>> {
    let results = tab.events.iter().filter_map(|event| match event {
        Event::SearchFinished { requester: LOCAL, results: Ok(found) } => {
            assert!(found.more && found.messages.iter().all(|message| !message.own));
            Some(Ok(found.messages.iter().map(|message| message.seq).collect()))
        }
        Event::SearchFinished { requester: LOCAL, results: Err(status) } => Some(Err(*status)),
        Event::SearchFinished { .. } => panic!("the result of another tab"),
        _ => None,
    });
    results.collect()
}

impl Browser {
    /// A room of which the leader has all messages and the follower only the newest ones.
    fn with_gap() -> Self {
        let mut browser = Browser::new(0);
        (1..=3 * PERSISTED_MESSAGES as u64).for_each(|seq| browser.receive(&message(seq)));
        browser.sync();
        browser.sent.clear();
        browser
    }

    fn seek(&mut self, number: u64, target: SeekTarget) {
        let command = self.follower.handle_seek(number, target);
        self.drain_follower();
        if let Some(command) = command {
            self.command(&command);
        }
    }

    fn search(&mut self, number: u64, words: &str) {
        let command = self.follower.handle_search(number, words, 70);
        self.command(&command);
    }

    /// The number of the leader's last request.
    fn request(&self) -> u32 {
        match self.sent.last().and_then(|envelope| envelope.extension.clone()) {
            Some(Extension::HistoryRequest(request)) => request.request,
            Some(Extension::SearchRequest(request)) => request.request,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_followers_seek_does_not_move_the_leader() {
    let mut browser = Browser::with_gap();
    let last = 3 * PERSISTED_MESSAGES as u64;
    browser.seek(77, SeekTarget::Seq(last - 1));
    assert_eq!(
        (seeks(&browser.follower_tab), browser.sent.len()),
        (vec![Some(last - 1)], 0),
        "the target is known"
    );
    for (number, seek) in [(78, SeekTarget::Seq(200)), (79, SeekTarget::Time(1))] {
        browser.follower_tab.events.clear();
        browser.seek(number, seek);
        assert_eq!(browser.follower_tab.gaps[0].loading, matches!(seek, SeekTarget::Seq(_)));
        assert!(!browser.follower.handle_load_gap(browser.follower_tab.gaps[0].gap.to), "one gap at a time");
        let page =
            if number == 78 { page(browser.request(), 150, 250) } else { page(browser.request(), 10, 20) };
        browser.receive(&page);
        let target = if number == 78 { 200 } else { 11 };
        assert_eq!(seeks(&browser.follower_tab), [Some(target)]);
        assert_eq!(
            browser.follower_tab.events.last(),
            Some(&Event::SeekFinished { requester: LOCAL, seq: Some(target) })
        );
    }
    assert!(
        browser
            .leader_tab
            .events
            .iter()
            .all(|event| !matches!(event, Event::SeekFinished { requester: LOCAL, .. }))
    );
    browser.session.handle_seek(NOW, SeekTarget::Seq(5));
    browser.drain();
    assert_eq!(seeks(&browser.follower_tab).len(), 1, "the leader's seek does not move the follower");
}

#[test]
fn a_follower_ignores_the_results_of_another_follower() {
    let mut browser = Browser::with_gap();
    browser.seek(77, SeekTarget::Seq(200));
    let mut another = Follower::new();
    let command = another.handle_seek(99, SeekTarget::Seq(300)).unwrap();
    browser.command(&command);
    assert_eq!(seeks(&browser.follower_tab), [None], "replaced by the other seek");
    browser.receive(&page(2, 250, 350));
    assert_eq!(seeks(&browser.follower_tab), [None]);
}

#[test]
fn unfinished_requests_of_a_follower_fail() {
    let mut browser = Browser::with_gap();
    browser.seek(77, SeekTarget::Seq(200));
    browser.search(78, "hello");
    browser.sync();
    assert_eq!(seeks(&browser.follower_tab), [], "the requests are not answered yet");
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    assert_eq!(seeks(&browser.follower_tab), [None]);
    assert_eq!(searches(&browser.follower_tab), [Err(Status::NotConnected)]);
    browser.follower.handle_leader_gone();
    browser.drain_follower();
    assert_eq!(
        seeks(&browser.follower_tab).len() + searches(&browser.follower_tab).len(),
        2,
        "each fails once"
    );
    // A new leader does not answer the requests of the previous one.
    let _ = browser.follower.handle_seek(79, SeekTarget::Seq(200));
    let _ = browser.follower.handle_search(80, "hello", 0);
    let snapshot = Leader::new(5, true).snapshot(NOW.monotonic, &browser.session);
    browser.deliver(&snapshot);
    assert_eq!((seeks(&browser.follower_tab).len(), searches(&browser.follower_tab).len()), (2, 2));
}

#[test]
fn a_follower_can_search() {
    let mut browser = Browser::with_gap();
    browser.search(77, "old");
    browser.search(78, "你好");
    assert_eq!(browser.sent.len(), 1);
    let results_page = |request, seqs: &[u64]| {
        let frames = seqs.iter().map(|seq| codec::encode(&message(*seq))).collect();
        let page = wire::HistoryPage { request, frames, ..wire::HistoryPage::default() };
        codec::extension("", Extension::HistoryPage(page))
    };
    browser.receive(&results_page(1, &[1]));
    let Some(Extension::SearchRequest(request)) = browser.sent[1].extension.clone() else { panic!() };
    assert_eq!((request.query.as_str(), request.before), ("你好", 70));
    browser.receive(&results_page(request.request, &[2, 3]));
    assert_eq!(searches(&browser.follower_tab).last(), Some(&Ok(vec![3, 2])));
    assert!(
        browser
            .leader_tab
            .events
            .iter()
            .all(|event| !matches!(event, Event::SearchFinished { requester: LOCAL, .. }))
    );
    browser.session.handle_search(NOW, "leader", 0);
    browser.drain();
    browser.receive(&results_page(3, &[4]));
    assert!(!searches(&browser.follower_tab).contains(&Ok(vec![4])));
    let own = [
        Event::SeekFinished { requester: LOCAL, seq: Some(4) },
        Event::SearchFinished { requester: LOCAL, results: Err(Status::NoAnswer) },
    ];
    for event in &own {
        assert_eq!(
            browser.leader.publish(NOW.monotonic, event, &browser.session),
            None,
            "results of the leader are not published"
        );
    }
}

#[test]
fn messages_evicted_in_a_follower_become_its_gaps() {
    let mut browser = Browser::new(0);
    (1..=9).for_each(|seq| browser.receive(&message(seq)));
    browser.sync();
    browser.follower.handle_evicted(Range { from: 4, to: 9 });
    browser.drain_follower();
    assert_eq!(
        browser.follower_tab.gaps,
        GapState::between(&[(0, 4), (9, 9)].map(range).into_iter().collect(), 0)
    );
    browser.receive(&message(10));
    let gaps: Vec<_> = browser.follower_tab.gaps.iter().map(|state| (state.gap.from, state.gap.to)).collect();
    assert_eq!(gaps, [(4, 9)], "the gap stays when new messages arrive");
}

fn range((from, to): (u64, u64)) -> Range {
    Range { from, to }
}
