//! What only one account owns: read cursors and muting.

use parlour_core::model::{Role, RoomId, UserId};
use parlour_server::store::{EventLog as _, RowChange};

use crate::{
    people::{NOBODY, People, TIM, account, member, message},
    world::{OTHER, TOM},
};

const LOBBY: RoomId = RoomId::LOBBY;

#[test]
fn message_moves_the_cursor_of_a_sender_that_had_read_everything() {
    let mut people = People::new();
    let read = |people: &mut People, account, room| {
        let row = people.row(account, room);
        (row.read_ord, row.room.head_ord)
    };
    people.accept(TOM, message(LOBBY));
    people.accept(TOM, message(LOBBY));
    assert_eq!(read(&mut people, TOM, LOBBY), (2, 2));
    people.accept(TIM, message(LOBBY));
    // Neither has read the message of the other.
    people.accept(TOM, message(LOBBY));
    assert_eq!((read(&mut people, TOM, LOBBY), read(&mut people, TIM, LOBBY)), ((2, 4), (0, 4)));
    // A new account has read what was there, and so has who joins.
    let other = UserId([4; 16]);
    people.accept(other, account("ann", None));
    people.accept(TOM, message(OTHER));
    people.accept(other, member(OTHER, other, Role::Member));
    assert_eq!((read(&mut people, other, LOBBY), read(&mut people, other, OTHER)), ((4, 4), (1, 1)));
    people.accept(other, message(OTHER));
    assert_eq!((read(&mut people, other, OTHER), read(&mut people, TOM, OTHER)), ((2, 2), (1, 2)));
}

#[test]
fn newest_cursor_wins() {
    let mut people = People::new();
    for _ in 0..5 {
        people.accept(TIM, message(LOBBY));
    }
    let mut put = |ord, version| {
        people
            .world
            .log
            .append(&[], &[RowChange::Cursor { account: TOM, room: LOBBY, ord, version }])
            .unwrap();
        let row = people.row(TOM, LOBBY);
        (row.read_ord, row.cursor_version)
    };
    assert_eq!(put(3, 0), (3, 0));
    assert_eq!(put(2, 0), (3, 0));
    assert_eq!(put(1, 1), (1, 1));
    assert_eq!(put(5, 0), (1, 1));
    // Not beyond the newest message.
    assert_eq!(put(9, 1), (5, 1));
    // Of several in one append the largest.
    let both = [4, 2].map(|ord| RowChange::Cursor { account: TOM, room: LOBBY, ord, version: 2 });
    people.world.log.append(&[], &both).unwrap();
    assert_eq!(people.row(TOM, LOBBY).read_ord, 4);
}

#[test]
fn muting_is_a_row_of_the_account() {
    let mut people = People::new();
    people.accept(TOM, message(LOBBY));
    let mute = |account, muted| RowChange::Muted { account, room: LOBBY, muted };
    people
        .world
        .log
        .append(&[], &[mute(TOM, true), mute(TIM, true), mute(TIM, false), mute(NOBODY, true)])
        .unwrap();
    let (tom, tim) = (people.row(TOM, LOBBY), people.row(TIM, LOBBY));
    assert_eq!((tom.muted, tom.read_ord, tim.muted), (true, 1, false));
    // Rows are not events: rebuilding leaves them.
    people.world.rebuild().unwrap();
    assert_eq!(people.row(TOM, LOBBY), tom);
}
