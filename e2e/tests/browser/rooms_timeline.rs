//! The timeline of each room while one goes from room to room: positions, drafts, history, and what is unread.

use parlour_e2e::{DesktopPeer, Page, SeedRoom, Server, browser_test, keys};
use serde_json::json;

/// The first text that begins in the viewport, and its distance from the upper edge.
const FIRST_TEXT: &str = "
    const { top } = document.querySelector('#timeline').getBoundingClientRect();
    const texts = [...document.querySelectorAll('#timeline .content')].map((e) => [e.textContent, e.getBoundingClientRect().top - top]);
    const first = texts.find(([, at]) => at >= 0) ?? null;
";

type Position = (String, f64);

/// Scrolls up by this many pixels, and returns where the first text is then.
async fn scroll_up(page: &Page, by: u32) -> Position {
    page.eval::<()>("document.querySelector('#timeline').scrollTop -= arguments[0]", vec![by.into()]).await;
    page.until("the jump button", |view| view.jump).await;
    page.stable_value("document.querySelector('#timeline').scrollTop").await;
    page.eval(&format!("{FIRST_TEXT} return first"), vec![]).await
}

/// Waits until the first text is where it was.
async fn until_at(page: &Page, (text, top): &Position) {
    let script = format!(
        "{FIRST_TEXT} const [text, distance] = {}; \
         return (first?.[0] === text && Math.abs(first[1] - distance) <= 1) || first",
        json!([text, top])
    );
    page.until_true(&format!("{text} at {top}"), &script).await;
}

async fn until_draft(page: &Page, text: &str) {
    page.until(&format!("the draft {text}"), |view| view.composer.as_deref() == Some(text)).await;
}

async fn until_title(page: &Page, title: &str) {
    page.until(&format!("the title {title}"), |view| view.title == title).await;
}

/// Waits until a room has this badge in the list.
async fn until_badge(page: &Page, id: &str, badge: &str) {
    let script = format!(
        "const badge = document.querySelector(\"#room-list a[href='#/room/{id}'] .badge\")?.textContent ?? ''; \
         return badge === '{badge}' || badge"
    );
    page.until_true(&format!("the badge {badge:?}"), &script).await;
}

/// Waits until the line above new messages is directly above this one, and nowhere else.
async fn until_line_above(page: &Page, text: &str) {
    let script = format!(
        "const above = [...document.querySelectorAll('#timeline .unread-line')]
             .map((line) => line.closest('.item').querySelector('.content')?.textContent ?? 'a gap').join();
         return above === '{text}' || above"
    );
    page.until_true(&format!("the line above {text}"), &script).await;
}

fn texts(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{name} {n}")).collect()
}

#[test]
fn position_and_draft_of_each_room_are_kept() {
    browser_test("position_and_draft_of_each_room_are_kept", async |test| {
        let mut server = Server::start();
        let rooms =
            [SeedRoom::public("Attic").with_messages(400), SeedRoom::public("Balcony").with_messages(400)];
        let page = test.open("tom", &server.url()).await;
        page.resize(1280, 800).await;
        let ids = page.log_in_with_rooms("tom", &mut server, &rooms).await;
        let [attic, balcony] = [&*ids[0], &*ids[1]];
        page.open_room("Attic", attic).await;
        page.until_at_end().await;
        page.until("its messages", |view| view.has_sent("Attic 400")).await;
        let in_attic = scroll_up(&page, 3_000).await;
        page.fill("#composer-text", "for the attic").await;
        page.open_room("Balcony", balcony).await;
        page.until("its messages", |view| view.has_sent("Balcony 400")).await;
        page.until_at_end().await;
        until_draft(&page, "").await;
        let in_balcony = scroll_up(&page, 1_000).await;
        page.fill("#composer-text", "for the balcony").await;

        for round in 1..=2 {
            page.open_room("Attic", attic).await;
            until_at(&page, &in_attic).await;
            until_draft(&page, "for the attic").await;
            page.open_room("Lobby", "lobby").await;
            until_draft(&page, "").await;
            page.open_room("Balcony", balcony).await;
            until_at(&page, &in_balcony).await;
            until_draft(&page, "for the balcony").await;
            if round == 1 {
                page.reload().await;
                page.until("the connection is back", |view| view.online()).await;
                page.until_room_open("Balcony", balcony).await;
                until_at(&page, &in_balcony).await;
                until_draft(&page, "for the balcony").await;
            }
        }
        // The end is a position too.
        page.click("#jump-to-end").await;
        page.until_at_end().await;
        page.open_room("Attic", attic).await;
        page.open_room("Balcony", balcony).await;
        page.until("its messages", |view| view.has_sent("Balcony 400")).await;
        page.until_at_end().await;
        scroll_up(&page, 1_000).await;
        page.click("#jump-to-end").await;
        page.until_at_end().await;
        page.reload().await;
        page.until_room_open("Balcony", balcony).await;
        page.until("its messages", |view| view.has_sent("Balcony 400")).await;
        page.until_at_end().await;
    });
}

#[test]
fn rooms_opened_while_history_loads_are_not_mixed() {
    browser_test("rooms_opened_while_history_loads_are_not_mixed", async |test| {
        let mut server = Server::start();
        let rooms =
            [SeedRoom::public("Attic").with_messages(400), SeedRoom::public("Balcony").with_messages(300)];
        let page = test.open_with_network_switch("tom", &server.url()).await;
        page.resize(1280, 800).await;
        let ids = page.log_in_with_rooms("tom", &mut server, &rooms).await;
        let sizes = [("Attic", &*ids[0], 400), ("Balcony", &*ids[1], 300)];
        // The history of each is requested, and the answers come while the other one is open.
        for (name, id, count) in sizes {
            page.open_room(name, id).await;
            page.until("the newest message", |view| view.has_sent(&format!("{name} {count}"))).await;
            page.until_at_end().await;
        }
        page.hold_history_requests().await;
        for (held, (name, id, _)) in (1..).zip(sizes) {
            page.open_room(name, id).await;
            page.eval::<()>("document.querySelector('#timeline').scrollTop /= 3", vec![]).await;
            page.until_requests_held(held).await;
        }
        page.release_history_requests().await;
        for (name, id, count) in sizes {
            page.open_room(name, id).await;
            let only = format!(
                "const {{ top, bottom }} = document.querySelector('#timeline').getBoundingClientRect();
                 const rows = [...document.querySelectorAll('#timeline .row.message')];
                 const inView = rows.map((row) => row.getBoundingClientRect()).filter((row) => row.top < bottom && row.bottom > top);
                 const texts = rows.map((row) => row.querySelector('.content').textContent);
                 return (inView.length > 5 && texts.every((text) => text.startsWith('{name} '))) || texts"
            );
            page.until_true(&format!("messages of {name} fill the viewport"), &only).await;
            assert_eq!(page.read_all_contents().await, texts(name, count));
        }
    });
}

/// The positions of the messages in the document, and the rows with a position that are not messages.
const POSITIONS: &str = "
    const items = [...document.querySelectorAll('#timeline .item')];
    const position = (item) => [item.ariaPosInSet, item.ariaSetSize].join(' of ');
    const messages = items.filter((item) => item.querySelector('.message'));
    const others = items.filter((item) => !item.querySelector('.message, .gap'));
    const shown = [messages.map((item) => `${item.querySelector('.content').textContent}: ${position(item)}`).slice(-4),
        others.length, others.filter((item) => item.ariaPosInSet || item.ariaSetSize).length];
";

#[test]
fn positions_count_messages_and_nothing_else() {
    browser_test("positions_count_messages_and_nothing_else", async |test| {
        let mut server = Server::start();
        let page = test.open_with_network_switch("tom", &server.url()).await;
        page.resize(1280, 800).await;
        let rooms = [SeedRoom::public("Attic").with_messages(200)];
        let ids = page.log_in_with_rooms("tom", &mut server, &rooms).await;
        page.open_room("Attic", &ids[0]).await;
        page.until("its messages", |view| view.has_sent("Attic 200")).await;
        page.send("/who").await;
        page.until("who is here", |view| view.row_texts("notice").len() == 1).await;
        page.send_and_wait("one").await;
        page.send("/help").await;
        page.until("the commands", |view| view.row_texts("notice").len() == 2).await;
        page.send_and_wait("two").await;
        let expected = |messages: [&str; 4]| {
            format!(
                "{POSITIONS} return JSON.stringify(shown) === JSON.stringify({}) || shown",
                json!([messages, 2, 0])
            )
        };
        let sent = expected([
            "Attic 199: 199 of 202",
            "Attic 200: 200 of 202",
            "one: 201 of 202",
            "two: 202 of 202",
        ]);
        page.until_true("positions", &sent).await;
        // A message that the server does not have yet is the next one.
        page.go_offline().await;
        page.send("three").await;
        let unsent =
            expected(["Attic 200: 200 of 203", "one: 201 of 203", "two: 202 of 203", "three: 203 of 203"]);
        page.until_true("the position of a message that is not sent", &unsent).await;
        page.go_online().await;
        page.until("it is sent", |view| view.has_sent("three")).await;
        page.until_true("the same position", &unsent).await;
    });
}

#[test]
fn line_above_new_messages_stays_and_can_be_jumped_to() {
    browser_test("line_above_new_messages_stays_and_can_be_jumped_to", async |test| {
        let mut server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.resize(1280, 800).await;
        let rooms = [SeedRoom::public("Attic").with_messages(200)];
        let ids = page.log_in_with_rooms("tom", &mut server, &rooms).await;
        until_badge(&page, &ids[0], "99+").await;
        page.open_room("Attic", &ids[0]).await;
        page.until_at_end().await;
        // Its newest messages are on the screen: all are read. The line stays.
        until_badge(&page, &ids[0], "").await;
        page.click("#jump-to-unread").await;
        page.until_in_view("Attic 1").await;
        until_line_above(&page, "Attic 1").await;
        page.until_true("no button any more", "return !document.querySelector('#jump-to-unread')").await;
        page.click("#jump-to-end").await;
        page.until_at_end().await;
        page.until_true("no button any more", "return !document.querySelector('#jump-to-unread')").await;
        page.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        until_line_above(&page, "Attic 1").await;
        // In a room that is opened again everything is read.
        page.open_room("Lobby", "lobby").await;
        page.open_room("Attic", &ids[0]).await;
        page.until_in_view("Attic 1").await;
        until_line_above(&page, "").await;
    });
}

#[test]
fn messages_are_marked_unread_by_keys_and_by_pointer() {
    browser_test("messages_are_marked_unread_by_keys_and_by_pointer", async |test| {
        let mut server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.resize(1280, 800).await;
        let rooms = [SeedRoom::public("Attic").with_messages(60)];
        let ids = page.log_in_with_rooms("tom", &mut server, &rooms).await;
        page.open_room("Attic", &ids[0]).await;
        page.until_at_end().await;
        until_badge(&page, &ids[0], "").await;
        let until_focused = async |text: &str| {
            let script = format!(
                "const text = document.activeElement.querySelector('.content')?.textContent; return text === '{text}' || text"
            );
            page.until_true(&format!("{text} has the focus"), &script).await;
        };
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::ENTER).await;
        until_focused("Attic 60").await;
        page.press(keys::UP).await;
        page.press(keys::UP).await;
        page.press(keys::UP).await;
        page.press(keys::DOWN).await;
        until_focused("Attic 58").await;
        page.press("u").await;
        until_badge(&page, &ids[0], "3").await;
        until_line_above(&page, "Attic 58").await;
        page.until_focused("timeline").await;
        // Seeing them does not make them read again, nor does a reload.
        page.eval::<()>("document.querySelector('#timeline').scrollTop -= 300", vec![]).await;
        page.click("#jump-to-end").await;
        page.until_at_end().await;
        until_badge(&page, &ids[0], "3").await;

        // The tools of a message by keys.
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::ENTER).await;
        until_focused("Attic 60").await;
        page.press(keys::UP).await;
        until_focused("Attic 59").await;
        page.press(keys::ENTER).await;
        page.until_focused("message-link").await;
        page.press(keys::ESCAPE).await;
        until_focused("Attic 59").await;
        page.press(keys::ENTER).await;
        page.until_focused("message-link").await;
        page.press(keys::TAB).await;
        page.until_focused("mark-unread-here").await;
        page.press(keys::ENTER).await;
        until_badge(&page, &ids[0], "2").await;
        until_line_above(&page, "Attic 59").await;

        // By pointer.
        page.click("#room-menu").await;
        page.click("#mark-read").await;
        until_badge(&page, &ids[0], "").await;
        until_line_above(&page, "").await;
        let hover = "const row = [...document.querySelectorAll('.row.message')].find((e) => e.textContent.includes('Attic 57'));
            row.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))";
        page.eval::<()>(hover, vec![]).await;
        page.click("#mark-unread-here").await;
        until_badge(&page, &ids[0], "4").await;
        until_line_above(&page, "Attic 57").await;
    });
}

/// The icon of the page has a badge.
const HAS_BADGE: &str = "return document.querySelector('link[rel~=icon]').href.startsWith('data:')";
const HAS_NO_BADGE: &str = "return !document.querySelector('link[rel~=icon]').href.startsWith('data:')";

#[test]
fn title_and_icon_count_all_rooms_in_all_tabs() {
    browser_test("title_and_icon_count_all_rooms_in_all_tabs", async |test| {
        let mut server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.resize(1280, 800).await;
        let rooms = [SeedRoom::public("Attic").with_messages(3), SeedRoom::direct("lili").with_messages(2)];
        let ids = page.log_in_with_rooms("tom", &mut server, &rooms).await;
        until_title(&page, "(5) Parlour").await;
        page.until_true("the badge", HAS_BADGE).await;
        let first = page.tab().await;
        let second = page.open_tab(&server.url()).await;
        page.log_in("tom").await;
        until_title(&page, "(5) Parlour").await;
        page.open_room("Attic", &ids[0]).await;
        until_title(&page, "(2) Attic - Parlour").await;
        page.switch_to(&first).await;
        until_title(&page, "(2) Parlour").await;
        page.until_true("the badge", HAS_BADGE).await;
        page.click("#rooms-menu").await;
        page.click("#mark-all-read").await;
        until_title(&page, "Parlour").await;
        page.until_true("no badge", HAS_NO_BADGE).await;
        page.switch_to(&second).await;
        until_title(&page, "Attic - Parlour").await;
        page.until_true("no badge", HAS_NO_BADGE).await;

        // The first tab shows the lobby, but it is hidden: a message there is not read.
        let mut ann = DesktopPeer::connect(server.address(), "ann");
        ann.send("hello");
        until_title(&page, "(1) Attic - Parlour").await;
        until_badge(&page, "lobby", "1").await;
        page.send_and_wait("meanwhile").await;
        until_badge(&page, "lobby", "1").await;
        page.switch_to(&first).await;
        page.until("the message", |view| view.has_sent("hello")).await;
        until_title(&page, "Parlour").await;
        until_line_above(&page, "hello").await;
        page.switch_to(&second).await;
        until_title(&page, "Attic - Parlour").await;
    });
}

#[test]
fn message_below_the_people_is_not_read() {
    browser_test("message_below_the_people_is_not_read", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.resize(390, 844).await;
        page.log_in("tom").await;
        page.until_at_end().await;
        page.click("#roster-toggle").await;
        page.until_focused("roster-close").await;
        let mut ann = DesktopPeer::connect(server.address(), "ann");
        ann.send("hello");
        until_title(&page, "(1) Parlour").await;
        ann.send("hello again");
        until_title(&page, "(2) Parlour").await;
        page.press(keys::ESCAPE).await;
        until_title(&page, "Parlour").await;
        until_line_above(&page, "hello").await;
        ann.send("seen");
        page.until("the message", |view| view.has_sent("seen")).await;
        until_title(&page, "Parlour").await;
    });
}
