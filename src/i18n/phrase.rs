//! Sentences with names in them. A name keeps its own direction of writing, so it can't be pasted into a string.

use std::sync::Arc;

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words of ours.
    Words(String),
    /// Somebody's name.
    Name(Arc<str>),
}

impl From<&str> for Part {
    fn from(words: &str) -> Self {
        Part::Words(words.to_owned())
    }
}

impl From<String> for Part {
    fn from(words: String) -> Self {
        Part::Words(words)
    }
}

/// Names with something between them, and something else before the last.
pub(super) fn names(names: &[Arc<str>], between: &str, before_last: &str) -> Vec<Part> {
    let mut parts = Vec::with_capacity(names.len() * 2 + 2);
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            parts.push(if i + 1 == names.len() { before_last } else { between }.into());
        }
        parts.push(Part::Name(name.clone()));
    }
    parts
}

/// How many of the names a line shows before it counts the rest.
pub(super) fn shown(names: &[Arc<str>], total: usize) -> &[Arc<str>] {
    if total <= 3 { names } else { &names[..names.len().min(2)] }
}

/// A number with its thousands apart, as both languages write it.
#[must_use]
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
