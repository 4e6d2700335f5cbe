//! Screenshots of the room list, the quick switcher, and the screens of a narrow viewport.

use std::cell::{Cell, RefCell};

use parlour_e2e::{Page, SeedRoom, Server, TestContext, browser_test, keys};

use super::{NARROW, Screenshots, WIDE, open_window};

async fn room_screens(test: &TestContext, language: &str) {
    let mut server = Server::start();
    let page = open_window(test, language).await;
    let screenshots =
        Screenshots { page: &page, language, problems: RefCell::default(), scrolled_up: Cell::new(false) };
    page.expect_lost_connections();
    page.goto(&server.url()).await;
    page.resize(WIDE.0, WIDE.1).await;
    page.log_in("tom").await;
    server.stop().await;
    let rooms = [
        SeedRoom::public("Allotment gardeners of the northern suburbs and their friends").with_messages(4),
        SeedRoom::public("Books")
            .with_topic("What we read this month: The Summer Book. Next meeting on Thursday."),
        SeedRoom::public("周末远足").with_messages(120),
        SeedRoom::public("Old mill").archived(),
        SeedRoom::invitation("Committee"),
        SeedRoom::direct("lili").with_messages(2),
        SeedRoom::direct("محمد"),
    ];
    let ids = server.add_rooms("tom", &rooms);
    server.restart();
    page.click("#retry-now").await;
    page.until("the connection is back", |view| view.online()).await;
    let (books, archived, invitation) = (&ids[1], &ids[3], &ids[4]);
    show(&page, &format!("#/room/{books}"), "Books").await;
    screenshots.shoot("rooms").await;
    page.click("#room-menu").await;
    screenshots.shoot("room-menu").await;
    page.press(keys::ESCAPE).await;
    page.resize(NARROW.0, NARROW.1).await;
    page.click("#rooms-back").await;
    page.until_true("the list", "return document.querySelector('#room').dataset.screen === 'rooms'").await;
    screenshots.shoot("room-list").await;
    page.resize(NARROW.0, NARROW.1).await;
    page.click("#rooms-menu").await;
    screenshots.shoot("rooms-menu").await;
    page.press(keys::ESCAPE).await;
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
    screenshots.assert_no_problems();
}

async fn show(page: &Page, fragment: &str, name: &str) {
    page.eval::<()>("location.hash = arguments[0]", vec![fragment.into()]).await;
    let script = format!("return document.querySelector('#room-name').textContent === '{name}'");
    page.until_true(&format!("{name} is open"), &script).await;
}

#[test]
fn room_screens_in_english() {
    browser_test("room_screens_in_english", async |test| room_screens(test, "en").await);
}

#[test]
fn room_screens_in_chinese() {
    browser_test("room_screens_in_chinese", async |test| room_screens(test, "zh").await);
}
