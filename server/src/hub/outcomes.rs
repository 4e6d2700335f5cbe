//! The outcomes of proposals.

use std::sync::Arc;

use parlour_core::{Millis, model::RoomId, status::Status};

use super::{
    Hub,
    append_queue::{Origin, PendingProposal, RETRY_INTERVAL_MS},
    connection_table::ConnectionId,
};
use crate::store::{Change, LogError, Outcome, Proposal, StoredMessage, TextState};

impl Hub {
    /// Handles the result of the oldest batch, in log order.
    pub fn handle_appended(&mut self, now: Millis, unix_ms: i64, result: Result<Vec<Outcome>, LogError>) {
        self.now = now;
        self.unix_ms = unix_ms;
        let Some((generation, batch)) = self.append_queue.complete_batch() else { return };
        match result {
            Ok(outcomes) => {
                self.list_version_changed();
                let mut batch = batch.into_iter();
                for outcome in outcomes {
                    let Some(PendingProposal { origin, address, proposal }) = batch.next() else { break };
                    let sender = proposal.sender;
                    if let (Change::ChangeNick { nick, .. }, Outcome::Appended(_)) =
                        (&proposal.change, &outcome)
                    {
                        // The account may have left since it has sent them.
                        batch.as_mut_slice().iter_mut().for_each(|pending| pending.rename(sender, nick));
                        self.append_queue.rename(sender, nick);
                    }
                    match origin {
                        Origin::Message { conn, nick } => {
                            if outcome == Outcome::Refused(Status::NoSuchAccount)
                                && self.restore_basic_account(sender, address)
                            {
                                let origin = Origin::Message { conn, nick };
                                self.append_queue.push(PendingProposal { origin, address, proposal });
                                continue;
                            }
                            self.message_answered(conn, &nick, &proposal, outcome);
                        }
                        Origin::Command { conn, request } => {
                            self.command_answered((conn, request), &proposal, outcome);
                        }
                        Origin::Login(nick) => self.login_answered(sender, &nick, outcome),
                        Origin::BasicAccount(nick) => self.basic_account_answered(sender, &nick, outcome),
                    }
                }
            }
            Err(_) => {
                self.append_queue.failed(now, generation);
                self.rooms.resubmitted(self.append_queue.next_batch());
                self.append_links_again();
                for PendingProposal { origin, proposal, .. } in batch {
                    self.resolution.note(&proposal);
                    let sender = proposal.sender;
                    match origin {
                        Origin::Message { conn, .. } => self.message_failed(conn, generation, &proposal),
                        Origin::Command { conn, request } => self.command_failed((conn, request), &proposal),
                        Origin::Login(nick) => self.login_failed(sender, &nick, |hub, conn| {
                            hub.reject_later(conn, Status::LogUnavailable, RETRY_INTERVAL_MS);
                        }),
                        Origin::BasicAccount(nick) => self.accounts.holder_uncertain(&nick),
                    }
                }
            }
        }
    }

    /// Acknowledges a message, and publishes it if it is new.
    fn message_answered(
        &mut self,
        conn: ConnectionId,
        nick: &Arc<str>,
        Proposal { id, sender, change, .. }: &Proposal,
        outcome: Outcome,
    ) {
        let is_appended = matches!(outcome, Outcome::Appended(_));
        let place = match outcome {
            Outcome::Appended(place)
            | Outcome::Known(place)
            | Outcome::RoomChanged { place, .. }
            | Outcome::MessageChanged { place, .. }
            | Outcome::MemberChanged { place, .. } => place,
            Outcome::Refused(status) => return self.refuse(conn, status, Some(*id), 0, None),
        };
        self.release_resend(*sender, *id);
        if let (true, Change::Message { room, content }) = (is_appended, change) {
            // It may have changed since the message was sent.
            let nick = self.accounts.get(*sender).map_or(nick, |known| &known.nick);
            let (nick, content) = (nick.to_string(), content.to_string());
            let (state, reactions) = (TextState::Original, Vec::new());
            let message = StoredMessage { id: *id, place, sender: *sender, nick, content, state, reactions };
            match *room {
                RoomId::LOBBY => self.publish(&message),
                room => {
                    self.publish_in_room(room, &message);
                    self.counters.accepted += 1;
                }
            }
        }
        if self.connections.get(conn).is_some_and(|c| !c.is_basic()) {
            self.lobby.acknowledge(conn, *id, place.seq, place.time);
        }
    }

    /// Nobody knows yet whether the message is stored: its client has to send it again.
    fn message_failed(&mut self, conn: ConnectionId, generation: u32, proposal: &Proposal) {
        let now = self.now;
        if let Some(c) = self.connections.get_mut(conn) {
            if !c.is_basic() {
                let room = match &proposal.change {
                    Change::Message { room, .. } => *room,
                    _ => RoomId::LOBBY,
                };
                c.order_mut(room).append_failed(now, generation, proposal.id, RETRY_INTERVAL_MS);
            }
            self.refuse_unstored(conn, proposal.id, RETRY_INTERVAL_MS);
        }
    }
}
