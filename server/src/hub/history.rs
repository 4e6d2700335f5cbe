//! What was said before: sent to those who come back, and by pages to those who ask.

use std::sync::Arc;

use parlour_core::{
    Millis,
    codec::{self, Extension},
    status::Status,
    wire::{self, history_request},
};

use super::{Hub, output::Output, table::ConnId, tail};
use crate::log::{Answer, LogError, Query, Size, Start, Stored, What};

/// The most messages on a page, and the most bytes of what they say.
const PAGE: Size = Size { messages: 200, bytes: 64 * 1024 };
/// How many questions one connection may have that are not answered, and how many all together.
const ASKING: (u32, usize) = (4, 1_024);
/// The token of the hub's own question.
const IN_DOUBT: u64 = 0;
/// The longest words to search for, in bytes.
const WORDS: usize = 1_024;

impl Hub {
    /// Sends somebody who has just come what they lack: all since a position they know, or the newest.
    pub(super) fn replay(&mut self, conn: ConnId, after: Option<u64>) {
        for frames in self.lobby.tail.since(after) {
            self.out.put(Output::Snapshot { conn, frames });
        }
    }

    /// Somebody asks for a page.
    pub(super) fn history(&mut self, conn: ConnId, room: &str, asked: &wire::HistoryRequest) {
        let start = match asked.start {
            Some(history_request::Start::Before(seq)) => Start::Before(seq),
            Some(history_request::Start::After(seq)) => Start::After(seq),
            Some(history_request::Start::At(time)) => Start::At(time),
            None => Start::End,
        };
        self.ask(conn, room, What::Page(start), asked.count, asked.request);
    }

    /// Somebody searches.
    pub(super) fn search(&mut self, conn: ConnId, room: &str, asked: &wire::SearchRequest) {
        if asked.query.len() > WORDS {
            return self.refuse_request(conn, Status::ContentTooLong, asked.request, 0);
        }
        let what = What::Search { query: asked.query.clone(), before: asked.before };
        self.ask(conn, room, what, asked.count, asked.request);
    }

    fn ask(&mut self, conn: ConnId, room: &str, what: What, count: u32, request: u32) {
        if !room.is_empty() {
            return self.refuse_request(conn, Status::NoSuchRoom, request, 0);
        }
        let now = self.now;
        let busy = self.questions.len() >= ASKING.1;
        let Some(c) = self.conns.get_mut(conn) else { return };
        let wait = match c.pages.take(now) {
            Err(wait) => Some(wait),
            Ok(()) if busy || c.asking >= ASKING.0 => Some(500),
            Ok(()) => None,
        };
        if let Some(wait) = wait {
            return self.refuse_request(conn, Status::RateLimited, request, wait);
        }
        c.asking += 1;
        self.asked += 1;
        self.questions.insert(self.asked, (conn, request));
        let messages = if count == 0 { PAGE.messages } else { PAGE.messages.min(count as usize) };
        let query = Query { room: Arc::from(room), what, size: Size { messages, ..PAGE } };
        self.out.put(Output::Read { token: self.asked, query });
    }

    /// After the log has failed: asks what it has beyond what was said, if that is due. It may have taken what it said
    /// it had not; were that not said now, those who listen would take what follows for all there was.
    pub(super) fn ask_in_doubt(&mut self) {
        if self.appends.doubt_due().is_some_and(|due| due <= self.now) {
            self.appends.asked();
            let what = What::Page(Start::After(self.lobby.tail.last()));
            let query = Query { room: Arc::from(""), what, size: PAGE };
            self.out.put(Output::Read { token: IN_DOUBT, query });
        }
    }

    fn in_doubt(&mut self, answer: Result<Answer, LogError>) {
        let Ok(Answer::Page(page)) = answer else { return self.appends.is_sure(self.now, false) };
        for message in &page.messages {
            self.say(message);
        }
        match page.reached_end {
            true => self.appends.is_sure(self.now, true),
            false => self.appends.ask_again(self.now),
        }
    }

    /// The log has answered a question.
    pub fn handle_read(&mut self, now: Millis, token: u64, answer: Result<Answer, LogError>) {
        self.now = now;
        if token == IN_DOUBT {
            return self.in_doubt(answer);
        }
        let Some((conn, request)) = self.questions.remove(&token) else { return };
        let Some(c) = self.conns.get_mut(conn) else { return };
        c.asking = c.asking.saturating_sub(1);
        let page = match answer {
            Ok(Answer::Page(page)) => wire::HistoryPage {
                request,
                frames: frames(&page.messages),
                reached_start: page.reached_start,
                reached_end: page.reached_end,
                from: page.from,
                to: page.to,
            },
            Ok(Answer::Found(mut found)) => {
                found.messages.reverse();
                wire::HistoryPage {
                    request,
                    frames: frames(&found.messages),
                    reached_start: found.reached_start,
                    ..wire::HistoryPage::default()
                }
            }
            Err(_) => return self.refuse_request(conn, Status::LogUnavailable, request, 2_000),
        };
        self.out.send(conn, &codec::extension("", Extension::HistoryPage(page)));
    }

    /// Says that a question is not answered. Who needs to be told too often is closed.
    fn refuse_request(&mut self, conn: ConnId, status: Status, request: u32, wait: Millis) {
        self.counters.refused += 1;
        let now = self.now;
        let Some(c) = self.conns.get_mut(conn) else { return };
        if c.strikes.take(now).is_err() {
            return self.close(conn, Status::RateLimited);
        }
        let mut frame = codec::refusal(status, None, u32::try_from(wait).unwrap_or(u32::MAX), None);
        if let Some(Extension::Refusal(refusal)) = &mut frame.extension {
            refusal.request = request;
        }
        self.out.send(conn, &frame);
    }
}

fn frames(messages: &[Stored]) -> Vec<bytes::Bytes> {
    messages.iter().map(tail::encode).collect()
}
