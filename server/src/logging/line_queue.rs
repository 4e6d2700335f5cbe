//! Lines that wait to be written to standard error.
//!
//! A write waits if nobody reads the lines, for example in a paused terminal. The server must not wait with it. So a thread
//! of its own writes the lines, and lines that do not fit into the queue are lost.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// The most lines that wait.
const MAX_QUEUED_LINES: usize = 8_192;
/// The longest wait for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The queue as a destination of events. Each write is a line.
#[derive(Debug, Clone)]
pub(super) struct LineQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Box<[u8]>>,
    /// A line was taken and is being written.
    is_writing: bool,
    /// Lines that did not fit and were not reported yet.
    lost: u64,
}

impl LineQueue {
    /// Starts the thread that writes to `out`. It calls `report` with the number of lines that were lost, once there is
    /// room again.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        report: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Self(Arc::default());
        let shared = queue.0.clone();
        thread::Builder::new().name("log".into()).spawn(move || shared.write_lines(out, report))?;
        Ok(queue)
    }

    /// Waits until all lines are written, but not for long.
    pub(super) fn finish(&self) {
        let is_pending = |queue: &mut Queue| queue.is_writing || !queue.lines.is_empty();
        // Lines that are not written then are lost.
        drop(self.0.changed.wait_timeout_while(self.0.lock(), FLUSH_TIMEOUT, is_pending));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lines(&self, mut out: impl Write, report: impl Fn(u64)) {
        loop {
            let mut queue = self.lock();
            queue.is_writing = false;
            self.changed.notify_all();
            let is_empty = |queue: &mut Queue| queue.lines.is_empty();
            let mut queue = self.changed.wait_while(queue, is_empty).unwrap_or_else(PoisonError::into_inner);
            let line = queue.lines.pop_front();
            queue.is_writing = true;
            let has_room = queue.lines.len() < MAX_QUEUED_LINES / 2;
            let lost = if has_room { mem::take(&mut queue.lost) } else { 0 };
            drop(queue);
            if let Some(line) = line {
                // A line that cannot be written is lost; there is nobody to be told.
                let _ = out.write_all(&line);
            }
            if lost > 0 {
                report(lost);
            }
        }
    }
}

impl Write for LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock();
        if queue.lines.len() < MAX_QUEUED_LINES {
            queue.lines.push_back(line.into());
            self.0.changed.notify_all();
        } else {
            queue.lost += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LineQueue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Waits in each write until it is told to go on.
    struct Slow {
        started: Sender<()>,
        resumed: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            // Tests that do not need the messages drop the receivers.
            let _ = self.started.send(());
            let _ = self.resumed.recv();
            let _ = self.written.send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_reads_are_lost_and_counted() {
        // The line that is being written is not in the queue.
        const KEPT: usize = MAX_QUEUED_LINES + 1;
        const LOST: usize = 1_000;
        let ((start, started), (resume, resumed), (write, lines)) = (channel(), channel(), channel());
        let (report, reports) = channel();
        let out = Slow { started: start, resumed, written: write };
        let mut queue = LineQueue::start(out, move |lost| report.send(lost).unwrap()).unwrap();
        let line = |n: usize| format!("{n}\n").into_bytes();
        queue.write_all(&line(0)).unwrap();
        started.recv().unwrap();
        for n in 1..KEPT + LOST {
            queue.write_all(&line(n)).unwrap();
        }
        drop(resume);
        assert_eq!(reports.recv().unwrap(), LOST as u64);
        queue.write_all(b"last\n").unwrap();
        let expected = (0..KEPT).map(line).chain([b"last\n".to_vec()]);
        assert!(lines.iter().take(KEPT + 1).eq(expected), "the first ones, in order");
        assert!(reports.try_recv().is_err(), "once");
    }

    #[test]
    fn end_does_not_wait_for_a_reader_for_ever() {
        let (resume, resumed) = channel();
        let out = Slow { started: channel().0, resumed, written: channel().0 };
        let mut queue = LineQueue::start(out, |_| {}).unwrap();
        queue.write_all(b"a\n").unwrap();
        queue.finish();
        // Still held back.
        drop(resume);
    }
}
