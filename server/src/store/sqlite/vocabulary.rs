//! The words in the search index.
//!
//! For a prefix query, FTS5 collects the occurrences of all matching words before it returns the first, which
//! takes seconds for frequent words of a large room. For whole words it merges their occurrences, newest
//! first, and stops on demand. So prefixes are expanded to words here.

use rusqlite::{Connection, OptionalExtension as _};

/// Creates the view of the words, which belongs to the connection and not to the file.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'words', 'instance')")
}

/// The words with a prefix, in order; `None` if there are more than `max`.
pub(super) fn with_prefix(
    connection: &Connection,
    prefix: &str,
    max: usize,
) -> rusqlite::Result<Option<Vec<String>>> {
    let mut next = connection
        .prepare_cached("SELECT term FROM temp.vocabulary WHERE term >= ?1 ORDER BY term LIMIT 1")?;
    let (mut words, mut from) = (Vec::new(), prefix.to_owned());
    loop {
        // Skip from word to word: the view has one row per occurrence.
        let word: Option<String> = next.query_row([&from], |row| row.get(0)).optional()?;
        let Some(word) = word.filter(|word| word.starts_with(prefix)) else { return Ok(Some(words)) };
        if words.len() == max {
            return Ok(None);
        }
        // No character of a word sorts before this one, so the next word follows.
        from = format!("{word}\u{1}");
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::word_index, *};

    #[test]
    fn prefix_is_expanded_to_existing_words() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'ascii')")
            .unwrap();
        prepare(&connection).unwrap();
        let mut index = word_index::WordIndex::new(&connection).unwrap();
        for (place, text) in (1..).zip(["a word, words", "Word for word 你好", "swords wort"]) {
            index.add(place, text).unwrap();
        }
        let some = |max| with_prefix(&connection, "word", max).unwrap();
        assert_eq!(some(2), Some(vec!["word".to_owned(), "words".to_owned()]));
        assert_eq!(some(1), None);
        assert_eq!(with_prefix(&connection, "x", 1).unwrap(), Some(vec![]));
        for (query, asked) in [
            ("word", "(\"word\" OR \"words\")"),
            ("sw WORDS", "(\"swords\") AND (\"words\")"),
            ("好 x", "\"好\" AND \"x\"*"),
        ] {
            assert_eq!(
                word_index::fts_query(&connection, &word_index::terms(query)).unwrap(),
                asked,
                "{query}"
            );
        }
    }
}
