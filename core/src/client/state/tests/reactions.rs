//! Reactions to messages: their numbers, and which of them are of this account.

use std::collections::BTreeSet;

use super::{
    peer::Peer,
    rooms::{ROOM, gaps, opened},
    server::{Happened, ME, Room, Server, user},
};
use crate::{
    model::{RoomId, UserId},
    ranges::Range,
    timeline::{Row, RowKind, Timeline},
    wire,
};

/// The emoji of the reactions to a message, each with the number of accounts, and whether this one is among them.
pub type Shown = Vec<(String, u32, bool)>;

impl Room {
    /// The reactions to a message: the emoji, and the accounts.
    pub(super) fn reactions(&self, ord: u64) -> Vec<(&'static str, BTreeSet<UserId>)> {
        let mut reactions: Vec<(&str, BTreeSet<UserId>)> = Vec::new();
        for event in &self.events {
            match event {
                Happened::Changed(of, None) if *of == ord => return Vec::new(),
                Happened::Reacted { ord: of, account, emoji, remove } if *of == ord => {
                    let at = reactions.iter().position(|(known, _)| known == emoji);
                    let at = at.unwrap_or_else(|| {
                        reactions.push((emoji, BTreeSet::new()));
                        reactions.len() - 1
                    });
                    if *remove {
                        reactions[at].1.remove(account)
                    } else {
                        reactions[at].1.insert(*account)
                    };
                    reactions.retain(|(_, accounts)| !accounts.is_empty());
                }
                _ => {}
            }
        }
        reactions
    }

    /// The fields of a message on the wire: its reactions, and the emoji of this account.
    pub(super) fn wire_reactions(&self, ord: u64) -> (Vec<wire::Reaction>, Vec<String>) {
        let reactions = self.reactions(ord);
        let own = reactions.iter().filter(|(_, accounts)| accounts.contains(&ME));
        let own = own.map(|(emoji, _)| (*emoji).to_owned()).collect();
        let reaction = |(emoji, accounts): (&str, BTreeSet<UserId>)| wire::Reaction {
            emoji: emoji.to_owned(),
            count: accounts.len() as u32,
        };
        (reactions.into_iter().map(reaction).collect(), own)
    }

    fn shown_reactions(&self, ord: u64) -> Shown {
        let shown = |(emoji, accounts): (&str, BTreeSet<UserId>)| {
            (emoji.to_owned(), accounts.len() as u32, accounts.contains(&ME))
        };
        self.reactions(ord).into_iter().map(shown).collect()
    }
}

impl Server {
    /// An account reacts to a message with an emoji, or removes that reaction, if the message is not erased.
    pub fn react(&mut self, room: RoomId, ord: u64, account: UserId, emoji: &'static str) {
        let of = self.room(room);
        let is_stored = (of.first_ord..=of.head()).contains(&ord);
        if is_stored && !of.text(ord, "").2 {
            let reactions = of.reactions(ord);
            let remove = reactions.iter().any(|(of, by)| *of == emoji && by.contains(&account));
            self.append(room, Happened::Reacted { ord, account, emoji, remove });
        }
    }

    /// The reactions to the messages that have some, by ord.
    pub fn all_reactions(&self, room: RoomId) -> Vec<(u64, Shown)> {
        let of = self.room(room);
        let ords = of.messages().map(|(ord, ..)| ord).filter(|ord| *ord >= of.first_ord);
        let reactions = ords.map(|ord| (ord, of.shown_reactions(ord)));
        reactions.filter(|(_, reactions)| !reactions.is_empty()).collect()
    }
}

impl Peer {
    /// The reactions that are shown to the messages that have some, by ord.
    pub fn shown_reactions(&self, room: RoomId) -> Vec<(u64, Shown)> {
        let reactions = |row: Row| match row.kind {
            RowKind::Message { message, .. } if !message.reactions.is_empty() => {
                let counts = message.reactions.counts.iter();
                let shown =
                    counts.map(|of| (of.emoji.clone(), of.count, message.reactions.is_own(&of.emoji)));
                Some((message.ord, shown.collect()))
            }
            _ => None,
        };
        self.timelines.get(&room).into_iter().flat_map(Timeline::rows).filter_map(reactions).collect()
    }

    fn reactions_to(&self, ord: u64) -> Shown {
        self.shown_reactions(ROOM)
            .into_iter()
            .find(|(of, _)| *of == ord)
            .map(|(_, shown)| shown)
            .unwrap_or_default()
    }
}

fn shown(reactions: &[(&str, u32, bool)]) -> Shown {
    reactions.iter().map(|(emoji, count, own)| ((*emoji).to_owned(), *count, *own)).collect()
}

#[test]
fn reactions_are_counted_and_own_ones_are_known() {
    let (mut peer, mut server) = opened(8);
    server.react(ROOM, 3, ME, "👍");
    server.react(ROOM, 3, user(2), "🎉");
    server.react(ROOM, 3, user(2), "👍");
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(3), shown(&[("👍", 2, true), ("🎉", 1, false)]));
    server.react(ROOM, 3, ME, "👍");
    server.react(ROOM, 3, ME, "🎉");
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(3), shown(&[("👍", 1, false), ("🎉", 2, true)]));
    // An edit keeps them, and a deletion does not.
    server.change_message(ROOM, 3, Some("edited".into()));
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(3), shown(&[("👍", 1, false), ("🎉", 2, true)]));
    server.change_message(ROOM, 3, None);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(3), []);
}

#[test]
fn a_page_that_was_read_before_reactions_has_them() {
    // The last reaction may be of somebody else, and the own one older than the page or later.
    for own_first in [true, false] {
        let (mut peer, mut server) = opened(30);
        let (_, to) = gaps(&peer, ROOM)[0];
        if own_first {
            server.react(ROOM, to, ME, "👍");
        }
        server.request_slow_page(ROOM, to + 1);
        let pages = std::mem::take(&mut server.slow_pages);
        if !own_first {
            server.react(ROOM, to, ME, "👍");
        }
        server.slow_pages = pages;
        server.react(ROOM, to, user(2), "👍");
        peer.deliver(&mut server, usize::MAX);
        assert_eq!(peer.reactions_to(to), shown(&[("👍", 2, true)]), "{own_first}");
    }
}

#[test]
fn a_page_that_is_older_than_all_remembered_changes_is_not_used() {
    let (mut peer, mut server) = opened(30);
    let gap = gaps(&peer, ROOM)[0];
    let page = server.page(ROOM, gap.1 + 1);
    server.react(ROOM, gap.1, user(2), "👍");
    (0..300).for_each(|_| server.react(ROOM, 30, user(2), "🎉"));
    peer.deliver(&mut server, usize::MAX);
    peer.state.handle_page(ROOM, page);
    peer.drain();
    assert_eq!(gaps(&peer, ROOM)[0], gap);
    peer.state.handle_page(ROOM, server.page(ROOM, gap.1 + 1));
    peer.drain();
    assert_eq!(peer.reactions_to(gap.1), shown(&[("👍", 1, false)]));
}

#[test]
fn reactions_that_were_removed_while_nobody_was_subscribed_are_gone_with_the_next_page() {
    let (mut peer, mut server) = opened(8);
    server.react(ROOM, 3, ME, "👍");
    peer.deliver(&mut server, usize::MAX);
    server.unsubscribe(ROOM);
    peer.deliver(&mut server, usize::MAX);
    server.react(ROOM, 3, ME, "👍");
    server.request_page(ROOM, u64::MAX);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(3), []);
}

#[test]
fn own_reactions_of_a_page_stay_when_somebody_else_reacts() {
    let (mut peer, mut server) = opened(30);
    let (_, to) = gaps(&peer, ROOM)[0];
    server.react(ROOM, to, ME, "👍");
    // A tab that has not seen that.
    let mut peer = {
        let mut other = Peer::new();
        peer.disconnect(&mut server);
        other.connect(&mut server);
        other.open(&mut server, ROOM);
        other
    };
    peer.deliver(&mut server, usize::MAX);
    server.request_page(ROOM, to + 1);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(to), shown(&[("👍", 1, true)]));
    server.react(ROOM, to, user(2), "🎉");
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(to), shown(&[("👍", 1, true), ("🎉", 1, false)]));
}

#[test]
fn a_window_from_an_older_position_brings_no_outdated_message() {
    let (mut peer, mut server) = opened(8);
    let seq = server.room(ROOM).messages().find(|(ord, ..)| *ord == 3).unwrap().1;
    server.react(ROOM, 3, user(2), "👍");
    peer.deliver(&mut server, usize::MAX);
    peer.state.handle_evicted(ROOM, Range { from: 2, to: 3 });
    // That of another tab.
    server.subscribe(ROOM, &wire::Subscribe { seq: seq - 1, id: Vec::new() });
    peer.deliver(&mut server, usize::MAX);
    assert!(!peer.state.room(ROOM).unwrap().known().contains(3));
    server.request_page(ROOM, 4);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.reactions_to(3), shown(&[("👍", 1, false)]));
}
