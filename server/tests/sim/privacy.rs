//! Nothing of one account reaches another: every message of a client is searched for the secrets and texts of
//! other accounts.

use std::collections::{BTreeMap, HashSet};

use parlour_core::codec::{self, Envelope, Extension};
use parlour_server::hub::connection_table::ConnectionId;

use super::world::{At, World};

/// An account: the number of its device, and that among the device's accounts.
pub type Owner = (usize, usize);

/// The secrets of the accounts.
#[derive(Debug, Default)]
pub struct Secrets {
    owners: BTreeMap<Vec<u8>, Owner>,
    /// Secrets that their owners have given up by leaving.
    discarded: BTreeMap<Vec<u8>, Owner>,
    /// The connections that have logged in with such a secret, which may only end the session.
    ending: HashSet<ConnectionId>,
}

impl Secrets {
    /// A secret is sent by an account, or issued to it.
    fn learn(&mut self, secret: &[u8], owner: Owner) -> Result<(), String> {
        if secret.is_empty() {
            return Ok(());
        }
        if self.discarded.contains_key(secret) {
            return Err(format!("the server has issued a secret of {owner:?} that was left"));
        }
        match *self.owners.entry(secret.to_vec()).or_insert(owner) {
            other if other != owner => Err(format!("{owner:?} has sent the secret of {other:?}")),
            _ => Ok(()),
        }
    }

    /// An account logs in on a connection.
    fn log_in(&mut self, secret: &[u8], owner: Owner, conn: ConnectionId) -> Result<(), String> {
        match self.discarded.get(secret) {
            Some(other) if *other != owner => Err(format!("{owner:?} has sent the old secret of {other:?}")),
            Some(_) => {
                self.ending.insert(conn);
                Ok(())
            }
            None => self.learn(secret, owner),
        }
    }

    /// A user has left; the secrets of the account are not used any more. Returns them.
    fn discard(&mut self, owner: Owner) -> Vec<Vec<u8>> {
        let discarded: Vec<_> = self.owners.extract_if(.., |_, other| *other == owner).collect();
        let secrets = discarded.iter().map(|(secret, _)| secret.clone()).collect();
        self.discarded.extend(discarded);
        secrets
    }
}

/// The mark in each message of an account.
pub fn mark((device, account): Owner) -> String {
    format!("from {device}/{account}.")
}

impl World {
    /// A tab sends these bytes to its server.
    pub fn check_privacy(&mut self, at: At, bytes: &[u8]) {
        let account = self.tab(at).account;
        let owner = (at.device, account);
        let Some(conn) = self.tab(at).link.as_ref().map(|link| link.conn) else { return };
        for envelope in codec::decode_rich(bytes).unwrap_or_default() {
            let complaint = match &envelope.extension {
                Some(Extension::Login(login)) => {
                    if let Some(link) = &self.devices[at.device].tabs[at.tab].link {
                        self.servers[link.server].remembered.login(link.conn, &login.secret);
                    }
                    self.secrets.log_in(&login.secret, owner, conn).err()
                }
                None if envelope.r#type == codec::EXIT => {
                    if let Some(link) = &self.devices[at.device].tabs[at.tab].link {
                        self.servers[link.server].remembered.leaves(link.conn);
                    }
                    None
                }
                _ if self.secrets.ending.contains(&conn) => {
                    Some(format!("the secret of a session that {owner:?} has left is used again"))
                }
                None if envelope.r#type == codec::TALK => check_text(&envelope, owner),
                _ => None,
            };
            self.tab(at).view.complaints.extend(complaint);
        }
    }

    /// The user of an account has left, and the device has deleted its secret.
    pub fn forget_secrets(&mut self, owner: Owner) {
        for secret in self.secrets.discard(owner) {
            self.servers.iter_mut().for_each(|server| server.remembered.forget(&secret));
        }
    }

    /// The server sends these bytes to a tab.
    pub fn note_secret(&mut self, at: At, bytes: &[u8]) {
        let owner = (at.device, self.tab(at).account);
        let Some(conn) = self.tab(at).link.as_ref().map(|link| link.conn) else { return };
        if self.secrets.ending.contains(&conn) {
            // The user does not know of this login.
            return;
        }
        if self.tab(at).view.is_online() {
            // Only the answer to a login has one.
            return;
        }
        if let Ok(Envelope { extension: Some(Extension::Welcome(welcome)), .. }) = codec::decode(bytes) {
            let complaint = self.secrets.learn(&welcome.secret, owner).err();
            self.tab(at).view.complaints.extend(complaint);
        }
    }
}

fn check_text(envelope: &Envelope, owner: Owner) -> Option<String> {
    let own = envelope.content.contains(&mark(owner));
    (!own).then(|| format!("{owner:?} has sent a message of another account: {}", envelope.content))
}
