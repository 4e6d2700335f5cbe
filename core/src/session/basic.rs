//! The envelopes of a basic server: four fields, no ids, no acknowledgements, complete member lists.

use std::sync::Arc;

use super::{Clocks, LISTED_NAMES, Session, State};
use crate::{
    codec::{self, Envelope},
    event::Event,
    limits::Limits,
    model::{Delivery, Dialect, Identity, Message, MessageId},
    send_queue::Stage,
    timeline::Notice,
};

impl Session {
    /// The answer to the login had no extension: this is a basic server, and the login has succeeded.
    pub(super) fn basic_welcome(&mut self, now: Clocks) {
        if self.identity.is_some() && self.backoff.attempt() <= 1 {
            self.emit(Event::Notice(Notice::MessagesMissed));
        }
        self.secret.clear();
        let nick = self.rename.as_ref().map_or(&self.nick, |rename| &rename.nick).clone();
        let is_renamed = self.rename.is_some();
        self.finish_rename(&nick);
        let identity = Identity {
            nick: self.nick.as_str().into(),
            dialect: Dialect::Basic,
            limits: Limits::basic(),
            server_name: None,
            search: false,
            echoes_text: self.receives_text,
        };
        self.go_online(now, identity, 0, false);
        if is_renamed {
            self.report_renamed();
        }
        self.stop_history(now);
        self.write_pending();
    }

    pub(super) fn basic_envelope(&mut self, now: Clocks, envelope: Envelope) {
        if !matches!(self.state, State::Online(_)) {
            return;
        }
        // The announcements of the original server have no type; they are recognised by their content.
        let untyped = !matches!(envelope.r#type.as_str(), codec::TALK | codec::LOGIN);
        let is_exit = untyped && envelope.content == codec::EXIT;
        let is_list = untyped && !is_exit && envelope.user_list.is_empty() && envelope.content.ends_with(',');
        if !envelope.user_list.is_empty() {
            self.basic_member_list(now, envelope.user_list.into_keys().collect());
        } else if is_exit {
            let remaining: Vec<_> = self
                .member_list
                .members()
                .filter(|member| *member.nick != *envelope.user_name)
                .map(|member| member.nick.to_string())
                .collect();
            self.basic_member_list(now, remaining);
        }
        if is_list {
            self.basic_list_answer(now, &envelope.content);
        } else if !is_exit && !envelope.content.is_empty() {
            self.basic_message(now, &envelope.user_name, &envelope.content);
        }
    }

    /// The first own message of which this text is the echo; the server sends every message to its sender too. Of a message
    /// sent in parts, it is the echo of the next part. The number is that of the parts received then, or 0 when this was
    /// the last one.
    fn find_echo(&self, content: &str) -> Option<(MessageId, usize)> {
        let identity = self.identity.as_ref()?;
        self.send_queue.iter().filter(|queued| queued.stage == Stage::InFlight).find_map(|queued| {
            let received = self.partial_echo.filter(|(id, _)| *id == queued.id).map_or(0, |(_, parts)| parts);
            let parts = sent_parts(identity, &queued.content);
            let is_last = received + 1 == parts.len();
            (*parts.get(received)? == content).then_some((queued.id, if is_last { 0 } else { received + 1 }))
        })
    }

    /// The server answers in Text: if it is a basic one, messages are sent in parts from now on.
    pub(super) fn text_received(&mut self) {
        if std::mem::replace(&mut self.receives_text, true) || !self.is_basic() {
            return;
        }
        if let Some(identity) = &mut self.identity {
            identity.echoes_text = true;
            let identity = identity.clone();
            self.emit(Event::LoggedIn(identity));
        }
    }

    /// Whether the answer to a member list request would be Text that browsers do not accept.
    pub(super) fn is_list_too_long(&self) -> bool {
        let length: usize = self.member_list.members().map(|member| member.nick.len() + 1).sum();
        self.receives_text && length > codec::TEXT_FIELD_BYTES
    }

    fn basic_member_list(&mut self, now: Clocks, names: Vec<String>) {
        for change in self.member_list.replace(names) {
            if *change.nick != *self.nick {
                self.emit(Event::PresenceChanged(change, now.unix));
            }
        }
        self.emit(Event::MembersChanged);
    }

    /// `tom,lili,`: the answer to a member list request of any member.
    fn basic_list_answer(&mut self, now: Clocks, content: &str) {
        let names: Vec<String> = content.split(',').filter(|name| !name.is_empty()).map(Into::into).collect();
        let nicks: Vec<Arc<str>> = names.iter().take(LISTED_NAMES).map(|name| name.as_str().into()).collect();
        let more = names.len() - nicks.len();
        self.basic_member_list(now, names);
        self.emit(Event::Notice(Notice::Members { nicks, more }));
    }

    fn basic_message(&mut self, now: Clocks, nick: &str, content: &str) {
        let own = nick == self.nick;
        let mut content: Arc<str> = content.into();
        let id = match self.find_echo(&content).filter(|_| own) {
            Some((id, parts)) if parts > 0 => {
                self.partial_echo = Some((id, parts));
                return;
            }
            Some((id, _)) => {
                self.partial_echo = None;
                content = self.send_queue.get(id).map_or(content, |queued| queued.content.clone());
                self.dequeue(now, id);
                id
            }
            None => self.generate_id(now),
        };
        self.emit(Event::Message(Message {
            id,
            sender: None,
            nick: nick.into(),
            content,
            seq: 0,
            time: now.unix,
            own,
            delivery: Delivery::Sent,
        }));
    }
}

/// The parts in which a message is sent.
pub(super) fn sent_parts<'a>(identity: &Identity, content: &'a str) -> Vec<&'a str> {
    if identity.echoes_text { codec::text_parts(content) } else { vec![content] }
}
