//! Finding a place in what was said: by words and by date.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{BasicServer, Desktop, Page, Server, keys, stage};

/// A server that takes any number of messages at once.
fn patient_server() -> Server {
    Server::start_with(&["--messages-per-minute", "0", "--burst", "10000"])
}

/// A room with something to be found at its beginning, and much else after it.
async fn with_a_past(server: &Server, count: usize) -> Desktop {
    let mut lili = Desktop::connect(server.address(), "lili");
    lili.talk("The Crème brûlée was <b>burnt</b>.");
    lili.talk("今天我们用Rust写服务器，明天休息。");
    (0..count).for_each(|n| lili.talk(&format!("Line {n} of the crowd")));
    let last = format!("lili:Line {} of the crowd", count - 1);
    lili.until("the last of it comes back", |seen| seen.lines.contains(&last)).await;
    lili
}

/// What was found, as it is shown, what is marked in brackets.
const RESULTS: &str = r"
    const text = (node) => node.nodeName === 'MARK' ? `[${node.textContent}]` : node.textContent;
    return [...document.querySelectorAll('#search .result-text')].map((e) => [...e.childNodes].map(text).join(''));
";

async fn until_found(page: &Page, expected: &[&str]) {
    let expected = serde_json::to_string(expected).unwrap();
    let script = format!(
        "const found = (() => {{ {RESULTS} }})(); return JSON.stringify(found) === JSON.stringify({expected}) || found"
    );
    page.until_true(&format!("{expected} is found"), &script).await;
}

async fn until_it_says(page: &Page, words: &str) {
    let script = "const said = document.querySelector('#search-state').textContent; \
        return said === arguments[0] || said";
    let script = script.replace("arguments[0]", &serde_json::to_string(words).unwrap());
    page.until_true(&format!("it says {words}"), &script).await;
}

/// A message with these words is in the frame of the timeline.
async fn until_in_view(page: &Page, words: &str) {
    let script = r"
        const frame = document.querySelector('#timeline').getBoundingClientRect();
        const row = [...document.querySelectorAll('#timeline .message')].find((e) => e.textContent.includes(WORDS));
        if (!row) return 'not there';
        const { top, bottom } = row.getBoundingClientRect();
        return (frame.top <= top && bottom <= frame.bottom) || { top, bottom };
    ";
    let script = script.replace("WORDS", &serde_json::to_string(words).unwrap());
    page.until_true(&format!("{words} is in view"), &script).await;
}

async fn until_focused(page: &Page, id: &str) {
    let script = format!("return document.activeElement.id === '{id}' || document.activeElement.id");
    page.until_true(&format!("{id} has the focus"), &script).await;
}

async fn open_search(page: &Page) {
    page.click("#search-toggle").await;
    until_focused(page, "search-words").await;
}

#[test]
fn what_was_said_is_found_and_gone_to() {
    stage("what_was_said_is_found_and_gone_to", async |stage| {
        let server = patient_server();
        let _lili = with_a_past(&server, 260).await;
        let page = stage.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.until("the newest", |view| view.has("Line 259 of the crowd")).await;
        assert!(
            !page.look().await.contents().iter().any(|said| said.contains("burnt")),
            "that is not loaded"
        );
        open_search(&page).await;
        page.type_text("creme bur").await;
        until_found(&page, &["The [Crème] brûlée was <b>[bur]nt</b>."]).await;
        until_it_says(&page, "1 message found").await;
        let no_more = "return !document.querySelector('#search .search-more').checkVisibility()";
        page.until_true("that is all", no_more).await;
        page.click("#search .result").await;
        until_in_view(&page, "burnt").await;

        // One character is a word.
        page.fill("#search-words", "写").await;
        until_found(&page, &["今天我们用Rust[写]服务器，明天休息。"]).await;
        page.fill("#search-words", "写服务").await;
        until_found(&page, &["今天我们用Rust[写服务]器，明天休息。"]).await;
        page.fill("#search-words", "服写").await;
        until_it_says(&page, "Nothing found.").await;

        // By the keyboard alone: to the last but one, whatever comes between.
        page.fill("#search-words", "crowd line").await;
        until_it_says(&page, "The latest 50 results; there are more").await;
        page.press(keys::DOWN).await;
        page.press(keys::DOWN).await;
        page.press(keys::ENTER).await;
        until_in_view(&page, "Line 258 of the crowd").await;
        page.press(keys::ESCAPE).await;
        until_focused(&page, "search-toggle").await;
        page.until_true("it is closed", "return !document.querySelector('#search')").await;

        // What was found is still there, and there is more of it.
        page.press(&keys::with_control("k")).await;
        until_focused(&page, "search-words").await;
        for (n, words) in
            [(100, "The latest 100 results; there are more"), (150, "The latest 150 results; there are more")]
        {
            page.click("#search .search-more").await;
            until_it_says(&page, words).await;
            let shown: usize =
                page.eval("return document.querySelectorAll('#search li').length", vec![]).await;
            assert_eq!(shown, n);
            let stays = "return document.activeElement.classList.contains('search-more')";
            page.until_true("the focus stays", stays).await;
        }
    });
}

#[test]
fn a_date_is_gone_to() {
    stage("a_date_is_gone_to", async |stage| {
        let server = patient_server();
        let _lili = with_a_past(&server, 260).await;
        let page = stage.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.until("the newest", |view| view.has("Line 259 of the crowd")).await;
        open_search(&page).await;
        let choose = async |days: i64| {
            let script = r"
                const field = document.querySelector('#search-date');
                const day = new Date(Date.now() + arguments[0] * 86400000);
                const two = (n) => String(n).padStart(2, '0');
                field.value = `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
                field.dispatchEvent(new Event('change', { bubbles: true }));
            ";
            page.eval::<()>(script, vec![days.into()]).await;
        };
        choose(-3).await;
        until_in_view(&page, "burnt").await;
        choose(3).await;
        until_in_view(&page, "Line 259 of the crowd").await;
    });
}

#[test]
fn without_a_connection_it_says_so_and_goes_on_when_it_is_back() {
    stage("without_a_connection_it_says_so_and_goes_on_when_it_is_back", async |stage| {
        let server = patient_server();
        let _lili = with_a_past(&server, 160).await;
        let page = stage.window("tom", Default::default()).await;
        page.with_plug().await;
        page.goto(&server.url()).await;
        page.log_in("tom").await;
        page.until("the newest", |view| view.has("Line 159 of the crowd")).await;
        page.pull_plug().await;
        open_search(&page).await;
        page.type_text("burnt").await;
        until_it_says(&page, "You are not connected; wait until the connection is back.").await;
        page.put_plug_back().await;
        until_found(&page, &["The Crème brûlée was <b>[burnt]</b>."]).await;
        page.pull_plug().await;
        page.click("#search .result").await;
        let note =
            "return document.querySelector('#search-note').textContent.includes('can’t be loaded now')";
        page.until_true("one can't go there", note).await;
        page.put_plug_back().await;
        page.click("#search .result").await;
        until_in_view(&page, "burnt").await;
    });
}

#[test]
fn on_a_phone_it_covers_the_room_until_one_has_gone_there() {
    stage("on_a_phone_it_covers_the_room_until_one_has_gone_there", async |stage| {
        let server = patient_server();
        let _lili = with_a_past(&server, 260).await;
        let page = stage.open("tom", &server.url()).await;
        page.resize(390, 844).await;
        page.log_in("tom").await;
        open_search(&page).await;
        let covered =
            "return !!document.querySelector('main[inert]') && !!document.querySelector('header[inert]')";
        page.until_true("the room is covered", covered).await;
        page.type_text("brulee").await;
        until_found(&page, &["The Crème [brûlée] was <b>burnt</b>."]).await;
        page.click("#search .result").await;
        page.until_true("it makes way", "return !document.querySelector('#search')").await;
        until_in_view(&page, "burnt").await;
        until_focused(&page, "search-toggle").await;
        open_search(&page).await;
        page.click("#search-close").await;
        until_focused(&page, "search-toggle").await;
    });
}

#[test]
fn what_an_input_method_has_not_given_yet_is_not_searched_for() {
    stage("what_an_input_method_has_not_given_yet_is_not_searched_for", async |stage| {
        let server = patient_server();
        let _lili = with_a_past(&server, 3).await;
        let page = stage.open("tom", &server.url()).await;
        page.log_in("tom").await;
        open_search(&page).await;
        let compose = serde_json::json!({ "text": "fuwuqi", "selectionStart": 6, "selectionEnd": 6 });
        page.devtools("Input.imeSetComposition", compose).await;
        page.until_true(
            "it is composed",
            "return document.querySelector('#search-words').value === 'fuwuqi'",
        )
        .await;
        let hint =
            "Finds words by their first letters. With several words, a message must contain all of them.";
        until_it_says(&page, hint).await;
        page.type_text("服务器").await;
        until_found(&page, &["今天我们用Rust写[服务器]，明天休息。"]).await;
    });
}

#[test]
fn a_tab_that_follows_searches_and_goes_there_alone() {
    stage("a_tab_that_follows_searches_and_goes_there_alone", async |stage| {
        let server = patient_server();
        let _lili = with_a_past(&server, 260).await;
        let page = stage.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.until("the newest", |view| view.has("Line 259 of the crowd")).await;
        let first = page.client().window().await.unwrap();
        let second = page.client().new_window(true).await.unwrap().handle;
        page.client().switch_to_window(second).await.unwrap();
        page.goto(&server.url()).await;
        page.log_in("tom").await;
        page.until("the newest", |view| view.has("Line 259 of the crowd")).await;
        open_search(&page).await;
        page.type_text("服务器").await;
        until_found(&page, &["今天我们用Rust写[服务器]，明天休息。"]).await;
        page.click("#search .result").await;
        until_in_view(&page, "今天我们").await;
        page.client().switch_to_window(first).await.unwrap();
        until_in_view(&page, "Line 259 of the crowd").await;
        page.until_true("nothing is open", "return !document.querySelector('#search')").await;
    });
}

#[test]
fn a_basic_server_is_not_searched() {
    stage("a_basic_server_is_not_searched", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let page = stage.open("tom", &host.url()).await;
        page.submit_login("tom", Some(&server.address())).await;
        page.until("the room", |view| view.connection.as_deref() == Some("basic")).await;
        page.press(&keys::with_control("k")).await;
        page.until_true("no search", "return !document.querySelector('#search-toggle, #search')").await;
    });
}
