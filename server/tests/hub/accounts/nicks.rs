//! The nick of an account, when another account takes it, and when it is spelled differently.

use parlour_core::{
    codec,
    status::Status,
    wire::{self, client_command::Operation},
};
use parlour_server::{hub::output::Output, store::Change};

use super::{LOG_UNAVAILABLE, MINUTE, full, is_welcome, login};
use crate::world;

#[test]
fn account_takes_its_nick_again_if_a_failed_append_may_have_taken_it() {
    let mut w = world();
    let tom = login(&mut w, "tom", 1);
    let account = w.holder("tom");
    w.disconnect(tom);
    w.advance(MINUTE);
    (w.failing, w.append_before_failing) = (full(), true);
    let other = login(&mut w, "tom", 2);
    assert_eq!(w.received(other).closed, LOG_UNAVAILABLE);
    assert_ne!(w.holder("tom"), account);
    w.failing = None;
    w.advance(3_000);
    let tom = login(&mut w, "tom", 1);
    assert!(w.received(tom).welcome().unwrap().resumed);
    assert_eq!(w.holder("tom"), account);
}

#[test]
fn account_whose_nick_was_taken_continues_under_another_one() {
    let mut w = world();
    let tom = login(&mut w, "tom", 1);
    let account = w.holder("tom");
    w.disconnect(tom);
    w.advance(2 * MINUTE);
    let other = login(&mut w, "tom", 2);
    assert!(is_welcome(&w, other) && w.holder("tom") != account);
    let refused = login(&mut w, "tom", 1);
    assert_eq!(w.received(refused).closed, Some(Status::NickTaken));
    let renamed = login(&mut w, "tom2", 1);
    assert!(is_welcome(&w, renamed));
    assert_eq!(w.holder("tom2"), account);
    // A device that does not know of the new nick.
    w.disconnect(renamed);
    let device = login(&mut w, "tim", 1);
    assert_eq!(w.received(device).welcome().unwrap().nick, "tom2");
    assert_eq!((w.holder("tom2"), w.holder("tim")), (account, None));
}

#[test]
fn nick_that_looks_like_another_is_taken_from_it_too() {
    let mut w = world();
    let tom = login(&mut w, "tom", 1);
    w.disconnect(tom);
    w.advance(MINUTE);
    let look_alike = login(&mut w, "tоm", 2);
    assert!(is_welcome(&w, look_alike));
    for restarted in [false, true] {
        if restarted {
            w.restart();
        }
        let tom = login(&mut w, "tom", 1);
        assert_eq!(w.received(tom).closed, Some(Status::NickConfusable));
    }
    w.advance(MINUTE);
    let tom = login(&mut w, "tom", 1);
    assert!(w.received(tom).welcome().unwrap().resumed);
    let look_alike = login(&mut w, "tоm", 2);
    assert_eq!(w.received(look_alike).closed, Some(Status::NickConfusable));
}

#[test]
fn spelling_of_a_nick_changes_by_command() {
    let mut w = world();
    let tom = login(&mut w, "tom", 1);
    let account = w.holder("tom");
    w.disconnect(tom);
    let tom = login(&mut w, "Tom", 1);
    assert_eq!(w.received(tom).welcome().unwrap().nick, "tom", "another device may have changed it");
    w.command(tom, Operation::ChangeNick(wire::ChangeNick { nick: "Tom".into() }));
    w.send_message(tom, 1, "hi");
    w.restart();
    assert_eq!((w.stored()[0].nick.as_str(), w.holder("tom")), ("Tom", account));
}

#[test]
fn sessions_of_one_account_do_not_take_its_nick_at_the_same_time() {
    let mut w = world();
    let tom = login(&mut w, "tom", 1);
    w.disconnect(tom);
    w.advance(MINUTE);
    let other = login(&mut w, "tom", 2);
    w.send(other, &codec::exit("tom"));
    w.hold_requests = true;
    let tom = login(&mut w, "tom", 1);
    assert!(
        matches!(w.held_proposals()[..], [proposal] if matches!(proposal.change, Change::ChangeNick { .. }))
    );
    // The nick is in use meanwhile.
    let third = login(&mut w, "tom", 3);
    assert_eq!(w.received(third).closed, Some(Status::NickTaken));
    assert!(w.held_requests.iter().any(|held| matches!(held, Output::Append(_))));
    w.release();
    assert!(w.received(tom).welcome().unwrap().resumed);
}
