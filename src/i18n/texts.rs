//! The words of a language, put together with numbers and names.

use std::{cell::Cell, sync::Arc};

use parlour_core::{status::Status, timeline::PresenceSummary};

use super::{
    Locale, Word,
    words::{ENGLISH, NAMES},
};

/// A piece of a sentence. A name keeps its own direction of writing, so it can't be pasted into a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words of ours.
    Words(String),
    /// Somebody's name.
    Name(Arc<str>),
}

/// The words of a language.
#[derive(Debug)]
pub struct Texts {
    pub(super) words: [&'static str; NAMES.len()],
    /// By code. Empty in English, which core has.
    pub(super) statuses: Vec<(u16, &'static str)>,
}

static EN: Texts = Texts { words: ENGLISH, statuses: Vec::new() };

thread_local! {
    static ZH: Cell<Option<&'static Texts>> = const { Cell::new(None) };
}

/// The words of a language; English, until [`read`] was given them.
#[must_use]
pub fn texts(locale: Locale) -> &'static Texts {
    match locale {
        Locale::En => &EN,
        Locale::Zh => ZH.get().unwrap_or(&EN),
    }
}

/// Whether [`texts`] has the words of a language.
#[must_use]
pub fn is_read(locale: Locale) -> bool {
    locale == Locale::En || ZH.get().is_some()
}

/// Takes the words of a language out of the text of its file: lines of `name=text`; those of statuses have their code
/// for a name. Lines that are none, and names that are unknown, are skipped; what is missing stays English.
pub fn read(locale: Locale, file: String) {
    if is_read(locale) {
        return;
    }
    // Once a language and page: the words are to be had everywhere, for as long as the page lives.
    ZH.set(Some(Box::leak(Box::new(parsed(file.leak())))));
}

pub(super) fn parsed(file: &'static str) -> Texts {
    let mut texts = Texts { words: ENGLISH, statuses: Vec::new() };
    for line in file.lines() {
        let Some((name, text)) = line.split_once('=') else { continue };
        if let Some(at) = NAMES.iter().position(|known| *known == name) {
            texts.words[at] = text;
        } else if let Ok(code) = name.parse() {
            texts.statuses.push((code, text));
        }
    }
    texts
}

impl Texts {
    /// What is said.
    #[must_use]
    pub fn word(&self, word: Word) -> &'static str {
        self.words[word as usize]
    }

    /// What is said with a name in it.
    #[must_use]
    pub fn with_name(&self, word: Word, name: &str) -> String {
        fill(self.word(word), name)
    }

    /// What is said of so many.
    #[must_use]
    pub fn count(&self, word: Word, n: usize) -> String {
        let text = self.word(word);
        let (one, other) = text.split_once('|').unwrap_or((text, text));
        fill(if n == 1 { one } else { other }, &grouped(n))
    }

    /// A status, in a sentence.
    #[must_use]
    pub fn status(&self, status: Status) -> &'static str {
        let code = if let Status::Other(_) = status { 0 } else { status.code() };
        let found = self.statuses.iter().find(|(known, _)| *known == code);
        found.map_or_else(|| status.text(), |(_, text)| *text)
    }

    /// The server takes no more for so many seconds: it can't store anything, or this is its rate limit.
    #[must_use]
    pub fn wait(&self, status: Status, seconds: u32) -> String {
        let word = if status == Status::LogUnavailable { Word::WaitLog } else { Word::WaitLimit };
        self.count(word, seconds as usize)
    }

    /// Back to the end, with the number of new messages.
    #[must_use]
    pub fn jump(&self, new: u32) -> String {
        match new {
            0 => self.word(Word::ToLatest).into(),
            n => self.count(Word::NewMessages, n as usize),
        }
    }

    /// A line of comings and goings, in one sentence for those who came and one for those who went.
    #[must_use]
    pub fn movement(&self, movement: &PresenceSummary) -> Vec<Vec<Part>> {
        let PresenceSummary { joined, left, more_joined, more_left, .. } = movement;
        [(joined, *more_joined, true), (left, *more_left, false)]
            .into_iter()
            .filter(|(names, more, _)| names.len() + more > 0)
            .map(|(names, more, came)| self.moved(names, names.len() + more, came))
            .collect()
    }

    /// Some names out of so many people came or went.
    #[must_use]
    pub(super) fn moved(&self, names: &[Arc<str>], total: usize, came: bool) -> Vec<Part> {
        // A line shows few of the names before it counts the rest.
        let shown = if total <= 3 { names } else { &names[..names.len().min(2)] };
        let rest = total - shown.len();
        let mut parts = self.names(shown, rest == 0);
        if shown.is_empty() {
            parts.push(Part::Words(self.count(Word::PeopleCount, rest)));
        } else if rest > 0 {
            parts.push(Part::Words(self.count(Word::AndOthers, rest)));
        }
        parts.push(self.part(match (came, shown.is_empty() || rest > 0) {
            (true, false) => Word::Joined,
            (true, true) => Word::ManyJoined,
            (false, false) => Word::Left,
            (false, true) => Word::ManyLeft,
        }));
        parts
    }

    /// Who is there: names, and how many more.
    #[must_use]
    pub fn who(&self, names: &[Arc<str>], more: usize) -> Vec<Part> {
        let total = names.len() + more;
        if total == 0 {
            return vec![self.part(Word::WhoNobody)];
        }
        let mut parts = vec![Part::Words(self.count(Word::Who, total))];
        parts.append(&mut self.names(names, more == 0));
        if more > 0 {
            parts.push(Part::Words(self.count(Word::WhoMore, more)));
        }
        parts
    }

    /// Names with something between them; before the last something else, if nothing follows.
    fn names(&self, names: &[Arc<str>], whole: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                let last = whole && i + 1 == names.len();
                parts.push(self.part(if last { Word::BeforeLast } else { Word::Between }));
            }
            parts.push(Part::Name(name.clone()));
        }
        parts
    }

    fn part(&self, word: Word) -> Part {
        Part::Words(self.word(word).into())
    }
}

fn fill(text: &str, what: &str) -> String {
    let (before, after) = text.split_once('#').unwrap_or((text, ""));
    let mut filled = String::from(before);
    // A text without a place for it says it in words.
    if before.len() < text.len() {
        filled.push_str(what);
    }
    filled.push_str(after);
    filled
}

/// A number with its thousands apart, as both languages write it.
#[must_use]
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
