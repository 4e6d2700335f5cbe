//! State of one account on one server: nothing of it ever reaches another server or account.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{
    BasicServer, DesktopPeer, Page, PeerInput, Server, View, browser_test, keys,
    wire::{self, Envelope},
};

/// The encoded account that is persisted on the device.
const ACCOUNT: &str = r"
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const all = database.transaction('account').objectStore('account').getAll();
            all.onsuccess = () => (database.close(), done([...(all.result[0] ?? [])]));
        };
    });
";

/// The secret of the session that the page has.
async fn secret(page: &Page) -> Vec<u8> {
    let account: Vec<u8> = page.eval(ACCOUNT, vec![]).await;
    let secret = wire::fields(&account).find_map(|(number, value)| value.bytes().filter(|_| number == 2));
    secret.expect("the account has a secret").to_vec()
}

/// Asserts that a room shows neither messages nor the name of another server.
async fn assert_shows_nothing_of_the_first_server(page: &Page) {
    let view = page.view().await;
    assert_eq!(view.contents(), Vec::<&str>::new(), "no message of the first server is shown");
    assert_eq!(view.title, "Parlour", "nor its name");
}

/// The envelopes that a server has received; fails if one of them contains the secret.
fn received_without(server: &BasicServer, secret: &[u8]) -> Vec<Envelope> {
    let envelope = |input| match input {
        PeerInput::Envelope(envelope) => envelope,
        other => panic!("{other:?}"),
    };
    let received: Vec<_> = server.received().into_iter().map(envelope).collect();
    let has_secret = |envelope: &Envelope| envelope.encode().windows(secret.len()).any(|part| part == secret);
    assert!(!received.iter().any(has_secret), "the secret was sent");
    received
}

#[test]
fn nothing_of_one_server_reaches_another() {
    for nick in ["tom", "Tom"] {
        browser_test(&format!("nothing_of_one_server_reaches_another-{nick}"), async |test| {
            let mut first = Server::start_with(&["--name-grace", "1s", "--server-name", "First"]);
            let second = BasicServer::start();
            let tom = test.open("tom", &first.url()).await;
            tom.expect_lost_connections();
            tom.log_in("tom").await;
            tom.send_and_wait("said at the first server").await;
            let secret = secret(&tom).await;
            first.kill();
            tom.until("disconnected", |view| view.connection.as_deref() == Some("reconnecting")).await;
            for text in ["one", "two"] {
                tom.send(text).await;
                tom.until("it is queued", |view| view.has_in_state(text, "queued")).await;
            }
            tom.click("#exit").await;
            // It asks, because the messages are lost.
            tom.click("#log-out-dialog button[type=submit]").await;

            tom.log_in_to_basic(nick, &second).await;
            assert_shows_nothing_of_the_first_server(&tom).await;
            tom.send_and_wait("hello").await;
            for envelope in received_without(&second, &secret) {
                assert!(!["one", "two"].contains(&&*envelope.content), "{} was sent", envelope.content);
            }
            tom.click("#exit").await;

            first.restart();
            tom.log_in_when_free("tom", &first).await;
            // What was not sent before the logout is gone: the next user of the name is another account.
            tom.until("the messages of the server", |view| {
                view.contents() == ["said at the first server"] && view.has_sent("said at the first server")
            })
            .await;
        });
    }
}

#[test]
fn nothing_of_a_server_is_left_after_leaving_it() {
    browser_test("nothing_of_a_server_is_left_after_leaving_it", async |test| {
        let (first, second) = (Server::start_with(&["--server-name", "First"]), BasicServer::start());
        let tom = test.open("tom", &first.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("said at the first server").await;
        let secret = secret(&tom).await;
        tom.click("#exit").await;
        tom.log_in_to_basic("tom", &second).await;
        assert_shows_nothing_of_the_first_server(&tom).await;
        tom.send_and_wait("hello").await;
        received_without(&second, &secret);
        tom.click("#exit").await;
        tom.submit_login("tom", Some(first.address())).await;
        let view = tom.until("the first server's room", |view| view.online() && view.lists("tom")).await;
        assert_eq!(view.title, "First");
        tom.until("its messages", |view| view.contents() == ["said at the first server"]).await;
    });
}

/// Exactly one message has this content; it is sent, and shows this nick.
fn has_sent_as(view: &View, nick: &str, content: &str) -> bool {
    view.has_sent(content) && view.messages_with(content)[0].nick.as_deref() == Some(nick)
}

#[test]
fn queued_messages_are_sent_under_another_name_when_the_own_is_taken() {
    browser_test("queued_messages_are_sent_under_another_name_when_the_own_is_taken", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("before").await;
        // Another tab, which follows this one.
        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.switch_to(&first).await;

        tom.go_offline().await;
        for text in ["one", "two"] {
            tom.send(text).await;
            tom.until("it is queued", |view| view.has_in_state(text, "queued")).await;
        }
        let other = test.take_nick(&tom, "tom", &server).await;
        let suggests =
            "return document.querySelector('#rename-suggestion')?.textContent.includes('tom2') ?? false";
        tom.until_true("another name is suggested", suggests).await;
        tom.click("#rename-suggestion").await;

        let all = ["before", "one", "two"];
        tom.until("online under the other name", |view| view.online() && view.lists("tom2")).await;
        for page in [&tom, &other] {
            page.until("both messages, once, from the new name", |view| {
                view.contents() == all && ["one", "two"].iter().all(|text| has_sent_as(view, "tom2", text))
            })
            .await;
        }
        tom.switch_to(&second).await;
        tom.until("the other tab has the new name too", |view| view.online() && view.lists("tom2")).await;
        tom.send("from the second tab").await;
        tom.until("it is sent", |view| has_sent_as(view, "tom2", "from the second tab")).await;
        tom.switch_to(&first).await;
        tom.reload().await;
        tom.until("the same after a reload", |view| view.online() && view.contents().len() == 4).await;
        tom.send("later").await;
        other.until("it is from the new name", |view| has_sent_as(view, "tom2", "later")).await;
        other.send_and_wait("I am tom").await;
        assert_eq!(other.view().await.contents().len(), 6, "nothing was sent twice");
    });
}

#[test]
fn drafts_move_with_a_changed_name() {
    browser_test("drafts_move_with_a_changed_name", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.fill("#composer-text", "of the second tab").await;
        tom.switch_to(&first).await;
        tom.fill("#composer-text", "of the first tab").await;
        tom.go_offline().await;
        let _other = test.take_nick(&tom, "tom", &server).await;
        tom.click("#rename-suggestion").await;
        tom.until("online under the other name", |view| view.online() && view.lists("tom2")).await;
        for (tab, text) in [(first, "of the first tab"), (second, "of the second tab")] {
            tom.switch_to(&tab).await;
            tom.until("the tab has the name", |view| view.online() && view.lists("tom2")).await;
            tom.reload().await;
            tom.until(text, |view| view.online() && view.composer.as_deref() == Some(text)).await;
        }
    });
}

#[test]
fn another_name_can_be_chosen_when_the_own_is_taken() {
    browser_test("another_name_can_be_chosen_when_the_own_is_taken", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.go_offline().await;
        tom.send("queued").await;
        tom.until("it is queued", |view| view.has_in_state("queued", "queued")).await;
        let other = test.take_nick(&tom, "tom", &server).await;
        let error = async |name: &str, words: &str| {
            tom.fill("#rename-nick", name).await;
            tom.press(keys::ENTER).await;
            let shows = format!(
                "return document.querySelector('#rename')?.parentElement.textContent.includes('{words}') ?? false"
            );
            tom.until_true("the reason", &shows).await;
        };
        error("a,b", "invisible or easily confused").await;
        // The server's refusal of the new name suggests a free one.
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        lili.send("hello");
        error("lili", "lili2").await;
        tom.fill("#rename-nick", "thomas").await;
        tom.press(keys::ENTER).await;
        for page in [&tom, &other] {
            page.until("the message, from the new name", |view| has_sent_as(view, "thomas", "queued")).await;
        }
        let is_gone = "return !document.querySelector('#rename')";
        tom.until_true("nothing more is to be done", is_gone).await;
    });
}
