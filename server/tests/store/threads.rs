//! The log's threads, with a log controlled by the test.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use parlour_core::model::{RoomId, UserId};
use parlour_server::store::{
    Account, Cancellation, Change, EventLog, EventPage, HistoryPage, INDEX_STEP_MESSAGES, LogError,
    LogReader, MemberPage, Outcome, PageSize, PageStart, Place, Proposal, Requester, Retention, Room,
    RoomPage, RoomQuery, RoomResult, RoomRow, RoomRows, RowChange, SearchResults, StoredSession,
    retention_clock::ClockRecord,
    sqlite::SqliteLog,
    threads::{AppendBatch, LogReport, LogThreads, Query, start},
};

use crate::world::{ALL, Dir, FAST, NOW, beginning, entry};

const LOBBY: RoomId = RoomId::LOBBY;

/// The time that a thread may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause after which a failed step of the index is tried again.
const INDEX_RETRY: Duration = Duration::from_secs(10);

/// The behaviour of the log for an append.
enum Order {
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
struct TestThreads {
    // Dropped before the threads, so that a failing test leaves no log waiting.
    orders: Sender<Order>,
    search_orders: Sender<()>,
    handle: LogThreads,
    /// The stored state of the clock.
    clock: Arc<Mutex<Option<ClockRecord>>>,
    /// The searches that were begun.
    searches: Receiver<String>,
    appends: Receiver<Vec<Proposal>>,
    retention_steps: Receiver<i64>,
    index_steps: Receiver<()>,
    reports: Receiver<LogReport>,
}

impl TestThreads {
    fn new() -> Self {
        Self::with(Some(4 * INDEX_STEP_MESSAGES))
    }

    /// A log with this number of unindexed messages.
    fn with(unindexed: Option<u64>) -> Self {
        Self::with_clock(unindexed, None)
    }

    /// A log with this number of unindexed messages and this state of the clock.
    fn with_clock(unindexed: Option<u64>, clock: Option<ClockRecord>) -> Self {
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

    fn append(&self, generation: u32, ids: &[u32]) {
        let proposals = ids.iter().map(|&n| entry(n, LOBBY, &n.to_string())).collect();
        self.handle.append(AppendBatch { generation, proposals, rows: Vec::new() });
    }

    /// The ids of the next append.
    fn appending(&self) -> Vec<u32> {
        let proposals = self.appends.recv_timeout(PATIENCE).unwrap();
        let number = |proposal: &Proposal| match &proposal.change {
            Change::Message { content, .. } => content.parse().unwrap(),
            other => panic!("{other:?}"),
        };
        proposals.iter().map(number).collect()
    }

    /// The sequence numbers of the next reported batch.
    fn reported(&self) -> Result<Vec<u64>, LogError> {
        match self.reports.recv_timeout(PATIENCE).unwrap() {
            LogReport::Appended(appended) => {
                appended.map(|all| all.into_iter().map(|a| crate::world::new(&a).seq).collect())
            }
            LogReport::Read(..) => panic!("nothing was read"),
        }
    }

    /// Submits a search, whose token is its number.
    fn search(&self, user: &str, token: u64) {
        let query = RoomQuery::Search(LOBBY, format!("{user}{token}"), 0, ALL);
        self.handle.read(token, Query { requester: requester(user), query });
    }

    /// The search that is begun next.
    fn searching(&self) -> String {
        self.searches.recv_timeout(PATIENCE).unwrap()
    }

    /// The token of the query that is reported next.
    fn answered(&self) -> u64 {
        match self.reports.recv_timeout(PATIENCE).unwrap() {
            LogReport::Read(token, Ok(_)) => token,
            other => panic!("{other:?}"),
        }
    }

    /// Submits batches while a first one is being appended.
    fn during_first_append(submit: impl FnOnce(&Self)) -> Self {
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
fn requester(name: &str) -> Requester {
    let mut user = [0; 16];
    user[..name.len()].copy_from_slice(name.as_bytes());
    Requester { address: Some([127, 0, 0, 1].into()), account: Some(UserId(user)) }
}

fn full() -> LogError {
    LogError::Full("here".into())
}

#[test]
fn pending_batches_are_committed_together_and_reported_in_order() {
    let threads = TestThreads::during_first_append(|threads| {
        threads.append(0, &[2, 3]);
        threads.append(0, &[]);
        threads.append(1, &[4]);
    });
    assert_eq!(threads.appending(), [2, 3, 4]);
    threads.orders.send(Order::Append).unwrap();
    assert_eq!(
        [threads.reported(), threads.reported(), threads.reported()],
        [Ok(vec![2, 3]), Ok(vec![]), Ok(vec![4])]
    );
}

#[test]
fn group_size_is_bounded() {
    let ids: Vec<_> = (2..=5000).collect();
    let threads =
        TestThreads::during_first_append(|threads| ids.iter().for_each(|&n| threads.append(0, &[n])));
    let first = threads.appending();
    threads.orders.send(Order::Append).unwrap();
    let second = threads.appending();
    threads.orders.send(Order::Append).unwrap();
    assert!(first.len() < 4999 && first.len() > 1000, "{}", first.len());
    assert_eq!([first, second].concat(), ids);
    for &n in &ids {
        assert_eq!(threads.reported(), Ok(vec![n.into()]));
    }
}

#[test]
fn batches_of_a_failed_generation_are_not_tried() {
    let threads = TestThreads::during_first_append(|threads| {
        threads.append(0, &[2]);
        threads.append(1, &[3]);
    });
    assert_eq!(threads.appending(), [2, 3]);
    // Submitted before the failure was reported.
    threads.append(0, &[4]);
    threads.append(1, &[5]);
    threads.append(2, &[6]);
    threads.append(1, &[7]);
    threads.append(2, &[8]);
    threads.orders.send(Order::Fail(full())).unwrap();
    assert_eq!([threads.reported(), threads.reported()], [Err(full()), Err(full())]);
    assert_eq!(threads.appending(), [6, 8]);
    threads.orders.send(Order::Append).unwrap();
    let reports: Vec<_> = (0..5).map(|_| threads.reported()).collect();
    assert_eq!(reports, [Err(full()), Err(full()), Ok(vec![2]), Err(full()), Ok(vec![3])]);
    // A batch alone is not tried either, and is reported.
    threads.append(1, &[9]);
    assert_eq!(threads.reported(), Err(full()));
    threads.append(2, &[10]);
    assert_eq!(threads.appending(), [10]);
    threads.orders.send(Order::Append).unwrap();
    assert_eq!(threads.reported(), Ok(vec![4]));
}

#[test]
fn panic_is_reported_as_failure() {
    let threads = TestThreads::new();
    threads.append(0, &[1]);
    threads.orders.send(Order::Panic).unwrap();
    let failed = threads.reported();
    assert_eq!(failed, Err(LogError::Failed("it panicked: ordered".into())));
    threads.append(0, &[2]);
    assert_eq!(threads.reported(), failed);
    threads.append(1, &[3]);
    threads.orders.send(Order::Append).unwrap();
    assert_eq!(threads.reported(), Ok(vec![1]));
    // The same for a reader; the other one continues.
    let query = |query| Query { requester: Requester::default(), query };
    for token in 0..9 {
        threads.handle.read(token, query(RoomQuery::Search(LOBBY, "x".into(), 0, ALL)));
        let LogReport::Read(reported, Err(LogError::Failed(_))) =
            threads.reports.recv_timeout(PATIENCE).unwrap()
        else {
            panic!("no failure");
        };
        assert_eq!(reported, token);
    }
    threads.handle.read(9, query(RoomQuery::Page(LOBBY, PageStart::End, ALL)));
    let page = HistoryPage { to: 9, ..HistoryPage::default() };
    assert_eq!(
        threads.reports.recv_timeout(PATIENCE).unwrap(),
        LogReport::Read(9, Ok(RoomResult::Page(page)))
    );
}

#[test]
fn pages_do_not_wait_for_searches() {
    let threads = TestThreads::new();
    for token in 1..=5 {
        threads.search("tom", token);
    }
    assert_eq!(threads.searching(), "tom1");
    let query = RoomQuery::Page(LOBBY, PageStart::End, ALL);
    threads.handle.read(6, Query { requester: requester("lili"), query });
    assert_eq!(threads.answered(), 6);
    for token in 1..=5 {
        threads.search_orders.send(()).unwrap();
        assert_eq!(threads.answered(), token);
    }
}

#[test]
fn requesters_search_in_turn() {
    let threads = TestThreads::new();
    for token in 1..=3 {
        threads.search("tom", token);
    }
    assert_eq!(threads.searching(), "tom1");
    threads.search("lili", 4);
    threads.search("lili", 5);
    threads.search("zoe", 6);
    let expected = [1, 2, 4, 6, 3, 5];
    for token in expected {
        threads.search_orders.send(()).unwrap();
        assert_eq!(threads.answered(), token);
    }
    let begun: Vec<_> = threads.searches.try_iter().collect();
    assert_eq!(begun, ["tom2", "lili4", "zoe6", "tom3", "lili5"]);
}

#[test]
fn cancelled_queries_are_not_executed_further() {
    let threads = TestThreads::new();
    for token in 1..=4 {
        threads.search("tom", token);
    }
    assert_eq!(threads.searching(), "tom1");
    threads.handle.cancel(2);
    // While it is running, and after that nothing of it is left.
    threads.handle.cancel(1);
    assert_eq!(threads.searching(), "tom3");
    threads.search_orders.send(()).unwrap();
    assert_eq!((threads.answered(), threads.searching()), (3, "tom4".into()));
    // Closing does not wait for searches.
    threads.search("tom", 5);
    let TestThreads { handle, reports, searches, orders, search_orders, .. } = threads;
    handle.close();
    assert!(reports.try_iter().next().is_none() && searches.try_iter().next().is_none());
    drop((orders, search_orders));
}

#[test]
fn idle_log_applies_retention_until_done() {
    let threads = TestThreads::new();
    for _ in 0..5 {
        threads.retention_steps.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn retention_does_not_believe_a_clock_that_jumped() {
    // The log was last used in 2023.
    let stored = ClockRecord { time: NOW, seen: NOW, waited: 0 };
    let threads = TestThreads::with_clock(Some(0), Some(stored));
    for _ in 0..5 {
        let now = threads.retention_steps.recv_timeout(PATIENCE).unwrap();
        assert!((NOW..NOW + 3_600_000).contains(&now), "{now}");
    }
    let waiting = threads.clock.lock().unwrap().unwrap();
    assert!(waiting.waited > 0 && waiting.time < NOW + 3_600_000 && waiting.seen > NOW, "{waiting:?}");
}

#[test]
fn appended_and_earlier_messages_are_indexed() {
    let threads = TestThreads::new();
    let times = |count| (0..count).for_each(|_| threads.index_steps.recv_timeout(PATIENCE).unwrap());
    // Left from the previous run, in four steps.
    times(4);
    let many: Vec<u32> = (1..=1000).collect();
    threads.append(0, &many);
    assert_eq!(threads.appending().len(), 1000);
    threads.orders.send(Order::Append).unwrap();
    times(2);
    // A few messages are indexed after a delay.
    threads.append(0, &[1001]);
    assert_eq!(threads.appending(), [1001]);
    threads.orders.send(Order::Append).unwrap();
    times(1);
}

#[test]
fn failing_index_does_not_delay_appends() {
    let begun = Instant::now();
    let threads = TestThreads::with(None);
    threads.index_steps.recv_timeout(PATIENCE).unwrap();
    let many: Vec<u32> = (1..=1000).collect();
    threads.append(0, &many);
    assert_eq!(threads.appending().len(), 1000);
    threads.orders.send(Order::Append).unwrap();
    assert_eq!(threads.reported().map(|seqs| seqs.len()), Ok(1000));
    // Retried after a pause, not with each message.
    threads.append(0, &[1001]);
    assert_eq!(threads.appending(), [1001]);
    threads.orders.send(Order::Append).unwrap();
    assert_eq!(threads.reported(), Ok(vec![1001]));
    let is_tried_again = threads.index_steps.try_recv().is_ok();
    assert!(!is_tried_again || begun.elapsed() >= INDEX_RETRY, "tried again with the message");
}

#[test]
fn closing_finishes_pending_work_and_leaves_one_file() {
    let dir = Dir::new();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let mut log = SqliteLog::open_with(&dir, &FAST).unwrap();
    log.append(&beginning(), &[]).unwrap();
    let reported = reports.clone();
    let handle =
        start(Box::new(log), Retention::default(), move |report| reported.lock().unwrap().push(report))
            .unwrap();
    for n in 1..=100 {
        handle.append(AppendBatch { generation: 0, proposals: vec![entry(n, LOBBY, "x")], rows: Vec::new() });
    }
    let query = RoomQuery::Page(LOBBY, PageStart::End, ALL);
    handle.read(7, Query { requester: Requester::default(), query });
    handle.close();
    let reports = reports.lock().unwrap();
    let appended =
        reports.iter().filter(|report| matches!(report, LogReport::Appended(Ok(all)) if all.len() == 1));
    assert_eq!((appended.count(), reports.len()), (100, 101));
    let mut names: Vec<_> =
        dir.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["parlour.db", "parlour.lock"]);
    let page = dir.open_with(&FAST).unwrap().reader().unwrap().page(LOBBY, PageStart::End, ALL).unwrap();
    assert_eq!((page.messages.len(), page.to), (100, 100));
}
