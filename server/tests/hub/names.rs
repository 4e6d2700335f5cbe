//! Names and messages that are refused by Unicode's tables, in both dialects.

use parlour_core::{codec, status::Status};

use crate::world;

#[test]
fn invisible_and_overflowing_names_are_refused_in_both_dialects() {
    let mut w = world();
    w.rich("tom");
    for nick in
        ["tom\u{1D159}", "\u{1D159}", "tom\u{FE0F}", "\u{E0100}tom", &format!("n{}", "\u{E34}".repeat(30))]
    {
        let rich = w.connect();
        w.login(rich, nick, &[]);
        let basic = w.connect();
        w.send(basic, &codec::message(nick, None, "hello"));
        for conn in [rich, basic] {
            assert_eq!(w.received(conn).closed, Some(Status::NickForbidden), "{nick:?}");
        }
    }
}

#[test]
fn blank_messages_are_refused_and_private_characters_are_not() {
    let mut w = world();
    let tom = w.rich("tom");
    let lili = w.rich("lili");
    for (id, text) in (1..).zip(["\u{FE0F}", "\u{1D159}", "\u{16FE4}", "\u{13441}\n"]) {
        w.send_message(tom, id, text);
    }
    assert_eq!(w.received(tom).codes(), [u32::from(Status::ContentEmpty.code()); 4]);
    w.send_message(tom, 5, "\u{F8FF}");
    assert_eq!(w.received(lili).messages(), [("tom", "\u{F8FF}")]);
}
