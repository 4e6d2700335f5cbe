//! Searching what was said.

use super::{
    history::{again, gaps, online_at, page, said, shown},
    *,
};
use crate::event::Found;

/// The sequence numbers and whether there is more, or why not.
type Told = Result<(Vec<u64>, bool), Status>;

impl Driver {
    fn search(&mut self, words: &str, before: u64) {
        self.session.handle_search(self.now, words, before);
        self.drain();
    }

    fn searched(&self) -> Vec<wire::SearchRequest> {
        let searched = self.sent.iter().filter_map(|frame| match &frame.extension {
            Some(Ext::SearchRequest(searched)) => Some(searched.clone()),
            _ => None,
        });
        searched.collect()
    }

    /// Who was told what.
    fn found(&self) -> Vec<(u64, Told)> {
        let of = |found: &Found| (found.messages.iter().map(|message| message.seq).collect(), found.more);
        let found = self.events.iter().filter_map(|event| match event {
            Event::Found { asker, found } => Some((*asker, found.as_ref().map(of).map_err(|status| *status))),
            _ => None,
        });
        found.collect()
    }
}

fn finding(request: u32, seqs: &[u64], all: bool) -> Frame {
    let frames = seqs.iter().map(|seq| codec::encode(&said(*seq))).collect();
    let page = wire::HistoryPage { request, frames, reached_start: all, ..wire::HistoryPage::default() };
    codec::extension("", Ext::HistoryPage(page))
}

fn online() -> Driver {
    let mut driver = online_at(200);
    driver.receive(&page(0, 190, 200));
    driver.forget();
    driver
}

#[test]
fn what_is_found_is_no_part_of_the_room() {
    let mut driver = online();
    driver.search("hello", 0);
    let expected = wire::SearchRequest { query: "hello".into(), before: 0, count: 50, request: 1 };
    assert_eq!(driver.searched(), [expected]);
    driver.receive(&finding(1, &[3, 5, 9], false));
    assert_eq!(driver.found(), [(0, Ok((vec![9, 5, 3], true)))], "the newest first");
    assert_eq!((gaps(&driver), shown(&driver)), (vec![], vec![]), "nothing else was told");
    driver.forget();
    driver.search("hello", 3);
    assert_eq!(driver.searched()[0].before, 3);
    driver.receive(&finding(2, &[], true));
    assert_eq!(driver.found(), [(0, Ok((vec![], false)))]);
}

#[test]
fn who_said_it_is_known() {
    let mut driver = online();
    driver.search("hello", 0);
    let mut answer = finding(1, &[3], true);
    let Some(Ext::HistoryPage(page)) = &mut answer.extension else { unreachable!() };
    page.frames.push(codec::encode(&Frame { user_name: "tom".into(), ..said(4) }));
    page.frames.push(vec![0xFF].into());
    driver.receive(&answer);
    let Some(Event::Found { found: Ok(found), .. }) = driver.events.last() else { panic!() };
    assert_eq!(found.messages.iter().map(|message| message.own).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_newer_search_overtakes_an_older_one_and_one_is_out_at_a_time() {
    let mut driver = online();
    for words in ["h", "he", "hel"] {
        driver.search(words, 0);
    }
    assert_eq!(driver.searched().len(), 1);
    driver.receive(&finding(1, &[1], true));
    assert_eq!((driver.found(), driver.searched()[1].query.as_str()), (vec![], "hel"));
    driver.receive(&finding(2, &[2], true));
    assert_eq!((driver.found(), driver.searched().len()), (vec![(0, Ok((vec![2], false)))], 2));
}

#[test]
fn it_is_in_nobodys_way() {
    let mut driver = online();
    driver.session.handle_load(driver.now, 190);
    driver.search("hello", 0);
    driver.receive(&finding(2, &[1], true));
    driver.receive(&page(1, 90, 190));
    assert_eq!((driver.found().len(), gaps(&driver)), (1, vec![(0, 90, false)]));
}

#[test]
fn what_is_not_found_is_told() {
    let mut driver = online();
    driver.search("hello", 0);
    let mut refusal = codec::refusal(Status::LogUnavailable, None, 0, None);
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = 1;
    driver.search("world", 0);
    driver.receive(&refusal);
    assert_eq!((driver.found(), driver.searched().len()), (vec![], 2), "that was the older one");
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = 2;
    driver.receive(&refusal);
    assert_eq!(driver.found(), [(0, Err(Status::LogUnavailable))]);
    driver.forget();
    driver.search("slow", 0);
    for _ in 0..11 {
        driver.pass(1_000);
        driver.receive(&codec::extension("", Ext::Typing(wire::Typing { typing: true })));
    }
    assert_eq!(driver.found(), [(0, Err(Status::NoAnswer))]);
    driver.forget();
    driver.receive(&finding(3, &[1], true));
    assert_eq!(driver.events, [], "too late");
    for words in ["lost", "waits"] {
        driver.search(words, 0);
    }
    driver.closed(1006);
    driver.search("offline", 0);
    assert_eq!(driver.found(), [(0, Err(Status::NotConnected)), (0, Err(Status::NotConnected))]);
    assert!(driver.searched().len() == 1);
    again(&mut driver);
    driver.receive(&history::welcome_at(&history::LOG, 200));
    driver.search("again", 0);
    let request = driver.searched()[0].request;
    driver.receive(&finding(request, &[1], true));
    assert_eq!(driver.found(), [(0, Ok((vec![1], false)))]);
}

#[test]
fn a_server_that_does_not_search_is_not_asked() {
    let mut frame = history::welcome_at(&history::LOG, 9);
    let Some(Ext::Welcome(welcome)) = &mut frame.extension else { unreachable!() };
    welcome.capabilities.retain(|capability| capability != "search");
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&frame);
    driver.search("hello", 0);
    assert_eq!((driver.found(), driver.searched().len()), (vec![(0, Err(Status::NotOnThisServer))], 0));
    let known = |driver: &Driver| driver.session.identity.as_ref().unwrap().search;
    assert!(!known(&driver));
    let mut driver = online();
    driver.reload();
    assert!(known(&driver), "also before the server was reached");
}

#[test]
fn another_page_is_told_under_its_own_number() {
    let mut driver = online();
    driver.session.handle_search_for_another(driver.now, 7, "hello", 0);
    driver.search("world", 0);
    driver.receive(&finding(1, &[1], true));
    driver.receive(&finding(2, &[2], true));
    assert_eq!(driver.found(), [(7, Err(Status::NoAnswer)), (0, Ok((vec![2], false)))]);
    driver.session.handle_search_for_another(driver.now, 0, "hello", 0);
    driver.drain();
    driver.receive(&finding(3, &[3], true));
    assert_eq!(driver.found()[2], (1, Ok((vec![3], false))), "and is never ours");
}
