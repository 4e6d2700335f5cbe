//! One connection's task.
//!
//! Written as one poll function, so that an idle connection holds nothing but this struct: the buffer that is
//! read into belongs to the thread, what is written is shared with the other recipients, and one timer does
//! for all deadlines.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::{Future, poll_fn},
    io::{self, IoSlice},
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use parlour_core::status::Status;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time::{Instant, Sleep, sleep_until},
};

use super::{
    frame,
    queue::{self, Advanced, Ending, Receiver, MAX_SLICES_PER_WRITE, Taken},
    reader::{Item, Reader},
};
use crate::{
    hub::table::ConnId,
    relay::{Inbox, Input},
};

/// What one read takes at most, in bytes.
const READ: usize = 16 * 1024;
/// While so many buffers wait, a Pong takes the place of the one before it.
const PONGS: usize = 16;
/// How long the peer may take to answer a Close.
const CLOSING: Duration = Duration::from_secs(2);

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// The deadlines of every connection.
#[derive(Debug, Clone)]
pub struct Times {
    /// A Ping is sent when nothing was heard for so long.
    pub ping_interval: Duration,
    /// The connection is closed when nothing was heard for so long.
    pub ping_timeout: Duration,
    /// A frame that has begun must be whole within this.
    pub frame_timeout: Duration,
    /// Bytes must leave within this.
    pub write_timeout: Duration,
}

/// One connection.
#[derive(Debug)]
pub struct Socket {
    read: OwnedReadHalf,
    /// Also written by the hub's task, when nothing of ours is under way; see [`queue::Sender::flush`].
    write: Arc<OwnedWriteHalf>,
    conn: ConnId,
    reader: Reader,
    queue: Receiver,
    inbox: Inbox,
    times: Arc<Times>,
    /// Being written; the first may be written in part.
    out: VecDeque<Bytes>,
    /// The first of `out` is written in part.
    partially_written: bool,
    /// Written since the queue was asked last: bytes and buffers.
    written: (usize, usize),
    heard: Instant,
    pinged: Instant,
    /// Since when there is a frame that is not whole.
    partial: Option<Instant>,
    /// Since when nothing could be written.
    stuck: Option<Instant>,
    phase: Phase,
    /// The hub knows that nothing more comes from here.
    told: bool,
    /// Our side of the stream is closed.
    shut: bool,
    timer: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Our Close is in `out` or gone; the peer's has not come. Until when to wait for it.
    Closing(Instant),
    /// Nothing more is to be read; when `out` is empty it is over. Until when to wait for that.
    Leaving(Instant),
}

impl Socket {
    /// A connection after its handshake.
    #[must_use]
    pub fn new(
        (read, write): (OwnedReadHalf, Arc<OwnedWriteHalf>),
        conn: ConnId,
        limit: usize,
        queue: Receiver,
        inbox: Inbox,
        times: Arc<Times>,
    ) -> Self {
        let now = Instant::now();
        Self {
            timer: Box::pin(sleep_until(now + times.ping_interval)),
            read,
            write,
            conn,
            reader: Reader::new(limit),
            queue,
            inbox,
            times,
            out: VecDeque::new(),
            partially_written: false,
            written: (0, 0),
            heard: now,
            pinged: now,
            partial: None,
            stuck: None,
            phase: Phase::Open,
            told: false,
            shut: false,
        }
    }

    /// Carries until the connection is over. `first` came with the handshake.
    pub async fn run(mut self, first: Bytes) {
        if !first.is_empty() {
            self.feed(&first);
        }
        drop(first);
        poll_fn(|cx| self.poll(cx)).await;
        // When nobody has said why before, the hub did, or the peer is done answering.
        self.gone("closed", Status::Abnormal.code());
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(Taken { may_read, may_write, .. }) = self.poll_queue(cx) else { return Poll::Ready(()) };
            if may_write && let Poll::Ready(Err(error)) = self.poll_write(cx) {
                self.gone(io_reason(&error), Status::Abnormal.code());
                return Poll::Ready(());
            }
            if self.out.is_empty() && matches!(self.phase, Phase::Leaving(_)) {
                return Poll::Ready(());
            }
            if self.out.is_empty() && self.written.1 > 0 {
                // There may be more by now, and what is written no longer counts.
                continue;
            }
            // Read, unless the hub is behind with this connection's messages; or unless a Close has to wait while the hub's
            // task writes: whoever reads on may find the end of the stream, and leave without it.
            let reads = if self.phase == Phase::Open { may_read } else { may_write || self.out.is_empty() };
            if reads {
                match self.poll_read(cx) {
                    Poll::Ready(Ok(true)) => continue,
                    Poll::Ready(Ok(false)) => {
                        self.gone("the peer went away", Status::Abnormal.code());
                        return Poll::Ready(());
                    }
                    Poll::Ready(Err(error)) => {
                        self.gone(io_reason(&error), Status::Abnormal.code());
                        return Poll::Ready(());
                    }
                    Poll::Pending => {}
                }
            }
            ready!(self.poll_time(cx));
            if self.is_over() {
                return Poll::Ready(());
            }
        }
    }

    /// Takes what is queued. `None` to let go.
    fn poll_queue(&mut self, cx: &Context<'_>) -> Option<Taken> {
        let written = std::mem::take(&mut self.written);
        let last = self.phase != Phase::Open;
        let taken = self.queue.take(cx, &mut self.out, written, last);
        self.partially_written |= taken.partially_written;
        if taken.drained {
            self.tell(Input::Drained(self.conn));
        }
        match taken.ending {
            Some(Ending::Abort) => return None,
            Some(Ending::Close(_)) if last => return Some(taken),
            None => return Some(taken),
            Some(Ending::Close(Status::TooSlow)) => {
                // What was taken before is as old as what was dropped; only a frame begun must be ended.
                self.out.truncate(usize::from(self.partially_written));
                self.close(Some(Status::TooSlow.code()), Status::TooSlow.text(), self.times.write_timeout);
                self.gone("too slow", Status::TooSlow.code());
            }
            Some(Ending::Close(status)) => {
                self.close(Some(status.code()), status.text(), CLOSING);
                self.gone("closed by the server", status.code());
            }
        }
        // Now to write the last.
        self.poll_queue(cx)
    }

    /// Writes all there is, many buffers in one call.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.write.clone();
        while let Some(first) = self.out.front() {
            if stream.as_ref().as_ref().poll_write_ready(cx)?.is_pending() {
                self.stuck.get_or_insert_with(Instant::now);
                return Poll::Pending;
            }
            let written = match self.out.len() {
                1 => stream.try_write(first),
                _ => {
                    let mut slices = [IoSlice::new(&[]); MAX_SLICES_PER_WRITE];
                    let mut count = 0;
                    for (slice, bytes) in slices.iter_mut().zip(&self.out) {
                        *slice = IoSlice::new(bytes);
                        count += 1;
                    }
                    stream.try_write_vectored(&slices[..count])
                }
            };
            match written {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => self.wrote(n),
                // It was not ready after all; now it is known.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if self.out.capacity() > MAX_SLICES_PER_WRITE {
            self.out = VecDeque::new();
        }
        if self.phase != Phase::Open && !self.shut {
            // Nothing follows a Close; a peer that only reads to the end need not wait.
            SockRef::from(stream.as_ref().as_ref()).shutdown(Shutdown::Write)?;
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, bytes: usize) {
        self.stuck = None;
        let Advanced { buffers, partially_written } = queue::advance(&mut self.out, bytes);
        self.written.0 += bytes;
        self.written.1 += buffers;
        self.partially_written = partially_written;
    }

    /// Reads once. `true` when something came, `false` at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.read).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.heard = Instant::now();
            self.feed(buffer.filled());
            Poll::Ready(Ok(true))
        })
    }

    /// Bytes came in.
    fn feed(&mut self, mut bytes: &[u8]) {
        while !matches!(self.phase, Phase::Leaving(_)) {
            match self.reader.read(&mut bytes) {
                Ok(None) => break,
                Ok(Some(item)) => self.item(item),
                Err(error) if self.phase == Phase::Open => {
                    self.close(Some(error.code()), &error.to_string(), CLOSING);
                    self.gone("broke a rule of WebSocket", error.code());
                    return;
                }
                // After a Close of ours the rest is of no interest, and may be half a frame.
                Err(_) => return,
            }
        }
        self.partial = self.reader.is_partial().then(|| self.partial.unwrap_or(self.heard));
    }

    fn item(&mut self, item: Item) {
        match (item, self.phase) {
            (Item::Message(bytes), Phase::Open) => {
                // A deadline is for each frame.
                self.partial = None;
                self.queue.message_forwarded();
                self.tell(Input::Message(self.conn, bytes));
            }
            (Item::Ping(payload), Phase::Open) => self.pong(&payload),
            (Item::Close(code), Phase::Open) => {
                self.close(code, "", CLOSING);
                self.phase = Phase::Leaving(Instant::now() + CLOSING);
                self.gone("closed by the peer", code.unwrap_or(Status::NoStatus.code()));
            }
            (Item::Close(_), Phase::Closing(until)) => self.phase = Phase::Leaving(until),
            _ => {}
        }
    }

    /// Answers a Ping. Of many that wait for their answer only the last needs one (RFC 6455, 5.5.3).
    fn pong(&mut self, payload: &[u8]) {
        if self.out.len() >= PONGS {
            // It is not the first, so nothing of it is written.
            self.out.pop_back_if(|last| frame::is_pong(last));
        }
        self.out.push_back(frame::pong(payload));
    }

    /// Puts a Close behind what is there; what comes after is not read any more.
    fn close(&mut self, code: Option<u16>, reason: &str, wait: Duration) {
        self.out.push_back(frame::close(code, reason));
        self.phase = Phase::Closing(Instant::now() + wait);
        self.partial = None;
    }

    /// Looks at the clock, and arms the timer for the next deadline. Pending when there was nothing to do.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next = self.next_deadline();
        if next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
        ready!(self.timer.as_mut().poll(cx));
        let now = Instant::now();
        if self.phase == Phase::Open {
            self.deadlines(now);
        }
        let next = self.next_deadline().max(now + Duration::from_millis(1));
        self.timer.as_mut().reset(next);
        Poll::Ready(())
    }

    fn deadlines(&mut self, now: Instant) {
        let times = self.times.clone();
        let over = |since: Option<Instant>, wait| since.is_some_and(|since| now >= since + wait);
        if over(self.stuck, times.write_timeout) {
            self.phase = Phase::Closing(now);
            self.gone("nothing could be written", Status::TooSlow.code());
        } else if over(Some(self.heard), times.ping_timeout) {
            self.close(Some(Status::TimedOut.code()), Status::TimedOut.text(), CLOSING);
            self.gone("nothing was heard", Status::TimedOut.code());
        } else if over(self.partial, times.frame_timeout) {
            self.close(Some(Status::TimedOut.code()), Status::TimedOut.text(), CLOSING);
            self.gone("a frame did not end", Status::TimedOut.code());
        } else if over(Some(self.pinged.max(self.heard)), times.ping_interval) {
            self.pinged = now;
            self.out.push_back(frame::ping());
        }
    }

    fn next_deadline(&self) -> Instant {
        match self.phase {
            Phase::Closing(until) | Phase::Leaving(until) => until,
            Phase::Open => {
                let times = &self.times;
                let ping = self.pinged.max(self.heard) + times.ping_interval;
                let mut next = ping.min(self.heard + times.ping_timeout);
                if let Some(since) = self.partial {
                    next = next.min(since + times.frame_timeout);
                }
                if let Some(since) = self.stuck {
                    next = next.min(since + times.write_timeout);
                }
                next
            }
        }
    }

    fn is_over(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Closing(until) | Phase::Leaving(until) => Instant::now() >= until,
        }
    }

    /// Tells the hub, once, that nothing more comes from here.
    fn gone(&mut self, reason: &'static str, code: u16) {
        if !std::mem::replace(&mut self.told, true) {
            self.tell(Input::Gone { conn: self.conn, reason, code });
        }
    }

    fn tell(&self, input: Input) {
        // The hub's task ends last; if it is gone, so is the server.
        let _ = self.inbox.send(input);
    }
}

fn io_reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "reset by the peer",
        io::ErrorKind::BrokenPipe => "the peer went away",
        _ => "an error of the network",
    }
}
