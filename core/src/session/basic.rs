//! What a basic server says: four fields, no ids, no acknowledgement, the whole list every time.

use std::sync::Arc;

use super::{Session, State};
use crate::{
    codec::{self, Frame},
    event::Event,
    limits::Limits,
    model::{Delivery, Dialect, Identity, Message},
    outbox::Stage,
    session::Now,
    timeline::Notice,
};

impl Session {
    /// The answer to the login had no extension: the server is a basic one, and our name is on its list.
    pub(super) fn basic_welcome(&mut self, now: Now) {
        if self.identity.is_some() && self.backoff.attempt() <= 1 {
            self.tell(Event::Notice(Notice::Missed));
        }
        self.secret.clear();
        let identity = Identity {
            nick: self.nick.as_str().into(),
            dialect: Dialect::Basic,
            limits: Limits::basic(),
            server_name: None,
            search: false,
        };
        self.online(now, identity, 0, false);
    }

    pub(super) fn basic_frame(&mut self, now: Now, frame: Frame) {
        if !matches!(self.state, State::Online(_)) {
            return;
        }
        // The original server leaves the type of its announcements open; the words tell.
        let untyped = !matches!(frame.r#type.as_str(), codec::TALK | codec::LOGIN);
        let is_exit = untyped && frame.content == codec::EXIT;
        let is_list = untyped && !is_exit && frame.user_list.is_empty() && frame.content.ends_with(',');
        if !frame.user_list.is_empty() {
            self.basic_list(now, frame.user_list.into_keys().collect());
        } else if is_exit {
            let rest: Vec<_> = self
                .roster
                .members()
                .filter(|member| *member.nick != *frame.user_name)
                .map(|member| member.nick.to_string())
                .collect();
            self.basic_list(now, rest);
        }
        if is_list {
            self.basic_who(now, &frame.content);
        } else if !is_exit && !frame.content.is_empty() {
            self.basic_talk(now, &frame.user_name, &frame.content);
        }
    }

    fn basic_list(&mut self, now: Now, names: Vec<String>) {
        for moved in self.roster.list(names) {
            if *moved.nick != *self.nick {
                self.tell(Event::Moved(moved, now.unix));
            }
        }
        self.tell(Event::Roster);
    }

    /// `tom,lili,`: the answer to the question who is there, which everybody gets.
    fn basic_who(&mut self, now: Now, content: &str) {
        let names: Vec<String> = content.split(',').filter(|name| !name.is_empty()).map(Into::into).collect();
        let nicks: Vec<Arc<str>> = names.iter().take(100).map(|name| name.as_str().into()).collect();
        let more = names.len() - nicks.len();
        self.basic_list(now, names);
        self.tell(Event::Notice(Notice::Who { nicks, more }));
    }

    fn basic_talk(&mut self, now: Now, nick: &str, content: &str) {
        let own = nick == self.nick;
        // The server sends everything to its sender too: the first of ours with the same words has arrived.
        let echo = self.outbox.iter().find(|e| own && e.stage == Stage::InFlight && *e.content == *content);
        let id = match echo.map(|entry| entry.id) {
            Some(id) => {
                self.done_with(now, id);
                id
            }
            None => self.make_id(now),
        };
        self.tell(Event::Message(Message {
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
