//! The content of the search panel, which is a lazily loaded part: when it is requested, and how a failure is handled.

use parlour_e2e::{Page, Server, StaticHost, TestContext, WindowOptions, browser_test};

const WORDS_FOCUSED: &str =
    "return document.activeElement.id === 'search-words' || document.activeElement.id";

async fn until_error(page: &Page, shown: bool) {
    let script = format!(
        "const shown = [...document.querySelectorAll('#search [role=alert]')].some((e) => e.checkVisibility() && \
            e.textContent.includes('A part of the page could not be loaded')); return shown === {shown}"
    );
    page.until_true(&format!("the error is shown: {shown}"), &script).await;
}

/// A room whose static host lacks the search part.
struct Room {
    files: StaticHost,
    /// The name and the content of the part.
    part: String,
    built: Vec<u8>,
    tom: Page,
    /// Runs until the room is dropped.
    _server: Server,
}

async fn log_in_without_the_part(test: &TestContext) -> Room {
    let files = StaticHost::serve("/");
    let server = files.start_server();
    let part = files.part("search");
    let built = files.get(&part);
    files.remove(&part);
    let tom = test.open_blank("tom", WindowOptions { language: "en-US" }).await;
    tom.allow_host(server.address());
    tom.expect_error("");
    tom.goto(&files.url()).await;
    tom.log_in("tom").await;
    Room { files, part, built, tom, _server: server }
}

#[test]
fn search_part_is_requested_when_the_room_is_shown() {
    browser_test("search_part_is_requested_when_the_room_is_shown", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        let requested =
            "return performance.getEntriesByType('resource').some(({ name }) => name.includes('/search-'))";
        tom.until_true(
            "the room module is loaded",
            "return performance.getEntriesByType('resource').some((it) => it.name.includes('/room-') && it.name.endsWith('.wasm') && it.responseEnd > 0)",
        )
        .await;
        assert!(
            !tom.eval::<bool>(requested, vec![]).await,
            "the login page does not request the search part"
        );
        tom.log_in("tom").await;
        tom.until_true("the search part is requested", requested).await;
        tom.click("#search-toggle").await;
        tom.until_true("the field for words has the focus", WORDS_FOCUSED).await;
    });
}

#[test]
fn missing_search_part_is_reported_and_can_be_retried() {
    browser_test("missing_search_part_is_reported_and_can_be_retried", async |test| {
        let Room { files, part, built, tom, _server } = log_in_without_the_part(test).await;
        tom.click("#search-toggle").await;
        until_error(&tom, true).await;
        tom.send_and_wait("the room works").await;
        files.put(&part, built);
        tom.click("#search .search-more").await;
        until_error(&tom, false).await;
        tom.until_true("the field for words has the focus", WORDS_FOCUSED).await;
        tom.click("#search-close").await;
        tom.click("#search-toggle").await;
        tom.until_true("the field for words has the focus again", WORDS_FOCUSED).await;
    });
}

#[test]
fn deployment_while_the_room_is_open_asks_for_one_reload() {
    browser_test("deployment_while_the_room_is_open_asks_for_one_reload", async |test| {
        let Room { files, part, built, tom, _server } = log_in_without_the_part(test).await;
        files.put(&part, built);
        files.deploy("second");
        tom.fill("#composer-text", "half a thought").await;
        tom.click("#search-toggle").await;
        let told = "const error = document.querySelector('#search [role=alert]')?.textContent; \
                    return error?.includes('A new version is available') || error";
        tom.until_true("the error is shown", told).await;
        tom.click("#search .search-more").await;
        let is_second = "return document.querySelector('meta[name=build]')?.content === 'second'";
        tom.until_true("the page is reloaded", is_second).await;
        tom.until("the room with the draft", |view| {
            view.online() && view.composer.as_deref() == Some("half a thought")
        })
        .await;
        tom.click("#search-toggle").await;
        tom.until_true("the field for words has the focus", WORDS_FOCUSED).await;
    });
}
