//! The content of a tab as its user sees it.

use std::collections::BTreeMap;

use parlour_core::{
    client::{
        Event,
        state::{Change, ClientState},
    },
    model::{Connection, Delivery, Message, MessageId, PresenceState, RoomId, UserId},
    timeline::{RowKind, Timeline, TimelineUpdate},
    wire,
};

use super::ledger::Ledger;

/// The content of a tab, and what it should not have shown.
pub struct View {
    timeline: Timeline,
    pub connection: Connection,
    /// The members who are online.
    pub members: BTreeMap<UserId, String>,
    /// The nick after which the list of members continues; `None` if all of it is loaded.
    pub members_after: Option<String>,
    /// The messages that the user has been shown: ord and content.
    pub seen: BTreeMap<MessageId, (u64, String)>,
    log: Vec<u8>,
    /// Violations of an invariant.
    pub complaints: Vec<String>,
}

impl View {
    pub fn new() -> Self {
        Self {
            timeline: timeline(),
            connection: Connection::Idle,
            members: BTreeMap::new(),
            members_after: Some(String::new()),
            seen: BTreeMap::new(),
            log: Vec::new(),
            complaints: Vec::new(),
        }
    }

    /// The tab was closed.
    pub fn clear(&mut self) {
        let complaints = std::mem::take(&mut self.complaints);
        *self = Self { complaints, ..Self::new() };
    }

    /// Handles an event as the client's store does.
    pub fn handle_event(&mut self, event: Event, ledger: &mut Ledger) {
        let complaint = match event {
            Event::Connection(connection) => {
                if matches!(connection, Connection::Online { .. }) {
                    self.list_members_anew();
                }
                self.connection = connection;
                None
            }
            Event::Own(message) => ledger.delivery(message.id, message.delivery),
            Event::Delivery(_, id, delivery) => ledger.delivery(id, delivery),
            Event::Acknowledged { id, .. } => ledger.delivery(id, Delivery::Sent),
            _ => None,
        };
        self.complaints.extend(complaint);
    }

    /// Handles a change of the state as the client's store does.
    pub fn handle_change(&mut self, state: &ClientState, change: Change, ledger: &mut Ledger) {
        match change {
            Change::Timeline(RoomId::LOBBY, update) => {
                match &update {
                    TimelineUpdate::Message(message) => self.record_shown(message, ledger),
                    TimelineUpdate::Page(messages) => {
                        messages.iter().for_each(|message| self.record_shown(message, ledger));
                    }
                    _ => {}
                }
                self.timeline.apply(update);
            }
            Change::Person(account) => {
                let person = state.people().get(account);
                match person.state {
                    PresenceState::Left => drop(self.members.remove(&account)),
                    _ => drop(self.members.insert(account, person.nick.to_string())),
                }
            }
            Change::Account if *state.log() != *self.log => {
                if !self.log.is_empty() {
                    self.complaints.push("the log was replaced".into());
                }
                self.log = state.log().to_vec();
            }
            _ => {}
        }
    }

    fn list_members_anew(&mut self) {
        self.members.clear();
        self.members_after = Some(String::new());
    }

    /// Handles a page of the list of members.
    pub fn handle_members(&mut self, page: wire::PeoplePage) {
        self.members_after = page.people.last().filter(|_| page.more).map(|person| person.nick.clone());
        let person = |person: wire::Person| Some((UserId::from_wire(&person.account)?, person.nick));
        self.members.extend(page.people.into_iter().filter_map(person));
    }

    fn record_shown(&mut self, message: &Message, ledger: &mut Ledger) {
        if message.own {
            self.complaints.extend(ledger.delivery(message.id, message.delivery));
        }
        if message.delivery != Delivery::Sent {
            return;
        }
        let now = (message.ord, message.content.to_string());
        let before = self.seen.insert(message.id, now.clone());
        if before.as_ref().is_some_and(|before| *before != now) {
            self.complaints.push(format!("{:?} was {before:?} and is {now:?}", message.id));
        }
    }

    /// The acknowledged messages on the screen, in order.
    pub fn shown(&self) -> Vec<(u64, MessageId)> {
        let acknowledged = |kind: &RowKind| match kind {
            RowKind::Message { message, .. } if message.delivery == Delivery::Sent => {
                Some((message.ord, message.id))
            }
            _ => None,
        };
        self.timeline.rows().filter_map(|row| acknowledged(&row.kind)).collect()
    }

    pub fn is_online(&self) -> bool {
        matches!(self.connection, Connection::Online { .. })
    }
}

fn timeline() -> Timeline {
    Timeline::new(1_000_000, |time| time.div_euclid(86_400_000))
}
