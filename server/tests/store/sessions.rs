//! Sessions are stored with the appends.

use parlour_server::store::{LogError, SessionChange, SessionRecord};

use crate::world::{FAST, World, entry};
use parlour_server::store::{EventLog as _, sqlite::Options};

fn session(n: u8, nick: &str, lost_at: Option<i64>) -> SessionRecord {
    SessionRecord { hash: [n; 32], nick: nick.into(), lost_at }
}

#[test]
fn session_is_the_last_record_until_it_ends() {
    let mut world = World::new();
    let put = |session: &SessionRecord| SessionChange::Put(session.clone());
    let (tom, lili, tim) =
        (session(2, "tom", None), session(1, "李丽", Some(-7)), session(3, "tim", Some(5)));
    world.log.append(&[], &[put(&tom), put(&lili), put(&tim)]).unwrap();
    assert_eq!(world.read.sessions().unwrap(), [lili.clone(), tom.clone(), tim]);
    let lost = session(2, "tom", Some(9));
    let changes = [SessionChange::End([3; 32]), put(&lost), SessionChange::End([9; 32])];
    world.log.append(&[entry(1, "", "one")], &changes).unwrap();
    let mut world = world.reopen();
    assert_eq!(world.read.sessions().unwrap(), [lili, lost]);
    assert_eq!(world.contents(), ["one"]);
    // Ended and started again in one batch.
    world.log.append(&[], &[SessionChange::End([1; 32]), SessionChange::Put(session(1, "x", None))]).unwrap();
    assert_eq!(world.read.sessions().unwrap()[0], session(1, "x", None));
}

#[test]
fn sessions_are_stored_with_the_messages_or_not_at_all() {
    let mut world = World::with(&Options { max_pages: Some(60), ..FAST });
    let big = entry(1, "", &"x".repeat(1 << 20));
    let change = [SessionChange::Put(session(1, "tom", None))];
    let failed = world.log.append(&[big], &change);
    assert_eq!(failed, Err(LogError::Full(world.log.path().into())));
    assert_eq!(world.read.sessions().unwrap(), []);
}
