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

    fn seek(&mut self, target: SeekTarget) {
        self.follower.handle_seek(target);
        self.drain_follower();
        self.command_from_follower();
    }

    fn search(&mut self, words: &str) {
        self.follower.handle_search(words, 70);
        self.command_from_follower();
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
    browser.seek(SeekTarget::Seq(last - 1));
    assert_eq!(
        (seeks(&browser.follower_tab), browser.sent.len()),
        (vec![Some(last - 1)], 0),
        "the target is known"
    );
    for (number, seek) in [(78, SeekTarget::Seq(200)), (79, SeekTarget::Time(1))] {
        browser.follower_tab.events.clear();
        browser.seek(seek);
        assert_eq!(browser.follower_tab.gaps[0].loading, matches!(seek, SeekTarget::Seq(_)));
        let sent = browser.sent.len();
        browser.load_gap(browser.follower_tab.gaps[0].gap.to);
        assert_eq!(browser.sent.len(), sent, "one request at a time");
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
    browser.seek(SeekTarget::Seq(200));
    let mut another = Follower::new(0, 2 << 32);
    another.handle_seek(SeekTarget::Seq(300));
    browser.command(&another.poll_message().unwrap());
    browser.receive(&page(2, 250, 350));
    assert_eq!(seeks(&browser.follower_tab), [], "the seeks of different tabs do not replace each other");
    browser.receive(&page(1, 150, 250));
    assert_eq!(seeks(&browser.follower_tab), [Some(200)]);
}

/// The results of a tab's requests to load a gap.
fn pages(tab: &Tab) -> Vec<Result<(), Status>> {
    let results = tab.events.iter().filter_map(|event| match event {
        Event::PageFinished { requester: LOCAL, result } => Some(*result),
        Event::PageFinished { .. } => panic!("the result of another tab"),
        _ => None,
    });
    results.collect()
}

#[test]
fn requests_of_two_tabs_are_all_answered() {
    let mut browser = Browser::with_gap();
    browser.session.handle_evicted(Range { from: 100, to: 300 });
    browser.drain();
    browser.leader_tab.events.clear();
    // Both scroll at once: to the gap's end, and into the middle of another one. Then the leader scrolls again.
    browser.session.handle_load_gap(NOW, 300);
    browser.drain();
    browser.load_gap(browser.follower_tab.gaps[0].gap.to);
    browser.session.handle_seek(NOW, SeekTarget::Seq(150));
    browser.drain();
    assert_eq!(browser.sent.len(), 2, "no more may be unanswered");
    assert_eq!((pages(&browser.leader_tab), pages(&browser.follower_tab)), (vec![], vec![]));
    let to = browser.follower_tab.gaps[0].gap.to;
    browser.receive(&page(1, 200, 300));
    browser.receive(&page(2, to - 100, to));
    browser.receive(&page(3, 100, 200));
    assert_eq!(pages(&browser.follower_tab), [Ok(())]);
    assert_eq!(browser.follower_tab.gaps.last().unwrap().gap.to, to - 100);
    assert_eq!((seeks(&browser.leader_tab), &browser.leader_tab.gaps[..]), (vec![Some(150)], &[][..]));
}

#[test]
fn a_followers_request_that_ends_without_a_page_is_reported() {
    let mut browser = Browser::with_gap();
    let to = browser.follower_tab.gaps[0].gap.to;
    browser.load_gap(to);
    let code = Status::LogUnavailable.code().into();
    let refusal = wire::Refusal { code, request: browser.request(), ..wire::Refusal::default() };
    browser.receive(&codec::extension(Extension::Refusal(refusal)));
    browser.load_gap(to);
    browser.session.handle_timeout(Clocks { monotonic: NOW.monotonic + 10_000, ..NOW });
    browser.drain();
    let expected = [Err(Status::LogUnavailable), Err(Status::NoAnswer)];
    assert_eq!(pages(&browser.follower_tab), expected);
    browser.load_gap(to - 1);
    assert_eq!(pages(&browser.follower_tab)[2..], [Ok(())], "there is no such gap any more");
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    browser.load_gap(to);
    browser.load_gap(to);
    let expected = [Err(Status::NotConnected), Err(Status::NotConnected)];
    assert_eq!(pages(&browser.follower_tab)[3..], expected, "there is no connection");
    browser.follower.handle_load_gap(to);
    browser.follower.handle_leader_gone();
    browser.drain_follower();
    assert_eq!(pages(&browser.follower_tab)[5..], [Err(Status::NotConnected)], "no leader");
}

#[test]
fn unfinished_requests_of_a_follower_fail() {
    let mut browser = Browser::with_gap();
    browser.seek(SeekTarget::Seq(200));
    browser.search("hello");
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
    browser.follower.handle_seek(SeekTarget::Seq(200));
    browser.follower.handle_search("hello", 0);
    let snapshot = Leader::new(10, true).snapshot(NOW.monotonic, &browser.session);
    browser.deliver(&snapshot);
    assert_eq!((seeks(&browser.follower_tab).len(), searches(&browser.follower_tab).len()), (2, 2));
}

#[test]
fn a_follower_can_search() {
    let mut browser = Browser::with_gap();
    browser.search("old");
    browser.search("你好");
    assert_eq!(browser.sent.len(), 1);
    let results_page = |request, seqs: &[u64]| {
        let frames = seqs.iter().map(|seq| codec::encode(&message(*seq))).collect();
        let page = wire::HistoryPage { request, frames, ..wire::HistoryPage::default() };
        codec::extension(Extension::HistoryPage(page))
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
        GapState::between(&[(0, 4), (9, 9)].map(range).into_iter().collect(), &[])
    );
    browser.receive(&message(10));
    let gaps: Vec<_> = browser.follower_tab.gaps.iter().map(|state| (state.gap.from, state.gap.to)).collect();
    assert_eq!(gaps, [(4, 9)], "the gap stays when new messages arrive");
}

fn range((from, to): (u64, u64)) -> Range {
    Range { from, to }
}

#[test]
fn events_count_also_while_the_leader_knows_no_follower() {
    let mut browser = Browser::new(0);
    let [none, one] = [0, 1].map(|events| {
        let mut leader = Leader::new(1, false);
        for _ in 0..events {
            assert_eq!(leader.publish(NOW.monotonic, &Event::LogReplaced, &browser.session), None);
        }
        leader.handle_message(NOW, &command(TabCommand::Visible), &mut browser.session);
        leader.poll_renewal(NOW.monotonic, &browser.session).unwrap()
    });
    assert_ne!(none, one, "a follower sees that it has missed an event");
}
