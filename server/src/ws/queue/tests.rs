use super::*;

fn take(queue: &Queue, out: &mut VecDeque<Bytes>) -> Taken {
    queue.take(&Context::from_waker(Waker::noop()), out, 0, 0)
}

#[test]
fn full_by_bytes_or_by_frames() {
    let queue = Queue::new(10, 3, Duration::ZERO);
    assert_eq!(queue.push(Bytes::from_static(b"12345678")), Ok(()));
    assert_eq!(queue.push(Bytes::from_static(b"123")), Err(Full));
    assert_eq!(queue.push(Bytes::from_static(b"1")), Ok(()));
    assert_eq!(queue.push_snapshot(Bytes::from_static(b"123456789")), Ok(()));
    assert_eq!(queue.push(Bytes::new()), Err(Full));
    let mut out = VecDeque::new();
    take(&queue, &mut out);
    assert_eq!(out.len(), 3);
    assert_eq!(queue.push(Bytes::new()), Err(Full), "taken is not written");
    queue.take(&Context::from_waker(Waker::noop()), &mut out, 9, 2);
    assert_eq!(queue.push(Bytes::from_static(b"12345")), Ok(()));
}

#[test]
fn it_is_told_once_that_all_is_written_after_it_was_too_full() {
    let queue = Queue::new(10, 3, Duration::ZERO);
    queue.push(Bytes::from_static(b"12345678")).unwrap();
    let mut out = VecDeque::new();
    assert!(!take(&queue, &mut out).drained);
    assert_eq!(queue.push(Bytes::from_static(b"12345678")), Err(Full));
    assert!(!take(&queue, &mut out).drained, "taken is not written");
    let cx = Context::from_waker(Waker::noop());
    assert!(queue.take(&cx, &mut out, 8, 1).drained);
    assert!(!take(&queue, &mut out).drained);
}

#[test]
fn who_reads_may_be_sent_more_than_the_bound_but_not_without_end() {
    let queue = Queue::new(10, 1_000, GRACE);
    for _ in 0..HARD {
        assert_eq!(queue.push(Bytes::from_static(b"1234567890")), Ok(()));
    }
    assert_eq!(queue.push(Bytes::from_static(b"1")), Err(Full));
}

/// Takes one byte.
#[derive(Debug)]
struct Sip;

impl Sink for Sip {
    fn write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(1)
    }
}

#[test]
fn who_reads_nothing_for_so_long_is_too_slow_and_who_reads_has_as_long_again() {
    let queue = Queue::new(4, 9, GRACE);
    let mut out = VecDeque::new();
    let push = || queue.push(Bytes::from_static(b"1234"));
    let wait = || {
        let mut state = queue.state();
        state.over_since = state.over_since.and_then(|at| at.checked_sub(GRACE));
    };
    queue.attach(Arc::new(Sip));
    assert_eq!((push(), push()), (Ok(()), Ok(())));
    wait();
    assert_eq!(push(), Err(Full));
    queue.flush(true);
    assert_eq!(push(), Ok(()), "something was written here");
    wait();
    assert_eq!(push(), Err(Full));
    queue.take(&Context::from_waker(Waker::noop()), &mut out, 1, 0);
    assert_eq!(push(), Ok(()), "something was written by the task");
}

#[test]
fn the_first_ending_counts() {
    let queue = Queue::new(10, 3, Duration::ZERO);
    queue.push(Bytes::from_static(b"1")).unwrap();
    queue.end(Ending::Close(Status::Normal));
    queue.fail(Status::TooSlow);
    queue.push(Bytes::from_static(b"2")).unwrap();
    let mut out = VecDeque::new();
    assert_eq!(take(&queue, &mut out).ending, Some(Ending::Close(Status::Normal)));
    assert!(out.is_empty());
    queue.end(Ending::Drop);
    assert_eq!(take(&queue, &mut out).ending, Some(Ending::Drop));
}

#[test]
fn a_socket_stops_reading_while_the_hub_is_behind() {
    let queue = Queue::new(10, 3, Duration::ZERO);
    let mut out = VecDeque::new();
    for _ in 0..UNHANDLED {
        assert!(take(&queue, &mut out).may_read);
        queue.handing_over();
    }
    assert!(!take(&queue, &mut out).may_read);
    queue.handled();
    assert!(take(&queue, &mut out).may_read);
}

/// A connection, and its other end.
async fn connection() -> (Arc<OwnedWriteHalf>, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(tokio::net::TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (_, write) = near.unwrap().into_split();
    (Arc::new(write), far.unwrap().0)
}

/// All that comes, once so much of it has.
async fn read(far: &mut tokio::net::TcpStream, bytes: usize) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut all = vec![0; bytes];
    far.read_exact(&mut all).await.unwrap();
    all
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_fits_is_written_at_once_and_the_task_is_not_woken() {
    let (write, mut far) = connection().await;
    write.as_ref().as_ref().writable().await.unwrap();
    let queue = Queue::new(100, 3, Duration::ZERO);
    let (woken, mut out) = (Arc::new(Woken::default()), VecDeque::new());
    let waker = Waker::from(woken.clone());
    let cx = Context::from_waker(&waker);
    let wakings = || woken.0.load(Ordering::Relaxed);
    queue.attach(write);
    queue.take(&cx, &mut out, 0, 0);
    for _ in 0..9 {
        queue.push(Bytes::from_static(b"one")).unwrap();
        queue.push(Bytes::from_static(b"two")).unwrap();
        queue.flush(true);
        assert_eq!((read(&mut far, 6).await, wakings()), (b"onetwo".to_vec(), 0));
    }
    // Not when the task has something to write itself, nor when it is not wanted.
    out.push_back(Bytes::from_static(b"pong"));
    queue.take(&cx, &mut out, 0, 0);
    queue.push(Bytes::from_static(b"three")).unwrap();
    queue.flush(true);
    assert_eq!(wakings(), 1);
    queue.take(&cx, &mut out, 0, 0);
    assert_eq!(out, ["pong", "three"]);
    out.clear();
    queue.take(&cx, &mut out, 9, 2);
    queue.push(Bytes::from_static(b"four")).unwrap();
    queue.flush(false);
    assert_eq!(wakings(), 2);
    assert!(far.try_read(&mut [0; 9]).is_err(), "nothing more was written");
    // Nor after the end.
    queue.take(&cx, &mut out, 0, 0);
    out.clear();
    queue.give_up(&cx);
    queue.push(Bytes::from_static(b"five")).unwrap();
    queue.flush(true);
    assert!(far.try_read(&mut [0; 9]).is_err(), "nothing more was written");
}

#[tokio::test]
async fn the_rest_of_a_frame_goes_before_all_else() {
    let (write, mut far) = connection().await;
    write.as_ref().as_ref().writable().await.unwrap();
    let filled = |queue: &Queue| {
        // More than the system takes.
        let frame = Bytes::from(vec![7; 32 << 20]);
        queue.push(frame.clone()).unwrap();
        queue.flush(true);
        frame.len()
    };
    let queue = Queue::new(usize::MAX, 9, Duration::ZERO);
    queue.attach(write);
    let mut out = VecDeque::new();
    take(&queue, &mut out);
    let all = filled(&queue);
    out.push_back(Bytes::from_static(b"pong"));
    let taken = take(&queue, &mut out);
    assert!(taken.torn);
    assert!(
        (1..all).contains(&out[0].len()) && out[1] == "pong",
        "{} bytes, then {}",
        out[0].len(),
        out.len()
    );
    assert_eq!(read(&mut far, all - out[0].len()).await.len(), all - out[0].len());

    // Of a queue that failed, and for who writes his last.
    for fails in [true, false] {
        let (write, _far) = connection().await;
        write.as_ref().as_ref().writable().await.unwrap();
        let queue = Queue::new(usize::MAX, 9, Duration::ZERO);
        queue.attach(write);
        take(&queue, &mut VecDeque::new());
        let all = filled(&queue);
        queue.push(Bytes::from_static(b"dropped")).unwrap();
        if fails {
            queue.fail(Status::TooSlow);
        }
        let (_, rest) = queue.give_up(&Context::from_waker(Waker::noop()));
        assert!((1..all).contains(&rest.unwrap().len()));
        assert!(queue.give_up(&Context::from_waker(Waker::noop())).1.is_none(), "once");
    }
}
