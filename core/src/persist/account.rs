//! The value of the table `Account`: how the user logs in again, and the state of the room list.

use prost::Message as _;

use super::{Change, Key};
use crate::{
    device,
    ids::UserId,
    limits::Limits,
    model::{Dialect, Identity},
    validate,
};

/// The account, and the state of its room list.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAccount {
    /// The nick, and what the server has announced.
    pub identity: Identity,
    /// The secret of the session.
    pub secret: Vec<u8>,
    /// The id of the account; `None` if it is not known, as in data of version 1, or on a basic server.
    pub account: Option<UserId>,
    /// The id of the log that sequence numbers and [`version`](Self::version) refer to.
    pub log: Vec<u8>,
    /// The state of the room list, for `Login.account_version`; 0 when there is none.
    pub version: u64,
    /// The number of the last login attempt.
    pub attempt: u64,
}

impl StoredAccount {
    /// The change that stores the account.
    #[must_use]
    pub fn put(&self) -> Change {
        Change::Put(Key::Account, self.to_wire().encode_to_vec().into())
    }

    pub(crate) fn to_wire(&self) -> device::Account {
        device::Account {
            secret: self.secret.clone(),
            account: self.account.map(|account| account.0.to_vec()).unwrap_or_default(),
            log: self.log.clone(),
            version: self.version,
            attempt: self.attempt,
            ..with_identity(&self.identity)
        }
    }

    /// Decodes the value; `None` if it is invalid.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Self::from_wire(device::Account::decode(bytes).ok()?)
    }

    pub(crate) fn from_wire(value: device::Account) -> Option<Self> {
        Some(Self {
            identity: identity(&value)?,
            account: UserId::from_wire(&value.account),
            secret: value.secret,
            log: value.log,
            version: value.version,
            attempt: value.attempt,
        })
    }
}

/// A value with the fields of an identity.
pub(super) fn with_identity(identity: &Identity) -> device::Account {
    device::Account {
        nick: identity.nick.to_string(),
        limits: Some(identity.limits.to_wire()),
        server_name: identity.server_name.clone().unwrap_or_default(),
        basic: identity.dialect == Dialect::Basic,
        search: identity.search,
        ..device::Account::default()
    }
}

/// The identity in a value. `None` if its nick is invalid: a login with it would always fail.
pub(super) fn identity(value: &device::Account) -> Option<Identity> {
    if validate::nick(&value.nick, &Limits::default()).as_deref() != Ok(&value.nick) {
        return None;
    }
    Some(Identity {
        nick: value.nick.as_str().into(),
        dialect: if value.basic { Dialect::Basic } else { Dialect::Rich },
        limits: Limits::from_wire(&value.limits.unwrap_or_default()),
        server_name: Some(value.server_name.clone()).filter(|name| !name.is_empty()),
        search: value.search,
        echoes_text: false,
    })
}
