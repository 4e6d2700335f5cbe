//! Input: keys, input methods, commands and nicks; and invalid input from the server.

use std::time::Duration;

use parlour_e2e::{
    BasicServer, Page, Rng, Server, TestContext, View, browser_test, browser_test_in_each, keys,
    socket::BINARY, socket::TEXT, wire::Envelope,
};
use serde_json::{Value, json};

async fn log_in(test: &TestContext, server: &Server, nick: &str) -> Page {
    let page = test.open(nick, &server.url()).await;
    page.log_in(nick).await;
    page
}

/// Presses Enter during composition, as each browser reports it. Returns for each whether the page handled the key.
const COMPOSE: &str = r"
    const field = document.querySelector('#composer-text');
    const enter = (more) => !field.dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', bubbles: true, cancelable: true, ...more }));
    const compose = (kind) => field.dispatchEvent(new CompositionEvent(kind, { bubbles: true, data: '你好' }));
    const handled = {};
    compose('compositionstart');
    handled.chromium = enter({ isComposing: true, keyCode: 229 });
    handled.firefox = enter({ isComposing: true, keyCode: 13 });
    compose('compositionend');
    handled.after = enter({ keyCode: 229 });
    compose('compositionstart');
    compose('compositionend');
    handled.safari = enter({ keyCode: 13 });
    handled.shift = enter({ keyCode: 13, shiftKey: true });
    return handled;
";

#[test]
fn enter_during_composition_never_sends() {
    browser_test("enter_during_composition_never_sends", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        tom.fill("#composer-text", "你好").await;
        let handled: Value = tom.eval(COMPOSE, vec![]).await;
        let none =
            ["chromium", "firefox", "after", "safari", "shift"].iter().all(|way| handled[way] == false);
        assert!(none, "the page handles no Enter during composition: {handled:#}");
        assert_eq!(tom.view().await.composer.as_deref(), Some("你好"));

        // Chromium's own composition, with a real key press.
        let composition = json!({ "text": "世界", "selectionStart": 2, "selectionEnd": 2 });
        tom.devtools("Input.imeSetComposition", composition).await;
        let key = json!({
            "type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13,
        });
        tom.devtools("Input.dispatchKeyEvent", key).await;
        tom.type_text("世界").await;
        tom.until("the composed word is in the composer", |view| {
            view.composer.as_deref() == Some("你好世界")
        })
        .await;

        tom.press(keys::ENTER).await;
        tom.until("sent", |view| view.has_sent("你好世界") && view.composer.as_deref() == Some("")).await;
        assert_eq!(tom.view().await.contents(), ["你好世界"]);
    });
}

#[test]
fn enter_sends_and_shift_enter_inserts_a_line_break() {
    browser_test_in_each("enter_sends_and_shift_enter_inserts_a_line_break", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        // Empty messages are ignored without a note.
        for blank in ["", "   ", "\n\n"] {
            tom.send(blank).await;
        }
        let view = tom.view().await;
        assert!(view.contents().is_empty() && view.note.is_none(), "{view:#?}");
        tom.fill("#composer-text", "one").await;
        for line in ["two", "", "four"] {
            tom.press(keys::SHIFT_ENTER).await;
            if !line.is_empty() {
                tom.type_text(line).await;
            }
        }
        tom.press(keys::ENTER).await;
        tom.until("four lines", |view| view.has_sent("one\ntwo\n\nfour")).await;
        // The composer keeps the focus.
        tom.type_text("and on").await;
        tom.press(keys::ENTER).await;
        tom.until("sent without a click", |view| view.has_sent("and on")).await;
    });
}

#[test]
fn slash_commands_work_and_similar_text_is_sent() {
    browser_test("slash_commands_work_and_similar_text_is_sent", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        tom.send("/help").await;
        tom.until("the commands", |view| {
            view.row_texts("notice")
                .iter()
                .any(|line| ["/who", "/exit", "/help"].iter().all(|c| line.contains(c)))
        })
        .await;
        tom.send("/who").await;
        tom.until("the member list", |view| view.row_texts("notice").iter().any(|line| line.contains("tom")))
            .await;
        tom.send("/unknown").await;
        let view = tom.until("a note", |view| view.note.is_some()).await;
        assert!(view.note.as_deref().unwrap_or_default().contains("/help"), "{:?}", view.note);
        assert_eq!(view.composer.as_deref(), Some("/unknown"), "the text stays in the composer");
        // Text that only resembles a command is sent.
        for (typed, sent) in
            [("//exit", "/exit"), ("/etc/hosts", "/etc/hosts"), ("exit", "exit"), ("userlist", "userlist")]
        {
            tom.send(typed).await;
            tom.until(sent, |view| view.has_sent(sent) && view.note.is_none()).await;
        }
        tom.send("/exit").await;
        tom.until("the login page", |view| view.login && !view.room && view.login_error.is_none()).await;
    });
}

#[test]
fn invalid_nicks_are_refused_with_a_reason() {
    browser_test("invalid_nicks_are_refused_with_a_reason", async |test| {
        let server = Server::start();
        let page = test.open("page", &server.url()).await;
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
        assert_eq!(sockets, 0, "no connection was opened");
        // White space is normalised.
        page.submit_login("  Mary   Ann ", None).await;
        page.until("the room", |view| view.online() && view.lists("Mary Ann")).await;
    });
}

#[test]
fn taken_nick_gets_a_suggestion() {
    browser_test_in_each("taken_nick_gets_a_suggestion", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let other = test.open("other", &server.url()).await;
        // The second contains a Cyrillic letter.
        for taken in ["tom", "tоm"] {
            other.submit_login(taken, None).await;
            other
                .until("the nick is taken", |view| {
                    view.login && view.login_error.as_deref().is_some_and(|error| error.contains("taken"))
                })
                .await;
        }
        other.submit_login("TOM", None).await;
        let view = other.until("a suggestion", |view| view.login && view.suggestion.is_some()).await;
        let suggestion = view.suggestion.unwrap();
        other.click("#login-suggestion").await;
        let view = other.until("the room", |view| view.online() && view.members.len() == 2).await;
        let name = view.members.iter().find(|name| *name != "tom").cloned().unwrap_or_default();
        assert!(
            suggestion.contains(&name) && !name.is_empty(),
            "{name} is not the suggested nick: {suggestion:?}"
        );
        tom.until("the join of the suggested nick", |view| view.presence_sentences(&name, "joined") == 1)
            .await;
        other.send_and_wait("me too").await;
        tom.until("the message under that nick", |view| {
            view.messages_with("me too").iter().any(|row| row.nick.as_deref() == Some(&*name))
        })
        .await;
    });
}

#[test]
fn too_long_message_is_reported_before_sending() {
    browser_test("too_long_message_is_reported_before_sending", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let long = "x".repeat(16 * 1024 + 5);
        tom.fill("#composer-text", &long).await;
        let too_long = |view: &View| view.note.as_deref().is_some_and(|note| note.contains("5 bytes"));
        tom.until("a note while typing", too_long).await;
        tom.press(keys::ENTER).await;
        let view = tom.until("the note stays", too_long).await;
        assert!(view.contents().is_empty() && view.composer.as_deref() == Some(&*long));
        for _ in 0..5 {
            tom.press("\u{E003}").await;
        }
        tom.until("it fits", |view| view.note.is_none()).await;
        tom.press(keys::ENTER).await;
        let fits = &long[5..];
        tom.until("sent", |view| view.has_sent(fits)).await;
    });
}

#[test]
fn unreadable_messages_are_reported_and_chat_continues() {
    browser_test("unreadable_messages_are_reported_and_chat_continues", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        tom.log_in_to_basic("tom", &server).await;
        server.send_bytes(BINARY, &[0xFF; 64]);
        let notice = |view: &View| view.row_texts("notice").iter().any(|line| line.contains("can’t read"));
        tom.until("a notice", notice).await;
        tom.send_and_wait("go on").await;
        let mut rng = Rng::new(1);
        for len in 0..300 {
            let bytes: Vec<u8> = (0..len).map(|_| u8::try_from(rng.in_range(0..256)).unwrap()).collect();
            server.send_bytes(BINARY, &bytes);
            let printable: Vec<u8> = bytes.iter().map(|byte| byte & 0x7F).collect();
            server.send_bytes(TEXT, &printable);
        }
        server.broadcast(Envelope::new("ann", "talk", "after all that"));
        tom.until("the next message", |view| view.has_sent("after all that")).await;
        tom.send_and_wait("still here").await;
        assert_eq!(server.connections(), 1, "on the same connection");
    });
}

#[test]
fn page_stays_usable_with_100_000_members() {
    browser_test("page_stays_usable_with_100_000_members", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        tom.log_in_to_basic("tom", &server).await;
        let names: Vec<String> = (0..100_000).map(|n| format!("user{n:05}")).collect();
        let crowd = Envelope::new("", "talk", "").with_list(names.iter().map(String::as_str));
        server.broadcast(crowd.clone());
        tom.until_within(Duration::from_secs(5), "all members are counted", |view| {
            view.member_count.as_deref() == Some("100,000")
        })
        .await;
        let items: u32 = tom.eval("return document.querySelectorAll('#roster li').length", vec![]).await;
        assert!(items <= 1_000, "{items} are in the document");
        // The original server sends the whole user list with every message.
        let message = Envelope { user_name: "user00007".into(), content: "so many".into(), ..crowd };
        server.broadcast(message);
        tom.until_within(Duration::from_secs(5), "the message", |view| view.has_sent("so many")).await;
        tom.fill("#composer-text", "I can still write").await;
        tom.press(keys::ENTER).await;
        tom.until_within(Duration::from_secs(5), "sent", |view| view.has_sent("I can still write")).await;
    });
}

/// Presses Enter as the keyboards of Android and Korean input methods do: the key is one of the input method, which ends the
/// composition, and the browser is to insert a line break.
async fn press_enter_of_input_method(page: &Page, composed: &str, modifiers: u32) {
    let length = composed.encode_utf16().count();
    let composition = json!({ "text": composed, "selectionStart": length, "selectionEnd": length });
    page.devtools("Input.imeSetComposition", composition).await;
    let key = json!({
        "type": "rawKeyDown", "key": "Process", "code": "", "windowsVirtualKeyCode": 229, "modifiers": modifiers,
    });
    page.devtools("Input.dispatchKeyEvent", key).await;
    page.type_text(composed).await;
    let line_break = json!({ "type": "char", "text": "\r", "unmodifiedText": "\r", "modifiers": modifiers });
    page.devtools("Input.dispatchKeyEvent", line_break).await;
}

#[test]
fn enter_that_ends_a_composition_and_the_line_sends() {
    browser_test("enter_that_ends_a_composition_and_the_line_sends", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        for text in ["hello", "안녕하세요"] {
            tom.fill("#composer-text", "").await;
            press_enter_of_input_method(&tom, text, 0).await;
            tom.until("sent by one Enter", |view| {
                view.has_sent(text) && view.composer.as_deref() == Some("")
            })
            .await;
        }
        // With Shift it is a line break.
        press_enter_of_input_method(&tom, "first", 8).await;
        tom.until("a line break", |view| view.composer.as_deref() == Some("first\n")).await;
        press_enter_of_input_method(&tom, "second", 0).await;
        tom.until("both lines are sent", |view| view.has_sent("first\nsecond")).await;
    });
}

/// Pastes a text by the key, at the caret.
async fn paste(page: &Page, text: &str) {
    let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    page.devtools("Browser.grantPermissions", permissions).await;
    page.eval::<Value>("return navigator.clipboard.writeText(arguments[0])", vec![text.into()]).await;
    let key = json!({
        "type": "rawKeyDown", "key": "v", "code": "KeyV", "windowsVirtualKeyCode": 86, "modifiers": 2,
        "commands": ["Paste"],
    });
    page.devtools("Input.dispatchKeyEvent", key).await;
}

const OVERSIZED: &str = "#composer-oversized";

/// Waits for words about a text that was not inserted.
async fn until_oversized(page: &Page, words: &str) {
    let script = format!(
        "const text = document.querySelector('{OVERSIZED}').innerText; return text.includes('{words}') || text"
    );
    page.until_true(&format!("{words:?} about the text"), &script).await;
}

#[test]
fn text_that_cannot_be_sent_is_not_inserted() {
    browser_test("text_that_cannot_be_sent_is_not_inserted", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        tom.fill("#composer-text", "begin end").await;
        let caret = "document.querySelector('#composer-text').setSelectionRange(6, 6)";
        tom.eval::<()>(caret, vec![]).await;
        paste(&tom, &"x".repeat(4_000_000)).await;
        until_oversized(&tom, "3,983,625 bytes too long").await;
        assert_eq!(tom.view().await.composer.as_deref(), Some("begin end"));
        // The field takes keys at once, and the note goes.
        tom.type_text("the ").await;
        tom.until("the key", |view| view.composer.as_deref() == Some("begin the end")).await;
        tom.until_true("no note", &format!("return !document.querySelector('{OVERSIZED}').innerText.trim()"))
            .await;

        // As much as fits is inserted at the caret, without splitting a character of several parts.
        let family = "👨\u{200D}👩\u{200D}👧\u{200D}👦";
        paste(&tom, &family.repeat(50_000)).await;
        until_oversized(&tom, "bytes too long").await;
        tom.click("#composer-insert").await;
        let count = (16 * 1024 - "begin the end".len()) / family.len();
        let fits = format!("begin the {}end", family.repeat(count));
        tom.until("what fits", |view| view.composer.as_deref() == Some(&*fits) && view.note.is_none()).await;
        tom.type_text("!").await;
        tom.press(keys::ENTER).await;
        let sent = fits.replace("end", "!end");
        tom.until("sent", |view| view.has_sent(&sent) && view.composer.as_deref() == Some("")).await;

        // Many lines; and a change that the browser does not announce.
        paste(&tom, &"line\n".repeat(300_000)).await;
        until_oversized(&tom, "bytes too long").await;
        tom.click("#composer-discard").await;
        tom.type_text("short").await;
        let insert = "document.execCommand('insertText', false, 'x'.repeat(100000))";
        tom.eval::<()>(insert, vec![]).await;
        until_oversized(&tom, "bytes too long").await;
        assert_eq!(tom.view().await.composer.as_deref(), Some("short"));
    });
}

#[test]
fn direction_of_the_composer_follows_the_text() {
    browser_test("direction_of_the_composer_follows_the_text", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        for (text, direction) in [("1. שלום tom", "rtl"), ("tom: שלום", "ltr"), ("مرحبا", "rtl"), ("", "ltr")]
        {
            tom.fill("#composer-text", text).await;
            let script = format!(
                "const now = getComputedStyle(document.querySelector('#composer-text')).direction; \
                 return now === '{direction}' || now"
            );
            tom.until_true(&format!("{text:?} is {direction}"), &script).await;
        }
    });
}
