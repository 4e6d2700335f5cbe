//! The invariants of a log and of the tabs that have settled.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::model::{MessageId, RoomId};
use parlour_server::store::{LogReader, PageSize, PageStart};

use super::device::Device;

/// A message of the log: ord, id, sender, content.
pub type LogEntry = (u64, MessageId, String, String);

/// All messages of the lobby, oldest first.
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
pub fn check_exactly_once(log: &[LogEntry], devices: &[Device]) {
    let mut entries = BTreeMap::new();
    for (ord, id, nick, content) in log {
        let before = entries.insert(*id, (*ord, nick.clone(), content.clone()));
        assert!(before.is_none(), "{id:?} is in the log twice: {before:?} and {ord}");
    }
    assert!(log.is_sorted_by(|a, b| a.0 < b.0), "the log is not in order");
    for device in devices {
        let Device { nick: who, ledger, view, .. } = device;
        assert_eq!(view.complaints, Vec::<String>::new(), "{who}");
        let lost: Vec<_> = ledger.acknowledged.iter().filter(|id| !entries.contains_key(id)).collect();
        assert!(lost.is_empty(), "{who}: acknowledged, but not in the log: {lost:?}");
        let absent: Vec<_> = ledger.sent.iter().filter(|id| !entries.contains_key(id)).collect();
        assert!(absent.is_empty(), "{who}: sent by the user, but not in the log: {absent:?}");
        let waiting = device.queued_messages();
        assert!(waiting.is_empty(), "{who} still has messages in the send queue: {waiting:?}");
        let places: Vec<_> = ledger.sent.iter().map(|id| entries[id].0).collect();
        assert!(places.is_sorted(), "{who}'s own messages are out of order: {places:?}");
        check_shown(device, log, &entries);
    }
}

/// A tab is online and shows exactly the log.
fn check_shown(device: &Device, log: &[LogEntry], entries: &BTreeMap<MessageId, (u64, String, String)>) {
    let Device { nick: who, view, .. } = device;
    assert!(view.is_online(), "{who} is {:?}", view.connection);
    for (id, (ord, content)) in &view.seen {
        let logged = entries.get(id).map(|(ord, _, content)| (*ord, content));
        assert_eq!(logged, Some((*ord, content)), "{who} was shown {id:?} as {ord}");
    }
    assert_eq!(device.gaps(), [], "{who} still has a gap");
    let expected: Vec<(u64, MessageId)> = log.iter().map(|(ord, id, ..)| (*ord, *id)).collect();
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

/// All users see exactly each other online.
pub fn check_presence(devices: &[Device]) {
    let nicks: BTreeSet<_> = devices.iter().map(|device| &device.nick).collect();
    for device in devices {
        let members: BTreeSet<_> = device.view.members.values().collect();
        assert_eq!(members, nicks, "{} shows the wrong members", device.nick);
    }
}
