//! A tab, its device, and the user.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parlour_core::{
    Millis,
    event::{Event, GapState},
    model::{Connection, Delivery, Message, MessageId},
    persist::{Change, Persisted, Table},
    session::Session,
    status::Status,
    timeline::{RowKind, Timeline},
};

use super::network::Link;

/// The device's storage: changes are applied some time after the request, or never.
#[derive(Debug, Default)]
pub struct Storage {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    pub requested: VecDeque<(Millis, u64, Vec<Change>)>,
}

impl Storage {
    /// Applies the oldest requested changes, and returns their ticket.
    pub fn apply_next(&mut self) -> Option<u64> {
        let (_, ticket, changes) = self.requested.pop_front()?;
        for change in changes {
            match change {
                Change::Put(table, key, value) => {
                    self.rows.insert((table, key.to_vec()), value.to_vec());
                }
                Change::Delete(table, key) => {
                    self.rows.remove(&(table, key.to_vec()));
                }
                Change::DeleteUpTo(table, key) => self.rows.retain(|(t, k), _| *t != table || **k > *key),
                Change::Clear(table) => self.rows.retain(|(t, _), _| *t != table),
            }
        }
        Some(ticket)
    }

    pub fn persisted(&self) -> Persisted {
        let table = |table: Table| -> Vec<Vec<u8>> {
            let of = self.rows.iter().filter(|((t, _), _)| *t == table);
            of.map(|(_, value)| value.clone()).collect()
        };
        let account = table(Table::Account);
        Persisted::read(account.first().map(Vec::as_slice), &table(Table::SendQueue), &table(Table::Messages))
    }

    /// The number of messages in the persisted send queue.
    pub fn queued_messages(&self) -> usize {
        self.rows.keys().filter(|(table, _)| *table == Table::SendQueue).count()
    }
}

/// The messages that the user has been shown: sequence number and content.
pub type Seen = BTreeMap<MessageId, (u64, String)>;

/// A tab on a device, and the user's actions.
pub struct Device {
    pub nick: String,
    /// `None` while the tab is closed.
    pub session: Option<Session>,
    pub storage: Storage,
    /// Whether the storage works. If it does not, the tab is never closed, because exactly-once could not
    /// hold.
    pub has_storage: bool,
    pub link: Option<Link>,
    pub timeline: Timeline,
    pub gaps: Vec<GapState>,
    pub connection: Connection,
    /// The room is shown, not the login page.
    pub in_room: bool,
    /// When the user opens the tab or logs in again.
    pub open_at: Option<Millis>,
    /// The login failed for a transient reason.
    pub must_retry_login: bool,
    /// Offset by which this device's clock is ahead.
    pub skew: i64,
    /// The sent messages, in order.
    pub sent: Vec<MessageId>,
    pub acknowledged: BTreeSet<MessageId>,
    pub seen: Seen,
    /// Violations of an invariant.
    pub complaints: Vec<String>,
}

impl Device {
    pub fn new(number: usize, has_storage: bool) -> Self {
        Self {
            nick: format!("user{number}"),
            session: None,
            storage: Storage::default(),
            has_storage,
            link: None,
            timeline: timeline(),
            gaps: Vec::new(),
            connection: Connection::Idle,
            in_room: false,
            open_at: None,
            must_retry_login: false,
            skew: 0,
            sent: Vec::new(),
            acknowledged: BTreeSet::new(),
            seen: Seen::new(),
            complaints: Vec::new(),
        }
    }

    /// Closes the tab. Changes that were not written are lost; the latest messages may never have been sent.
    pub fn close_tab(&mut self) {
        self.session = None;
        for (_, _, changes) in std::mem::take(&mut self.storage.requested) {
            for change in changes {
                if let Change::Put(Table::SendQueue, key, _) = change
                    && !self.storage.rows.contains_key(&(Table::SendQueue, key.to_vec()))
                {
                    self.sent.retain(|id| id.0 != key[..]);
                }
            }
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.timeline = timeline();
        self.gaps.clear();
        self.in_room = false;
    }

    /// Handles an event as the client's store does.
    pub fn handle_event(&mut self, event: Event) {
        match event {
            Event::Connection(connection) => {
                match connection {
                    // On the login page the user tries again. The nick may still belong to a tab that was
                    // closed after its user had left, without the server noticing.
                    Connection::Failed { status, .. }
                        if !self.in_room && (!status.is_terminal() || status == Status::NickTaken) =>
                    {
                        self.must_retry_login = true;
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
                self.record_shown(&message);
                self.timeline.insert(message);
            }
            Event::HistoryPage(messages) => {
                messages.iter().for_each(|message| self.record_shown(message));
                self.timeline.insert_page(messages);
            }
            Event::Gaps(gaps) => {
                self.timeline.set_gaps(&gaps);
                self.gaps = gaps;
            }
            Event::SeekFinished { seq: Some(seq), .. } => {
                let at = self.timeline.index_of_seq(seq);
                if at.and_then(|at| self.timeline.seq(at)) != Some(seq) {
                    self.complaints.push(format!("a seek finished at {seq}, which is not shown"));
                }
            }
            Event::LogReplaced => self.complaints.push("the log was reported as replaced".into()),
            Event::Delivery(id, delivery) => {
                if let Delivery::Failed(status) = delivery {
                    self.complaints.push(format!("{id:?} was refused: {status}"));
                }
                self.timeline.set_delivery(id, delivery);
            }
            _ => {}
        }
    }

    fn record_shown(&mut self, message: &Message) {
        if message.delivery != Delivery::Sent {
            return;
        }
        if message.own {
            self.acknowledged.insert(message.id);
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
        self.session.is_some() && matches!(self.connection, Connection::Online { .. })
    }
}

fn timeline() -> Timeline {
    Timeline::new(1_000_000, |time| time.div_euclid(86_400_000))
}
