//! The hub's state of one connection.

use std::{collections::BTreeMap, net::IpAddr};

use parlour_core::{
    Millis,
    model::{MessageId, RoomId, UserId},
};

use super::{
    address_limits::AddressLimits, rate_limits::RateLimits, rooms::published::Reading,
    sender_order::SenderOrder, sessions::Hash,
};

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// The ordinal of this connection among all that were opened since the start.
    pub opened: u64,
    /// The client, once logged in.
    pub peer: Option<Peer>,
    /// The account whose pending login this connection waits for.
    pub pending_login: Option<UserId>,
    /// The reading of the account's list that its login waits for.
    pub login_reading: Option<Reading>,
    /// `true` while its login waits for the readings of others.
    pub is_login_queued: bool,
    /// The client's address; of IPv6 only the network.
    pub address: IpAddr,
    /// The order of the messages of this client across temporary refusals. Clients of the same account do not wait for
    /// each other.
    pub order: SenderOrder,
    /// The same in the rooms other than the lobby: a room does not wait for another one.
    pub orders: BTreeMap<RoomId, SenderOrder>,
    /// Queries to the log without a result.
    pub open_queries: u32,
    /// The time at which it was unsubscribed as a slow consumer; `None` once it has caught up.
    pub skipped_since: Option<Millis>,
}

/// A logged-in client.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The account.
    pub account: UserId,
    /// The index of a basic client among the subscribers of the lobby.
    pub subscription: Option<usize>,
    /// `true` if it has the capability "rooms". Otherwise a rich client is only sent answers.
    pub has_rooms: bool,
    /// The session of a rich client.
    pub session: Option<Box<Hash>>,
}

impl Connection {
    /// An unauthenticated connection.
    #[must_use]
    pub fn new(opened: u64, address: IpAddr) -> Self {
        Self {
            opened,
            peer: None,
            pending_login: None,
            login_reading: None,
            is_login_queued: false,
            address,
            order: SenderOrder::default(),
            orders: BTreeMap::new(),
            open_queries: 0,
            skipped_since: None,
        }
    }

    /// Takes a token for a message from the limits of the account, in the sender's order. `id` is `None` for basic
    /// clients, which have no message ids.
    ///
    /// # Errors
    /// The time in ms after which to resend.
    pub fn allow_message(
        &mut self,
        now: Millis,
        room: RoomId,
        id: Option<MessageId>,
        limits: &mut RateLimits,
        address_limits: &mut AddressLimits,
    ) -> Result<(), Millis> {
        let address = self.address;
        let mut take = || address_limits.take_message(now, address, &mut limits.messages);
        let Some(id) = id else { return take() };
        let order = self.order_mut(room);
        order.admit(now, id)?;
        take().inspect_err(|wait| order.refuse(now, id, *wait))
    }

    /// The order of messages in a room.
    pub fn order_mut(&mut self, room: RoomId) -> &mut SenderOrder {
        if room == RoomId::LOBBY {
            return &mut self.order;
        }
        self.orders.retain(|of, order| *of == room || order.len() > 0);
        self.orders.entry(room).or_default()
    }

    /// A message is stored: it need not be sent again before others.
    pub fn release_resend(&mut self, id: MessageId) {
        self.order.release(id);
        self.orders.values_mut().for_each(|order| order.release(id));
    }

    /// The account, once logged in.
    #[must_use]
    pub fn account(&self) -> Option<UserId> {
        self.peer.as_ref().map(|peer| peer.account)
    }

    /// Returns `true` while its login waits for the log.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.pending_login.is_some() || self.is_login_queued || self.login_reading.is_some()
    }

    /// Returns `true` if the client speaks the basic dialect.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.session.is_none())
    }
}
