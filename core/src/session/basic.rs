//! The envelopes of a basic server: four fields, no ids, no acknowledgements, complete member lists.

use std::sync::Arc;

use super::{Clocks, LISTED_NAMES, Session, State};
use crate::{
    codec::{self, Envelope},
    event::Event,
    limits::Limits,
    model::{Delivery, Dialect, Identity, Message},
    send_queue::{QueuedMessage, Stage},
    timeline::Notice,
};

impl Session {
    /// The answer to the login had no extension: this is a basic server, and the login has succeeded.
    pub(super) fn basic_welcome(&mut self, now: Clocks) {
        if self.identity.is_some() && self.backoff.attempt() <= 1 {
            self.emit(Event::Notice(Notice::MessagesMissed));
        }
        self.secret.clear();
        let identity = Identity {
            nick: self.nick.as_str().into(),
            dialect: Dialect::Basic,
            limits: Limits::basic(),
            server_name: None,
            search: false,
        };
        self.go_online(now, identity, 0, false);
        self.stop_history(now);
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
        // The server sends every message to its sender too. This is the echo of the first own message with this text.
        let is_echo =
            |queued: &&QueuedMessage| own && queued.stage == Stage::InFlight && *queued.content == *content;
        let echo = self.send_queue.iter().find(is_echo).map(|queued| queued.id);
        let id = match echo {
            Some(id) => {
                self.dequeue(now, id);
                id
            }
            None => self.generate_id(now),
        };
        self.emit(Event::Message(Message {
            id,
            nick: nick.into(),
            content: content.into(),
            seq: 0,
            time: now.unix,
            own,
            delivery: Delivery::Sent,
        }));
    }
}
