//! Screenshots of every screen in two sizes, two themes and two languages, stored in `target/screenshots/`; and automatic
//! checks of layout, contrast and accessibility on each.

mod edits;
mod emoji;
mod markup;
mod rooms;
mod screen;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parlour_e2e::{
    BasicServer, DesktopPeer, Page, Server, TestContext, View, WindowOptions, browser_test_within, keys,
    wire::Envelope,
};
use serde_json::json;

use self::screen::Screenshots;

const WIDE: (u32, u32) = (1280, 800);
const NARROW: (u32, u32) = (390, 844);

/// Maximum duration of a test: it takes a hundred screenshots and more, and checks each of them.
const SCREENS_DEADLINE: Duration = Duration::from_secs(600);

/// A time zone in which it is after ten in the evening: no time of day has a longer text.
fn late_time_zone() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let hour = i64::try_from(seconds / 3600 % 24).unwrap();
    // Hours east of UTC, at most 14. The names in `Etc/` have the opposite sign.
    let east = if hour < 8 { -2 - hour } else { 22 - hour };
    format!("Etc/GMT{:+}", -east)
}

/// A window without animations, whose clock can be moved by `window.shift` ms.
async fn open_window(test: &TestContext, language: &str) -> Page {
    let page = test.open_blank("page", WindowOptions { language }).await;
    let reduced_motion = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    page.devtools("Emulation.setEmulatedMedia", reduced_motion).await;
    page.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": late_time_zone() })).await;
    page.before_load("const now = Date.now; window.shift = 0; Date.now = () => now() + window.shift").await;
    page
}

/// The cumulative layout shift of the page so far, without shifts caused by input.
async fn layout_shift(page: &Page) -> f64 {
    let script = r"
        let sum = 0;
        const add = (list) => list.forEach((entry) => { if (!entry.hadRecentInput) sum += entry.value; });
        const observer = new PerformanceObserver((list) => add(list.getEntries()));
        observer.observe({ type: 'layout-shift', buffered: true });
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            add(observer.takeRecords());
            done(sum);
        })));
    ";
    page.eval(script, vec![]).await
}

async fn main_screens(test: &TestContext, language: &str) {
    let mut server = Server::start();
    let page = open_window(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    page.expect_lost_connections();

    page.goto(&server.url()).await;
    page.until("the login page", |view| view.login).await;
    let moved = layout_shift(&page).await;
    assert!(moved < 0.01, "layout shift of {moved} while the page loads");
    screenshots.shoot("login").await;
    page.submit_login("", None).await;
    page.until("an error", |view| view.login_error.is_some()).await;
    screenshots.shoot("login-error").await;
    page.log_in("tom").await;
    screenshots.shoot("room-empty").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#exit").await;
    page.until("the login page", |view| view.login).await;
    let mut lili = DesktopPeer::connect(server.address(), "lili");
    lili.send("Is anybody here?");
    page.submit_login("Lili", None).await;
    page.until("the nick is taken", |view| view.suggestion.is_some()).await;
    screenshots.shoot("login-taken").await;

    page.log_in("tom").await;
    fill_room(&page, &server, &mut lili).await;
    screenshots.shoot("room").await;
    page.click("#roster-toggle").await;
    screenshots.shoot_at("drawer", NARROW).await;
    page.click("#roster-close").await;
    page.resize(WIDE.0, WIDE.1).await;
    search_screens(&page, &screenshots).await;
    page.send("/help").await;
    page.send("/who").await;
    page.send("/nonsense").await;
    page.until("two notices and a note", |view| view.row_texts("notice").len() == 2 && view.note.is_some())
        .await;
    screenshots.shoot("notices").await;

    page.fill("#composer-text", "").await;
    server.kill();
    page.until("the retry button", |view| view.retry_now).await;
    page.send("This one waits.").await;
    page.until("it is queued", |view| view.has_in_state("This one waits.", "queued")).await;
    screenshots.shoot("reconnecting").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search-toggle").await;
    page.fill("#search-words", "tonight").await;
    page.until_true(
        "the search is offline",
        "return document.querySelector('#search .search-more').checkVisibility()",
    )
    .await;
    screenshots.shoot("search-offline").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search-close").await;
    for words in ["Failed to load resource", "ERR_CONNECTION_REFUSED", "config.json", "Failed to fetch"] {
        page.expect_error(words);
    }
    page.reload().await;
    page.until("the room, offline", |view| view.retry_now && view.has_sent("See you all tonight 👋🏽")).await;
    screenshots.shoot("offline").await;
    screenshots.assert_no_problems();
}

/// The search panel: empty, without results, with results.
async fn search_screens(page: &Page, screenshots: &Screenshots<'_>) {
    page.click("#search-toggle").await;
    page.until_true("the search field has the focus", "return document.activeElement.id === 'search-words'")
        .await;
    screenshots.shoot("search-empty").await;
    for (words, name, count) in [
        ("nowhere", "search-without-results", 0),
        ("吃饭", "search-chinese", 1),
        ("of s", "search", 8),
        ("library", "search-long", 1),
    ] {
        page.fill("#search-words", words).await;
        let script = format!(
            "return !!document.querySelector('#search mark') === {} && document.querySelectorAll('#search li').length \
             === {count} && !/…/.test(document.querySelector('#search-state').textContent)",
            count > 0
        );
        page.until_true("the search has finished", &script).await;
        screenshots.shoot(name).await;
    }
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search .result").await;
    page.until_true("the result is opened", "return !!document.querySelector('#search [aria-current]')")
        .await;
    screenshots.scrolled_up.set(true);
    screenshots.shoot_at("search-opened", WIDE).await;
    screenshots.scrolled_up.set(false);
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search-close").await;
    page.click("#jump-to-end").await;
    page.until_true("the view is at the end", "return !document.querySelector('#jump-to-end')").await;
}

async fn fill_room(page: &Page, server: &Server, lili: &mut DesktopPeer) {
    lili.send("Hello, Tom! How was the journey?");
    page.send_and_wait("Long. The train stood for an hour outside of Basel, and nobody said why.").await;
    page.send_and_wait("But now I'm here. 🎉").await;
    lili.send("太好了！晚上一起吃饭吧？");
    let mut ann = DesktopPeer::connect(server.address(), "Ann-Sophie von Hohenstein");
    ann.send("Count me in!");
    let long = "A word about Saturday: we meet at nine in front of the library, walk along the river to the old mill, \
        have lunch there, and are back by four. Bring something warm; it will be windy. "
        .repeat(3);
    ann.send(&long);
    ann.send("https://example.org/a/very/long/address/that/has/no/place/where/it/could/be/broken/into/lines?at=all&x=1");
    let mut guest = DesktopPeer::connect(server.address(), "محمد");
    guest.send("مرحبا بكم جميعا");
    page.send_and_wait("let x = 1;\nlet y = 2;\n    x + y").await;
    guest.leave();
    page.until("the guest has left", |view| view.row_texts("presence").len() >= 2 && !view.lists("محمد"))
        .await;
    for n in 0..6 {
        lili.send(&format!("Message {n} of some more"));
    }
    page.until("the last message", |view| view.has_sent("Message 5 of some more")).await;
    ann.leave();
    page.until("Ann has left", |view| !view.lists("Ann-Sophie von Hohenstein")).await;
    page.send_and_wait("See you all tonight 👋🏽").await;
}

async fn basic_server_screens(test: &TestContext, language: &str) {
    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    let (host, server) = (Server::start(), BasicServer::start());
    let page = open_window(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    page.expect_lost_connections();
    page.goto(&host.url()).await;
    page.submit_login("tom", Some(&server.address())).await;
    page.until("the room", View::basic).await;
    screenshots.shoot("basic").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#basic-toggle").await;
    for (days, text) in [(-200, "long ago"), (-3, "three days ago"), (-1, "yesterday"), (0, "today")] {
        let shift = async |ms: i64| page.eval::<()>("window.shift = arguments[0]", vec![json!(ms)]).await;
        shift(days * DAY).await;
        page.send_and_wait(&format!("What Tom said {text}.")).await;
        shift(days * DAY + 17 * MINUTE).await;
        server.broadcast(Envelope::new("lili", "talk", &format!("What Lili said {text}.")));
        page.until("her message", |view| view.has_sent(&format!("What Lili said {text}."))).await;
    }
    server.set_unresponsive(true);
    page.send("Has this arrived?").await;
    page.until("it is pending", |view| view.has_in_state("Has this arrived?", "pending")).await;
    screenshots.shoot("sending").await;
    page.resize(WIDE.0, WIDE.1).await;
    server.set_unresponsive(false);
    server.drop_connections();
    page.until("it has failed, and the page has reconnected", |view| {
        view.has_in_state("Has this arrived?", "failed") && view.basic()
    })
    .await;
    page.fill("#composer-text", &"too long for it ".repeat(40)).await;
    page.press(keys::ENTER).await;
    page.until("a note", |view| view.note.is_some()).await;
    screenshots.shoot("days-and-a-failed-message").await;
    screenshots.assert_no_problems();
}

/// Rate-limited messages that wait in the send queue.
async fn rate_limit_screens(test: &TestContext, language: &str) {
    let server = Server::start_with(&["--messages-per-minute", "1", "--burst", "2"]);
    let page = open_window(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    page.goto(&server.url()).await;
    page.log_in("tom").await;
    page.send_and_wait("One.").await;
    page.send_and_wait("Two.").await;
    for text in ["And three, which is one too many.", "Four."] {
        page.send(text).await;
        page.until("it is queued", |view| view.has_in_state(text, "queued") && view.note.is_some()).await;
    }
    screenshots.shoot("rate-limited").await;
    screenshots.assert_no_problems();
}

/// Gaps, in a page whose history requests are dropped.
async fn history_screens(test: &TestContext, language: &str) {
    const LINES: [&str; 4] =
        ["And then?", "We took the boat.", "It rained all day, of course. 🌧", "下次一起去吧！"];
    let server = Server::start_without_rate_limit();
    let mut lili = DesktopPeer::connect(server.address(), "lili");
    let send = async |lili: &mut DesktopPeer, count: usize, last: &str| {
        (0..count).for_each(|n| lili.send(LINES[n % LINES.len()]));
        lili.send(last);
        let last = format!("lili:{last}");
        lili.until("the echo of the last message", |seen| seen.lines.contains(&last)).await;
    };
    send(&mut lili, 130, "Who else is here?").await;
    let page = open_window(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    page.install_network_switch().await;
    page.goto(&server.url()).await;
    page.log_in("tom").await;
    page.send_and_wait("Me!").await;
    page.drop_history_requests().await;
    let to_top = "const viewport = document.querySelector('#timeline'); viewport.scrollTop = 0; return !!viewport.querySelector('SELECTOR')";
    page.until_true("a gap", &to_top.replace("SELECTOR", ".gap")).await;
    screenshots.shoot_further_up("older", ".gap").await;
    page.go_offline().await;
    page.go_online().await;
    page.until_true("the start of the room", &to_top.replace("SELECTOR", ".beginning")).await;
    page.until_true("no gap", "return !document.querySelector('.gap')").await;
    screenshots.shoot_further_up("beginning", ".beginning").await;

    page.go_offline().await;
    // More bytes than are replayed to a page that comes back.
    (0..700).for_each(|_| lili.send(&"And so it went on. ".repeat(50)));
    send(&mut lili, 60, "That was a long story.").await;
    page.go_online().await;
    page.drop_history_requests().await;
    page.click("#jump-to-end").await;
    page.until("the newest message", |view| view.has_sent("That was a long story.")).await;
    let scrolled_up = "const viewport = document.querySelector('#timeline'); viewport.scrollTop -= 400; return !!viewport.querySelector('.gap')";
    page.until_true("a gap", scrolled_up).await;
    screenshots.shoot_further_up("gap", ".gap .gap-label").await;
    screenshots.assert_no_problems();
}

#[test]
fn rate_limit_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "rate_limit_screens_in_english", async |test| {
        rate_limit_screens(test, "en").await
    });
}

#[test]
fn rate_limit_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "rate_limit_screens_in_chinese", async |test| {
        rate_limit_screens(test, "zh").await
    });
}

#[test]
fn history_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "history_screens_in_english", async |test| {
        history_screens(test, "en").await
    });
}

#[test]
fn history_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "history_screens_in_chinese", async |test| {
        history_screens(test, "zh").await
    });
}

#[test]
fn main_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "main_screens_in_english", async |test| {
        main_screens(test, "en").await
    });
}

#[test]
fn main_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "main_screens_in_chinese", async |test| {
        main_screens(test, "zh").await
    });
}

#[test]
fn basic_server_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "basic_server_screens_in_english", async |test| {
        basic_server_screens(test, "en").await
    });
}

#[test]
fn basic_server_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "basic_server_screens_in_chinese", async |test| {
        basic_server_screens(test, "zh").await
    });
}
