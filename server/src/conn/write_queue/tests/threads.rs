//! The two ends on two threads that write to the same stream.

use std::sync::{
    atomic::AtomicBool,
    mpsc::{self, RecvTimeoutError},
};

use super::*;

/// A stream for two writers that accepts parts of the input, and sometimes nothing.
#[derive(Debug, Default)]
struct Stream {
    writing: AtomicBool,
    calls: AtomicUsize,
    all: Mutex<Vec<u8>>,
    /// Bytes written so far, without Pongs.
    payload: AtomicUsize,
    hub_writes: AtomicUsize,
    socket_writes: AtomicUsize,
}

impl Stream {
    fn write(&self, buffers: &[IoSlice<'_>], by: &AtomicUsize) -> io::Result<usize> {
        assert!(!self.writing.swap(true, Ordering::AcqRel), "concurrent writes");
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let takes = [usize::MAX, 5, 0, 1_000, 0, 1, 70][call % 7];
        let mut all = self.all.lock().unwrap();
        let before = all.len();
        all.extend(buffers.iter().flat_map(|buffer| buffer.iter()).take(takes));
        let written = all.len() - before;
        let payload = all[before..].iter().filter(|byte| **byte != b'!').count();
        drop(all);
        self.payload.fetch_add(payload, Ordering::Relaxed);
        assert!(self.writing.swap(false, Ordering::AcqRel), "concurrent writes");
        by.fetch_add(1, Ordering::Relaxed);
        if written > 0 { Ok(written) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl Sink for Stream {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(buffers, &self.hub_writes)
    }
}

/// Wakes a thread; each wake is one message.
struct ChannelWaker(mpsc::Sender<()>);

impl Wake for ChannelWaker {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// Frames of many lengths, each of one letter, so that interleaved, duplicated and missing ones are detected.
fn frames(count: usize) -> Vec<Bytes> {
    (0..count).map(|n| Bytes::from(vec![b'A' + u8::try_from(n % 53).unwrap(); 1 + n * 7 % 90])).collect()
}

/// Does the work of the socket task on a thread. It only continues when it is woken, so a lost wake-up makes
/// the test fail.
fn run_socket_task(mut receiver: Receiver, stream: &Stream, bell: (Waker, mpsc::Receiver<()>)) {
    let cx = Context::from_waker(&bell.0);
    let (mut out, mut written, mut pongs) = (VecDeque::new(), (0, 0), 0);
    let mut ended = false;
    loop {
        let taken = receiver.take(&cx, &mut out, std::mem::take(&mut written), ended);
        ended |= taken.ending.is_some();
        if !taken.may_write || out.is_empty() {
            if ended && out.is_empty() {
                return;
            }
            // Sometimes queues a frame of its own: a Pong.
            if pongs < 1_000 && out.is_empty() && stream.calls.load(Ordering::Relaxed).is_multiple_of(3) {
                pongs += 1;
                out.push_back(Bytes::from_static(b"!"));
                continue;
            }
            match bell.1.recv_timeout(Duration::from_secs(60)) {
                Ok(()) => continue,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("lost wake-up with {} frames left", out.len())
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!("the waker is here"),
            }
        }
        let slices: Vec<_> = out.iter().take(3).map(|frame| IoSlice::new(frame)).collect();
        if let Ok(bytes) = stream.write(&slices, &stream.socket_writes) {
            drop(slices);
            written = (bytes, advance(&mut out, bytes).buffers);
        }
    }
}

#[test]
fn frames_written_by_two_threads_are_whole_and_in_order() {
    let (mut hub, mut task) = (0, 0);
    for round in 0..40_usize {
        let stream = Arc::new(Stream::default());
        let sink = Arc::downgrade(&stream);
        let (mut sender, receiver) = channel(bounds(usize::MAX, usize::MAX, OVERLOAD_GRACE), sink);
        let (ring, bell) = mpsc::channel();
        let waker = Waker::from(Arc::new(ChannelWaker(ring)));
        let frames = frames(3_000);
        std::thread::scope(|scope| {
            let task = scope.spawn(|| run_socket_task(receiver, &stream, (waker, bell)));
            let mut pushed = 0;
            for (n, frame) in frames.iter().enumerate() {
                sender.push(frame.clone()).unwrap();
                pushed += frame.len();
                if n % (1 + round % 5) == 0 {
                    sender.flush(n % (2 + round % 3) != 0);
                }
                // Wait until the task has written nearly everything; otherwise it would be the writer all the
                // time.
                let near = [0, 1, 200][n % 3];
                while n % (3 + round % 7) == 0
                    && sender.frames.is_empty()
                    && !task.is_finished()
                    && stream.payload.load(Ordering::Relaxed) + near < pushed
                {
                    std::thread::yield_now();
                }
            }
            sender.end(Ending::Close(Status::Normal));
        });
        let all = stream.all.lock().unwrap();
        let payload: Vec<u8> = all.iter().copied().filter(|byte| *byte != b'!').collect();
        assert!(payload == frames.concat(), "round {round}: {} bytes", payload.len());
        // Pongs are only between frames.
        let mut at = 0;
        for frame in &frames {
            at += all[at..].iter().take_while(|byte| **byte == b'!').count();
            assert!(all[at..].starts_with(frame), "round {round}: frame interrupted at {at}");
            at += frame.len();
        }
        hub += stream.hub_writes.load(Ordering::Relaxed);
        task += stream.socket_writes.load(Ordering::Relaxed);
    }
    assert!(hub > 4_000 && task > 4_000, "{hub} writes by the hub task, {task} by the socket task");
}
