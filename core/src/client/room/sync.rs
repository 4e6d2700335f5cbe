//! Windows, pages and live events of the server.

use super::{RoomChange, RoomEvent, RoomState};
use std::sync::Arc;

use crate::sorted::SortedSet;
use crate::{
    client::people::{self, People},
    codec::{self, Envelope, Extension},
    model::{Delivery, Message, MessageId, Reactions, Role, TextState, UserId},
    ranges::Range,
    timeline::TimelineUpdate,
    wire::{self, server_event::Body},
};

/// The account of this client and the people that it has seen, for reading messages.
pub(in crate::client) struct Names<'a> {
    /// This account.
    pub me: Option<UserId>,
    /// The people.
    pub people: &'a mut People,
    /// The accounts that had another nick before.
    pub renamed: &'a mut SortedSet<UserId>,
}

/// The most changes of messages that are remembered, for pages that were read before them and arrive later.
const MAX_CHANGED: usize = 256;

/// A message in an envelope.
#[derive(Clone, Debug)]
pub(in crate::client) struct ReadMessage {
    /// The sequence number of the message, or of the event that has changed it.
    pub seq: u64,
    /// The message. Which of its reactions are of this account is not known yet.
    pub message: Message,
    /// All emoji with which this account reacts to it, if that is what has changed.
    pub own: Option<Arc<[String]>>,
}

/// Returns `true` if two messages of a room are the same one.
fn is_same(one: &Message, other: &Message) -> bool {
    (one.ord, one.id, one.sender) == (other.ord, other.id, other.sender)
}

impl Names<'_> {
    /// The present nick of an account.
    pub fn learn(&mut self, account: UserId, nick: &str) {
        if self.people.set_nick(account, nick) {
            self.renamed.insert(account);
        }
    }

    /// The message in an envelope; `None` if a field is missing.
    pub fn read_message(&mut self, envelope: Envelope) -> Option<ReadMessage> {
        let sender = UserId::from_wire(&envelope.sender)?;
        let id = MessageId::from_wire(&envelope.id)?;
        if envelope.seq == 0 || envelope.ord == 0 {
            return None;
        }
        // The own nick is told by the welcome and by rows; that of an old message is an earlier one.
        if self.me != Some(sender) {
            self.learn(sender, &envelope.user_name);
        }
        let text = TextState::from_wire(envelope.edited, envelope.deleted);
        let message = self.message(id, sender, envelope.content.into(), envelope.ord, envelope.time);
        let reactions = Reactions { counts: envelope.reactions.into(), ..Reactions::default() };
        let reacted = envelope.reacted.filter(|by| self.me == UserId::from_wire(&by.account));
        let own = reacted.map(|by| by.emoji.into());
        Some(ReadMessage { seq: envelope.seq, message: Message { text, reactions, ..message }, own })
    }

    /// The event that is not a message.
    pub fn read_event(&mut self, event: wire::RoomEvent) -> RoomEvent {
        for person in [event.sender.as_ref(), member_of(&event)].into_iter().flatten() {
            if let Some(account) = people::account_of(person) {
                self.learn(account, &person.nick);
            }
        }
        RoomEvent::from_wire(event)
    }

    /// The messages of a page, by ord, each with its sequence number. Invalid ones are left out.
    pub fn read_page(&mut self, page: &mut wire::MessagePage) -> Vec<(u64, Message)> {
        let people: Vec<_> = page.people.iter().map(people::account_of).collect();
        for (account, person) in people.iter().zip(&page.people) {
            if let Some(account) = account.filter(|account| self.me != Some(*account)) {
                self.learn(account, &person.nick);
            }
        }
        let read = |message: wire::PageMessage| {
            let sender = people.get(message.sender as usize).copied().flatten()?;
            let id = MessageId::from_wire(&message.id)?;
            let text = TextState::from_wire(message.edited, message.deleted);
            let reactions = Reactions { counts: message.reactions.into(), own: message.own.into() };
            let read = self.message(id, sender, message.content.into(), message.ord, message.time);
            Some((message.seq, Message { text, reactions, ..read }))
        };
        std::mem::take(&mut page.messages).into_iter().filter_map(read).collect()
    }

    fn message(
        &self,
        id: MessageId,
        sender: UserId,
        content: std::sync::Arc<str>,
        ord: u64,
        time: i64,
    ) -> Message {
        Message {
            id,
            sender: Some(sender),
            nick: self.people.nick(sender),
            content,
            ord,
            time,
            own: self.me == Some(sender),
            delivery: Delivery::Sent,
            text: TextState::Original,
            reactions: Reactions::default(),
        }
    }
}

impl RoomState {
    /// Handles the start of a subscription, or its continuation after live events were skipped. Returns the ord of the newest
    /// message in it, if there is one, and the events that are not messages.
    pub(in crate::client) fn handle_window(
        &mut self,
        window: wire::RoomWindow,
        names: &mut Names,
    ) -> (Option<u64>, Vec<RoomEvent>) {
        // The window of another tab may begin after the position of this one, which then lacks the events in between.
        let begins = window.seq.saturating_sub(window.frames.len() as u64);
        if window.page.is_none() && begins > self.position && self.held_messages() > 0 {
            (self.live, self.is_paused, self.is_interrupted) = (Some(window.seq), false, true);
            return (None, Vec::new());
        }
        // Notices and own messages stay in a room of which nothing is loaded.
        if window.reset && (self.position > 0 || self.held_messages() > 0) {
            self.reset();
        }
        let (mut events, mut last, mut newest) = (Vec::new(), None, None);
        for frame in &window.frames {
            let Ok(mut envelope) = codec::decode(frame) else { continue };
            match envelope.extension.take() {
                None if envelope.changed => {
                    let changed = names.read_message(envelope).filter(|read| read.seq > self.position);
                    if let Some(changed) = changed {
                        self.change_message(changed);
                    }
                }
                None => {
                    if let Some(ReadMessage { seq, message, .. }) = names.read_message(envelope) {
                        last = Some((seq, message.id));
                        newest = newest.max(Some(message.ord));
                        // An older one may have changed since, and is loaded with a page.
                        if seq > self.position {
                            self.add_message(message);
                        }
                    }
                }
                Some(Extension::Event(wire::ServerEvent { body: Some(Body::Event(event)), .. })) => {
                    if event.seq > self.position {
                        let event = names.read_event(event);
                        self.apply_event(&event);
                        events.push(event);
                    }
                }
                Some(_) => {}
            }
        }
        self.live = Some(window.seq);
        (self.is_paused, self.is_interrupted) = (false, false);
        self.is_outdated = window.behind || window.seq < self.position;
        if !self.is_outdated {
            // Retention has deleted some events, so the sequence numbers of the frames may have gaps.
            if self.position != window.seq {
                self.last_message = last.filter(|(seq, _)| *seq == window.seq).map(|(_, id)| id);
            }
            self.position = window.seq;
            self.topic = window.topic.into();
            self.members = Some(window.members);
        }
        if let Some(page) = window.page {
            self.begun = window.seq;
            self.set_head(page.head_ord);
            newest = newest.max(Some(page.head_ord));
            self.handle_page(page, names);
        }
        self.discard_acknowledged();
        (newest, events)
    }

    /// Handles a page of messages.
    pub(in crate::client) fn handle_page(&mut self, mut page: wire::MessagePage, names: &mut Names) {
        let messages = names.read_page(&mut page);
        // One that was read before the room was loaded anew lacks the edits in between.
        if page.from > page.to || page.seq < self.begun {
            return;
        }
        if let Some((_, last)) = messages.iter().find(|(seq, _)| *seq == self.position) {
            self.last_message = Some(last.id);
        }
        self.set_first(page.first_ord);
        // The page may be newer than the last live event; what is not in it is still delivered.
        self.set_head(if self.is_subscribed() { page.to } else { page.head_ord });
        let messages: Vec<_> =
            messages.into_iter().map(|(_, message)| self.newest(page.seq, message)).collect();
        // They may have been changed while nobody was subscribed to the room.
        for message in messages.iter().filter(|message| self.known.contains(message.ord)) {
            self.updates.push_back(TimelineUpdate::Changed(message.clone()));
        }
        self.add_page(Range { from: page.from, to: page.to }, messages);
    }

    /// Handles a live edit or deletion of a message, or a reaction to it.
    pub(in crate::client) fn handle_changed(&mut self, changed: ReadMessage) {
        let is_new = changed.seq > self.position;
        if self.advance(changed.seq, None) && is_new {
            self.change_message(changed);
        }
    }

    /// The message after the changes that were received later than the state after the event `seq`, in which it was read.
    pub(in crate::client) fn newest(&self, seq: u64, message: Message) -> Message {
        let later = || {
            let of_message =
                |changed: &&ReadMessage| changed.seq > seq && is_same(&changed.message, &message);
            self.changed.iter().rev().filter(of_message)
        };
        let Some(ReadMessage { message: changed, .. }) = later().next() else { return message };
        let own = later().find_map(|changed| changed.own.clone());
        let counts = changed.reactions.counts.clone();
        let reactions = Reactions { counts, own: own.unwrap_or(message.reactions.own) };
        let (content, text) = (changed.content.clone(), changed.text);
        Message { content, text, reactions, ..message }
    }

    fn change_message(&mut self, changed: ReadMessage) {
        if self.changed.len() == MAX_CHANGED
            && let Some(forgotten) = self.changed.pop_front()
        {
            self.begun = self.begun.max(forgotten.seq);
        }
        let mut message = changed.message.clone();
        let own = changed.own.as_ref().or(self.own_reactions.get(&message.ord));
        message.reactions.own = own.cloned().unwrap_or_default();
        self.set_own(&message);
        self.changed.push_back(changed);
        self.updates.push_back(TimelineUpdate::Changed(message));
    }

    /// Notes the reactions of this account to a message.
    fn set_own(&mut self, message: &Message) {
        let own = &message.reactions.own;
        if !own.is_empty() || self.own_reactions.contains_key(&message.ord) {
            self.own_reactions.insert(message.ord, own.clone());
        }
    }

    /// Handles a live message.
    pub(in crate::client) fn handle_message(&mut self, seq: u64, message: Message) {
        self.advance(seq, Some(message.id));
        self.add_message(message);
    }

    /// Handles a live event that is not a message. Returns `false` if it was handled before, or the connection is not
    /// subscribed.
    pub(in crate::client) fn handle_event(&mut self, event: &RoomEvent) -> bool {
        let is_new = event.seq > self.position;
        let is_new = self.advance(event.seq, None) && is_new;
        if is_new {
            self.apply_event(event);
        }
        is_new
    }

    /// Adds the messages of a range, which has no others. Messages that are known already are not passed on.
    pub(in crate::client) fn add_page(&mut self, range: Range, mut messages: Vec<Message>) {
        messages.iter().for_each(|message| self.set_own(message));
        let range = Range { from: range.from.max(self.first_ord - 1), to: range.to };
        let is_new = |message: &Message| {
            range.from < message.ord && message.ord <= range.to && !self.known.contains(message.ord)
        };
        messages.retain(is_new);
        for message in &messages {
            self.remove_echo(message);
        }
        if range.from < range.to {
            self.known.insert(range.from, range.to);
        }
        if !messages.is_empty() {
            self.updates.push_back(TimelineUpdate::Page(messages));
        }
    }

    fn add_message(&mut self, message: Message) {
        let ord = message.ord;
        if ord < self.first_ord || self.known.contains(ord) {
            return;
        }
        self.remove_echo(&message);
        self.set_head(ord);
        self.known.insert(ord - 1, ord);
        self.updates.push_back(TimelineUpdate::Message(message));
    }

    /// Older messages than this one were deleted.
    fn set_first(&mut self, first: u64) {
        if first > self.first_ord {
            self.first_ord = first;
            self.head_ord = self.head_ord.max(first - 1);
            self.known.remove(0, first - 1);
        }
    }

    /// Moves the position to a live event, `id` if it is a message. Returns `false` if the connection is not subscribed.
    fn advance(&mut self, seq: u64, id: Option<MessageId>) -> bool {
        let Some(live) = &mut self.live else { return false };
        *live = (*live).max(seq);
        // A server that was behind has caught up.
        self.is_outdated &= seq < self.position;
        if seq == self.position + 1 {
            self.position = seq;
            self.last_message = id;
        } else if seq > self.position {
            self.is_interrupted = true;
        }
        true
    }

    fn apply_event(&mut self, event: &RoomEvent) {
        match &event.change {
            RoomChange::Topic(topic) => self.topic = topic.clone(),
            RoomChange::Member(account, role) => {
                let by_self = event.sender == Some(*account);
                self.members = event.members.or_else(|| self.members_after(by_self, *role));
            }
            RoomChange::Name(_) | RoomChange::Archived(_) | RoomChange::Unknown => {}
        }
    }

    /// The number of members after a change, if the server has not told it; `by_self` if the account has changed its own role.
    /// `None` if it can't be told: who has gone may have been invited only.
    fn members_after(&self, by_self: bool, role: Role) -> Option<u32> {
        match role {
            Role::None => None,
            Role::Member if by_self => self.members.map(|members| members + 1),
            _ => self.members,
        }
    }
}

fn member_of(event: &wire::RoomEvent) -> Option<&wire::Person> {
    match &event.change {
        Some(wire::room_event::Change::Member(change)) => change.person.as_ref(),
        _ => None,
    }
}
