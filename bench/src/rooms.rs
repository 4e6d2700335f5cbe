//! Large rooms, created by the server's own log and cached for later runs. Their content is reproducible.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use parlour_core::model::{MessageId, RoomId, UserId};
use parlour_server::store::{
    Change, EventLog as _, Proposal,
    sqlite::{Options, SqliteLog, Synchronous},
};

use crate::target::Paths;

/// Increase this when the generated content or the log's format changes. Rooms of other versions are not used any more.
pub const VERSION: u32 = 3;
/// Messages in one transaction.
const BATCH_MESSAGES: u64 = 20_000;
/// Time of the first message in Unix ms, and the interval between messages.
pub const FIRST_MESSAGE_UNIX_MS: i64 = 1_700_000_000_000;
pub const INTERVAL_MS: i64 = 1_000;
/// Number of senders.
const SENDERS: u64 = 500;
/// Size of the vocabulary; word 0 is the most frequent.
const WORDS: u64 = 20_000;
/// Number of different Chinese characters.
const CHARACTERS: u64 = 3_000;
/// The rare word is in this number of messages of any room, spread evenly.
const RARE_MESSAGES: u64 = 10;
/// A word that no other message contains.
pub const RARE_WORD: &str = "zyzzyva";

/// Returns the folder of a room with this number of messages. Creates it if necessary.
pub fn room(paths: &Paths, messages: u64) -> Result<PathBuf> {
    let rooms = paths.out.join("rooms");
    let dir = rooms.join(format!("{messages}-v{VERSION}"));
    if dir.is_dir() {
        return Ok(dir);
    }
    eprintln!("creating a room of {messages} messages; it is cached for later runs");
    // Renamed when complete, so that an interrupted run leaves no incomplete room.
    let partial = rooms.join("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).context("cannot remove an incomplete room")?;
    }
    fs::create_dir_all(&partial).context("cannot write target/bench")?;
    fill(&partial, messages)?;
    fs::rename(&partial, &dir).context("cannot rename the room's folder")?;
    Ok(dir)
}

/// Creates a message log with this number of messages in the lobby.
pub fn fill(dir: &std::path::Path, messages: u64) -> Result<()> {
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    let mut log = SqliteLog::open_with(dir, &options)?;
    let mut generator = TextGenerator::default();
    log.append(&accounts(SENDERS, "user", FIRST_MESSAGE_UNIX_MS), &[])?;
    let mut done = 0;
    while done < messages {
        let proposals: Vec<Proposal> = (done..messages.min(done + BATCH_MESSAGES))
            .map(|n| {
                let time = FIRST_MESSAGE_UNIX_MS + n.cast_signed() * INTERVAL_MS;
                let is_rare = n % messages.div_ceil(RARE_MESSAGES) == 0;
                let sender = account(generator.below(SENDERS));
                let mut random = [0; 10];
                random[..8].copy_from_slice(&generator.next().to_be_bytes());
                let id = MessageId::new(time.unsigned_abs(), random);
                let content = generator.message(is_rare).into();
                Proposal { id, sender, time, change: Change::Message { room: RoomId::LOBBY, content } }
            })
            .collect();
        done += proposals.len() as u64;
        log.append(&proposals, &[])?;
    }
    while log.index_pending()? > 0 {}
    Ok(())
}

/// The id of the account with this number.
pub fn account(n: u64) -> UserId {
    UserId((u128::from(n) + 1).to_be_bytes())
}

/// Creates accounts. The nick of each is `prefix` with its number.
pub fn accounts(count: u64, prefix: &str, time: i64) -> Vec<Proposal> {
    let create = |n| Proposal {
        id: MessageId(account(n).0),
        sender: account(n),
        time,
        change: Change::CreateAccount { nick: format!("{prefix}{n}").into(), from: None },
    };
    (0..count).map(create).collect()
}

/// Generates messages with the word frequencies of natural language; every fourth is Chinese.
#[derive(Debug, Default)]
struct TextGenerator(u64);

impl TextGenerator {
    /// SplitMix64 (Steele, Lea, Flood 2014).
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

    /// A Zipf-distributed rank below `n`: low ranks are the most probable.
    fn rank(&mut self, n: u64) -> u64 {
        let u = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((n as f64 + 1.0).powf(u) as u64).saturating_sub(1).min(n - 1)
    }

    fn message(&mut self, is_rare: bool) -> String {
        let mut text = String::new();
        if self.below(4) == 0 {
            let characters = 4 + self.below(28);
            text.extend((0..characters).map(|_| character(self.rank(CHARACTERS))));
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

/// The word of a rank. Frequent words have one syllable; longer words begin with the same syllables.
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
pub fn character(rank: u64) -> char {
    // From the main CJK block; which character it is does not matter.
    u32::try_from(rank).ok().and_then(|rank| char::from_u32(0x4E00 + rank)).unwrap_or('一')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_are_distinct_and_low_ranks_are_frequent() {
        let words: HashSet<String> = (0..WORDS).map(word).collect();
        assert_eq!(words.len() as u64, WORDS);
        assert_eq!((word(0), word(40), word(41)), ("the".into(), "thethe".into(), "tothe".into()));
        let mut generator = TextGenerator::default();
        let texts: Vec<String> = (0..1_000).map(|n| generator.message(n == 7)).collect();
        let count_containing =
            |word: &str| texts.iter().filter(|text| text.split(' ').any(|it| it == word)).count();
        assert!(
            count_containing("the") > 300 && count_containing(&word(100)) < 50,
            "{} {}",
            count_containing("the"),
            count_containing(&word(100))
        );
        assert_eq!(count_containing(RARE_WORD), 1);
        assert!(texts.iter().filter(|text| text.contains(character(0))).count() > 100);
    }
}
