//! Sentences that are composed of several texts.

use std::sync::Arc;

use parlour_core::{
    model::Role,
    status::Status,
    timeline::{PresenceSummary, RoomNotice},
};

use super::{Key, Part, Texts};

/// A presence sentence with more people than this names [`NAMES_BEFORE_OTHERS`] of them and counts the others.
const MAX_NAMES: usize = 3;
const NAMES_BEFORE_OTHERS: usize = 2;

/// The most people who are named as having reacted to a message.
const MAX_REACTORS: usize = 10;

impl Texts {
    /// A sentence that says why sending pauses, and for how many seconds: the server can't store messages, or this
    /// client exceeds its rate limit.
    #[must_use]
    pub fn sending_paused(&self, status: Status, seconds: u32) -> String {
        match status {
            Status::LogUnavailable => self.composer_log_unavailable(seconds as usize),
            _ => self.composer_rate_limited(seconds as usize),
        }
    }

    /// Sentences that say that this many own messages could not be sent, or were not confirmed, and why.
    #[must_use]
    pub fn messages_not_sent(&self, status: Status, count: usize) -> String {
        let reason = self.status(status);
        match (status, count) {
            // They may have been sent.
            (Status::Unconfirmed, 1) => reason.to_owned(),
            (Status::Unconfirmed, _) => self.message_several_unconfirmed(count),
            (_, 1) => format!("{} {reason}", self.text(Key::MessageNotSent)),
            _ => format!("{} {reason}", self.message_several_not_sent(count)),
        }
    }

    /// The label of the button that scrolls to the end, with the number of new messages.
    #[must_use]
    pub fn jump_to_latest(&self, new_messages: u32) -> String {
        match new_messages {
            0 => self.text(Key::TimelineJumpToLatest).to_owned(),
            count => self.timeline_new_messages(count as usize),
        }
    }

    /// The sentences of a presence row: one for the people who joined and one for those who left, if there are any.
    #[must_use]
    pub fn presence_changes(&self, changes: &PresenceSummary) -> Vec<Vec<Part>> {
        let PresenceSummary { joined, left, more_joined, more_left, .. } = changes;
        let (all_joined, all_left) = (joined.len() + more_joined, left.len() + more_left);
        let mut sentences = Vec::new();
        if all_joined > 0 {
            sentences.push(self.presence_joined(all_joined, &self.some_names(joined, all_joined)));
        }
        if all_left > 0 {
            sentences.push(self.presence_left(all_left, &self.some_names(left, all_left)));
        }
        sentences
    }

    /// The sentence that says how a member has changed the room.
    #[must_use]
    pub fn room_event(&self, by: &Arc<str>, change: &RoomNotice) -> Vec<Part> {
        let sender = [Part::Name(by.clone())];
        // As the names in parts are isolated by elements.
        let by = format!("\u{2068}{by}\u{2069}");
        let member = |nick: &Arc<str>| [Part::Name(nick.clone())];
        match change {
            RoomNotice::Name(name) => self.event_name(&sender, name),
            RoomNotice::Topic(topic) if topic.is_empty() => self.event_no_topic(&sender),
            RoomNotice::Topic(topic) => self.event_topic(&sender, topic),
            RoomNotice::Archived => self.event_archived(&sender),
            RoomNotice::Restored => self.event_restored(&sender),
            RoomNotice::Joined => self.event_joined(&sender),
            RoomNotice::Left => self.event_left(&sender),
            RoomNotice::Invited(nick) => self.event_invited(&by, &member(nick)),
            RoomNotice::Removed(nick) => self.event_removed(&by, &member(nick)),
            RoomNotice::Role(nick, Role::Owner) => self.event_owner(&by, &member(nick)),
            RoomNotice::Role(nick, Role::Moderator) => self.event_moderator(&by, &member(nick)),
            RoomNotice::Role(nick, _) => self.event_member(&by, &member(nick)),
            RoomNotice::OwnRole(Role::Owner) => self.event_is_owner(&sender),
            RoomNotice::OwnRole(Role::Moderator) => self.event_is_moderator(&sender),
            RoomNotice::OwnRole(_) => self.event_is_member(&sender),
        }
    }

    /// Names for a presence sentence about `total` people. If there are more than [`MAX_NAMES`], the first
    /// [`NAMES_BEFORE_OTHERS`] and the number of the others.
    fn some_names(&self, names: &[Arc<str>], total: usize) -> Vec<Part> {
        let shown = if total <= MAX_NAMES { names } else { &names[..names.len().min(NAMES_BEFORE_OTHERS)] };
        let mut parts = name_parts(shown);
        match total - shown.len() {
            0 => {}
            all if shown.is_empty() => parts.push(Part::Text(self.members_count(all))),
            others => parts.push(Part::Text(self.presence_others(others))),
        }
        parts
    }

    /// The sentence that says who has reacted to a message with an emoji: the first ones by name, and the number of all.
    #[must_use]
    pub fn people_reacted(&self, nicks: &[Arc<str>], total: usize, emoji: &str) -> Vec<Part> {
        let mut parts = name_parts(&nicks[..nicks.len().min(MAX_REACTORS)]);
        if total > parts.len() {
            parts.push(Part::Text(self.presence_others(total - parts.len())));
        }
        self.message_reacted(total, &parts, emoji)
    }

    /// The answer to `/who`: the people online by name, and how many more there are.
    #[must_use]
    pub fn people_online(&self, names: &[Arc<str>], more: usize) -> Vec<Part> {
        let mut parts = name_parts(names);
        if more > 0 {
            parts.push(Part::Text(self.presence_more(more)));
        }
        match names.len() + more {
            0 => vec![Part::Text(self.text(Key::PresenceNobody).to_owned())],
            total => self.presence_here(total, &parts),
        }
    }
}

fn name_parts(names: &[Arc<str>]) -> Vec<Part> {
    names.iter().cloned().map(Part::Name).collect()
}
