//! What it takes to read a log of many messages: its pages and its searches, as the server asks for them.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use parlour_server::store::{
    EventLog as _, LogReader, PageSize, PageStart, Query, QueryKind,
    sqlite::{NAME, SqliteLog},
};

use crate::{
    measure::{Figures, Setting},
    rooms::{self, BEGIN, EVERY_MS, RARE_WORD, sign, word},
};

/// What the server's hub asks for.
const PAGE: PageSize = PageSize { messages: 200, bytes: 64 * 1024 };
/// How often each question is asked at most, and how long at most.
const TIMES: (usize, Duration) = (200, Duration::from_secs(5));
/// The page of a database, in bytes.
const DATABASE_PAGE: f64 = 4096.0;

/// The room that a larger one is compared with: so many messages.
pub const SMALL: u64 = 100_000;
/// Its column.
pub const OF_SMALL: &str = "100 k";

/// Asks everything of a room of so many messages, or of the small one.
pub fn read(setting: &Setting, of: &str, messages: u64) -> Result<Figures> {
    let held = if of == OF_SMALL { SMALL } else { messages };
    let dir = rooms::room(&setting.place, held)?;
    setting.cores.on_server(|| ask_all(&dir, messages, held))?
}

/// Figures are named by the larger room, so that both are in a line.
fn ask_all(dir: &Path, named: u64, held: u64) -> Result<Figures> {
    let log = SqliteLog::open(dir)?;
    let bytes = fs::metadata(dir.join(NAME)).context("the room is gone")?.len();
    let mut figures =
        vec![(format!("log of {named}, bytes of file per message"), bytes as f64 / held as f64)];
    for (name, question) in questions(held) {
        let mut reader = log.reader()?;
        // The schema is read with the first question, whatever it is.
        reader.id()?;
        let before = bytes_read()?;
        let found = ask(&mut *reader, question(0))?;
        let pages = (bytes_read()? - before) / DATABASE_PAGE;
        ensure!(found > 0, "nothing came of {name}");
        let waits = waits(&mut *reader, question)?;
        figures.extend([
            (format!("log of {named}, {name}: ms, median"), waits[waits.len() / 2]),
            (format!("log of {named}, {name}: ms, worst"), waits[waits.len() - 1]),
            (format!("log of {named}, {name}: pages read"), pages.round()),
        ]);
    }
    Ok(figures)
}

/// How long a question takes, in ms, sorted; never none.
fn waits(reader: &mut dyn LogReader, question: impl Fn(u64) -> QueryKind) -> Result<Vec<f64>> {
    let (mut waits, begun) = (Vec::new(), Instant::now());
    while waits.is_empty() || waits.len() < TIMES.0 && begun.elapsed() < TIMES.1 {
        let what = question(waits.len() as u64);
        let start = Instant::now();
        ask(reader, what)?;
        waits.push(start.elapsed().as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    Ok(waits)
}

/// Gives how many messages came.
fn ask(reader: &mut dyn LogReader, what: QueryKind) -> Result<usize> {
    use parlour_server::store::QueryResult;
    Ok(match reader.execute(&Query { room: "".into(), kind: what, size: PAGE })? {
        QueryResult::Page(page) => page.messages.len(),
        QueryResult::Search(found) => found.messages.len(),
    })
}

type Question = Box<dyn Fn(u64) -> QueryKind>;

/// What is asked of a room with so many messages: the `n`th time, all over the room.
fn questions(held: u64) -> Vec<(&'static str, Question)> {
    // Steps of the golden ratio come everywhere, and not in order.
    let somewhere = move |n: u64| 1 + (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) % held;
    let search = |query: String, before: u64| QueryKind::Search { query, before };
    let newest = move |query: String| -> Question { Box::new(move |_| search(query.clone(), 0)) };
    let anywhere = move |query: String| -> Question {
        Box::new(move |n| search(query.clone(), 1 + somewhere(n).max(held / 4)))
    };
    vec![
        ("newest page", Box::new(|_| QueryKind::Page(PageStart::End))),
        ("page in the middle", Box::new(move |n| QueryKind::Page(PageStart::Before(1 + somewhere(n))))),
        (
            "page of a time",
            Box::new(move |n| QueryKind::Page(PageStart::At(BEGIN + somewhere(n).cast_signed() * EVERY_MS))),
        ),
        ("search, rare word", newest(RARE_WORD.into())),
        ("search, frequent word", newest(word(0))),
        ("search, frequent word, further back", anywhere(word(0))),
        ("search, two frequent words", newest(format!("{} {}", word(0), word(1)))),
        ("search, frequent and rare word", newest(format!("{} {RARE_WORD}", word(0)))),
        ("search, two letters", newest("th".into())),
        ("search, one letter", newest("t".into())),
        ("search, two frequent characters", newest(String::from_iter([sign(0), sign(1)]))),
        ("search, two rarer characters", newest(String::from_iter([sign(30), sign(40)]))),
    ]
}

/// All that this process was given by reads so far. SQLite reads a page at a time, and nothing else reads here.
fn bytes_read() -> Result<f64> {
    let io = fs::read_to_string("/proc/self/io").context("the system does not count what is read")?;
    let line = io.lines().find_map(|line| line.strip_prefix("rchar:"));
    line.and_then(|value| value.trim().parse().ok()).context("/proc/self/io is not as expected")
}
