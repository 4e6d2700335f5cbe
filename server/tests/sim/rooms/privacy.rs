//! Nothing of one account reaches another, or another server: every frame that a tab sends, and every value that it stores, is
//! searched for the secrets, texts, rooms and logs of others.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{RoomId, UserId},
    persist::{Change, Key, account::StoredAccount, queue},
    wire,
};
use parlour_server::hub::connection_table::ConnectionId;

use super::{tab::Tab, world::World};

/// The secrets of the sessions.
#[derive(Debug, Default)]
pub struct Secrets {
    owners: BTreeMap<Vec<u8>, Owner>,
    /// The secrets of users who have logged out.
    left: BTreeSet<Vec<u8>>,
    /// The connections that have logged in with such a secret, which may only end the session.
    ending: HashSet<ConnectionId>,
}

/// The device and the server of a session, and its account once that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    device: usize,
    server: usize,
    account: Option<UserId>,
}

impl Secrets {
    /// A secret is sent by a tab, issued to it, or stored by it.
    fn learn(&mut self, secret: &[u8], owner: Owner) -> Option<String> {
        if secret.is_empty() {
            return None;
        }
        let known = self.owners.entry(secret.to_vec()).or_insert(owner);
        let is_other = (known.device, known.server) != (owner.device, owner.server)
            || known.account.zip(owner.account).is_some_and(|(known, account)| known != account);
        known.account = known.account.or(owner.account);
        is_other.then(|| format!("{owner:?} has the secret of {known:?}"))
    }

    /// The user of a session has logged out.
    pub fn leave(&mut self, secret: Vec<u8>) {
        self.left.insert(secret);
    }
}

/// The mark in each message of an account.
pub fn mark(account: UserId) -> String {
    format!("by {account:?}.")
}

impl World {
    fn owner(&self, at: usize) -> Owner {
        let Tab { device, account, .. } = self.tabs[at];
        Owner { device, server: self.server_of(at), account }
    }

    fn complain(&mut self, at: usize, complaints: impl IntoIterator<Item = String>) {
        self.tabs[at].shown.complaints.extend(complaints);
    }

    /// A tab sends these bytes to its server.
    pub fn check_sent(&mut self, at: usize, bytes: &[u8]) {
        let Some(conn) = self.tabs[at].link.as_ref().map(|link| link.conn) else { return };
        for envelope in codec::decode_rich(bytes).expect("an envelope") {
            let is_exit = envelope.r#type == codec::EXIT;
            let complaint = match &envelope.extension {
                Some(Extension::Login(login)) => self.check_login(at, conn, login),
                None if is_exit => None,
                _ if self.secrets.ending.contains(&conn) => Some("a session that was left is used".into()),
                None if envelope.r#type == codec::TALK => self.check_text(at, &envelope),
                Some(Extension::Command(command)) => self.check_room(at, &command.room),
                _ => None,
            };
            self.complain(at, complaint);
        }
    }

    fn check_login(&mut self, at: usize, conn: ConnectionId, login: &wire::Login) -> Option<String> {
        let owner = self.owner(at);
        if self.secrets.left.contains(&login.secret) {
            self.secrets.ending.insert(conn);
            // The new account is not known yet.
            return self.secrets.learn(&login.secret, Owner { account: None, ..owner });
        }
        let positions = login.positions.iter().map(|position| &position.room);
        let rooms = positions.chain([&login.open]).find_map(|room| self.check_room(at, room));
        let log = &login.log;
        let is_other_log = !log.is_empty() && !self.servers[owner.server].logs.contains(log);
        self.secrets
            .learn(&login.secret, owner)
            .or(rooms)
            .or_else(|| is_other_log.then(|| format!("{owner:?} has sent the log of another server")))
    }

    /// A room that a tab names is not one of another server.
    fn check_room(&self, at: usize, room: &[u8]) -> Option<String> {
        let room = RoomId::from_wire(room).filter(|room| *room != RoomId::LOBBY)?;
        let server = self.server_of(at);
        let mut others = self.servers.iter().enumerate().filter(|(other, _)| *other != server);
        let is_of_other = others.any(|(_, other)| other.log.rooms.contains_key(&room));
        is_of_other.then(|| format!("{room:?} of another server reaches {:?}", self.owner(at)))
    }

    fn check_text(&self, at: usize, envelope: &Envelope) -> Option<String> {
        let is_own = self.tabs[at].account.is_some_and(|account| envelope.content.contains(&mark(account)));
        (!is_own).then(|| format!("{:?} has sent {:?}", self.owner(at), envelope.content))
    }

    /// A tab receives these bytes from its server.
    pub fn check_received(&mut self, at: usize, conn: ConnectionId, bytes: &[u8]) {
        // The user does not know of a login that only ends a session.
        if self.secrets.ending.contains(&conn) {
            return;
        }
        for envelope in codec::decode_rich(bytes).expect("an envelope") {
            if let Some(Extension::Welcome(welcome)) = envelope.extension {
                let owner = self.owner(at);
                let account = UserId::from_wire(&welcome.account);
                self.servers[owner.server].logs.insert(welcome.log);
                // If it is another account, the tab ends that session.
                let is_own = owner.account.is_none_or(|own| account == Some(own));
                let complaint = self.secrets.learn(&welcome.secret, Owner { account, ..owner });
                self.complain(at, complaint.filter(|_| is_own));
            }
        }
    }

    /// A tab stores these changes for an account.
    pub fn check_stored(&mut self, at: usize, account: Option<UserId>, changes: &[Change]) {
        let owner = Owner { account, ..self.owner(at) };
        for change in changes {
            let Change::Put(key, value) = change else { continue };
            let complaint = match key {
                Key::Account => {
                    let stored = StoredAccount::decode(value).expect("an account");
                    let is_own = stored.account == account;
                    self.secrets
                        .learn(&stored.secret, owner)
                        .or_else(|| (!is_own).then(|| format!("{owner:?} has stored {:?}", stored.account)))
                }
                Key::Queued(..) => {
                    let (_, message) = queue::decode(value).expect("a message");
                    let is_own = account.is_some_and(|account| message.content.contains(&mark(account)));
                    (!is_own).then(|| format!("{owner:?} has stored {:?}", message.content))
                }
                Key::Message(room, _) | Key::Room(room) => self.check_room(at, &room.to_wire()),
                Key::Draft(..) | Key::Scroll(..) => None,
            };
            self.complain(at, complaint);
        }
    }

    /// What the devices have is of the accounts that are logged in there.
    pub fn check_devices(&self) {
        for (number, device) in self.devices.iter().enumerate().filter(|(_, device)| device.has_storage) {
            for (scope, store) in &device.stores {
                let stored = store.stored();
                let tab = device.tabs.iter().map(|at| &self.tabs[*at]).find(|tab| tab.scope == *scope);
                let account = tab.and_then(|tab| tab.account);
                assert_eq!(
                    stored.account.and_then(|account| account.account),
                    account,
                    "device {number} in {scope:?}"
                );
                let is_own = |content: &str| account.is_some_and(|account| content.contains(&mark(account)));
                let others = stored.send_queue.iter().find(|(_, message)| !is_own(&message.content));
                assert!(others.is_none(), "device {number} in {scope:?} has {others:?}");
                let has_rooms = !stored.rooms.is_empty();
                assert!(
                    account.is_some() || !has_rooms,
                    "device {number} in {scope:?} has rooms of an account"
                );
            }
        }
    }
}
