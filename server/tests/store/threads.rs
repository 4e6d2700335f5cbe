//! The log's threads, with a log controlled by the test.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use parlour_server::store::{
    AppendOutcome, EventLog, HistoryPage, INDEX_STEP_MESSAGES, LogError, LogReader, NewMessage, PageSize,
    PageStart, Retention, RoomSummary, SearchResults, SessionChange, SessionRecord, Stamp,
    sqlite::SqliteLog,
    threads::{AppendBatch, LogReport, LogThreads, Query, QueryKind, QueryResult, start},
};

use crate::world::{ALL, Dir, FAST, entry};

/// How long a thread may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the log does with an append.
enum Do {
    Append,
    Fail(LogError),
    Panic,
}

/// A log that reports each append and waits for an instruction.
struct Puppet {
    appends: Sender<Vec<NewMessage>>,
    orders: Receiver<Do>,
    tidied: Sender<()>,
    indexed: Sender<()>,
    /// The number of unindexed messages; `None` if indexing fails.
    left: Option<u64>,
    seq: u64,
}

impl EventLog for Puppet {
    fn append(
        &mut self,
        entries: &[NewMessage],
        _: &[SessionChange],
    ) -> Result<Vec<AppendOutcome>, LogError> {
        self.appends.send(entries.to_vec()).unwrap();
        match self.orders.recv().unwrap() {
            Do::Append => {}
            Do::Fail(error) => return Err(error),
            Do::Panic => panic!("as told"),
        }
        let mut place = |entry: &NewMessage| {
            self.seq += 1;
            AppendOutcome::Appended(Stamp { seq: self.seq, time: entry.time })
        };
        self.left = self.left.map(|left| left + entries.len() as u64);
        Ok(entries.iter().map(&mut place).collect())
    }

    fn apply_retention(&mut self, _: &Retention, _: i64) -> Result<bool, LogError> {
        let _ = self.tidied.send(());
        Ok(true)
    }

    fn index_pending(&mut self) -> Result<u64, LogError> {
        self.left = self.left.map(|left| left.saturating_sub(INDEX_STEP_MESSAGES));
        let _ = self.indexed.send(());
        self.left.ok_or_else(full)
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(Blank))
    }
}

/// A reader of an empty log that panics on searches.
struct Blank;

impl LogReader for Blank {
    fn id(&mut self) -> Result<[u8; 16], LogError> {
        Ok([0; 16])
    }
    fn page(&mut self, _: &str, _: PageStart, _: PageSize) -> Result<HistoryPage, LogError> {
        Ok(HistoryPage { to: 9, ..HistoryPage::default() })
    }
    fn search(&mut self, _: &str, _: &str, _: u64, _: PageSize) -> Result<SearchResults, LogError> {
        panic!("as ever")
    }
    fn rooms(&mut self) -> Result<Vec<RoomSummary>, LogError> {
        Ok(Vec::new())
    }
    fn sessions(&mut self) -> Result<Vec<SessionRecord>, LogError> {
        Ok(Vec::new())
    }
}

struct Stage {
    // Dropped before the threads, so that a failing test leaves no log waiting.
    orders: Sender<Do>,
    handle: LogThreads,
    appends: Receiver<Vec<NewMessage>>,
    tidied: Receiver<()>,
    indexed: Receiver<()>,
    reports: Receiver<LogReport>,
}

impl Stage {
    fn new() -> Self {
        Self::with(Some(4 * INDEX_STEP_MESSAGES))
    }

    /// A log with this number of unindexed messages.
    fn with(left: Option<u64>) -> Self {
        let (appended, appends) = channel();
        let (orders, ordered) = channel();
        let (tidy, tidied) = channel();
        let (index, indexed) = channel();
        let (report, reports) = channel();
        let puppet =
            Puppet { appends: appended, orders: ordered, tidied: tidy, indexed: index, left, seq: 0 };
        let report = move |told| report.send(told).unwrap();
        let handle = start(Box::new(puppet), Retention::default(), report).unwrap();
        Self { handle, appends, orders, tidied, indexed, reports }
    }

    fn append(&self, generation: u32, ids: &[u32]) {
        let entries = ids.iter().map(|&n| entry(n, "", &n.to_string())).collect();
        self.handle.append(AppendBatch { generation, messages: entries, sessions: Vec::new() });
    }

    /// The ids of the next append.
    fn appending(&self) -> Vec<u32> {
        let entries = self.appends.recv_timeout(PATIENCE).unwrap();
        entries.iter().map(|entry| entry.content.parse().unwrap()).collect()
    }

    /// The sequence numbers of the next reported batch.
    fn reported(&self) -> Result<Vec<u64>, LogError> {
        match self.reports.recv_timeout(PATIENCE).unwrap() {
            LogReport::Appended(appended) => {
                appended.map(|all| all.into_iter().map(|a| crate::world::new(a).seq).collect())
            }
            LogReport::Read(..) => panic!("nothing was read"),
        }
    }

    /// Submits batches while a first one is being appended.
    fn during_first_append(jobs: impl FnOnce(&Self)) -> Self {
        let stage = Self::new();
        stage.append(0, &[1]);
        assert_eq!(stage.appending(), [1]);
        jobs(&stage);
        stage.orders.send(Do::Append).unwrap();
        assert_eq!(stage.reported(), Ok(vec![1]));
        stage
    }
}

fn full() -> LogError {
    LogError::Full("here".into())
}

#[test]
fn pending_batches_are_committed_together_and_reported_in_order() {
    let stage = Stage::during_first_append(|stage| {
        stage.append(0, &[2, 3]);
        stage.append(0, &[]);
        stage.append(1, &[4]);
    });
    assert_eq!(stage.appending(), [2, 3, 4]);
    stage.orders.send(Do::Append).unwrap();
    assert_eq!(
        [stage.reported(), stage.reported(), stage.reported()],
        [Ok(vec![2, 3]), Ok(vec![]), Ok(vec![4])]
    );
}

#[test]
fn group_size_is_bounded() {
    let ids: Vec<_> = (2..=5000).collect();
    let stage = Stage::during_first_append(|stage| ids.iter().for_each(|&n| stage.append(0, &[n])));
    let first = stage.appending();
    stage.orders.send(Do::Append).unwrap();
    let second = stage.appending();
    stage.orders.send(Do::Append).unwrap();
    assert!(first.len() < 4999 && first.len() > 1000, "{}", first.len());
    assert_eq!([first, second].concat(), ids);
    for &n in &ids {
        assert_eq!(stage.reported(), Ok(vec![n.into()]));
    }
}

#[test]
fn batches_of_a_failed_generation_are_not_tried() {
    let stage = Stage::during_first_append(|stage| {
        stage.append(0, &[2]);
        stage.append(1, &[3]);
    });
    assert_eq!(stage.appending(), [2, 3]);
    // Submitted before the failure was reported.
    stage.append(0, &[4]);
    stage.append(1, &[5]);
    stage.append(2, &[6]);
    stage.append(1, &[7]);
    stage.append(2, &[8]);
    stage.orders.send(Do::Fail(full())).unwrap();
    assert_eq!([stage.reported(), stage.reported()], [Err(full()), Err(full())]);
    assert_eq!(stage.appending(), [6, 8]);
    stage.orders.send(Do::Append).unwrap();
    let reports: Vec<_> = (0..5).map(|_| stage.reported()).collect();
    assert_eq!(reports, [Err(full()), Err(full()), Ok(vec![2]), Err(full()), Ok(vec![3])]);
    // A batch alone is not tried either, and is reported.
    stage.append(1, &[9]);
    assert_eq!(stage.reported(), Err(full()));
    stage.append(2, &[10]);
    assert_eq!(stage.appending(), [10]);
    stage.orders.send(Do::Append).unwrap();
    assert_eq!(stage.reported(), Ok(vec![4]));
}

#[test]
fn panic_is_reported_as_failure() {
    let stage = Stage::new();
    stage.append(0, &[1]);
    stage.orders.send(Do::Panic).unwrap();
    let failed = stage.reported();
    assert_eq!(failed, Err(LogError::Failed("it panicked: as told".into())));
    stage.append(0, &[2]);
    assert_eq!(stage.reported(), failed);
    stage.append(1, &[3]);
    stage.orders.send(Do::Append).unwrap();
    assert_eq!(stage.reported(), Ok(vec![1]));
    // The same for a reader; the other one continues.
    let query = |kind| Query { room: "".into(), kind, size: ALL };
    for token in 0..9 {
        stage.handle.read(token, query(QueryKind::Search { query: "x".into(), before: 0 }));
        let LogReport::Read(told, Err(LogError::Failed(_))) = stage.reports.recv_timeout(PATIENCE).unwrap()
        else {
            panic!("no failure");
        };
        assert_eq!(told, token);
    }
    stage.handle.read(9, query(QueryKind::Page(PageStart::End)));
    let page = HistoryPage { to: 9, ..HistoryPage::default() };
    assert_eq!(
        stage.reports.recv_timeout(PATIENCE).unwrap(),
        LogReport::Read(9, Ok(QueryResult::Page(page)))
    );
}

#[test]
fn idle_log_applies_retention_until_done() {
    let stage = Stage::new();
    for _ in 0..5 {
        stage.tidied.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn appended_and_earlier_messages_are_indexed() {
    let stage = Stage::new();
    let times = |count| (0..count).for_each(|_| stage.indexed.recv_timeout(PATIENCE).unwrap());
    // Left from the previous run, in four steps.
    times(4);
    let many: Vec<u32> = (1..=1000).collect();
    stage.append(0, &many);
    assert_eq!(stage.appending().len(), 1000);
    stage.orders.send(Do::Append).unwrap();
    times(2);
    // Few messages wait for more, but not forever.
    stage.append(0, &[1001]);
    assert_eq!(stage.appending(), [1001]);
    stage.orders.send(Do::Append).unwrap();
    times(1);
}

#[test]
fn failing_index_does_not_delay_appends() {
    let stage = Stage::with(None);
    stage.indexed.recv_timeout(PATIENCE).unwrap();
    let many: Vec<u32> = (1..=1000).collect();
    stage.append(0, &many);
    assert_eq!(stage.appending().len(), 1000);
    stage.orders.send(Do::Append).unwrap();
    assert_eq!(stage.reported().map(|seqs| seqs.len()), Ok(1000));
    // Retried after a pause, not with each message.
    stage.append(0, &[1001]);
    assert_eq!(stage.appending(), [1001]);
    stage.orders.send(Do::Append).unwrap();
    assert_eq!(stage.reported(), Ok(vec![1001]));
    assert!(stage.indexed.try_recv().is_err(), "tried again with the message");
}

#[test]
fn closing_finishes_pending_work_and_leaves_one_file() {
    let dir = Dir::new();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let log = SqliteLog::open_with(&dir, &FAST).unwrap();
    let told = reports.clone();
    let handle =
        start(Box::new(log), Retention::default(), move |report| told.lock().unwrap().push(report)).unwrap();
    for n in 1..=100 {
        handle.append(AppendBatch { generation: 0, messages: vec![entry(n, "", "x")], sessions: Vec::new() });
    }
    handle.read(7, Query { room: "".into(), kind: QueryKind::Page(PageStart::End), size: ALL });
    handle.close();
    let reports = reports.lock().unwrap();
    let appended =
        reports.iter().filter(|report| matches!(report, LogReport::Appended(Ok(all)) if all.len() == 1));
    assert_eq!((appended.count(), reports.len()), (100, 101));
    let mut names: Vec<_> =
        dir.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["parlour.db", "parlour.lock"]);
    let page = dir.open_with(&FAST).unwrap().reader().unwrap().page("", PageStart::End, ALL).unwrap();
    assert_eq!((page.messages.len(), page.to), (100, 100));
}
