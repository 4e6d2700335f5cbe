//! Checks what a tab shows of a room.

use std::collections::BTreeSet;

use parlour_core::{
    client::state::ClientState,
    model::{Delivery, MessageId, RoomId, TextState, UserId},
};

use super::{log::RoomLog, world::World};

/// A message with the emoji of its reactions, their numbers, and whether they are own ones.
type Shown<'a> = (u64, MessageId, UserId, &'a str, TextState, Vec<(&'a str, usize, bool)>);

/// Checks that a tab shows the messages of the log, and the own ones that have failed. `fresh` is the state of a new device.
pub fn check_timeline(
    world: &World,
    at: usize,
    room: RoomId,
    log: &RoomLog,
    (fresh, is_new): (&ClientState, bool),
) {
    let shown: Vec<_> = world.tabs[at].shown.messages(room).into_iter().collect();
    let (sent, others): (Vec<_>, Vec<_>) =
        shown.into_iter().partition(|message| message.delivery == Delivery::Sent);
    let shown: Vec<Shown<'_>> = sent
        .iter()
        .map(|message| {
            let counts = message.reactions.counts.iter();
            let is_own = |emoji: &str| message.reactions.is_own(emoji);
            let reactions = counts.map(|of| (&*of.emoji, of.count as usize, is_own(&of.emoji))).collect();
            let (ord, sender) = (message.ord, message.sender.unwrap());
            (ord, message.id, sender, &*message.content, message.text, reactions)
        })
        .collect();
    let me = world.tabs[at].account;
    // A tab still shows deleted messages that it has received.
    let shown_deleted: BTreeSet<_> =
        shown.iter().map(|message| message.0).filter(|ord| *ord < log.first_ord && !is_new).collect();
    let expected: Vec<_> = log
        .messages
        .iter()
        .filter(|message| message.ord >= log.first_ord || shown_deleted.contains(&message.ord))
        .map(|message| {
            let is_own = |accounts: &BTreeSet<_>| me.is_some_and(|me| accounts.contains(&me));
            let reactions = message.reactions.iter();
            let reactions =
                reactions.map(|(emoji, accounts)| (&**emoji, accounts.len(), is_own(accounts))).collect();
            (message.ord, message.id, message.sender, &*message.content, message.text, reactions)
        })
        .collect();
    assert_eq!(shown, expected, "the messages that tab {at} shows in {room:?}");
    // A new device does not learn the names of those whose messages are deleted.
    for message in sent.iter().filter(|message| message.ord >= log.first_ord) {
        let nick = fresh.people().nick(message.sender.unwrap());
        assert_eq!(message.nick, nick, "the sender of {message:?} in tab {at}");
    }
    for message in &others {
        let is_failed = matches!(message.delivery, Delivery::Failed(_));
        assert!(is_failed, "tab {at} shows in {room:?} {message:?}");
    }
    let tab = &world.tabs[at];
    // Several tabs lead if locks are refused, and learn nothing from each other.
    let failed = world.ledger.failed_on(tab.device, room).filter(|_| !world.refuses_locks(at));
    for (key, sent) in failed {
        let is_shown = tab.account != Some(key.0) || others.iter().any(|message| message.id == key.1);
        assert!(is_shown, "{sent:?} has failed, and tab {at} does not show it");
    }
}
