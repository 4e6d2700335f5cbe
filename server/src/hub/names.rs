//! Who has which name, and which names look like one that is taken.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parlour_core::{
    limits::{Limits, NICK_CHARS},
    status::Status,
    validate,
};
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use super::table::ConnId;

/// How many numbers are tried behind a name to find a free one.
const TRIES: u32 = 200;

/// Somebody's name.
#[derive(Debug, Clone)]
pub struct Holder {
    /// As it is written.
    pub nick: Arc<str>,
    /// Whose it is; `None` for a name that is reserved.
    pub conn: Option<ConnId>,
}

/// The names in use, by [`validate::nick_key`] and by their looks.
#[derive(Debug, Default)]
pub struct Names {
    holders: BTreeMap<Arc<str>, Holder>,
    looks: HashMap<String, Arc<str>>,
}

impl Names {
    /// Whether a valid nick is free.
    ///
    /// # Errors
    /// [`Status::NickTaken`] for the same name but for case and width, [`Status::NickConfusable`] for one that
    /// looks the same (UTS 39 skeletons, after NFKC and case folding).
    pub fn check(&self, nick: &str) -> Result<(), Status> {
        if self.holders.contains_key(validate::nick_key(nick).as_str()) {
            return Err(Status::NickTaken);
        }
        if looks(nick).iter().any(|look| self.looks.contains_key(look)) {
            return Err(Status::NickConfusable);
        }
        Ok(())
    }

    /// Who has the name.
    #[must_use]
    pub fn holder(&self, key: &str) -> Option<&Holder> {
        self.holders.get(key)
    }

    /// Gives a checked nick to a connection, or reserves it; gives the key it is held under.
    pub fn insert(&mut self, nick: &Arc<str>, conn: Option<ConnId>) -> Arc<str> {
        let key: Arc<str> = validate::nick_key(nick).into();
        for look in looks(nick) {
            self.looks.insert(look, key.clone());
        }
        self.holders.insert(key.clone(), Holder { nick: nick.clone(), conn });
        key
    }

    /// The name goes on under another connection.
    pub fn hand_over(&mut self, key: &str, conn: ConnId) {
        if let Some(holder) = self.holders.get_mut(key) {
            holder.conn = Some(conn);
        }
    }

    /// The name stays its owner's for a while, who is not there.
    pub fn reserve(&mut self, key: &str) {
        if let Some(holder) = self.holders.get_mut(key) {
            holder.conn = None;
        }
    }

    /// A name that was reserved is free again; one that is in use stays.
    pub fn release(&mut self, key: &str) {
        if self.holders.get(key).is_some_and(|holder| holder.conn.is_none()) {
            self.remove(key);
        }
    }

    /// The name is free again.
    pub fn remove(&mut self, key: &str) {
        if let Some(holder) = self.holders.remove(key) {
            for look in looks(&holder.nick) {
                if self.looks.get(&look).is_some_and(|of| &**of == key) {
                    self.looks.remove(&look);
                }
            }
        }
    }

    /// A name like this one that would be accepted now: with a number behind it.
    #[must_use]
    pub fn suggestion(&self, nick: &str, limits: &Limits) -> Option<String> {
        let base = nick.trim_end_matches(|c: char| c.is_ascii_digit());
        let base = if base.is_empty() { nick } else { base };
        let first = nick[base.len()..].parse::<u32>().unwrap_or(1).saturating_add(1);
        let room = limits.nick_chars.min(NICK_CHARS);
        (first..first.saturating_add(TRIES)).find_map(|n| {
            let number = n.to_string();
            let kept: String = base.chars().take(room.checked_sub(number.len())?).collect();
            let name = validate::nick(&format!("{kept}{number}"), limits).ok()?;
            self.check(&name).is_ok().then_some(name)
        })
    }

    /// All who are there, in order of key: key and name.
    pub fn members(&self) -> impl Iterator<Item = &Arc<str>> {
        self.holders.values().filter(|holder| holder.conn.is_some()).map(|holder| &holder.nick)
    }
}

/// What a name looks like. Two keys, because case hides some likenesses and makes others: capital I looks like
/// l, and small i does not.
fn looks(nick: &str) -> [String; 2] {
    let plain: String = nick.nfkc().collect();
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    let shown: String = skeleton(&plain).collect();
    let folded: String = skeleton(&lower(&plain)).collect();
    [lower(&shown), lower(&folded)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(taken: &[&str]) -> Names {
        let mut names = Names::default();
        for (i, nick) in (0..).zip(taken) {
            names.insert(&Arc::from(*nick), Some(ConnId::new(i, i)));
        }
        names
    }

    #[test]
    fn taken_whatever_the_case_and_width() {
        let names = names(&["Tom"]);
        for nick in ["Tom", "tom", "TOM", "Ｔｏｍ"] {
            assert_eq!(names.check(nick), Err(Status::NickTaken), "{nick}");
        }
        assert_eq!(names.check("Tim"), Ok(()));
    }

    #[test]
    fn look_alikes_are_seen() {
        let names = names(&["paypal", "Bill", "root0", "Zoë"]);
        for nick in ["pаypаl", "paypa1", "BiIl", "Bi1l", "rооtO", "𝐩𝐚𝐲𝐩𝐚𝐥", "Zoe\u{308}"]
        {
            assert_eq!(names.check(nick), Err(Status::NickConfusable), "{nick}");
        }
        for nick in ["paypals", "Billy", "Zoe", "root2", "李丽"] {
            assert_eq!(names.check(nick), Ok(()), "{nick}");
        }
    }

    #[test]
    fn a_suggestion_would_be_accepted() {
        let limits = Limits::default();
        let long = "x".repeat(32);
        let mut names = names(&["tom", "tom2", "user9", "2024", "pаypаl", &long]);
        assert_eq!(names.suggestion("Tom", &limits).as_deref(), Some("Tom3"));
        assert_eq!(names.suggestion("user9", &limits).as_deref(), Some("user10"));
        for nick in ["2024", "paypal", &long] {
            let name = names.suggestion(nick, &limits).unwrap();
            assert_eq!(validate::nick(&name, &limits).as_deref(), Ok(name.as_str()));
            assert_eq!(names.check(&name), Ok(()), "{nick} {name}");
        }
        names.remove("tom");
        assert_eq!(names.check("tom"), Ok(()));
        assert_eq!(names.check("tom2"), Err(Status::NickTaken));
    }
}
