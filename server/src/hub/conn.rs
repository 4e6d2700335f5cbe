//! What the hub knows of one connection.

use std::sync::Arc;

use parlour_core::{
    Millis,
    limits::{Bucket, Limits},
    model::MessageId,
};

use super::{room::Group, sessions::Secret};

/// Frames that are not talk: so many a minute on the long run, and so many at once.
const CONTROL: (u32, u32) = (20 * 60, 40);
/// Snapshots of who is there, asked for.
const ROSTERS: (u32, u32) = (6, 2);
/// Lists of names, asked for.
const LISTS: (u32, u32) = (30, 5);
/// Refusals; who needs more is closed.
const STRIKES: (u32, u32) = (60, 100);

/// How long a refused message is waited for after the time its sender was told, in ms.
const HELD: Millis = 5_000;

/// One connection.
#[derive(Debug)]
pub struct Conn {
    /// Who it is, once that is known.
    pub peer: Option<Peer>,
    /// For messages.
    pub talk: Bucket,
    /// For all other frames.
    pub control: Bucket,
    /// For snapshots.
    pub rosters: Bucket,
    /// For lists of names, as basic peers ask for them.
    pub lists: Bucket,
    /// For refusals.
    pub strikes: Bucket,
    /// The message that was refused for the rate and is waited for, and until when: what was sent after it is
    /// refused too, so that a sender's messages keep their order.
    pub held: Option<(MessageId, Millis)>,
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
    /// Its place in the group.
    pub place: usize,
    /// Of a rich peer.
    pub secret: Option<Box<Secret>>,
}

impl Conn {
    /// A connection that has said nothing.
    #[must_use]
    pub fn new(now: Millis, limits: &Limits) -> Self {
        let bucket = |(per_minute, burst)| Bucket::new(per_minute, burst, now);
        Self {
            peer: None,
            talk: bucket((limits.messages_per_minute, limits.burst)),
            control: bucket(CONTROL),
            rosters: bucket(ROSTERS),
            lists: bucket(LISTS),
            strikes: bucket(STRIKES),
            held: None,
        }
    }

    /// Takes a message out of its bucket, or says in how many ms it may come again. `id` is `None` where the peer
    /// knows no ids.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take_talk(&mut self, now: Millis, id: Option<MessageId>) -> Result<(), Millis> {
        if let Some((first, until)) = self.held.filter(|(_, until)| now < *until)
            && Some(first) != id
        {
            return Err((until - now).saturating_sub(HELD).max(1));
        }
        self.held = None;
        self.talk.take(now).inspect_err(|wait| self.held = id.map(|id| (id, now + wait + HELD)))
    }

    /// It speaks the basic dialect, and so must be told things in words.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.group == Group::Basic)
    }
}
