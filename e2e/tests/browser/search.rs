//! Search by words, and jumping to a date.

use parlour_e2e::{BasicServer, DesktopPeer, Page, Server, TestContext, browser_test, keys};
use serde_json::json;

/// A room with two messages to search for at its start, and `count` others after them.
async fn fill_room(server: &Server, count: usize) -> DesktopPeer {
    let mut lili = DesktopPeer::connect(server.address(), "lili");
    lili.send("The Crème brûlée was <b>burnt</b>.");
    lili.send("今天我们用Rust写服务器，明天休息。");
    (0..count).for_each(|n| lili.send(&format!("Line {n} of the crowd")));
    let last = format!("lili:Line {} of the crowd", count - 1);
    lili.until("the echo of the last line", |seen| seen.lines.contains(&last)).await;
    lili
}

/// A room with the messages of [`fill_room`], and Tom's page, which shows the newest one.
struct Room {
    server: Server,
    page: Page,
    /// Is in the room as well.
    _lili: DesktopPeer,
}

async fn open_room(test: &TestContext, count: usize) -> Room {
    let server = Server::start_without_rate_limit();
    let lili = fill_room(&server, count).await;
    let page = test.open("tom", &server.url()).await;
    page.log_in("tom").await;
    let last = format!("Line {} of the crowd", count - 1);
    page.until("the newest message", |view| view.has_sent(&last)).await;
    Room { server, page, _lili: lili }
}

#[test]
fn search_finds_messages_and_jumps_to_them() {
    browser_test("search_finds_messages_and_jumps_to_them", async |test| {
        let room = open_room(test, 260).await;
        let page = &room.page;
        assert!(
            !page.view().await.contents().iter().any(|content| content.contains("burnt")),
            "the message is not loaded yet"
        );
        page.open_search().await;
        page.type_text("creme bur").await;
        page.until_found(&["The [Crème] brûlée was <b>[bur]nt</b>."]).await;
        page.until_search_state("1 message found").await;
        let no_more = "return !document.querySelector('#search .search-more').checkVisibility()";
        page.until_true("no button for more results", no_more).await;
        page.click("#search .result").await;
        page.until_in_view("burnt").await;

        // A single Chinese character can be searched for.
        page.fill("#search-words", "写").await;
        page.until_found(&["今天我们用Rust[写]服务器，明天休息。"]).await;
        page.fill("#search-words", "写服务").await;
        page.until_found(&["今天我们用Rust[写服务]器，明天休息。"]).await;
        page.fill("#search-words", "服写").await;
        page.until_search_state("Nothing found.").await;

        // By keyboard: opens the second result.
        page.fill("#search-words", "crowd line").await;
        page.until_search_state("The latest 50 results; there are more").await;
        page.press(keys::DOWN).await;
        page.press(keys::DOWN).await;
        page.press(keys::ENTER).await;
        page.until_in_view("Line 258 of the crowd").await;
        page.press(keys::ESCAPE).await;
        page.until_focused("search-toggle").await;
        page.until_true("the search is closed", "return !document.querySelector('#search')").await;

        // The results are still shown, and more can be loaded.
        page.press(&keys::with_control_shift("f")).await;
        page.until_focused("search-words").await;
        for (n, words) in
            [(100, "The latest 100 results; there are more"), (150, "The latest 150 results; there are more")]
        {
            page.click("#search .search-more").await;
            page.until_search_state(words).await;
            let shown: usize =
                page.eval("return document.querySelectorAll('#search li').length", vec![]).await;
            assert_eq!(shown, n);
            let stays = "return document.activeElement.classList.contains('search-more')";
            page.until_true("the focus stays", stays).await;
        }
    });
}

#[test]
fn date_field_jumps_to_the_day() {
    browser_test("date_field_jumps_to_the_day", async |test| {
        let room = open_room(test, 260).await;
        let page = &room.page;
        page.open_search().await;
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
        page.until_in_view("burnt").await;
        choose(3).await;
        page.until_in_view("Line 259 of the crowd").await;
    });
}

#[test]
fn search_reports_being_offline_and_resumes() {
    browser_test("search_reports_being_offline_and_resumes", async |test| {
        let server = Server::start_without_rate_limit();
        let _lili = fill_room(&server, 160).await;
        let page = test.open_with_network_switch("tom", &server.url()).await;
        page.log_in("tom").await;
        page.until("the newest message", |view| view.has_sent("Line 159 of the crowd")).await;
        page.go_offline().await;
        page.open_search().await;
        page.type_text("burnt").await;
        page.until_search_state("You are not connected; wait until the connection is back.").await;
        page.go_online().await;
        page.until_found(&["The Crème brûlée was <b>[burnt]</b>."]).await;
        page.go_offline().await;
        page.click("#search .result").await;
        let note =
            "return document.querySelector('#search-note').textContent.includes('can’t be loaded now')";
        page.until_true("a note that the message can't be loaded", note).await;
        page.go_online().await;
        page.click("#search .result").await;
        page.until_in_view("burnt").await;
    });
}

#[test]
fn search_covers_the_room_on_a_phone_until_a_result_is_opened() {
    browser_test("search_covers_the_room_on_a_phone_until_a_result_is_opened", async |test| {
        let server = Server::start_without_rate_limit();
        let _lili = fill_room(&server, 260).await;
        let page = test.open("tom", &server.url()).await;
        page.resize(390, 844).await;
        page.log_in("tom").await;
        page.open_search().await;
        let covered =
            "return !!document.querySelector('main[inert]') && !!document.querySelector('header[inert]')";
        page.until_true("the room is covered", covered).await;
        page.type_text("brulee").await;
        page.until_found(&["The Crème [brûlée] was <b>burnt</b>."]).await;
        page.click("#search .result").await;
        page.until_true("the search is closed", "return !document.querySelector('#search')").await;
        page.until_in_view("burnt").await;
        page.until_focused("search-toggle").await;
        page.open_search().await;
        page.click("#search-close").await;
        page.until_focused("search-toggle").await;
    });
}

#[test]
fn composition_in_progress_is_not_searched() {
    browser_test("composition_in_progress_is_not_searched", async |test| {
        let room = open_room(test, 3).await;
        let page = &room.page;
        page.open_search().await;
        let compose = serde_json::json!({ "text": "fuwuqi", "selectionStart": 6, "selectionEnd": 6 });
        page.devtools("Input.imeSetComposition", compose).await;
        page.until_true(
            "the composition is in the field",
            "return document.querySelector('#search-words').value === 'fuwuqi'",
        )
        .await;
        let hint =
            "Finds words by their first letters. With several words, a message must contain all of them.";
        page.until_search_state(hint).await;
        page.type_text("服务器").await;
        page.until_found(&["今天我们用Rust写[服务器]，明天休息。"]).await;
    });
}

#[test]
fn input_method_keeps_its_keys() {
    browser_test("input_method_keeps_its_keys", async |test| {
        let room = open_room(test, 3).await;
        let page = &room.page;
        page.open_search().await;
        page.type_text("crowd").await;
        page.until_search_state("3 messages found").await;
        // As on a Mac: the arrow keys choose a candidate.
        let press = "
            const field = document.activeElement;
            const press = (key) => field.dispatchEvent(new KeyboardEvent('keydown', {
                key, keyCode: 229, isComposing: true, bubbles: true, cancelable: true }));
            return ['ArrowDown', 'ArrowUp', 'Escape'].filter((key) => !press(key) || document.activeElement !== field);
        ";
        assert_eq!(page.eval::<Vec<String>>(press, vec![]).await, Vec::<String>::new(), "taken by the page");
        page.until_true("the panel stays", "return !!document.querySelector('#search')").await;
    });
}

#[test]
fn follower_tab_searches_and_jumps_alone() {
    browser_test("follower_tab_searches_and_jumps_alone", async |test| {
        let room = open_room(test, 260).await;
        let page = &room.page;
        let first = page.tab().await;
        page.open_tab(&room.server.url()).await;
        page.log_in("tom").await;
        page.until("the newest message", |view| view.has_sent("Line 259 of the crowd")).await;
        page.open_search().await;
        page.type_text("服务器").await;
        page.until_found(&["今天我们用Rust写[服务器]，明天休息。"]).await;
        page.click("#search .result").await;
        page.until_in_view("今天我们").await;
        page.switch_to(&first).await;
        page.until_in_view("Line 259 of the crowd").await;
        page.until_true("no search in the other tab", "return !document.querySelector('#search')").await;
    });
}

#[test]
fn basic_server_has_no_search() {
    browser_test("basic_server_has_no_search", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let page = test.open("tom", &host.url()).await;
        page.log_in_to_basic("tom", &server).await;
        page.press(&keys::with_control("k")).await;
        page.until_true("no search", "return !document.querySelector('#search-toggle, #search')").await;
    });
}

#[test]
fn highlights_and_excerpts_contain_whole_characters() {
    browser_test("highlights_and_excerpts_contain_whole_characters", async |test| {
        let server = Server::start_without_rate_limit();
        let (family, hindi) = ("👨\u{200D}👩\u{200D}👧\u{200D}👦", "नमस्ते");
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        lili.send(&format!("We are a {family}."));
        lili.send("A cafe\u{301} with a view");
        lili.send(&format!("{hindi} {}", family.repeat(16)));
        lili.until("the echo of the last line", |seen| seen.lines.iter().any(|line| line.contains(hindi)))
            .await;
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.open_search().await;
        page.type_text("we").await;
        page.until_found(&[&format!("[We] are a {family}.")]).await;
        page.fill("#search-words", "cafe").await;
        page.until_found(&["A [cafe\u{301}] with a view"]).await;
        page.fill("#search-words", "are 👨").await;
        page.press(keys::ENTER).await;
        page.until_found(&[&format!("We [are] a [{family}].")]).await;
        page.fill("#search-words", "न").await;
        page.press(keys::ENTER).await;
        page.until_found(&[&format!("[न]मस्ते {}", family.repeat(16))]).await;
    });
}

#[test]
fn search_that_reaches_its_limit_says_so_and_continues() {
    browser_test("search_that_reaches_its_limit_says_so_and_continues", async |test| {
        // Words that begin too many others to be looked up, never in one message except the first.
        let text = |n: u64| {
            let letter = if n.is_multiple_of(2) { 'p' } else { 'q' };
            let words: Vec<_> = (0..40).map(|i| format!("{letter}{}", n * 40 + i)).collect();
            if n == 0 { "the plain question".into() } else { words.join(" ") }
        };
        let server = Server::start_with_history(60_000, text);
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.open_search().await;
        page.fill("#search-words", "p q").await;
        page.until_search_state("Nothing found in the latest messages; older messages may match too.").await;
        // Each search goes on where the last one ended.
        let status = "return document.querySelector('#search-state').textContent";
        loop {
            page.until_true("an answer", &format!("{status} !== 'Searching…'")).await;
            if page.eval::<String>(status, vec![]).await == "1 message found" {
                break;
            }
            page.click("#search .search-more").await;
        }
        page.until_found(&["the [p]lain [q]uestion"]).await;

        page.fill("#search-words", "???").await;
        page.until_search_state("Punctuation alone can't be found; type a word or a number.").await;
        let no_retry = "return !document.querySelector('#search .search-more').checkVisibility()";
        page.until_true("no button to try the same again", no_retry).await;
    });
}

#[test]
fn query_without_a_word_says_so() {
    browser_test("query_without_a_word_says_so", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.send_and_wait("What???").await;
        page.open_search().await;
        page.type_text("???").await;
        page.press(keys::ENTER).await;
        page.until_true(
            "the page says what to type",
            "const text = document.querySelector('#search-state').textContent; return text.includes('type a word') || text",
        )
        .await;
        let offers = "return !document.querySelector('#search .search-more').checkVisibility()";
        page.until_true("no offer to try the same again", offers).await;
        page.fill("#search-words", "what").await;
        page.until_found(&["[What]???"]).await;
    });
}

#[test]
fn days_and_times_of_results_follow_the_date_and_the_time_zone() {
    browser_test("days_and_times_of_results_follow_the_date_and_the_time_zone", async |test| {
        // From 22:13:20 UTC on a Tuesday.
        let server = Server::start_with_history(1, |_| "old".into());
        let page = test.open_blank("tom", Default::default()).await;
        let set_zone = async |zone: &str| {
            page.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
        };
        set_zone("UTC").await;
        page.before_load(
            "const PlainDate = Date; window.skippedDays = 0;
             window.Date = class extends PlainDate {
                 constructor(...parts) { if (parts.length) super(...parts); else super(Date.now()); }
                 static now() { return PlainDate.now() + window.skippedDays * 86400000; }
             };",
        )
        .await;
        page.goto(&server.url()).await;
        page.log_in("tom").await;
        page.send_and_wait("new").await;
        page.open_search().await;
        let until = async |days: &str, result: &str| {
            let script = format!(
                "const days = [...document.querySelectorAll('#timeline .day')].map((e) => e.textContent).join('; ');
                 const result = document.querySelector('#search .result time')?.textContent.replace(/\\s/g, ' ');
                 return (days === '{days}' && result.startsWith('{result}')) || [days, result]"
            );
            page.until_true(&format!("{days} and {result}"), &script).await;
        };
        page.type_text("new").await;
        page.until_search_state("1 message found").await;
        until("November 14, 2023; Today", "Today ").await;
        // The same panel, after midnight.
        page.eval::<()>("window.skippedDays = 1", vec![]).await;
        until("November 14, 2023; Yesterday", "Yesterday ").await;
        page.fill("#search-words", "old").await;
        until("November 14, 2023; Yesterday", "November 14, 2023 10:13 PM").await;
        set_zone("Asia/Tokyo").await;
        page.until_true(
            "the result in the new zone",
            "const time = document.querySelector('#search .result time').textContent.replace(/\\s/g, ' ');
             return time === 'November 15, 2023 7:13 AM' || time",
        )
        .await;
    });
}

#[test]
fn nothing_of_a_search_is_left_after_leaving() {
    browser_test("nothing_of_a_search_is_left_after_leaving", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.send_and_wait("a secret").await;
        page.open_search().await;
        page.type_text("secret").await;
        page.until_found(&["a [secret]"]).await;
        page.click("#exit").await;
        for nick in ["lili", "tom"] {
            page.log_in(nick).await;
            page.until_true("the panel is closed", "return !document.querySelector('#search')").await;
            page.open_search().await;
            page.until_found(&[]).await;
            page.until_search_state(
                "Finds words by their first letters. With several words, a message must contain all of them.",
            )
            .await;
            let is_empty = "return document.querySelector('#search-words').value === ''";
            page.until_true("the field is empty", is_empty).await;
            page.click("#exit").await;
        }
    });
}
