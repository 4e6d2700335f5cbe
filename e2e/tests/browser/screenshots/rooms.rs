//! Screenshots of the room list, rooms and conversations, the quick switcher, and the screens of a narrow viewport.

use parlour_e2e::{Page, SeedRoom, Server, TestContext, browser_test_within, keys};

use super::{NARROW, SCREENS_DEADLINE, WIDE, open_window, screen::Screenshots};

/// The messages of a room.
const TALK: [(&str, &str); 5] = [
    ("Ngozi", "I have finished it on the train. The chapter about the storm is the best of all."),
    ("tom", "Don't tell me the end, I am only on page 90!"),
    (
        "Søren Kierkegaard-Christensen",
        "Then we talk about the first half on Thursday, and about the rest in two weeks.",
    ),
    ("Søren Kierkegaard-Christensen", "Does anybody have a second copy? 我也想读。"),
    ("Ngozi", "I can bring mine 📚"),
];

/// A page with rooms of all kinds, of which the ids are returned, and a page of somebody else with whom there is a conversation.
async fn open_rooms(test: &TestContext, language: &str) -> (Server, Page, Page, Vec<String>) {
    let mut server = Server::start();
    let lili = test.open("lili", &server.url()).await;
    let page = open_window(test, language).await;
    page.goto(&server.url()).await;
    page.resize(WIDE.0, WIDE.1).await;
    for (page, nick) in [(&lili, "lili"), (&page, "tom")] {
        page.expect_lost_connections();
        page.log_in(nick).await;
    }
    server.stop().await;
    let rooms = [
        SeedRoom::public("Allotment gardeners of the northern suburbs and their friends").with_messages(4),
        SeedRoom::public("Books")
            .with_topic("What we read this month: The Summer Book. Next meeting on Thursday.")
            .with_people(34)
            .with_talk(&TALK),
        SeedRoom::public("周末远足").with_messages(120),
        SeedRoom::public("Old mill").archived(),
        SeedRoom::invitation("Committee"),
        SeedRoom::direct("lili").with_messages(2),
        SeedRoom::direct("محمد"),
        SeedRoom::private("Birthday of the grandmother"),
        SeedRoom::public("Football").with_messages(3).muted(),
        SeedRoom::public("Summer festival 2019").archived(),
        SeedRoom::public("Music"),
    ];
    let ids = server.add_rooms("tom", &rooms);
    server.restart();
    for page in [&page, &lili] {
        page.reconnect_now().await;
        page.until("the connection is back", |view| view.online()).await;
    }
    (server, page, lili, ids)
}

async fn list_screens(test: &TestContext, language: &str) {
    let (_server, page, _lili, ids) = open_rooms(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    let (books, archived, invitation) = (&ids[1], &ids[3], &ids[4]);
    show(&page, &format!("#/room/{books}"), "Books").await;
    page.resize(NARROW.0, NARROW.1).await;
    page.click("#rooms-back").await;
    page.until_true("the list", "return document.querySelector('#room').dataset.screen === 'rooms'").await;
    screenshots.shoot("room-list").await;
    page.resize(NARROW.0, NARROW.1).await;
    page.click("#rooms-menu").await;
    screenshots.shoot("rooms-menu").await;
    page.press(keys::ESCAPE).await;
    page.click("#account-menu").await;
    screenshots.shoot("account-menu").await;
    page.press(keys::ESCAPE).await;
    page.click("#rooms-archived").await;
    screenshots.shoot("rooms-archived").await;
    page.fill("#room-search", "xyz").await;
    page.until_true("nothing is found", "return document.querySelectorAll('.room-item').length === 0").await;
    screenshots.shoot("rooms-none-found").await;
    page.fill("#room-search", "").await;
    show(&page, &format!("#/room/{archived}"), "Old mill").await;
    screenshots.shoot("room-archived").await;
    show(&page, &format!("#/room/{invitation}"), "Committee").await;
    screenshots.shoot("room-invitation").await;
    let missing = format!("#/room/{}", "9".repeat(32));
    page.eval::<()>("location.hash = arguments[0]", vec![missing.into()]).await;
    page.until_true("no room", "return !!document.querySelector('#join-room')").await;
    screenshots.shoot("room-missing").await;
    show(&page, &format!("#/room/{books}"), "Books").await;
    page.press(&keys::with_control("k")).await;
    page.until_focused("switcher-field").await;
    screenshots.shoot("switcher").await;
    page.type_text("xyz").await;
    page.until_true("nothing is found", "return !document.querySelector('#switcher-list li')").await;
    screenshots.shoot("switcher-none-found").await;
    screenshots.assert_no_problems();
}

async fn room_screens(test: &TestContext, language: &str) {
    let (mut server, page, lili, ids) = open_rooms(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    let (books, hike, direct) = (&ids[1], &ids[2], &ids[5]);
    show(&page, &format!("#/room/{books}"), "Books").await;
    page.until("the talk", |view| view.has_sent(TALK[4].1)).await;
    lili.send("/join Books").await;
    lili.until("the room", |view| view.has_sent(TALK[4].1)).await;
    page.until_true("lili has joined", "return !!document.querySelector('.row.presence')").await;
    page.send_and_wait("Welcome!").await;
    screenshots.shoot("rooms").await;
    page.resize(NARROW.0, NARROW.1).await;
    page.click("#roster-toggle").await;
    screenshots.shoot("people").await;
    page.resize(NARROW.0, NARROW.1).await;
    page.click("#roster-close").await;
    page.click("#room-menu").await;
    screenshots.shoot("room-menu").await;
    page.press(keys::ESCAPE).await;
    page.resize(WIDE.0, WIDE.1).await;
    show(&page, &format!("#/room/{direct}"), "lili").await;
    page.until("her messages", |view| view.has_sent("lili 2")).await;
    screenshots.shoot("room-direct").await;
    page.resize(WIDE.0, WIDE.1).await;
    show(&page, &format!("#/room/{hike}"), "周末远足").await;
    page.until_true("a way to the first one", "return !!document.querySelector('#jump-to-unread')").await;
    screenshots.shoot("room-unread").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#jump-to-unread").await;
    page.until_true("the unread line", "return !!document.querySelector('.unread-line')").await;
    screenshots.scrolled_up.set(true);
    screenshots.shoot("room-unread-line").await;
    screenshots.scrolled_up.set(false);
    page.resize(WIDE.0, WIDE.1).await;
    show(&page, &format!("#/room/{books}"), "Books").await;
    server.kill();
    page.until("the retry button", |view| view.retry_now).await;
    screenshots.shoot("rooms-offline").await;
    page.resize(NARROW.0, NARROW.1).await;
    page.click("#rooms-back").await;
    screenshots.shoot("room-list-offline").await;
    screenshots.assert_no_problems();
}

async fn show(page: &Page, fragment: &str, name: &str) {
    page.eval::<()>("location.hash = arguments[0]", vec![fragment.into()]).await;
    let script = format!("return document.querySelector('#room-name').textContent === '{name}'");
    page.until_true(&format!("{name} is open"), &script).await;
}

#[test]
fn list_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "list_screens_in_english", async |test| {
        list_screens(test, "en").await;
    });
}

#[test]
fn list_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "list_screens_in_chinese", async |test| {
        list_screens(test, "zh").await;
    });
}

#[test]
fn room_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "room_screens_in_english", async |test| {
        room_screens(test, "en").await;
    });
}

#[test]
fn room_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "room_screens_in_chinese", async |test| {
        room_screens(test, "zh").await;
    });
}
