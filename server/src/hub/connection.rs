//! The hub's state of one connection.

use std::sync::Arc;

use parlour_core::{
    Millis,
    limits::{Limits, TokenBucket},
    model::MessageId,
};

use super::{room::Group, sender_order::SenderOrder, sessions::Hash};

/// Envelopes other than messages. All rates are tokens per minute and burst.
const CONTROL_RATE: (u32, u32) = (20 * 60, 40);
/// Requests for the member snapshot.
const MEMBER_SNAPSHOT_RATE: (u32, u32) = (6, 2);
/// Requests of basic clients for the member list.
const NICK_LIST_RATE: (u32, u32) = (30, 5);
/// Pages of history, and searches.
const HISTORY_RATE: (u32, u32) = (240, 30);
/// Refusals; a connection that exceeds them is closed.
const REFUSAL_RATE: (u32, u32) = (60, 100);

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// The ordinal of this connection among all that were opened since the start.
    pub opened: u64,
    /// The member, once logged in.
    pub peer: Option<Peer>,
    /// Limits messages.
    pub messages: TokenBucket,
    /// Limits other envelopes.
    pub control: TokenBucket,
    /// Limits requests for the member snapshot.
    pub member_snapshots: TokenBucket,
    /// Limits requests of basic clients for the member list.
    pub nick_lists: TokenBucket,
    /// Limits pages of history and searches.
    pub history: TokenBucket,
    /// Limits refusals.
    pub refusals: TokenBucket,
    /// The order of the sender's messages across temporary refusals.
    pub order: SenderOrder,
    /// How many of its messages are in the append queue.
    pub appending: u32,
    /// Queries to the log without a result.
    pub open_queries: u32,
    /// When it was unsubscribed as a slow consumer; `None` once it has caught up.
    pub skipped_since: Option<Millis>,
}

/// A logged-in client.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The nick.
    pub nick: Arc<str>,
    /// The key of the nick.
    pub key: Arc<str>,
    /// The encoding it receives.
    pub group: Group,
    /// Its index in the group, while it is subscribed to the room.
    pub subscription: Option<usize>,
    /// Whether it can load pages of history.
    pub history: bool,
    /// The session of a rich client.
    pub session: Option<Box<Hash>>,
}

impl Connection {
    /// An unauthenticated connection.
    #[must_use]
    pub fn new(now: Millis, opened: u64, limits: &Limits) -> Self {
        let bucket = |(per_minute, burst)| TokenBucket::new(per_minute, burst, now);
        Self {
            opened,
            peer: None,
            messages: bucket((limits.messages_per_minute, limits.burst)),
            control: bucket(CONTROL_RATE),
            member_snapshots: bucket(MEMBER_SNAPSHOT_RATE),
            nick_lists: bucket(NICK_LIST_RATE),
            history: bucket(HISTORY_RATE),
            refusals: bucket(REFUSAL_RATE),
            order: SenderOrder::default(),
            appending: 0,
            open_queries: 0,
            skipped_since: None,
        }
    }

    /// Takes a token for a message, in the sender's order. `id` is `None` for basic clients, which have no
    /// message ids.
    ///
    /// # Errors
    /// The time in ms after which to resend.
    pub fn allow_message(&mut self, now: Millis, id: Option<MessageId>) -> Result<(), Millis> {
        let Some(id) = id else { return self.messages.take(now) };
        self.order.admit(now, id)?;
        self.messages.take(now).inspect_err(|wait| self.order.refuse(now, id, *wait))
    }

    /// Whether the client speaks the basic dialect.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.group == Group::Basic)
    }
}
