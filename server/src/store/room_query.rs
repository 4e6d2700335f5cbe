//! Queries of accounts, and of the hub itself.
//!
//! A query about a room is only answered to its members. The role is read after the content, because the hub may not know yet
//! that an account was removed.

use parlour_core::{
    model::{MessageId, RoomId, UserId},
    status::Status,
};

use super::{
    Account, Change, EventPage, HistoryPage, LogError, LogReader, MemberPage, PageSize, PageStart,
    ReactionPage, Revision, RoomPage, RoomRow, RoomRows, SearchResults, StoredEvent, Target,
};
use crate::policy::{Action, allows};

/// The most events after a position that are replayed to a client; with more it starts anew.
pub const MAX_REPLAYED_EVENTS: usize = 10_000;
/// The most bytes of their texts.
pub const MAX_REPLAYED_BYTES: usize = 512 * 1024;
/// The most accounts with another nick since a position; with more the client starts anew.
pub const MAX_RENAMED: usize = 500;
/// The newest messages for a client without a position: those on a screen, and some more.
pub const WINDOW_SIZE: PageSize = PageSize { messages: 50, bytes: 32 * 1024 };

/// A query of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomQuery {
    /// The list of the account, with the rows that have changed since a version (0 for none), and the window of a room.
    Login {
        /// The version that the client has.
        since: u64,
        /// The room to open.
        open: RoomId,
        /// The position of the client in it.
        position: WindowStart,
    },
    /// One row of the account's list.
    Row(RoomId),
    /// The state of a room for a subscription.
    Window(RoomId, WindowStart),
    /// Messages of a room.
    Page(RoomId, PageStart, PageSize),
    /// Messages of a room with these words, with an ord below a number (0 for the newest).
    Search(RoomId, String, u64, PageSize),
    /// The texts that a message of a room has had.
    Revisions(RoomId, Target, PageSize),
    /// The first accounts that have reacted to a message of a room with an emoji.
    Reactions(RoomId, Target, String, usize),
    /// PUBLIC rooms whose name contains a text, after a name.
    Browse(String, String, usize),
    /// Members of a room whose nick begins with a prefix, after a nick.
    Members(RoomId, String, String, usize),
    /// People whose nick begins with a prefix.
    People(String, usize),
    /// Events of a room after a position, for the hub itself.
    Events(RoomId, u64),
    /// The names that accounts and rooms have now, for the hub itself.
    Names(Names<()>),
    /// The version of all rows, for the hub itself.
    Version,
}

/// Names of accounts and rooms, or a query for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names<T> {
    /// The nick of each account.
    pub accounts: Vec<(UserId, T)>,
    /// The name of each room.
    pub rooms: Vec<(RoomId, T)>,
}

/// The position of a client in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowStart {
    /// It has all events up to this one; 0 if it has none.
    pub seq: u64,
    /// The id of the message there, if it is known.
    pub id: Option<MessageId>,
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomResult {
    /// Of [`RoomQuery::Login`]; the changed rows only if there was a version.
    Login(Box<(RoomRows, Option<RoomRows>, Option<Window>)>),
    /// Of [`RoomQuery::Row`].
    Row(Option<Box<RoomRow>>),
    /// Of [`RoomQuery::Window`].
    Window(Box<Window>),
    /// Of [`RoomQuery::Page`].
    Page(HistoryPage),
    /// Of [`RoomQuery::Search`].
    Search(SearchResults),
    /// Of [`RoomQuery::Revisions`].
    Revisions(Vec<Revision>),
    /// Of [`RoomQuery::Reactions`].
    Reactions(ReactionPage),
    /// Of [`RoomQuery::Browse`].
    Browse(RoomPage),
    /// Of [`RoomQuery::Members`].
    Members(MemberPage),
    /// Of [`RoomQuery::People`].
    People(Vec<Account>),
    /// Of [`RoomQuery::Events`].
    Events(EventPage),
    /// Of [`RoomQuery::Names`], without accounts and rooms that the log does not have.
    Names(Names<String>),
    /// Of [`RoomQuery::Version`].
    Version(u64),
    /// The account may not read the room.
    Refused(Status),
}

/// The state of a room for a client with a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The row of the account.
    pub row: RoomRow,
    /// What the client needs to have the state of the room.
    pub content: WindowContent,
    /// The sequence number of the newest event that it has then.
    pub seq: u64,
    /// The accounts that have another nick since its position.
    pub renamed: Vec<Account>,
}

/// What a client needs to have the state of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowContent {
    /// The events after its position.
    Events(Vec<StoredEvent>),
    /// Nothing: it is ahead of the log.
    Behind,
    /// The newest page: it has no position, or one that is not in this log or too far back.
    Page(HistoryPage),
}

impl RoomQuery {
    /// Executes the query for an account.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn execute(&self, log: &mut dyn LogReader, account: UserId) -> Result<RoomResult, LogError> {
        Ok(match self {
            Self::Login { since, open, position } => {
                let all = log.room_rows(account, 0)?;
                // A server that was ahead has sent rows that this one does not have.
                let is_known = (1..=all.version).contains(since);
                let changed = if is_known { Some(log.room_rows(account, *since)?) } else { None };
                let window = match window(log, account, *open, *position)? {
                    RoomResult::Window(window) => Some(*window),
                    _ => None,
                };
                RoomResult::Login(Box::new((all, changed, window)))
            }
            Self::Row(room) => RoomResult::Row(log.room_row(account, *room)?.map(Box::new)),
            Self::Window(room, position) => window(log, account, *room, *position)?,
            Self::Page(room, start, size) => {
                let mut page = log.page(*room, *start, *size)?;
                mark_own_reactions(log, account, *room, &mut page)?;
                member_only(log, account, *room, RoomResult::Page(page))?
            }
            Self::Search(room, words, before, size) => {
                let found = log.search(*room, words, *before, *size)?;
                member_only(log, account, *room, RoomResult::Search(found))?
            }
            Self::Revisions(room, message, size) => {
                let revisions = log.revisions(*room, *message, *size)?;
                member_only(log, account, *room, RoomResult::Revisions(revisions))?
            }
            Self::Reactions(room, message, emoji, count) => {
                let reactions = log.reactions(*room, *message, emoji, *count)?;
                member_only(log, account, *room, RoomResult::Reactions(reactions))?
            }
            Self::Members(room, prefix, after, count) => {
                let members = log.members(*room, prefix, after, *count)?;
                member_only(log, account, *room, RoomResult::Members(members))?
            }
            Self::Browse(query, after, count) => {
                RoomResult::Browse(log.browse(account, query, after, *count)?)
            }
            Self::People(prefix, count) => RoomResult::People(log.people(account, prefix, *count)?),
            Self::Events(room, after) => {
                RoomResult::Events(log.events(*room, *after, MAX_REPLAYED_EVENTS)?)
            }
            // An account without a number has no rows.
            Self::Version => RoomResult::Version(log.room_rows(account, 0)?.version),
            Self::Names(Names { accounts, rooms }) => {
                let mut names = Names { accounts: Vec::new(), rooms: Vec::new() };
                for (account, ()) in accounts {
                    names.accounts.extend(log.account(*account)?.map(|found| (*account, found.nick)));
                }
                for (room, ()) in rooms {
                    names.rooms.extend(log.room(*room)?.map(|found| (*room, found.name)));
                }
                RoomResult::Names(names)
            }
        })
    }

    /// Returns `true` if the query is a search, which may take long.
    #[must_use]
    pub fn is_search(&self) -> bool {
        matches!(self, Self::Search(..))
    }
}

/// The row of an account in a room that it may read.
fn may_read(
    log: &mut dyn LogReader,
    account: UserId,
    room: RoomId,
) -> Result<Result<RoomRow, Status>, LogError> {
    let Some(row) = log.room_row(account, room)? else { return Ok(Err(Status::NoSuchRoom)) };
    Ok(allows(row.role, row.room.kind, row.room.archived, Action::Read).map(|()| row))
}

/// The result, unless the account may not read the room.
fn member_only(
    log: &mut dyn LogReader,
    account: UserId,
    room: RoomId,
    result: RoomResult,
) -> Result<RoomResult, LogError> {
    Ok(may_read(log, account, room)?.map_or_else(RoomResult::Refused, |_| result))
}

fn window(
    log: &mut dyn LogReader,
    account: UserId,
    room: RoomId,
    position: WindowStart,
) -> Result<RoomResult, LogError> {
    let (mut content, seq) = content(log, room, position)?;
    if let WindowContent::Page(page) = &mut content {
        mark_own_reactions(log, account, room, page)?;
    }
    let renamed = match content {
        WindowContent::Events(_) => log.renamed(room, position.seq, MAX_REPLAYED_EVENTS)?,
        WindowContent::Behind | WindowContent::Page(_) => Some(Vec::new()),
    };
    let Some(renamed) = renamed.filter(|renamed| renamed.len() <= MAX_RENAMED) else {
        return window(log, account, room, WindowStart::default());
    };
    Ok(match may_read(log, account, room)? {
        Ok(row) => RoomResult::Window(Box::new(Window { row, content, seq, renamed })),
        Err(status) => RoomResult::Refused(status),
    })
}

fn content(
    log: &mut dyn LogReader,
    room: RoomId,
    position: WindowStart,
) -> Result<(WindowContent, u64), LogError> {
    if position.seq > 0 {
        let page = log.events(room, position.seq, MAX_REPLAYED_EVENTS)?;
        if position.seq > page.seq {
            return Ok((WindowContent::Behind, page.seq));
        }
        let bytes = page.events.iter().map(replayed_bytes).sum::<usize>();
        // Retention may have deleted some of them. Then the client would take the messages among these for a gap.
        let is_complete = page.events.len() as u64 == page.seq - position.seq;
        if !page.more && is_complete && bytes <= MAX_REPLAYED_BYTES && is_in_log(log, room, position)? {
            return Ok((WindowContent::Events(page.events), page.seq));
        }
    }
    let page = log.page(room, PageStart::End, WINDOW_SIZE)?;
    let seq = page.seq;
    Ok((WindowContent::Page(page), seq))
}

/// The bytes of the texts in an event of a replay.
fn replayed_bytes(event: &StoredEvent) -> usize {
    let message = event.message.as_ref().filter(|_| matches!(event.change, Change::React { .. }));
    event.change.text_bytes() + message.map_or(0, |message| message.content.len())
}

/// Marks the reactions of an account to the messages of a page. They may be newer than the page: then their events follow.
fn mark_own_reactions(
    log: &mut dyn LogReader,
    account: UserId,
    room: RoomId,
    page: &mut HistoryPage,
) -> Result<(), LogError> {
    let reacted = page.messages.iter().filter(|message| !message.reactions.is_empty());
    let mut seqs = reacted.map(|message| message.place.seq);
    let Some(first) = seqs.next() else { return Ok(()) };
    let last = seqs.next_back().unwrap_or(first);
    for (seq, emoji) in log.own_reactions(room, account, (first, last))? {
        let message = page.messages.iter_mut().find(|message| message.place.seq == seq);
        let reactions = message.into_iter().flat_map(|message| &mut message.reactions);
        reactions.filter(|reaction| reaction.emoji == emoji).for_each(|reaction| reaction.own = true);
    }
    Ok(())
}

/// Returns `true` unless the event at a position is a message with another id.
fn is_in_log(log: &mut dyn LogReader, room: RoomId, position: WindowStart) -> Result<bool, LogError> {
    let Some(id) = position.id else { return Ok(true) };
    let at = log.events(room, position.seq - 1, 1)?;
    let other = at.events.first().is_some_and(|event| event.place.seq == position.seq && event.id != id);
    Ok(!other)
}
