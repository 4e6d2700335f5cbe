//! The log's threads, with a log controlled by the test.

mod test_log;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use parlour_core::model::RoomId;
use parlour_server::store::{
    EventLog as _, HistoryPage, LogError, PageStart, Requester, Retention, RoomQuery, RoomResult,
    retention_clock::ClockRecord,
    sqlite::SqliteLog,
    threads::{AppendBatch, LogReport, Query, start},
};

use self::test_log::{Order, PATIENCE, TestThreads, full, requester};
use crate::world::{ALL, Dir, FAST, NOW, beginning, entry};

const LOBBY: RoomId = RoomId::LOBBY;
/// The pause after which a failed step of the index is tried again.
const INDEX_RETRY: Duration = Duration::from_secs(10);

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
