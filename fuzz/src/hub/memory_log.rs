//! An event log in memory that can be made to fail.

use std::collections::HashMap;

use parlour_core::{model::MessageId, validate::nick_key};
use parlour_server::store::{
    AppendBatch, AppendOutcome, HistoryPage, LogError, NewMessage, PageSize, PageStart, Query, QueryKind,
    QueryResult, SearchResults, SessionChange, SessionRecord, Stamp, StoredMessage,
};

#[derive(Debug, Default)]
pub(super) struct MemoryLog {
    messages: Vec<StoredMessage>,
    sessions: HashMap<[u8; 32], SessionRecord>,
    pub failing: bool,
    /// Jobs up to and including this generation fail.
    failed: Option<u32>,
}

fn injected_failure() -> LogError {
    LogError::Failed("injected failure".into())
}

impl MemoryLog {
    pub(super) fn append(&mut self, job: &AppendBatch) -> Result<Vec<AppendOutcome>, LogError> {
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
        Ok(job.messages.iter().map(|entry| self.append_one(entry)).collect())
    }

    fn append_one(&mut self, entry: &NewMessage) -> AppendOutcome {
        if let Some(stored) = self.messages.iter().find(|stored| stored.id == entry.id) {
            let same = nick_key(&stored.nick) == nick_key(&entry.nick) && *stored.content == *entry.content;
            return if same { AppendOutcome::Duplicate(stored.stamp) } else { AppendOutcome::IdConflict };
        }
        let stamp = Stamp { seq: self.last() + 1, time: entry.time };
        let (nick, content) = (entry.nick.to_string(), entry.content.to_string());
        self.messages.push(StoredMessage { stamp, id: entry.id, nick, content });
        AppendOutcome::Appended(stamp)
    }

    /// The last sequence number.
    pub(super) fn last(&self) -> u64 {
        self.messages.last().map_or(0, |stored| stored.stamp.seq)
    }

    /// The id of the message with this sequence number.
    pub(super) fn id(&self, seq: u64) -> Option<MessageId> {
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.messages.get(index).map(|stored| stored.id)
    }

    /// Returns `true` if the message with this id is stored under this sequence number.
    pub(super) fn has(&self, id: &[u8], seq: u64) -> bool {
        MessageId::from_wire(id).is_some_and(|id| self.id(seq) == Some(id))
    }

    /// The newest messages, as a restarted server reads them.
    pub(super) fn newest(&self) -> HistoryPage {
        self.page(PageStart::End, PageSize { messages: 5, bytes: 1 << 20 })
    }

    pub(super) fn sessions(&self) -> Vec<SessionRecord> {
        self.sessions.values().cloned().collect()
    }

    pub(super) fn answer(&self, query: &Query) -> Result<QueryResult, LogError> {
        match &query.kind {
            _ if self.failing => Err(injected_failure()),
            QueryKind::Page(start) => Ok(QueryResult::Page(self.page(*start, query.size))),
            QueryKind::Search { query: words, before } => {
                let older = |stored: &&StoredMessage| *before == 0 || stored.stamp.seq < *before;
                let found = self.messages.iter().rev().filter(older);
                let found = found.filter(|stored| stored.content.contains(words));
                let messages = found.take(query.size.messages).cloned().collect();
                Ok(QueryResult::Search(SearchResults {
                    messages,
                    reached_start: true,
                    ..SearchResults::default()
                }))
            }
        }
    }

    fn page(&self, start: PageStart, size: PageSize) -> HistoryPage {
        let len = self.messages.len();
        let at = |seq: u64| self.messages.partition_point(|stored| stored.stamp.seq < seq);
        let (first, end) = match start {
            PageStart::Before(seq) => (at(seq).saturating_sub(size.messages), at(seq)),
            PageStart::After(seq) => (at(seq.saturating_add(1)), at(seq.saturating_add(1)) + size.messages),
            PageStart::At(time) => {
                let at = self.messages.partition_point(|stored| stored.stamp.time < time);
                let first = at.saturating_sub(size.messages / 2);
                (first, first + size.messages)
            }
            PageStart::End => (len.saturating_sub(size.messages), len),
        };
        let end = end.min(len);
        let seq_before = |index: usize| index.checked_sub(1).map_or(0, |at| self.messages[at].stamp.seq);
        HistoryPage {
            from: seq_before(first),
            to: seq_before(end),
            messages: self.messages[first..end].to_vec(),
            reached_start: first == 0,
            reached_end: end == len,
        }
    }
}
