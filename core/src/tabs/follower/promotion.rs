//! The change of a tab's role: a follower becomes the leader, or a leader becomes a follower.

use std::collections::VecDeque;

use super::{Follower, MAX_TAKE_OVER_DELAY_MS};
use crate::{
    Millis,
    client::tabs::watch::Watch,
    event::{Event, LOCAL},
    model::{Delivery, Message, MessageId},
    persist::{self, Persisted},
    session::Session,
    status::Status,
    tabs::Leader,
};

impl Follower {
    /// A follower in a tab whose leadership was taken over. It continues to show the state of its session until it
    /// receives a snapshot; it starts by sending [`TabCommand::RequestSnapshot`](crate::tabs::TabCommand::RequestSnapshot)
    /// and the messages of [`poll_unpersisted`](Self::poll_unpersisted).
    #[must_use]
    pub fn after_leading(now: Millis, random: u64, leader: &Leader, session: &Session) -> Self {
        let (members, total_members) = session.members();
        // Its session does not finish the requests of this tab any more.
        let result = Err(Status::NotConnected);
        let events = VecDeque::from([
            Event::PageFinished { requester: LOCAL, result },
            Event::SeekFinished { requester: LOCAL, seq: None },
            Event::SearchFinished { requester: LOCAL, results: Err(Status::NotConnected) },
        ]);
        let mut follower = Self {
            events,
            lease: leader.lease,
            identity: leader.identity.clone(),
            account: session
                .account()
                .map(|account| persist::encode_account(&account).to_vec())
                .unwrap_or_default(),
            members,
            total_members,
            epoch: session.epoch(),
            known: session.known().clone(),
            newest: session.last_message(),
            unacknowledged: session.unacknowledged(),
            last_order: session.last_order(),
            watch: Watch::after_leading(now, random % MAX_TAKE_OVER_DELAY_MS),
            ..Self::new(now, random)
        };
        let is_settled = |id: &&MessageId| follower.unacknowledged.iter().all(|message| message.id != **id);
        follower.settled = leader.own_messages.iter().filter(is_settled).copied().collect();
        for queued in session.unpersisted() {
            let message = follower.forward(now, &queued);
            follower.unpersisted.push_back(message);
        }
        follower
    }

    /// Prepares the content of the device's storage for the session of this tab, which becomes the leader. If the previous
    /// leader has not persisted its login, or the log that this tab shows, the session continues with these; the messages of
    /// another log on the device are dropped. If it has persisted a newer log, that is reported. New messages come after
    /// those sent before. Messages that were acknowledged or discarded are not sent again, although the device has them.
    pub fn handle_promotion(&mut self, persisted: &mut Persisted) {
        persisted.continue_session(&self.account);
        persisted.last_order = self.last_order;
        persisted.settled = self.settled.iter().copied().collect();
        if self.epoch == 0 {
            return;
        }
        let is_known = match persisted.epoch() {
            Some(epoch) if epoch < self.epoch => persisted.continue_log(&self.account, self.epoch),
            epoch => epoch.is_none_or(|epoch| epoch == self.epoch),
        };
        if !is_known {
            return self.handle_event(Event::LogReplaced);
        }
        // The server has to compare what this tab shows with its log, which may have been restored to an earlier state.
        (persisted.shown, persisted.newest_shown) = (self.known.clone(), self.newest);
    }

    /// The lease number for this tab if it becomes the leader at this Unix time. Larger than any that was heard.
    #[must_use]
    pub fn next_lease(&self, unix: i64) -> u64 {
        u64::try_from(unix).unwrap_or(0).max(self.lease.saturating_add(1))
    }

    /// The data of the session as far as the leader has reported it, in case the device can't be read; `None` when the
    /// user is not logged in.
    #[must_use]
    pub fn mirrored(&self) -> Option<Persisted> {
        self.identity.as_ref().map(|_| Persisted::mirrored(&self.account, &self.unacknowledged))
    }

    /// The leader that this tab becomes. `has_received` means that it has received messages since it has the lock.
    #[must_use]
    pub fn promoted(&mut self, lease: u64, has_received: bool) -> Leader {
        let mut leader = Leader::new(lease, self.is_logged_in() || has_received);
        leader.own_messages = std::mem::take(&mut self.settled);
        leader
    }

    /// Takes the messages that the leader may not have persisted before its tab was closed, for
    /// [`Session::handle_adopt_queued`]. None when messages were missed: the
    /// user may have discarded them.
    #[must_use]
    pub fn take_queued(&mut self) -> Vec<Message> {
        let mut queued = std::mem::take(&mut self.unacknowledged);
        queued.retain(|message| {
            // Messages in other states are persisted; those of this tab are adopted by themselves.
            message.delivery == Delivery::Queued
                && self.unreported.iter().all(|unreported| unreported.id != message.id)
        });
        if self.snapshot_requested.is_some() { Vec::new() } else { queued }
    }
}
