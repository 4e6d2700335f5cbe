//! The reactions to a message.

use std::sync::Arc;

pub use crate::wire::Reaction;

/// The reactions to a message. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reactions {
    /// The number of accounts for each emoji, in the order in which the emoji were first used.
    pub counts: Arc<[Reaction]>,
    /// The emoji with which this account reacts.
    pub own: Arc<[String]>,
}

impl Reactions {
    /// Returns `true` if nobody has reacted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Returns `true` if this account reacts with an emoji.
    #[must_use]
    pub fn is_own(&self, emoji: &str) -> bool {
        self.own.iter().any(|own| own == emoji)
    }
}

impl Eq for Reactions {}
