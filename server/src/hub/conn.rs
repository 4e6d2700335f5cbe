//! What the hub knows of one connection.

use std::sync::Arc;

use parlour_core::{
    Millis,
    limits::{Limits, TokenBucket},
    model::MessageId,
};

use super::{hold::Hold, room::Group, sessions::Hash};

/// Frames that are not talk: so many a minute on the long run, and so many at once.
const CONTROL: (u32, u32) = (20 * 60, 40);
/// Snapshots of who is there, asked for.
const ROSTERS: (u32, u32) = (6, 2);
/// Lists of names, asked for.
const LISTS: (u32, u32) = (30, 5);
/// Pages of history, and searches.
const PAGES: (u32, u32) = (240, 30);
/// Refusals; who needs more is closed.
const STRIKES: (u32, u32) = (60, 100);

/// One connection.
#[derive(Debug)]
pub struct Conn {
    /// How many were opened before it, itself included.
    pub opened: u64,
    /// Who it is, once that is known.
    pub peer: Option<Peer>,
    /// For messages.
    pub talk: TokenBucket,
    /// For all other frames.
    pub control: TokenBucket,
    /// For snapshots.
    pub rosters: TokenBucket,
    /// For lists of names, as basic peers ask for them.
    pub lists: TokenBucket,
    /// For pages of history.
    pub pages: TokenBucket,
    /// For refusals.
    pub strikes: TokenBucket,
    /// What is waited for before anything else of this sender's is taken.
    pub hold: Hold,
    /// Messages on their way into the log.
    pub appending: u32,
    /// Questions to the log that are not answered.
    pub asking: u32,
    /// It read too slowly and is not told what is said, since then, until it has caught up.
    pub skipped: Option<Millis>,
}

/// Somebody in the room.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The name.
    pub nick: Arc<str>,
    /// The key it is held under.
    pub key: Arc<str>,
    /// How it is told things.
    pub group: Group,
    /// Its place in the group, while it hears the room.
    pub place: Option<usize>,
    /// It understands pages of history.
    pub history: bool,
    /// The session of a rich peer.
    pub session: Option<Box<Hash>>,
}

impl Conn {
    /// A connection that has said nothing.
    #[must_use]
    pub fn new(now: Millis, opened: u64, limits: &Limits) -> Self {
        let bucket = |(per_minute, burst)| TokenBucket::new(per_minute, burst, now);
        Self {
            opened,
            peer: None,
            talk: bucket((limits.messages_per_minute, limits.burst)),
            control: bucket(CONTROL),
            rosters: bucket(ROSTERS),
            lists: bucket(LISTS),
            pages: bucket(PAGES),
            strikes: bucket(STRIKES),
            hold: Hold::default(),
            appending: 0,
            asking: 0,
            skipped: None,
        }
    }

    /// Takes a message out of its bucket, or says in how many ms it may come again. `id` is `None` where the peer
    /// knows no ids.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take_talk(&mut self, now: Millis, id: Option<MessageId>) -> Result<(), Millis> {
        let Some(id) = id else { return self.talk.take(now) };
        self.hold.pass(now, id)?;
        self.talk.take(now).inspect_err(|wait| self.hold.refuse(now, id, *wait))
    }

    /// It speaks the basic dialect, and so must be told things in words.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.group == Group::Basic)
    }
}
