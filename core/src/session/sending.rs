//! Sending messages: from the user into the send queue, and from there to the server.

use super::{Clocks, Command, Millis, Session, State, basic::sent_parts, own_message};
use crate::{
    codec,
    event::Event,
    model::{Delivery, Dialect, Message, MessageId},
    send_queue::{Blame, QueuedMessage, Stage, blame},
    status::Status,
    validate,
};

/// Shorter pauses for the rate limit are not reported, in ms.
const REPORTED_PAUSE_MS: Millis = 1_000;
/// The maximum overhead of a frame in a batch, in bytes.
const BATCH_OVERHEAD_BYTES: usize = 8;
/// A message that may have ended earlier connections is sent on one that has lasted this long, in ms.
pub(super) const PROBATION_MS: Millis = 5_000;

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
        let message = QueuedMessage::new(id, text.into(), now.unix, order, Stage::Queued);
        if self.send_queue.push(message.clone())? {
            self.emit(Event::Message(own_message(&nick, &message)));
            self.persist_queued(id);
        }
        Ok(())
    }

    /// Sends a failed message again, under its old id.
    pub fn handle_retry(&mut self, now: Clocks, id: MessageId) {
        if let Some(message) =
            self.send_queue.get_mut(id).filter(|message| matches!(message.stage, Stage::Failed(_)))
        {
            message.pardon();
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

    /// The order of the last own message.
    pub(crate) fn last_order(&self) -> u64 {
        self.send_queue.last_order()
    }

    /// Blames the messages in flight for the end of the connection if sending them may have caused it. Returns whether one of
    /// them will not be sent again.
    ///
    /// With a basic server every message in flight fails, see [`requeue_in_flight`](Self::requeue_in_flight).
    pub(super) fn blame_in_flight(&mut self, now: Clocks, status: Status) -> bool {
        let changed = match &self.state {
            State::Online(online) if online.dialect == Dialect::Rich => {
                let sent = online.unanswered_since;
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
        for message in &changed {
            let _ = self.persister.put_queued(message);
        }
        changed.iter().any(|message| message.verdict().is_some())
    }

    /// The connection is back: messages that have ended too many connections fail.
    pub(super) fn fail_guilty(&mut self) {
        let is_open = |message: &&mut QueuedMessage| !matches!(message.stage, Stage::Failed(_));
        let mut failed = Vec::new();
        for message in self.send_queue.iter_mut().filter(is_open) {
            if let Some(status) = message.verdict() {
                message.stage = Stage::Failed(status);
                failed.push((message.id, status));
                let _ = self.persister.put_queued(message);
            }
        }
        failed.into_iter().for_each(|(id, status)| self.emit(Event::Delivery(id, Delivery::Failed(status))));
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
        let mut has_suspect = false;
        online.held_until = 0;
        while let Some(queued) = self.send_queue.next_queued() {
            if self.send_queue.must_wait_before(queued) {
                online.held_until = Millis::MAX;
                break;
            }
            if queued.needs_stable_connection() && now.monotonic < online.stable_at {
                online.held_until = online.stable_at;
                break;
            }
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
            has_suspect |= queued.is_suspect();
            let parts = sent_parts(identity, &queued.content);
            let part = |part| codec::encode(&codec::message(&identity.nick, rich.then_some(id), part));
            frames.extend(parts.into_iter().map(part));
            self.send_queue.set(id, Stage::InFlight);
            online.unanswered_since = Some(now.monotonic);
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
        if has_suspect {
            // The answer acquits the message.
            self.ping(now);
        }
        sent.into_iter().for_each(|id| self.emit(Event::Delivery(id, Delivery::Pending)));
        if let Some(ms) = pause.filter(|ms| *ms >= REPORTED_PAUSE_MS) {
            self.emit(Event::Throttled(pause_reason, u32::try_from(ms).unwrap_or(u32::MAX)));
        }
    }
}
