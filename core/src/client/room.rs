//! One room: its position in the log, the known ranges of its messages, gaps, and own messages that are not acknowledged.
//!
//! The state has no messages. It passes each one once to the room's timeline, as a [`TimelineUpdate`], and knows which ones
//! the timeline has. Ords are dense, so gaps and counts are exact: a message of the room is in a known range, or in a gap.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | known ranges and gaps, eviction |
//! | `sync` | windows, pages and live events of the server |
//! | `echo` | own messages that are not acknowledged |
//! | `event` | events other than messages |

mod echo;
mod event;
mod sync;

use crate::sorted::SortedMap;
use std::{collections::VecDeque, sync::Arc};

pub use self::event::{RoomChange, RoomEvent};
pub(super) use self::sync::{Names, ReadMessage};
use crate::{
    model::{Message, MessageId},
    ranges::{Gap, GapState, Range, Ranges},
    timeline::TimelineUpdate,
    wire,
};

/// A scroll position that survives loading, evicting and measuring rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScrollPosition {
    /// The ord of the message at the scroll anchor; 0 for the start of the room.
    pub ord: u64,
    /// The distance of its content from the top of the viewport, in CSS pixels.
    pub offset_px: f32,
}

/// What a device has of a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredRoom {
    /// The sequence number up to which the device has all events of the room.
    pub position: u64,
    /// The id of the message at this position, if that is a message.
    pub last_message: Option<MessageId>,
    /// The ord of the oldest message that the server had.
    pub first_ord: u64,
    /// The ord of the newest message.
    pub head_ord: u64,
    /// The topic.
    pub topic: Arc<str>,
    /// All messages in `range`, by ord.
    pub messages: Vec<Message>,
    /// The ords of these messages.
    pub range: Option<Range>,
}

/// The state of one room.
#[derive(Debug)]
pub struct RoomState {
    /// The sequence number up to which every event is known; 0 if none is.
    position: u64,
    /// The id of the message at `position`, if that is a message.
    last_message: Option<MessageId>,
    /// Pages of the state before this sequence number are not used: the room was loaded anew then, or the changes before are not
    /// in `changed` any more.
    begun: u64,
    /// While the connection is subscribed to the room: the sequence number of the last event it has delivered.
    live: Option<u64>,
    /// The connection was lost during a subscription, which the next window continues.
    is_paused: bool,
    /// Live events are missing before the last one.
    is_interrupted: bool,
    /// The ords of the messages that the timeline has. No range is empty.
    known: Ranges,
    /// The ord of the oldest message, 1 or more.
    first_ord: u64,
    /// The ord of the newest message; `first_ord` - 1 if there is none.
    head_ord: u64,
    /// The ords that are being loaded.
    loading: Vec<u64>,
    topic: Arc<str>,
    members: Option<u32>,
    is_outdated: bool,
    unread_line: Option<u64>,
    /// The messages that were edited, erased or reacted to last, as they were after these events.
    changed: VecDeque<ReadMessage>,
    /// The emoji with which this account reacts to messages, by ord, as of `position`. Only messages with some are known, and not all
    /// of them.
    own_reactions: SortedMap<u64, Arc<[String]>>,
    /// Own messages that are not acknowledged, or whose event has not been received. `true` for the latter.
    echoes: SortedMap<MessageId, bool>,
    resets: u32,
    updates: VecDeque<TimelineUpdate>,
    /// The gaps and bounds that were reported last.
    reported: Option<(Vec<GapState>, (u64, u64))>,
}

impl Default for RoomState {
    fn default() -> Self {
        Self {
            position: 0,
            last_message: None,
            begun: 0,
            live: None,
            is_paused: false,
            is_interrupted: false,
            known: Ranges::default(),
            first_ord: 1,
            head_ord: 0,
            loading: Vec::new(),
            topic: "".into(),
            members: None,
            is_outdated: false,
            changed: VecDeque::new(),
            own_reactions: SortedMap::new(),
            unread_line: None,
            echoes: SortedMap::new(),
            resets: 0,
            updates: VecDeque::new(),
            reported: None,
        }
    }
}

impl RoomState {
    // ---- reading

    /// The position to subscribe from.
    #[must_use]
    pub fn subscription(&self) -> wire::Subscribe {
        let id = self.last_message.map(|id| id.0.to_vec()).unwrap_or_default();
        wire::Subscribe { seq: self.position, id }
    }

    /// The sequence number up to which every event of the room is known; 0 if none is.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The connection is subscribed to the room.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.live.is_some()
    }

    /// The connection is subscribed to the room, or was before it was lost.
    pub(super) fn is_continued(&self) -> bool {
        self.live.is_some() || self.is_paused
    }

    /// The server has left out live events of the room: a new subscription is needed.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// The ord of the oldest message of the room, 1 or more.
    #[must_use]
    pub fn first_ord(&self) -> u64 {
        self.first_ord
    }

    /// The ord of the newest message of the room; `first_ord` - 1 if there is none.
    #[must_use]
    pub fn head_ord(&self) -> u64 {
        self.head_ord
    }

    /// The ords of the messages that the timeline has.
    #[must_use]
    pub fn known(&self) -> &Ranges {
        &self.known
    }

    /// All messages of the room that the timeline does not have, oldest first.
    #[must_use]
    pub fn gaps(&self) -> Vec<GapState> {
        let mut gaps = Vec::new();
        let mut end = self.first_ord - 1;
        let known_starts = self.known.iter().map(|range| (range.from, range.to));
        for (from, to) in known_starts.chain([(self.head_ord, self.head_ord)]) {
            if end < from {
                let gap = Gap { from: end, to: from };
                let loading = self.loading.iter().any(|ord| gap.from < *ord && *ord <= gap.to);
                gaps.push(GapState { gap, loading });
            }
            end = end.max(to);
        }
        gaps
    }

    /// The number of messages that the timeline has.
    #[must_use]
    pub fn held_messages(&self) -> u64 {
        self.known.iter().map(|range| range.to - range.from).sum()
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The number of members; `None` if it is not known.
    #[must_use]
    pub fn members(&self) -> Option<u32> {
        self.members
    }

    /// What is shown is from the device or from a lost connection, or newer than what the server has: it may be outdated.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.is_outdated
    }

    /// The line above the messages that were new when the room was opened: it is after the message with this ord.
    #[must_use]
    pub fn unread_line(&self) -> Option<u64> {
        self.unread_line
    }

    /// The number of times that the messages of the room were discarded because the server had reset it. What was read from
    /// the device before a reset must not be used after it.
    #[must_use]
    pub fn resets(&self) -> u32 {
        self.resets
    }

    // ---- input

    /// Restores what the device has. It is outdated until the server has confirmed it.
    pub(super) fn restore(&mut self, stored: StoredRoom) {
        self.position = stored.position;
        self.last_message = stored.last_message;
        self.first_ord = stored.first_ord.max(1);
        self.head_ord = stored.head_ord.max(self.first_ord - 1);
        self.topic = stored.topic;
        self.is_outdated = true;
        if let Some(range) = stored.range {
            self.add_page(range, stored.messages);
        }
    }

    /// The ord of the newest message, as the room list knows it.
    pub(super) fn set_head(&mut self, head: u64) {
        self.head_ord = self.head_ord.max(head);
    }

    /// The ords for which a page was requested.
    pub(super) fn set_loading(&mut self, ords: Vec<u64>) {
        self.loading = ords;
    }

    /// Sets or removes the line above new messages.
    pub(super) fn set_unread_line(&mut self, line: Option<u64>) {
        if self.unread_line != line {
            self.unread_line = line;
            self.updates.push_back(TimelineUpdate::UnreadLine(line));
        }
    }

    /// The timeline has evicted the messages of this range.
    pub(super) fn evicted(&mut self, range: Range) {
        self.known.remove(range.from, range.to);
    }

    /// Evicts all messages from memory. Own unsent messages stay. Without a subscription the
    /// position is given up, so that the next one begins with a page instead of everything that was missed.
    pub(super) fn evict_all(&mut self) {
        self.known.clear();
        self.updates.push_back(TimelineUpdate::Cleared);
        self.reported = None;
        if self.live.is_none() {
            self.changed.clear();
            self.own_reactions.clear();
            self.position = 0;
            self.last_message = None;
            self.is_paused = false;
            self.is_outdated = false;
        }
    }

    /// The connection was lost.
    pub(super) fn disconnected(&mut self) {
        let is_continued = self.is_continued();
        self.unsubscribed();
        self.is_paused = is_continued;
    }

    /// The subscription has ended.
    pub(super) fn unsubscribed(&mut self) {
        self.live = None;
        self.is_paused = false;
        self.is_interrupted = false;
        self.is_outdated |= self.position > 0;
        self.loading.clear();
    }

    /// Discards the messages of the room and everything that refers to them. Own unsent messages stay.
    pub(super) fn reset(&mut self) {
        self.known.clear();
        self.position = 0;
        self.last_message = None;
        self.is_interrupted = false;
        (self.first_ord, self.head_ord) = (1, 0);
        self.loading.clear();
        self.changed.clear();
        self.own_reactions.clear();
        self.begun = 0;
        self.resets += 1;
        self.reported = None;
        self.updates.push_back(TimelineUpdate::Cleared);
    }

    // ---- output

    /// The next update for the timeline.
    pub(super) fn poll_update(&mut self) -> Option<TimelineUpdate> {
        self.updates.pop_front()
    }

    /// Reports gaps and bounds if they have changed, after all other updates.
    pub(super) fn settle(&mut self) {
        let (gaps, bounds) = (self.gaps(), (self.first_ord, self.head_ord));
        let (old_gaps, old_bounds) = self.reported.take().unzip();
        if old_bounds != Some(bounds) {
            self.updates.push_back(TimelineUpdate::Bounds { first: bounds.0, head: bounds.1 });
        }
        if old_gaps.as_ref() != Some(&gaps) {
            self.updates.push_back(TimelineUpdate::Gaps(gaps.clone()));
        }
        self.reported = Some((gaps, bounds));
    }
}
