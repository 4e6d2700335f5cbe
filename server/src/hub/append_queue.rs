//! Proposals between acceptance and commit: messages, and logins that wait for their account. Nothing is acknowledged or
//! published before the event log has committed it, and then in the log's order.

use std::{collections::VecDeque, net::IpAddr, sync::Arc};

use parlour_core::{Millis, model::UserId};

use super::{connection_table::ConnectionId, shared_bound::SharedBound};
use crate::store::{AppendBatch, Proposal, RowChange};

/// The most proposals in the queue, shared by all addresses; further ones are refused with a time to retry.
pub const MAX_PENDING_PROPOSALS: usize = 8_192;
/// The most of them that were sent from one address, while there are none of another.
pub const MAX_PENDING_PROPOSALS_PER_ADDRESS: usize = MAX_PENDING_PROPOSALS / 2;
/// The most bytes of their texts, also shared.
pub const MAX_PENDING_BYTES: usize = 32 << 20;
/// After a failed append, the time until the log is read and appends are accepted again.
pub const RETRY_INTERVAL_MS: Millis = 3_000;

/// The origin of a proposal: what its outcome is for.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A message.
    Message {
        /// The connection that waits for the acknowledgement.
        conn: ConnectionId,
        /// The nick of the sender.
        nick: Arc<str>,
    },
    /// A command of a client with the capability "rooms".
    Command {
        /// The connection that waits for the response.
        conn: ConnectionId,
        /// The number of the command.
        request: u32,
    },
    /// The pending login of the sender, under this nick.
    Login(Arc<str>),
    /// The first message of a basic client, which does not wait for its account, with this nick.
    BasicAccount(Arc<str>),
}

/// A proposal in the queue.
#[derive(Debug)]
pub struct PendingProposal {
    /// The origin.
    pub origin: Origin,
    /// The sender's address.
    pub address: IpAddr,
    /// The proposal.
    pub proposal: Proposal,
}

impl PendingProposal {
    /// Sets the nick under which the message is published, if it is one of this account.
    pub fn rename(&mut self, account: UserId, to: &Arc<str>) {
        if let Origin::Message { nick, .. } = &mut self.origin
            && self.proposal.sender == account
        {
            *nick = to.clone();
        }
    }
}

/// A member that disconnected while messages of it were not settled. The departure is published after those messages.
#[derive(Debug)]
pub struct Departure {
    /// The newest batch at that time, counted from 1.
    pub batch: u64,
    /// The account.
    pub account: UserId,
    /// The nick at that time.
    pub nick: Arc<str>,
    /// The key of this nick.
    pub key: Arc<str>,
    /// The nick of the account, after changes that the log has stored since.
    pub present: Arc<str>,
}

/// The outcome of the submitted appends. It is not known after a failed one: the log may contain messages whose append
/// it reported as failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    Known,
    /// Unresolved; the log is read at this time.
    ResolveAt(Millis),
    /// Unresolved; the log is being read.
    Resolving,
}

/// The queue of proposals and row changes for the log.
#[derive(Debug, Default)]
pub struct AppendQueue {
    /// Not submitted yet.
    next: Vec<PendingProposal>,
    rows: Vec<RowChange>,
    /// Submitted: of each batch the generation, the proposals, and the row changes that must not be lost.
    submitted: VecDeque<(u32, Vec<PendingProposal>, Vec<RowChange>)>,
    /// Those row changes of the batch that was answered last which are submitted again if it has failed.
    completed_rows: Vec<RowChange>,
    /// The number of proposals in `next` and `submitted`.
    pending: SharedBound,
    /// The bytes of their texts.
    pending_bytes: SharedBound,
    /// The number of batches that were answered.
    completed_batches: u64,
    /// The number of them that are settled: their messages are published, or known not to be in the log.
    settled_batches: u64,
    generation: u32,
    outcome: Outcome,
    departures: VecDeque<Departure>,
}

impl AppendQueue {
    /// The time in ms after which to retry, if a proposal with a text of this length from this address is not accepted
    /// now.
    #[must_use]
    pub fn retry_after(&self, now: Millis, address: IpAddr, bytes: usize) -> Option<Millis> {
        match self.outcome {
            Outcome::ResolveAt(at) => Some(at.saturating_sub(now).max(500)),
            Outcome::Resolving => Some(500),
            Outcome::Known => {
                let is_accepted = self.pending.allows(address, 1, MAX_PENDING_PROPOSALS)
                    && self.pending_bytes.allows(address, bytes, MAX_PENDING_BYTES);
                (!is_accepted).then_some(500)
            }
        }
    }

    /// The time at which the log is to be read, if that is pending.
    #[must_use]
    pub fn resolve_due(&self) -> Option<Millis> {
        match self.outcome {
            // Only when every submitted batch was reported, so that the log can't change any more.
            Outcome::ResolveAt(at) if self.is_empty() => Some(at),
            _ => None,
        }
    }

    /// Records that the log is being read.
    pub fn resolving(&mut self) {
        self.outcome = Outcome::Resolving;
    }

    /// Schedules another read at once, because the log has returned only a part of its new messages.
    pub fn resolve_again(&mut self, now: Millis) {
        self.outcome = Outcome::ResolveAt(now);
    }

    /// Ends the reading. If `complete`, all messages of the log are published; otherwise it is read again after
    /// [`RETRY_INTERVAL_MS`].
    pub fn resolved(&mut self, now: Millis, complete: bool) {
        self.outcome = if complete { Outcome::Known } else { Outcome::ResolveAt(now + RETRY_INTERVAL_MS) };
    }

    /// Adds a proposal.
    pub fn push(&mut self, pending: PendingProposal) {
        self.pending.add(pending.address, 1);
        self.pending_bytes.add(pending.address, pending.proposal.change.text_bytes());
        self.next.push(pending);
    }

    /// Sets the nick under which the pending messages and the departure of an account are published. The change of the nick precedes
    /// them in the log.
    pub fn rename(&mut self, account: UserId, nick: &Arc<str>) {
        let submitted = self.submitted.iter_mut().flat_map(|(_, pending, _)| pending);
        submitted.chain(&mut self.next).for_each(|pending| pending.rename(account, nick));
        for departure in self.departures.iter_mut().filter(|departure| departure.account == account) {
            departure.present = nick.clone();
        }
    }

    /// Adds a row change. It is applied after the proposals that were added before.
    pub fn push_row(&mut self, change: RowChange) {
        self.rows.push(change);
    }

    /// Takes the next batch to submit to the log, if there is one.
    pub fn take(&mut self) -> Option<AppendBatch> {
        if !self.has_next(false) {
            return None;
        }
        let pending = std::mem::take(&mut self.next);
        let proposals = pending.iter().map(|pending| pending.proposal.clone()).collect();
        let rows = std::mem::take(&mut self.rows);
        // Of accounts: those of sessions need not survive a failed append, because they are written again.
        let is_resubmitted =
            |row: &&RowChange| matches!(row, RowChange::Cursor { .. } | RowChange::Muted { .. });
        let repeated = rows.iter().filter(is_resubmitted).cloned().collect();
        self.submitted.push_back((self.generation, pending, repeated));
        Some(AppendBatch { generation: self.generation, proposals, rows })
    }

    /// Removes the oldest submitted batch, whose result has arrived. Returns its generation and proposals.
    pub fn complete_batch(&mut self) -> Option<(u32, Vec<PendingProposal>)> {
        let (generation, pending, repeated) = self.submitted.pop_front()?;
        self.completed_rows = repeated;
        for PendingProposal { address, proposal, .. } in &pending {
            self.pending.remove(*address, 1);
            self.pending_bytes.remove(*address, proposal.change.text_bytes());
        }
        self.completed_batches += 1;
        Some((generation, pending))
    }

    /// Records that a batch has failed: later batches get a new generation, and no proposal is accepted until the
    /// log was read.
    pub fn failed(&mut self, now: Millis, generation: u32) {
        if generation == self.generation {
            self.generation = self.generation.wrapping_add(1);
        }
        self.outcome = Outcome::ResolveAt(now + RETRY_INTERVAL_MS);
        // Before later ones of the same room.
        self.rows.splice(..0, std::mem::take(&mut self.completed_rows));
    }

    /// Returns `true` if there is something to submit; `other_rows` if there are row changes that are not added yet. Row changes
    /// alone wait until the log was read after a failed append: they would fail again and again.
    #[must_use]
    pub fn has_next(&self, other_rows: bool) -> bool {
        let has_rows = other_rows || !self.rows.is_empty();
        !self.next.is_empty() || has_rows && self.outcome == Outcome::Known
    }

    /// The number of batches that were answered.
    #[must_use]
    pub fn answered_batches(&self) -> u64 {
        self.completed_batches
    }

    /// The number of batches that are settled, see [`is_settled`](Self::is_settled).
    #[must_use]
    pub fn settled_batches(&self) -> u64 {
        self.settled_batches
    }

    /// Returns `true` if no proposals are in the queue.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.used() == 0
    }

    /// The batch that a message is in if it is pushed now, counted from 1.
    #[must_use]
    pub fn next_batch(&self) -> u64 {
        self.completed_batches + self.submitted.len() as u64 + 1
    }

    /// Returns `true` if all messages of this batch are published, or known not to be in the log.
    #[must_use]
    pub fn is_settled(&self, batch: u64) -> bool {
        batch <= self.settled_batches
    }

    /// Postpones the departure of a member until the messages that were sent until now are settled. Returns the batch
    /// of the last one.
    pub fn postpone_departure(&mut self, account: UserId, nick: Arc<str>, key: Arc<str>) -> u64 {
        let batch = self.next_batch() - u64::from(self.next.is_empty());
        let present = nick.clone();
        self.departures.push_back(Departure { batch, account, nick, key, present });
        batch
    }

    /// Takes a departure whose last message is settled. Call when the messages of all answered batches are published.
    pub fn next_departure(&mut self) -> Option<Departure> {
        if self.outcome == Outcome::Known {
            self.settled_batches = self.completed_batches;
        }
        self.departures.pop_front_if(|departure| departure.batch <= self.settled_batches)
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let submitted = self.submitted.iter().map(|(_, proposals, rows)| 1 + proposals.len() + rows.len());
        self.next.len()
            + self.rows.len()
            + submitted.sum::<usize>()
            + self.departures.len()
            + self.pending.table_size()
            + self.pending_bytes.table_size()
    }
}
