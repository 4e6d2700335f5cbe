//! The content of a tab as its user sees it.

use std::collections::BTreeMap;

use parlour_core::{
    Millis,
    event::{Event, GapState, LOCAL},
    model::{Connection, Delivery, Message, MessageId},
    status::Status,
    timeline::{RowKind, Timeline},
};

use super::ledger::Ledger;

/// The messages that the user has been shown: sequence number and content.
pub type Seen = BTreeMap<MessageId, (u64, String)>;

/// The content of a tab, and what it should not have shown.
pub struct View {
    pub timeline: Timeline,
    pub gaps: Vec<GapState>,
    pub connection: Connection,
    /// The room is shown, not the login page.
    pub in_room: bool,
    /// The login failed for a transient reason.
    pub must_retry_login: bool,
    /// The nick is reserved for the session of an older log.
    pub must_reconnect: bool,
    /// The time at which the user began the seek that is not finished.
    pub seek_since: Option<Millis>,
    pub search_since: Option<Millis>,
    pub seen: Seen,
    /// Violations of an invariant.
    pub complaints: Vec<String>,
}

impl View {
    pub fn new() -> Self {
        Self {
            timeline: timeline(),
            gaps: Vec::new(),
            connection: Connection::Idle,
            in_room: false,
            must_retry_login: false,
            must_reconnect: false,
            seek_since: None,
            search_since: None,
            seen: Seen::new(),
            complaints: Vec::new(),
        }
    }

    /// The room is no longer shown.
    pub fn clear(&mut self) {
        self.timeline = timeline();
        self.gaps.clear();
        self.in_room = false;
        self.seek_since = None;
        self.search_since = None;
        self.seen.clear();
    }

    /// Handles an event as the client's store does.
    pub fn handle_event(&mut self, event: Event, ledger: &mut Ledger) {
        match event {
            Event::Connection(connection) => {
                match connection {
                    // On the login page the user tries again. The nick may still belong to a tab that was
                    // closed after its user had left, without the server noticing.
                    // A tab may be in the room although its own session has never been: it followed another.
                    Connection::Failed { status, .. }
                        if !status.is_terminal() || !self.in_room && status == Status::NickTaken =>
                    {
                        self.must_retry_login = true;
                    }
                    Connection::Failed { status: Status::NickTaken, .. } if ledger.log_may_change => {
                        self.must_reconnect = true;
                    }
                    Connection::Failed { status, .. } => {
                        self.complaints.push(format!("the connection failed: {status}"));
                    }
                    _ => {}
                }
                self.connection = connection;
            }
            Event::LoggedIn(_) => self.in_room = true,
            Event::LoggedOut => self.clear(),
            Event::Message(message) => {
                self.record_shown(&message, ledger);
                self.timeline.insert(message);
            }
            Event::HistoryPage(messages) => {
                messages.iter().for_each(|message| self.record_shown(message, ledger));
                self.timeline.insert_page(messages);
            }
            Event::Gaps(gaps) => {
                self.timeline.set_gaps(&gaps);
                self.gaps = gaps;
            }
            Event::SeekFinished { requester: LOCAL, seq } => {
                self.seek_since = None;
                let Some(seq) = seq else { return };
                let at = self.timeline.index_of_seq(seq);
                // A tab that follows another may have missed the messages, and asks for them.
                let is_shown = at.and_then(|at| self.timeline.seq(at)) == Some(seq);
                if !is_shown && !ledger.log_may_change {
                    self.complaints.push(format!("a seek finished at {seq}, which is not shown"));
                }
            }
            Event::SearchFinished { requester: LOCAL, .. } => self.search_since = None,
            Event::LogReplaced => {
                if !ledger.log_may_change {
                    self.complaints.push("the log was reported as replaced".into());
                }
                self.timeline.clear_acknowledged();
                self.seen.clear();
            }
            Event::Delivery(id, delivery) => {
                self.complaints.extend(ledger.delivery(id, delivery));
                self.timeline.set_delivery(id, delivery);
            }
            Event::Discarded(id) => {
                ledger.forget(id);
                self.timeline.discard(id);
            }
            _ => {}
        }
    }

    fn record_shown(&mut self, message: &Message, ledger: &mut Ledger) {
        if message.own {
            self.complaints.extend(ledger.delivery(message.id, message.delivery));
        }
        if message.delivery != Delivery::Sent {
            return;
        }
        let now = (message.seq, message.content.to_string());
        let before = self.seen.insert(message.id, now.clone());
        if before.as_ref().is_some_and(|before| *before != now) {
            self.complaints.push(format!("{:?} was {before:?} and is {now:?}", message.id));
        }
    }

    /// The acknowledged messages on the screen, in order.
    pub fn shown(&self) -> Vec<(u64, MessageId)> {
        let acknowledged = |kind: &RowKind| match kind {
            RowKind::Message { message, .. } if message.delivery == Delivery::Sent => {
                Some((message.seq, message.id))
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
