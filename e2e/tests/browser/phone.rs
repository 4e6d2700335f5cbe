//! A phone shows room list, room and people one at a time, as screens above each other: with the back gesture, which goes back in
//! the history, and over reloads.

use parlour_e2e::{Page, Server, TestContext, browser_test, browser_test_in_each, keys};

/// Waits until this screen is the only one that can be seen and used.
async fn until_screen(page: &Page, screen: &str) {
    let script = format!(
        "const parts = {{ rooms: '#sidebar', conversation: '.room-main', people: '#roster' }};
         const usable = (part) => {{
             const element = document.querySelector(part);
             if (!element) return false;
             const box = element.getBoundingClientRect();
             const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
             return !element.inert && element.contains(top);
         }};
         const shown = Object.keys(parts).filter((name) => usable(parts[name])).join();
         const wide = document.documentElement.scrollWidth > innerWidth;
         return (shown === '{screen}' && !wide && document.querySelector('#room')?.dataset.screen === '{screen}') ||
             [shown, wide, location.hash]"
    );
    page.until_true(&format!("the screen {screen}"), &script).await;
}

async fn go_back(page: &Page) {
    page.eval::<()>("history.back()", vec![]).await;
}

/// A phone that is logged in and shows the room list, below which nothing is.
async fn phone_at_room_list(test: &TestContext, server: &Server) -> Page {
    let page = test.open("phone", &server.url()).await;
    page.resize(390, 844).await;
    page.log_in("tom").await;
    until_screen(&page, "conversation").await;
    go_back(&page).await;
    until_screen(&page, "rooms").await;
    page
}

async fn reload(page: &Page) {
    page.reload().await;
    page.until("the page", |view| view.online()).await;
}

#[test]
fn screens_are_above_each_other_and_survive_reloads() {
    browser_test_in_each("screens_are_above_each_other_and_survive_reloads", async |test| {
        let server = Server::start();
        let page = phone_at_room_list(test, &server).await;
        page.create_room("garden", "public").await;
        until_screen(&page, "conversation").await;
        page.send_and_wait("hello").await;

        // Each screen is the same after a reload, and so are those below it.
        reload(&page).await;
        until_screen(&page, "conversation").await;
        page.until_text("#room-name", "garden").await;
        page.until("its messages", |view| view.has_sent("hello")).await;
        page.click("#roster-toggle").await;
        until_screen(&page, "people").await;
        reload(&page).await;
        until_screen(&page, "people").await;
        page.until("its people", |view| view.lists("tom")).await;
        go_back(&page).await;
        until_screen(&page, "conversation").await;
        page.until_text("#room-name", "garden").await;
        go_back(&page).await;
        until_screen(&page, "rooms").await;
        reload(&page).await;
        until_screen(&page, "rooms").await;
        page.until_listed(&[("Rooms", "Lobby", ""), ("Rooms", "garden", "")]).await;

        // Forward leads up again; going back by the button is the same as by the gesture.
        page.eval::<()>("history.forward()", vec![]).await;
        until_screen(&page, "conversation").await;
        page.until_text("#room-name", "garden").await;
        let entries: usize = page.eval("return history.length", vec![]).await;
        page.click("#rooms-back").await;
        until_screen(&page, "rooms").await;
        for name in ["Lobby", "garden", "Lobby"] {
            page.open_listed(name).await;
            until_screen(&page, "conversation").await;
            page.click("#rooms-back").await;
            until_screen(&page, "rooms").await;
        }
        let after: usize = page.eval("return history.length", vec![]).await;
        assert!(after <= entries, "the history grows from {entries} to {after} entries");
    });
}

#[test]
fn gesture_during_a_dialog_and_at_another_width_loses_nothing() {
    browser_test("gesture_during_a_dialog_and_at_another_width_loses_nothing", async |test| {
        let server = Server::start();
        let page = test.open("phone", &server.url()).await;
        page.resize(390, 844).await;
        page.log_in("tom").await;
        page.fill("#composer-text", "not sent yet").await;
        // The keyboard of the phone covers half of the screen, and is closed by the gesture.
        page.resize(390, 420).await;
        until_screen(&page, "conversation").await;
        page.resize(390, 844).await;
        page.click("#roster-toggle").await;
        until_screen(&page, "people").await;
        // The phone is turned: what was covered is beside it.
        page.resize(1280, 800).await;
        let beside = "const shown = (part) => !document.querySelector(part).inert;
            return shown('#sidebar') && shown('.room-main') && shown('#roster')";
        page.until_true("all parts are beside each other", beside).await;
        page.resize(390, 844).await;
        until_screen(&page, "people").await;
        go_back(&page).await;
        until_screen(&page, "conversation").await;
        let draft = |view: &parlour_e2e::View| view.composer.as_deref() == Some("not sent yet");
        page.until("the draft", draft).await;

        // Search covers the room, and the list is left by the keyboard too.
        go_back(&page).await;
        until_screen(&page, "rooms").await;
        page.until_true("the focus is in the list", "return !!document.activeElement.closest('#room-list')")
            .await;
        page.press(keys::ENTER).await;
        until_screen(&page, "conversation").await;
        page.until_focused("room-name").await;
        page.until("the draft", draft).await;

        // A dialog is closed, and what it covers stays.
        go_back(&page).await;
        until_screen(&page, "rooms").await;
        page.open_dialog("rooms-menu", "create-room").await;
        page.until_true("the entry of the dialog", "return history.state === 'cover'").await;
        go_back(&page).await;
        page.until_none("dialog").await;
        until_screen(&page, "rooms").await;
    });
}

#[test]
fn reload_during_a_dialog_leaves_the_history_as_it_was() {
    browser_test_in_each("reload_during_a_dialog_leaves_the_history_as_it_was", async |test| {
        let server = Server::start();
        let page = phone_at_room_list(test, &server).await;
        page.create_room("garden", "public").await;
        until_screen(&page, "conversation").await;
        page.open_dialog("room-menu", "room-settings").await;
        page.until_true("the entry of the dialog", "return history.state === 'cover'").await;
        let entries: usize = page.eval("return history.length", vec![]).await;
        reload(&page).await;
        page.until_none("dialog").await;
        until_screen(&page, "conversation").await;
        page.until_text("#room-name", "garden").await;
        page.until_true("the entry of the room", "return history.state !== 'cover'").await;
        let after: usize = page.eval("return history.length", vec![]).await;
        assert_eq!(after, entries, "entries of the history");
        go_back(&page).await;
        until_screen(&page, "rooms").await;
    });
}

#[test]
fn going_back_closes_an_open_menu_first() {
    browser_test("going_back_closes_an_open_menu_first", async |test| {
        let server = Server::start();
        let page = phone_at_room_list(test, &server).await;
        let menu = "return !!document.querySelector('[role=menu]')";
        for button in ["rooms-menu", "account-menu"] {
            page.click(&format!("#{button}")).await;
            page.until_true("the menu", menu).await;
            go_back(&page).await;
            page.until_none("[role=menu]").await;
            page.until_focused(button).await;
            until_screen(&page, "rooms").await;
        }
        // An action of the menu covers the screen in its place.
        page.open_dialog("rooms-menu", "create-room").await;
        go_back(&page).await;
        page.until_none("dialog").await;
        until_screen(&page, "rooms").await;
        page.create_room("garden", "public").await;
        until_screen(&page, "conversation").await;
        page.click("#room-menu").await;
        page.until_true("the menu", menu).await;
        go_back(&page).await;
        page.until_none("[role=menu]").await;
        until_screen(&page, "conversation").await;
        go_back(&page).await;
        until_screen(&page, "rooms").await;
    });
}
