//! The changes of a failed append. The log may have events whose append it reported as failed: if they were not published,
//! clients would miss them without noticing. No proposal is accepted until they are read.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::model::{RoomId, UserId};

use super::{Hub, output::Output};
use crate::store::{
    Change, EventPage, LogError, Proposal, Query, Requester, RoomResult, StoredEvent, StoredMessage,
    room_query::{Names, RoomQuery},
};

/// The changes that failed appends may have made, and that are not read yet.
#[derive(Debug, Default)]
pub(super) struct Resolution {
    /// Rooms that may have events.
    rooms: BTreeSet<RoomId>,
    /// Rooms that may have another name.
    renamed: BTreeSet<RoomId>,
    /// Accounts that may have another nick.
    accounts: BTreeSet<UserId>,
    /// Rows that may have changed.
    rows: BTreeSet<(UserId, RoomId)>,
    /// The reads in progress, by the token of the query.
    reading: BTreeMap<u64, Reading>,
}

/// A query.
#[derive(Debug)]
enum Reading {
    /// The events of a room.
    Events(RoomId),
    /// Nicks and names of rooms.
    Names(Names<()>),
}

impl Resolution {
    /// Notes what a failed append may have changed.
    pub fn note(&mut self, Proposal { sender, change, .. }: &Proposal) {
        match change {
            Change::Message { room, .. }
            | Change::Edit { room, .. }
            | Change::Redact { room, .. }
            | Change::React { room, .. }
            | Change::SetTopic { room, .. }
            | Change::Archive { room, .. } => {
                self.rooms.insert(*room);
            }
            Change::ChangeMember { room, account, .. } => {
                self.rooms.insert(*room);
                self.rows.insert((*account, *room));
            }
            Change::CreateRoom { room, people, .. } => {
                self.rows.insert((*sender, *room));
                self.rows.extend(people.iter().map(|person| (*person, *room)));
            }
            Change::RenameRoom { room, .. } => drop(self.renamed.insert(*room)),
            Change::ChangeNick { .. } => drop(self.accounts.insert(*sender)),
            Change::CreateAccount { .. } => {}
        }
    }

    /// Notes again what could not be read.
    fn put_back(&mut self, reading: Reading) {
        match reading {
            Reading::Events(room) => drop(self.rooms.insert(room)),
            Reading::Names(names) => {
                self.accounts.extend(names.accounts.into_iter().map(|(account, ())| account));
                self.renamed.extend(names.rooms.into_iter().map(|(room, ())| room));
            }
        }
    }

    fn is_done(&self) -> bool {
        self.table_size() == 0
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.rooms.len() + self.renamed.len() + self.accounts.len() + self.rows.len() + self.reading.len()
    }
}

impl Hub {
    /// Reads the log after a failed append, if that is due.
    pub(super) fn resolve_uncertain_append(&mut self) {
        if self.append_queue.resolve_due().is_none_or(|due| due > self.now) {
            return;
        }
        self.append_queue.resolving();
        for room in std::mem::take(&mut self.resolution.rooms) {
            // Nobody online is in a room that is not held.
            if let Some(head_seq) = self.rooms.head_seq(room) {
                self.read_uncertain(Reading::Events(room), RoomQuery::Events(room, head_seq));
            }
        }
        let accounts = std::mem::take(&mut self.resolution.accounts);
        let renamed = std::mem::take(&mut self.resolution.renamed);
        if !accounts.is_empty() || !renamed.is_empty() {
            let names = Names {
                accounts: accounts.into_iter().map(|account| (account, ())).collect(),
                rooms: renamed.into_iter().map(|room| (room, ())).collect(),
            };
            self.read_uncertain(Reading::Names(names.clone()), RoomQuery::Names(names));
        }
        for (account, room) in std::mem::take(&mut self.resolution.rows) {
            self.rooms.reload_again(account, room);
        }
        self.finish_resolving();
    }

    fn read_uncertain(&mut self, reading: Reading, query: RoomQuery) {
        let token = self.queries.next_token();
        self.resolution.reading.insert(token, reading);
        self.read_as_hub(token, None, query);
    }

    pub(super) fn read_as_hub(&mut self, token: u64, account: Option<UserId>, query: RoomQuery) {
        let requester = Requester { address: None, account };
        self.out.put(Output::Read { token, query: Query { requester, query } });
    }

    /// Handles the result of a query for what a failed append has changed. Returns it if it is of another query.
    pub(super) fn uncertain_read(
        &mut self,
        token: u64,
        result: Result<RoomResult, LogError>,
    ) -> Option<Result<RoomResult, LogError>> {
        let Some(reading) = self.resolution.reading.remove(&token) else { return Some(result) };
        match (reading, result) {
            (Reading::Events(room), Ok(RoomResult::Events(page))) => {
                self.publish_uncertain(room, &page);
            }
            (Reading::Names(asked), Ok(RoomResult::Names(names))) => {
                self.publish_names(&names);
                for (account, ()) in asked.accounts {
                    // The account does not have a nick that is still pending, unless a login waits for it.
                    if !self.pending_logins.contains(account) {
                        self.nicks.release_all_pending(account);
                    }
                }
            }
            (reading, _) => {
                self.resolution.put_back(reading);
                self.append_queue.resolved(self.now, false);
            }
        }
        self.finish_resolving();
        None
    }

    fn publish_uncertain(&mut self, room: RoomId, EventPage { events, more, .. }: &EventPage) {
        for event in events {
            self.release_resend(event.sender, event.id);
            if event.place.seq > self.rooms.head_seq(room).unwrap_or(0) {
                self.publish_stored(room, event);
            }
        }
        if *more {
            self.resolution.rooms.insert(room);
            self.append_queue.resolve_again(self.now);
        }
    }

    fn publish_stored(&mut self, room: RoomId, event: &StoredEvent) {
        let Change::Message { content, .. } = &event.change else {
            return self.publish_event(room, event, None);
        };
        let (nick, content) = (event.nick.clone(), content.to_string());
        let &StoredEvent { id, place, sender, state, .. } = event;
        let message = StoredMessage { id, place, sender, nick, content, state, reactions: Vec::new() };
        match room {
            RoomId::LOBBY => self.publish(&message),
            room => self.publish_in_room(room, &message),
        }
    }

    fn publish_names(&mut self, names: &Names<String>) {
        for (account, nick) in &names.accounts {
            let nick = nick.as_str().into();
            self.append_queue.rename(*account, &nick);
            match self.accounts.get(*account) {
                Some(known) if known.nick == nick => {}
                Some(_) => self.publish_nick(*account, &nick),
                // It has left meanwhile. Its messages are still shown.
                None => self.rooms.change_nick(*account, &nick, &mut self.out),
            }
        }
        for (room, name) in &names.rooms {
            self.rooms.rename_room(*room, &name.as_str().into(), &mut self.out);
        }
    }

    /// Accepts proposals again if everything is read.
    fn finish_resolving(&mut self) {
        if self.resolution.is_done() {
            self.append_queue.resolved(self.now, true);
        }
    }
}
