//! An event log in memory that can be made to fail.

use std::collections::HashMap;

use parlour_core::{
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    status::Status,
    validate::nick_key,
};
use parlour_server::store::{
    Account, AppendBatch, Cancellation, Change, EventPage, HistoryPage, LogError, LogReader, MemberPage,
    NickSource, Outcome, PageSize, PageStart, Place, Proposal, Query, ReactionPage, Revision, Room, RoomPage,
    RoomQuery, RoomResult, RoomRow, RoomRows, RowChange, SearchResults, SessionRecord, StoredEvent,
    StoredMessage, StoredSession, Target, TextState, retention_clock::ClockRecord,
};

#[derive(Debug, Default)]
pub(super) struct MemoryLog {
    accounts: HashMap<UserId, Account>,
    messages: Vec<StoredMessage>,
    sessions: HashMap<[u8; 32], SessionRecord>,
    /// The number of changes in the directory.
    directory: u64,
    pub failing: bool,
    /// Jobs up to and including this generation fail.
    failed: Option<u32>,
}

fn injected_failure() -> LogError {
    LogError::Failed("injected failure".into())
}

impl MemoryLog {
    pub(super) fn append(&mut self, job: &AppendBatch) -> Result<Vec<Outcome>, LogError> {
        if self.failed >= Some(job.generation) {
            return Err(injected_failure());
        }
        if self.failing {
            self.failed = Some(job.generation);
            // What fails may have been stored. Of messages the hub reads that later, of accounts it never does.
            if !job.proposals.iter().any(|proposal| matches!(proposal.change, Change::Message { .. })) {
                self.apply(job);
            }
            return Err(injected_failure());
        }
        Ok(self.apply(job))
    }

    fn apply(&mut self, job: &AppendBatch) -> Vec<Outcome> {
        let outcomes = job.proposals.iter().map(|proposal| self.append_one(proposal)).collect();
        for change in &job.rows {
            match change {
                RowChange::PutSession(record) if self.accounts.contains_key(&record.account) => {
                    self.sessions.insert(record.hash, record.clone());
                }
                RowChange::EndSession(hash) => drop(self.sessions.remove(hash)),
                _ => {}
            }
        }
        outcomes
    }

    fn append_one(&mut self, proposal: &Proposal) -> Outcome {
        let is_known = self.accounts.contains_key(&proposal.sender);
        match &proposal.change {
            Change::CreateAccount { nick, from } if !is_known => self.give_nick(proposal, nick, *from),
            // No account is created by another proposal than the first.
            Change::CreateAccount { .. } => Outcome::Known(self.directory_place(proposal)),
            _ if !is_known => Outcome::Refused(Status::NoSuchAccount),
            Change::ChangeNick { nick, from } => self.give_nick(proposal, nick, *from),
            Change::Message { content, .. } => self.append_message(proposal, content),
            other => panic!("the hub proposes {other:?}"),
        }
    }

    fn directory_place(&self, proposal: &Proposal) -> Place {
        Place { seq: self.directory, ord: 0, time: proposal.time }
    }

    fn give_nick(&mut self, proposal: &Proposal, nick: &str, from: Option<NickSource>) -> Outcome {
        let is_held = |account: &Account| account.holds_nick && nick_key(&account.nick) == nick_key(nick);
        let holder = self.accounts.values_mut().find(|account| is_held(account));
        if let Some(holder) = holder.filter(|holder| holder.user != proposal.sender) {
            match from {
                Some(NickSource::Anybody) => holder.holds_nick = false,
                Some(NickSource::Account(from)) if from == holder.user => holder.holds_nick = false,
                _ => return Outcome::Refused(Status::NickTaken),
            }
        }
        let account = Account { user: proposal.sender, nick: nick.to_owned(), holds_nick: true };
        self.accounts.insert(proposal.sender, account);
        self.directory += 1;
        Outcome::Appended(self.directory_place(proposal))
    }

    fn append_message(&mut self, proposal: &Proposal, content: &str) -> Outcome {
        let same = |stored: &&StoredMessage| stored.sender == proposal.sender && stored.id == proposal.id;
        if let Some(stored) = self.messages.iter().find(same) {
            return match stored.content == content {
                true => Outcome::Known(stored.place),
                false => Outcome::Refused(Status::MessageIdReused),
            };
        }
        let ord = self.last() + 1;
        let place = Place { seq: ord, ord, time: proposal.time };
        self.messages.push(StoredMessage {
            id: proposal.id,
            place,
            sender: proposal.sender,
            nick: self.accounts[&proposal.sender].nick.clone(),
            content: content.to_owned(),
            state: TextState::Original,
            reactions: Vec::new(),
        });
        Outcome::Appended(place)
    }

    /// The ord of the last message.
    pub(super) fn last(&self) -> u64 {
        self.messages.last().map_or(0, |stored| stored.place.ord)
    }

    /// The id of the message with this ord.
    pub(super) fn id(&self, ord: u64) -> Option<MessageId> {
        let index = usize::try_from(ord).ok()?.checked_sub(1)?;
        self.messages.get(index).map(|stored| stored.id)
    }

    /// Returns `true` if the message with this id is stored under this ord.
    pub(super) fn has(&self, id: &[u8], ord: u64) -> bool {
        MessageId::from_wire(id).is_some_and(|id| self.id(ord) == Some(id))
    }

    /// Returns `true` if this account has sent the message with this ord.
    pub(super) fn is_sender(&self, ord: u64, sender: &[u8]) -> bool {
        let index = usize::try_from(ord).ok().and_then(|ord| ord.checked_sub(1));
        index.and_then(|index| self.messages.get(index)).is_some_and(|stored| stored.sender.0 == sender)
    }

    /// Returns `true` if an account holds the nick in this spelling.
    pub(super) fn is_held(&self, nick: &str) -> bool {
        self.accounts.values().any(|account| account.holds_nick && account.nick == nick)
    }

    pub(super) fn sessions(&self) -> Vec<StoredSession> {
        let session = |record: &SessionRecord| StoredSession {
            session: record.clone(),
            account: self.accounts[&record.account].clone(),
        };
        self.sessions.values().map(session).collect()
    }

    pub(super) fn answer(&self, query: &Query) -> Result<RoomResult, LogError> {
        if self.failing { Err(injected_failure()) } else { Reader(self).execute(query) }
    }

    fn page(&self, start: PageStart, size: PageSize) -> HistoryPage {
        let len = self.messages.len();
        let at = |ord: u64| self.messages.partition_point(|stored| stored.place.ord < ord);
        let half = size.messages / 2;
        let around = |at: usize| (at.saturating_sub(half), at.saturating_sub(half) + size.messages);
        let (first, end) = match start {
            PageStart::Before(ord) => (at(ord).saturating_sub(size.messages), at(ord)),
            PageStart::After(ord) => (at(ord.saturating_add(1)), at(ord.saturating_add(1)) + size.messages),
            PageStart::Around(ord) => around(at(ord)),
            PageStart::At(time) => around(self.messages.partition_point(|stored| stored.place.time < time)),
            PageStart::End => (len.saturating_sub(size.messages), len),
        };
        let end = end.min(len);
        let ord_before = |index: usize| index.checked_sub(1).map_or(0, |at| self.messages[at].place.ord);
        HistoryPage {
            from: ord_before(first),
            to: ord_before(end),
            messages: self.messages[first..end].to_vec(),
            first_ord: 1,
            head_ord: self.last(),
            seq: self.last(),
        }
    }
}

/// Reads the log as clients see it. The only room is the lobby.
struct Reader<'a>(&'a MemoryLog);

impl Reader<'_> {
    fn lobby(&self) -> Room {
        let last = self.0.last();
        Room {
            room: RoomId::LOBBY,
            kind: RoomKind::Lobby,
            name: String::new(),
            topic: String::new(),
            archived: false,
            head_seq: last,
            head_ord: last,
            first_ord: 1,
            active: self.0.messages.last().map_or(0, |stored| stored.place.time),
            members: 0,
        }
    }

    fn row(&self) -> RoomRow {
        RoomRow {
            room: self.lobby(),
            handle: 0,
            role: Role::Member,
            read_ord: 0,
            cursor_version: 0,
            muted: false,
            people: Vec::new(),
        }
    }
}

impl LogReader for Reader<'_> {
    fn id(&mut self) -> Result<[u8; 16], LogError> {
        Ok([1; 16])
    }

    fn page(&mut self, _: RoomId, start: PageStart, size: PageSize) -> Result<HistoryPage, LogError> {
        Ok(self.0.page(start, size))
    }

    fn events(&mut self, _: RoomId, after: u64, limit: usize) -> Result<EventPage, LogError> {
        let event = |stored: &StoredMessage| StoredEvent {
            nick: stored.nick.clone(),
            ..StoredEvent::new(
                stored.id,
                stored.place,
                stored.sender,
                Change::Message { room: RoomId::LOBBY, content: stored.content.as_str().into() },
            )
        };
        let later = self.0.messages.iter().filter(|stored| stored.place.seq > after);
        let events: Vec<_> = later.take(limit).map(event).collect();
        let last = self.0.last();
        let more = events.last().is_some_and(|event| event.place.seq < last);
        Ok(EventPage { events, seq: last, more })
    }

    fn renamed(&mut self, _: RoomId, _: u64, _: usize) -> Result<Option<Vec<Account>>, LogError> {
        Ok(Some(Vec::new()))
    }

    fn search(
        &mut self,
        _: RoomId,
        words: &str,
        before: u64,
        size: PageSize,
    ) -> Result<SearchResults, LogError> {
        let older = |stored: &&StoredMessage| before == 0 || stored.place.ord < before;
        let found = self.0.messages.iter().rev().filter(older);
        let found = found.filter(|stored| stored.content.contains(words));
        let messages = found.take(size.messages).cloned().collect();
        Ok(SearchResults { messages, reached_start: true, ..SearchResults::default() })
    }

    fn revisions(&mut self, _: RoomId, _: Target, _: PageSize) -> Result<Vec<Revision>, LogError> {
        Ok(Vec::new())
    }

    fn own_reactions(&mut self, _: RoomId, _: UserId, _: (u64, u64)) -> Result<Vec<(u64, String)>, LogError> {
        Ok(Vec::new())
    }

    fn reactions(&mut self, _: RoomId, _: Target, _: &str, _: usize) -> Result<ReactionPage, LogError> {
        Ok(ReactionPage::default())
    }

    fn cancellation(&self) -> Cancellation {
        Cancellation::default()
    }

    fn clock(&mut self) -> Result<Option<ClockRecord>, LogError> {
        Ok(None)
    }

    fn account(&mut self, account: UserId) -> Result<Option<Account>, LogError> {
        Ok(self.0.accounts.get(&account).cloned())
    }

    fn holders(&mut self, nick: &str) -> Result<Vec<Account>, LogError> {
        let is_holder = |account: &&Account| account.holds_nick && nick_key(&account.nick) == nick_key(nick);
        Ok(self.0.accounts.values().filter(is_holder).cloned().collect())
    }

    fn nicks(&mut self) -> Result<Vec<Account>, LogError> {
        Ok(self.0.accounts.values().filter(|account| account.holds_nick).cloned().collect())
    }

    fn sessions(&mut self) -> Result<Vec<StoredSession>, LogError> {
        Ok(self.0.sessions())
    }

    fn room(&mut self, room: RoomId) -> Result<Option<Room>, LogError> {
        Ok((room == RoomId::LOBBY).then(|| self.lobby()))
    }

    fn rooms(&mut self) -> Result<Vec<Room>, LogError> {
        Ok(vec![self.lobby()])
    }

    fn room_rows(&mut self, _: UserId, _: u64) -> Result<RoomRows, LogError> {
        Ok(RoomRows { rows: vec![self.row()], version: 1 + self.0.last() })
    }

    fn room_row(&mut self, _: UserId, room: RoomId) -> Result<Option<RoomRow>, LogError> {
        Ok((room == RoomId::LOBBY).then(|| self.row()))
    }

    fn browse(&mut self, _: UserId, _: &str, _: &str, _: usize) -> Result<RoomPage, LogError> {
        Ok(RoomPage::default())
    }

    fn members(&mut self, _: RoomId, _: &str, _: &str, _: usize) -> Result<MemberPage, LogError> {
        Ok(MemberPage::default())
    }

    fn people(&mut self, _: UserId, _: &str, _: usize) -> Result<Vec<Account>, LogError> {
        Ok(Vec::new())
    }

    fn execute_room_query(&mut self, query: &RoomQuery, account: UserId) -> Result<RoomResult, LogError> {
        query.execute(self, account)
    }
}
