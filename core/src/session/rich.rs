//! The envelopes of a rich server.

use super::{Clocks, Command, Millis, Online, Session, State};
use crate::{
    codec::{self, Envelope, Extension, Kind},
    event::Event,
    limits::Limits,
    model::{Delivery, Dialect, Identity, Message, MessageId, Refusal},
    send_queue::Stage,
    status::Status,
    timeline::Notice,
    validate, wire,
};

/// How long sending is paused after a temporary refusal without a delay, in ms.
const DEFAULT_PAUSE_MS: Millis = 2_000;

impl Session {
    pub(super) fn welcome(&mut self, now: Clocks, welcome: wire::Welcome) {
        if welcome.version == 0 || welcome.version > crate::PROTOCOL_VERSION {
            self.fail(Status::VersionUnsupported, None);
            return;
        }
        let has = |name: &str| welcome.capabilities.iter().any(|capability| capability == name);
        let (history, search) = (has("history"), has("search"));
        // Without a history the messages sent during the disconnection can't be loaded.
        let missed = self.identity.is_some() && !history && self.backoff.attempt() <= 1;
        let batch = has("batch");
        self.secret = welcome.secret;
        // A login with an invalid nick would fail.
        let requested = self.rename.as_ref().map_or(&self.nick, |rename| &rename.nick);
        let nick = validate::nick(&welcome.nick, &Limits::default()).unwrap_or_else(|_| requested.clone());
        let is_renamed = self.rename.is_some();
        self.finish_rename(&nick);
        let identity = Identity {
            nick: nick.into(),
            dialect: Dialect::Rich,
            limits: Limits::from_wire(&welcome.limits.unwrap_or_default()),
            server_name: Some(welcome.server_name).filter(|name| !name.is_empty()),
            search,
            echoes_text: false,
        };
        if missed {
            self.emit(Event::Notice(Notice::MessagesMissed));
        }
        self.go_online(now, identity, welcome.heartbeat_ms.into(), batch);
        if is_renamed {
            self.report_renamed();
        }
        if history {
            self.start_history(now, welcome.log, &welcome.positions);
        } else {
            self.stop_history(now);
        }
        // At once, because the nick can't be reclaimed without the secret, and the next leader has to know the log.
        self.write_pending();
        self.ping(now);
    }

    pub(super) fn ping(&mut self, now: Clocks) {
        self.nonce = self.nonce.wrapping_add(1);
        let nonce = self.nonce;
        if let State::Online(online) = &mut self.state {
            online.heartbeat.pinged(now.monotonic, nonce);
            self.send(&codec::extension(Extension::Ping(wire::Ping { nonce })));
        }
    }

    pub(super) fn rich_envelope(&mut self, now: Clocks, mut envelope: Envelope) {
        match envelope.extension.take() {
            None if codec::kind(&envelope) == Kind::Message => self.rich_message(now, envelope),
            None => self.ignored += 1,
            Some(Extension::Ack(ack)) => {
                ack.accepted.into_iter().for_each(|accepted| self.acknowledged(now, accepted))
            }
            Some(Extension::Roster(page)) => {
                if self.member_list.add_page(page) {
                    self.emit(Event::MembersChanged);
                }
            }
            Some(Extension::Presence(presence)) => {
                let time = if presence.time == 0 { now.unix } else { presence.time };
                for change in self.member_list.apply(presence) {
                    if *change.nick != *self.nick {
                        self.emit(Event::PresenceChanged(change, time));
                    }
                }
                self.emit(Event::MembersChanged);
            }
            Some(Extension::Refusal(refusal)) => self.refused(now, refusal),
            Some(Extension::Ping(ping)) => {
                self.send(&codec::extension(Extension::Pong(wire::Pong { nonce: ping.nonce })));
            }
            Some(Extension::Pong(pong)) => self.pong(now, pong.nonce),
            Some(Extension::HistoryPage(page)) => self.history_page(now, page),
            Some(Extension::Resume(resume)) => self.resume_live(now, resume.from),
            Some(Extension::GoingAway(going)) => self.server_delay = Some(going.retry_after_ms.into()),
            Some(_) => self.ignored += 1,
        }
    }

    fn pong(&mut self, now: Clocks, nonce: u64) {
        if let State::Online(online) = &mut self.state
            && let Some(sent) = online.heartbeat.answered(now.monotonic, nonce)
        {
            online.unanswered_since = online.unanswered_since.filter(|message| sent < *message);
            // The first ping is sent right after the welcome, so everything that the server sends after the welcome
            // arrives before this pong.
            self.replay_finished();
            self.emit(Event::RoundTrip(u32::try_from(now.monotonic - sent).unwrap_or(u32::MAX)));
        }
    }

    fn rich_message(&mut self, now: Clocks, envelope: Envelope) {
        if envelope.content.is_empty() {
            self.ignored += 1;
            return;
        }
        let sent_id = MessageId::from_wire(&envelope.id);
        let id = sent_id.unwrap_or_else(|| self.generate_id(now));
        let own = self.dequeue(now, id) || envelope.user_name == self.nick;
        if self.history.known.contains(envelope.seq) {
            return;
        }
        let time = if envelope.time == 0 { now.unix } else { envelope.time };
        let message = Message {
            id,
            sender: None,
            nick: envelope.user_name.into(),
            content: envelope.content.into(),
            seq: envelope.seq,
            time,
            own,
            delivery: Delivery::Sent,
        };
        if envelope.seq > 0 {
            self.persister.add_message(now.monotonic, &message);
        }
        self.emit(Event::Message(message));
        self.extend_live(now, envelope.seq, sent_id);
    }

    fn acknowledged(&mut self, now: Clocks, accepted: wire::Accepted) {
        let Some(id) = MessageId::from_wire(&accepted.id) else { return };
        // No longer queued if the message itself arrived first, or was acknowledged before.
        let Some(queued) = self.send_queue.get(id).cloned() else { return };
        self.dequeue(now, id);
        let Some(identity) = &self.identity else { return };
        let nick = identity.nick.clone();
        self.emit(Event::Message(Message {
            id,
            sender: None,
            nick,
            content: queued.content,
            seq: accepted.seq,
            time: accepted.time,
            own: true,
            delivery: Delivery::Sent,
        }));
    }

    pub(super) fn refused(&mut self, now: Clocks, refusal: wire::Refusal) {
        let status = Status::from_code(u16::try_from(refusal.code).unwrap_or(0));
        if refusal.request != 0 {
            return self.request_refused(now, refusal.request, status);
        }
        if let Some(id) = MessageId::from_wire(&refusal.id) {
            self.message_refused(now, id, status, refusal.retry_after_ms.into());
            return;
        }
        if status == Status::Overtaken
            && let Ok(largest) = u64::from_str_radix(&refusal.suggestion, 16)
        {
            // The clock was set back, so the attempts of this page are numbered too low.
            self.attempt = self.attempt.max(largest);
        }
        let refusal = Refusal {
            status,
            text: refusal.text,
            suggestion: Some(refusal.suggestion).filter(|s| !s.is_empty()),
            retry_after: refusal.retry_after_ms,
        };
        if matches!(self.state, State::LoggingIn { .. }) {
            // The Close that follows has the same code, so there is no need to wait for it.
            self.refusal = Some(refusal);
            self.commands.push_back(Command::Close(None));
            self.connection_lost(now, status);
        } else {
            // Only this refusal is followed by a Close.
            if status == Status::Replaced {
                self.refusal = Some(refusal.clone());
            }
            self.emit(Event::Refused(refusal));
        }
    }

    fn message_refused(&mut self, now: Clocks, id: MessageId, status: Status, retry_after: Millis) {
        let State::Online(Online { paused_until, pause_reason, .. }) = &mut self.state else { return };
        if !status.is_terminal() {
            let wait = if retry_after == 0 { DEFAULT_PAUSE_MS } else { retry_after };
            *paused_until = (*paused_until).max(now.monotonic + wait);
            *pause_reason = status;
            let requeued = self.send_queue.requeue_from(id);
            if !requeued.is_empty() {
                self.emit(Event::Throttled(status, u32::try_from(wait).unwrap_or(u32::MAX)));
            }
            requeued.into_iter().for_each(|id| self.emit(Event::Delivery(id, Delivery::Queued)));
        } else if status == Status::MessageIdReused && self.send_queue.get(id).is_some_and(|m| m.is_renamed) {
            // The server has stored it under the earlier nick, so it is among the room's messages.
            self.dequeue(now, id);
            self.emit(Event::Discarded(id));
        } else if self.send_queue.set(id, Stage::Failed(status)) {
            if let Some(queued) = self.send_queue.get(id) {
                // So that the failure is still shown after a reload.
                let _ = self.persister.put_queued(queued);
            }
            self.emit(Event::Delivery(id, Delivery::Failed(status)));
        }
    }

    /// An id for a message that was received without one.
    pub(super) fn generate_id(&mut self, now: Clocks) -> MessageId {
        self.generated_ids += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.generated_ids.to_be_bytes());
        // The version and variant bits of a UUID overwrite only the counter's upper bytes.
        MessageId::new(u64::try_from(now.unix).unwrap_or(0), random)
    }
}
