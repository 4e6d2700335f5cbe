//! The screens of a narrow viewport, and what covers them.

use parlour_e2e::{SeedRoom, Server, browser_test, keys};

use super::{open_room, open_with_rooms};

const NARROW: (u32, u32) = (390, 844);

#[test]
fn narrow_viewport_shows_one_screen_at_a_time() {
    browser_test("narrow_viewport_shows_one_screen_at_a_time", async |test| {
        let mut server = Server::start();
        let rooms = [SeedRoom::public("Attic"), SeedRoom::public("Balcony").with_messages(3)];
        let (page, ids) = open_with_rooms(test, &mut server, &rooms).await;
        page.resize(NARROW.0, NARROW.1).await;
        let screen = async |name: &str| {
            let visible = "const shown = (id) => document.querySelector(id)?.checkVisibility({ visibilityProperty: true }) ?? false;
                const screens = { rooms: '#sidebar', conversation: '.room-main', people: '#roster' };
                const visible = Object.keys(screens).filter((name) => shown(screens[name])).join();";
            // The timeline stays below the people.
            let script = format!(
                "{visible} return document.querySelector('#room').dataset.screen === '{name}' && \
                 visible.split(',').at(-1) === '{name}' || visible"
            );
            page.until_true(&format!("the screen {name}"), &script).await;
        };
        let back = async || page.eval::<()>("history.back()", vec![]).await;
        screen("conversation").await;
        page.click("#rooms-back").await;
        screen("rooms").await;
        page.until_true("the focus is in the list", "return !!document.activeElement.closest('#room-list')")
            .await;
        let mains =
            "return document.querySelectorAll('main:not([inert]), [role=main]:not([inert])').length === 1";
        page.until_true("one main part", mains).await;

        open_room(&page, &ids[0]).await;
        screen("conversation").await;
        page.until_focused("room-name").await;
        page.until_true("one main part", mains).await;
        page.click("#roster-toggle").await;
        screen("people").await;
        page.until_focused("roster-close").await;
        back().await;
        screen("conversation").await;
        page.until_focused("roster-toggle").await;
        page.click("#roster-toggle").await;
        screen("people").await;
        page.press(keys::ESCAPE).await;
        screen("conversation").await;
        // Closing the people has gone back: the next step leads to the list.
        back().await;
        screen("rooms").await;

        // Another room takes the place of the first one, so that going back leads to the list again.
        open_room(&page, &ids[0]).await;
        screen("conversation").await;
        page.press(&keys::with_alt(keys::DOWN)).await;
        page.until_true("another room", &format!("return !location.hash.includes('{}')", ids[0])).await;
        back().await;
        screen("rooms").await;

        // A link to a room has the list below it.
        page.client().goto("about:blank").await.unwrap();
        page.goto(&format!("{}#/room/{}/members", server.url(), ids[1])).await;
        page.until("the page", |view| view.online()).await;
        screen("people").await;
        back().await;
        screen("conversation").await;
        back().await;
        screen("rooms").await;
    });
}

#[test]
fn going_back_closes_what_covers_the_room() {
    browser_test("going_back_closes_what_covers_the_room", async |test| {
        let mut server = Server::start();
        let (page, ids) = open_with_rooms(test, &mut server, &[SeedRoom::public("Attic")]).await;
        page.resize(NARROW.0, NARROW.1).await;
        let back = async || page.eval::<()>("history.back()", vec![]).await;
        // What is on the screen, from below.
        let shows = async |expected: &str| {
            let script = format!(
                "const shown = [document.querySelector('#room').dataset.screen,
                    ...['#search', '#switcher', '#room-settings-dialog', '#create-room-dialog']
                        .filter((cover) => document.querySelector(cover))].join(' ');
                 return shown === '{expected}' || shown"
            );
            page.until_true(expected, &script).await;
        };
        let open_menu = async |menu: &str, item: &str| {
            page.click(&format!("#{menu}")).await;
            page.click(&format!("#{item}")).await;
        };
        page.click("#rooms-back").await;
        shows("rooms").await;
        open_room(&page, &ids[0]).await;
        shows("conversation").await;

        page.click("#search-toggle").await;
        page.until_focused("search-words").await;
        page.press(&keys::with_control("k")).await;
        shows("conversation #search #switcher").await;
        back().await;
        shows("conversation #search").await;
        back().await;
        shows("conversation").await;
        page.until_focused("search-toggle").await;
        open_menu("room-menu", "room-settings").await;
        shows("conversation #room-settings-dialog").await;
        back().await;
        shows("conversation").await;
        page.until_focused("room-menu").await;

        // What was closed in another way is not in the history any more.
        page.click("#search-toggle").await;
        page.until_focused("search-words").await;
        page.click("#search-close").await;
        shows("conversation").await;
        page.until_focused("search-toggle").await;
        page.until_true("its entry is left", "return history.state !== 'cover'").await;
        back().await;
        shows("rooms").await;

        // A dialog above the list, and one that opens a room, which takes its place.
        open_menu("rooms-menu", "create-room").await;
        shows("rooms #create-room-dialog").await;
        back().await;
        shows("rooms").await;
        open_menu("rooms-menu", "create-room").await;
        page.fill("#create-room-name", "Balcony").await;
        page.press(keys::ENTER).await;
        shows("conversation").await;
        page.until_true("the room", "return document.querySelector('#room-name').textContent === 'Balcony'")
            .await;
        back().await;
        shows("rooms").await;
    });
}
