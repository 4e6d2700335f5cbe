//! Codes that log another device in as the same account: once, within five minutes.
//!
//! A code has 130 random bits, so it can't be guessed; wrong codes are limited by address all the same. It is made for a link
//! and a QR code; 26 letters and digits can still be typed. Only its hash is held, in memory: a restart ends all codes, and nobody
//! who reads the memory or a backup can log in with one.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use parlour_core::{Millis, model::UserId};
use sha2::{Digest as _, Sha256};

use crate::hub::{expiry_queue::ExpiryQueue, shared_bound::SharedBound};

/// The time for which a code is valid, in ms.
pub const LINK_LIFETIME_MS: Millis = 5 * 60_000;
/// The most valid codes of one account. A further one replaces the oldest.
const LINKS_PER_ACCOUNT: usize = 3;
/// The most valid codes of all accounts. Addresses share them.
const MAX_LINKS: usize = 10_000;
/// The number of letters and digits of a code, and of random bytes that choose them.
pub const CODE_CHARS: usize = 26;
/// The letters and digits of a code (Crockford's base 32): without i, l, o and u, which look like others.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

type CodeHash = [u8; 32];

/// The valid codes.
#[derive(Debug, Default)]
pub struct DeviceLinks {
    /// The account of each code, and the address that has asked for it.
    codes: HashMap<CodeHash, (UserId, IpAddr)>,
    by_account: HashMap<UserId, VecDeque<CodeHash>>,
    by_address: SharedBound,
    expiry: ExpiryQueue<CodeHash>,
}

impl DeviceLinks {
    /// Makes a code from random bytes; `None` if there are too many of the address, or of all. A code of the account that is
    /// replaced makes room for it.
    pub fn create(
        &mut self,
        now: Millis,
        (account, address): (UserId, IpAddr),
        random: [u8; CODE_CHARS],
    ) -> Option<String> {
        let own = self.by_account.get(&account).filter(|own| own.len() >= LINKS_PER_ACCOUNT);
        let replaced = own.and_then(|own| own.front().copied());
        if let Some(replaced) = replaced {
            self.remove(&replaced);
        }
        if !self.by_address.allows(address, 1, MAX_LINKS) {
            return None;
        }
        let code: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let hash = hash(&code);
        self.by_account.entry(account).or_default().push_back(hash);
        self.codes.insert(hash, (account, address));
        self.by_address.add(address, 1);
        self.expiry.set(hash, now + LINK_LIFETIME_MS);
        Some(code)
    }

    /// Uses a code, in any case and with any spaces and hyphens. Returns its account; `None` if it is unknown, was used, or has expired.
    pub fn redeem(&mut self, now: Millis, code: &str) -> Option<UserId> {
        self.expire(now);
        let is_ignored = |c: &char| *c == '-' || c.is_whitespace();
        let code: String = code.chars().filter(|c| !is_ignored(c)).take(CODE_CHARS + 1).collect();
        self.remove(&hash(&code.to_ascii_lowercase()))
    }

    /// Drops codes that have expired.
    pub fn expire(&mut self, now: Millis) {
        while let Some(hash) = self.expiry.pop_due(now) {
            self.remove(&hash);
        }
    }

    /// Drops the codes of an account.
    pub fn forget(&mut self, account: UserId) {
        for hash in self.by_account.get(&account).cloned().unwrap_or_default() {
            self.remove(&hash);
        }
    }

    fn remove(&mut self, hash: &CodeHash) -> Option<UserId> {
        let (account, address) = self.codes.remove(hash)?;
        self.expiry.remove(hash);
        self.by_address.remove(address, 1);
        if let Some(own) = self.by_account.get_mut(&account) {
            own.retain(|other| other != hash);
            if own.is_empty() {
                self.by_account.remove(&account);
            }
        }
        Some(account)
    }

    /// The first deadline.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.expiry.next_due()
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.codes.len() + self.by_account.len() + self.by_address.table_size() + self.expiry.table_size()
    }
}

fn hash(code: &str) -> CodeHash {
    Sha256::digest(code).into()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use super::*;

    const TOM: UserId = UserId([1; 16]);
    const LILI: UserId = UserId([2; 16]);

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    fn create(links: &mut DeviceLinks, now: Millis, account: UserId, n: u8) -> String {
        links.create(now, (account, address(0)), [n; CODE_CHARS]).unwrap()
    }

    #[test]
    fn code_has_128_bits_and_works_once() {
        let distinct = ALPHABET.iter().collect::<BTreeSet<_>>().len();
        assert!(CODE_CHARS * distinct.ilog2() as usize >= 128);
        let mut links = DeviceLinks::default();
        let (toms, lilis) = (create(&mut links, 0, TOM, 30), create(&mut links, 0, LILI, 31));
        assert_eq!(toms, "y".repeat(26));
        assert_eq!(links.redeem(1, "x"), None);
        assert_eq!(links.redeem(1, &format!(" {}-{} ", &toms[..13], toms[13..].to_uppercase())), Some(TOM));
        assert_eq!(links.redeem(1, &toms), None, "it was used");
        assert_eq!(links.redeem(1, &format!("{lilis}y")), None);
        assert_eq!(links.redeem(1, &lilis), Some(LILI));
    }

    #[test]
    fn code_expires_after_five_minutes() {
        let mut links = DeviceLinks::default();
        let codes = [1, 2].map(|n| create(&mut links, u64::from(n), TOM, n));
        assert_eq!(links.next_due(), Some(LINK_LIFETIME_MS + 1));
        assert_eq!(links.redeem(LINK_LIFETIME_MS + 1, &codes[0]), None);
        assert_eq!(links.redeem(LINK_LIFETIME_MS + 1, &codes[1]), Some(TOM));
        links.expire(LINK_LIFETIME_MS + 2);
        assert_eq!(links.table_size(), 0);
    }

    #[test]
    fn codes_are_bounded_per_account_and_in_total() {
        let mut links = DeviceLinks::default();
        let lilis = create(&mut links, 0, LILI, 31);
        let codes: Vec<_> = (0..5).map(|n| create(&mut links, 0, TOM, n)).collect();
        let valid: Vec<_> = codes.iter().map(|code| links.redeem(0, code).is_some()).collect();
        assert_eq!(valid, [false, false, true, true, true], "the oldest are replaced");
        let mut random = [0; CODE_CHARS];
        let mut create = |n: u32, account| {
            (0..4).for_each(|at| random[at] = (n >> (5 * at)) as u8);
            links.create(0, (account, address(n / 10_000)), random).is_some()
        };
        assert!((0..1_000).all(|n| create(n, TOM)));
        let account = |n: u32| UserId(u128::from(n).to_be_bytes());
        // Each address leaves as much as it uses.
        let created = [1, 2, 3].map(|address| {
            let numbers = address * 10_000..(address + 1) * 10_000;
            numbers.filter(|n| create(*n, account(*n))).count()
        });
        assert_eq!(created, [4_998, 2_499, 1_250]);
        assert_eq!(links.redeem(0, &lilis), Some(LILI), "others do not displace it");
        for n in 10_000..40_000 {
            links.forget(account(n));
        }
        links.forget(TOM);
        assert_eq!(links.table_size(), 0);
    }

    #[test]
    fn account_replaces_its_code_when_its_address_may_have_no_more() {
        let mut links = DeviceLinks::default();
        let mut create = |n: u32, account: u32| {
            let mut random = [0; CODE_CHARS];
            (0..4).for_each(|at| random[at] = (n >> (5 * at)) as u8);
            links.create(0, (UserId(u128::from(account).to_be_bytes()), address(0)), random)
        };
        assert!((0..3).all(|n| create(n, 1).is_some()));
        assert!((3..5_000).all(|n| create(n, n).is_some()));
        assert_eq!(create(5_000, 5_000), None, "the address has half of all codes");
        assert!(create(5_001, 1).is_some());
        assert_eq!(links.codes.len(), 5_000);
    }
}
