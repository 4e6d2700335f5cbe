//! What is typed: keys and input methods, commands, names, and what others send that is no frame.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use parlour_e2e::{
    BasicServer, Page, Server, Stage, View, keys, socket::BINARY, socket::TEXT, stage, stage_in_each,
    wire::Frame,
};
use serde_json::{Value, json};

async fn in_the_room(stage: &Stage, server: &Server, nick: &str) -> Page {
    let page = stage.open(nick, &server.url()).await;
    page.log_in(nick).await;
    page
}

/// Enter as an input method presses it, in every manner that browsers have. Each gives whether the page took it.
const COMPOSE: &str = r"
    const field = document.querySelector('#composer-text');
    const enter = (more) => !field.dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', bubbles: true, cancelable: true, ...more }));
    const compose = (kind) => field.dispatchEvent(new CompositionEvent(kind, { bubbles: true, data: '你好' }));
    const taken = {};
    compose('compositionstart');
    taken.chromium = enter({ isComposing: true, keyCode: 229 });
    taken.firefox = enter({ isComposing: true, keyCode: 13 });
    compose('compositionend');
    taken.after = enter({ keyCode: 229 });
    compose('compositionstart');
    compose('compositionend');
    taken.safari = enter({ keyCode: 13 });
    taken.shift = enter({ keyCode: 13, shiftKey: true });
    return taken;
";

#[test]
fn an_enter_of_an_input_method_never_sends() {
    stage("an_enter_of_an_input_method_never_sends", async |stage| {
        let server = Server::start();
        let tom = in_the_room(stage, &server, "tom").await;
        tom.fill("#composer-text", "你好").await;
        let taken: Value = tom.eval(COMPOSE, vec![]).await;
        let none = ["chromium", "firefox", "after", "safari", "shift"].iter().all(|way| taken[way] == false);
        assert!(none, "no Enter of an input method is the page's: {taken:#}");
        assert_eq!(tom.look().await.composer.as_deref(), Some("你好"));

        // The browser's own composition, with a real key in it.
        let composition = json!({ "text": "世界", "selectionStart": 2, "selectionEnd": 2 });
        tom.devtools("Input.imeSetComposition", composition).await;
        let key = json!({
            "type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13,
        });
        tom.devtools("Input.dispatchKeyEvent", key).await;
        tom.type_text("世界").await;
        tom.until("the word is taken, not sent", |view| view.composer.as_deref() == Some("你好世界")).await;

        tom.press(keys::ENTER).await;
        tom.until("sent", |view| view.has("你好世界") && view.composer.as_deref() == Some("")).await;
        assert_eq!(tom.look().await.contents(), ["你好世界"]);
    });
}

#[test]
fn enter_sends_and_shift_enter_breaks_the_line() {
    stage_in_each("enter_sends_and_shift_enter_breaks_the_line", async |stage| {
        let server = Server::start();
        let tom = in_the_room(stage, &server, "tom").await;
        // Nothing is nothing, and no mistake either.
        for nothing in ["", "   ", "\n\n"] {
            tom.say(nothing).await;
        }
        let view = tom.look().await;
        assert!(view.contents().is_empty() && view.note.is_none(), "{view:#?}");
        tom.fill("#composer-text", "one").await;
        for line in ["two", "", "four"] {
            tom.press(keys::SHIFT_ENTER).await;
            if !line.is_empty() {
                tom.type_text(line).await;
            }
        }
        tom.press(keys::ENTER).await;
        tom.until("four lines", |view| view.has("one\ntwo\n\nfour")).await;
        // The focus stays where one writes.
        tom.type_text("and on").await;
        tom.press(keys::ENTER).await;
        tom.until("without a click", |view| view.has("and on")).await;
    });
}

#[test]
fn commands_do_what_they_say() {
    stage("commands_do_what_they_say", async |stage| {
        let server = Server::start();
        let tom = in_the_room(stage, &server, "tom").await;
        tom.say("/help").await;
        tom.until("the commands", |view| {
            view.lines("notice")
                .iter()
                .any(|line| ["/who", "/exit", "/help"].iter().all(|c| line.contains(c)))
        })
        .await;
        tom.say("/who").await;
        tom.until("who is there", |view| view.lines("notice").iter().any(|line| line.contains("tom"))).await;
        tom.say("/unknown").await;
        let view = tom.until("it says so", |view| view.note.is_some()).await;
        assert!(view.note.as_deref().unwrap_or_default().contains("/help"), "{:?}", view.note);
        assert_eq!(view.composer.as_deref(), Some("/unknown"), "left to be corrected");
        // What only looks like one is said.
        for (typed, said) in
            [("//exit", "/exit"), ("/etc/hosts", "/etc/hosts"), ("exit", "exit"), ("userlist", "userlist")]
        {
            tom.say(typed).await;
            tom.until(said, |view| view.has(said) && view.note.is_none()).await;
        }
        tom.say("/exit").await;
        tom.until("the login page", |view| view.login && !view.room && view.login_error.is_none()).await;
    });
}

#[test]
fn names_that_will_not_do_are_refused_in_words() {
    stage("names_that_will_not_do_are_refused_in_words", async |stage| {
        let server = Server::start();
        let page = stage.open("page", &server.url()).await;
        let names = [
            ("", "Type a name"),
            ("     ", "Type a name"),
            (&*"x".repeat(200), "too long"),
            ("\u{202E}mot", "plain letters"),
            ("to\u{200B}m", "plain letters"),
            ("tom,lili", "plain letters"),
        ];
        for (name, words) in names {
            page.submit_login(name, None).await;
            page.until(&format!("{words:?} about {name:.20?}"), |view| {
                view.login && view.login_error.as_deref().is_some_and(|error| error.contains(words))
            })
            .await;
        }
        let sockets = page.requests().await.iter().filter(|url| url.starts_with("ws")).count();
        assert_eq!(sockets, 0, "nobody was asked about these");
        // White space around a name is no part of it.
        page.submit_login("  Mary   Ann ", None).await;
        page.until("the room", |view| view.online() && view.lists("Mary Ann")).await;
    });
}

#[test]
fn a_name_that_is_taken_comes_with_another() {
    stage_in_each("a_name_that_is_taken_comes_with_another", async |stage| {
        let server = Server::start();
        let tom = in_the_room(stage, &server, "tom").await;
        let other = stage.open("other", &server.url()).await;
        // The second is Cyrillic.
        for taken in ["tom", "tоm"] {
            other.submit_login(taken, None).await;
            other
                .until("it is taken", |view| {
                    view.login && view.login_error.as_deref().is_some_and(|error| error.contains("taken"))
                })
                .await;
        }
        other.submit_login("TOM", None).await;
        let view = other.until("another name", |view| view.login && view.suggestion.is_some()).await;
        let suggestion = view.suggestion.unwrap();
        other.click("#login-suggestion").await;
        let view = other.until("the room", |view| view.online() && view.roster.len() == 2).await;
        let name = view.roster.iter().find(|name| *name != "tom").cloned().unwrap_or_default();
        assert!(suggestion.contains(&name) && !name.is_empty(), "{name} is what {suggestion:?} said");
        tom.until("who came", |view| view.movements(&name, "joined") == 1).await;
        other.say_and_see("me too").await;
        tom.until("under that name", |view| {
            view.said("me too").iter().any(|row| row.nick.as_deref() == Some(&*name))
        })
        .await;
    });
}

#[test]
fn what_is_too_long_is_told_before_it_is_sent() {
    stage("what_is_too_long_is_told_before_it_is_sent", async |stage| {
        let server = Server::start();
        let tom = in_the_room(stage, &server, "tom").await;
        let long = "x".repeat(16 * 1024 + 5);
        tom.fill("#composer-text", &long).await;
        let told = |view: &View| view.note.as_deref().is_some_and(|note| note.contains("5 bytes"));
        tom.until("it is told while it is typed", told).await;
        tom.press(keys::ENTER).await;
        let view = tom.until("it is not sent", told).await;
        assert!(view.contents().is_empty() && view.composer.as_deref() == Some(&*long));
        for _ in 0..5 {
            tom.press("\u{E003}").await;
        }
        tom.until("it fits", |view| view.note.is_none()).await;
        tom.press(keys::ENTER).await;
        let fits = &long[5..];
        tom.until("sent", |view| view.has(fits)).await;
    });
}

#[test]
fn what_can_not_be_read_is_told_and_the_chat_goes_on() {
    stage("what_can_not_be_read_is_told_and_the_chat_goes_on", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = stage.open("tom", &host.url()).await;
        tom.submit_login("tom", Some(&server.address())).await;
        tom.until("the room", |view| view.connection.as_deref() == Some("basic")).await;
        server.send(BINARY, &[0xFF; 64]);
        let told = |view: &View| view.lines("notice").iter().any(|line| line.contains("can’t read"));
        tom.until("it is told", told).await;
        tom.say_and_see("go on").await;
        // Bytes without any sense, the same in every run.
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        for len in 0..300 {
            let bytes: Vec<u8> = (0..len).map(|_| random()).collect();
            server.send(BINARY, &bytes);
            let printable: Vec<u8> = bytes.iter().map(|byte| byte & 0x7F).collect();
            server.send(TEXT, &printable);
        }
        server.say(Frame::new("ann", "talk", "after all that"));
        tom.until("what came after", |view| view.has("after all that")).await;
        tom.say_and_see("still here").await;
        assert_eq!(server.connections(), 1, "on the same connection");
    });
}

#[test]
fn a_list_of_a_hundred_thousand_leaves_the_page_usable() {
    stage("a_list_of_a_hundred_thousand_leaves_the_page_usable", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = stage.open("tom", &host.url()).await;
        tom.submit_login("tom", Some(&server.address())).await;
        tom.until("the room", |view| view.connection.as_deref() == Some("basic")).await;
        let names: Vec<String> = (0..100_000).map(|n| format!("user{n:05}")).collect();
        let crowd = Frame::new("", "talk", "").with_list(names.iter().map(String::as_str));
        server.say(crowd.clone());
        tom.until_within(Duration::from_secs(5), "all are counted", |view| {
            view.roster_count.as_deref() == Some("100,000")
        })
        .await;
        let items: u32 = tom.eval("return document.querySelectorAll('#roster li').length", vec![]).await;
        assert!(items <= 1_000, "{items} are in the document");
        // The original sends the whole list with every message.
        let said = Frame { user_name: "user00007".into(), content: "so many".into(), ..crowd };
        server.say(said);
        tom.until_within(Duration::from_secs(5), "what is said", |view| view.has("so many")).await;
        tom.fill("#composer-text", "I can still write").await;
        tom.press(keys::ENTER).await;
        tom.until_within(Duration::from_secs(5), "sent", |view| view.has("I can still write")).await;
    });
}
