//! Filtering the member list.

use parlour_core::model::Member;

use crate::view::shared::nick_key;

/// Maximum number of listed members. The others are only counted, and can be found with the filter.
const MAX_LISTED: usize = 500;

/// The members whose nick contains `wanted`, which is a [`nick_key`], at most [`MAX_LISTED`]; and how many more there
/// are. `total` is the number of all members, of which `members` may be only a part.
pub fn filter_members(members: &[Member], wanted: &str, total: usize) -> (Vec<Member>, usize) {
    let mut matching =
        members.iter().filter(|member| wanted.is_empty() || nick_key(&member.nick).contains(wanted));
    let listed: Vec<Member> = matching.by_ref().take(MAX_LISTED).cloned().collect();
    let more = if wanted.is_empty() { total.saturating_sub(listed.len()) } else { matching.count() };
    (listed, more)
}

#[cfg(test)]
mod tests {
    use parlour_core::model::PresenceState;

    use super::*;

    #[test]
    fn filter_ignores_case_and_counts_members_that_are_not_listed() {
        let member = |n: usize| Member { nick: format!("User{n}").into(), state: PresenceState::Online };
        let members: Vec<_> = (0..600).map(member).collect();
        let count = |wanted, total| {
            let (listed, more) = filter_members(&members, wanted, total);
            (listed.len(), more)
        };
        assert_eq!(count("", 9_000), (MAX_LISTED, 8_500));
        assert_eq!(count("user", 9_000), (MAX_LISTED, 100));
        assert_eq!(count("user59", 9_000), (11, 0));
        assert_eq!(count("nobody", 9_000), (0, 0));
    }
}
