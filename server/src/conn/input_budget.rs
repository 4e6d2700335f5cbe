//! Limits on the bytes that were received and that the hub has not handled.
//!
//! A connection stops reading when the hub is behind with it. All connections of one address share a second limit, which
//! bounds what they have in the hub's channel: a message beyond it waits in the task of its connection, which reads
//! nothing meanwhile. So one address can neither fill the memory nor delay the messages of others for long.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limiter::ConnectionPermit;

/// The bytes of one connection that may be unhandled before it stops reading. At least one message is always read.
pub const MAX_BYTES_PER_CONNECTION: usize = 64 * 1024;
/// The bytes of all connections of one address that may be in the hub's channel.
pub const MAX_BYTES_PER_ADDRESS: u32 = 4 * 1024 * 1024;
/// A shorter message counts as this many bytes, because each message has a cost of its own.
pub const MIN_MESSAGE_BYTES: usize = 1024;

/// The cost of a message of this length, in bytes.
#[must_use]
pub fn cost(length: usize) -> usize {
    length.max(MIN_MESSAGE_BYTES)
}

/// A new limit for one address.
pub(super) fn for_address() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_BYTES_PER_ADDRESS as usize))
}

/// The right to have a message in the hub's channel; returned when dropped, after the message was handled.
#[derive(Debug)]
pub struct Reservation {
    _bytes: OwnedSemaphorePermit,
    /// The address is counted for as long as a message of it is in the channel.
    _connection: Arc<ConnectionPermit>,
}

type Waiting = Pin<Box<dyn Future<Output = OwnedSemaphorePermit> + Send>>;

/// One connection's access to the limit of its address.
pub struct InputBudget {
    connection: Arc<ConnectionPermit>,
    /// A reservation that must wait.
    waiting: Option<Waiting>,
}

impl fmt::Debug for InputBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputBudget").field("waits", &self.waiting.is_some()).finish_non_exhaustive()
    }
}

impl InputBudget {
    /// The limit of the address of this connection.
    #[must_use]
    pub fn new(connection: ConnectionPermit) -> Self {
        Self { connection: Arc::new(connection), waiting: None }
    }

    /// Reserves a message of this length, without waiting.
    #[must_use]
    pub fn try_reserve(&self, length: usize) -> Option<Reservation> {
        let bytes = self.connection.input().clone().try_acquire_many_owned(permits(length)).ok()?;
        Some(self.reservation(bytes))
    }

    /// Reserves a message of this length when there is room for it. Called again with the same length until it is ready.
    pub fn poll_reserve(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<Reservation> {
        let input = self.connection.input();
        let waiting = self.waiting.get_or_insert_with(|| {
            let acquire = input.clone().acquire_many_owned(permits(length));
            Box::pin(async move {
                match acquire.await {
                    Ok(bytes) => bytes,
                    // The semaphore is never closed.
                    Err(_) => std::future::pending().await,
                }
            })
        });
        let bytes = ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        Poll::Ready(self.reservation(bytes))
    }

    fn reservation(&self, bytes: OwnedSemaphorePermit) -> Reservation {
        Reservation { _bytes: bytes, _connection: self.connection.clone() }
    }
}

/// A message that is larger than the whole limit may be in the channel alone.
fn permits(length: usize) -> u32 {
    u32::try_from(cost(length)).unwrap_or(u32::MAX).min(MAX_BYTES_PER_ADDRESS)
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        task::Waker,
    };

    use super::*;
    use crate::conn::limiter::ConnectionLimiter;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn connections_of_one_address_share_the_limit() {
        let limiter = ConnectionLimiter::new(0, 0);
        let budget = |last| InputBudget::new(limiter.acquire(address(last)).unwrap());
        let (mut first, mut second, other) = (budget(1), budget(1), budget(2));
        let half = MAX_BYTES_PER_ADDRESS as usize / 2;
        let (one, two) = (first.try_reserve(half).unwrap(), first.try_reserve(half).unwrap());
        assert!(first.try_reserve(1).is_none() && second.try_reserve(1).is_none());
        assert!(other.try_reserve(half).is_some());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(second.poll_reserve(&mut cx, half).is_pending());
        assert!(first.poll_reserve(&mut cx, 1).is_pending());
        // The connection has ended, and its message is still in the channel.
        drop(first);
        assert!(second.poll_reserve(&mut cx, half).is_pending());
        drop(one);
        assert!(second.poll_reserve(&mut cx, half).is_ready());
        drop((second, two));
        assert!(budget(1).try_reserve(usize::MAX).is_some(), "a larger message may be there alone");
    }

    #[test]
    fn limit_outlives_the_connections_while_a_message_is_unhandled() {
        let limiter = ConnectionLimiter::new(0, 1);
        let budget = InputBudget::new(limiter.acquire(address(1)).unwrap());
        let reservation = budget.try_reserve(usize::MAX).unwrap();
        drop(budget);
        assert!(limiter.acquire(address(1)).is_err(), "so that a new connection has no new limit");
        drop(reservation);
        assert!(limiter.acquire(address(1)).is_ok());
        assert_eq!(limiter.addresses(), 0, "nothing is left of an address without connections");
    }

    #[test]
    fn short_messages_are_counted_as_longer_ones() {
        let limiter = ConnectionLimiter::new(0, 0);
        let budget = InputBudget::new(limiter.acquire(address(1)).unwrap());
        let all: Vec<_> = std::iter::from_fn(|| budget.try_reserve(1)).collect();
        assert_eq!(all.len(), MAX_BYTES_PER_ADDRESS as usize / MIN_MESSAGE_BYTES);
    }
}
