//! Sending messages: from the user into the send queue, and from there to the server.

use super::{Clocks, Command, Millis, Session, State, own_message};
use crate::{
    codec,
    event::Event,
    model::{Delivery, Dialect, Message, MessageId},
    send_queue::{QueuedMessage, Stage},
    status::Status,
    validate,
};

/// Shorter pauses for the rate limit are not reported, in ms.
const REPORTED_PAUSE_MS: Millis = 1_000;
/// The maximum overhead of a frame in a batch, in bytes.
const BATCH_OVERHEAD_BYTES: usize = 8;

impl Session {
    /// Sends a message. It is reported at once, and sent as soon as possible, on this connection or a later one.
    /// `id` must be new.
    ///
    /// # Errors
    /// The errors of [`validate::content`] with the server's limits; [`Status::NotConnected`] when the user is not logged in
    /// or the send queue is full.
    pub fn handle_send(&mut self, now: Clocks, id: MessageId, text: &str) -> Result<(), Status> {
        let Some(identity) = &self.identity else { return Err(Status::NotConnected) };
        if matches!(self.state, State::Idle | State::Failed) {
            return Err(Status::NotConnected);
        }
        let text = validate::content(text, &self.limits)?;
        if identity.dialect == Dialect::Basic && self.excess_bytes(text) > 0 {
            return Err(Status::ContentTooLong);
        }
        let nick = identity.nick.clone();
        let order = self.send_queue.next_order(now.unix);
        let message = QueuedMessage { id, content: text.into(), time: now.unix, stage: Stage::Queued, order };
        if self.send_queue.push(message.clone())? {
            self.emit(Event::Message(own_message(&nick, &message)));
            self.persist_queued(id);
        }
        Ok(())
    }

    /// Sends a failed message again, under its old id.
    pub fn handle_retry(&mut self, now: Clocks, id: MessageId) {
        if self.send_queue.get(id).is_some_and(|message| matches!(message.stage, Stage::Failed(_))) {
            self.send_queue.set(id, Stage::Queued);
            self.emit(Event::Delivery(id, Delivery::Queued));
            self.persist_queued(id);
            self.flush(now);
        }
    }

    /// Discards a failed message. A message in any other stage can't be discarded.
    pub fn handle_discard(&mut self, now: Clocks, id: MessageId) {
        if self.send_queue.get(id).is_some_and(|message| matches!(message.stage, Stage::Failed(_))) {
            self.dequeue(now, id);
            self.emit(Event::Discarded(id));
        }
    }

    /// Reports all messages of the send queue.
    pub(super) fn emit_send_queue(&mut self) {
        self.unacknowledged().into_iter().for_each(|message| self.emit(Event::Message(message)));
    }

    /// The messages of the send queue, as the timeline shows them.
    pub(crate) fn unacknowledged(&self) -> Vec<Message> {
        let Some(identity) = &self.identity else { return Vec::new() };
        self.send_queue.iter().map(|message| own_message(&identity.nick, message)).collect()
    }

    /// Requeues the messages in flight; with a basic server they fail.
    pub(super) fn requeue_in_flight(&mut self) {
        let is_in_flight = |stage| stage == Stage::InFlight;
        let in_flight: Vec<_> = self
            .send_queue
            .iter()
            .filter(|queued| is_in_flight(queued.stage))
            .map(|queued| queued.id)
            .collect();
        // A basic server has no ids to detect duplicates by, so the user decides whether to send a message again.
        let (stage, delivery) = match self.is_basic() {
            true => (Stage::Failed(Status::Unconfirmed), Delivery::Failed(Status::Unconfirmed)),
            false => (Stage::Queued, Delivery::Queued),
        };
        for id in in_flight {
            self.send_queue.set(id, stage);
            self.emit(Event::Delivery(id, delivery));
        }
    }

    /// Removes a message from the send queue, also on the device. `true` when it was there.
    pub(super) fn dequeue(&mut self, now: Clocks, id: MessageId) -> bool {
        let was_queued = self.send_queue.remove(id).is_some();
        if was_queued {
            self.persister.delete_queued(now.monotonic, id);
        }
        was_queued
    }

    /// Sends the queued messages, as far as the rate limit allows.
    pub(super) fn flush(&mut self, now: Clocks) {
        let State::Online(online) = &mut self.state else { return };
        let Some(identity) = &self.identity else { return };
        let rich = online.dialect == Dialect::Rich;
        let mut frames = Vec::new();
        let mut sent = Vec::new();
        let mut pause = None;
        while let Some(queued) = self.send_queue.next_queued() {
            if online.paused_until > now.monotonic {
                pause = Some(online.paused_until - now.monotonic);
                break;
            }
            if let Err(ms) = online.send_budget.take(now.monotonic) {
                online.paused_until = now.monotonic + ms;
                online.pause_reason = Status::RateLimited;
                pause = Some(ms);
                break;
            }
            let id = queued.id;
            let envelope = codec::message(&identity.nick, "", rich.then_some(id), &queued.content);
            frames.push(codec::encode(&envelope));
            self.send_queue.set(id, Stage::InFlight);
            sent.push(id);
        }
        let max_batch_bytes = self.limits.frame_bytes / 2;
        let (can_batch, pause_reason) = (online.can_batch, online.pause_reason);
        let mut batch_bytes = 0;
        let mut batch = Vec::new();
        for frame in frames {
            let is_full = !can_batch
                || batch_bytes + frame.len() > max_batch_bytes
                || batch.len() >= codec::BATCH_FRAMES;
            if is_full && !batch.is_empty() {
                self.commands.push_back(Command::Send(codec::batch(std::mem::take(&mut batch))));
                batch_bytes = 0;
            }
            batch_bytes += frame.len() + BATCH_OVERHEAD_BYTES;
            batch.push(frame);
        }
        if !batch.is_empty() {
            self.commands.push_back(Command::Send(codec::batch(batch)));
        }
        sent.into_iter().for_each(|id| self.emit(Event::Delivery(id, Delivery::Pending)));
        if let Some(ms) = pause.filter(|ms| *ms >= REPORTED_PAUSE_MS) {
            self.emit(Event::Throttled(pause_reason, u32::try_from(ms).unwrap_or(u32::MAX)));
        }
    }
}
