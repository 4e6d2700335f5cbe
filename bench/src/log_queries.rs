//! The cost of reading a large message log: history pages and searches as the server requests them.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use parlour_core::model::RoomId;
use parlour_server::store::{
    EventLog as _, LogReader, PageSize, PageStart,
    sqlite::{NAME, SqliteLog},
};

use crate::{
    measure::{Figures, Setting},
    rooms::{self, FIRST_MESSAGE_UNIX_MS, INTERVAL_MS, RARE_WORD, character, word},
};

/// The page size that the server's hub uses.
const PAGE: PageSize = PageSize { messages: 200, bytes: 64 * 1024 };
/// Limits for each query: repetitions, and total time.
const REPEAT_LIMITS: (usize, Duration) = (200, Duration::from_secs(5));
/// Size of a database page in bytes.
const DATABASE_PAGE: f64 = 4096.0;

/// Number of messages of the small room, with which a larger one is compared.
pub const SMALL: u64 = 100_000;
/// The small room's column.
pub const OF_SMALL: &str = "100 k";

/// Runs all queries on a room with this number of messages, or on the small room.
pub fn read(setting: &Setting, of: &str, messages: u64) -> Result<Figures> {
    let messages_stored = if of == OF_SMALL { SMALL } else { messages };
    let dir = rooms::room(&setting.paths, messages_stored)?;
    setting.cores.on_server(|| run_all(&dir, messages, messages_stored))?
}

/// Measures all queries. Both rooms use the figure names of the larger one, so that they are in the same rows.
fn run_all(dir: &Path, named_messages: u64, messages_stored: u64) -> Result<Figures> {
    let log = SqliteLog::open(dir)?;
    let bytes = fs::metadata(dir.join(NAME)).context("the room's file is missing")?.len();
    let mut figures = vec![(
        format!("log of {named_messages}, bytes of file per message"),
        bytes as f64 / messages_stored as f64,
    )];
    for (name, query) in queries(messages_stored) {
        let mut reader = log.reader()?;
        // Reads the schema, which would otherwise count as part of the first query.
        reader.id()?;
        let before = bytes_read()?;
        let found = run_query(&mut *reader, query(0))?;
        let pages = (bytes_read()? - before) / DATABASE_PAGE;
        ensure!(found > 0, "{name} returned nothing");
        let latencies = latencies(&mut *reader, query)?;
        figures.extend([
            (format!("log of {named_messages}, {name}: ms, median"), latencies[latencies.len() / 2]),
            (format!("log of {named_messages}, {name}: ms, worst"), latencies[latencies.len() - 1]),
            (format!("log of {named_messages}, {name}: pages read"), pages.round()),
        ]);
    }
    Ok(figures)
}

/// The durations of a query in ms, sorted; at least one.
fn latencies(reader: &mut dyn LogReader, query: impl Fn(u64) -> Query) -> Result<Vec<f64>> {
    let (mut latencies, begun) = (Vec::new(), Instant::now());
    while latencies.is_empty() || latencies.len() < REPEAT_LIMITS.0 && begun.elapsed() < REPEAT_LIMITS.1 {
        let what = query(latencies.len() as u64);
        let start = Instant::now();
        run_query(reader, what)?;
        latencies.push(start.elapsed().as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

/// A query for messages of the lobby.
enum Query {
    Page(PageStart),
    Search { query: String, before: u64 },
}

/// Runs a query. Returns the number of messages found.
fn run_query(reader: &mut dyn LogReader, query: Query) -> Result<usize> {
    let messages = match query {
        Query::Page(start) => reader.page(RoomId::LOBBY, start, PAGE)?.messages,
        Query::Search { query, before } => reader.search(RoomId::LOBBY, &query, before, PAGE)?.messages,
    };
    Ok(messages.len())
}

type QueryFn = Box<dyn Fn(u64) -> Query>;

/// The queries on a room with this number of messages. The argument of each is the repetition; positions are spread over
/// the room.
fn queries(messages_stored: u64) -> Vec<(&'static str, QueryFn)> {
    // Multiples of the golden ratio are spread evenly and not in order.
    let spread = move |n: u64| 1 + (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) % messages_stored;
    let search = |query: String, before: u64| Query::Search { query, before };
    let search_newest = move |query: String| -> QueryFn { Box::new(move |_| search(query.clone(), 0)) };
    let search_anywhere = move |query: String| -> QueryFn {
        Box::new(move |n| search(query.clone(), 1 + spread(n).max(messages_stored / 4)))
    };
    vec![
        ("newest page", Box::new(|_| Query::Page(PageStart::End))),
        ("page in the middle", Box::new(move |n| Query::Page(PageStart::Before(1 + spread(n))))),
        (
            "page by date",
            Box::new(move |n| {
                Query::Page(PageStart::At(FIRST_MESSAGE_UNIX_MS + spread(n).cast_signed() * INTERVAL_MS))
            }),
        ),
        ("search, rare word", search_newest(RARE_WORD.into())),
        ("search, frequent word", search_newest(word(0))),
        ("search, frequent word, further back", search_anywhere(word(0))),
        ("search, two frequent words", search_newest(format!("{} {}", word(0), word(1)))),
        ("search, frequent and rare word", search_newest(format!("{} {RARE_WORD}", word(0)))),
        ("search, two letters", search_newest("th".into())),
        ("search, one letter", search_newest("t".into())),
        ("search, two frequent characters", search_newest(String::from_iter([character(0), character(1)]))),
        ("search, two rarer characters", search_newest(String::from_iter([character(30), character(40)]))),
    ]
}

/// Bytes read by this process so far. SQLite reads page by page, and nothing else reads at this time.
fn bytes_read() -> Result<f64> {
    let io = fs::read_to_string("/proc/self/io").context("cannot read /proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("rchar:"));
    line.and_then(|value| value.trim().parse().ok()).context("/proc/self/io is not as expected")
}
