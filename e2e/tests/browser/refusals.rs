//! The answers of a server to a login: each refusal and each close code says what is wrong and what can be done, and nothing
//! that was written is lost.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use parlour_e2e::{
    Page, Server, View, browser_test,
    socket::{self, BINARY},
    wire::{Envelope, field, number_field},
};

/// A server's answer to a login.
#[derive(Clone, Copy, Debug)]
struct Answer {
    /// The code of the refusal; 0 for none.
    refusal: u16,
    /// The text of the refusal.
    text: &'static str,
    /// The code of the Close frame.
    close: u16,
}

impl Answer {
    fn refuse(refusal: u16, text: &'static str) -> Self {
        Self { refusal, text, close: refusal }
    }

    fn close(close: u16) -> Self {
        Self { refusal: 0, text: "", close }
    }
}

/// A server that answers every login with the same refusal. It runs until the test ends.
struct RefusingServer {
    address: String,
    answer: Arc<Mutex<Answer>>,
}

impl RefusingServer {
    fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).expect("the address is free");
        let address = listener.local_addr().unwrap().to_string();
        let answer = Arc::new(Mutex::new(Answer::close(1000)));
        let shared = answer.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok((mut reader, mut writer)) = stream.and_then(socket::accept) else { continue };
                let _ = reader.read();
                let Answer { refusal, text, close } = *shared.lock().unwrap();
                if refusal > 0 {
                    let mut body = Vec::new();
                    number_field(&mut body, 1, refusal.into());
                    field(&mut body, 2, text.as_bytes());
                    let mut envelope = Envelope::default();
                    field(&mut envelope.unknown, 21, &body);
                    let _ = writer.write(BINARY, &envelope.encode());
                }
                let _ = writer.close(Some(close));
            }
        });
        Self { address, answer }
    }

    fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }
}

/// All codes of the protocol, and one of each range that only a later version knows.
fn all_answers() -> Vec<Answer> {
    let refusals = (4001..=4005)
        .chain(4010..=4013)
        .chain(4020..=4025)
        .chain(4040..=4048)
        .chain([4030, 4050, 4499])
        .chain(4500..=4510)
        .chain([4999]);
    let refusals = refusals.map(|code| Answer::refuse(code, "Said by the server."));
    let closes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 4030, 4321, 4321, 4500, 4777];
    refusals.chain(closes.map(Answer::close)).collect()
}

/// Returns `true` if an element is visible and has a text.
fn shows(selector: &str) -> String {
    format!(
        "return [...document.querySelectorAll('{selector}')].some((e) => e.checkVisibility() && e.innerText.trim())"
    )
}

async fn is_true(page: &Page, script: &str) -> bool {
    page.eval(script, vec![]).await
}

#[test]
fn refused_login_says_why_and_what_to_do() {
    browser_test("refused_login_says_why_and_what_to_do", async |test| {
        let (host, server) = (Server::start(), RefusingServer::start("127.0.0.1:0"));
        let page = test.open("tom", &host.url()).await;
        page.expect_lost_connections();
        let unknown = Answer::refuse(4321, "Come back on Monday.");
        let without_text = Answer::refuse(4321, "");
        for answer in all_answers().into_iter().chain([unknown, without_text]) {
            server.answer(answer);
            page.submit_login("tom", Some(&server.address)).await;
            let is_answered = |view: &View| {
                view.login_error.is_some()
                    || view.connection_text.as_deref().is_some_and(|text| text.contains("Trying again in"))
            };
            let view = page.until(&format!("the reason of {answer:?}"), is_answered).await;
            assert!(view.login && view.crash.is_none(), "{answer:?}");
            if answer.text == "Come back on Monday." {
                assert_eq!(view.login_error.as_deref(), Some(answer.text));
            }
            let offers_reload = is_true(&page, &shows("#login-reload")).await;
            assert_eq!(offers_reload, answer.refusal == 4025, "{answer:?}: {:?}", view.login_error);
            if is_true(&page, &shows("#login-cancel")).await {
                page.click("#login-cancel").await;
                page.until("the login is cancelled", |view| view.connection.as_deref() == Some("idle")).await;
            }
        }
    });
}

#[test]
fn refusal_in_the_room_offers_a_remedy_and_loses_nothing() {
    browser_test("refusal_in_the_room_offers_a_remedy_and_loses_nothing", async |test| {
        let mut server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.expect_lost_connections();
        page.expect_error("");
        page.log_in("tom").await;
        page.send_and_wait("before").await;
        server.kill();
        page.until("disconnected", |view| view.connection.as_deref() == Some("reconnecting")).await;
        page.send("queued").await;
        page.until("it is queued", |view| view.has_in_state("queued", "queued")).await;
        let refusing = RefusingServer::start(server.address());
        // The remedy for 4025 is to reload the page.
        for answer in all_answers().into_iter().filter(|answer| answer.refusal != 4025) {
            refusing.answer(answer);
            page.click("#retry-now").await;
            let rename = shows("#rename button");
            let view = page.until(&format!("the remedy for {answer:?}"), |view| view.retry_now).await;
            assert!(view.room && view.has_in_state("queued", "queued"), "{answer:?}: {view:#?}");
            assert!(view.connection_text.is_some(), "{answer:?}");
            assert_eq!(is_true(&page, &rename).await, (4001..=4005).contains(&answer.refusal), "{answer:?}");
        }
        refusing.answer(Answer::refuse(4321, "Come back on Monday."));
        page.click("#retry-now").await;
        page.until("the text of the server", |view| {
            view.connection_text.as_deref().is_some_and(|text| text.contains("Come back on Monday."))
        })
        .await;
        // The connection is not attempted again by itself, so waiting for it is no remedy.
        page.send("later").await;
        let view = page.until("a note", |view| view.note.is_some()).await;
        assert!(view.note.as_deref().unwrap().contains("Connect again"), "{:?}", view.note);
        assert_eq!(view.composer.as_deref(), Some("later"));
    });
}
