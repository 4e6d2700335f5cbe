//! Translation of the basic dialect, which has four fields, no ids, no acknowledgements and complete member lists, into
//! that of a server with one room, the lobby.
//!
//! The numbers of the messages and the ids of accounts are made here. An account is as long-lived as its nick, because a
//! basic server knows nothing else. There is no history: what was said while there was no connection is missing.

use std::sync::Arc;

use super::{
    Client, Clocks, Command, Event, Reply,
    account::RoomEntry,
    connection::{Exit, State},
    requests::refusal,
    state::ClientState,
};
use crate::{
    codec::{self, Envelope, Extension},
    limits::Limits,
    model::{Dialect, Identity, MessageId, Refusal, Role, RoomId, UserId},
    presence::MemberList,
    room_rows,
    send_queue::Stage,
    status::Status,
    timeline::Notice,
    wire::{self, server_event::Body},
};

/// The maximum number of names in [`Notice::Members`].
const LISTED_NAMES: usize = 100;

/// The lobby of a basic server.
#[derive(Debug)]
pub(super) struct BasicLobby {
    /// Stands for the id of the log: the numbers below are those of this client.
    log: [u8; 16],
    /// The sequence number and ord of the last message.
    last: u64,
    members: MemberList,
    /// The server has sent Text.
    receives_text: bool,
    /// The own message of which the server has sent some parts back, and their number.
    partial_echo: Option<(MessageId, usize)>,
}

impl BasicLobby {
    /// `seed` is different for each client. A tab that has shown the lobby already continues its numbers.
    pub fn new(seed: u64, state: &ClientState) -> Self {
        let mut log = *b"basic---\0\0\0\0\0\0\0\0";
        log[8..].copy_from_slice(&seed.to_be_bytes());
        let mut last = 0;
        if let Ok(shown) = <[u8; 16]>::try_from(state.log())
            && shown[..8] == log[..8]
        {
            log = shown;
            last = state.account().room(RoomId::LOBBY).map_or(0, RoomEntry::head);
        }
        Self { log, last, members: MemberList::new(), receives_text: false, partial_echo: None }
    }

    /// The connection has ended.
    pub fn disconnected(&mut self) {
        self.partial_echo = None;
        self.members.reconnected();
    }

    /// An id for a message that was received without one.
    fn next_id(&self, unix: i64) -> MessageId {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.last.to_be_bytes());
        // The version and variant bits of a UUID overwrite only the counter's upper bytes.
        MessageId::new(u64::try_from(unix).unwrap_or(0), random)
    }

    fn window(&self) -> wire::RoomWindow {
        let members = u32::try_from(self.members.total()).unwrap_or(u32::MAX);
        wire::RoomWindow { seq: self.last, members, ..wire::RoomWindow::default() }
    }
}

/// The account that stands for a nick: 128 bits of the FNV-1a hash.
fn account_of(nick: &str) -> UserId {
    const OFFSET: u128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    UserId(nick.bytes().fold(OFFSET, step).to_be_bytes())
}

impl Client {
    /// The answer to the login had no extension: this is a basic server, and the login has succeeded.
    pub(super) fn basic_welcome(&mut self, now: Clocks, envelope: Envelope) {
        if self.account.is_some() {
            // The account is on another server, which had this address before.
            return self.exit(now, Exit::OtherAccount);
        }
        if self.link_code.is_some() {
            return self.fail(now, Status::NotOnThisServer, None);
        }
        if self.identity.is_some() && self.backoff.attempt() <= 1 {
            self.emit(now, Event::Notice(Notice::MessagesMissed));
        }
        // It would be sent to everybody.
        self.secret.clear();
        let nick = self.rename.as_ref().unwrap_or(&self.nick).clone();
        let identity = Identity {
            nick: nick.as_str().into(),
            dialect: Dialect::Basic,
            limits: Limits::basic(),
            server_name: None,
            search: false,
            echoes_text: self.basic.receives_text,
        };
        let reports_queue = self.go_online(now, identity, 0, false);
        self.persist_as_unconfirmed();
        let row = wire::RoomRow {
            role: wire::Role::Member.into(),
            head_ord: self.basic.last,
            unread: self.basic.last,
            ..wire::RoomRow::default()
        };
        let rows = wire::AccountRows {
            rows: room_rows::pack([row]),
            complete: true,
            ..wire::AccountRows::default()
        };
        let welcome = wire::Welcome {
            version: crate::PROTOCOL_VERSION,
            account: self.basic_account().0.to_vec(),
            nick,
            log: self.basic.log.to_vec(),
            rows: Some(rows),
            ..wire::Welcome::default()
        };
        self.emit_received(now, codec::extension(Extension::Welcome(welcome)));
        self.emit_basic(now, Body::Window(self.basic.window()));
        self.finish_login(now, reports_queue);
        self.basic_envelope(now, envelope);
    }

    /// The account that stands for the user. It stays when the nick changes.
    fn basic_account(&self) -> UserId {
        self.state.me().unwrap_or_else(|| account_of(&self.nick))
    }

    fn person(&self, nick: &str, state: wire::PresenceState) -> wire::Person {
        let account = if *nick == *self.nick { self.basic_account() } else { account_of(nick) };
        wire::Person { account: account.0.to_vec(), nick: nick.into(), state: state.into() }
    }

    fn emit_basic(&mut self, now: Clocks, body: Body) {
        self.emit_event(now, wire::ServerEvent { room: RoomId::LOBBY.to_wire(), body: Some(body) });
    }

    pub(super) fn basic_envelope(&mut self, now: Clocks, envelope: Envelope) {
        if !matches!(self.connection, State::Online(_)) {
            return;
        }
        // The announcements of the original server have no type; they are recognised by their content.
        let untyped = !matches!(envelope.r#type.as_str(), codec::TALK | codec::LOGIN);
        let is_exit = untyped && envelope.content == codec::EXIT;
        let is_list = untyped && !is_exit && envelope.user_list.is_empty() && envelope.content.ends_with(',');
        if !envelope.user_list.is_empty() {
            self.basic_member_list(now, envelope.user_list.into_keys().collect());
        } else if is_exit {
            let members = self.basic.members.members();
            let remaining = members.filter(|member| *member.nick != *envelope.user_name);
            let remaining = remaining.map(|member| member.nick.to_string()).collect();
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
        let mut in_flight = self.send_queue.iter().filter(|(_, queued)| queued.stage == Stage::InFlight);
        in_flight.find_map(|(_, queued)| {
            let partial = self.basic.partial_echo.filter(|(id, _)| *id == queued.id);
            let received = partial.map_or(0, |(_, parts)| parts);
            let parts = sent_parts(identity, &queued.content);
            let is_last = received + 1 == parts.len();
            (*parts.get(received)? == content).then_some((queued.id, if is_last { 0 } else { received + 1 }))
        })
    }

    /// The server answers in Text: if it is a basic one, messages are sent in parts from now on.
    pub(super) fn text_received(&mut self, now: Clocks) {
        if std::mem::replace(&mut self.basic.receives_text, true) || !self.is_basic() {
            return;
        }
        if let Some(identity) = &mut self.identity {
            identity.echoes_text = true;
            let identity = identity.clone();
            self.emit(now, Event::LoggedIn(identity, None));
        }
    }

    /// Requests the member list, which is reported as [`Notice::Members`]. Only a basic server's list is complete, so this does
    /// nothing on others.
    pub fn handle_list_members(&mut self, now: Clocks) {
        if !self.is_basic() {
            return;
        }
        let length: usize = self.basic.members.members().map(|member| member.nick.len() + 1).sum();
        if self.basic.receives_text && length > codec::TEXT_FIELD_BYTES {
            // The answer would be Text that browsers do not accept.
            let members = self.basic.members.members().map(|member| member.nick.to_string()).collect();
            self.notice_members(now, members);
        } else {
            let request = codec::user_list_request(&self.nick);
            self.send(&request);
        }
    }

    fn basic_member_list(&mut self, now: Clocks, names: Vec<String>) {
        let before = self.basic.members.total();
        let mut people = Vec::new();
        for change in self.basic.members.replace(names) {
            if *change.nick != *self.nick {
                let state =
                    if change.joined { wire::PresenceState::Online } else { wire::PresenceState::Left };
                people.push(self.person(&change.nick, state));
            }
        }
        if !people.is_empty() {
            self.emit_basic(now, Body::Presence(wire::PresenceChanges { people, time: now.unix }));
        }
        if self.basic.members.total() != before {
            // The first list is not compared with another one, so there are no changes. This tells that there is a list.
            self.emit_basic(now, Body::Window(self.basic.window()));
        }
    }

    /// `tom,lili,`: the answer to a member list request of any member.
    fn basic_list_answer(&mut self, now: Clocks, content: &str) {
        let names: Vec<String> = content.split(',').filter(|name| !name.is_empty()).map(Into::into).collect();
        self.basic_member_list(now, names.clone());
        self.notice_members(now, names);
    }

    fn notice_members(&mut self, now: Clocks, names: Vec<String>) {
        let total = names.len();
        let nicks: Vec<Arc<str>> = names.into_iter().take(LISTED_NAMES).map(Into::into).collect();
        let more = total - nicks.len();
        self.emit(now, Event::Notice(Notice::Members { nicks, more }));
    }

    fn basic_message(&mut self, now: Clocks, nick: &str, content: &str) {
        let own = *nick == *self.nick;
        let mut content = content.to_owned();
        let id = match self.find_echo(&content).filter(|_| own) {
            Some((id, parts)) if parts > 0 => {
                self.basic.partial_echo = Some((id, parts));
                return;
            }
            Some((id, _)) => {
                self.basic.partial_echo = None;
                if let Some(queued) = self.send_queue.get(RoomId::LOBBY, id) {
                    content = queued.content.to_string();
                }
                self.basic.last += 1;
                self.acknowledge(now, id, self.basic.last, now.unix);
                id
            }
            None => {
                self.basic.last += 1;
                self.basic.next_id(now.unix)
            }
        };
        let (seq, ord, time) = (self.basic.last, self.basic.last, now.unix);
        let sender = self.person(nick, wire::PresenceState::Online).account;
        self.emit_received(
            now,
            Envelope { seq, ord, time, sender, ..codec::message(nick, Some(id), &content) },
        );
    }

    /// Executes a command without the server, which knows none.
    pub(super) fn basic_command(&self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::Subscribe { room: RoomId::LOBBY, .. } => Ok(Reply::Window(self.basic.window())),
            Command::ListMembers { room: RoomId::LOBBY, prefix, after, count } => {
                Ok(Reply::People(self.basic_members(prefix, after, *count)))
            }
            _ => Err(refusal(Status::NotOnThisServer)),
        }
    }

    fn basic_members(&self, prefix: &str, after: &str, count: u32) -> wire::PeoplePage {
        // Without the Unicode tables, which are not in the page otherwise.
        let prefix = prefix.to_ascii_lowercase();
        let members = self.basic.members.members().map(|member| &member.nick);
        let mut matching: Vec<_> =
            members.filter(|nick| nick.to_ascii_lowercase().starts_with(&prefix)).collect();
        if let Some(at) = matching.iter().position(|nick| ***nick == *after) {
            matching.drain(..=at);
        }
        let more = matching.len() > count as usize;
        matching.truncate(count as usize);
        let people: Vec<_> =
            matching.into_iter().map(|nick| self.person(nick, wire::PresenceState::Online)).collect();
        let roles = vec![Role::Member.to_wire().into(); people.len()];
        let total = u32::try_from(self.basic.members.total()).unwrap_or(u32::MAX);
        wire::PeoplePage { people, roles, more, total }
    }
}

/// The parts in which a message is sent.
pub(super) fn sent_parts<'a>(identity: &Identity, content: &'a str) -> Vec<&'a str> {
    if identity.echoes_text { codec::text_parts(content) } else { vec![content] }
}
