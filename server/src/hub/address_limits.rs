//! Rate limits of addresses. They bound what one address does under many names at the same time, each within the limits of
//! a member (`rate_limits.rs`). They are some times as high, because several people may share an address.
//!
//! Only what is costly for all others counts: messages, which everybody receives, queries to the log, changes of rooms and
//! accounts; and wrong codes of device links, so that codes are not guessed.

use std::{collections::HashMap, net::IpAddr};

use parlour_core::{
    Millis,
    limits::{Limits, TokenBucket},
};

use super::{
    expiry_queue::ExpiryQueue,
    rate_limits::{CHANGE_RATE, HISTORY_RATE, Rate},
};

/// The shortest time to retry. Otherwise several members that wait for the same token would be refused again and again.
const MIN_WAIT_MS: Millis = 1_000;

/// Wrong codes of device links, of one person.
const WRONG_LINK_RATE: Rate = (6, 5);

/// The limits of all addresses that have used them lately.
#[derive(Debug)]
pub struct AddressLimits {
    /// Tokens per minute and burst; a rate of 0 means no limit.
    messages: Rate,
    queries: Rate,
    changes: Rate,
    wrong_links: Rate,
    by_address: HashMap<IpAddr, Buckets>,
    /// The time at which limits that have recovered are dropped next.
    checks: ExpiryQueue<IpAddr>,
}

#[derive(Debug)]
struct Buckets {
    messages: TokenBucket,
    queries: TokenBucket,
    changes: TokenBucket,
    wrong_links: TokenBucket,
}

impl Buckets {
    /// The time at which they are as good as unused ones.
    fn recovered_at(&self) -> Millis {
        let Self { messages, queries, changes, wrong_links } = self;
        [messages, queries, changes, wrong_links].map(TokenBucket::full_at).into_iter().max().unwrap_or(0)
    }
}

impl AddressLimits {
    /// Limits that are `factor` times those of a member; 0 for no limit.
    #[must_use]
    pub fn new(factor: u32, limits: &Limits) -> Self {
        let times =
            |(per_minute, burst): Rate| (per_minute.saturating_mul(factor), burst.saturating_mul(factor));
        Self {
            messages: times((limits.messages_per_minute, limits.burst.max(1))),
            queries: times(HISTORY_RATE),
            changes: times(CHANGE_RATE),
            wrong_links: times(WRONG_LINK_RATE),
            by_address: HashMap::new(),
            checks: ExpiryQueue::default(),
        }
    }

    /// Takes a token for a message, from the sender's own limit and from that of its address.
    ///
    /// # Errors
    /// The time in ms after which to resend; no token was taken.
    pub fn take_message(
        &mut self,
        now: Millis,
        address: IpAddr,
        own: &mut TokenBucket,
    ) -> Result<(), Millis> {
        match self.messages.0 {
            0 => own.take(now),
            _ => take(now, own, &mut self.of(now, address).messages),
        }
    }

    /// As [`take_message`](Self::take_message), for a page of history or a search.
    ///
    /// # Errors
    /// As [`take_message`](Self::take_message).
    pub fn take_query(&mut self, now: Millis, address: IpAddr, own: &mut TokenBucket) -> Result<(), Millis> {
        match self.queries.0 {
            0 => own.take(now),
            _ => take(now, own, &mut self.of(now, address).queries),
        }
    }

    /// As [`take_message`](Self::take_message), for a change of a room or an account.
    ///
    /// # Errors
    /// As [`take_message`](Self::take_message).
    pub fn take_change(&mut self, now: Millis, address: IpAddr, own: &mut TokenBucket) -> Result<(), Millis> {
        match self.changes.0 {
            0 => own.take(now),
            _ => take(now, own, &mut self.of(now, address).changes),
        }
    }

    /// Looks up the code of a device link, unless too many of the address were wrong. Takes a token if this one is.
    ///
    /// # Errors
    /// The time in ms after which to try again.
    pub fn look_up_link<T>(
        &mut self,
        now: Millis,
        address: IpAddr,
        look_up: impl FnOnce() -> Option<T>,
    ) -> Result<Option<T>, Millis> {
        if self.wrong_links.0 == 0 {
            return Ok(look_up());
        }
        let bucket = &mut self.of(now, address).wrong_links;
        let before = *bucket;
        bucket.take(now).map_err(|wait| wait.max(MIN_WAIT_MS))?;
        let found = look_up();
        if found.is_some() {
            *bucket = before;
        }
        Ok(found)
    }

    fn of(&mut self, now: Millis, address: IpAddr) -> &mut Buckets {
        let Self { messages, queries, changes, wrong_links, by_address, checks } = self;
        by_address.entry(address).or_insert_with(|| {
            let bucket = |(per_minute, burst): Rate| TokenBucket::new(per_minute, burst, now);
            // Checked again then, so that using the limits need not change the deadline.
            checks.set(address, now + MIN_WAIT_MS);
            Buckets {
                messages: bucket(*messages),
                queries: bucket(*queries),
                changes: bucket(*changes),
                wrong_links: bucket(*wrong_links),
            }
        })
    }

    /// Drops limits that have recovered.
    pub fn expire(&mut self, now: Millis) {
        while let Some(address) = self.checks.pop_due(now) {
            let recovered_at = self.by_address.get(&address).map_or(0, Buckets::recovered_at);
            if recovered_at > now {
                self.checks.set(address, recovered_at);
            } else {
                self.by_address.remove(&address);
            }
        }
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.by_address.len() + self.checks.table_size()
    }
}

fn take(now: Millis, own: &mut TokenBucket, of_address: &mut TokenBucket) -> Result<(), Millis> {
    let before = *own;
    own.take(now)?;
    of_address.take(now).map_err(|wait| {
        *own = before;
        wait.max(MIN_WAIT_MS)
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    #[test]
    fn both_limits_apply_and_recovered_ones_are_dropped() {
        let limits = Limits { messages_per_minute: 60, burst: 2, ..Limits::default() };
        let mut shared = AddressLimits::new(2, &limits);
        let mut own = [(); 3].map(|()| TokenBucket::new(60, 2, 0));
        let [tom, lili, ada] = &mut own;
        let mut take = |now, n, own: &mut TokenBucket| shared.take_message(now, address(n), own);
        assert_eq!((take(0, 1, tom), take(0, 1, tom), take(0, 1, tom)), (Ok(()), Ok(()), Err(1_000)));
        assert_eq!((take(0, 1, lili), take(0, 1, lili)), (Ok(()), Ok(())));
        assert_eq!(take(0, 1, ada), Err(MIN_WAIT_MS), "although its own limit is unused");
        assert_eq!((take(0, 2, ada), take(0, 2, ada)), (Ok(()), Ok(())), "no token was taken");
        // Two a second.
        assert_eq!((take(1_000, 1, tom), take(1_000, 1, lili)), (Ok(()), Ok(())));
        assert_eq!(shared.table_size(), 6);
        shared.expire(2_999);
        assert_eq!(shared.table_size(), 3, "the second address has recovered");
        shared.expire(3_000);
        assert_eq!(shared.table_size(), 0);
    }

    #[test]
    fn without_a_factor_only_the_own_limit_applies() {
        let mut shared = AddressLimits::new(0, &Limits::default());
        let mut own = TokenBucket::new(60, 3, 0);
        assert_eq!((0..10).filter(|_| shared.take_query(0, address(1), &mut own).is_ok()).count(), 3);
        assert_eq!(shared.table_size(), 0);
    }
}
