//! The words in the search index.
//!
//! For a prefix query, FTS5 collects the occurrences of all matching words before it returns the first, which
//! takes seconds for frequent words of a large room. For whole words it merges their occurrences, newest
//! first, and stops on demand. So prefixes are expanded to words here.

use rusqlite::{Connection, OptionalExtension as _};

use super::meter::{Meter, unless_exhausted};

/// Creates the view of the words, which belongs to the connection and not to the file.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'words', 'instance')")
}

/// The work of looking up one word. Its instructions would count six times as much, because FTS5 prepares a statement.
const LOOKUP_WORK: u64 = 20;

/// The words with a prefix, in order; `None` if there are more than are `left` to look up, or the limit of work is
/// reached. Subtracts what was looked up.
pub(super) fn with_prefix(
    connection: &Connection,
    meter: &Meter,
    prefix: &str,
    left: &mut usize,
) -> rusqlite::Result<Option<Vec<String>>> {
    let mut next = connection
        .prepare_cached("SELECT term FROM temp.vocabulary WHERE term >= ?1 ORDER BY term LIMIT 1")?;
    let (mut words, mut from) = (Vec::new(), prefix.to_owned());
    loop {
        // Skip from word to word: the view has one row per occurrence.
        let word = meter.instead(LOOKUP_WORK, || next.query_row([&from], |row| row.get(0)).optional());
        let word: Option<Option<String>> = unless_exhausted(word)?;
        let Some(word) = word.filter(|_| !meter.is_exhausted()) else { return Ok(None) };
        let Some(word) = word.filter(|word| word.starts_with(prefix)) else { return Ok(Some(words)) };
        if *left == 0 {
            return Ok(None);
        }
        *left -= 1;
        // No character of a word sorts before this one, so the next word follows.
        from = format!("{word}\u{1}");
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{
        super::{
            search_query::SearchQuery,
            word_index::{IndexQuery, WordIndex, index_query},
        },
        *,
    };
    use crate::store::SearchLimits;

    /// A search index of these messages.
    fn index(messages: impl IntoIterator<Item = impl AsRef<str>>) -> (Connection, Arc<Meter>) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'ascii')")
            .unwrap();
        let meter = Meter::new(&mut connection).unwrap();
        prepare(&connection).unwrap();
        let mut index = WordIndex::new(&connection).unwrap();
        for (place, message) in (1..).zip(messages) {
            index.add(place, message.as_ref()).unwrap();
        }
        drop(index);
        (connection, meter)
    }

    #[test]
    fn prefix_is_expanded_to_existing_words() {
        let (connection, meter) = index(["a word, words", "Word for word 你好", "swords wort"]);
        let some = |prefix, mut max| {
            let words = with_prefix(&connection, &meter, prefix, &mut max).unwrap();
            (words, max)
        };
        assert_eq!(some("word", 2), (Some(vec!["word".to_owned(), "words".to_owned()]), 0));
        assert_eq!(some("word", 1), (None, 0));
        assert_eq!(some("x", 1), (Some(vec![]), 1));
        let asked = |query| index_query(&connection, &meter, &SearchQuery::parse(query)).unwrap();
        let exactly = |query: &str| IndexQuery::Words { query: query.into(), is_exact: true };
        assert_eq!(asked("word"), exactly("(\"word\" OR \"words\")"));
        assert_eq!(asked("sw WORDS"), exactly("(\"words\") AND (\"swords\")"));
        assert_eq!(asked("好"), exactly("\"好\""));
        assert_eq!(asked("好 x"), IndexQuery::Nothing);
        // A phrase, and its last word if it may be incomplete.
        assert_eq!(asked("\"word for\""), exactly("\"word for\""));
        let compared = |query: &str| IndexQuery::Words { query: query.into(), is_exact: false };
        assert_eq!(asked("\"for wor"), compared("\"for\" AND (\"word\" OR \"words\" OR \"wort\")"));
        assert_eq!(asked("a.word"), compared("\"a\" AND (\"word\" OR \"words\")"));
        assert_eq!(asked("word+"), compared("\"word\""));
    }

    #[test]
    fn words_that_begin_too_many_are_left_out() {
        let (connection, meter) = index((1..=3_000).map(|n| format!("w{n} rare")));
        let asked = |query| index_query(&connection, &meter, &SearchQuery::parse(query)).unwrap();
        let without_w = IndexQuery::Words { query: "(\"rare\")".into(), is_exact: false };
        assert_eq!((asked("w"), asked("w rare w")), (IndexQuery::TooMany, without_w));
        // A word that is nowhere is looked up first.
        meter.begin(SearchLimits::default());
        assert_eq!(asked("w w w w w w w w w nowhere"), IndexQuery::Nothing);
        assert!(meter.end() < 1_000, "{}", meter.end());
    }
}
