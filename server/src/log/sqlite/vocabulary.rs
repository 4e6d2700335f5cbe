//! The words that the index has.
//!
//! Asked for the beginning of a word, the index gathers all places of all words that begin so before it gives the first;
//! for the most used words of a large room that takes seconds. Asked for whole words, it goes through the places of all of
//! them side by side, the newest first, and stops where it is told to. So the beginning is looked up here, and the index
//! asked for the words.

use rusqlite::{Connection, OptionalExtension as _};

/// Gives a connection that reads its view of the words; it is of the connection alone, and nothing of the file's.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'words', 'instance')")
}

/// The words that begin so, in order; nothing when there are more than `most`.
pub(super) fn beginning(
    connection: &Connection,
    beginning: &str,
    most: usize,
) -> rusqlite::Result<Option<Vec<String>>> {
    let mut next = connection
        .prepare_cached("SELECT term FROM temp.vocabulary WHERE term >= ?1 ORDER BY term LIMIT 1")?;
    let (mut words, mut from) = (Vec::new(), beginning.to_owned());
    loop {
        // From word to word: each is as many rows as it was ever said.
        let word: Option<String> = next.query_row([&from], |row| row.get(0)).optional()?;
        let Some(word) = word.filter(|word| word.starts_with(beginning)) else { return Ok(Some(words)) };
        if words.len() == most {
            return Ok(None);
        }
        // Nothing that is in a word comes before this, so what follows is the next one.
        from = format!("{word}\u{1}");
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words, *};

    #[test]
    fn a_beginning_is_asked_for_as_the_words_that_there_are() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'ascii')")
            .unwrap();
        prepare(&connection).unwrap();
        let mut index = words::Index::new(&connection).unwrap();
        for (place, text) in (1..).zip(["a word, words", "Word for word 你好", "swords wort"]) {
            index.add(place, text).unwrap();
        }
        let some = |most| beginning(&connection, "word", most).unwrap();
        assert_eq!(some(2), Some(vec!["word".to_owned(), "words".to_owned()]));
        assert_eq!(some(1), None);
        assert_eq!(beginning(&connection, "x", 1).unwrap(), Some(vec![]));
        for (query, asked) in [
            ("word", "(\"word\" OR \"words\")"),
            ("sw WORDS", "(\"swords\") AND (\"words\")"),
            ("好 x", "\"好\" AND \"x\"*"),
        ] {
            assert_eq!(words::ask(&connection, &words::terms(query)).unwrap(), asked, "{query}");
        }
    }
}
