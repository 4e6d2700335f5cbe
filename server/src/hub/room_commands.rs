//! Commands of clients with the capability "rooms": each is answered by one response.
//!
//! [`rooms::commands`](super::rooms::commands) makes a plan of a command; here it is carried out: at once, by a proposal in
//! the append queue, or by a query to the log. The proposal and the query carry the number of the command, and are answered
//! once.

use std::{net::IpAddr, sync::Arc};

use parlour_core::{
    Millis,
    model::{MessageId, Role, RoomId, UserId},
    request,
    status::Status,
    validate,
    wire::{self, response},
};

use super::{
    Hub,
    append_queue::{Origin, PendingProposal, RETRY_INTERVAL_MS},
    connection_table::ConnectionId,
    nick_registry::Claim,
    room_queries::RoomPurpose,
    rooms::{
        commands::{self, Context, OwnChange, Plan, Rate},
        device_links::{CODE_CHARS, LINK_LIFETIME_MS},
        events,
        rows::person,
    },
};
use crate::store::{
    Change, NickSource, Outcome, PageSize, Place, Proposal,
    room_query::{RoomQuery, WindowStart},
};

/// The most queries of one connection without a result.
const MAX_OPEN_QUERIES: u32 = 8;
/// The most bytes of message contents on a page.
const PAGE_BYTES: usize = 64 * 1024;
/// The most texts of one message that are listed.
const LISTED_REVISIONS: usize = 100;
/// The most people in the answer to the question who has reacted to a message.
const LISTED_REACTIONS: usize = 100;
/// The time after which a query is repeated for which there is no capacity.
const QUERY_RETRY_MS: Millis = 500;

impl Hub {
    /// Handles a command.
    pub(super) fn handle_command(&mut self, conn: ConnectionId, bytes: &[u8]) {
        let Some(account) = self.viewer(conn) else {
            return self.refuse(conn, Status::Unsupported, None, 0, None);
        };
        let Ok(command) = request::decode_command(bytes) else {
            return self.reject(conn, Status::BadFrame, None);
        };
        let number = command.request;
        if let Err((status, wait)) = self.try_command(conn, account, command) {
            self.refuse_command(conn, number, status, wait, None);
        }
    }

    /// The account of a connection that speaks the capability "rooms".
    pub(super) fn viewer(&self, conn: ConnectionId) -> Option<UserId> {
        let peer = self.connections.get(conn)?.peer.as_ref()?;
        peer.has_rooms.then_some(peer.account)
    }

    fn try_command(
        &mut self,
        conn: ConnectionId,
        account: UserId,
        mut command: wire::ClientCommand,
    ) -> Result<(), (Status, Millis)> {
        let refused = |status| (status, 0);
        let operation = command.operation.take().ok_or(refused(Status::Unsupported))?;
        if command.request == 0 {
            return Err(refused(Status::BadFrame));
        }
        let context = Context::new(&self.rooms, &self.settings.limits, (conn, account), &command);
        let context = context.map_err(refused)?;
        let (room, id) = (context.room, context.id);
        let (rate, plan) = commands::plan(&context, operation).map_err(refused)?;
        let address = self.take_command(conn, account, rate).map_err(|wait| (Status::RateLimited, wait))?;
        let request = command.request;
        match plan {
            Plan::Own(change) => {
                if let OwnChange::Mute(_) = change
                    && let Some(wait) = self.append_queue.retry_after(self.now, address, 0)
                {
                    return Err((Status::LogUnavailable, wait));
                }
                let result =
                    self.change_own((conn, request), (account, address), room, change).map_err(refused)?;
                if let Some(result) = result {
                    self.respond(conn, request, result);
                }
            }
            Plan::Propose(change) => {
                let id = id.ok_or(refused(Status::BadMessageId))?;
                self.propose_command((conn, request), (account, address), id, change)?;
            }
            Plan::TakeNick(nick) => {
                let id = id.ok_or(refused(Status::BadMessageId))?;
                self.take_nick((conn, request), (account, address), id, nick.into())?;
            }
            Plan::Subscribe(position) => {
                let ticket = self.rooms.subscribe(conn, room, &mut self.out).map_err(refused)?;
                let position = WindowStart { seq: position.seq, id: position.id };
                self.read_window(conn, room, ticket, position, Some(request));
            }
            Plan::Read(commands::Reading::Members(prefix, after, count)) if room == RoomId::LOBBY => {
                let people = self.lobby_members(&prefix, &after, count);
                self.respond(conn, request, response::Result::People(people));
            }
            Plan::Read(reading) => {
                let query = query(room, reading);
                let purpose = RoomPurpose::Answer { request, is_search: query.is_search() };
                self.open_room_query(conn, account, purpose, query);
            }
        }
        Ok(())
    }

    /// Takes a token of the rate limit of a command, beside that of all requests.
    fn take_command(&mut self, conn: ConnectionId, account: UserId, rate: Rate) -> Result<IpAddr, Millis> {
        let now = self.now;
        let (Some(c), Some(online)) = (self.connections.get(conn), self.accounts.online_mut(account)) else {
            return Err(QUERY_RETRY_MS);
        };
        match rate {
            Rate::Control => {}
            Rate::Change => {
                self.address_limits.take_change(now, c.address, &mut online.limits.changes)?;
            }
            Rate::Query | Rate::Search => {
                self.address_limits.take_query(now, c.address, &mut online.limits.history)?;
                let is_allowed = match rate {
                    Rate::Search => self.queries.allow_search(c.address),
                    _ => self.queries.allow_page(c.address),
                };
                if c.open_queries >= MAX_OPEN_QUERIES || !is_allowed {
                    return Err(QUERY_RETRY_MS);
                }
            }
        }
        Ok(c.address)
    }

    /// Returns the answer; `None` if it follows.
    fn change_own(
        &mut self,
        (conn, request): (ConnectionId, u32),
        sender: (UserId, IpAddr),
        room: RoomId,
        change: OwnChange,
    ) -> Result<Option<response::Result>, Status> {
        match change {
            OwnChange::Unsubscribe => self.rooms.end_subscription(conn, room, &mut self.out),
            OwnChange::Read(cursor) => self.rooms.read(self.now, conn, room, cursor, &mut self.out)?,
            OwnChange::ReadAll => self.rooms.read_all(self.now, conn, &mut self.out),
            OwnChange::Mute(muted) => {
                if !self.rooms.mute((conn, request), room, muted)? {
                    return Ok(None);
                }
            }
            OwnChange::LinkDevice => {
                let mut random = [0; CODE_CHARS];
                (self.random)(&mut random);
                let code = self.rooms.links.create(self.now, sender, random).ok_or(Status::Busy)?;
                let expires = self.unix_ms + i64::try_from(LINK_LIFETIME_MS).unwrap_or(0);
                return Ok(Some(response::Result::Link(wire::DeviceLink { code, expires })));
            }
        }
        Ok(Some(response::Result::Done(wire::Done::default())))
    }

    /// Puts the change of a command into the append queue.
    fn propose_command(
        &mut self,
        (conn, request): (ConnectionId, u32),
        (account, address): (UserId, IpAddr),
        id: MessageId,
        change: Change,
    ) -> Result<(), (Status, Millis)> {
        if let Some(wait) = self.append_queue.retry_after(self.now, address, change.text_bytes()) {
            return Err((Status::LogUnavailable, wait));
        }
        if let Some(online) = self.accounts.online_mut(account) {
            online.last_batch = self.append_queue.next_batch();
        }
        let proposal = Proposal { id, sender: account, time: self.unix_ms, change };
        self.append_queue.push(PendingProposal {
            origin: Origin::Command { conn, request },
            address,
            proposal,
        });
        Ok(())
    }

    /// Proposes another nick for an account. It is in use until the log has answered.
    fn take_nick(
        &mut self,
        command: (ConnectionId, u32),
        (account, address): (UserId, IpAddr),
        id: MessageId,
        nick: Arc<str>,
    ) -> Result<(), (Status, Millis)> {
        let own = self.accounts.get(account).map(|known| known.key.clone());
        let is_respelled = own.as_deref() == Some(validate::nick_key(&nick).as_str());
        if !is_respelled {
            self.nicks.check_for(&nick, Some(account)).map_err(|status| (status, 0))?;
        }
        let change = Change::ChangeNick { nick: nick.clone(), from: Some(NickSource::Anybody) };
        self.propose_command(command, (account, address), id, change)?;
        if !is_respelled {
            self.nicks.insert(&nick, Claim::Pending(account));
        }
        Ok(())
    }

    /// Handles the log's answer to the proposal of a command.
    pub(super) fn command_answered(
        &mut self,
        (conn, request): (ConnectionId, u32),
        proposal: &Proposal,
        outcome: Outcome,
    ) {
        let place = match outcome {
            Outcome::Refused(status) => {
                self.forget_nick_claim(proposal);
                return self.refuse_command(conn, request, status, 0, None);
            }
            Outcome::Known(place) => {
                self.forget_nick_claim(proposal);
                place
            }
            Outcome::Appended(place) => {
                self.publish_change(proposal);
                place
            }
            Outcome::RoomChanged { place, nick } => {
                self.publish_room_change(proposal, place, &nick);
                place
            }
            Outcome::MessageChanged { place, nick, message } => {
                self.publish_message_change(proposal, place, &nick, message);
                place
            }
            Outcome::MemberChanged { place, role, members, nick, target_nick } => {
                self.publish_member(proposal, place, (role, members), [&nick, &target_nick]);
                place
            }
        };
        let sender = proposal.sender;
        let (room, answer) = match &proposal.change {
            Change::CreateRoom { room, .. } => (*room, None),
            // A member may subscribe as soon as it has the answer, so its list must have the room then.
            Change::ChangeMember { room, account, role } if *account == sender && *role != Role::None => {
                (*room, Some(place))
            }
            _ => return self.respond_done(conn, request, place),
        };
        if self.viewer(conn) == Some(sender) {
            let reading = self.rooms.begin_reload();
            let purpose = RoomPurpose::Row { request, room, place: answer, reading };
            self.open_room_query(conn, sender, purpose, RoomQuery::Row(room));
        }
    }

    /// Nobody knows yet whether the change is stored. A nick stays claimed until that is known.
    pub(super) fn command_failed(&mut self, (conn, request): (ConnectionId, u32), proposal: &Proposal) {
        if let Change::ChangeNick { nick, .. } = &proposal.change {
            self.accounts.holder_uncertain(nick);
        }
        self.refuse_command(conn, request, Status::LogUnavailable, RETRY_INTERVAL_MS, None);
    }

    /// A nick was not taken: it is free again.
    fn forget_nick_claim(&mut self, proposal: &Proposal) {
        if let Change::ChangeNick { nick, .. } = &proposal.change {
            self.nicks.release_pending(&validate::nick_key(nick), proposal.sender);
        }
    }

    /// Members of the lobby: who is present.
    fn lobby_members(&self, prefix: &str, after: &str, count: usize) -> wire::PeoplePage {
        let (prefix, after) = (validate::nick_key(prefix), validate::nick_key(after));
        let mut found = self.nicks.members().filter(|(key, ..)| key.starts_with(&prefix) && ***key > *after);
        let page: Vec<_> = found.by_ref().take(count).collect();
        wire::PeoplePage {
            people: page.iter().map(|(_, nick, account)| person(*account, nick, true)).collect(),
            roles: page
                .iter()
                .map(|(.., account)| self.rooms.lobby_role(*account).to_wire().into())
                .collect(),
            more: found.next().is_some(),
            total: u32::try_from(self.members).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn respond_done(&mut self, conn: ConnectionId, request: u32, place: Place) {
        let done = wire::Done { seq: place.seq, time: place.time };
        self.respond(conn, request, response::Result::Done(done));
    }

    pub(super) fn respond(&mut self, conn: ConnectionId, request: u32, result: response::Result) {
        if self.connections.get(conn).is_some() {
            self.out.send(conn, &events::response(request, result));
        }
    }

    /// Refuses a command. A connection with too many refusals is closed.
    pub(super) fn refuse_command(
        &mut self,
        conn: ConnectionId,
        request: u32,
        status: Status,
        wait: Millis,
        suggestion: Option<String>,
    ) {
        if self.connections.get(conn).is_none() {
            return;
        }
        self.counters.refused += 1;
        let now = self.now;
        if self.limits_mut(conn).is_none_or(|limits| limits.refusals.take(now).is_err()) {
            return self.close(conn, Status::RateLimited);
        }
        let refusal = wire::Refusal {
            code: status.code().into(),
            text: status.text().into(),
            retry_after_ms: u32::try_from(wait).unwrap_or(u32::MAX),
            suggestion: suggestion.unwrap_or_default(),
            ..wire::Refusal::default()
        };
        self.respond(conn, request, response::Result::Refusal(refusal));
    }
}

/// The query of a reading.
fn query(room: RoomId, reading: commands::Reading) -> RoomQuery {
    let size = |messages| PageSize { messages, bytes: PAGE_BYTES };
    match reading {
        commands::Reading::Page(start, count) => RoomQuery::Page(room, start, size(count)),
        commands::Reading::Search(words, before, count) => {
            RoomQuery::Search(room, words, before, size(count))
        }
        commands::Reading::Revisions(message) => RoomQuery::Revisions(room, message, size(LISTED_REVISIONS)),
        commands::Reading::Reactions(message, emoji) => {
            RoomQuery::Reactions(room, message, emoji, LISTED_REACTIONS)
        }
        commands::Reading::Browse(query, after, count) => RoomQuery::Browse(query, after, count),
        commands::Reading::Members(prefix, after, count) => RoomQuery::Members(room, prefix, after, count),
        commands::Reading::People(prefix, count) => RoomQuery::People(prefix, count),
    }
}
