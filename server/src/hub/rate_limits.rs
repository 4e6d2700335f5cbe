//! Rate limits. They belong to the account and not to the connection: whoever drops the connection, or leaves, and logs in
//! again continues with what was left.
//!
//! While an account is offline its limits recover here. A login takes those of its account, or else the most used ones of
//! its address. So an address has at most as many bursts as it has accounts online at the same time, however many accounts
//! it creates, and members that share an address do not share a rate, up to the limits of the address (`address_limits.rs`).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use parlour_core::{
    Millis,
    limits::{Limits, TokenBucket},
    model::UserId,
};

/// Tokens per minute and burst.
pub type Rate = (u32, u32);

/// Requests other than messages.
const CONTROL_RATE: Rate = (20 * 60, 40);
/// Requests of basic clients for the member list.
const NICK_LIST_RATE: Rate = (30, 5);
/// Pages of history, and searches.
pub const HISTORY_RATE: Rate = (240, 30);
/// Changes of rooms and accounts, and device links.
pub const CHANGE_RATE: Rate = (60, 20);
/// Refusals; a connection that exceeds them is closed.
const REFUSAL_RATE: Rate = (60, 100);

/// The most limits that recover at the same time; beyond that, those that are nearest to recovery are dropped.
pub const MAX_RECOVERING: usize = 16_384;
/// The same for one address.
pub const MAX_RECOVERING_PER_ADDRESS: usize = 256;

/// The limits of one account.
#[derive(Debug, Clone)]
pub struct RateLimits {
    /// Limits messages.
    pub messages: TokenBucket,
    /// Limits other requests.
    pub control: TokenBucket,
    /// Limits requests of basic clients for the member list.
    pub nick_lists: TokenBucket,
    /// Limits pages of history and searches.
    pub history: TokenBucket,
    /// Limits changes of rooms and accounts.
    pub changes: TokenBucket,
    /// Limits refusals.
    pub refusals: TokenBucket,
}

impl RateLimits {
    /// Unused limits.
    #[must_use]
    pub fn new(now: Millis, limits: &Limits) -> Self {
        let bucket = |(per_minute, burst)| TokenBucket::new(per_minute, burst, now);
        Self {
            messages: bucket((limits.messages_per_minute, limits.burst)),
            control: bucket(CONTROL_RATE),
            nick_lists: bucket(NICK_LIST_RATE),
            history: bucket(HISTORY_RATE),
            changes: bucket(CHANGE_RATE),
            refusals: bucket(REFUSAL_RATE),
        }
    }

    /// The time at which they are as good as unused ones.
    fn recovered_at(&self) -> Millis {
        let Self { messages, control, nick_lists, history, changes, refusals } = self;
        let buckets = [messages, control, nick_lists, history, changes, refusals];
        buckets.into_iter().map(TokenBucket::full_at).max().unwrap_or(0)
    }
}

/// The time at which limits have recovered, and a number that makes it unique.
type Place = (Millis, u64);

/// Limits of accounts that are offline, until they have recovered.
#[derive(Debug, Default)]
pub struct RecoveringLimits {
    places: BTreeMap<Place, Recovering>,
    by_address: HashMap<IpAddr, BTreeSet<Place>>,
    by_account: HashMap<UserId, Place>,
    last_number: u64,
}

#[derive(Debug)]
struct Recovering {
    limits: Box<RateLimits>,
    address: IpAddr,
    account: UserId,
}

impl RecoveringLimits {
    /// Adds the limits of an account that went offline.
    pub fn put(&mut self, now: Millis, address: IpAddr, account: UserId, limits: RateLimits) {
        let recovered_at = limits.recovered_at();
        if recovered_at <= now {
            return;
        }
        self.last_number += 1;
        let place = (recovered_at, self.last_number);
        if let Some(earlier) = self.by_account.insert(account, place) {
            self.remove(earlier);
        }
        let of_address = self.by_address.entry(address).or_default();
        of_address.insert(place);
        let excess =
            (of_address.len() > MAX_RECOVERING_PER_ADDRESS).then(|| of_address.first().copied()).flatten();
        self.places.insert(place, Recovering { limits: Box::new(limits), address, account });
        if let Some(excess) = excess {
            self.remove(excess);
        }
        if self.places.len() > MAX_RECOVERING
            && let Some((&first, _)) = self.places.first_key_value()
        {
            self.remove(first);
        }
    }

    /// Takes the limits with which an account continues, if there are any.
    pub fn take(&mut self, address: IpAddr, account: UserId) -> Option<RateLimits> {
        let of_address = || self.by_address.get(&address)?.last().copied();
        let place = self.by_account.get(&account).copied().or_else(of_address)?;
        self.remove(place).map(|recovering| *recovering.limits)
    }

    /// Drops limits that have recovered.
    pub fn expire(&mut self, now: Millis) {
        while let Some((&place, _)) = self.places.first_key_value()
            && place.0 <= now
        {
            self.remove(place);
        }
    }

    fn remove(&mut self, place: Place) -> Option<Recovering> {
        let recovering = self.places.remove(&place)?;
        if let Some(of_address) = self.by_address.get_mut(&recovering.address) {
            of_address.remove(&place);
            if of_address.is_empty() {
                self.by_address.remove(&recovering.address);
            }
        }
        if self.by_account.get(&recovering.account) == Some(&place) {
            self.by_account.remove(&recovering.account);
        }
        Some(recovering)
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.places.len() + self.by_address.len() + self.by_account.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    fn account(n: u32) -> UserId {
        UserId([n.to_be_bytes(); 4].concat().try_into().unwrap())
    }

    /// Limits of which `messages` were used at time 0; one recovers in a second.
    fn used(messages: u32) -> RateLimits {
        let limits = Limits { messages_per_minute: 60, burst: 100, ..Limits::default() };
        let mut limits = RateLimits::new(0, &limits);
        (0..messages).for_each(|_| limits.messages.take(0).unwrap());
        limits
    }

    /// Counts the messages that the limits allow.
    fn left(limits: Option<RateLimits>) -> Option<usize> {
        let mut limits = limits?;
        Some((0..).take_while(|_| limits.messages.take(0).is_ok()).count())
    }

    #[test]
    fn account_continues_with_its_own_limits_or_the_most_used_of_its_address() {
        let mut recovering = RecoveringLimits::default();
        for (n, messages) in [(1, 10), (2, 30), (3, 20)] {
            recovering.put(0, address(1), account(n), used(messages));
        }
        recovering.put(0, address(2), account(4), used(40));
        assert_eq!(left(recovering.take(address(9), account(3))), Some(80), "from any address");
        assert_eq!(left(recovering.take(address(1), account(5))), Some(70));
        assert_eq!(left(recovering.take(address(1), account(2))), Some(90), "its own were taken by another");
        assert!(recovering.take(address(1), account(1)).is_none());
        assert_eq!(left(recovering.take(address(2), account(6))), Some(60));
        assert_eq!(recovering.table_size(), 0);
    }

    #[test]
    fn recovered_limits_are_dropped() {
        let mut recovering = RecoveringLimits::default();
        recovering.put(0, address(1), account(1), used(0));
        assert_eq!(recovering.table_size(), 0);
        recovering.put(0, address(1), account(1), used(1));
        recovering.put(0, address(1), account(2), used(2));
        recovering.expire(999);
        assert_eq!(recovering.places.len(), 2);
        recovering.expire(1_000);
        assert_eq!(recovering.places.len(), 1);
        recovering.expire(2_000);
        assert_eq!(recovering.table_size(), 0);
    }

    #[test]
    fn the_number_is_bounded_in_total_and_per_address() {
        let mut recovering = RecoveringLimits::default();
        let most_used = 50;
        recovering.put(0, address(0), account(0), used(most_used));
        for n in 0..1_000 {
            recovering.put(0, address(1), account(1 + n), used(1 + n % 20));
        }
        assert_eq!(recovering.places.len(), 1 + MAX_RECOVERING_PER_ADDRESS);
        for n in 0..30_000 {
            recovering.put(0, address(1_000 + n), account(10_000 + n), used(1));
        }
        assert_eq!(recovering.places.len(), MAX_RECOVERING);
        assert_eq!(recovering.by_account.len(), MAX_RECOVERING);
        assert_eq!(recovering.by_address.values().map(BTreeSet::len).sum::<usize>(), MAX_RECOVERING);
        assert_eq!(left(recovering.take(address(0), account(0))), Some(50), "the most used remain");
    }
}
