//! Rooms of many messages, made by the server's own log and kept for the next run: the same every time.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use parlour_core::model::MessageId;
use parlour_server::store::{
    EventLog as _, NewMessage,
    sqlite::{Options, SqliteLog, Synchronous},
};

use crate::target::Place;

/// To be counted up when anything here changes what a room holds, or the log how; rooms of another version are made anew.
pub const VERSION: u32 = 2;
/// Messages in one transaction.
const AT_ONCE: u64 = 20_000;
/// When the first message was said, Unix ms; the others follow a second apart.
pub const BEGIN: i64 = 1_700_000_000_000;
pub const EVERY_MS: i64 = 1_000;
/// So many people talk.
const PEOPLE: u64 = 500;
/// So many words are known, the first of them the most used.
const WORDS: u64 = 20_000;
/// In Chinese, characters.
const SIGNS: u64 = 3_000;
/// Said in this many messages of any room, as far apart as can be.
const RARE: u64 = 10;
/// A word that nobody uses else.
pub const RARE_WORD: &str = "zyzzyva";

/// The directory of a room with so many messages, which is made if it is not there.
pub fn room(place: &Place, messages: u64) -> Result<PathBuf> {
    let rooms = place.out.join("rooms");
    let dir = rooms.join(format!("{messages}-v{VERSION}"));
    if dir.is_dir() {
        return Ok(dir);
    }
    eprintln!("making a room of {messages} messages, once");
    // A run that is interrupted leaves no half of a room under its name.
    let partial = rooms.join("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).context("half of a room cannot be removed")?;
    }
    fs::create_dir_all(&partial).context("target/bench cannot be written")?;
    fill(&partial, messages)?;
    fs::rename(&partial, &dir).context("a room cannot be named")?;
    Ok(dir)
}

/// Makes a log with a lobby of so many messages.
pub fn fill(dir: &std::path::Path, messages: u64) -> Result<()> {
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    let mut log = SqliteLog::open_with(dir, &options)?;
    let mut speech = Speech::default();
    let lobby: Arc<str> = "".into();
    let people: Vec<Arc<str>> = (0..PEOPLE).map(|n| format!("user{n}").into()).collect();
    let mut done = 0;
    while done < messages {
        let entries: Vec<NewMessage> = (done..messages.min(done + AT_ONCE))
            .map(|n| {
                let time = BEGIN + n.cast_signed() * EVERY_MS;
                let is_rare = n % messages.div_ceil(RARE) == 0;
                let nick = people[usize::try_from(speech.below(PEOPLE)).unwrap_or(0)].clone();
                let mut random = [0; 10];
                random[..8].copy_from_slice(&speech.next().to_be_bytes());
                let id = MessageId::new(time.unsigned_abs(), random);
                let content = speech.message(is_rare).into();
                NewMessage { id, room: lobby.clone(), nick, content, time }
            })
            .collect();
        done += entries.len() as u64;
        log.append(&entries, &[])?;
    }
    while log.index_pending()? > 0 {}
    Ok(())
}

/// What is said: some words as often used as in a language, every fourth message in Chinese.
#[derive(Debug, Default)]
struct Speech(u64);

impl Speech {
    /// splitmix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A rank below `n`: each about as probable as one by it, as words are (Zipf).
    fn rank(&mut self, n: u64) -> u64 {
        let u = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((n as f64 + 1.0).powf(u) as u64).saturating_sub(1).min(n - 1)
    }

    fn message(&mut self, is_rare: bool) -> String {
        let mut text = String::new();
        if self.below(4) == 0 {
            let signs = 4 + self.below(28);
            text.extend((0..signs).map(|_| sign(self.rank(SIGNS))));
        } else {
            for n in 0..3 + self.below(18) {
                text.push_str(if n == 0 { "" } else { " " });
                text.push_str(&word(self.rank(WORDS)));
            }
        }
        if is_rare {
            text.push(' ');
            text.push_str(RARE_WORD);
        }
        text
    }
}

/// The word of a rank: of one syllable the most used ones, and longer ones begin as they do.
pub fn word(rank: u64) -> String {
    const SOUNDS: [&str; 40] = [
        "the", "to", "and", "of", "is", "you", "it", "in", "for", "on", "be", "me", "so", "we", "no", "ka",
        "lo", "mi", "ne", "pa", "ri", "sa", "te", "vo", "wa", "xe", "ya", "zo", "bi", "cu", "da", "fe", "go",
        "hi", "ju", "ke", "la", "mo", "ni", "pe",
    ];
    let (mut word, mut left) = (String::new(), rank);
    loop {
        word.push_str(SOUNDS[usize::try_from(left % 40).unwrap_or(0)]);
        if left < 40 {
            return word;
        }
        left = left / 40 - 1;
    }
}

/// The Chinese character of a rank.
pub fn sign(rank: u64) -> char {
    // The block of the most used ones; which of them is which does not matter here.
    u32::try_from(rank).ok().and_then(|rank| char::from_u32(0x4E00 + rank)).unwrap_or('一')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rank_is_another_word_and_the_first_are_the_most_used() {
        let words: HashSet<String> = (0..WORDS).map(word).collect();
        assert_eq!(words.len() as u64, WORDS);
        assert_eq!((word(0), word(40), word(41)), ("the".into(), "thethe".into(), "tothe".into()));
        let mut speech = Speech::default();
        let texts: Vec<String> = (0..1_000).map(|n| speech.message(n == 7)).collect();
        let having = |word: &str| texts.iter().filter(|text| text.split(' ').any(|it| it == word)).count();
        assert!(having("the") > 300 && having(&word(100)) < 50, "{} {}", having("the"), having(&word(100)));
        assert_eq!(having(RARE_WORD), 1);
        assert!(texts.iter().filter(|text| text.contains(sign(0))).count() > 100);
    }
}
