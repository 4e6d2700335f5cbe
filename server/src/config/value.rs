//! The kinds of values that settings have.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::builder::ValueRange;
use serde::Deserialize;

/// A length of time as people write it: `500ms`, `20s`, `5m`, `24h`; a bare number is of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(Duration);

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// So many milliseconds.
    #[must_use]
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }

    /// For the clock.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// In ms.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a length of time; write 500ms, 20s, 5m or 24h");
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let millis = match unit.trim() {
            "ms" => Some(number),
            "" | "s" => number.checked_mul(1000),
            "m" | "min" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            _ => None,
        };
        // A bound that keeps sums with the clock in range: a year.
        millis.filter(|&ms| (1..=366 * 86_400_000).contains(&ms)).map(Self::millis).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Several values; on the command line with commas between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct List<T>(pub Vec<T>);

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A path, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct MaybePath(Option<PathBuf>);

impl MaybePath {
    /// The path.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

impl From<PathBuf> for MaybePath {
    fn from(path: PathBuf) -> Self {
        Self(Some(path))
    }
}

impl FromStr for MaybePath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self((!text.is_empty()).then(|| text.into())))
    }
}

/// How many values a flag takes: a switch may stand alone.
pub(super) fn count(kind: &str) -> ValueRange {
    if kind == "bool" { (0..=1).into() } else { 1.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_people_write_them() {
        for (text, millis) in
            [("500ms", 500), ("20s", 20_000), ("20", 20_000), ("5 m", 300_000), ("24h", 86_400_000)]
        {
            assert_eq!(text.parse(), Ok(Span::millis(millis)), "{text}");
        }
        for text in ["", "s", "-1s", "0s", "1d", "1.5s", "99999999999999999999h", "9999999h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
