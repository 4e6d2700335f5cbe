//! What must hold of a log and of the pages that have come to rest beside it, whoever ran them.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::model::{Connection, MessageId};
use parlour_server::log::{Read, Size, Start};

use super::device::Device;

/// A message of the log: its number, its id, who said it, and what.
pub type Line = (u64, MessageId, String, String);

/// All that the log has, oldest first.
pub fn everything(reader: &mut dyn Read) -> Vec<Line> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let size = Size { messages: 1_000, bytes: usize::MAX };
        let page = reader.page("", Start::After(after), size).unwrap();
        after = page.to;
        all.extend(page.messages.into_iter().map(|m| (m.place.seq, m.id, m.nick, m.content)));
        if page.reached_end {
            return all;
        }
    }
}

/// Everybody's messages are in the log once and in their order, and everybody sees the log.
pub fn nothing_is_lost_and_nothing_is_doubled(log: &[Line], devices: &[Device]) {
    let mut places = BTreeMap::new();
    for (seq, id, nick, content) in log {
        let before = places.insert(*id, (*seq, nick.clone(), content.clone()));
        assert!(before.is_none(), "{id:?} is in the log twice: {before:?} and {seq}");
    }
    assert!(log.is_sorted_by(|a, b| a.0 < b.0), "the log's order is none");
    for device in devices {
        let who = &device.nick;
        assert_eq!(device.complaints, Vec::<String>::new(), "{who}");
        assert!(matches!(device.connection, Connection::Online { .. }), "{who} is {:?}", device.connection);

        let lost: Vec<_> = device.acknowledged.iter().filter(|id| !places.contains_key(id)).collect();
        assert!(lost.is_empty(), "{who}: acknowledged, and not in the log: {lost:?}");
        let forgotten: Vec<_> = device.said.iter().filter(|id| !places.contains_key(id)).collect();
        assert!(forgotten.is_empty(), "{who}: said, and never in the log: {forgotten:?}");
        assert_eq!(device.storage.outbox(), 0, "{who} has something in the outbox still");
        for (id, (seq, content)) in &device.seen {
            let there = places.get(id).map(|(seq, _, content)| (*seq, content));
            assert_eq!(there, Some((*seq, content)), "{who} was shown {id:?} as {seq}");
        }

        let said: Vec<u64> = device.said.iter().map(|id| places[id].0).collect();
        assert!(said.is_sorted(), "{who}'s own messages are out of order: {said:?}");

        assert_eq!(device.gaps, [], "{who} has a gap still");
        let expected: Vec<(u64, MessageId)> = log.iter().map(|(seq, id, ..)| (*seq, *id)).collect();
        let shown = device.shown();
        let missing = without(&expected, &shown);
        let added = without(&shown, &expected);
        assert!(
            missing.is_empty() && added.is_empty(),
            "{who} misses {missing:?} and has {added:?} too much"
        );
        assert_eq!(shown, expected, "{who} sees another order than the log has");
    }
}

/// Those of one list that are not in the other.
fn without(all: &[(u64, MessageId)], those: &[(u64, MessageId)]) -> Vec<(u64, MessageId)> {
    let those: BTreeSet<_> = those.iter().collect();
    all.iter().filter(|message| !those.contains(message)).copied().collect()
}

/// These are there, and nobody else, to each of them.
pub fn everybody_sees_who_is_there(devices: &[Device]) {
    let nicks: BTreeSet<_> = devices.iter().map(|device| device.nick.clone()).collect();
    for device in devices {
        let session = device.session.as_ref().expect("the page is open");
        let roster: BTreeSet<_> = session.members().0.iter().map(|member| member.nick.to_string()).collect();
        assert_eq!(roster, nicks, "{} sees the wrong people", device.nick);
    }
}
