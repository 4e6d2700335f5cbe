//! The hub's state of one connection.

use std::{net::IpAddr, sync::Arc};

use parlour_core::{Millis, limits::Limits, model::MessageId};

use super::{
    address_limits::AddressLimits, rate_limits::RateLimits, room::Group, sender_order::SenderOrder,
    sessions::Hash,
};

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// The ordinal of this connection among all that were opened since the start.
    pub opened: u64,
    /// The member, once logged in.
    pub peer: Option<Peer>,
    /// The client's address; of IPv6 only the network.
    pub address: IpAddr,
    /// The rates; those of the member, once logged in.
    pub limits: RateLimits,
    /// The order of the sender's messages across temporary refusals.
    pub order: SenderOrder,
    /// `true` if the member has sent a message, perhaps on an earlier connection.
    pub has_sent: bool,
    /// The batch with the member's last message; 0 if there is none.
    pub last_batch: u64,
    /// Queries to the log without a result.
    pub open_queries: u32,
    /// The time at which it was unsubscribed as a slow consumer; `None` once it has caught up.
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
    /// `true` if it can load pages of history.
    pub history: bool,
    /// The session of a rich client.
    pub session: Option<Box<Hash>>,
}

impl Connection {
    /// An unauthenticated connection.
    #[must_use]
    pub fn new(now: Millis, opened: u64, address: IpAddr, limits: &Limits) -> Self {
        Self {
            opened,
            peer: None,
            address,
            limits: RateLimits::new(now, limits),
            order: SenderOrder::default(),
            has_sent: false,
            last_batch: 0,
            open_queries: 0,
            skipped_since: None,
        }
    }

    /// Takes a token for a message, in the sender's order. `id` is `None` for basic clients, which have no
    /// message ids.
    ///
    /// # Errors
    /// The time in ms after which to resend.
    pub fn allow_message(
        &mut self,
        now: Millis,
        id: Option<MessageId>,
        address_limits: &mut AddressLimits,
    ) -> Result<(), Millis> {
        let mut take = || address_limits.take_message(now, self.address, &mut self.limits.messages);
        let Some(id) = id else { return take() };
        self.order.admit(now, id)?;
        take().inspect_err(|wait| self.order.refuse(now, id, *wait))
    }

    /// Returns `true` if the client speaks the basic dialect.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.group == Group::Basic)
    }
}
