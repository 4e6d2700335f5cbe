//! Target `query`: a search in a room, with the index and without it.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use parlour_core::model::{MessageId, RoomId, UserId};
use parlour_server::store::{
    Change, EventLog as _, LogError, LogReader, PageSize, Proposal, SearchLimits, SearchResults,
    is_searchable,
    sqlite::{Options, SqliteLog, Synchronous},
};

/// The most messages in the room.
const MAX_MESSAGES: usize = 8;
/// The length to which the server truncates queries.
const MAX_QUERY_CHARS: usize = 200;
const ALL: PageSize = PageSize { messages: usize::MAX, bytes: usize::MAX };
const ONE: PageSize = PageSize { messages: 1, bytes: usize::MAX };

/// Reads the first line as a query, and each of the others as a message in which it is searched.
///
/// # Panics
/// If a search fails, if it finds other messages with the index than without it or page by page than at once, if it finds
/// anything without a word in the query, or if a message is not found by its own text.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n').map(|line| line.trim_matches('\r'));
    let query = lines.next().unwrap_or_default();
    let messages: Vec<_> = lines.filter(|line| !line.is_empty()).take(MAX_MESSAGES).collect();
    let directory = Directory::new();
    run(&directory, query, &messages).unwrap_or_else(|error| panic!("{query:?} in {messages:?}: {error}"));
}

fn run(directory: &Directory, query: &str, messages: &[&str]) -> Result<(), LogError> {
    let search = SearchLimits { work: u64::MAX - 1, time: Duration::MAX };
    let options = Options { synchronous: Synchronous::Off, search, ..Options::default() };
    let mut log = SqliteLog::open_with(&directory.0, &options)?;
    let tom = Change::CreateAccount { nick: "tom".into(), from: None };
    let messages_of_tom =
        messages.iter().map(|&content| Change::Message { room: RoomId::LOBBY, content: content.into() });
    let new: Vec<_> = (0..)
        .zip([tom].into_iter().chain(messages_of_tom))
        .map(|(id, change)| proposal(id, change))
        .collect();
    log.append(&new, &[])?;
    let mut reader = log.reader()?;
    let scanned = check(&mut *reader, query, messages)?;
    while log.index_pending()? > 0 {}
    let indexed = check(&mut *reader, query, messages)?;
    assert_eq!(scanned, indexed, "{query:?} in {messages:?}, without the index and with it");
    Ok(())
}

/// Returns the ords of the messages that are found.
fn check(reader: &mut dyn LogReader, query: &str, messages: &[&str]) -> Result<Vec<u64>, LogError> {
    let found = ords(&reader.search(RoomId::LOBBY, query, 0, ALL)?);
    assert!(found.is_empty() || is_searchable(query), "{query:?} has no word, and {found:?} are found");
    let (mut one_by_one, mut before) = (Vec::new(), 0);
    while one_by_one.len() <= found.len() {
        let page = ords(&reader.search(RoomId::LOBBY, query, before, ONE)?);
        let Some(last) = page.last() else { break };
        before = *last;
        one_by_one.extend(page);
    }
    assert_eq!(one_by_one, found, "{query:?} in {messages:?}, page by page and at once");
    for (ord, text) in (1..).zip(messages) {
        if is_searchable(text) && text.chars().count() <= MAX_QUERY_CHARS {
            let found = ords(&reader.search(RoomId::LOBBY, text, 0, ALL)?);
            assert!(found.contains(&ord), "{text:?} is not found by its own text");
        }
    }
    Ok(found)
}

fn ords(results: &SearchResults) -> Vec<u64> {
    results.messages.iter().map(|message| message.place.ord).collect()
}

fn proposal(id: u8, change: Change) -> Proposal {
    Proposal { id: MessageId([id; 16]), sender: UserId([1; 16]), time: 1_700_000_000_000, change }
}

/// A directory for a log, removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("parlour-query-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
