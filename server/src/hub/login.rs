//! Login, session resumption and departure.

use std::sync::Arc;

use parlour_core::{
    PROTOCOL_VERSION,
    codec::{self, Extension},
    limits,
    model::Dialect,
    request::{self, Request},
    status::Status,
    validate, wire,
};

use super::{
    CAPABILITIES, Hub,
    append_queue::Departure,
    connection::Peer,
    connection_table::ConnectionId,
    output::Output,
    position::Position,
    room::Group,
    sessions::{self, Hash, Secret, Session},
};
use crate::{
    store::{SessionChange, SessionRecord},
    text_rules,
};

/// The longest client description that is logged.
const MAX_AGENT_CHARS: usize = 64;
/// The longest login attempt counter; a longer one is ignored.
const MAX_ATTEMPT_BYTES: usize = 32;

impl Hub {
    /// Handles the login of a rich client.
    pub(super) fn login(&mut self, conn: ConnectionId, request: Request) {
        let Some(request::Extension::Login(login)) = request.extension else { return };
        let Ok(login) = request::decode_login(&login) else {
            return self.reject(conn, Status::BadFrame, None);
        };
        if login.version == 0 {
            return self.reject(conn, Status::VersionUnsupported, None);
        }
        let nick = match text_rules::nick(&request.user_name, &self.settings.limits) {
            Ok(nick) => nick,
            Err(status) => return self.reject(conn, status, None),
        };
        let Some(address) = self.connections.get(conn).map(|c| c.address) else { return };
        if let Err(wait) = self.admission.admit(self.now, address) {
            return self.reject_busy(conn, wait);
        }
        self.check_position(conn, nick, login);
    }

    /// Continues a login whose position is known.
    pub(super) fn enter(
        &mut self,
        conn: ConnectionId,
        nick: String,
        login: &wire::Login,
        position: Position,
    ) {
        let key = validate::nick_key(&nick);
        let hash = sessions::hash(&login.secret);
        let session = self.sessions.get(&hash).cloned();
        let is_known = session.is_some();
        let own = session.filter(|session| *session.key == *key);
        let attempt =
            Some(&*login.attempt).filter(|attempt| attempt.len() <= MAX_ATTEMPT_BYTES).unwrap_or_default();
        let opened = self.connections.get(conn).map_or(0, |c| c.opened);
        if let Some(session) = &own
            && (opened < session.opened || !attempt.is_empty() && *attempt <= *session.attempt)
        {
            // A late login: the client has opened a newer connection since, or used a higher attempt counter.
            // The counter alone is not enough. If a tab is closed before it has persisted its counter, the next
            // tab continues with a lower one, and a late login of the first tab would look newer. A client
            // whose clock was set back is refused too; it retries with the counter in the refusal.
            return self.reject(conn, Status::Overtaken, Some(session.attempt.to_string()));
        }
        let holder = self.nicks.holder(&key).map(|holder| holder.conn);
        let group = if has(login, "batch") { Group::Batch } else { Group::Rich };
        let resumed = own.is_some();
        // An unknown secret was chosen by the client, or belongs to a session that this server has lost. It is
        // accepted, so that a client that disconnects before the welcome arrives can resume with it.
        let presented = Secret::try_from(login.secret.as_slice()).ok();
        let secret = presented.filter(|_| resumed || !is_known).unwrap_or_else(|| {
            let mut secret = [0; 32];
            (self.random)(&mut secret);
            secret
        });
        if let (Some(session), Some(Some(before))) = (&own, holder)
            && session.conn == Some(before)
        {
            self.resume(before, conn, group);
        } else {
            // A refused session keeps the reservation of its nick. It may also be reserved for a later session.
            let free = self.nicks.check_for(&nick, own.as_ref().map(|_| &hash));
            if let Err(status) = free.and_then(|()| self.check_capacity()) {
                return self.reject_name(conn, &nick, status);
            }
            self.join(conn, nick.into(), group);
        }
        self.attach_session(conn, &secret, attempt, own.is_none_or(|session| session.conn.is_none()));
        self.identify(conn, Dialect::Rich, &login.agent);
        self.welcome(conn, login.version, secret, resumed, position);
        let history = has(login, "history");
        if let Some(peer) = self.connections.get_mut(conn).and_then(|c| c.peer.as_mut()) {
            peer.history = history;
        }
        if history {
            self.replay_recent(conn, position.seq());
        }
    }

    /// Logs in a basic client, which is recognised by a first request that is not a login and has its nick.
    /// Returns whether the request is to be dispatched further.
    pub(super) fn login_basic(&mut self, conn: ConnectionId, request: &Request) -> bool {
        if request.kind() == codec::Kind::Exit {
            self.close(conn, Status::Normal);
            return false;
        }
        let Some(address) = self.connections.get(conn).map(|c| c.address) else { return false };
        if self.admission.admit(self.now, address).is_err() {
            self.reject(conn, Status::Busy, None);
            return false;
        }
        let free = text_rules::nick(&request.user_name, &self.settings.limits)
            .map_err(|status| (None, status))
            .and_then(|nick| match self.nicks.check(&nick).and_then(|()| self.check_capacity()) {
                Ok(()) => Ok(nick),
                Err(status) => Err((Some(nick), status)),
            });
        match free {
            Ok(nick) => {
                self.join(conn, nick.into(), Group::Basic);
                self.lobby.send_list(self.now, conn, &self.nicks, &mut self.out);
                self.identify(conn, Dialect::Basic, "");
                true
            }
            Err((Some(nick), status)) => {
                self.reject_name(conn, &nick, status);
                false
            }
            Err((None, status)) => {
                self.reject(conn, status, None);
                false
            }
        }
    }

    fn check_capacity(&self) -> Result<(), Status> {
        if self.members < self.settings.limits.room_members { Ok(()) } else { Err(Status::ServerFull) }
    }

    fn reject_name(&mut self, conn: ConnectionId, nick: &str, status: Status) {
        let suggestion = matches!(status, Status::NickTaken | Status::NickConfusable)
            .then(|| self.nicks.suggestion(nick, &self.settings.limits))
            .flatten();
        self.reject(conn, status, suggestion);
    }

    /// Adds a member to the room and announces it, unless its departure was not announced yet.
    fn join(&mut self, conn: ConnectionId, nick: Arc<str>, group: Group) {
        self.lobby.flush(&mut self.out);
        self.members += 1;
        let key = self.nicks.insert(&nick, Some(conn));
        self.reserved.remove(&key);
        let departing = self.nicks.cancel_departure(&key, &nick);
        if departing.is_none() {
            self.lobby.note_presence(&nick, true);
        }
        if self.lobby.presence_due().is_some_and(|due| due <= self.now) {
            // Before the subscription: the new member gets these changes with its snapshot.
            self.lobby.publish_presence(self.now, self.unix_ms, &mut self.out);
        }
        let subscription = self.lobby.subscribe(conn, group);
        if let Some(c) = self.connections.get_mut(conn) {
            if let Some(limits) = self.recovering_limits.take(c.address, &key) {
                c.limits = limits;
            }
            c.last_batch = departing.unwrap_or(0);
            c.peer = Some(Peer {
                nick,
                key,
                group,
                subscription: Some(subscription),
                history: false,
                session: None,
            });
        }
    }

    /// Moves the session to a new connection. No presence change is published.
    fn resume(&mut self, before: ConnectionId, conn: ConnectionId, group: Group) {
        self.lobby.flush(&mut self.out);
        let Some(old) = self.connections.remove(before) else { return };
        self.cancel_queries(before, old.open_queries);
        let Some(peer) = old.peer else { return };
        self.unsubscribe(&peer);
        self.nicks.transfer(&peer.key, conn);
        let subscription = self.lobby.subscribe(conn, group);
        if let Some(c) = self.connections.get_mut(conn) {
            (c.limits, c.has_sent, c.last_batch) = (old.limits, old.has_sent, old.last_batch);
            c.peer =
                Some(Peer { group, subscription: Some(subscription), history: false, session: None, ..peer });
        }
        self.out.send(before, &codec::refusal(Status::Replaced, None, 0, None));
        self.out.put(Output::Close { conn: before, status: Status::Replaced });
    }

    /// Connects a session, new or resumed, to its connection. `must_persist` if the stored record is missing or
    /// says that the session is lost.
    fn attach_session(&mut self, conn: ConnectionId, secret: &Secret, attempt: &str, must_persist: bool) {
        if let Some(c) = self.connections.get_mut(conn)
            && let Some(peer) = &mut c.peer
        {
            let hash = sessions::hash(secret);
            peer.session = Some(Box::new(hash));
            self.sessions.attach(hash, peer.key.clone(), conn, c.opened, attempt.into());
            if must_persist {
                let record = SessionRecord { hash, nick: peer.nick.to_string(), lost_at: None };
                self.append_queue.push_session_change(SessionChange::Put(record));
            }
        }
    }

    fn identify(&mut self, conn: ConnectionId, dialect: Dialect, agent: &str) {
        let agent = agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARS).collect();
        self.out.put(Output::Identified { conn, dialect, agent });
    }

    /// Answers a login with the welcome and the member list.
    fn welcome(
        &mut self,
        conn: ConnectionId,
        version: u32,
        secret: Secret,
        resumed: bool,
        position: Position,
    ) {
        let Some(peer) = self.connections.get(conn).and_then(|c| c.peer.as_ref()) else { return };
        let welcome = wire::Welcome {
            version: version.min(PROTOCOL_VERSION),
            capabilities: CAPABILITIES.iter().map(|&word| word.to_owned()).collect(),
            nick: peer.nick.to_string(),
            secret: secret.to_vec(),
            limits: Some(self.settings.limits.to_wire()),
            server_time: self.unix_ms,
            resumed,
            server_name: self.settings.server_name.clone(),
            heartbeat_ms: self.settings.heartbeat_ms,
            log: self.log.to_vec(),
            positions: vec![wire::RoomPosition {
                seq: self.lobby.recent.last(),
                reset: position == Position::Reset,
                ..wire::RoomPosition::default()
            }],
            ..wire::Welcome::default()
        };
        self.out.send(conn, &codec::extension(Extension::Welcome(welcome)));
        self.lobby.send_snapshot(conn, self.unix_ms, &self.nicks, &mut self.out);
    }

    /// Closes a connection at the request of the client.
    pub(super) fn leave(&mut self, conn: ConnectionId) {
        self.close(conn, Status::Normal);
    }

    /// Removes a connection, and publishes the departure of its member. If the connection was `lost`, its
    /// session can be resumed.
    pub(super) fn remove_connection(&mut self, conn: ConnectionId, lost: bool) {
        let Some(c) = self.connections.remove(conn) else { return };
        self.cancel_queries(conn, c.open_queries);
        let Some(peer) = c.peer else { return };
        self.members -= 1;
        self.lobby.flush(&mut self.out);
        self.unsubscribe(&peer);
        self.recovering_limits.put(self.now, c.address, peer.key.clone(), c.limits);
        match peer.session {
            Some(hash) if lost => {
                self.nicks.reserve(&peer.key, *hash);
                self.reserved.set(peer.key.clone(), self.now + self.settings.name_grace);
                let record =
                    SessionRecord { hash: *hash, nick: peer.nick.to_string(), lost_at: Some(self.unix_ms) };
                self.append_queue.push_session_change(SessionChange::Put(record));
                if let Some((hash, session)) = self.sessions.lose(self.now, &hash, c.address, c.has_sent) {
                    self.end_lost_session(&hash, &session);
                }
            }
            Some(hash) => {
                self.sessions.end(&hash);
                self.nicks.remove(&peer.key);
                self.append_queue.push_session_change(SessionChange::End(*hash));
            }
            None => self.nicks.remove(&peer.key),
        }
        if self.append_queue.is_settled(c.last_batch) {
            return self.publish_departure(&peer.nick);
        }
        let batch = self.append_queue.postpone_departure(peer.nick.clone(), peer.key.clone());
        self.nicks.begin_departure(&peer.key, &peer.nick, batch);
    }

    /// A lost session has expired, or was displaced by others: its nick is not reserved any more.
    pub(super) fn end_lost_session(&mut self, hash: &Hash, session: &Session) {
        if self.nicks.is_reserved_for(&session.key, hash) {
            self.nicks.release(&session.key);
            self.reserved.remove(&session.key);
        }
        self.append_queue.push_session_change(SessionChange::End(*hash));
    }

    /// Publishes the departures that were postponed until the last messages of their members.
    pub(super) fn publish_departures(&mut self) {
        while let Some(Departure { batch, nick, key }) = self.append_queue.next_departure() {
            if self.nicks.finish_departure(&key, &nick, batch) {
                self.publish_departure(&nick);
            }
        }
    }

    /// Publishes the departure of a member.
    pub(super) fn publish_departure(&mut self, nick: &Arc<str>) {
        self.lobby.flush(&mut self.out);
        self.lobby.note_presence(nick, false);
        self.lobby.send_to_basic(self.now, codec::exit(nick), &self.nicks, &mut self.out);
    }

    /// Unsubscribes a member from the room.
    pub(super) fn unsubscribe(&mut self, peer: &Peer) {
        let Some(index) = peer.subscription else { return };
        if let Some(moved) = self.lobby.unsubscribe(peer.group, index)
            && let Some(moved) = self.connections.get_mut(moved).and_then(|c| c.peer.as_mut())
        {
            moved.subscription = peer.subscription;
        }
    }
}

/// Returns `true` if the client announced a capability. Only the first [`limits::CAPABILITIES`] entries are read.
fn has(login: &wire::Login, capability: &str) -> bool {
    login.capabilities.iter().take(limits::CAPABILITIES).any(|listed| listed == capability)
}
