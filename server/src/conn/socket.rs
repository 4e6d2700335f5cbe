//! The task of one connection.
//!
//! It is written as one poll function, so that an idle connection needs only this struct: the read buffer
//! belongs to the thread, written frames are shared with the other recipients, and one timer serves all
//! deadlines.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
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
    frame_reader::{FrameReader, Received},
    input_budget::{InputBudget, Reservation},
    timeouts::Timeouts,
    write_queue::{self, Advanced, Ending, MAX_SLICES_PER_WRITE, Receiver, Taken},
};
use crate::{
    hub::connection_table::ConnectionId,
    hub_task::{HubInput, Inbox},
};

mod deadlines;

/// The size of the read buffer.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// The number of reads after which other tasks run: with 128, tokio's limit, a flood delayed others by half a second.
const MAX_READS_PER_POLL: usize = 4;
/// The number of queued buffers from which on a Pong replaces the previous one.
const MAX_PONGS: usize = 16;
/// The time that the peer has to answer a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into());
}

/// One connection.
#[derive(Debug)]
pub struct Socket {
    read: OwnedReadHalf,
    /// The hub task writes here too, while this task has nothing to write; see
    /// [`write_queue::Sender::flush`].
    write: Arc<OwnedWriteHalf>,
    conn: ConnectionId,
    reader: FrameReader,
    queue: Receiver,
    inbox: Inbox,
    budget: InputBudget,
    /// Received messages, and the Close after them, that wait until the address may have more in the hub's channel.
    /// Nothing is read meanwhile.
    waiting: VecDeque<Received>,
    timeouts: Arc<Timeouts>,
    /// Buffers to write.
    out: VecDeque<Bytes>,
    /// The first of `out` is partially written.
    partially_written: bool,
    /// Written since the last call of [`Receiver::take`]: bytes and buffers.
    written: (usize, usize),
    last_input: Instant,
    last_ping: Instant,
    /// The time at which an incomplete frame began.
    frame_since: Option<Instant>,
    /// The time since which the operating system accepts no data.
    blocked_since: Option<Instant>,
    phase: Phase,
    /// The hub was notified of the end.
    end_reported: bool,
    /// The write half is shut down.
    shut_down: bool,
    timer: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// A Close is in `out` or was written; the peer may answer it until this time.
    Closing(Instant),
    /// Input is ignored; the connection ends when `out` is empty, or at this time.
    Leaving(Instant),
}

impl Socket {
    /// A connection after its handshake.
    #[must_use]
    pub fn new(
        (read, write): (OwnedReadHalf, Arc<OwnedWriteHalf>),
        conn: ConnectionId,
        limit: usize,
        queue: Receiver,
        inbox: Inbox,
        budget: InputBudget,
        timeouts: Arc<Timeouts>,
    ) -> Self {
        let now = Instant::now();
        Self {
            timer: Box::pin(sleep_until(now + timeouts.ping_interval)),
            read,
            write,
            conn,
            reader: FrameReader::new(limit),
            queue,
            inbox,
            budget,
            waiting: VecDeque::new(),
            timeouts,
            out: VecDeque::new(),
            partially_written: false,
            written: (0, 0),
            last_input: now,
            last_ping: now,
            frame_since: None,
            blocked_since: None,
            phase: Phase::Open,
            end_reported: false,
            shut_down: false,
        }
    }

    /// Runs until the connection has ended. `first` was received with the handshake.
    pub async fn run(mut self, first: Bytes) {
        if !first.is_empty() {
            self.parse(&first);
        }
        drop(first);
        poll_fn(|cx| self.poll(cx)).await;
        // Only has an effect if the end was not reported with a reason before.
        self.report_end("closed", Status::Abnormal.code());
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut reads_left = MAX_READS_PER_POLL;
        loop {
            let Some(Taken { may_read, may_write, .. }) = self.poll_queue(cx) else { return Poll::Ready(()) };
            if may_write && let Poll::Ready(Err(error)) = self.poll_write(cx) {
                self.report_end(io_reason(&error), Status::Abnormal.code());
                return Poll::Ready(());
            }
            if self.out.is_empty() && matches!(self.phase, Phase::Leaving(_)) {
                return Poll::Ready(());
            }
            if self.out.is_empty() && self.written.1 > 0 {
                // The queue may have new frames, and the written ones must be counted.
                continue;
            }
            if self.phase == Phase::Open && self.poll_waiting(cx) {
                continue;
            }
            // While the hub has too many unhandled bytes of this connection or its address, nothing is read. Nor
            // while a Close waits for the hub task's write: reading on could find the end of the stream and drop
            // the Close.
            let reads = match self.phase {
                Phase::Open => may_read && self.waiting.is_empty(),
                _ => may_write || self.out.is_empty(),
            };
            if reads {
                if reads_left == 0 {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                reads_left -= 1;
                match self.poll_read(cx) {
                    Poll::Ready(Ok(true)) => continue,
                    Poll::Ready(Ok(false)) => {
                        self.report_end("closed without a Close frame", Status::Abnormal.code());
                        return Poll::Ready(());
                    }
                    Poll::Ready(Err(error)) => {
                        self.report_end(io_reason(&error), Status::Abnormal.code());
                        return Poll::Ready(());
                    }
                    Poll::Pending => {}
                }
            }
            ready!(self.poll_deadlines(cx));
            if self.is_over() {
                return Poll::Ready(());
            }
        }
    }

    /// Takes frames from the write queue. Returns `None` if the connection is aborted.
    fn poll_queue(&mut self, cx: &Context<'_>) -> Option<Taken> {
        let written = std::mem::take(&mut self.written);
        let last = self.phase != Phase::Open;
        let taken = self.queue.take(cx, &mut self.out, written, last);
        self.partially_written |= taken.partially_written;
        if taken.drained {
            self.send_input(HubInput::Drained(self.conn));
        }
        match taken.ending {
            Some(Ending::Abort) => return None,
            Some(Ending::Close(_)) if last => return Some(taken),
            None => return Some(taken),
            Some(Ending::Close(Status::TooSlow)) => {
                // Discards what was taken before, except a partially written frame, which must be completed.
                self.out.truncate(usize::from(self.partially_written));
                self.close(Some(Status::TooSlow.code()), Status::TooSlow.text(), self.timeouts.write_timeout);
                self.report_end("slow consumer", Status::TooSlow.code());
            }
            Some(Ending::Close(status)) => {
                self.close(Some(status.code()), status.text(), CLOSE_TIMEOUT);
                self.report_end("closed by the server", status.code());
            }
        }
        // Take again: from now on only this task writes.
        self.poll_queue(cx)
    }

    /// Writes all of `out`, many buffers per call.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.write.clone();
        while let Some(first) = self.out.front() {
            if stream.as_ref().as_ref().poll_write_ready(cx)?.is_pending() {
                self.blocked_since.get_or_insert_with(Instant::now);
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
                Ok(n) => self.count_written(n),
                // The socket was not ready after all; the next round waits for it.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if self.out.capacity() > MAX_SLICES_PER_WRITE {
            self.out = VecDeque::new();
        }
        if self.phase != Phase::Open && !self.shut_down {
            // Nothing follows a Close. Shutting down lets a peer that only reads finish at once.
            SockRef::from(stream.as_ref().as_ref()).shutdown(Shutdown::Write)?;
            self.shut_down = true;
        }
        Poll::Ready(Ok(()))
    }

    fn count_written(&mut self, bytes: usize) {
        self.blocked_since = None;
        let Advanced { buffers, partially_written } = write_queue::advance(&mut self.out, bytes);
        self.written.0 += bytes;
        self.written.1 += buffers;
        self.partially_written = partially_written;
    }

    /// Reads once. Returns `false` at the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.read).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.last_input = Instant::now();
            self.parse(buffer.filled());
            Poll::Ready(Ok(true))
        })
    }

    /// Parses received bytes.
    fn parse(&mut self, mut bytes: &[u8]) {
        while !matches!(self.phase, Phase::Leaving(_)) {
            match self.reader.read(&mut bytes) {
                Ok(None) => break,
                Ok(Some(item)) => self.handle_received(item),
                Err(error) if self.phase == Phase::Open => {
                    self.close(Some(error.code()), &error.to_string(), CLOSE_TIMEOUT);
                    self.report_end("WebSocket protocol error", error.code());
                    return;
                }
                // After our Close, errors in the rest of the input are irrelevant.
                Err(_) => return,
            }
        }
        self.frame_since = self.reader.is_partial().then(|| self.frame_since.unwrap_or(self.last_input));
    }

    fn handle_received(&mut self, item: Received) {
        match (item, self.phase) {
            (Received::Message(bytes), Phase::Open) => {
                // The frame deadline applies to each message.
                self.frame_since = None;
                let in_order = self.waiting.is_empty();
                match in_order.then(|| self.budget.try_reserve(bytes.len())).flatten() {
                    Some(reservation) => self.forward(bytes, reservation),
                    None => self.waiting.push_back(Received::Message(bytes)),
                }
            }
            (close @ Received::Close(_), Phase::Open) if !self.waiting.is_empty() => {
                self.waiting.push_back(close);
            }
            (Received::Ping(payload), Phase::Open) => self.pong(&payload),
            (Received::Close(code), Phase::Open) => {
                self.close(code, "", CLOSE_TIMEOUT);
                self.phase = Phase::Leaving(Instant::now() + CLOSE_TIMEOUT);
                self.report_end("closed by the peer", code.unwrap_or(Status::NoStatus.code()));
            }
            (Received::Close(_), Phase::Closing(until)) => self.phase = Phase::Leaving(until),
            _ => {}
        }
    }

    /// Handles what waits for the limit of the address, as far as it allows. Returns whether there was anything to
    /// handle.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.waiting.len();
        while let Some(item) = self.waiting.pop_front() {
            let Received::Message(bytes) = item else {
                // The Close; what follows it is irrelevant.
                self.waiting.clear();
                self.handle_received(item);
                break;
            };
            match self.budget.poll_reserve(cx, bytes.len()) {
                Poll::Ready(reservation) => self.forward(bytes, reservation),
                Poll::Pending => {
                    self.waiting.push_front(Received::Message(bytes));
                    break;
                }
            }
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        self.waiting.len() < before
    }

    /// Forwards a message to the hub.
    fn forward(&mut self, bytes: Vec<u8>, reservation: Reservation) {
        self.queue.message_forwarded(bytes.len());
        self.send_input(HubInput::Message { conn: self.conn, bytes, reservation });
    }

    /// Answers a Ping. Of several unanswered Pings only the last needs a Pong (RFC 6455, 5.5.3).
    fn pong(&mut self, payload: &[u8]) {
        if self.out.len() >= MAX_PONGS {
            // Not the first buffer, so it is not partially written.
            self.out.pop_back_if(|last| frame::is_pong(last));
        }
        self.out.push_back(frame::pong(payload));
    }

    /// Queues a Close; later input is ignored.
    fn close(&mut self, code: Option<u16>, reason: &str, wait: Duration) {
        self.out.push_back(frame::close(code, reason));
        self.phase = Phase::Closing(Instant::now() + wait);
        self.frame_since = None;
    }

    /// Notifies the hub, once, that the connection has ended.
    fn report_end(&mut self, reason: &'static str, code: u16) {
        if !std::mem::replace(&mut self.end_reported, true) {
            self.send_input(HubInput::Closed { conn: self.conn, reason, code });
        }
    }

    fn send_input(&self, input: HubInput) {
        // The hub task outlives the connections; if it is gone, the server is stopping.
        let _ = self.inbox.send(input);
    }
}

fn io_reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "reset by the peer",
        io::ErrorKind::BrokenPipe => "closed without a Close frame",
        _ => "network error",
    }
}

#[cfg(test)]
mod tests;
