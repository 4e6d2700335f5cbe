//! A member of the lobby with a perfect connection, which checks the order of what a server publishes: messages are in the order
//! of the log, and every sender is present when its message comes.

use std::collections::BTreeSet;

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::UserId,
    wire::{self, client_command::Operation, response::Result as Answer, server_event::Body},
};
use parlour_server::hub::connection_table::ConnectionId;

/// The nick of every witness.
pub const NICK: &str = "witness";
/// The number of its only command, and of the members that it requests.
const REQUEST: u32 = 1;
const MEMBERS: u32 = 100;

/// The witness of a server.
#[derive(Debug, Default)]
pub struct Witness {
    /// `None` while the server is down.
    pub conn: Option<ConnectionId>,
    /// It is welcomed, and has not requested the members yet.
    needs_members: bool,
    /// Those who are present according to the list and the published changes; `None` before the list.
    present: Option<BTreeSet<UserId>>,
    newest: u64,
    /// Violations of an invariant.
    pub complaints: Vec<String>,
}

impl Witness {
    /// The envelope of its login. It has no position, so that it gets the newest messages first, and then live ones.
    pub fn login() -> Vec<u8> {
        let login = wire::Login {
            version: 1,
            capabilities: ["batch", "rooms"].map(Into::into).to_vec(),
            secret: vec![7; 32],
            ..wire::Login::default()
        };
        codec::encode(&codec::login(NICK, login)).to_vec()
    }

    /// The envelope that it sends after its login.
    pub fn poll_request(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.needs_members) {
            return None;
        }
        let list = wire::ListMembers { count: MEMBERS, ..wire::ListMembers::default() };
        let operation = Some(Operation::ListMembers(list));
        let command = wire::ClientCommand { request: REQUEST, operation, ..wire::ClientCommand::default() };
        let envelope = Envelope { extension: Some(Extension::Command(command)), ..Envelope::default() };
        Some(codec::encode(&envelope).to_vec())
    }

    /// The server was killed.
    pub fn disconnected(&mut self) {
        *self = Self { complaints: std::mem::take(&mut self.complaints), ..Self::default() };
    }

    /// Receives messages.
    pub fn receive(&mut self, packets: &[Vec<u8>]) {
        for bytes in packets {
            for envelope in codec::decode_rich(bytes).expect("an envelope") {
                self.handle(envelope);
            }
        }
    }

    fn handle(&mut self, envelope: Envelope) {
        match envelope.extension {
            Some(Extension::Welcome(_)) => self.needs_members = true,
            Some(Extension::Event(wire::ServerEvent { body: Some(body), .. })) => match body {
                Body::Presence(changes) => changes.people.iter().for_each(|person| self.changed(person)),
                Body::Response(wire::Response { result: Some(Answer::People(page)), .. }) => {
                    assert!(!page.more, "the witness lists only {MEMBERS} members");
                    let present = page.people.iter().filter(|person| is_present(person));
                    self.present =
                        Some(present.filter_map(|person| UserId::from_wire(&person.account)).collect());
                }
                _ => {}
            },
            None if envelope.seq > 0 && !envelope.changed => self.message(&envelope),
            _ => {}
        }
    }

    fn changed(&mut self, person: &wire::Person) {
        let (Some(present), Some(account)) = (&mut self.present, UserId::from_wire(&person.account)) else {
            return;
        };
        match is_present(person) {
            true => present.insert(account),
            false => present.remove(&account),
        };
    }

    fn message(&mut self, message: &Envelope) {
        let (nick, ord) = (&message.user_name, message.ord);
        let sender = UserId::from_wire(&message.sender).expect("a sender");
        if self.present.as_ref().is_some_and(|present| !present.contains(&sender)) {
            self.complaints.push(format!("{nick} was not present when its message {ord} came"));
        }
        if ord <= self.newest {
            self.complaints.push(format!("message {ord} came after {}", self.newest));
        }
        self.newest = ord;
    }
}

fn is_present(person: &wire::Person) -> bool {
    person.state() != wire::PresenceState::Left
}
