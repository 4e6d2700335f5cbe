//! The messages of a follower. Each one that was sent in this tab is given to the leader, and again to a later leader that
//! does not have it, until it is settled: acknowledged or discarded. So it does not depend on the device, nor on the tab
//! that led when it was sent.

use super::{Follower, FollowerEvent, commands::COMMAND_TIMEOUT_MS};
use crate::{
    Clocks, Millis,
    client::{
        Event, OwnMessage,
        tabs::{
            TabCommand,
            leader::{REMEMBERED_MESSAGES, remember},
        },
    },
    limits::LANE_MESSAGES,
    model::{Delivery, Dialect, MessageId, RoomId},
    persist::{Change, queue},
    send_queue::{self, QueuedMessage, Stage},
    status::Status,
    validate,
};

/// A message that the user has sent in a follower.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowerMessage {
    /// The number of the command that sends it.
    number: u32,
    /// The change that persists it, to be made first.
    pub change: Change,
    /// The lease number of the leader. With a larger one in the storage the change must not be made, see
    /// [`handle_superseded`](Follower::handle_superseded).
    pub lease: u64,
    /// The room and the message, for [`Client::handle_adopt`](crate::client::Client::handle_adopt), in case this tab has
    /// become the leader.
    pub message: (RoomId, QueuedMessage),
}

/// A message that was sent in this tab, or while this tab was the leader, and is not settled.
#[derive(Debug)]
pub(in crate::client::tabs) struct SentMessage {
    pub(super) number: u32,
    pub(super) room: RoomId,
    pub(super) message: QueuedMessage,
    issued: Millis,
    /// The device has stored it, or has failed to.
    pub(super) is_stored: bool,
    /// A leader has it.
    pub(super) is_reported: bool,
    /// The user was told that it waits for another tab.
    is_overdue: bool,
}

impl SentMessage {
    /// The change that deletes it from the device.
    pub fn deletion(&self) -> Change {
        queue::delete(self.room, self.message.id)
    }

    /// Returns `true` if no leader has reported it, and the user was not told so.
    pub fn is_waiting(&self) -> bool {
        !self.is_reported && !self.is_overdue
    }

    pub fn overdue_at(&self) -> Option<Millis> {
        self.is_waiting().then(|| self.issued + COMMAND_TIMEOUT_MS)
    }
}

impl Follower {
    /// Sends a message. It is reported at once; then it is the next of [`poll_unpersisted`](Self::poll_unpersisted). `id` must be
    /// new.
    ///
    /// # Errors
    /// As [`Client::handle_send`](crate::client::Client::handle_send).
    pub fn handle_send(
        &mut self,
        now: Clocks,
        room: RoomId,
        id: MessageId,
        text: &str,
    ) -> Result<(), Status> {
        let Some(identity) = self.identity() else { return Err(Status::NotConnected) };
        let text = validate::content(text, &identity.limits)?;
        if identity.dialect == Dialect::Basic {
            if room != RoomId::LOBBY {
                return Err(Status::NotOnThisServer);
            }
            if validate::excess_bytes(identity, text) > 0 {
                return Err(Status::ContentTooLong);
            }
        }
        if self.unacknowledged.iter().filter(|message| message.room == room).count() >= LANE_MESSAGES {
            return Err(Status::QueueFull);
        }
        let order = send_queue::order_after(self.last_order, now.unix);
        let message = QueuedMessage::new(id, text.into(), now.unix, order, Stage::Queued);
        let (content, time, delivery) = (message.content.clone(), message.time, Delivery::Queued);
        self.handle_event(now, Event::Own(OwnMessage { room, id, content, time, order, delivery }));
        self.forward(now, room, message);
        Ok(())
    }

    /// Prepares a message for the leader.
    pub(super) fn forward(&mut self, now: Clocks, room: RoomId, message: QueuedMessage) {
        let number = self.next_internal();
        let change = queue::put(room, &message);
        self.unpersisted.push_back(FollowerMessage {
            number,
            change,
            lease: 0,
            message: (room, message.clone()),
        });
        self.remember_sent(now, number, (room, message), false);
        self.watch.handle_command(now.monotonic);
    }

    /// Remembers a message that this tab had as the leader, in case the next leader does not find it on the device.
    pub(super) fn remember_queued(&mut self, now: Clocks, room: RoomId, message: QueuedMessage) {
        let number = self.next_internal();
        self.remember_sent(now, number, (room, message), true);
    }

    fn remember_sent(
        &mut self,
        now: Clocks,
        number: u32,
        (room, message): (RoomId, QueuedMessage),
        is_reported: bool,
    ) {
        self.sent.retain(|sent| sent.message.id != message.id);
        let (issued, is_overdue) = (now.monotonic, false);
        self.sent.push(SentMessage {
            number,
            room,
            message,
            issued,
            is_stored: is_reported,
            is_reported,
            is_overdue,
        });
    }

    /// The messages that no leader has reported yet.
    pub(super) fn unreported(&self) -> impl Iterator<Item = &SentMessage> {
        self.sent.iter().filter(|sent| !sent.is_reported)
    }

    /// The next message that is to be persisted, and then to be passed to [`handle_stored`](Self::handle_stored): of
    /// [`handle_send`](Self::handle_send), or of another time if the leader does not have it.
    ///
    /// `None` before it is known that the leader is logged in to the account of this tab. Another tab may have logged out, and in
    /// again under the same nick, while this one was suspended; then the message must not get into the queue of that account.
    pub fn poll_unpersisted(&mut self) -> Option<FollowerMessage> {
        let (lease, _) = self.leader?;
        self.unpersisted.pop_front().map(|message| FollowerMessage { lease, ..message })
    }

    /// A message of [`poll_unpersisted`](Self::poll_unpersisted) was not persisted, because another tab has become the leader, perhaps
    /// of another account. It is the next one again once that leader is known to have the account of this tab.
    pub fn handle_superseded(&mut self, message: FollowerMessage) {
        if self.leader.is_some_and(|(lease, _)| lease == message.lease) {
            self.leader = None;
        }
        if self.sent.iter().any(|sent| sent.message.id == message.message.1.id) {
            let at = self.unpersisted.partition_point(|later| later.number < message.number);
            self.unpersisted.insert(at, message);
        }
    }

    /// The next change of the device that deletes a message of this tab. The leader has deleted it, at a logout or because it
    /// is settled, but a write of this tab may have ended after that.
    pub fn poll_deletion(&mut self) -> Option<Change> {
        self.deletions.pop()
    }

    /// A message of [`poll_unpersisted`](Self::poll_unpersisted) was persisted, or that has failed: the leader is told now. Also if the
    /// message was acknowledged meanwhile, so that the leader deletes it on the device.
    pub fn handle_stored(&mut self, stored: FollowerMessage) {
        let FollowerMessage { number, message: (room, message), .. } = stored;
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.number == number) {
            sent.is_stored = true;
        }
        self.post_send(number, room, message);
    }

    fn post_send(&mut self, number: u32, room: RoomId, message: QueuedMessage) {
        // For any leader, at any time: the id is known to one that has it.
        let log = self.state.log().to_vec();
        self.post_command(0, number, i64::MAX, TabCommand::Send(room, message), log);
    }

    /// Gives the messages that no leader has reported to a leader that may have missed them.
    pub(super) fn repeat_messages(&mut self) {
        let sends = self.unreported().filter(|unreported| unreported.is_stored);
        let sends: Vec<_> = sends
            .map(|unreported| (unreported.number, unreported.room, unreported.message.clone()))
            .collect();
        sends.into_iter().for_each(|(number, room, message)| self.post_send(number, room, message));
    }

    /// Compares the messages that were shown before a snapshot with those in it. `is_complete` means that this tab had received
    /// everything from a former leader, so that a message of this tab is not settled: the new leader does not have it, because
    /// it is not on the device. It is given to the leader again, which recognises it if it has settled it.
    ///
    /// Any other message that is not in the snapshot was acknowledged or discarded meanwhile: if it is in the log, the
    /// subscription of its room shows it again.
    pub(super) fn reconcile(&mut self, now: Clocks, shown: Vec<OwnMessage>, is_complete: bool) {
        let is_basic = self.identity().is_some_and(|identity| identity.dialect == Dialect::Basic);
        for message in shown {
            if self.unacknowledged.iter().any(|listed| listed.id == message.id) {
                continue;
            }
            let sent = self.sent.iter().find(|sent| sent.message.id == message.id);
            match sent {
                Some(sent) if sent.is_reported && is_complete => {
                    let stage = message.stage_without_leader(is_basic);
                    let queued = QueuedMessage { stage, ..sent.message.clone() };
                    let room = sent.room;
                    self.unacknowledged.push(message);
                    self.forward(now, room, queued);
                }
                Some(sent) if !sent.is_reported => self.unacknowledged.push(message),
                _ => {
                    // Not settled: a leader that hung may have it still.
                    self.forget(message.id);
                    let event = Event::Discarded(message.room, message.id);
                    self.state.apply(now, self.tab, &event);
                    self.events.push_back(FollowerEvent::Client(event));
                }
            }
        }
    }

    /// A leader has reported a message.
    pub(super) fn update_unacknowledged(&mut self, message: &OwnMessage) {
        self.reported(message.id);
        self.unacknowledged.retain(|listed| listed.id != message.id);
        self.settled.retain(|id| *id != message.id);
        self.last_order = self.last_order.max(message.order);
        self.unacknowledged.push(message.clone());
    }

    pub(super) fn set_delivery(&mut self, id: MessageId, delivery: Delivery) {
        self.reported(id);
        if let Some(message) = self.unacknowledged.iter_mut().find(|message| message.id == id) {
            message.delivery = delivery;
        }
    }

    fn reported(&mut self, id: MessageId) {
        self.sent.iter_mut().filter(|sent| sent.message.id == id).for_each(|sent| sent.is_reported = true);
    }

    /// A message was acknowledged or discarded.
    pub(super) fn settle(&mut self, id: MessageId) {
        // Its write may end after the leader has deleted it.
        let is_being_written = |sent: &&SentMessage| sent.message.id == id && !sent.is_stored;
        self.deletions.extend(self.sent.iter().filter(is_being_written).map(SentMessage::deletion));
        self.forget(id);
        remember(&mut self.settled, id, REMEMBERED_MESSAGES);
    }

    /// This tab does not show a message any more, and does not give it to a leader.
    pub(super) fn forget(&mut self, id: MessageId) {
        self.sent.retain(|sent| sent.message.id != id);
        self.unacknowledged.retain(|message| message.id != id);
    }

    /// Returns `true` if messages have become overdue: they still wait for another tab.
    pub(super) fn find_overdue(&mut self, now: Millis) -> bool {
        let mut is_any_overdue = false;
        for sent in &mut self.sent {
            if sent.overdue_at().is_some_and(|at| now >= at) {
                sent.is_overdue = true;
                is_any_overdue = true;
            }
        }
        is_any_overdue
    }

    /// The number of own messages that are not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }
}
