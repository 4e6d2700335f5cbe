//! The two ends on two threads, which write one stream by turns.

use std::sync::{
    atomic::AtomicBool,
    mpsc::{self, RecvTimeoutError},
};

use super::*;

/// A stream that two may write to, which takes some of what it is given, and nothing now and then.
#[derive(Debug, Default)]
struct Stream {
    writing: AtomicBool,
    calls: AtomicUsize,
    all: Mutex<Vec<u8>>,
    /// So many bytes of it are no Pong.
    said: AtomicUsize,
    by_the_hub: AtomicUsize,
    by_the_task: AtomicUsize,
}

impl Stream {
    fn write(&self, buffers: &[IoSlice<'_>], by: &AtomicUsize) -> io::Result<usize> {
        assert!(!self.writing.swap(true, Ordering::AcqRel), "two write at once");
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let takes = [usize::MAX, 5, 0, 1_000, 0, 1, 70][call % 7];
        let mut all = self.all.lock().unwrap();
        let before = all.len();
        all.extend(buffers.iter().flat_map(|buffer| buffer.iter()).take(takes));
        let written = all.len() - before;
        let said = all[before..].iter().filter(|byte| **byte != b'!').count();
        drop(all);
        self.said.fetch_add(said, Ordering::Relaxed);
        assert!(self.writing.swap(false, Ordering::AcqRel), "two write at once");
        by.fetch_add(1, Ordering::Relaxed);
        if written > 0 { Ok(written) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl Sink for Stream {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(buffers, &self.by_the_hub)
    }
}

/// Wakes a thread, which looks again for every time it is woken.
struct Bell(mpsc::Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// Frames of every length, each of one letter, so that one that is broken into, doubled or missing is seen.
fn frames(count: usize) -> Vec<Bytes> {
    (0..count).map(|n| Bytes::from(vec![b'A' + u8::try_from(n % 53).unwrap(); 1 + n * 7 % 90])).collect()
}

/// What the socket's task does, on a thread. Never looks without having been woken, so one that is forgotten hangs.
fn carry(mut receiver: Receiver, stream: &Stream, bell: (Waker, mpsc::Receiver<()>)) {
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
            // Now and then something of its own to write comes up: a Pong.
            if pongs < 1_000 && out.is_empty() && stream.calls.load(Ordering::Relaxed).is_multiple_of(3) {
                pongs += 1;
                out.push_back(Bytes::from_static(b"!"));
                continue;
            }
            match bell.1.recv_timeout(Duration::from_secs(60)) {
                Ok(()) => continue,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("nobody woke the task, which has {} left", out.len())
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!("the waker is here"),
            }
        }
        let slices: Vec<_> = out.iter().take(3).map(|frame| IoSlice::new(frame)).collect();
        if let Ok(bytes) = stream.write(&slices, &stream.by_the_task) {
            drop(slices);
            written = (bytes, advance(&mut out, bytes).buffers);
        }
    }
}

#[test]
fn what_two_threads_write_by_turns_is_whole_and_in_order() {
    let (mut hub, mut task) = (0, 0);
    for round in 0..40_usize {
        let stream = Arc::new(Stream::default());
        let sink = Arc::downgrade(&stream);
        let (mut sender, receiver) = channel(bounds(usize::MAX, usize::MAX, OVERLOAD_GRACE), sink);
        let (ring, bell) = mpsc::channel();
        let waker = Waker::from(Arc::new(Bell(ring)));
        let frames = frames(3_000);
        std::thread::scope(|scope| {
            let task = scope.spawn(|| carry(receiver, &stream, (waker, bell)));
            let mut pushed = 0;
            for (n, frame) in frames.iter().enumerate() {
                sender.push(frame.clone()).unwrap();
                pushed += frame.len();
                if n % (1 + round % 5) == 0 {
                    sender.flush(n % (2 + round % 3) != 0);
                }
                // Until the task is done, or nearly so, since it would have the turn for ever otherwise.
                let near = [0, 1, 200][n % 3];
                while n % (3 + round % 7) == 0
                    && sender.frames.is_empty()
                    && !task.is_finished()
                    && stream.said.load(Ordering::Relaxed) + near < pushed
                {
                    std::thread::yield_now();
                }
            }
            sender.end(Ending::Close(Status::Normal));
        });
        let all = stream.all.lock().unwrap();
        let said: Vec<u8> = all.iter().copied().filter(|byte| *byte != b'!').collect();
        assert!(said == frames.concat(), "round {round}: {} bytes", said.len());
        // A Pong is between two frames.
        let mut at = 0;
        for frame in &frames {
            at += all[at..].iter().take_while(|byte| **byte == b'!').count();
            assert!(
                all[at..].starts_with(frame),
                "round {round}: something is in the midst of a frame at {at}"
            );
            at += frame.len();
        }
        hub += stream.by_the_hub.load(Ordering::Relaxed);
        task += stream.by_the_task.load(Ordering::Relaxed);
    }
    assert!(hub > 4_000 && task > 4_000, "by the one {hub}, by the other {task}");
}
