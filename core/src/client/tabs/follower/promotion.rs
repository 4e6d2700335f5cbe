//! The change of a tab's role: a follower becomes the leader, or a leader becomes a follower.

use super::{Follower, FollowerEvent, MAX_TAKE_OVER_DELAY_MS, commands::INTERNAL, messages::SentMessage};
use crate::{
    Clocks,
    client::{
        Client, Command, Event, Origin, OwnMessage, Persisted,
        sending::own_message,
        state::ClientState,
        tabs::{Leader, TabCommand, watch::Watch},
    },
    model::{Dialect, MessageId, RoomId, UserId},
    send_queue::{QueuedMessage, Stage},
    status::Status,
};

/// What a follower passes to the client of its tab, which is the leader now.
#[derive(Debug)]
pub struct Promoted {
    /// The leader that the tab becomes.
    pub leader: Leader,
    /// The state that the tab shows, for [`Setup::state`](crate::client::Setup::state).
    pub state: ClientState,
    /// Messages that the previous leader may not have persisted before its tab was closed, for
    /// [`Client::handle_adopt_reported`].
    pub reported: Vec<OwnMessage>,
    /// Messages of this tab that no leader has reported, for [`Client::handle_adopt`].
    pub sends: Vec<(RoomId, QueuedMessage)>,
    /// Messages that the device has although they are settled, for [`Client::handle_settled`].
    pub settled: Vec<(RoomId, MessageId)>,
    /// Commands of this tab that no leader has answered, and subscriptions of the rooms that it shows, to be executed in this
    /// order by [`TabCommand::execute`] with the origin [`Origin::LOCAL`].
    pub commands: Vec<(u32, TabCommand)>,
    /// Events that were not reported yet.
    pub events: Vec<FollowerEvent>,
}

impl Follower {
    /// A follower in a tab whose leadership was taken over. It continues to show the state of its client until it receives a
    /// snapshot. `rooms` are those that the tab shows.
    #[must_use]
    pub fn after_leading(
        now: Clocks,
        tab: Origin,
        leader: Leader,
        client: &mut Client,
        rooms: impl IntoIterator<Item = RoomId>,
    ) -> Self {
        // The next leader does not answer the commands of this tab.
        client.fail_commands(now, Status::NotConnected);
        let is_local = |event: &Event| matches!(event, Event::Answer { origin: Origin::LOCAL, .. });
        let answers: Vec<_> = std::iter::from_fn(|| client.poll_event()).filter(is_local).collect();
        let fresh = ClientState::new(client.state().account().fold());
        let state = std::mem::replace(client.state_mut(), fresh);
        let mut follower = Self::new(now.monotonic, tab, state);
        follower.events.extend(answers.into_iter().map(FollowerEvent::Client));
        follower.lease = leader.lease;
        follower.record = client.record();
        follower.subscribed = rooms.into_iter().collect();
        follower.unacknowledged = client.unacknowledged();
        follower.last_order = client.last_order();
        follower.watch = Watch::after_leading(now.monotonic, tab.0 % MAX_TAKE_OVER_DELAY_MS);
        let is_settled = |id: &&MessageId| follower.unacknowledged.iter().all(|message| message.id != **id);
        follower.settled = leader.own_messages.iter().filter(is_settled).copied().collect();
        // They keep their numbers, and others come after them.
        let is_adopted = |sent: &SentMessage| leader.own_messages.contains(&sent.message.id);
        for sent in leader.unadopted.into_iter().filter(|sent| !is_adopted(sent)) {
            follower.unacknowledged.push(own_message(sent.room, &sent.message));
            follower.internal = follower.internal.max(sent.number % INTERNAL);
            follower.sent.push(sent);
        }
        for (room, queued) in client.queued_messages() {
            // The device may not have any of them: a message is also sent if it could not be persisted.
            match queued.stage {
                Stage::Persisting(_) => {
                    follower.forward(now, room, QueuedMessage { stage: Stage::Queued, ..queued.clone() });
                }
                _ => follower.remember_queued(now, room, queued.clone()),
            }
        }
        follower
    }

    /// The lease number for this tab if it becomes the leader at this Unix time. Larger than any that was heard.
    #[must_use]
    pub fn next_lease(&self, unix: i64) -> u64 {
        u64::try_from(unix).unwrap_or(0).max(self.lease.saturating_add(1))
    }

    /// The data with which this tab continues as the leader: `stored`, or what the previous leader has reported where the device
    /// can't be read. It has no account if that has logged out on the device, even if `stored` was read before the logout. `None`
    /// if the device has the login to another account: then this tab must not become the leader.
    ///
    /// `was_listed` means that the device has listed the scope since the tab is logged in. `is_logged_in` returns whether an
    /// account is [logged in](crate::persist::Scopes::is_logged_in) there now.
    #[must_use]
    pub fn continued(
        &self,
        stored: Option<Persisted>,
        was_listed: bool,
        is_logged_in: impl Fn(Option<UserId>) -> bool,
    ) -> Option<Persisted> {
        let mut persisted = stored.or_else(|| self.mirrored()).unwrap_or_default();
        if self.is_of_other_account(&persisted, &is_logged_in) {
            return None;
        }
        let record = self.record.as_ref().filter(|record| was_listed && is_logged_in(record.account));
        match (&persisted.account, record) {
            // The previous leader could not write its login.
            (None, Some(record)) => persisted.account = Some(record.clone()),
            (Some(stored), None) if was_listed && !is_logged_in(stored.account) => persisted.account = None,
            // A logout from the stored account may not have been written before the login to that of this tab.
            _ => {}
        }
        Some(persisted)
    }

    /// The data of the account as far as the leader has reported it; `None` when the user is not logged in.
    #[must_use]
    pub fn mirrored(&self) -> Option<Persisted> {
        let record = self.record.clone()?;
        let is_basic = record.identity.dialect == Dialect::Basic;
        let queued = |message: &OwnMessage| {
            let stage = message.stage_without_leader(is_basic);
            let OwnMessage { room, id, ref content, time, order, .. } = *message;
            (room, QueuedMessage::new(id, content.clone(), time, order, stage))
        };
        let send_queue = self.unacknowledged.iter().map(queued).collect();
        Some(Persisted { account: Some(record), send_queue, ..Persisted::default() })
    }

    /// This tab becomes the leader, with the content of the device's storage. If the previous leader has not persisted its
    /// login, the client continues with that. New messages come after those sent before. Messages that were acknowledged or
    /// discarded are not sent again, although the device has them, and neither are those of an account that has logged out. `has_received` means that this tab has received messages
    /// since it has the lock.
    #[must_use]
    pub fn promote(
        mut self,
        now: Clocks,
        lease: u64,
        has_received: bool,
        persisted: &mut Persisted,
    ) -> Promoted {
        if let (Some(stored), Some(record)) = (&mut persisted.account, &self.record)
            && (record.attempt > stored.attempt || self.is_other_account(stored.account))
            && record.secret != stored.secret
        {
            if stored.account != record.account {
                // A logout could not be written.
                persisted.send_queue.clear();
            }
            *stored = record.clone();
        }
        persisted.last_order = self.last_order;
        let is_nobodys = persisted.account.is_none();
        let is_settled =
            |(_, message): &mut (RoomId, QueuedMessage)| is_nobodys || self.settled.contains(&message.id);
        let settled = persisted.send_queue.extract_if(.., is_settled);
        let settled = settled.map(|(room, message)| (room, message.id)).collect();

        let mut leader = Leader::new(self.tab, lease, self.is_logged_in() || has_received);
        let reported = self.take_reported();
        // The others are adopted once they are stored.
        let sends = self.unreported().filter(|unreported| unreported.is_stored);
        let sends = sends.map(|unreported| (unreported.room, unreported.message.clone())).collect();
        let commands = self.take_commands(now);
        let is_unadopted = |sent: &mut SentMessage| !sent.is_reported && !sent.is_stored;
        leader.unadopted = self.sent.extract_if(.., is_unadopted).collect();
        leader.own_messages = std::mem::take(&mut self.settled);
        let events = self.events.into();
        Promoted { leader, state: self.state, reported, sends, settled, commands, events }
    }

    /// Returns `true` if the device has the login to another account since the one of this tab: another tab has logged out, and in
    /// again, while this one was suspended.
    fn is_of_other_account(
        &self,
        persisted: &Persisted,
        is_logged_in: impl Fn(Option<UserId>) -> bool,
    ) -> bool {
        let (Some(record), Some(stored)) = (&self.record, &persisted.account) else { return false };
        // Without the list, by the times of the logins, which are wrong if the clock was set back in between.
        let is_later = || stored.attempt > record.attempt && !is_logged_in(record.account);
        self.is_other_account(stored.account) && (is_logged_in(stored.account) || is_later())
    }

    /// Takes the messages that are not persisted: those that no leader has, and those that the leader may not have persisted
    /// before its tab was closed. None of the latter when events were missed: the user may have discarded them.
    fn take_reported(&mut self) -> Vec<OwnMessage> {
        let has_missed = self.snapshot_requested.is_some();
        let mut reported = std::mem::take(&mut self.unacknowledged);
        reported.retain(|message| {
            let is_unreported = self.unreported().any(|unreported| unreported.message.id == message.id);
            let mut unpersisted = self.unpersisted.iter();
            // The persisted ones of this tab are adopted by themselves. A message was also sent, or has failed, if it could not
            // be persisted.
            if is_unreported {
                unpersisted.any(|unpersisted| unpersisted.message.1.id == message.id)
            } else {
                !has_missed
            }
        });
        reported
    }

    fn take_commands(&mut self, now: Clocks) -> Vec<(u32, TabCommand)> {
        let mut commands = Vec::new();
        for room in std::mem::take(&mut self.subscribed) {
            let position = self.position(room);
            commands.push((0, TabCommand::Server(Command::Subscribe { room, position })));
        }
        for pending in std::mem::take(&mut self.commands) {
            match &pending.command {
                // Subscribed above; the answer is that of this command.
                TabCommand::Server(Command::Subscribe { room, .. }) if pending.is_from_user() => {
                    let position = self.position(*room);
                    commands.retain(|(number, command)| *number != 0 || command.room() != *room);
                    commands.push((
                        pending.number,
                        TabCommand::Server(Command::Subscribe { room: *room, position }),
                    ));
                }
                TabCommand::Server(Command::Subscribe { .. } | Command::Read { .. }) => {}
                // The previous leader may have executed it, and its effect depends on the time.
                TabCommand::Server(Command::ReadAll) => self.fail(now, pending),
                _ => commands.push((pending.number, pending.command)),
            }
        }
        commands
    }
}
