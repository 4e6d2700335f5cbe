//! Basic clients: their login, their account, and the commands that they type as messages.
//!
//! A basic client has an account for as long as it is connected. It does not wait for the log: the account is proposed
//! right before its first message, so that a client that only reads leaves no account behind.

use std::{net::IpAddr, sync::Arc};

use parlour_core::{
    codec,
    model::{Dialect, MessageId, UserId},
    request::Request,
    status::Status,
};

use super::{
    Hub,
    append_queue::{Origin, PendingProposal},
    connection::Peer,
    connection_table::ConnectionId,
    output::Output,
    room::MAX_LISTED_NICKS,
};
use crate::{
    store::{Change, NickSource, Outcome, Proposal},
    text_rules,
};

impl Hub {
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
        let nick: Arc<str> = match text_rules::nick(&request.user_name, &self.settings.limits) {
            Ok(nick) => nick.into(),
            Err(status) => {
                self.reject(conn, status, None);
                return false;
            }
        };
        if let Err(status) = self.nicks.check(&nick).and_then(|()| self.check_capacity()) {
            self.reject_name(conn, &nick, status);
            return false;
        }
        let account = self.new_account_id();
        self.accounts.put(account, nick);
        self.join(conn, Peer { account, subscription: None, has_rooms: false, session: None }, false);
        self.lobby.send_list(self.now, conn, &self.nicks, &mut self.out);
        self.out.put(Output::Identified { conn, dialect: Dialect::Basic, agent: String::new() });
        true
    }

    /// Proposes the account of a basic client, unless that was done already.
    pub(super) fn create_basic_account(&mut self, account: UserId, address: IpAddr) {
        let Some(online) = self.accounts.online_mut(account).filter(|online| !online.is_created) else {
            return;
        };
        online.is_created = true;
        let Some(nick) = self.accounts.get(account).map(|known| known.nick.clone()) else { return };
        let change = Change::CreateAccount { nick: nick.clone(), from: Some(NickSource::Anybody) };
        // Always the same id, because the account may be in the log although its append has failed.
        let proposal = Proposal { id: MessageId(account.0), sender: account, time: self.unix_ms, change };
        self.append_queue.push(PendingProposal { origin: Origin::BasicAccount(nick), address, proposal });
    }

    /// The log does not have the account of a sender. Proposes it again if it is that of a basic client that is still
    /// there, and returns `true`: its append has failed, or retention has deleted it, because it had neither a session nor
    /// a message.
    pub(super) fn restore_basic_account(&mut self, account: UserId, address: IpAddr) -> bool {
        let Some(online) = self.accounts.online_mut(account) else { return false };
        let is_basic = |conn: &ConnectionId| self.connections.get(*conn).is_some_and(|c| c.is_basic());
        if !online.connections.iter().all(is_basic) {
            return false;
        }
        online.is_created = false;
        online.last_batch = self.append_queue.next_batch();
        self.create_basic_account(account, address);
        true
    }

    /// Handles the log's answer to the account of a basic client.
    pub(super) fn basic_account_answered(&mut self, account: UserId, nick: &Arc<str>, outcome: Outcome) {
        let Outcome::Refused(status) = outcome else { return self.accounts.nick_taken(account, nick) };
        self.accounts.holder_uncertain(nick);
        for conn in self.accounts.online(account).map(|online| online.connections.clone()).unwrap_or_default()
        {
            self.reject_name(conn, nick, status);
        }
    }

    /// Handles a command that a basic client typed as a message.
    pub(super) fn handle_typed_command(&mut self, conn: ConnectionId, request: Request) {
        if request.content.trim() == codec::EXIT {
            self.leave(conn);
        } else if self.allow_control(conn, &request) {
            self.send_user_list(conn);
        }
    }

    /// Sends the member list to a basic client, as text and as a map.
    pub(super) fn send_user_list(&mut self, conn: ConnectionId) {
        let now = self.now;
        if let Some(Err(wait)) = self.limits_mut(conn).map(|limits| limits.nick_lists.take(now)) {
            return self.refuse(conn, Status::RateLimited, None, wait, None);
        }
        let account = self.connections.get(conn).and_then(|c| c.account());
        let Some(account) = account.and_then(|account| self.accounts.get(account)) else { return };
        let mut answer = codec::user_list_request(&account.nick);
        for (_, nick, _) in self.nicks.members().take(MAX_LISTED_NICKS) {
            answer.content.push_str(nick);
            answer.content.push(',');
        }
        answer.user_list = super::room::list(&self.nicks);
        self.lobby.flush(&mut self.out);
        self.out.send(conn, &answer);
    }
}
