//! The answer to a login.

use parlour_core::{
    PROTOCOL_VERSION,
    codec::{self, Extension},
    model::UserId,
    wire,
};

use super::{CAPABILITIES, Hub, connection_table::ConnectionId, login::Entrance};

impl Hub {
    /// Answers the login of a client without capabilities.
    pub(super) fn welcome(&mut self, conn: ConnectionId, account: UserId, entrance: &Entrance) {
        let welcome = self.welcome_of(account, entrance);
        self.out.send(conn, &codec::extension(Extension::Welcome(welcome)));
    }

    /// The welcome of a login, without what only clients with the capability "rooms" get.
    pub(super) fn welcome_of(&self, account: UserId, entrance: &Entrance) -> wire::Welcome {
        let nick = self.accounts.get(account).map(|account| account.nick.to_string());
        wire::Welcome {
            version: entrance.version.min(PROTOCOL_VERSION),
            capabilities: CAPABILITIES.iter().map(|&word| word.to_owned()).collect(),
            nick: nick.unwrap_or_default(),
            account: account.0.to_vec(),
            secret: entrance.secret.to_vec(),
            limits: Some(self.settings.limits.to_wire()),
            server_time: self.unix_ms,
            resumed: entrance.resumed,
            server_name: self.settings.server_name.clone(),
            heartbeat_ms: self.settings.heartbeat_ms,
            log: self.log.to_vec(),
            ..wire::Welcome::default()
        }
    }
}
