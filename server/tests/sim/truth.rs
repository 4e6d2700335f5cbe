//! The invariants of a log and of the tabs that have settled, for the simulation and the kill tests.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::model::{MessageId, RoomId};
use parlour_server::store::{LogReader, PageSize, PageStart};

use super::{
    ledger::{Ledger, Sent},
    view::View,
};

/// A message of the log: ord, id, sender, content.
pub type LogEntry = (u64, MessageId, String, String);

/// A user of a server, after everything has settled.
pub struct User<'a> {
    pub nick: &'a str,
    pub ledger: &'a Ledger,
    /// The view of each open tab, and the members that it lists.
    pub tabs: Vec<(&'a View, BTreeSet<String>)>,
    /// The messages in the persisted send queue.
    pub queued: BTreeSet<MessageId>,
}

/// All messages of the log, oldest first.
pub fn read_all(reader: &mut dyn LogReader) -> Vec<LogEntry> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let size = PageSize { messages: 1_000, bytes: usize::MAX };
        let page = reader.page(RoomId::LOBBY, PageStart::After(after), size).unwrap();
        after = page.to;
        all.extend(page.messages.into_iter().map(|m| (m.place.ord, m.id, m.nick, m.content)));
        if page.to >= page.head_ord {
            return all;
        }
    }
}

/// All sent messages are in the log once and in order, and all clients show the log.
pub fn check_exactly_once(log: &[LogEntry], users: &[User]) {
    let mut entries = BTreeMap::new();
    for (seq, id, nick, content) in log {
        let before = entries.insert(*id, (*seq, nick.clone(), content.clone()));
        assert!(before.is_none(), "{id:?} is in the log twice: {before:?} and {seq}");
    }
    assert!(log.is_sorted_by(|a, b| a.0 < b.0), "the log is not in order");
    for User { nick: who, ledger, tabs, queued } in users {
        for (view, _) in tabs {
            assert_eq!(view.complaints, Vec::<String>::new(), "{who}");
        }
        let lost: Vec<_> = ledger.acknowledged.iter().filter(|id| !entries.contains_key(id)).collect();
        assert!(lost.is_empty(), "{who}: acknowledged, but not in the log: {lost:?}");
        let is_failed = |id: &MessageId| ledger.has_failed(*id);
        let absent: Vec<_> = ledger.ids().filter(|id| !entries.contains_key(id) && !is_failed(id)).collect();
        assert!(absent.is_empty(), "{who}: sent by the user, but not in the log: {absent:?}");
        let waiting: Vec<_> = queued.iter().filter(|id| !is_failed(id)).collect();
        assert!(waiting.is_empty(), "{who} still has messages in the send queue: {waiting:?}");
        check_order(who, ledger, &entries);
        tabs.iter().for_each(|(view, _)| check_shown(who, view, log, &entries));
    }
}

/// The messages are in the order in which they were sent.
fn check_order(who: &str, ledger: &Ledger, entries: &BTreeMap<MessageId, (u64, String, String)>) {
    let mut newest = BTreeMap::new();
    for Sent { sequence, id, .. } in &ledger.sent {
        if ledger.failed.contains_key(id) || ledger.retried.contains(id) {
            continue;
        }
        let seq = entries[id].0;
        let before = newest.insert(sequence, seq).unwrap_or(0);
        assert!(before < seq, "{who}'s own messages are out of order: {before} was sent before {seq}");
    }
}

/// A tab is online and shows exactly the log.
fn check_shown(
    who: &str,
    view: &View,
    log: &[LogEntry],
    entries: &BTreeMap<MessageId, (u64, String, String)>,
) {
    assert!(view.is_online(), "{who} is {:?}", view.connection);
    for (id, (seq, content)) in &view.seen {
        let logged = entries.get(id).map(|(seq, _, content)| (*seq, content));
        assert_eq!(logged, Some((*seq, content)), "{who} was shown {id:?} as {seq}");
    }
    assert_eq!(view.gaps, [], "{who} still has a gap");
    let expected: Vec<(u64, MessageId)> = log.iter().map(|(seq, id, ..)| (*seq, *id)).collect();
    let shown = view.shown();
    let missing = without(&expected, &shown);
    let added = without(&shown, &expected);
    assert!(
        missing.is_empty() && added.is_empty(),
        "{who} does not show {missing:?}, and shows {added:?} in addition"
    );
    assert_eq!(shown, expected, "{who} shows another order than the log");
}

/// The entries of one list that are not in the other.
fn without(all: &[(u64, MessageId)], excluded: &[(u64, MessageId)]) -> Vec<(u64, MessageId)> {
    let excluded: BTreeSet<_> = excluded.iter().collect();
    all.iter().filter(|message| !excluded.contains(message)).copied().collect()
}

/// All tabs of these users see exactly these members online, and the others.
pub fn check_presence(users: &[User], others: &[&str]) {
    let nicks: BTreeSet<_> =
        users.iter().map(|user| user.nick).chain(others.iter().copied()).map(String::from).collect();
    for User { nick, tabs, .. } in users {
        for (_, members) in tabs {
            assert_eq!(*members, nicks, "{nick} shows the wrong members");
        }
    }
}

/// The names of members.
pub fn names(members: &[parlour_core::model::Member]) -> BTreeSet<String> {
    members.iter().map(|member| member.nick.to_string()).collect()
}
