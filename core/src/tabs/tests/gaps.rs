//! The gaps of a follower, which knows fewer messages than the leader.

use super::*;

#[test]
fn a_follower_loads_its_own_gaps() {
    let last = u64::try_from(3 * PERSISTED_MESSAGES).unwrap();
    let mut browser = Browser::new(0);
    for seq in 1..=last {
        browser.receive(&message(seq));
    }
    browser.sync();
    let [state] = browser.follower_tab.gaps[..] else { panic!("{:?}", browser.follower_tab.gaps) };
    assert!(state.gap.from == 0 && state.gap.to > 0 && browser.leader_tab.gaps.is_empty());
    assert_eq!(browser.follower_tab.shown().len() as u64, last - state.gap.to);
    browser.sent.clear();
    browser.load_gap(state.gap.to);
    browser.load_gap(state.gap.to);
    assert_eq!(browser.sent.len(), 1, "one gap at a time");
    let Some(Extension::HistoryRequest(request)) = browser.sent[0].extension else { panic!() };
    browser.receive(&page(request.request, 0, state.gap.to));
    browser.both_show(usize::try_from(last).unwrap());
    assert_eq!(browser.follower_tab.gaps, []);
}

#[test]
fn a_followers_gap_is_loading_until_the_request_ends() {
    let last = u64::try_from(3 * PERSISTED_MESSAGES).unwrap();
    let mut browser = Browser::new(0);
    (1..=last).for_each(|seq| browser.receive(&message(seq)));
    browser.sync();
    let to = browser.follower_tab.gaps[0].gap.to;
    let loading = |browser: &Browser| browser.follower_tab.gaps.iter().any(|state| state.loading);
    let load = |browser: &mut Browser| browser.load_gap(to);
    load(&mut browser);
    assert!(loading(&browser), "although the leader has no gap");
    let Some(Extension::HistoryRequest(request)) = browser.sent.last().unwrap().extension.clone() else {
        panic!()
    };
    let code = Status::LogUnavailable.code().into();
    let refusal = wire::Refusal { code, request: request.request, ..wire::Refusal::default() };
    browser.receive(&codec::extension(Extension::Refusal(refusal)));
    assert!(!loading(&browser), "it was refused");
    load(&mut browser);
    assert!(loading(&browser));
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    assert!(!loading(&browser), "the connection is gone");
    load(&mut browser);
    assert!(!loading(&browser), "nothing is requested without a connection");
    browser.sent.clear();
    browser.load_gap(to - 1);
    assert_eq!(browser.sent.len(), 0, "there is no such gap");
}
