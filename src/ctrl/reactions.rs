//! Reactions to messages.

use leptos::{prelude::*, task::spawn_local};
use parlour_core::{
    client::{Command, MessageTarget, Reply},
    model::{Message, Reaction, Reactions, RoomId, UserId},
    policy::Action,
    timeline::TimelineUpdate,
};

use super::MessageEditor;

/// The people who have reacted to a message with an emoji.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reactors {
    /// The nicks of the first ones.
    pub nicks: Vec<std::sync::Arc<str>>,
    /// The number of all.
    pub total: usize,
}

impl MessageEditor {
    /// Returns `true` if the user may react to a message of the open room.
    #[must_use]
    pub fn may_react(self, message: &Message) -> bool {
        self.may(message, Action::React)
    }

    /// Reacts to a message of the open room with an emoji, unless the user has done that.
    pub fn add_reaction(self, message: &Message, emoji: &str) {
        let shown = self.message(message.ord);
        if !shown.as_ref().unwrap_or(message).reactions.is_own(emoji) {
            self.toggle_reaction(message, emoji);
        }
    }

    /// Reacts to a message of the open room with an emoji, or removes that reaction. It is shown before the server has confirmed it,
    /// and not any more if the server refuses it.
    pub fn toggle_reaction(self, message: &Message, emoji: &str) {
        let store = self.store();
        let Some(room) = store.open_room.get_untracked() else { return };
        // Somebody else may have reacted meanwhile, or another room be open.
        let is_same = |shown: &Message| shown.id == message.id && shown.sender == message.sender;
        let Some(message) = self.message(message.ord).filter(is_same) else { return };
        let remove = message.reactions.is_own(emoji);
        let shown = Message { reactions: toggled(&message.reactions, emoji, remove), ..message.clone() };
        let target = MessageTarget { ord: message.ord, id: message.id };
        let command =
            Command::React { room, id: store.new_id(), message: target, emoji: emoji.to_owned(), remove };
        let answer = store.until_logout(store.service().request(command));
        store.timeline_changed(room, TimelineUpdate::Changed(shown.clone()));
        spawn_local(async move {
            let Some(Err(refusal)) = answer.await else { return };
            if self.is_shown(room, &shown) {
                store.timeline_changed(room, TimelineUpdate::Changed(message));
            }
            if store.open_room.get_untracked() == Some(room) {
                store.report_error(refusal.status);
            }
        });
    }

    /// Requests who has reacted to a message of the open room with an emoji; `None` if that fails. Whether the user is among them is
    /// taken from the message, because the server may not have executed the last command yet. Then the user is the last one.
    pub fn reactors(self, message: &Message, emoji: &str) -> impl Future<Output = Option<Reactors>> + use<> {
        let store = self.store();
        let target = MessageTarget { ord: message.ord, id: message.id };
        let room = store.open_room.get_untracked().unwrap_or(RoomId::LOBBY);
        let command = Command::ListReactions { room, message: target, emoji: emoji.to_owned() };
        let answer = store.until_logout(store.service().request(command));
        let me = store.with_state(|state| state.me()).flatten();
        let own = message.reactions.is_own(emoji).then(|| {
            store.identity.with_untracked(|identity| identity.as_ref().map(|identity| identity.nick.clone()))
        });
        let counts = message.reactions.counts.iter();
        let total = counts.filter(|of| of.emoji == emoji).map(|of| of.count as usize).sum();
        async move {
            let Some(Ok(Reply::People(page))) = answer.await else { return None };
            let others = page.people.into_iter().filter(|person| UserId::from_wire(&person.account) != me);
            let nicks = others.map(|person| person.nick.into()).chain(own.flatten()).collect();
            Some(Reactors { nicks, total })
        }
    }
}

/// Reactions with or without one of this account.
fn toggled(reactions: &Reactions, emoji: &str, remove: bool) -> Reactions {
    let mut counts = reactions.counts.to_vec();
    let mut own: Vec<_> = reactions.own.iter().filter(|own| *own != emoji).cloned().collect();
    match counts.iter_mut().find(|of| of.emoji == emoji) {
        Some(of) if remove => of.count = of.count.saturating_sub(1),
        Some(of) => of.count += 1,
        None => counts.push(Reaction { emoji: emoji.to_owned(), count: u32::from(!remove) }),
    }
    counts.retain(|of| of.count > 0);
    if !remove {
        own.push(emoji.to_owned());
    }
    Reactions { counts: counts.into(), own: own.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_is_added_or_removed() {
        let shown = |reactions: &Reactions| -> Vec<(String, u32, bool)> {
            let counts = reactions.counts.iter();
            counts.map(|of| (of.emoji.clone(), of.count, reactions.is_own(&of.emoji))).collect()
        };
        let one = toggled(&Reactions::default(), "👍", false);
        assert_eq!(shown(&one), [("👍".to_owned(), 1, true)]);
        let two = toggled(&one, "🎉", false);
        assert_eq!(shown(&two), [("👍".to_owned(), 1, true), ("🎉".to_owned(), 1, true)]);
        assert_eq!(shown(&toggled(&two, "👍", true)), [("🎉".to_owned(), 1, true)]);
        let counts = [Reaction { emoji: "👍".into(), count: 2 }].into();
        let of_others = Reactions { counts, ..Reactions::default() };
        let with_own = toggled(&of_others, "👍", false);
        assert_eq!(shown(&with_own), [("👍".to_owned(), 3, true)]);
        assert_eq!(toggled(&with_own, "👍", true), of_others);
    }
}
