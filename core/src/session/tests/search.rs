//! Searching for messages.

use super::{
    history::{gaps, message, online_at, page, reconnect, shown},
    *,
};
use crate::event::SearchResults;

/// The sequence numbers and whether there are more, or the failure.
type Results = Result<(Vec<u64>, bool), Status>;

impl Driver {
    fn search(&mut self, words: &str, before: u64) {
        self.session.handle_search(self.now, words, before);
        self.drain();
    }

    fn search_requests(&self) -> Vec<wire::SearchRequest> {
        let requests = self.sent.iter().filter_map(|envelope| match &envelope.extension {
            Some(Ext::SearchRequest(request)) => Some(request.clone()),
            _ => None,
        });
        requests.collect()
    }

    /// The reported results, by requester.
    fn results(&self) -> Vec<(u64, Results)> {
        let summary = |of: &SearchResults| (of.messages.iter().map(|message| message.seq).collect(), of.more);
        let results = self.events.iter().filter_map(|event| match event {
            Event::SearchFinished { requester, results } => {
                Some((*requester, results.as_ref().map(summary).map_err(|status| *status)))
            }
            _ => None,
        });
        results.collect()
    }
}

fn results_page(request: u32, seqs: &[u64], all: bool) -> Envelope {
    let frames = seqs.iter().map(|seq| codec::encode(&message(*seq))).collect();
    let page = wire::HistoryPage { request, frames, reached_start: all, ..wire::HistoryPage::default() };
    codec::extension(Ext::HistoryPage(page))
}

fn online() -> Driver {
    let mut driver = online_at(200);
    driver.receive(&page(0, 190, 200));
    driver.clear();
    driver
}

#[test]
fn search_results_do_not_change_the_known_ranges() {
    let mut driver = online();
    driver.search("hello", 0);
    let expected = wire::SearchRequest { query: "hello".into(), before: 0, count: 50, request: 1 };
    assert_eq!(driver.search_requests(), [expected]);
    driver.receive(&results_page(1, &[3, 5, 9], false));
    assert_eq!(driver.results(), [(0, Ok((vec![9, 5, 3], true)))], "newest first");
    assert_eq!((gaps(&driver), shown(&driver)), (vec![], vec![]), "nothing else was reported");
    driver.clear();
    driver.search("hello", 3);
    assert_eq!(driver.search_requests()[0].before, 3);
    driver.receive(&results_page(2, &[], true));
    assert_eq!(driver.results(), [(0, Ok((vec![], false)))]);
}

#[test]
fn partial_search_results_say_how_far_they_go() {
    let mut driver = online();
    driver.search("hello", 0);
    let mut answer = results_page(1, &[150], false);
    let Some(Ext::HistoryPage(page)) = &mut answer.extension else { unreachable!() };
    (page.partial, page.from) = (true, 120);
    driver.receive(&answer);
    let Some(Event::SearchFinished { results: Ok(results), .. }) = driver.events.last() else { panic!() };
    assert_eq!((results.partial, results.more, results.messages.len()), (Some(120), true, 1));
    driver.search("hello", 121);
    driver.receive(&results_page(2, &[], true));
    let Some(Event::SearchFinished { results: Ok(results), .. }) = driver.events.last() else { panic!() };
    assert_eq!((results.partial, results.more), (None, false));
    assert_eq!((gaps(&driver), shown(&driver)), (vec![], vec![]), "search results are not a range");
}

#[test]
fn own_messages_are_marked_in_search_results() {
    let mut driver = online();
    driver.search("hello", 0);
    let mut answer = results_page(1, &[3], true);
    let Some(Ext::HistoryPage(page)) = &mut answer.extension else { unreachable!() };
    page.frames.push(codec::encode(&Envelope { user_name: "tom".into(), ..message(4) }));
    page.frames.push(vec![0xFF].into());
    driver.receive(&answer);
    let Some(Event::SearchFinished { results: Ok(results), .. }) = driver.events.last() else { panic!() };
    assert_eq!(results.messages.iter().map(|message| message.own).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn the_newest_search_is_sent_after_the_unanswered_one() {
    let mut driver = online();
    for words in ["h", "he", "hel"] {
        driver.search(words, 0);
    }
    assert_eq!(driver.search_requests().len(), 1);
    driver.receive(&results_page(1, &[1], true));
    assert_eq!((driver.results(), driver.search_requests()[1].query.as_str()), (vec![], "hel"));
    driver.receive(&results_page(2, &[2], true));
    assert_eq!((driver.results(), driver.search_requests().len()), (vec![(0, Ok((vec![2], false)))], 2));
}

#[test]
fn searches_and_history_requests_are_independent() {
    let mut driver = online();
    driver.session.handle_load_gap(driver.now, 190);
    driver.search("hello", 0);
    driver.receive(&results_page(2, &[1], true));
    driver.receive(&page(1, 90, 190));
    assert_eq!((driver.results().len(), gaps(&driver)), (1, vec![(0, 90, false)]));
}

#[test]
fn failed_searches_are_reported() {
    let mut driver = online();
    driver.search("hello", 0);
    let mut refusal = codec::refusal(Status::LogUnavailable, None, 0, None);
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = 1;
    driver.search("world", 0);
    driver.receive(&refusal);
    assert_eq!(
        (driver.results(), driver.search_requests().len()),
        (vec![], 2),
        "the refused search was replaced"
    );
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = 2;
    driver.receive(&refusal);
    assert_eq!(driver.results(), [(0, Err(Status::LogUnavailable))]);
    driver.clear();
    driver.search("slow", 0);
    for _ in 0..11 {
        driver.pass(1_000);
        driver.receive(&codec::extension(Ext::Typing(wire::Typing { typing: true })));
    }
    assert_eq!(driver.results(), [(0, Err(Status::NoAnswer))]);
    driver.clear();
    driver.receive(&results_page(3, &[1], true));
    assert_eq!(driver.events, [], "a late answer is ignored");
    for words in ["lost", "queued"] {
        driver.search(words, 0);
    }
    driver.closed(1006);
    driver.search("offline", 0);
    assert_eq!(driver.results(), [(0, Err(Status::NotConnected)), (0, Err(Status::NotConnected))]);
    assert!(driver.search_requests().len() == 1);
    reconnect(&mut driver);
    driver.receive(&history::welcome_at(&history::LOG, 200));
    driver.search("again", 0);
    let request = driver.search_requests()[0].request;
    driver.receive(&results_page(request, &[1], true));
    assert_eq!(driver.results(), [(0, Ok((vec![1], false)))]);
}

#[test]
fn a_server_without_search_is_not_asked() {
    let mut frame = history::welcome_at(&history::LOG, 9);
    let Some(Ext::Welcome(welcome)) = &mut frame.extension else { unreachable!() };
    welcome.capabilities.retain(|capability| capability != "search");
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&frame);
    driver.search("hello", 0);
    assert_eq!(
        (driver.results(), driver.search_requests().len()),
        (vec![(0, Err(Status::NotOnThisServer))], 0)
    );
    let can_search = |driver: &Driver| driver.session.identity.as_ref().unwrap().search;
    assert!(!can_search(&driver));
    let mut driver = online();
    driver.reload();
    assert!(can_search(&driver), "the capability is persisted");
}

#[test]
fn results_for_another_tab_carry_its_requester_number() {
    let mut driver = online();
    driver.session.handle_search_for(driver.now, 7, "hello", 0);
    driver.search("world", 0);
    driver.receive(&results_page(1, &[1], true));
    driver.receive(&results_page(2, &[2], true));
    let found = [(7, Ok((vec![1], false))), (0, Ok((vec![2], false)))];
    assert_eq!(driver.results(), found, "searches of different tabs do not replace each other");
    driver.session.handle_search_for(driver.now, 0, "hello", 0);
    driver.drain();
    driver.receive(&results_page(3, &[3], true));
    assert_eq!(driver.results()[2], (1, Ok((vec![3], false))), "0 is reserved for the local tab");
}
