//! A log that waits for the orders of a test, and its threads.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use parlour_core::model::{RoomId, UserId};
use parlour_server::store::{
    Account, Cancellation, Change, EventLog, EventPage, HistoryPage, INDEX_STEP_MESSAGES, LogError,
    LogReader, MemberPage, Outcome, PageSize, PageStart, Place, Proposal, ReactionPage, Requester, Retention,
    Revision, Room, RoomPage, RoomQuery, RoomResult, RoomRow, RoomRows, RowChange, SearchResults,
    StoredSession, Target,
    retention_clock::ClockRecord,
    threads::{AppendBatch, LogReport, LogThreads, Query, start},
};

use super::LOBBY;
use crate::world::{ALL, entry};

/// The time that a thread may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The behaviour of the log for an append.
pub enum Order {
    Append,
    Fail(LogError),
    Panic,
}

/// A log that reports each append to the test and waits for an order.
struct TestLog {
    appends: Sender<Vec<Proposal>>,
    orders: Receiver<Order>,
    retention_steps: Sender<i64>,
    index_steps: Sender<()>,
    /// The number of unindexed messages; `None` if indexing fails.
    unindexed: Option<u64>,
    seq: u64,
    reader: TestReader,
}

impl EventLog for TestLog {
    fn append(&mut self, proposals: &[Proposal], _: &[RowChange]) -> Result<Vec<Outcome>, LogError> {
        self.appends.send(proposals.to_vec()).unwrap();
        match self.orders.recv().unwrap() {
            Order::Append => {}
            Order::Fail(error) => return Err(error),
            Order::Panic => panic!("ordered"),
        }
        let mut place = |proposal: &Proposal| {
            self.seq += 1;
            Outcome::Appended(Place { seq: self.seq, ord: self.seq, time: proposal.time })
        };
        self.unindexed = self.unindexed.map(|count| count + proposals.len() as u64);
        Ok(proposals.iter().map(&mut place).collect())
    }

    fn apply_retention(&mut self, _: &Retention, now: i64) -> Result<bool, LogError> {
        let _ = self.retention_steps.send(now);
        Ok(true)
    }

    fn store_clock(&mut self, clock: ClockRecord) -> Result<(), LogError> {
        *self.reader.clock.lock().unwrap() = Some(clock);
        Ok(())
    }

    fn index_pending(&mut self) -> Result<u64, LogError> {
        self.unindexed = self.unindexed.map(|count| count.saturating_sub(INDEX_STEP_MESSAGES));
        let _ = self.index_steps.send(());
        self.unindexed.ok_or_else(full)
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(TestReader { cancellation: Cancellation::default(), ..self.reader.clone() }))
    }
}

/// A reader of an empty log. It panics on a search for "x"; any other search it reports to the test, and ends it when it
/// is ordered or cancelled.
#[derive(Clone)]
struct TestReader {
    searches: Sender<String>,
    search_orders: Arc<Mutex<Receiver<()>>>,
    cancellation: Cancellation,
    clock: Arc<Mutex<Option<ClockRecord>>>,
}

impl LogReader for TestReader {
    fn id(&mut self) -> Result<[u8; 16], LogError> {
        Ok([0; 16])
    }
    fn execute_room_query(&mut self, query: &RoomQuery, account: UserId) -> Result<RoomResult, LogError> {
        Ok(match query {
            RoomQuery::Page(room, start, size) => RoomResult::Page(self.page(*room, *start, *size)?),
            RoomQuery::Search(room, words, before, size) => {
                RoomResult::Search(self.search(*room, words, *before, *size)?)
            }
            other => return other.execute(self, account),
        })
    }
    fn page(&mut self, _: RoomId, _: PageStart, _: PageSize) -> Result<HistoryPage, LogError> {
        Ok(HistoryPage { to: 9, ..HistoryPage::default() })
    }
    fn own_reactions(&mut self, _: RoomId, _: UserId, _: (u64, u64)) -> Result<Vec<(u64, String)>, LogError> {
        Ok(Vec::new())
    }

    fn reactions(&mut self, _: RoomId, _: Target, _: &str, _: usize) -> Result<ReactionPage, LogError> {
        Ok(ReactionPage::default())
    }

    fn revisions(&mut self, _: RoomId, _: Target, _: PageSize) -> Result<Vec<Revision>, LogError> {
        Ok(Vec::new())
    }
    fn events(&mut self, _: RoomId, _: u64, _: usize) -> Result<EventPage, LogError> {
        Ok(EventPage::default())
    }
    fn renamed(&mut self, _: RoomId, _: u64, _: usize) -> Result<Option<Vec<Account>>, LogError> {
        Ok(Some(Vec::new()))
    }
    fn search(&mut self, _: RoomId, query: &str, _: u64, _: PageSize) -> Result<SearchResults, LogError> {
        assert_ne!(query, "x", "search");
        self.searches.send(query.into()).unwrap();
        let orders = self.search_orders.lock().unwrap();
        while orders.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout)
            && !self.cancellation.is_cancelled()
        {}
        Ok(SearchResults::default())
    }
    fn cancellation(&self) -> Cancellation {
        self.cancellation.clone()
    }
    fn clock(&mut self) -> Result<Option<ClockRecord>, LogError> {
        Ok(*self.clock.lock().unwrap())
    }
    fn account(&mut self, _: UserId) -> Result<Option<Account>, LogError> {
        Ok(None)
    }
    fn holders(&mut self, _: &str) -> Result<Vec<Account>, LogError> {
        Ok(Vec::new())
    }
    fn nicks(&mut self) -> Result<Vec<Account>, LogError> {
        Ok(Vec::new())
    }
    fn sessions(&mut self) -> Result<Vec<StoredSession>, LogError> {
        Ok(Vec::new())
    }
    fn room(&mut self, _: RoomId) -> Result<Option<Room>, LogError> {
        Ok(None)
    }
    fn rooms(&mut self) -> Result<Vec<Room>, LogError> {
        Ok(Vec::new())
    }
    fn room_rows(&mut self, _: UserId, _: u64) -> Result<RoomRows, LogError> {
        Ok(RoomRows::default())
    }
    fn room_row(&mut self, _: UserId, _: RoomId) -> Result<Option<RoomRow>, LogError> {
        Ok(None)
    }
    fn browse(&mut self, _: UserId, _: &str, _: &str, _: usize) -> Result<RoomPage, LogError> {
        Ok(RoomPage::default())
    }
    fn members(&mut self, _: RoomId, _: &str, _: &str, _: usize) -> Result<MemberPage, LogError> {
        Ok(MemberPage::default())
    }
    fn people(&mut self, _: UserId, _: &str, _: usize) -> Result<Vec<Account>, LogError> {
        Ok(Vec::new())
    }
}

/// The threads with a [`TestLog`], and the test's ends of its channels.
pub struct TestThreads {
    // Dropped before the threads, so that a failing test leaves no log waiting.
    pub orders: Sender<Order>,
    pub search_orders: Sender<()>,
    pub handle: LogThreads,
    /// The stored state of the clock.
    pub clock: Arc<Mutex<Option<ClockRecord>>>,
    /// The searches that were begun.
    pub searches: Receiver<String>,
    pub appends: Receiver<Vec<Proposal>>,
    pub retention_steps: Receiver<i64>,
    pub index_steps: Receiver<()>,
    pub reports: Receiver<LogReport>,
}

impl TestThreads {
    pub fn new() -> Self {
        Self::with(Some(4 * INDEX_STEP_MESSAGES))
    }

    /// A log with this number of unindexed messages.
    pub fn with(unindexed: Option<u64>) -> Self {
        Self::with_clock(unindexed, None)
    }

    /// A log with this number of unindexed messages and this state of the clock.
    pub fn with_clock(unindexed: Option<u64>, clock: Option<ClockRecord>) -> Self {
        let clock = Arc::new(Mutex::new(clock));
        let (appended, appends) = channel();
        let (orders, ordered) = channel();
        let (retention_step, retention_steps) = channel();
        let (index_step, index_steps) = channel();
        let (report, reports) = channel();
        let (searched, searches) = channel();
        let (search_orders, search_ordered) = channel();
        let search_ordered = Arc::new(Mutex::new(search_ordered));
        let log = TestLog {
            appends: appended,
            orders: ordered,
            retention_steps: retention_step,
            index_steps: index_step,
            unindexed,
            seq: 0,
            reader: TestReader {
                searches: searched,
                search_orders: search_ordered,
                cancellation: Cancellation::default(),
                clock: clock.clone(),
            },
        };
        let report = move |of_log| report.send(of_log).unwrap();
        let handle = start(Box::new(log), Retention::default(), report).unwrap();
        Self {
            handle,
            appends,
            orders,
            search_orders,
            clock,
            searches,
            retention_steps,
            index_steps,
            reports,
        }
    }

    pub fn append(&self, generation: u32, ids: &[u32]) {
        let proposals = ids.iter().map(|&n| entry(n, LOBBY, &n.to_string())).collect();
        self.handle.append(AppendBatch { generation, proposals, rows: Vec::new() });
    }

    /// The ids of the next append.
    pub fn appending(&self) -> Vec<u32> {
        let proposals = self.appends.recv_timeout(PATIENCE).unwrap();
        let number = |proposal: &Proposal| match &proposal.change {
            Change::Message { content, .. } => content.parse().unwrap(),
            other => panic!("{other:?}"),
        };
        proposals.iter().map(number).collect()
    }

    /// The sequence numbers of the next reported batch.
    pub fn reported(&self) -> Result<Vec<u64>, LogError> {
        match self.reports.recv_timeout(PATIENCE).unwrap() {
            LogReport::Appended(appended) => {
                appended.map(|all| all.into_iter().map(|a| crate::world::new(&a).seq).collect())
            }
            LogReport::Read(..) => panic!("nothing was read"),
        }
    }

    /// Submits a search, whose token is its number.
    pub fn search(&self, user: &str, token: u64) {
        let query = RoomQuery::Search(LOBBY, format!("{user}{token}"), 0, ALL);
        self.handle.read(token, Query { requester: requester(user), query });
    }

    /// The search that is begun next.
    pub fn searching(&self) -> String {
        self.searches.recv_timeout(PATIENCE).unwrap()
    }

    /// The token of the query that is reported next.
    pub fn answered(&self) -> u64 {
        match self.reports.recv_timeout(PATIENCE).unwrap() {
            LogReport::Read(token, Ok(_)) => token,
            other => panic!("{other:?}"),
        }
    }

    /// Submits batches while a first one is being appended.
    pub fn during_first_append(submit: impl FnOnce(&Self)) -> Self {
        let threads = Self::new();
        threads.append(0, &[1]);
        assert_eq!(threads.appending(), [1]);
        submit(&threads);
        threads.orders.send(Order::Append).unwrap();
        assert_eq!(threads.reported(), Ok(vec![1]));
        threads
    }
}

/// The account whose id begins with a name.
pub fn requester(name: &str) -> Requester {
    let mut user = [0; 16];
    user[..name.len()].copy_from_slice(name.as_bytes());
    Requester { address: Some([127, 0, 0, 1].into()), account: Some(UserId(user)) }
}

pub fn full() -> LogError {
    LogError::Full("here".into())
}
