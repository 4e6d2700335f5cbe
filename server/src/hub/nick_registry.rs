//! The nicks in use, and protection against nicks that look like one in use. Also the nicks of members that are
//! departing: their connection has ended, and the room is told so after their last message.
//!
//! In the log an account holds its nick until another one takes it. This table says who must not lose it now.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parlour_core::{
    limits::{Limits, NICK_CHARS},
    model::UserId,
    status::Status,
    validate,
};

use crate::{skeletons::skeletons, text_rules};

/// The number of numeric suffixes that are tried for a suggested nick. Each costs up to two skeletons.
const MAX_SUGGESTION_TRIES: u32 = 16;

/// The reason why a nick is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The server's own name.
    Server,
    /// An account that takes it waits for the log.
    Pending(UserId),
    /// The account is online.
    Online(UserId),
    /// The connections of the account were lost a short time ago.
    Reserved(UserId),
}

/// A nick in use.
#[derive(Debug, Clone)]
struct NickHolder {
    /// The nick as typed.
    nick: Arc<str>,
    claim: Claim,
}

/// The nicks in use, by [`validate::nick_key`] and by visual skeleton.
#[derive(Debug, Default)]
pub struct NickRegistry {
    holders: BTreeMap<Arc<str>, NickHolder>,
    skeletons: HashMap<String, Arc<str>>,
    /// Members that are departing, by key and nick, with the batch of their last message and their account.
    departing: BTreeMap<(Arc<str>, Arc<str>), (u64, UserId)>,
}

impl NickRegistry {
    /// Checks that a valid nick is free.
    ///
    /// # Errors
    /// [`Status::NickTaken`] for a nick that differs only in case or width, [`Status::NickConfusable`] for
    /// one that looks the same (UTS 39 skeletons, after NFKC and case folding).
    pub fn check(&self, nick: &str) -> Result<(), Status> {
        self.check_for(nick, None)
    }

    /// Checks a nick as [`check`](Self::check) does, but a nick that is reserved for the account `owner` is free for it.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_for(&self, nick: &str, owner: Option<UserId>) -> Result<(), Status> {
        let key = validate::nick_key(nick);
        let is_own = |holder: &NickHolder| owner.is_some_and(|owner| holder.claim == Claim::Reserved(owner));
        if self.holders.get(key.as_str()).is_some_and(|holder| !is_own(holder)) {
            return Err(Status::NickTaken);
        }
        let is_others = |skeleton| self.skeletons.get(skeleton).is_some_and(|of: &Arc<str>| **of != *key);
        if skeletons(nick).iter().any(is_others) {
            return Err(Status::NickConfusable);
        }
        Ok(())
    }

    /// Puts a checked nick to use. Returns the nick's key.
    pub fn insert(&mut self, nick: &Arc<str>, claim: Claim) -> Arc<str> {
        let key: Arc<str> = validate::nick_key(nick).into();
        match self.holders.get_mut(&key) {
            Some(holder) if holder.nick == *nick => holder.claim = claim,
            _ => {
                // Perhaps reserved in another spelling.
                self.remove(&key);
                for skeleton in skeletons(nick) {
                    self.skeletons.insert(skeleton, key.clone());
                }
                self.holders.insert(key.clone(), NickHolder { nick: nick.clone(), claim });
            }
        }
        key
    }

    /// Reserves the nick of an account that went offline.
    pub fn reserve(&mut self, key: &str, account: UserId) {
        if let Some(holder) = self.holders.get_mut(key) {
            holder.claim = Claim::Reserved(account);
        }
    }

    /// Frees a nick if it is reserved, for this account if one is given.
    pub fn release(&mut self, key: &str, account: Option<UserId>) -> bool {
        let is_it = match self.holders.get(key).map(|holder| holder.claim) {
            Some(Claim::Reserved(owner)) => account.is_none_or(|account| account == owner),
            _ => false,
        };
        if is_it {
            self.remove(key);
        }
        is_it
    }

    /// Frees a nick if this account waits for the log to give it the nick.
    pub fn release_pending(&mut self, key: &str, account: UserId) {
        if matches!(self.holders.get(key), Some(holder) if holder.claim == Claim::Pending(account)) {
            self.remove(key);
        }
    }

    /// Frees the nicks that this account waits for.
    pub fn release_all_pending(&mut self, account: UserId) {
        let is_pending = |(_, holder): &(&Arc<str>, &NickHolder)| holder.claim == Claim::Pending(account);
        let keys: Vec<_> = self.holders.iter().filter(is_pending).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| self.remove(key));
    }

    /// A member is departing; it stays in the member list until [`finish_departure`](Self::finish_departure). `batch`
    /// is that of its last message.
    pub fn begin_departure(&mut self, key: &Arc<str>, nick: &Arc<str>, batch: u64, account: UserId) {
        self.departing.insert((key.clone(), nick.clone()), (batch, account));
    }

    /// Removes a departing member from the list. Returns `false` if it has returned since, or has left again later.
    pub fn finish_departure(&mut self, key: &Arc<str>, nick: &Arc<str>, batch: u64) -> bool {
        let member = (key.clone(), nick.clone());
        let is_current = self.departing.get(&member).is_some_and(|(last, _)| *last == batch);
        if is_current {
            self.departing.remove(&member);
        }
        is_current
    }

    /// A departing member has returned. Returns the batch of its last message, or `None` if it was not departing.
    pub fn cancel_departure(&mut self, key: &Arc<str>, nick: &Arc<str>) -> Option<u64> {
        self.departing.remove(&(key.clone(), nick.clone())).map(|(batch, _)| batch)
    }

    /// Frees a nick.
    pub fn remove(&mut self, key: &str) {
        if let Some(holder) = self.holders.remove(key) {
            for skeleton in skeletons(&holder.nick) {
                if self.skeletons.get(&skeleton).is_some_and(|of| &**of == key) {
                    self.skeletons.remove(&skeleton);
                }
            }
        }
    }

    /// Suggests a free nick: this one with a number as suffix.
    #[must_use]
    pub fn suggestion(&self, nick: &str, limits: &Limits) -> Option<String> {
        let base = nick.trim_end_matches(|c: char| c.is_ascii_digit());
        let base = if base.is_empty() { nick } else { base };
        let first = nick[base.len()..].parse::<u32>().unwrap_or(1).saturating_add(1);
        let max_chars = limits.nick_chars.min(NICK_CHARS);
        // In steps that double: of a popular nick, thousands of numbers may be taken.
        let steps = std::iter::once(0).chain((0..MAX_SUGGESTION_TRIES - 1).map(|n| 1 << n));
        steps.map(|step| first.saturating_add(step)).find_map(|n| {
            let number = n.to_string();
            let prefix: String = base.chars().take(max_chars.checked_sub(number.len())?).collect();
            let name = text_rules::nick(&format!("{prefix}{number}"), limits).ok()?;
            self.check(&name).is_ok().then_some(name)
        })
    }

    /// All members that are online or departing: their keys, nicks and accounts, in the order of the keys.
    pub fn members(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, UserId)> {
        let online = self.holders.iter().filter_map(|(key, holder)| match holder.claim {
            Claim::Online(account) => Some((key, &holder.nick, account)),
            Claim::Server | Claim::Pending(_) | Claim::Reserved(_) => None,
        });
        let mut online = online.peekable();
        let departing = self.departing.iter().map(|((key, nick), (_, account))| (key, nick, *account));
        let mut departing = departing.peekable();
        std::iter::from_fn(move || match (online.peek(), departing.peek()) {
            (Some(first), Some(other)) if (other.0, other.1) < (first.0, first.1) => departing.next(),
            (Some(_), _) => online.next(),
            (None, _) => departing.next(),
        })
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.holders.len() + self.skeletons.len() + self.departing.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nicks(taken: &[&str]) -> NickRegistry {
        let mut nicks = NickRegistry::default();
        for (i, nick) in (0..).zip(taken) {
            nicks.insert(&Arc::from(*nick), Claim::Online(UserId(u128::to_be_bytes(i))));
        }
        nicks
    }

    #[test]
    fn nick_is_taken_regardless_of_case_and_width() {
        let nicks = nicks(&["Tom"]);
        for nick in ["Tom", "tom", "TOM", "Ｔｏｍ"] {
            assert_eq!(nicks.check(nick), Err(Status::NickTaken), "{nick}");
        }
        assert_eq!(nicks.check("Tim"), Ok(()));
    }

    #[test]
    fn look_alike_nicks_are_refused() {
        let nicks = nicks(&["paypal", "Bill", "root0", "Zoë", "❤"]);
        for nick in ["❤️", "pаypаl", "paypa1", "BiIl", "Bi1l", "rооtO", "𝐩𝐚𝐲𝐩𝐚𝐥", "Zoe\u{308}"]
        {
            assert_eq!(nicks.check(nick), Err(Status::NickConfusable), "{nick}");
        }
        for nick in ["paypals", "Billy", "Zoe", "root2", "李丽"] {
            assert_eq!(nicks.check(nick), Ok(()), "{nick}");
        }
    }

    #[test]
    fn nicks_with_marks_that_are_not_seen_are_look_alikes() {
        let nicks = nicks(&["tim", "Zoë", "ΝΙΚΟΣ", "jin"]);
        for nick in ["ti\u{307}m", "TI\u{307}M", "Zoë\u{308}", "Zoe\u{308}\u{308}", "νικος", "j\u{307}in"]
        {
            assert_eq!(nicks.check(nick), Err(Status::NickConfusable), "{nick:?}");
        }
        for nick in ["tím", "ṫim", "Zoé", "Zoë\u{323}", "νίκος"] {
            assert_eq!(nicks.check(nick), Ok(()), "{nick:?}");
        }
    }

    #[test]
    fn suggested_nick_is_free_and_valid() {
        let limits = Limits::default();
        let long = "x".repeat(32);
        let mut nicks = nicks(&["tom", "tom2", "user9", "2024", "pаypаl", &long]);
        assert_eq!(nicks.suggestion("Tom", &limits).as_deref(), Some("Tom3"));
        assert_eq!(nicks.suggestion("user9", &limits).as_deref(), Some("user10"));
        for nick in ["2024", "paypal", &long] {
            let name = nicks.suggestion(nick, &limits).unwrap();
            assert_eq!(validate::nick(&name, &limits).as_deref(), Ok(name.as_str()));
            assert_eq!(nicks.check(&name), Ok(()), "{nick} {name}");
        }
        nicks.remove("tom");
        assert_eq!(nicks.check("tom"), Ok(()));
        assert_eq!(nicks.check("tom2"), Err(Status::NickTaken));
    }

    #[test]
    fn suggestion_for_a_popular_nick_is_found_in_few_tries() {
        let guests: Vec<_> = (2..=900).map(|n| format!("guest{n}")).collect();
        let nicks = nicks(&guests.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(nicks.suggestion("guest", &Limits::default()).as_deref(), Some("guest1026"));
    }

    #[test]
    fn tries_for_a_suggestion_are_bounded() {
        let tried = std::iter::once(2).chain((0..MAX_SUGGESTION_TRIES - 1).map(|n| 2 + (1 << n)));
        let taken: Vec<_> = tried.map(|n: u32| format!("guest{n}")).collect();
        let mut nicks = nicks(&taken.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((taken.len(), nicks.suggestion("guest", &Limits::default())), (16, None));
        nicks.remove("guest16386");
        assert_eq!(nicks.suggestion("guest", &Limits::default()).as_deref(), Some("guest16386"));
    }
}
