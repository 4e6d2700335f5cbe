//! Sessions are stored with the appends.

use parlour_core::model::{RoomId, UserId};
use parlour_server::store::{Change, EventLog as _, LogError, RowChange, SessionRecord, sqlite::Options};

use crate::world::{FAST, TOM, World, entry, propose};

const LILI: UserId = UserId([2; 16]);

fn session(n: u8, account: UserId, lost_at: Option<i64>) -> SessionRecord {
    SessionRecord { hash: [n; 32], account, lost_at }
}

fn put(session: &SessionRecord) -> RowChange {
    RowChange::PutSession(session.clone())
}

/// The stored sessions and the nicks of their accounts.
fn sessions(world: &mut World) -> Vec<(SessionRecord, String)> {
    let stored = world.read.sessions().unwrap();
    stored.into_iter().map(|stored| (stored.session, stored.account.nick)).collect()
}

#[test]
fn session_is_the_last_record_until_it_ends() {
    let mut world = World::new();
    let lili = propose(1, LILI, Change::CreateAccount { nick: "李丽".into(), from: None });
    let (one, two, three) = (session(2, TOM, None), session(1, LILI, Some(-7)), session(3, TOM, Some(5)));
    // Of an account that is created in the same append, too.
    world.log.append(&[lili], &[put(&one), put(&two), put(&three)]).unwrap();
    let nicks =
        |of: [(&SessionRecord, &str); 3]| of.map(|(session, nick)| (session.clone(), nick.to_owned()));
    assert_eq!(sessions(&mut world), nicks([(&two, "李丽"), (&one, "tom"), (&three, "tom")]));
    let lost = session(2, TOM, Some(9));
    let changes = [RowChange::EndSession([3; 32]), put(&lost), RowChange::EndSession([9; 32])];
    world.log.append(&[entry(1, RoomId::LOBBY, "one")], &changes).unwrap();
    let mut world = world.reopen();
    assert_eq!(sessions(&mut world), [(two, "李丽".to_owned()), (lost.clone(), "tom".to_owned())]);
    assert_eq!(world.contents(), ["one"]);
    // Ended and started again in one batch.
    let again = session(1, TOM, None);
    world.log.append(&[], &[RowChange::EndSession([1; 32]), put(&again)]).unwrap();
    assert_eq!(sessions(&mut world), [(again, "tom".to_owned()), (lost, "tom".to_owned())]);
}

#[test]
fn session_of_an_unknown_account_is_not_stored() {
    let mut world = World::new();
    world.log.append(&[], &[put(&session(1, LILI, None))]).unwrap();
    assert_eq!(sessions(&mut world), []);
}

#[test]
fn sessions_are_stored_with_the_messages_or_not_at_all() {
    let mut world = World::with(&Options { max_pages: Some(100), ..FAST });
    let big = entry(1, RoomId::LOBBY, &"x".repeat(1 << 20));
    let failed = world.log.append(&[big], &[put(&session(1, TOM, None))]);
    assert_eq!(failed, Err(LogError::Full(world.log.path().into())));
    assert_eq!(sessions(&mut world), []);
}
