//! Accounts of clients of the basic dialect.

use std::time::Duration;

use parlour_core::{codec, model::MessageId};
use parlour_server::store::{EventLog as _, Retention};

use super::{full, senders};
use crate::world;

#[test]
fn basic_client_has_an_account_from_its_first_message_on() {
    let mut w = world();
    let lili = w.rich("lili");
    w.hold_requests = true;
    let desk = w.basic("desk");
    assert!(w.held_proposals().is_empty());
    w.send(desk, &codec::message("desk", None, "one"));
    w.send(desk, &codec::message("desk", None, "two"));
    let held: Vec<_> = w.held_proposals().iter().map(|proposal| proposal.sender).collect();
    assert_eq!(held, [held[0]; 3], "the account and two messages");
    w.release();
    assert_eq!(senders(&w, lili), [(held[0], "one"), (held[0], "two")]);
    assert_eq!(w.holder("desk"), Some(held[0]));
    // The nick is free at once; the next one is somebody else.
    w.disconnect(desk);
    let desk = w.basic("Desk");
    w.send(desk, &codec::message("Desk", None, "three"));
    assert_ne!(senders(&w, lili)[2].0, held[0]);
    assert_ne!(w.holder("desk"), Some(held[0]));
}

#[test]
fn account_of_a_basic_client_is_proposed_again_after_a_failure() {
    for stored in [false, true] {
        let mut w = world();
        let lili = w.rich("lili");
        let desk = w.basic("desk");
        (w.failing, w.append_before_failing) = (full(), stored);
        w.send(desk, &codec::message("desk", None, "one"));
        w.failing = None;
        w.advance(3_000);
        w.send(desk, &codec::message("desk", None, "two"));
        let found: Vec<_> = senders(&w, lili).into_iter().map(|(_, content)| content).collect();
        assert_eq!(found, if stored { vec!["one", "two"] } else { vec!["two"] });
        let account = w.holder("desk").unwrap();
        assert!(senders(&w, lili).iter().all(|(sender, _)| *sender == account));
    }
}

#[test]
fn basic_client_outlasts_its_account() {
    let mut w = world();
    let lili = w.rich("lili");
    let desk = w.basic("desk");
    w.send(desk, &codec::message("desk", None, "one"));
    w.send_message(lili, 1, "of another");
    // Retention deletes the message, then its id, and then the account without anything.
    w.advance(86_400_000);
    let none = Retention {
        messages: Some(1),
        age: Some(Duration::from_secs(1)),
        ids: Duration::ZERO,
        ..Retention::default()
    };
    let now = w.unix();
    for n in 0..20 {
        w.log.apply_retention(&none, now + n * 10_000).unwrap();
    }
    assert_eq!(w.holder("desk"), None);
    w.send(desk, &codec::message("desk", None, "two"));
    assert_eq!(w.received(lili).messages().last(), Some(&("desk", "two")));
    assert!(w.holder("desk").is_some());
}

#[test]
fn id_of_the_hub_is_not_the_same_for_two_messages() {
    let mut w = world();
    let desk = w.basic("desk");
    for content in ["same", "same"] {
        w.send(desk, &codec::message("desk", None, content));
    }
    let ids: Vec<_> = w.stored().into_iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| *id != MessageId([0; 16])));
}
