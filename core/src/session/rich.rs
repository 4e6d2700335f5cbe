//! What a rich server says.

use super::{Online, Session, State, link::HEARTBEAT};
use crate::{
    codec::{self, Extension, Frame, Kind},
    event::Event,
    limits::Limits,
    model::{Delivery, Dialect, Identity, Message, MessageId, Refused},
    outbox::Stage,
    session::Now,
    status::Status,
    timeline::Notice,
    validate, wire,
};

/// How long to hold back when a server says "later" without saying when, in ms.
const HOLD: u64 = 2_000;

impl Session {
    pub(super) fn welcome(&mut self, now: Now, welcome: wire::Welcome) {
        if welcome.version == 0 || welcome.version > crate::PROTOCOL_VERSION {
            self.fail(Status::VersionUnsupported, None);
            return;
        }
        let can = |what: &str| welcome.capabilities.iter().any(|capability| capability == what);
        let (history, search) = (can("history"), can("search"));
        // What others said in between can't be had from a server that keeps no history.
        let missed = self.identity.is_some() && !history && self.backoff.attempt() <= 1;
        let batch = can("batch");
        self.secret = welcome.secret;
        // What is no nick is not taken for one: nobody could log in under it the next time.
        let nick = validate::nick(&welcome.nick, &Limits::default()).unwrap_or_else(|_| self.nick.clone());
        self.nick.clone_from(&nick);
        let identity = Identity {
            nick: nick.into(),
            dialect: Dialect::Rich,
            limits: Limits::from_wire(&welcome.limits.unwrap_or_default()),
            server_name: Some(welcome.server_name).filter(|name| !name.is_empty()),
            search,
        };
        if missed {
            self.tell(Event::Notice(Notice::Missed));
        }
        let heartbeat = u64::from(welcome.heartbeat_ms).clamp(*HEARTBEAT.start(), *HEARTBEAT.end());
        self.online(now, identity, heartbeat, batch);
        if history {
            self.history_begins(now, welcome.log, &welcome.positions);
        }
        self.ping(now);
    }

    pub(super) fn ping(&mut self, now: Now) {
        self.nonce = self.nonce.wrapping_add(1);
        let nonce = self.nonce;
        if let State::Online(online) = &mut self.state {
            online.awaiting = Some((nonce, now.mono));
            self.send(&codec::extension("", Extension::Ping(wire::Ping { nonce })));
        }
    }

    pub(super) fn rich_frame(&mut self, now: Now, mut frame: Frame) {
        match frame.extension.take() {
            None if codec::kind(&frame) == Kind::Talk => self.talk(now, frame),
            None => self.ignored += 1,
            Some(Extension::Ack(ack)) => {
                ack.accepted.into_iter().for_each(|accepted| self.acknowledged(now, accepted))
            }
            Some(Extension::Roster(page)) => {
                if self.roster.snapshot(page) {
                    self.tell(Event::Roster);
                }
            }
            Some(Extension::Presence(presence)) => {
                let time = if presence.time == 0 { now.unix } else { presence.time };
                for moved in self.roster.changes(presence) {
                    if *moved.nick != *self.nick {
                        self.tell(Event::Moved(moved, time));
                    }
                }
                self.tell(Event::Roster);
            }
            Some(Extension::Refusal(refusal)) => self.refuse(now, refusal),
            Some(Extension::Ping(ping)) => {
                self.send(&codec::extension("", Extension::Pong(wire::Pong { nonce: ping.nonce })));
            }
            Some(Extension::Pong(pong)) => self.pong(now, pong.nonce),
            Some(Extension::HistoryPage(page)) => self.page(now, page),
            Some(Extension::Resume(resume)) => self.goes_on_from(now, resume.from),
            Some(Extension::GoingAway(going)) => self.come_back_after = Some(going.retry_after_ms.into()),
            Some(_) => self.ignored += 1,
        }
    }

    fn pong(&mut self, now: Now, nonce: u64) {
        if let State::Online(online) = &mut self.state
            && let Some((expected, sent)) = online.awaiting
            && expected == nonce
        {
            online.awaiting = None;
            online.next_ping = now.mono + online.heartbeat;
            // The ping went out right after the welcome: whatever was to come before its answer is here.
            self.history_has_begun();
            self.tell(Event::RoundTrip(u32::try_from(now.mono - sent).unwrap_or(u32::MAX)));
        }
    }

    fn talk(&mut self, now: Now, frame: Frame) {
        if frame.content.is_empty() {
            self.ignored += 1;
            return;
        }
        let id = MessageId::from_wire(&frame.id).unwrap_or_else(|| self.make_id(now));
        let own = self.done_with(now, id) || frame.user_name == self.nick;
        if !self.follows(now, frame.seq) {
            return;
        }
        let time = if frame.time == 0 { now.unix } else { frame.time };
        let message = Message {
            id,
            nick: frame.user_name.into(),
            content: frame.content.into(),
            seq: frame.seq,
            time,
            own,
            delivery: Delivery::Sent,
        };
        if frame.seq > 0 {
            self.keeper.message(now.mono, &message);
        }
        self.tell(Event::Message(message));
    }

    fn acknowledged(&mut self, now: Now, accepted: wire::Accepted) {
        let Some(id) = MessageId::from_wire(&accepted.id) else { return };
        // Not there: the message itself came first, or it is a second acknowledgement.
        let Some(entry) = self.outbox.get(id).cloned() else { return };
        self.done_with(now, id);
        let Some(identity) = &self.identity else { return };
        let nick = identity.nick.clone();
        self.tell(Event::Message(Message {
            id,
            nick,
            content: entry.content,
            seq: accepted.seq,
            time: accepted.time,
            own: true,
            delivery: Delivery::Sent,
        }));
    }

    pub(super) fn refuse(&mut self, now: Now, refusal: wire::Refusal) {
        let status = Status::from_code(u16::try_from(refusal.code).unwrap_or(0));
        if refusal.request != 0 {
            return self.request_refused(now, refusal.request, status);
        }
        if let Some(id) = MessageId::from_wire(&refusal.id) {
            self.refuse_message(now, id, status, refusal.retry_after_ms.into());
            return;
        }
        if status == Status::Overtaken
            && let Ok(largest) = u64::from_str_radix(&refusal.suggestion, 16)
        {
            // This page has counted from a clock that was put back.
            self.attempt = self.attempt.max(largest);
        }
        let refused = Refused {
            status,
            text: refusal.text,
            suggestion: Some(refusal.suggestion).filter(|s| !s.is_empty()),
            retry_after: refusal.retry_after_ms,
        };
        if matches!(self.state, State::LoggingIn { .. }) {
            // The Close that follows carries the same code; nothing is gained by waiting for it.
            self.refused = Some(refused);
            self.commands.push_back(super::Command::Close(None));
            self.lost(now, status);
        } else {
            // The Close that follows belongs to it; any other refusal is over when it is told.
            if status == Status::Replaced {
                self.refused = Some(refused.clone());
            }
            self.tell(Event::Refused(refused));
        }
    }

    fn refuse_message(&mut self, now: Now, id: MessageId, status: Status, retry_after: u64) {
        let State::Online(Online { hold_until, hold_for, .. }) = &mut self.state else { return };
        if !status.is_terminal() {
            let wait = if retry_after == 0 { HOLD } else { retry_after };
            *hold_until = (*hold_until).max(now.mono + wait);
            *hold_for = status;
            let requeued = self.outbox.requeue_from(id);
            if !requeued.is_empty() {
                self.tell(Event::Throttled(status, u32::try_from(wait).unwrap_or(u32::MAX)));
            }
            requeued.into_iter().for_each(|id| self.tell(Event::Delivery(id, Delivery::Queued)));
        } else if self.outbox.set(id, Stage::Failed(status)) {
            if let Some(entry) = self.outbox.get(id) {
                // The user is to see it on the next visit too.
                let _ = self.keeper.entry(entry);
            }
            self.tell(Event::Delivery(id, Delivery::Failed(status)));
        }
    }

    /// An id for a message that came without one.
    pub(super) fn make_id(&mut self, now: Now) -> MessageId {
        self.made_ids += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.made_ids.to_be_bytes());
        // The version and variant bits lie over the upper bytes, the counter's lower ones stay whole.
        MessageId::new(u64::try_from(now.unix).unwrap_or(0), random)
    }
}
