//! The types of settings.

use std::{
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::builder::ValueRange;
use parlour_core::model::Role;
use serde::Deserialize;

/// A duration as people write it: `500ms`, `20s`, `5m`, `24h`, `30d`; a number without a unit is in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(Duration);

impl Span {
    /// A duration in seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// A duration in milliseconds.
    #[must_use]
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }

    /// Converts to a [`Duration`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Converts to milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // At most a year, so that adding it to a point in time cannot overflow.
        millis(text, 366).map(Self::millis)
    }
}

/// Parses a duration of at most `days` days, in ms.
fn millis(text: &str, days: u64) -> Result<u64, String> {
    const DAY: u64 = 86_400_000;
    let (number, unit) = number(text);
    let unit = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(DAY),
        _ => None,
    };
    let millis = number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    millis
        .filter(|ms| (1..=days * DAY).contains(ms))
        .ok_or_else(|| format!("\"{text}\" is not a length of time; write 500ms, 20s, 5m, 24h or 30d"))
}

/// Splits a value into its leading number and the rest.
fn number(text: &str) -> (Option<u64>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number.parse().ok(), unit.trim())
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A maximum age: a duration of up to a hundred years, or `none` for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Age(Option<Duration>);

impl Age {
    /// Converts to a [`Duration`]; `None` for no limit.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        self.0
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            _ => millis(text, 36_600).map(|ms| Self(Some(Duration::from_millis(ms)))),
        }
    }
}

impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A number of bytes: `4096`, `500K`, `20M`, `2G`, `1T`, in powers of 1024.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BytesInFile")]
pub struct Bytes(pub u64);

/// A number of bytes in a file, where it may be written without quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum BytesInFile {
    Number(u64),
    Text(String),
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = number(text);
        let unit: Option<u64> = match unit {
            "" => Some(1),
            "K" => Some(1 << 10),
            "M" => Some(1 << 20),
            "G" => Some(1 << 30),
            "T" => Some(1 << 40),
            _ => None,
        };
        let bytes = number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
        bytes
            .map(Self)
            .ok_or_else(|| format!("\"{text}\" is not a number of bytes; write 4096, 500K, 20M or 2G"))
    }
}

impl TryFrom<BytesInFile> for Bytes {
    type Error = String;

    fn try_from(value: BytesInFile) -> Result<Self, String> {
        match value {
            BytesInFile::Number(bytes) => Ok(Self(bytes)),
            BytesInFile::Text(text) => text.parse(),
        }
    }
}

/// A list; on the command line separated by commas.
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

/// The format of the diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines of text.
    Text,
    /// One JSON object per line.
    Json,
}

/// The accounts that may create PUBLIC and PRIVATE rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RoomCreators {
    /// Everybody.
    Everybody,
    /// Moderators and owners of the lobby.
    Moderators,
}

/// A role in the lobby that the operator gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LobbyRole {
    /// Like everybody
    Member,
    /// May create rooms where only moderators may, and set the topic of the lobby
    Moderator,
    /// May also give these roles
    Owner,
}

impl From<LobbyRole> for Role {
    fn from(role: LobbyRole) -> Self {
        match role {
            LobbyRole::Member => Self::Member,
            LobbyRole::Moderator => Self::Moderator,
            LobbyRole::Owner => Self::Owner,
        }
    }
}

impl fmt::Display for LobbyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        })
    }
}

/// An optional path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct MaybePath(Option<PathBuf>);

impl MaybePath {
    /// The path, if there is one.
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

/// Returns `true` for a flag that may follow a command too.
pub(super) fn is_global(name: &str) -> bool {
    name == "data_dir"
}

/// Returns the number of values that a flag takes; that of a switch is optional.
pub(super) fn count(kind: &str) -> ValueRange {
    if kind == "bool" { (0..=1).into() } else { 1.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, millis) in [
            ("500ms", 500),
            ("20s", 20_000),
            ("20", 20_000),
            ("5 m", 300_000),
            ("24h", 86_400_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(text.parse(), Ok(Span::millis(millis)), "{text}");
        }
        for text in ["", "s", "-1s", "0s", "367d", "1.5s", "99999999999999999999h", "9999999h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn ages_may_be_longer_than_durations_or_none() {
        assert_eq!("none".parse(), Ok(Age(None)));
        assert_eq!("3660d".parse(), Ok(Age(Some(Duration::from_secs(3660 * 86_400)))));
        for text in ["", "0", "None", "99999d", "forever"] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }

    #[test]
    fn byte_counts_are_parsed() {
        for (text, bytes) in
            [("0", 0), ("4096", 4096), ("5K", 5 << 10), ("7 M", 7 << 20), ("2G", 2 << 30), ("1T", 1 << 40)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "1GB", "99999999999T"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        #[derive(Debug, Deserialize)]
        struct File {
            number: Bytes,
            text: Bytes,
        }
        let file: File = toml::from_str("number = 5\ntext = \"5K\"").unwrap();
        assert_eq!((file.number, file.text), (Bytes(5), Bytes(5120)));
        assert!(toml::from_str::<File>("number = -5\ntext = \"5K\"").is_err());
    }
}
