//! A page, the device it runs on, and the person before it.

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

/// The device's storage: changes are made a while after they were asked for, or never.
#[derive(Debug, Default)]
pub struct Storage {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    pub waiting: VecDeque<(Millis, u64, Vec<Change>)>,
}

impl Storage {
    /// Makes the oldest changes, and says which.
    pub fn make(&mut self) -> Option<u64> {
        let (_, ticket, changes) = self.waiting.pop_front()?;
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

    pub fn kept(&self) -> Persisted {
        let table = |table: Table| -> Vec<Vec<u8>> {
            let of = self.rows.iter().filter(|((t, _), _)| *t == table);
            of.map(|(_, value)| value.clone()).collect()
        };
        let account = table(Table::Account);
        Persisted::read(account.first().map(Vec::as_slice), &table(Table::SendQueue), &table(Table::Messages))
    }

    pub fn outbox(&self) -> usize {
        self.rows.keys().filter(|(table, _)| *table == Table::SendQueue).count()
    }
}

/// What the person has been shown, of any message: its place and its words.
pub type Seen = BTreeMap<MessageId, (u64, String)>;

/// A page on a device, and what the person did there.
pub struct Device {
    pub nick: String,
    /// `None` while the page is closed.
    pub session: Option<Session>,
    pub storage: Storage,
    /// The storage works. Where it does not, the page is never closed: nobody could keep the promise then.
    pub keeps: bool,
    pub link: Option<Link>,
    pub timeline: Timeline,
    pub gaps: Vec<GapState>,
    pub connection: Connection,
    /// The room is on the screen, and not the login page.
    pub in_room: bool,
    /// Opened again, or logged in again, at this time.
    pub back_at: Option<Millis>,
    /// The login failed, for a reason that passes.
    pub tries_again: bool,
    /// Unix time on this device is so much ahead.
    pub skew: i64,
    /// What was said, in order.
    pub said: Vec<MessageId>,
    pub acknowledged: BTreeSet<MessageId>,
    pub seen: Seen,
    pub complaints: Vec<String>,
}

impl Device {
    pub fn new(number: usize, keeps: bool) -> Self {
        Self {
            nick: format!("user{number}"),
            session: None,
            storage: Storage::default(),
            keeps,
            link: None,
            timeline: timeline(),
            gaps: Vec::new(),
            connection: Connection::Idle,
            in_room: false,
            back_at: None,
            tries_again: false,
            skew: 0,
            said: Vec::new(),
            acknowledged: BTreeSet::new(),
            seen: Seen::new(),
            complaints: Vec::new(),
        }
    }

    /// The page is gone, and with it all that was not written down: what is said just before may never have been.
    pub fn close_page(&mut self) {
        self.session = None;
        for (_, _, changes) in std::mem::take(&mut self.storage.waiting) {
            for change in changes {
                if let Change::Put(Table::SendQueue, key, _) = change
                    && !self.storage.rows.contains_key(&(Table::SendQueue, key.to_vec()))
                {
                    self.said.retain(|id| id.0 != key[..]);
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

    /// As the page's store takes it.
    pub fn note(&mut self, event: Event) {
        match event {
            Event::Connection(connection) => {
                match connection {
                    // At the login page, where one tries again. The name may still be that of a page which was closed
                    // after its user had left, unheard by the server.
                    Connection::Failed { status, .. }
                        if !self.in_room && (!status.is_terminal() || status == Status::NickTaken) =>
                    {
                        self.tries_again = true;
                    }
                    Connection::Failed { status, .. } => {
                        self.complaints.push(format!("turned away: {status}"));
                    }
                    _ => {}
                }
                self.connection = connection;
            }
            Event::LoggedIn(_) => self.in_room = true,
            Event::LoggedOut => self.clear(),
            Event::Message(message) => {
                self.saw(&message);
                self.timeline.insert(message);
            }
            Event::HistoryPage(messages) => {
                messages.iter().for_each(|message| self.saw(message));
                self.timeline.insert_page(messages);
            }
            Event::Gaps(gaps) => {
                self.timeline.set_gaps(&gaps);
                self.gaps = gaps;
            }
            Event::SeekFinished { seq: Some(seq), .. } => {
                let at = self.timeline.index_of_seq(seq);
                if at.and_then(|at| self.timeline.seq(at)) != Some(seq) {
                    self.complaints.push(format!("{seq} was said to be there"));
                }
            }
            Event::LogReplaced => self.complaints.push("the log was said to be another one".into()),
            Event::Delivery(id, delivery) => {
                if let Delivery::Failed(status) = delivery {
                    self.complaints.push(format!("{id:?} was refused: {status}"));
                }
                self.timeline.set_delivery(id, delivery);
            }
            _ => {}
        }
    }

    fn saw(&mut self, message: &Message) {
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

    /// The messages on the screen that are acknowledged, in order.
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
