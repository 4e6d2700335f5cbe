//! State of one account on one server: nothing of it ever reaches another server or account.

use parlour_e2e::{
    BasicServer, DesktopPeer, Page, PeerInput, Server, browser_test, eventually,
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

/// The rows of the table of scopes, and the number of accounts that are persisted.
const SCOPES: &str = r"
    return new Promise((done) => {
        const rows = Object.entries(localStorage).filter(([key]) => key.startsWith('parlour.account'));
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const count = database.transaction('account').objectStore('account').count();
            count.onsuccess = () => (database.close(), done([rows.length, count.result]));
        };
    });
";

async fn until_scopes(page: &Page, rows: u32, accounts: u32) {
    eventually("the accounts of the device", async || {
        let found: [u32; 2] = page.eval(SCOPES, vec![]).await;
        if found == [rows, accounts] { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

/// The number of leaders among the tabs.
const LEADERS: &str = "
    const { held } = await navigator.locks.query();
    return held.filter(({ name }) => name.startsWith('parlour rooms ')).length;
";

async fn leaders(page: &Page) -> u32 {
    page.eval(&format!("return (async () => {{ {LEADERS} }})()"), vec![]).await
}

#[test]
fn the_next_holder_of_a_name_gets_nothing_of_the_former_one() {
    browser_test("the_next_holder_of_a_name_gets_nothing_of_the_former_one", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("said by the first").await;
        tom.send("/nick tom2").await;
        tom.until("the other name", |view| view.online() && view.lists("tom2")).await;
        tom.fill("#composer-text", "draft of the first").await;
        let first = tom.tab().await;

        // Two tabs that log in at once.
        let tabs = [tom.open_tab(&server.url()).await, tom.open_tab(&server.url()).await];
        for tab in &tabs {
            tom.switch_to(tab).await;
            tom.until("the login page", |view| view.login).await;
            tom.fill("#login-nick", "tom").await;
        }
        for tab in &tabs {
            tom.switch_to(tab).await;
            tom.click("#login-submit").await;
        }
        for tab in &tabs {
            tom.switch_to(tab).await;
            let view = tom
                .until("another account", |view| {
                    view.online()
                        && view.lists("tom")
                        && view.lists("tom2")
                        && view.has_sent("said by the first")
                })
                .await;
            assert!(!view.messages_with("said by the first")[0].own);
            assert_eq!(view.composer.as_deref(), Some(""));
        }
        assert_eq!(leaders(&tom).await, 2, "one of each account");
        until_scopes(&tom, 2, 2).await;
        tom.send_and_wait("said by the second").await;
        for (tab, own) in [(&first, "said by the first"), (&tabs[0], "said by the second")] {
            tom.switch_to(tab).await;
            tom.reload().await;
            tom.until("the own message", |view| {
                let is_own = |text| view.messages_with(text).iter().all(|row| row.own == (text == own));
                view.online()
                    && view.contents() == ["said by the first", "said by the second"]
                    && view.contents().into_iter().all(is_own)
            })
            .await;
        }

        // After a logout the draft is for the name, and for nobody else.
        tom.switch_to(&first).await;
        tom.until("the draft", |view| view.composer.as_deref() == Some("draft of the first")).await;
        tom.click("#exit").await;
        until_scopes(&tom, 2, 1).await;
        tom.log_in("lili").await;
        tom.send("/exit").await;
        until_scopes(&tom, 2, 1).await;
        tom.log_in("tom2").await;
        tom.until("the draft", |view| view.composer.as_deref() == Some("draft of the first")).await;
        tom.send_and_wait("said by the third").await;
        for tab in [&first, &tabs[0]] {
            tom.switch_to(tab).await;
            tom.click("#exit").await;
            tom.until("the login page", |view| view.login).await;
        }
        until_scopes(&tom, 0, 0).await;
    });
}

#[test]
fn a_first_login_that_fails_leaves_nothing() {
    browser_test("a_first_login_that_fails_leaves_nothing", async |test| {
        let server = Server::start();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        lili.send("hello");
        let tom = test.open("tom", &server.url()).await;
        tom.submit_login("lili", None).await;
        tom.until("it is refused", |view| view.login_error.is_some()).await;
        until_scopes(&tom, 0, 0).await;
        tom.reload().await;
        tom.until("the login page", |view| view.login && view.login_error.is_none()).await;
        tom.log_in("tom").await;
        until_scopes(&tom, 1, 1).await;
        tom.click("#exit").await;
        tom.until("the login page", |view| view.login).await;
        until_scopes(&tom, 0, 0).await;
    });
}

#[test]
fn login_without_the_table_of_scopes_finds_the_account_of_the_name() {
    browser_test("login_without_the_table_of_scopes_finds_the_account_of_the_name", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("said by the first").await;
        tom.send("/nick tom2").await;
        tom.until("the other name", |view| view.online() && view.lists("tom2")).await;
        until_scopes(&tom, 1, 1).await;
        let is_own = async |own: bool| {
            tom.until("the message", |view| {
                view.online()
                    && view.has_sent("said by the first")
                    && view.messages_with("said by the first")[0].own == own
            })
            .await;
        };
        // The database is not lost.
        tom.eval::<()>("localStorage.clear(); sessionStorage.clear()", vec![]).await;
        tom.reload().await;
        tom.log_in("tom").await;
        is_own(false).await;
        until_scopes(&tom, 2, 2).await;
        tom.open_tab(&server.url()).await;
        tom.log_in("tom2").await;
        is_own(true).await;
    });
}
