//! The write queue's two ends on one thread, and on real sockets.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
};

use super::*;
use crate::{
    conn::{
        input_budget::{InputBudget, MAX_BYTES_PER_CONNECTION, MIN_MESSAGE_BYTES},
        limiter::ConnectionLimiter,
        socket::Socket,
        timeouts::Timeouts,
    },
    hub::connection_table::ConnectionId,
    hub_task::HubInput,
};

fn bounds(bytes: usize, frames: usize, grace: Duration) -> Bounds {
    Bounds { bytes, frames, grace }
}

/// A queue without grace time and without direct writes.
fn small() -> (Sender, Receiver) {
    channel(bounds(10, 3, Duration::ZERO), Weak::<OneByteSink>::new())
}

fn take(queue: &mut Receiver, out: &mut VecDeque<Bytes>) -> Taken {
    take_after_write(queue, out, (0, 0))
}

fn take_after_write(queue: &mut Receiver, out: &mut VecDeque<Bytes>, written: (usize, usize)) -> Taken {
    queue.take(&Context::from_waker(Waker::noop()), out, written, false)
}

fn take_last(queue: &mut Receiver, out: &mut VecDeque<Bytes>) -> Taken {
    queue.take(&Context::from_waker(Waker::noop()), out, (0, 0), true)
}

#[test]
fn queue_is_full_by_bytes_or_by_buffers() {
    let (mut sender, mut receiver) = small();
    assert_eq!(sender.push(Bytes::from_static(b"12345678")), Ok(()));
    assert_eq!(sender.push(Bytes::from_static(b"123")), Err(Full));
    assert_eq!(sender.push(Bytes::from_static(b"1")), Ok(()));
    assert_eq!(sender.push(Bytes::from_static(b"2")), Ok(()));
    assert_eq!(sender.push(Bytes::new()), Err(Full));
    sender.flush(true);
    let mut out = VecDeque::new();
    take(&mut receiver, &mut out);
    assert_eq!(out.len(), 3);
    assert_eq!(sender.push(Bytes::new()), Err(Full), "taken, but not written");
    take_after_write(&mut receiver, &mut out, (9, 2));
    assert_eq!(sender.push(Bytes::from_static(b"12345")), Ok(()));
}

#[test]
fn drain_after_overflow_is_reported_once() {
    let (mut sender, mut receiver) = small();
    sender.push(Bytes::from_static(b"12345678")).unwrap();
    sender.flush(true);
    let mut out = VecDeque::new();
    assert!(!take(&mut receiver, &mut out).drained);
    assert_eq!(sender.push(Bytes::from_static(b"12345678")), Err(Full));
    sender.flush(true);
    assert!(!take(&mut receiver, &mut out).drained, "taken, but not written");
    out.clear();
    assert!(take_after_write(&mut receiver, &mut out, (8, 1)).drained);
    assert!(!take(&mut receiver, &mut out).drained);
}

#[test]
fn burst_may_exceed_bounds_up_to_hard_limit() {
    let (mut sender, _receiver) = channel(bounds(10, 1_000, OVERLOAD_GRACE), Weak::<OneByteSink>::new());
    for _ in 0..HARD_LIMIT_FACTOR {
        assert_eq!(sender.push(Bytes::from_static(b"1234567890")), Ok(()));
    }
    assert_eq!(sender.push(Bytes::from_static(b"1")), Err(Full));
}

mod threads;

/// Accepts one byte per write.
#[derive(Debug)]
struct OneByteSink;

impl Sink for OneByteSink {
    fn write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(1)
    }
}

#[test]
fn each_write_restarts_the_grace_time() {
    let sink: Arc<dyn Sink> = Arc::new(OneByteSink);
    let (mut sender, mut receiver) = channel(bounds(4, 9, OVERLOAD_GRACE), Arc::downgrade(&sink));
    let push = |sender: &mut Sender| sender.push(Bytes::from_static(b"1234"));
    let wait = |sender: &mut Sender| {
        sender.over_since = sender.over_since.and_then(|at| at.checked_sub(OVERLOAD_GRACE));
    };
    assert_eq!((push(&mut sender), push(&mut sender)), (Ok(()), Ok(())));
    wait(&mut sender);
    assert_eq!(push(&mut sender), Err(Full));
    sender.flush(true);
    assert_eq!(push(&mut sender), Ok(()), "something was written here");
    wait(&mut sender);
    assert_eq!(push(&mut sender), Err(Full));
    take_after_write(&mut receiver, &mut VecDeque::new(), (1, 0));
    assert_eq!(push(&mut sender), Ok(()), "something was written by the task");
}

#[test]
fn first_ending_counts_except_for_abort() {
    let (mut sender, mut receiver) = small();
    sender.push(Bytes::from_static(b"1")).unwrap();
    sender.end(Ending::Close(Status::Normal));
    sender.discard_and_close(Status::TooSlow);
    sender.push(Bytes::from_static(b"2")).unwrap();
    sender.flush(true);
    let mut out = VecDeque::new();
    assert_eq!(take(&mut receiver, &mut out).ending, Some(Ending::Close(Status::Normal)));
    assert!(out.is_empty());
    sender.end(Ending::Abort);
    assert_eq!(take(&mut receiver, &mut out).ending, Some(Ending::Abort));
}

#[test]
fn frames_pushed_before_the_end_are_handed_over() {
    let (mut sender, mut receiver) = small();
    sender.push(Bytes::from_static(b"flushed")).unwrap();
    sender.flush(false);
    sender.push(Bytes::from_static(b"not")).unwrap();
    sender.end(Ending::Close(Status::Normal));
    let mut out = VecDeque::new();
    assert_eq!(take(&mut receiver, &mut out).ending, Some(Ending::Close(Status::Normal)));
    assert_eq!(out, ["flushed", "not"]);
}

#[test]
fn socket_stops_reading_while_hub_is_behind() {
    let (sender, mut receiver) = small();
    let mut out = VecDeque::new();
    for length in [1, MIN_MESSAGE_BYTES, MAX_BYTES_PER_CONNECTION / 2, MAX_BYTES_PER_CONNECTION, 10 << 20] {
        for _ in 0..MAX_BYTES_PER_CONNECTION.div_ceil(length.max(MIN_MESSAGE_BYTES)) {
            assert!(take(&mut receiver, &mut out).may_read);
            receiver.message_forwarded(length);
        }
        assert!(!take(&mut receiver, &mut out).may_read, "{length}");
        for _ in 0..MAX_BYTES_PER_CONNECTION.div_ceil(length.max(MIN_MESSAGE_BYTES)) {
            sender.message_handled(length);
            assert!(take(&mut receiver, &mut out).may_read, "{length}");
        }
    }
}

/// The two ends of a TCP connection.
async fn ends() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// A write half and the other end.
async fn connection() -> (Arc<OwnedWriteHalf>, TcpStream) {
    let (near, far) = ends().await;
    let (_, write) = near.into_split();
    write.as_ref().writable().await.unwrap();
    (Arc::new(write), far)
}

/// Reads exactly this many bytes.
async fn read(far: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut all = vec![0; bytes];
    far.read_exact(&mut all).await.unwrap();
    all
}

#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn direct_write_does_not_wake_the_socket_task() {
    let (write, mut far) = connection().await;
    let sink = Arc::downgrade(&write);
    let (mut sender, mut receiver) = channel(bounds(100, 3, Duration::ZERO), sink);
    let (woken, mut out) = (Arc::new(CountingWaker::default()), VecDeque::new());
    let waker = Waker::from(woken.clone());
    let cx = Context::from_waker(&waker);
    let take_wakes = || woken.0.swap(0, Ordering::Relaxed);
    assert!(!receiver.take(&cx, &mut out, (0, 0), false).may_write);
    for _ in 0..9 {
        sender.push(Bytes::from_static(b"one")).unwrap();
        sender.push(Bytes::from_static(b"two")).unwrap();
        sender.flush(true);
        assert_eq!((read(&mut far, 6).await, take_wakes()), (b"onetwo".to_vec(), 0));
    }
    // Not if the socket task has something to write, nor if direct writes are off.
    out.push_back(Bytes::from_static(b"pong"));
    assert!(receiver.take(&cx, &mut out, (0, 0), false).may_write);
    sender.push(Bytes::from_static(b"three")).unwrap();
    sender.flush(true);
    assert_eq!(take_wakes(), 1);
    assert!(receiver.take(&cx, &mut out, (0, 0), false).may_write);
    assert_eq!(out, ["pong", "three"]);
    out.clear();
    receiver.take(&cx, &mut out, (9, 2), false);
    sender.push(Bytes::from_static(b"four")).unwrap();
    sender.flush(false);
    assert_eq!(take_wakes(), 1);
    assert!(far.try_read(&mut [0; 9]).is_err(), "nothing more was written");
    // Nor after the end.
    receiver.take(&cx, &mut out, (0, 0), false);
    out.clear();
    receiver.take(&cx, &mut out, (4, 1), true);
    sender.push(Bytes::from_static(b"five")).unwrap();
    sender.flush(true);
    assert!(far.try_read(&mut [0; 9]).is_err(), "nothing more was written");
    receiver.take(&cx, &mut out, (0, 0), true);
    assert!(out.is_empty(), "{out:?}");
}

#[tokio::test]
async fn rest_of_a_partially_written_frame_goes_first() {
    // More than the operating system accepts in one write.
    let frame = Bytes::from(vec![7; 32 << 20]);
    let all = frame.len();
    let mut out = VecDeque::new();
    let partially_written = async || {
        let (write, far) = connection().await;
        let sink = Arc::downgrade(&write);
        let (mut sender, mut receiver) = channel(bounds(usize::MAX, 9, Duration::ZERO), sink);
        take(&mut receiver, &mut VecDeque::new());
        sender.push(frame.clone()).unwrap();
        sender.flush(true);
        (sender, receiver, write, far)
    };
    let (_sender, mut receiver, _write, mut far) = partially_written().await;
    out.push_back(Bytes::from_static(b"pong"));
    let taken = take(&mut receiver, &mut out);
    assert!(taken.partially_written);
    assert!(
        (1..all).contains(&out[0].len()) && out[1] == "pong",
        "{} bytes, then {}",
        out[0].len(),
        out.len()
    );
    assert_eq!(read(&mut far, all - out[0].len()).await.len(), all - out[0].len());

    // The same for a queue that discards its frames, and for a connection that is closing.
    for fails in [true, false] {
        let (mut sender, mut receiver, _write, _far) = partially_written().await;
        sender.push(Bytes::from_static(b"dropped")).unwrap();
        sender.flush(true);
        sender.push(Bytes::from_static(b"dropped")).unwrap();
        if fails {
            sender.discard_and_close(Status::TooSlow);
        }
        out.clear();
        assert!(take_last(&mut receiver, &mut out).partially_written);
        assert!(out.len() == 1 && (1..all).contains(&out[0].len()));
        sender.flush(true);
        assert!(!take_last(&mut receiver, &mut out).partially_written, "once");
        assert_eq!(out.len(), 1);
    }
}

/// Runs a callback during the hub task's write.
struct CallbackSink(Mutex<Box<dyn FnMut() + Send>>);

impl fmt::Debug for CallbackSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackSink")
    }
}

impl Sink for CallbackSink {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (self.0.lock().unwrap())();
        Ok(buffers.iter().map(|buffer| buffer.len()).sum())
    }
}

#[test]
fn socket_task_is_woken_after_the_hub_write_it_waited_for() {
    let woken = Arc::new(CountingWaker::default());
    let waker = Waker::from(woken.clone());
    type Ends = Option<(Receiver, VecDeque<Bytes>)>;
    let task: Arc<Mutex<Ends>> = Arc::default();
    let during = {
        let (task, waker) = (task.clone(), waker.clone());
        move || {
            let mut task = task.lock().unwrap();
            let (receiver, out) = task.as_mut().unwrap();
            let taken = receiver.take(&Context::from_waker(&waker), out, (0, 0), false);
            assert!(!taken.may_write && taken.may_read);
        }
    };
    let sink: Arc<dyn Sink> = Arc::new(CallbackSink(Mutex::new(Box::new(during))));
    let (mut sender, receiver) = channel(bounds(100, 9, Duration::ZERO), Arc::downgrade(&sink));
    *task.lock().unwrap() = Some((receiver, VecDeque::new()));
    sender.push(Bytes::from_static(b"one")).unwrap();
    sender.flush(true);
    assert_eq!(woken.0.load(Ordering::Relaxed), 0, "it had nothing to write");
    task.lock().unwrap().as_mut().unwrap().1.push_back(Bytes::from_static(b"pong"));
    sender.push(Bytes::from_static(b"two")).unwrap();
    sender.flush(true);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    let mut task = task.lock().unwrap();
    let (receiver, out) = task.as_mut().unwrap();
    assert!(receiver.take(&Context::from_waker(&waker), out, (0, 0), false).may_write);
    assert_eq!(*out, ["pong"]);
}

/// A socket task without timeouts, its queue, and the inputs of the hub.
fn socket(near: TcpStream, budget: InputBudget) -> (Socket, Sender, UnboundedReceiver<HubInput>) {
    let (read, write) = near.into_split();
    let write = Arc::new(write);
    let sink = Arc::downgrade(&write);
    let (sender, receiver) = channel(bounds(100, 9, Duration::ZERO), sink);
    let (inbox, inputs) = tokio::sync::mpsc::unbounded_channel();
    let never = Duration::from_secs(600);
    let times = Arc::new(Timeouts {
        ping_interval: never,
        ping_timeout: never,
        frame_timeout: never,
        write_timeout: never,
    });
    let conn = ConnectionId::new(0, 0);
    (Socket::new((read, write), conn, 1 << 10, receiver, inbox, budget, times), sender, inputs)
}

fn budget(limiter: &Arc<ConnectionLimiter>) -> InputBudget {
    InputBudget::new(limiter.acquire([127, 0, 0, 1].into()).unwrap())
}

#[tokio::test]
async fn message_and_close_wait_until_the_address_has_fewer_unhandled_bytes() {
    let limiter = ConnectionLimiter::new(0, 0);
    let others = budget(&limiter).try_reserve(usize::MAX).unwrap();
    let (near, mut far) = ends().await;
    let (socket, _sender, mut inputs) = socket(near, budget(&limiter));
    let task = tokio::spawn(socket.run(Bytes::new()));
    // Two messages, a Ping and a Close, in one write.
    let input = [0x82, 0x81, 0, 0, 0, 0, b'a', 0x82, 0x81, 0, 0, 0, 0, b'b', 0x89, 0x80, 0, 0, 0, 0];
    far.write_all(&[&input[..], &[0x88, 0x80, 0, 0, 0, 0]].concat()).await.unwrap();
    let mut pong = [0; 2];
    far.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, [0x8A, 0], "the Ping is answered, so what precedes it was read");
    assert!(inputs.try_recv().is_err(), "nothing of it is in the hub's channel");
    drop(others);
    for expected in [b"a", b"b"] {
        match inputs.recv().await {
            Some(HubInput::Message { bytes, .. }) => assert_eq!(bytes, expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(inputs.recv().await, Some(HubInput::Closed { reason: "closed by the peer", .. })));
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [0x88, 0]);
    task.await.unwrap();
}

#[tokio::test]
async fn close_at_end_of_stream_is_answered_after_a_hub_write() {
    let (near, mut far) = ends().await;
    let (socket, sender, mut inputs) = socket(near, budget(&ConnectionLimiter::new(0, 0)));
    assert!(sender.shared.begin_hub_write());
    far.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    far.shutdown().await.unwrap();
    let task = tokio::spawn(socket.run(Bytes::new()));
    assert!(matches!(inputs.recv().await, Some(HubInput::Closed { .. })));
    assert!(sender.shared.finish_hub_write(), "the socket task waits");
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [0x88, 0]);
    task.await.unwrap();
    assert!(sender.sink.upgrade().is_none(), "the connection is closed though the hub has its queue");
}
