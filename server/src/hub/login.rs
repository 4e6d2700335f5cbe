//! Coming and going.

use std::sync::Arc;

use parlour_core::{
    PROTOCOL_VERSION,
    codec::{self, Envelope, Extension},
    limits,
    model::Dialect,
    status::Status,
    validate, wire,
};

use super::{
    CAPABILITIES, Hub,
    conn::Peer,
    output::Output,
    room::Group,
    sessions::{self, Secret},
    table::ConnId,
};
use crate::log::{SessionChange, SessionRecord};

/// The longest description of a program that is logged, in characters.
const AGENT_CHARS: usize = 64;
/// The longest count of attempts.
const ATTEMPT_BYTES: usize = 32;

impl Hub {
    /// A rich peer says who it is.
    pub(super) fn login(&mut self, conn: ConnId, frame: Envelope) {
        let Some(Extension::Login(login)) = frame.extension else { return };
        if login.version == 0 {
            return self.reject(conn, Status::VersionUnsupported, None);
        }
        let nick = match validate::nick(&frame.user_name, &self.settings.limits) {
            Ok(nick) => nick,
            Err(status) => return self.reject(conn, status, None),
        };
        if let Err(wait) = self.admission.enter(self.now) {
            let wait = u32::try_from(wait).unwrap_or(u32::MAX);
            self.counters.refused += 1;
            self.out.send(conn, &codec::refusal(Status::Busy, None, wait, None));
            return self.close(conn, Status::Busy);
        }
        let key = validate::nick_key(&nick);
        let known = self.sessions.get(&sessions::hash(&login.secret)).cloned();
        let own = known.clone().filter(|session| *session.key == *key);
        let attempt =
            Some(&*login.attempt).filter(|attempt| attempt.len() <= ATTEMPT_BYTES).unwrap_or_default();
        let opened = self.conns.get(conn).map_or(0, |c| c.opened);
        if let Some(session) = &own
            && (opened < session.opened || !attempt.is_empty() && *attempt <= *session.attempt)
        {
            // The client has given this connection up: it has opened another since, or counted further. One that counts
            // from a clock that was put back looks the same. A page that was closed before it had written down how far
            // it had counted makes the next one count too little, so the count alone can't tell.
            return self.reject(conn, Status::Overtaken, Some(session.attempt.to_string()));
        }
        let holder = self.names.holder(&key).map(|holder| holder.conn);
        let group = if has(&login, "batch") { Group::Batch } else { Group::Rich };
        let resumed = own.is_some();
        // A secret that nobody has is one of an earlier run of this server. Going on with it means that a client
        // which loses its connection again before the welcome arrives is still known by what it has.
        let presented = Secret::try_from(login.secret.as_slice()).ok();
        let secret = presented.filter(|_| resumed || known.is_none()).unwrap_or_else(|| {
            let mut secret = [0; 32];
            (self.random)(&mut secret);
            secret
        });
        if let (Some(session), Some(Some(before))) = (&own, holder)
            && session.conn == Some(before)
        {
            self.take_over(before, conn, group);
        } else {
            if own.is_some() {
                // It was kept for this very session.
                self.names.release(&key);
            }
            let free = self.names.check(&nick);
            if let Err(status) = free.and_then(|()| self.has_room()) {
                return self.reject_name(conn, &nick, status);
            }
            self.join(conn, nick.into(), group);
        }
        self.attach(conn, &secret, attempt, own.is_none_or(|session| session.conn.is_none()));
        self.known(conn, Dialect::Rich, &login.agent);
        self.welcome(conn, login.version, secret, resumed);
        let history = has(&login, "history");
        if let Some(peer) = self.conns.get_mut(conn).and_then(|c| c.peer.as_mut()) {
            peer.history = history;
        }
        if history {
            let position = login.positions.iter().find(|position| position.room.is_empty());
            self.replay(conn, position.filter(|_| login.log == self.log).map(|position| position.seq));
        }
    }

    /// A peer's first frame that is not a login makes it a basic one, under the name in that frame. Says
    /// whether the frame is still to be looked at.
    pub(super) fn greet(&mut self, conn: ConnId, frame: &Envelope) -> bool {
        if codec::kind(frame) == codec::Kind::Exit {
            self.close(conn, Status::Normal);
            return false;
        }
        if self.admission.enter(self.now).is_err() {
            self.reject(conn, Status::Busy, None);
            return false;
        }
        let free = validate::nick(&frame.user_name, &self.settings.limits)
            .map_err(|status| (None, status))
            .and_then(|nick| match self.names.check(&nick).and_then(|()| self.has_room()) {
                Ok(()) => Ok(nick),
                Err(status) => Err((Some(nick), status)),
            });
        match free {
            Ok(nick) => {
                self.join(conn, nick.into(), Group::Basic);
                self.lobby.list_for(self.now, conn, &self.names, &mut self.out);
                self.known(conn, Dialect::Basic, "");
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

    fn has_room(&self) -> Result<(), Status> {
        if self.members < self.settings.limits.room_members { Ok(()) } else { Err(Status::ServerFull) }
    }

    fn reject_name(&mut self, conn: ConnId, nick: &str, status: Status) {
        let suggestion = matches!(status, Status::NickTaken | Status::NickConfusable)
            .then(|| self.names.suggestion(nick, &self.settings.limits))
            .flatten();
        self.reject(conn, status, suggestion);
    }

    /// Somebody is there who was not.
    fn join(&mut self, conn: ConnId, nick: Arc<str>, group: Group) {
        self.lobby.flush_talk(&mut self.out);
        self.members += 1;
        let key = self.names.insert(&nick, Some(conn));
        self.lobby.note(&nick, true);
        if self.lobby.changes_due().is_some_and(|due| due <= self.now) {
            // Before the newcomer hears anything: it knows.
            self.lobby.tell_changes(self.now, self.unix_ms, &mut self.out);
        }
        let place = self.lobby.add(conn, group);
        if let Some(c) = self.conns.get_mut(conn) {
            c.peer = Some(Peer { nick, key, group, place: Some(place), history: false, session: None });
        }
    }

    /// The session goes on with a new connection; nobody else is told.
    fn take_over(&mut self, before: ConnId, conn: ConnId, group: Group) {
        self.lobby.flush_talk(&mut self.out);
        let Some(old) = self.conns.remove(before) else { return };
        for id in old.hold.ids() {
            self.holds.remove(&id);
        }
        let Some(peer) = old.peer else { return };
        self.unhear(&peer);
        self.names.hand_over(&peer.key, conn);
        let place = self.lobby.add(conn, group);
        if let Some(c) = self.conns.get_mut(conn) {
            // Coming again does not fill what was used up.
            (c.talk, c.control, c.rosters) = (old.talk, old.control, old.rosters);
            (c.lists, c.pages, c.strikes) = (old.lists, old.pages, old.strikes);
            c.peer = Some(Peer { group, place: Some(place), history: false, session: None, ..peer });
        }
        self.out.send(before, &codec::refusal(Status::Replaced, None, 0, None));
        self.out.put(Output::Close { conn: before, status: Status::Replaced });
    }

    fn attach(&mut self, conn: ConnId, secret: &Secret, attempt: &str, is_news: bool) {
        if let Some(c) = self.conns.get_mut(conn)
            && let Some(peer) = &mut c.peer
        {
            let hash = sessions::hash(secret);
            peer.session = Some(Box::new(hash));
            self.sessions.attach(hash, peer.key.clone(), conn, c.opened, attempt.into());
            if is_news {
                let record = SessionRecord { hash, nick: peer.nick.to_string(), lost_at: None };
                self.appends.session(SessionChange::Put(record));
            }
        }
    }

    fn known(&mut self, conn: ConnId, dialect: Dialect, agent: &str) {
        let agent = agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect();
        self.out.put(Output::Known { conn, dialect, agent });
    }

    /// Answers a login.
    fn welcome(&mut self, conn: ConnId, version: u32, secret: Secret, resumed: bool) {
        let Some(peer) = self.conns.get(conn).and_then(|c| c.peer.as_ref()) else { return };
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
            positions: vec![wire::RoomPosition { room: String::new(), seq: self.lobby.tail.last() }],
        };
        self.out.send(conn, &codec::extension("", Extension::Welcome(welcome)));
        self.lobby.send_snapshot(conn, self.unix_ms, &self.names, &mut self.out);
    }

    /// Somebody says goodbye.
    pub(super) fn leave(&mut self, conn: ConnId) {
        self.close(conn, Status::Normal);
    }

    /// Takes a connection out of everything, and tells the others once if it had a name. A session that was
    /// `lost` may be taken up again.
    pub(super) fn forget(&mut self, conn: ConnId, lost: bool) {
        let Some(c) = self.conns.remove(conn) else { return };
        for id in c.hold.ids() {
            self.holds.remove(&id);
        }
        let Some(peer) = c.peer else { return };
        self.members -= 1;
        self.lobby.flush_talk(&mut self.out);
        self.unhear(&peer);
        match peer.session {
            Some(hash) if lost => {
                self.sessions.lose(self.now, &hash);
                self.names.reserve(&peer.key);
                self.reserved.push_back((self.now + self.settings.name_grace, peer.key.clone()));
                let record =
                    SessionRecord { hash: *hash, nick: peer.nick.to_string(), lost_at: Some(self.unix_ms) };
                self.appends.session(SessionChange::Put(record));
            }
            Some(hash) => {
                self.sessions.end(&hash);
                self.names.remove(&peer.key);
                self.appends.session(SessionChange::End(*hash));
            }
            None => self.names.remove(&peer.key),
        }
        if c.appending > 0 {
            return self.appends.leave(peer.nick, peer.key);
        }
        self.departed(&peer.nick);
    }

    /// Tells the others, once, that somebody is gone.
    pub(super) fn departed(&mut self, nick: &Arc<str>) {
        self.lobby.flush_talk(&mut self.out);
        self.lobby.note(nick, false);
        self.lobby.tell_basic(self.now, codec::exit(nick), &self.names, &mut self.out);
    }

    /// Takes a peer out of those who hear the room.
    pub(super) fn unhear(&mut self, peer: &Peer) {
        let Some(place) = peer.place else { return };
        if let Some(moved) = self.lobby.remove(peer.group, place)
            && let Some(moved) = self.conns.get_mut(moved).and_then(|c| c.peer.as_mut())
        {
            moved.place = peer.place;
        }
    }
}

/// Whether a client can do something. Lists that are longer than allowed are read as far as allowed.
fn has(login: &wire::Login, capability: &str) -> bool {
    login.capabilities.iter().take(limits::CAPABILITIES).any(|listed| listed == capability)
}
