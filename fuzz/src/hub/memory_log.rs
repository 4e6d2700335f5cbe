//! An event log in memory that can be made to fail.

use std::collections::HashMap;

use parlour_core::{model::MessageId, validate::nick_key};
use parlour_server::log::{
    Answer, Appended, Entry, Found, Job, LogError, Page, Place, Query, SessionChange, SessionRecord, Size,
    Start, Stored, What,
};

#[derive(Debug, Default)]
pub(super) struct MemoryLog {
    messages: Vec<Stored>,
    sessions: HashMap<[u8; 32], SessionRecord>,
    pub failing: bool,
    /// Jobs up to and including this generation fail.
    failed: Option<u32>,
}

fn injected_failure() -> LogError {
    LogError::Failed("injected failure".into())
}

impl MemoryLog {
    pub(super) fn append(&mut self, job: &Job) -> Result<Vec<Appended>, LogError> {
        if self.failing {
            self.failed = self.failed.max(Some(job.generation));
        }
        if self.failed >= Some(job.generation) {
            return Err(injected_failure());
        }
        for change in &job.sessions {
            match change {
                SessionChange::Put(record) => drop(self.sessions.insert(record.hash, record.clone())),
                SessionChange::End(hash) => drop(self.sessions.remove(hash)),
            }
        }
        Ok(job.entries.iter().map(|entry| self.append_one(entry)).collect())
    }

    fn append_one(&mut self, entry: &Entry) -> Appended {
        if let Some(stored) = self.messages.iter().find(|stored| stored.id == entry.id) {
            let same = nick_key(&stored.nick) == nick_key(&entry.nick) && *stored.content == *entry.content;
            return if same { Appended::Known(stored.place) } else { Appended::Other };
        }
        let place = Place { seq: self.last() + 1, time: entry.time };
        let (nick, content) = (entry.nick.to_string(), entry.content.to_string());
        self.messages.push(Stored { place, id: entry.id, nick, content });
        Appended::New(place)
    }

    /// The last sequence number.
    pub(super) fn last(&self) -> u64 {
        self.messages.last().map_or(0, |stored| stored.place.seq)
    }

    /// Whether the message with this id is stored under this sequence number.
    pub(super) fn has(&self, id: &[u8], seq: u64) -> bool {
        let stored = usize::try_from(seq).ok().and_then(|seq| self.messages.get(seq.checked_sub(1)?));
        stored.is_some_and(|stored| MessageId::from_wire(id) == Some(stored.id))
    }

    /// The newest messages, as a restarted server reads them.
    pub(super) fn newest(&self) -> Page {
        self.page(Start::End, Size { messages: 5, bytes: 1 << 20 })
    }

    pub(super) fn sessions(&self) -> Vec<SessionRecord> {
        self.sessions.values().cloned().collect()
    }

    pub(super) fn answer(&self, query: &Query) -> Result<Answer, LogError> {
        match &query.what {
            _ if self.failing => Err(injected_failure()),
            What::Page(start) => Ok(Answer::Page(self.page(*start, query.size))),
            What::Search { query: words, before } => {
                let older = |stored: &&Stored| *before == 0 || stored.place.seq < *before;
                let found = self.messages.iter().rev().filter(older);
                let found = found.filter(|stored| stored.content.contains(words));
                let messages = found.take(query.size.messages).cloned().collect();
                Ok(Answer::Found(Found { messages, reached_start: true }))
            }
        }
    }

    fn page(&self, start: Start, size: Size) -> Page {
        let len = self.messages.len();
        let at = |seq: u64| self.messages.partition_point(|stored| stored.place.seq < seq);
        let (first, end) = match start {
            Start::Before(seq) => (at(seq).saturating_sub(size.messages), at(seq)),
            Start::After(seq) => (at(seq.saturating_add(1)), at(seq.saturating_add(1)) + size.messages),
            Start::At(time) => {
                let at = self.messages.partition_point(|stored| stored.place.time < time);
                let first = at.saturating_sub(size.messages / 2);
                (first, first + size.messages)
            }
            Start::End => (len.saturating_sub(size.messages), len),
        };
        let end = end.min(len);
        let seq_before = |index: usize| index.checked_sub(1).map_or(0, |at| self.messages[at].place.seq);
        Page {
            from: seq_before(first),
            to: seq_before(end),
            messages: self.messages[first..end].to_vec(),
            reached_start: first == 0,
            reached_end: end == len,
        }
    }
}
