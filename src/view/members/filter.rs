//! Filtering the member list.

use std::collections::HashSet;

use crate::{
    ctrl::{Contact, member_order},
    view::shared::nick_key,
};

/// Maximum number of listed members. The others are only counted, and can be found with the filter.
const MAX_LISTED: usize = 500;

/// The members whose nick contains `wanted`, which is a [`nick_key`], at most [`MAX_LISTED`]; and how many more there
/// are. `total` is the number of all members, of which `members` may be only a part. Of the others the server has `found` those
/// whose nick begins with `wanted`.
pub fn filter_members(
    members: &[Contact],
    found: &[Contact],
    wanted: &str,
    total: usize,
) -> (Vec<Contact>, usize) {
    let mut matching: Vec<_> = members
        .iter()
        .filter(|member| wanted.is_empty() || nick_key(&member.nick).contains(wanted))
        .collect();
    let loaded: HashSet<_> = matching.iter().map(|member| member.account).collect();
    let others: Vec<_> = found.iter().filter(|member| !loaded.contains(&member.account)).collect();
    if !others.is_empty() {
        matching.extend(others);
        matching.sort_by_cached_key(|member| member_order(member));
    }
    let listed: Vec<Contact> = matching.iter().take(MAX_LISTED).copied().cloned().collect();
    let all = if wanted.is_empty() { total } else { matching.len() };
    let more = all.saturating_sub(listed.len());
    (listed, more)
}

/// The line below the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nobody is found.
    NoneFound,
    /// This many members are not listed.
    More(usize),
    /// The server has found more than the number that it has listed.
    FoundMore(usize),
}

impl Rest {
    /// The line below this many listed members, with `hidden` ones that are not listed; `None` if all are listed. `of_more` is
    /// the number that the server has listed, if it has found more.
    pub fn new(listed: usize, hidden: usize, has_filter: bool, of_more: Option<usize>) -> Option<Self> {
        match (listed, hidden, of_more) {
            (.., Some(found)) => Some(Self::FoundMore(found)),
            (0, 0, None) if has_filter => Some(Self::NoneFound),
            (_, 0, None) => None,
            (_, hidden, None) => Some(Self::More(hidden)),
        }
    }
}

#[cfg(test)]
mod tests {
    use parlour_core::model::{PresenceState, Role, UserId};

    use super::*;

    fn member(n: u16, nick: &str) -> Contact {
        let mut account = [0; 16];
        account[..2].copy_from_slice(&n.to_be_bytes());
        let (account, nick) = (UserId(account), nick.into());
        Contact { account, nick, state: PresenceState::Online, role: Role::Member }
    }

    #[test]
    fn filter_ignores_case_and_counts_members_that_are_not_listed() {
        let members: Vec<_> = (0..600).map(|n| member(n, &format!("User{n}"))).collect();
        let count = |wanted, total| {
            let (listed, more) = filter_members(&members, &[], wanted, total);
            (listed.len(), more)
        };
        assert_eq!(count("", 9_000), (MAX_LISTED, 8_500));
        assert_eq!(count("user", 9_000), (MAX_LISTED, 100));
        assert_eq!(count("user59", 9_000), (11, 0));
        assert_eq!(count("nobody", 9_000), (0, 0));
    }

    #[test]
    fn members_that_the_server_has_found_are_listed_with_those_that_are_loaded() {
        let members = [member(1, "Bob"), member(2, "Zoe"), member(3, "zorro")];
        // Another account has had a nick that is free now.
        let found = [member(4, "zac"), member(2, "Zoe"), member(5, "Zoe")];
        let (listed, more) = filter_members(&members, &found, "z", 9_000);
        let listed: Vec<_> = listed.iter().map(|member| (member.account.0[1], &*member.nick)).collect();
        assert_eq!((listed, more), (vec![(4, "zac"), (2, "Zoe"), (5, "Zoe"), (3, "zorro")], 0));
    }

    #[test]
    fn line_below_the_list_says_that_the_server_has_found_more() {
        let filtered = |listed, hidden, of_more| Rest::new(listed, hidden, true, of_more);
        assert_eq!(filtered(50, 0, Some(50)), Some(Rest::FoundMore(50)));
        assert_eq!(filtered(50, 0, None), None);
        assert_eq!(filtered(500, 3, None), Some(Rest::More(3)));
        assert_eq!(filtered(0, 0, None), Some(Rest::NoneFound));
        assert_eq!(Rest::new(0, 0, false, None), None);
    }
}
