//! The invariants of a log and of the tabs that have settled, for the simulation and the kill tests.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::model::{Connection, MessageId};
use parlour_server::store::{LogReader, PageSize, PageStart};

use super::device::Device;

/// A message of the log: sequence number, id, sender, content.
pub type LogEntry = (u64, MessageId, String, String);

/// All messages of the log, oldest first.
pub fn read_all(reader: &mut dyn LogReader) -> Vec<LogEntry> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let size = PageSize { messages: 1_000, bytes: usize::MAX };
        let page = reader.page("", PageStart::After(after), size).unwrap();
        after = page.to;
        all.extend(page.messages.into_iter().map(|m| (m.stamp.seq, m.id, m.nick, m.content)));
        if page.reached_end {
            return all;
        }
    }
}

/// All sent messages are in the log once and in order, and all clients show the log.
pub fn check_exactly_once(log: &[LogEntry], devices: &[Device]) {
    let mut entries = BTreeMap::new();
    for (seq, id, nick, content) in log {
        let before = entries.insert(*id, (*seq, nick.clone(), content.clone()));
        assert!(before.is_none(), "{id:?} is in the log twice: {before:?} and {seq}");
    }
    assert!(log.is_sorted_by(|a, b| a.0 < b.0), "the log is not in order");
    for device in devices {
        let who = &device.nick;
        assert_eq!(device.complaints, Vec::<String>::new(), "{who}");
        assert!(matches!(device.connection, Connection::Online { .. }), "{who} is {:?}", device.connection);

        let lost: Vec<_> = device.acknowledged.iter().filter(|id| !entries.contains_key(id)).collect();
        assert!(lost.is_empty(), "{who}: acknowledged, but not in the log: {lost:?}");
        let absent: Vec<_> = device.sent.iter().filter(|id| !entries.contains_key(id)).collect();
        assert!(absent.is_empty(), "{who}: sent by the user, but not in the log: {absent:?}");
        assert_eq!(device.storage.queued_messages(), 0, "{who} still has messages in the send queue");
        for (id, (seq, content)) in &device.seen {
            let logged = entries.get(id).map(|(seq, _, content)| (*seq, content));
            assert_eq!(logged, Some((*seq, content)), "{who} was shown {id:?} as {seq}");
        }

        let own: Vec<u64> = device.sent.iter().map(|id| entries[id].0).collect();
        assert!(own.is_sorted(), "{who}'s own messages are out of order: {own:?}");

        assert_eq!(device.gaps, [], "{who} still has a gap");
        let expected: Vec<(u64, MessageId)> = log.iter().map(|(seq, id, ..)| (*seq, *id)).collect();
        let shown = device.shown();
        let missing = without(&expected, &shown);
        let added = without(&shown, &expected);
        assert!(
            missing.is_empty() && added.is_empty(),
            "{who} does not show {missing:?}, and shows {added:?} in addition"
        );
        assert_eq!(shown, expected, "{who} shows another order than the log");
    }
}

/// The entries of one list that are not in the other.
fn without(all: &[(u64, MessageId)], excluded: &[(u64, MessageId)]) -> Vec<(u64, MessageId)> {
    let excluded: BTreeSet<_> = excluded.iter().collect();
    all.iter().filter(|message| !excluded.contains(message)).copied().collect()
}

/// All of these clients see exactly these members online.
pub fn check_presence(devices: &[Device]) {
    let nicks: BTreeSet<_> = devices.iter().map(|device| device.nick.clone()).collect();
    for device in devices {
        let session = device.session.as_ref().expect("the tab is open");
        let members: BTreeSet<_> = session.members().0.iter().map(|member| member.nick.to_string()).collect();
        assert_eq!(members, nicks, "{} shows the wrong members", device.nick);
    }
}
