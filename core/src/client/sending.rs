//! Sending messages: from the user into the send queue, and from there to the server.

use super::{
    Client, Clocks, Event, Output, OwnMessage, basic::sent_parts, connection::State, send_queue::Next,
};
use crate::{
    Millis,
    codec::{self, Envelope},
    limits::{Limits, TokenBucket},
    model::{Delivery, Dialect, Identity, MessageId, RoomId},
    send_queue::{Blame, QueuedMessage, Stage, blame},
    status::Status,
    validate,
};

/// Shorter pauses for the rate limit are not reported, in ms.
const REPORTED_PAUSE_MS: Millis = 1_000;
/// The maximum overhead of a frame in a batch, in bytes.
const BATCH_OVERHEAD_BYTES: usize = 8;
/// A message that may have ended earlier connections is sent on one that has lasted this long, in ms.
const PROBATION_MS: Millis = 5_000;
/// How long sending is paused after a temporary refusal without a delay, in ms.
const DEFAULT_PAUSE_MS: Millis = 2_000;

/// Whether a temporary refusal concerns all rooms of the account. Any other one concerns the room of the message.
pub(super) fn concerns_account(status: Status) -> bool {
    matches!(status, Status::RateLimited | Status::LogUnavailable | Status::Busy | Status::ShuttingDown)
}

/// When messages may be sent on a connection.
#[derive(Debug)]
pub(super) struct Throttle {
    budget: TokenBucket,
    /// No message is sent before this time, because of the server or the budget.
    paused_until: Millis,
    pause_reason: Status,
    /// The end of the pause that was reported last.
    reported_until: Millis,
    /// When the last message was sent, until the server has answered a ping that followed it. So it was neither a proxy nor
    /// the server's reading of the message that has ended the connection.
    unanswered_since: Option<Millis>,
    /// When the connection has lasted for [`PROBATION_MS`].
    stable_at: Millis,
    /// When a message can be sent that can't be sent now.
    flush_due: Option<Millis>,
}

impl Throttle {
    pub fn new(now: Millis, limits: &Limits) -> Self {
        Self {
            budget: TokenBucket::new(limits.messages_per_minute, limits.burst, now),
            paused_until: 0,
            pause_reason: Status::RateLimited,
            reported_until: 0,
            unanswered_since: None,
            stable_at: now + PROBATION_MS,
            flush_due: None,
        }
    }

    /// When to send messages that wait.
    pub fn flush_due(&self) -> Option<Millis> {
        self.flush_due
    }

    /// The server has answered a ping that was sent at this time.
    pub fn answered(&mut self, sent: Millis) {
        self.unanswered_since = self.unanswered_since.filter(|message| sent < *message);
    }

    fn pause(&mut self, until: Millis, reason: Status) {
        self.paused_until = self.paused_until.max(until);
        self.pause_reason = reason;
    }

    /// The reason and the rest of a pause in ms, if messages wait for its end and that is to be reported.
    fn unreported_pause(&mut self, now: Millis) -> Option<(Status, u32)> {
        let is_waiting = self.flush_due.is_some() && now + REPORTED_PAUSE_MS <= self.paused_until;
        if !is_waiting || self.reported_until == self.paused_until {
            return None;
        }
        self.reported_until = self.paused_until;
        Some((self.pause_reason, u32::try_from(self.paused_until - now).unwrap_or(u32::MAX)))
    }
}

impl Client {
    /// Sends a message. It is reported at once, and sent as soon as possible, on this connection or a later one.
    /// `id` must be new.
    ///
    /// # Errors
    /// The errors of [`validate::content`] with the server's limits; [`Status::NotConnected`] when the user is not logged in,
    /// [`Status::QueueFull`] when too many messages wait, and [`Status::NotOnThisServer`] for a room that a basic server
    /// does not have.
    pub fn handle_send(
        &mut self,
        now: Clocks,
        room: RoomId,
        id: MessageId,
        text: &str,
    ) -> Result<(), Status> {
        let Some(identity) = &self.identity else { return Err(Status::NotConnected) };
        if matches!(self.connection, State::Idle | State::Failed | State::Left) {
            return Err(Status::NotConnected);
        }
        let text = validate::content(text, &self.limits)?;
        if identity.dialect == Dialect::Basic {
            if room != RoomId::LOBBY {
                return Err(Status::NotOnThisServer);
            }
            if self.excess_bytes(text) > 0 {
                return Err(Status::ContentTooLong);
            }
        }
        let order = self.send_queue.next_order(now.unix);
        let message = QueuedMessage::new(id, text.into(), now.unix, order, Stage::Queued);
        if self.send_queue.push(room, message.clone())? {
            self.emit(now, Event::Own(own_message(room, &message)));
            self.persist_queued(room, id);
        }
        Ok(())
    }

    /// Sends a failed message again, under its old id.
    pub fn handle_retry(&mut self, now: Clocks, room: RoomId, id: MessageId) {
        if let Some(message) = self.send_queue.get_mut(room, id)
            && matches!(message.stage, Stage::Failed(_))
        {
            message.pardon();
            self.emit(now, Event::Delivery(room, id, Delivery::Queued));
            self.persist_queued(room, id);
            self.flush(now);
        }
    }

    /// Discards a failed message. A message in any other stage can't be discarded.
    pub fn handle_discard(&mut self, now: Clocks, room: RoomId, id: MessageId) {
        if self.send_queue.get(room, id).is_some_and(|message| matches!(message.stage, Stage::Failed(_))) {
            self.dequeue(now, room, id);
            self.emit(now, Event::Discarded(room, id));
        }
    }

    /// The user has left a room: its messages can't be sent any more.
    pub(super) fn discard_lane(&mut self, now: Clocks, room: RoomId) {
        for message in self.send_queue.remove_room(room) {
            self.persister.delete_queued(now.monotonic, room, message.id);
            self.emit(now, Event::Discarded(room, message.id));
        }
    }

    /// The messages of the send queue, by room and in their order.
    #[must_use]
    pub fn unacknowledged(&self) -> Vec<OwnMessage> {
        self.send_queue.iter().map(|(room, message)| own_message(room, message)).collect()
    }

    /// The order of the last own message.
    #[must_use]
    pub fn last_order(&self) -> u64 {
        self.send_queue.last_order()
    }

    /// The server has stored a message. Reports it if it was in the send queue.
    pub(super) fn acknowledge(&mut self, now: Clocks, id: MessageId, seq: u64, time: i64) {
        // Not queued any more if it was acknowledged before, by the message itself or by an answer.
        let Some(room) = self.send_queue.find(id) else { return };
        if let Some(QueuedMessage { content, .. }) = self.dequeue(now, room, id) {
            self.emit(now, Event::Acknowledged { room, id, content, seq, time });
        }
    }

    /// The server has refused a message.
    pub(super) fn message_refused(
        &mut self,
        now: Clocks,
        id: MessageId,
        status: Status,
        retry_after: Millis,
    ) {
        let Some(room) = self.send_queue.find(id) else { return };
        let State::Online(online) = &mut self.connection else { return };
        if status.is_terminal() {
            if let Some(message) = self.send_queue.failed(room, id, status) {
                // So that the failure is still shown after a reload.
                let _ = self.persister.put_queued(room, message);
            }
            self.emit(now, Event::Delivery(room, id, Delivery::Failed(status)));
            return;
        }
        let wait = if retry_after == 0 { DEFAULT_PAUSE_MS } else { retry_after };
        let until = now.monotonic + wait;
        let requeued = if concerns_account(status) {
            online.throttle.pause(until, status);
            // Reported when messages are to be sent.
            self.send_queue.requeue_from(room, id, status, None)
        } else {
            let requeued = self.send_queue.requeue_from(room, id, status, Some(until));
            if !requeued.is_empty() {
                let wait = u32::try_from(wait).unwrap_or(u32::MAX);
                self.emit(now, Event::Throttled(Some(room), status, wait));
            }
            requeued
        };
        requeued.into_iter().for_each(|id| self.emit(now, Event::Delivery(room, id, Delivery::Queued)));
    }

    /// Blames the messages in flight for the end of the connection if sending them may have caused it. Returns whether one of
    /// them will not be sent again.
    ///
    /// With a basic server every message in flight fails, see [`requeue_in_flight`](Self::requeue_in_flight).
    pub(super) fn blame_in_flight(&mut self, now: Clocks, status: Status) -> bool {
        let changed = match &self.connection {
            State::Online(online) if online.dialect == Dialect::Rich => {
                let sent = online.throttle.unanswered_since;
                match blame(status, sent.map(|sent| now.monotonic.saturating_sub(sent))) {
                    Some(Blame::TooBig) => self.send_queue.blame_in_flight(true),
                    Some(Blame::Ended) => self.send_queue.blame_in_flight(false),
                    Some(Blame::Network) => self.send_queue.acquit(),
                    None => return false,
                }
            }
            State::Opening { .. } | State::LoggingIn { .. } if self.refusal.is_none() => {
                self.send_queue.acquit()
            }
            _ => return false,
        };
        // So that reloading the page does not start the count again.
        for (room, message) in &changed {
            let _ = self.persister.put_queued(*room, message);
        }
        changed.iter().any(|(_, message)| message.verdict().is_some())
    }

    /// The connection is back: messages that have ended too many connections fail.
    pub(super) fn fail_guilty(&mut self, now: Clocks) {
        let mut failed = Vec::new();
        for (room, message) in self.send_queue.iter_mut() {
            if let Some(status) = message.verdict()
                && !matches!(message.stage, Stage::Failed(_))
            {
                message.stage = Stage::Failed(status);
                failed.push((room, message.id, status));
                let _ = self.persister.put_queued(room, message);
            }
        }
        for (room, id, status) in failed {
            self.emit(now, Event::Delivery(room, id, Delivery::Failed(status)));
        }
    }

    /// Requeues the messages in flight; with a basic server they fail.
    pub(super) fn requeue_in_flight(&mut self, now: Clocks) {
        // A basic server has no ids to detect duplicates by, so the user decides whether to send a message again.
        let (stage, delivery) = match self.is_basic() {
            true => (Stage::Failed(Status::Unconfirmed), Delivery::Failed(Status::Unconfirmed)),
            false => (Stage::Queued, Delivery::Queued),
        };
        let mut changed = Vec::new();
        for (room, message) in self.send_queue.iter_mut() {
            if message.stage == Stage::InFlight {
                message.stage = stage;
                changed.push((room, message.id));
            }
        }
        changed.into_iter().for_each(|(room, id)| self.emit(now, Event::Delivery(room, id, delivery)));
    }

    /// Removes a message from the send queue, also on the device. Returns it if it was there.
    pub(super) fn dequeue(&mut self, now: Clocks, room: RoomId, id: MessageId) -> Option<QueuedMessage> {
        let removed = self.send_queue.remove(room, id)?;
        self.persister.delete_queued(now.monotonic, room, id);
        Some(removed)
    }

    /// Sends the queued messages, as far as the rate limit allows.
    pub(super) fn flush(&mut self, now: Clocks) {
        let State::Online(online) = &mut self.connection else { return };
        let Some(identity) = &self.identity else { return };
        let throttle = &mut online.throttle;
        let mut frames = Vec::new();
        let mut sent = Vec::new();
        let mut has_suspect = false;
        throttle.flush_due = loop {
            let (room, id) = match self.send_queue.next(now.monotonic, throttle.stable_at) {
                Next::Message(room, id) => (room, id),
                Next::Wait(at) => break Some(at.max(throttle.paused_until)),
                Next::Held | Next::Nothing => break None,
            };
            if throttle.paused_until <= now.monotonic
                && let Err(ms) = throttle.budget.take(now.monotonic)
            {
                throttle.pause(now.monotonic + ms, Status::RateLimited);
            }
            if throttle.paused_until > now.monotonic {
                break Some(throttle.paused_until);
            }
            let Some(queued) = self.send_queue.get(room, id) else { break None };
            has_suspect |= queued.is_suspect();
            frames.extend(encode(identity, room, queued));
            throttle.unanswered_since = Some(now.monotonic);
            self.send_queue.sent(room, id);
            sent.push((room, id));
        };
        let pause = throttle.unreported_pause(now.monotonic);
        let can_batch = online.can_batch;
        self.send_frames(frames, can_batch);
        if has_suspect {
            // The answer acquits the message.
            self.ping(now);
        }
        sent.into_iter().for_each(|(room, id)| self.emit(now, Event::Delivery(room, id, Delivery::Pending)));
        if let Some((reason, ms)) = pause {
            self.emit(now, Event::Throttled(None, reason, ms));
        }
    }

    /// Sends encoded envelopes, in batches if the server understands them.
    fn send_frames(&mut self, frames: Vec<bytes::Bytes>, can_batch: bool) {
        let max_batch_bytes = self.limits.frame_bytes / 2;
        let mut batch_bytes = 0;
        let mut batch = Vec::new();
        for frame in frames {
            let is_full = !can_batch
                || batch_bytes + frame.len() > max_batch_bytes
                || batch.len() >= codec::BATCH_FRAMES;
            if is_full && !batch.is_empty() {
                self.outputs.push_back(Output::Send(codec::batch(std::mem::take(&mut batch))));
                batch_bytes = 0;
            }
            batch_bytes += frame.len() + BATCH_OVERHEAD_BYTES;
            batch.push(frame);
        }
        if !batch.is_empty() {
            self.outputs.push_back(Output::Send(codec::batch(batch)));
        }
    }
}

/// The envelopes of a message, encoded.
fn encode(identity: &Identity, room: RoomId, queued: &QueuedMessage) -> Vec<bytes::Bytes> {
    let id = (identity.dialect == Dialect::Rich).then_some(queued.id);
    let parts = sent_parts(identity, &queued.content).into_iter();
    let envelope = |part| Envelope { room: room.to_wire(), ..codec::message(&identity.nick, id, part) };
    parts.map(|part| codec::encode(&envelope(part))).collect()
}

/// A message of the send queue as it is reported.
pub(super) fn own_message(room: RoomId, queued: &QueuedMessage) -> OwnMessage {
    let delivery = match queued.stage {
        Stage::Persisting(_) | Stage::Queued => Delivery::Queued,
        Stage::InFlight => Delivery::Pending,
        Stage::Failed(status) => Delivery::Failed(status),
    };
    let QueuedMessage { id, time, order, .. } = *queued;
    OwnMessage { room, id, content: queued.content.clone(), time, order, delivery }
}
