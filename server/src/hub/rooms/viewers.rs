//! The connections of clients with the capability "rooms".

use super::{activity::PendingActivity, delivery::Encoding, live_rooms::RoomKey, room_lists::AccountKey};

/// A connection.
#[derive(Debug)]
pub struct Viewer {
    /// The account.
    pub account: AccountKey,
    /// The encoding that it receives.
    pub encoding: Encoding,
    /// Its subscriptions, in no particular order.
    pub subscriptions: Vec<Subscription>,
    /// The rooms that it was not told of.
    pub activity: PendingActivity,
    /// It is a slow consumer: what is sent to subscribers does not reach it.
    pub is_slow: bool,
    /// The version to tell when it was told of the activity in all rooms.
    pub version: Option<u64>,
}

/// A subscription to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// The room.
    pub room: RoomKey,
    /// The progress.
    pub state: SubscriptionState,
}

/// The progress of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionState {
    /// The state of the room is being read.
    Waiting {
        /// The number of the request.
        ticket: u64,
        /// The ord that the connection was told of before.
        told: u64,
    },
    /// Events are delivered.
    Active {
        /// The index among the room's subscribers.
        index: u32,
        /// The sequence number after which they were delivered.
        since: u64,
    },
    /// The connection is a slow consumer. It has all events up to this sequence number.
    Suspended(u64),
}

impl Viewer {
    /// A connection without subscriptions.
    #[must_use]
    pub fn new(account: AccountKey, encoding: Encoding) -> Self {
        Self {
            account,
            encoding,
            subscriptions: Vec::new(),
            activity: PendingActivity::default(),
            is_slow: false,
            version: None,
        }
    }

    /// The progress of the subscription to a room.
    #[must_use]
    pub fn subscription(&self, room: RoomKey) -> Option<SubscriptionState> {
        self.subscriptions.iter().find(|subscription| subscription.room == room).map(|found| found.state)
    }

    /// Takes the version that it may be told: everything up to there was sent.
    pub fn take_version(&mut self) -> Option<u64> {
        let is_active = |of: &Subscription| matches!(of.state, SubscriptionState::Active { .. });
        if self.is_slow || !self.subscriptions.iter().all(is_active) {
            // What is being read for it may have more.
            self.version = None;
        }
        self.version.take_if(|_| self.activity.is_empty())
    }

    /// Sets the progress of the subscription to a room, which may be a new one.
    pub fn set_subscription(&mut self, room: RoomKey, state: SubscriptionState) {
        match self.subscriptions.iter_mut().find(|subscription| subscription.room == room) {
            Some(subscription) => subscription.state = state,
            None => self.subscriptions.push(Subscription { room, state }),
        }
    }

    /// Removes the subscription to a room.
    pub fn remove_subscription(&mut self, room: RoomKey) -> Option<SubscriptionState> {
        let at = self.subscriptions.iter().position(|subscription| subscription.room == room)?;
        Some(self.subscriptions.swap_remove(at).state)
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        1 + self.subscriptions.len() + self.activity.len()
    }
}
