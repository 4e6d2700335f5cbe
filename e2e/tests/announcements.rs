//! Announcements of screen readers. A live region announces a change of its content and nothing else, so every
//! announcement has to change it.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{BasicServer, DesktopPeer, Page, Server, browser_test, keys};

/// Records the text of an element whenever its content changes.
async fn record(page: &Page, selector: &str) {
    let script = r"
        const region = document.querySelector(arguments[0]);
        const texts = (window.announced ??= {})[arguments[0]] = [];
        new MutationObserver(() => region.textContent.trim() && texts.push(region.textContent.trim()))
            .observe(region, { childList: true, characterData: true, subtree: true });
    ";
    page.eval::<()>(script, vec![selector.into()]).await;
}

async fn until_announced(page: &Page, selector: &str, text: &str, times: usize) {
    let script = format!(
        "const texts = window.announced['{selector}']; return texts.filter((text) => text === '{text}').length === {times} || texts"
    );
    page.until_true(&format!("{text} was announced {times} times"), &script).await;
}

#[test]
fn same_announcement_is_made_each_time() {
    browser_test("same_announcement_is_made_each_time", async |test| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        record(&tom, ".announcer").await;
        for n in 1..=3 {
            lili.send("ok");
            until_announced(&tom, ".announcer", "lili: ok", n).await;
        }
        for n in 1..=2 {
            (0..5).for_each(|_| lili.send("many"));
            until_announced(&tom, ".announcer", "5 new messages", n).await;
        }

        record(&tom, "#composer-note").await;
        let unknown = "There is no such command; /help lists them.";
        tom.fill("#composer-text", "/unknown").await;
        for n in 1..=2 {
            tom.press(keys::ENTER).await;
            until_announced(&tom, "#composer-note", unknown, n).await;
        }
    });
}

#[test]
fn notices_are_announced() {
    browser_test("notices_are_announced", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        tom.submit_login("tom", Some(&server.address())).await;
        tom.until("the room", |view| view.connection.as_deref() == Some("basic")).await;
        record(&tom, ".announcer.other").await;
        for n in 1..=2 {
            tom.send("/who").await;
            until_announced(&tom, ".announcer.other", "One person is here: tom", n).await;
        }
    });
}
