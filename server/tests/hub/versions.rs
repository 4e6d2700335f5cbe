//! Clients that the server does not serve, and what becomes of their sessions; and logins without capabilities.

use parlour_core::{codec, status::Status, wire, wire::client_command::Operation};

use crate::{
    common::world::{Conn, World},
    world,
};

/// The secret in [`LOGIN`].
const SECRET: &[u8; 32] = b"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// The first login of a page that knows only the lobby, as recorded: "tom", the capabilities "batch" and "history".
const LOGIN: &[u8] = b"\n\x03tom\x12\x05loginzY\x08\x01\x12\x05batch\x12\x07history\
    \x1a 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a*\x11parlour-web/0.1.0B\x100000018bcfe56800";

/// The login with which that page reconnects: at position 2 of a log.
const RECONNECT: &[u8] = b"\n\x03tom\x12\x05loginzo\x08\x01\x12\x05batch\x12\x07history\
    \x1a 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"\x02\x10\x02*\x11parlour-web/0.1.0\
    :\x10\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07B\x100000018bcfe65260";

fn send_bytes(w: &mut World, bytes: &[u8]) -> Conn {
    let conn = w.connect();
    w.bytes(conn, bytes);
    w.settle();
    conn
}

/// A client without capabilities.
fn bare(w: &mut World, nick: &str, secret: &[u8]) -> Conn {
    let conn = w.connect();
    let login = wire::Login { version: 1, secret: secret.to_vec(), ..wire::Login::default() };
    w.send(conn, &codec::login(nick, login));
    conn
}

#[track_caller]
fn assert_told_to_reload(w: &World, conn: Conn) {
    let code = Status::VersionUnsupported.code();
    let received = w.received(conn);
    assert_eq!((received.codes(), received.closed), (vec![code.into()], Some(Status::VersionUnsupported)));
    let refusal = &received.frames[0];
    assert_eq!((refusal.user_name.as_str(), received.frames.len()), ("Parlour", 1));
    assert!(refusal.content.contains("reload"), "{}", refusal.content);
}

#[test]
fn page_without_rooms_is_told_to_reload() {
    let mut w = world();
    let empty = w.hub.table_sizes();
    for bytes in [LOGIN, RECONNECT] {
        let page = send_bytes(&mut w, bytes);
        assert_told_to_reload(&w, page);
    }
    assert_eq!((w.hub.members(), w.holder("tom")), (0, None));
    w.advance(60_000);
    assert_eq!(w.hub.table_sizes(), empty);
    for capabilities in [vec!["history"], vec![""], vec!["room", "batch"]] {
        let capabilities = capabilities.into_iter().map(Into::into).collect();
        let login = wire::Login { version: 1, capabilities, ..wire::Login::default() };
        let page = send_bytes(&mut w, &codec::encode(&codec::login("tom", login)));
        assert_told_to_reload(&w, page);
    }
}

#[test]
fn messages_that_were_queued_before_a_reload_are_stored_once() {
    let mut w = world();
    let witness = w.rich("witness");
    let page = w.connect();
    w.login(page, "tom", SECRET);
    w.send_message(page, 1, "its acknowledgement is lost");
    let accepted = w.received(page).accepted()[0].clone();
    let account = w.holder("tom");
    w.restart();
    // The page reconnects, and is told to reload. Its session and its nick stay.
    let page = send_bytes(&mut w, RECONNECT);
    assert_told_to_reload(&w, page);
    let other = w.connect();
    w.login(other, "tom", &[9; 32]);
    assert_eq!(w.received(other).closed, Some(Status::NickTaken));
    // The reloaded page has the same secret and the same queue.
    let page = w.connect();
    w.login(page, "tom", SECRET);
    assert!(w.received(page).welcome().unwrap().resumed);
    w.send_message(page, 1, "its acknowledgement is lost");
    w.send_message(page, 2, "queued");
    assert_eq!(w.received(page).accepted()[0], &accepted);
    assert_eq!(w.received(page).accepted().len(), 2);
    let stored: Vec<_> =
        w.stored().into_iter().map(|message| (Some(message.sender), message.content)).collect();
    assert_eq!(stored, [(account, "its acknowledgement is lost".into()), (account, "queued".into())]);
    assert_eq!(w.received(witness).messages().len(), 1);
}

#[test]
fn refused_page_leaves_the_other_connections_of_its_session_alone() {
    let mut w = world();
    let tab = w.connect();
    w.login(tab, "tom", SECRET);
    let page = send_bytes(&mut w, RECONNECT);
    assert_told_to_reload(&w, page);
    w.send_message(tab, 1, "still here");
    assert_eq!(w.received(tab).messages(), [("tom", "still here")]);
}

#[test]
fn login_without_capabilities_ends_a_session_that_was_left() {
    let mut w = world();
    let lili = w.rich("lili");
    let left = w.connect();
    w.login(left, "tom", SECRET);
    w.disconnect(left);
    // Without the secret the nick is reserved.
    let tom = w.connect();
    w.login(tom, "tom", &[9; 32]);
    assert_eq!(w.received(tom).closed, Some(Status::NickTaken));
    let ending = bare(&mut w, "tom", SECRET);
    assert!(w.received(ending).welcome().unwrap().resumed);
    w.send(ending, &codec::exit("tom"));
    assert_eq!(w.received(ending).closed, Some(Status::Normal));
    let tom = w.connect();
    w.login(tom, "tom", &[9; 32]);
    assert!(!w.received(tom).welcome().unwrap().resumed);
    assert_eq!((w.received(lili).closed, w.hub.members()), (None, 2));
}

#[test]
fn login_without_capabilities_gets_the_welcome_and_no_room() {
    let mut w = world();
    let lili = w.rich("lili");
    let bare = bare(&mut w, "tom", &[]);
    let welcome = w.received(bare).welcome().unwrap().clone();
    assert_eq!((welcome.nick.as_str(), welcome.secret.len(), welcome.account.len()), ("tom", 32, 16));
    assert!(welcome.rows.is_none() && welcome.window.is_none());
    w.send_message(lili, 1, "hi");
    w.rich("tim");
    w.advance(5_000);
    assert_eq!(w.received(bare).frames.len(), 1, "{:?}", w.received(bare).frames);
    w.command(bare, Operation::ReadAll(wire::ReadAll {}));
    assert_eq!(w.received(bare).codes(), [u32::from(Status::Unsupported.code())]);
    // It cannot load what it has not read.
    assert!(!w.overflow(bare));
}
