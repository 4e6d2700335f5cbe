//! State of one account on one server: nothing of it ever reaches another server or account.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{BasicServer, Page, PeerInput, Server, browser_test, eventually, wire};

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

/// Logs in as soon as the server accepts the nick.
async fn log_in_when_free(page: &Page, nick: &str, server: &Server) {
    eventually("the nick is free", async || {
        page.submit_login(nick, Some(server.address())).await;
        let view = page.until("an answer", |view| view.room || view.login_error.is_some()).await;
        if view.room { Ok(()) } else { Err(format!("{:?}", view.login_error)) }
    })
    .await;
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

            tom.submit_login(nick, Some(&second.address())).await;
            let is_basic = |state: &str| state == "basic";
            let view = tom
                .until("the second server's room", |view| {
                    view.room && view.connection.as_deref().is_some_and(is_basic)
                })
                .await;
            assert_eq!(view.contents(), Vec::<&str>::new(), "no message of the first server is shown");
            assert_eq!(view.title, "Parlour", "nor its name");
            tom.send_and_wait("hello").await;
            for input in second.received() {
                let PeerInput::Envelope(envelope) = input else { panic!("{input:?}") };
                let bytes = envelope.encode();
                assert!(bytes.windows(secret.len()).all(|part| part != secret), "the secret was sent");
                assert!(!["one", "two"].contains(&&*envelope.content), "{} was sent", envelope.content);
            }
            tom.click("#exit").await;

            first.restart();
            log_in_when_free(&tom, "tom", &first).await;
            let all = ["said at the first server", "one", "two"];
            tom.until("the messages, sent to their own server", |view| {
                view.contents() == all && all.iter().all(|text| view.has_sent(text))
            })
            .await;
        });
    }
}
