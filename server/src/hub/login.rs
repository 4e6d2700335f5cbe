//! The login of rich clients.
//!
//! A client is known by the secret of its session, which belongs to an account. It enters at once if the account holds its
//! nick in the log. Otherwise the login waits until the log has given the account its nick, or has created the account.

use std::sync::Arc;

use parlour_core::{
    Millis, limits,
    model::{MessageId, RoomId, UserId},
    request::{self, Request},
    status::Status,
    validate, wire,
};

use super::{
    Hub,
    append_queue::{Origin, PendingProposal},
    connection_table::ConnectionId,
    nick_registry::Claim,
    pending_logins::PendingLogin,
    rooms::delivery::Encoding,
    sessions::{self, Secret, Session},
};
use crate::{
    store::{Change, NickSource, Outcome, Proposal, room_query::WindowStart},
    text_rules,
};

/// The time after which a login is retried that cannot be handled now.
pub(super) const BUSY_RETRY_MS: Millis = 500;
/// The longest client description that is logged.
const MAX_AGENT_CHARS: usize = 64;
/// The longest login attempt counter; a longer one is ignored.
const MAX_ATTEMPT_BYTES: usize = 32;

/// The details of a login.
#[derive(Debug)]
pub(super) struct Entrance {
    /// The secret of the session.
    pub secret: Secret,
    /// The session was known before.
    pub resumed: bool,
    /// The counter of the client's attempts.
    pub attempt: Box<str>,
    /// The client's protocol version.
    pub version: u32,
    /// The encoding of rooms; `None` for a client without capabilities.
    pub rooms: Option<Encoding>,
    /// Of a client with the capability "rooms": the version of the account's rows that it has, the room to open and its
    /// position there.
    pub since: u64,
    pub open: RoomId,
    pub open_position: WindowStart,
    pub agent: String,
}

impl Hub {
    /// Handles the login of a rich client.
    pub(super) fn login(&mut self, conn: ConnectionId, request: Request) {
        let Some(request::Extension::Login(login)) = request.extension else { return };
        let Ok(login) = request::decode_login(&login) else {
            return self.reject(conn, Status::BadFrame, None);
        };
        // A page that knows only the lobby shows that it has to be reloaded. Without capabilities a client ends a session that it
        // has left.
        let has_rooms = has(&login, "rooms");
        if login.version == 0 || !has_rooms && !login.capabilities.is_empty() {
            return self.reject(conn, Status::VersionUnsupported, None);
        }
        let is_link = !login.link_code.is_empty() && has_rooms;
        let nick = match text_rules::nick(&request.user_name, &self.settings.limits) {
            Ok(nick) => nick,
            // The account has a nick.
            Err(_) if is_link => String::new(),
            Err(status) => return self.reject(conn, status, None),
        };
        let Some(address) = self.connections.get(conn).map(|c| c.address) else { return };
        if let Err(wait) = self.admission.admit(self.now, address) {
            return self.reject_later(conn, Status::Busy, wait);
        }
        self.enter(conn, nick, &login);
    }

    /// Continues a login that is valid.
    fn enter(&mut self, conn: ConnectionId, nick: String, login: &wire::Login) {
        let Some(opened) = self.connections.get(conn).map(|c| c.opened) else { return };
        let key = validate::nick_key(&nick);
        let hash = sessions::hash(&login.secret);
        let attempt =
            Some(&*login.attempt).filter(|attempt| attempt.len() <= MAX_ATTEMPT_BYTES).unwrap_or_default();
        let link = self.pending_links.last_attempt(&hash);
        let is_link = link.is_some();
        let pending = self.pending_logins.of_session(&hash);
        let session = self.sessions.get(&hash).cloned();
        let is_known = pending.is_some() || session.is_some();
        let pending = pending.filter(|(_, pending)| *pending.key == *key);
        let before = match (link, &pending, &session) {
            (Some(link), ..) => Some(link),
            (None, Some((_, pending)), _) => Some((pending.opened, &*pending.entrance.attempt)),
            (None, None, Some(session)) => Some((session.opened, &*session.attempt)),
            (None, None, None) => None,
        };
        if let Some((last_opened, last_attempt)) = before
            && (opened < last_opened || !attempt.is_empty() && *attempt <= *last_attempt)
        {
            // A late login: the client has opened a newer connection since, or used a higher attempt counter.
            // The counter alone is not enough. If a tab is closed before it has persisted its counter, the next
            // tab continues with a lower one, and a late login of the first tab would look newer. A client
            // whose clock was set back is refused too; it retries with the counter in the refusal.
            let last_attempt = last_attempt.to_owned();
            return self.reject(conn, Status::Overtaken, Some(last_attempt));
        }
        // An unknown secret was chosen by the client, or belongs to a session that this server has lost. It is
        // accepted, so that a client that disconnects before the welcome arrives can resume with it.
        let presented = Secret::try_from(login.secret.as_slice()).ok();
        let is_continued = pending.is_some() || session.is_some() || is_link;
        let secret = presented.filter(|_| is_continued || !is_known).unwrap_or_else(|| {
            let mut secret = [0; 32];
            (self.random)(&mut secret);
            secret
        });
        let is_same_log = login.log == self.log;
        let open = RoomId::from_wire(&login.open).unwrap_or(RoomId::LOBBY);
        let stated = login.positions.iter().find(|position| position.room == login.open);
        let stated =
            stated.map(|position| WindowStart { seq: position.seq, id: MessageId::from_wire(&position.id) });
        let encoding = if has(login, "batch") { Encoding::Batch } else { Encoding::Single };
        let entrance = Entrance {
            secret,
            resumed: session.is_some(),
            attempt: attempt.into(),
            version: login.version,
            since: if is_same_log { login.account_version } else { 0 },
            open,
            open_position: stated.filter(|_| is_same_log).unwrap_or_default(),
            rooms: has(login, "rooms").then_some(encoding),
            agent: login.agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARS).collect(),
        };
        let pending = pending.map(|(account, _)| account);
        if is_link {
            return self.repeat_pending_link(conn, &hash, entrance);
        }
        if !login.link_code.is_empty() && entrance.rooms.is_some() && pending.is_none() && session.is_none() {
            return self.enter_by_link(conn, &login.link_code, entrance);
        }
        match (pending, session) {
            (Some(account), _) => self.repeat_pending_login(conn, account, entrance),
            (None, Some(session)) => self.return_to_account(conn, &session, nick.into(), entrance),
            (None, None) => self.create_account(conn, nick.into(), entrance),
        }
    }

    /// The client of a pending login has a new connection.
    fn repeat_pending_login(&mut self, conn: ConnectionId, account: UserId, entrance: Entrance) {
        let hash = sessions::hash(&entrance.secret);
        let Some(c) = self.connections.get_mut(conn) else { return };
        c.pending_login = Some(account);
        let (opened, address) = (c.opened, c.address);
        let Some((_, pending)) = self.pending_logins.of_session(&hash) else { return };
        (pending.opened, pending.address, pending.entrance) = (opened, address, entrance);
        if let Some(before) = pending.conn.replace(conn) {
            self.reject(before, Status::Replaced, None);
        }
    }

    /// Logs a client in to the account of its session.
    fn return_to_account(
        &mut self,
        conn: ConnectionId,
        session: &Session,
        nick: Arc<str>,
        entrance: Entrance,
    ) {
        let account = session.account;
        let held = self.accounts.get(account).filter(|_| self.accounts.holds_nick(account));
        // A device may not know yet that another one has changed the nick. So the nick that it names counts only if the account
        // has lost its own.
        let nick = held.map_or(nick, |known| known.nick.clone());
        if self.accounts.online(account).is_some() {
            return self.admit(conn, account, entrance);
        }
        if self.pending_logins.contains(account) {
            // Another session of the account is taking the nick.
            return self.reject_later(conn, Status::Busy, BUSY_RETRY_MS);
        }
        // A refused session keeps the reservation of its nick. It may also be reserved for another account.
        let free = self.nicks.check_for(&nick, Some(account));
        if let Err(status) = free.and_then(|()| self.check_capacity()) {
            return self.reject_name(conn, &nick, status);
        }
        let is_same = self.accounts.get(account).is_some_and(|known| *known.nick == *nick);
        if is_same && self.accounts.holds_nick(account) {
            return self.admit(conn, account, entrance);
        }
        let change = Change::ChangeNick { nick: nick.clone(), from: Some(NickSource::Anybody) };
        self.propose_login(conn, account, nick, entrance, change);
    }

    /// Creates an account for a client without one.
    fn create_account(&mut self, conn: ConnectionId, nick: Arc<str>, entrance: Entrance) {
        if let Err(status) = self.nicks.check(&nick).and_then(|()| self.check_capacity()) {
            return self.reject_name(conn, &nick, status);
        }
        let account = self.new_account_id();
        let change = Change::CreateAccount { nick: nick.clone(), from: Some(NickSource::Anybody) };
        self.propose_login(conn, account, nick, entrance, change);
    }

    /// Proposes the change that a login waits for.
    fn propose_login(
        &mut self,
        conn: ConnectionId,
        account: UserId,
        nick: Arc<str>,
        entrance: Entrance,
        change: Change,
    ) {
        let now = self.now;
        let Some(c) = self.connections.get_mut(conn) else { return };
        let (opened, address) = (c.opened, c.address);
        if let Some(wait) = self.append_queue.retry_after(now, address, change.text_bytes()) {
            return self.reject_later(conn, Status::LogUnavailable, wait);
        }
        c.pending_login = Some(account);
        let key = self.nicks.insert(&nick, Claim::Pending(account));
        let proposal = Proposal { id: self.new_id(), sender: account, time: self.unix_ms, change };
        self.append_queue.push(PendingProposal { origin: Origin::Login(nick.clone()), address, proposal });
        if !entrance.resumed {
            // With the account, so that its client returns to it after a crash, welcomed or not.
            self.persist_session(&sessions::hash(&entrance.secret), account, None);
        }
        let login = PendingLogin { conn: Some(conn), opened, address, key, entrance };
        self.pending_logins.insert(account, login);
    }

    /// Handles the log's answer to a pending login under a nick.
    pub(super) fn login_answered(&mut self, account: UserId, nick: &Arc<str>, outcome: Outcome) {
        if let Outcome::Refused(status) = outcome {
            return self.login_failed(account, nick, |hub, conn| hub.reject_name(conn, nick, status));
        }
        let Some(login) = self.pending_logins.remove(account) else {
            return self.accounts.nick_taken(account, nick);
        };
        let is_renamed = self.accounts.get(account).is_some_and(|known| known.nick != *nick);
        self.accounts.put(account, nick.clone());
        self.accounts.nick_taken(account, nick);
        if is_renamed {
            self.rooms.change_nick(account, nick, &mut self.out);
        }
        match login.conn {
            Some(conn) => {
                if let Some(c) = self.connections.get_mut(conn) {
                    c.pending_login = None;
                }
                self.admit(conn, account, login.entrance);
            }
            None => self.lose_pending_login(account, &login),
        }
    }

    /// A pending login has failed, or nobody knows; `reject` rejects its connection.
    pub(super) fn login_failed(
        &mut self,
        account: UserId,
        nick: &str,
        reject: impl FnOnce(&mut Self, ConnectionId),
    ) {
        self.accounts.holder_uncertain(nick);
        let Some(login) = self.pending_logins.remove(account) else { return };
        self.nicks.remove(&login.key);
        if let Some(known) = self.accounts.get(account) {
            let nick = known.nick.clone();
            self.accounts.holder_uncertain(&nick);
            if self.reserved.contains(&login.key) {
                self.nicks.insert(&nick, Claim::Reserved(account));
            }
        }
        if let Some(conn) = login.conn {
            if let Some(c) = self.connections.get_mut(conn) {
                c.pending_login = None;
            }
            reject(self, conn);
        }
    }

    pub(super) fn check_capacity(&self) -> Result<(), Status> {
        let members = self.members + self.pending_logins.len();
        if members < self.settings.limits.room_members { Ok(()) } else { Err(Status::ServerFull) }
    }

    pub(super) fn reject_name(&mut self, conn: ConnectionId, nick: &str, status: Status) {
        let suggestion = matches!(status, Status::NickTaken | Status::NickConfusable)
            .then(|| self.nicks.suggestion(nick, &self.settings.limits))
            .flatten();
        self.reject(conn, status, suggestion);
    }

    /// A new id for an account.
    pub(super) fn new_account_id(&mut self) -> UserId {
        let mut id = [0; 16];
        (self.random)(&mut id);
        UserId(id)
    }

    /// A new id for a message of a basic client, or another proposal of the hub.
    pub(super) fn new_id(&mut self) -> MessageId {
        let mut random = [0; 10];
        (self.random)(&mut random);
        MessageId::new(u64::try_from(self.unix_ms).unwrap_or(0), random)
    }
}

/// Returns `true` if the client announced a capability. Only the first [`limits::CAPABILITIES`] entries are read.
fn has(login: &wire::Login, capability: &str) -> bool {
    login.capabilities.iter().take(limits::CAPABILITIES).any(|listed| listed == capability)
}
