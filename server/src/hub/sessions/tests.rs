use std::net::Ipv4Addr;

use super::*;
use crate::store::{Account, SessionRecord};

const CONN: ConnectionId = ConnectionId::new(0, 0);
const TOM: UserId = UserId([1; 16]);

fn sessions(total: usize, per_address: usize) -> Sessions {
    Sessions::new(LostLimits { grace: 1000, total, per_address })
}

fn address(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(n).into()
}

/// Connects a session, which may be new.
fn attach(sessions: &mut Sessions, hash: Hash) {
    if sessions.get(&hash).is_none() {
        sessions.insert(hash, TOM);
    }
    sessions.attach(&hash, CONN, 1, "");
}

/// A session that is lost from the address `from`. Returns the one that was removed.
fn lose(sessions: &mut Sessions, now: Millis, n: u8, from: u32, has_sent: bool) -> Option<u8> {
    attach(sessions, [n; 32]);
    assert!(sessions.detach(&[n; 32], CONN));
    sessions.lose(now, &[n; 32], address(from), has_sent).map(|(hash, _)| hash[0])
}

fn expired(sessions: &mut Sessions, now: Millis) -> Vec<u8> {
    std::iter::from_fn(|| sessions.expire(now)).map(|(hash, _)| hash[0]).collect()
}

#[test]
fn only_lost_sessions_expire() {
    let mut sessions = sessions(2, 2);
    for n in 1..=4 {
        attach(&mut sessions, [n; 32]);
    }
    sessions.lose(0, &[1; 32], address(1), true);
    sessions.lose(500, &[2; 32], address(1), true);
    attach(&mut sessions, [1; 32]);
    sessions.lose(900, &[1; 32], address(1), true);
    assert!(expired(&mut sessions, 1499).is_empty());
    assert_eq!(expired(&mut sessions, 1500), [2]);
    assert!(sessions.get(&[1; 32]).is_some() && sessions.get(&[2; 32]).is_none());
    assert!(sessions.lose(1600, &[3; 32], address(1), true).is_none());
    let removed = sessions.lose(1600, &[4; 32], address(1), true);
    assert_eq!(removed.map(|(hash, _)| hash[0]), Some(1), "only two are stored");
    assert_eq!(sessions.by_hash.len(), 2);
    assert_eq!(expired(&mut sessions, 9999), [3, 4]);
    assert_eq!(sessions.table_size(), 0);
}

#[test]
fn one_address_displaces_only_its_own_sessions() {
    let mut sessions = sessions(100, 3);
    assert_eq!(lose(&mut sessions, 0, 1, 1, false), None);
    assert_eq!(lose(&mut sessions, 0, 2, 2, true), None);
    let removed: Vec<_> = (3..=20).filter_map(|n| lose(&mut sessions, 0, n, 2, false)).collect();
    assert_eq!(removed, (3..=18).collect::<Vec<_>>(), "the oldest of those that never sent anything");
    assert!(sessions.get(&[1; 32]).is_some() && sessions.get(&[2; 32]).is_some());
}

#[test]
fn sessions_that_never_sent_anything_are_displaced_first() {
    let mut sessions = sessions(4, 4);
    for (n, has_sent, removed) in [
        (1, true, None),
        (2, false, None),
        (3, true, None),
        (4, false, None),
        (5, true, Some(2)),
        (6, true, Some(4)),
        (7, false, Some(7)),
        (8, true, Some(1)),
    ] {
        assert_eq!(lose(&mut sessions, 0, n, n.into(), has_sent), removed, "{n}");
    }
    // Once it has sent something, this holds for its later connections too.
    assert_eq!(lose(&mut sessions, 0, 3, 3, false), None);
    assert_eq!(lose(&mut sessions, 0, 9, 9, false), Some(9));
}

#[test]
fn expiry_looks_at_each_session_once() {
    let mut sessions = sessions(50_000, 50_000);
    let hash = |n: u32| {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        hash
    };
    for n in 0..60_000 {
        attach(&mut sessions, hash(n));
        sessions.lose(u64::from(n) / 100, &hash(n), address(n % 7), n % 3 == 0);
    }
    assert_eq!((sessions.by_hash.len(), sessions.steps), (50_000, 10_000), "one for each that was displaced");
    sessions.steps = 0;
    let expired: usize = (0..2_000).map(|now| std::iter::from_fn(|| sessions.expire(now)).count()).sum();
    assert_eq!(expired, 50_000);
    assert!(sessions.steps <= 2 * (50_000 + 2_000), "{}", sessions.steps);
}

#[test]
fn restored_sessions_keep_their_age() {
    let record = |n: u8, lost_at| {
        let session = SessionRecord { hash: [n; 32], account: UserId([n; 16]), lost_at };
        let account = Account { user: session.account, nick: format!("Nick{n}"), holds_nick: true };
        StoredSession { session, account }
    };
    let mut sessions = sessions(3, 3);
    let records = [record(1, None), record(2, Some(9_400)), record(3, Some(9_000)), record(4, Some(11_000))];
    let restored = sessions.restore(5, 10_000, &records);
    let [one, two, _, four] = records;
    assert_eq!(restored.lost, [(two, 600), (one, 0), (four, 0)]);
    assert_eq!(restored.ended, [[3; 32]]);
    assert_eq!(sessions.get(&[2; 32]).unwrap().account, UserId([2; 16]));
    assert!(expired(&mut sessions, 404).is_empty());
    assert_eq!(expired(&mut sessions, 405), [2]);
    assert_eq!(expired(&mut sessions, 1_005), [1, 4]);
}

#[test]
fn session_is_lost_with_its_last_connection() {
    let mut sessions = sessions(3, 3);
    attach(&mut sessions, [1; 32]);
    let other = ConnectionId::new(1, 1);
    sessions.attach(&[1; 32], other, 2, "");
    assert!(!sessions.detach(&[1; 32], CONN));
    assert!(sessions.detach(&[1; 32], other));
}
