//! What the user does in a follower: each message and command is sent to the leader until it is answered, or is executed in
//! this tab when it becomes the leader.

use bytes::Bytes;

use super::Follower;
use crate::{
    Millis,
    device::TabMessage,
    event::Event,
    model::{Delivery, Message, MessageId},
    persist::{self, Change},
    send_queue::{self, QueuedMessage, Stage},
    session::{self, Clocks},
    status::Status,
    tabs::{
        Command, TabCommand,
        command::{self, COMMAND_TIMEOUT_MS, PendingCommand},
    },
    validate,
};

/// A message that the user has sent in a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerMessage {
    /// The id, for [`Follower::handle_stored`].
    pub id: MessageId,
    /// The change that persists it, to be made first.
    pub change: Change,
    /// The command for the leader, to be sent once the change is made or has failed.
    pub command: Bytes,
    /// The value for [`Session::handle_adopt`](session::Session::handle_adopt), in case this tab has become the leader.
    pub value: Bytes,
}

/// A message of this follower that the leader has not reported yet.
#[derive(Debug)]
pub(super) struct UnreportedMessage {
    pub(super) id: MessageId,
    pub(super) value: Bytes,
    pub(super) command: Bytes,
    pub(super) issued: Millis,
    /// The device has stored it, or has failed to.
    pub(super) is_stored: bool,
    /// The user was told that it waits for another tab.
    pub(super) is_overdue: bool,
}

impl Follower {
    /// Sends a message. It is reported at once.
    ///
    /// # Errors
    /// As [`Session::handle_send`](session::Session::handle_send).
    pub fn handle_send(&mut self, now: Clocks, id: MessageId, text: &str) -> Result<FollowerMessage, Status> {
        let Some(identity) = &self.identity else { return Err(Status::NotConnected) };
        let text = validate::content(text, &identity.limits)?;
        if validate::excess_bytes(identity, text) > 0 {
            return Err(Status::ContentTooLong);
        }
        self.last_order = send_queue::order_after(self.last_order, now.unix);
        let queued = QueuedMessage::new(id, text.into(), now.unix, self.last_order, Stage::Queued);
        let message = session::own_message(&identity.nick, &queued);
        self.unacknowledged.push(message.clone());
        self.events.push_back(Event::Message(message));
        Ok(self.forward(now.monotonic, &queued))
    }

    /// Prepares a message for the leader.
    pub(super) fn forward(&mut self, now: Millis, queued: &QueuedMessage) -> FollowerMessage {
        let (id, request, value) = (queued.id, send_request(queued.id), persist::encode_queued(queued));
        let arguments = TabMessage { bytes: value.to_vec(), request, ..TabMessage::default() };
        let command = command::encode(TabCommand::Send, arguments);
        self.unreported.push(UnreportedMessage {
            id,
            value: value.clone(),
            command: command.clone(),
            issued: now,
            is_stored: false,
            is_overdue: false,
        });
        self.watch.handle_command(now);
        FollowerMessage { id, change: persist::put_queued(queued), command, value }
    }

    /// The next message of the time when this tab was the leader that the device may have refused, because another tab had
    /// become the leader. It is to be persisted and sent like one of [`handle_send`](Self::handle_send).
    pub fn poll_unpersisted(&mut self) -> Option<FollowerMessage> {
        self.unpersisted.pop_front()
    }

    /// A message of [`handle_send`](Self::handle_send) was persisted, or that has failed: its command is sent now.
    pub fn handle_stored(&mut self, id: MessageId) {
        if let Some(unreported) = self.unreported.iter_mut().find(|unreported| unreported.id == id) {
            unreported.is_stored = true;
        }
    }

    /// Sends a command to the leader. Its effect on a message is shown at once, so that the user can't give a second
    /// command that contradicts it. `request` is random.
    pub fn handle_command(&mut self, now: Clocks, request: u64, command: Command) {
        if self.commands.iter().any(|pending| pending.command == command) {
            return;
        }
        let undo = match &command {
            Command::Retry(id) | Command::Discard(id) => {
                let is_failed =
                    |message: &&Message| message.id == *id && matches!(message.delivery, Delivery::Failed(_));
                let Some(message) = self.unacknowledged.iter().find(is_failed).cloned() else { return };
                Some(message)
            }
            Command::Reconnect | Command::Leave | Command::Rename(_) => None,
        };
        match command {
            Command::Retry(id) => {
                self.set_delivery(id, Delivery::Queued);
                self.events.push_back(Event::Delivery(id, Delivery::Queued));
            }
            Command::Discard(id) => {
                self.forget_unacknowledged(id);
                self.events.push_back(Event::Discarded(id));
            }
            Command::Reconnect | Command::Leave | Command::Rename(_) => {}
        }
        let pending = PendingCommand::new(now, request, command, undo);
        self.messages.push_back(pending.encode(self.lease));
        if self.watch.is_answered() {
            self.commands.push(pending);
            self.watch.handle_command(now.monotonic);
        }
    }

    /// The leader has executed these commands. A message among them that is not reported was acknowledged or discarded
    /// before. Returns whether there is one.
    pub(super) fn handle_answered(&mut self, requests: &[u64]) -> bool {
        self.commands.retain(|pending| !requests.contains(&pending.request));
        let settled = self.unreported.iter().map(|unreported| unreported.id);
        let settled: Vec<_> = settled.filter(|id| requests.contains(&send_request(*id))).collect();
        settled.iter().for_each(|id| self.forget_unacknowledged(*id));
        self.vanished.extend(&settled);
        !settled.is_empty()
    }

    pub(super) fn update_waiting(&mut self) {
        let is_waiting =
            !self.commands.is_empty() || self.unreported.iter().any(|unreported| !unreported.is_overdue);
        self.watch.handle_waiting(is_waiting);
    }

    /// Sends the commands that were not answered to the new leader.
    pub(super) fn repeat_commands(&mut self) {
        let sends = self.unreported.iter().filter(|unreported| unreported.is_stored);
        self.messages.extend(sends.map(|unreported| unreported.command.clone()));
        self.messages.extend(self.commands.iter().map(|pending| pending.encode(self.lease)));
    }

    /// Reports the commands that were not answered in time, and undoes their effect.
    pub(super) fn fail_overdue(&mut self, now: Millis) {
        let is_overdue = |issued: Millis| now >= issued + COMMAND_TIMEOUT_MS;
        let mut failed = false;
        for unreported in &mut self.unreported {
            if is_overdue(unreported.issued) && !std::mem::replace(&mut unreported.is_overdue, true) {
                failed = true;
            }
        }
        let (overdue, pending) =
            std::mem::take(&mut self.commands).into_iter().partition(|pending| is_overdue(pending.issued));
        self.commands = pending;
        let overdue: Vec<PendingCommand> = overdue;
        for message in overdue.iter().filter_map(|pending| pending.undo.clone()) {
            self.update_unacknowledged(&message);
            self.events.push_back(Event::Delivery(message.id, message.delivery));
            self.events.push_back(Event::Message(message));
        }
        if failed || !overdue.is_empty() {
            self.events.push_back(Event::CommandFailed(Status::TabUnresponsive));
            self.update_waiting();
        }
    }

    /// Takes what the user did in this tab and no leader has answered, for the session of this tab, which is the leader
    /// now: the messages, for [`Session::handle_adopt`](crate::session::Session::handle_adopt), and the commands.
    #[must_use]
    pub fn take_unanswered(&mut self) -> (Vec<Bytes>, Vec<Command>) {
        let sends = std::mem::take(&mut self.unreported).into_iter();
        // The others are adopted once they are stored.
        let sends = sends.filter(|unreported| unreported.is_stored).map(|unreported| unreported.value);
        let commands = std::mem::take(&mut self.commands).into_iter().map(|pending| pending.command);
        (sends.collect(), commands.collect())
    }
}

/// The number of the command that sends a message.
fn send_request(MessageId(id): MessageId) -> u64 {
    // Random, and never 0.
    id[8..].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)).max(1)
}
