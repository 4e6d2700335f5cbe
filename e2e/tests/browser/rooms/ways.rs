//! The ways from room to room: keys, links, the browser's history, and invitations.

use parlour_e2e::{SeedRoom, Server, browser_test, keys};

use super::{open_room, open_with_rooms, until_listed, until_open};

#[test]
fn keys_lead_to_other_rooms() {
    browser_test("keys_lead_to_other_rooms", async |test| {
        let mut server = Server::start();
        let rooms = [
            SeedRoom::public("Attic"),
            SeedRoom::public("Balcony").with_messages(2),
            SeedRoom::public("Cellar"),
            SeedRoom::direct("lili").with_messages(1),
        ];
        let (page, ids) = open_with_rooms(test, &mut server, &rooms).await;
        let all = [
            ("Unread", "lili", "1"),
            ("Unread", "Balcony", "2"),
            ("Rooms", "Lobby", ""),
            ("Rooms", "Attic", ""),
            ("Rooms", "Cellar", ""),
        ];
        until_listed(&page, &all).await;
        page.click("#composer-text").await;
        page.press(&keys::with_alt(keys::DOWN)).await;
        until_open(&page, "Attic", &ids[0]).await;
        page.until_focused("composer-text").await;
        page.press(&keys::with_alt(keys::DOWN)).await;
        until_open(&page, "Cellar", &ids[2]).await;
        page.press(&keys::with_alt(keys::UP)).await;
        until_open(&page, "Attic", &ids[0]).await;
        // The one with attention is preferred to the one that is nearer.
        page.press(&keys::with_alt_shift(keys::UP)).await;
        until_open(&page, "lili", &ids[3]).await;
        page.press(&keys::with_alt_shift(keys::DOWN)).await;
        until_open(&page, "Balcony", &ids[1]).await;

        // The quick switcher: rooms with something new first, the best match for a text, and IME-safe.
        page.press(&keys::with_control("k")).await;
        page.until_focused("switcher-field").await;
        page.type_text("c").await;
        let options = "const options = [...document.querySelectorAll('#switcher-list [role=option]')];
            const active = document.getElementById(document.activeElement.getAttribute('aria-activedescendant'));
            const shown = [options.map((option) => option.querySelector('.room-label').textContent).join(), \
                active?.querySelector('.room-label').textContent ?? ''].join(': ');";
        page.until_true(
            "the matches",
            &format!("{options} return shown === 'Cellar,Balcony,Attic: Cellar' || shown"),
        )
        .await;
        page.press(keys::DOWN).await;
        page.until_true("the second one", &format!("{options} return shown.endsWith(': Balcony') || shown"))
            .await;
        page.press(keys::UP).await;
        page.press(keys::UP).await;
        page.until_true("the last one", &format!("{options} return shown.endsWith(': Attic') || shown"))
            .await;
        let compose = "const field = document.querySelector('#switcher-field');
            field.dispatchEvent(new CompositionEvent('compositionstart'));
            field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }));
            field.dispatchEvent(new CompositionEvent('compositionend'))";
        page.eval::<()>(compose, vec![]).await;
        page.until_focused("switcher-field").await;
        page.press(keys::ESCAPE).await;
        page.until_focused("composer-text").await;
        until_open(&page, "Balcony", &ids[1]).await;
        page.press(&keys::with_control("k")).await;
        page.until_focused("switcher-field").await;
        page.type_text("cel").await;
        page.press(keys::ENTER).await;
        until_open(&page, "Cellar", &ids[2]).await;
        page.until_focused("composer-text").await;
        // The search for messages has another key.
        page.press(&keys::with_control_shift("f")).await;
        page.until_focused("search-words").await;
    });
}

#[test]
fn links_back_and_forward_lead_to_rooms() {
    browser_test("links_back_and_forward_lead_to_rooms", async |test| {
        let mut server = Server::start();
        let rooms = [
            SeedRoom::public("Attic").with_topic("What nobody needs any more"),
            SeedRoom::public("Balcony").with_messages(50),
            SeedRoom::public("Cellar").with_messages(1).not_joined(),
        ];
        let (page, ids) = open_with_rooms(test, &mut server, &rooms).await;
        let [attic, balcony, cellar] = [&*ids[0], &*ids[1], &*ids[2]];
        let go = async |direction: &str| page.eval::<()>(&format!("history.{direction}()"), vec![]).await;
        until_open(&page, "Lobby", "lobby").await;
        open_room(&page, attic).await;
        until_open(&page, "Attic", attic).await;
        page.until_true(
            "the topic",
            "return document.querySelector('#room-topic')?.textContent === 'What nobody needs any more'",
        )
        .await;
        open_room(&page, balcony).await;
        until_open(&page, "Balcony", balcony).await;
        page.until("its messages", |view| view.has_sent("Balcony 50")).await;
        go("back").await;
        until_open(&page, "Attic", attic).await;
        go("back").await;
        until_open(&page, "Lobby", "lobby").await;
        go("forward").await;
        until_open(&page, "Attic", attic).await;
        page.reload().await;
        page.until("the connection is back", |view| view.online()).await;
        until_open(&page, "Attic", attic).await;

        // A link to a message.
        let follow =
            async |hash: &str| page.eval::<()>("location.hash = arguments[0]", vec![hash.into()]).await;
        follow(&format!("#/room/{balcony}/7")).await;
        page.until("the message", |view| view.contents().contains(&"Balcony 7")).await;
        let seen = "const { top, bottom } = document.querySelector('#timeline').getBoundingClientRect();
            const row = [...document.querySelectorAll('.row.message')].find((row) => row.textContent.includes('Balcony 7'));
            const box = row?.getBoundingClientRect(); return !!box && box.top >= top && box.bottom <= bottom";
        page.until_true("it is on the screen", seen).await;

        // A fragment that is no screen changes nothing.
        follow("#/nonsense").await;
        page.until_true(
            "the URL of the room",
            &format!("return location.hash.startsWith('#/room/{balcony}') || location.hash"),
        )
        .await;

        // A public room can be joined from its link, one that does not exist cannot.
        follow(&format!("#/room/{}", "9".repeat(32))).await;
        page.click("#join-room").await;
        page.until_true(
            "a refusal",
            "return document.querySelector('.no-room-error').textContent.includes('no such room')",
        )
        .await;
        follow(&format!("#/room/{cellar}")).await;
        page.until_true("no refusal", "return document.querySelector('.no-room-error')?.textContent === ''")
            .await;
        page.click("#join-room").await;
        until_open(&page, "Cellar", cellar).await;

        page.click("#exit").await;
        page.until("the login page", |view| view.login).await;
        page.until_true("a URL without a room", "return location.hash === ''").await;
        // A link that is opened before the login leads to the room after it.
        page.goto(&format!("{}#/room/{attic}", server.url())).await;
        page.submit_login("tom", None).await;
        page.until("the page", |view| view.online()).await;
        page.until_true(
            "the new account is not in the room",
            "return !!document.querySelector('#join-room')",
        )
        .await;
        page.until_true("its URL", &format!("return location.hash === '#/room/{attic}' || location.hash"))
            .await;
    });
}

#[test]
fn invitation_takes_the_place_of_the_room_and_its_menu() {
    browser_test("invitation_takes_the_place_of_the_room_and_its_menu", async |test| {
        let mut server = Server::start();
        let rooms = [SeedRoom::public("Attic"), SeedRoom::invitation("Cellar")];
        let (page, ids) = open_with_rooms(test, &mut server, &rooms).await;
        open_room(&page, &ids[0]).await;
        until_open(&page, "Attic", &ids[0]).await;
        // The menu is removed with the focus in it.
        page.click("#room-menu").await;
        page.press(keys::ESCAPE).await;
        page.until_focused("room-menu").await;
        page.eval::<()>("location.hash = arguments[0]", vec![format!("#/room/{}", ids[1]).into()]).await;
        until_open(&page, "Cellar", &ids[1]).await;
        let alone = "const shown = (selector) => !!document.querySelector(selector)?.checkVisibility({ visibilityProperty: true });
            const others = ['#room-menu', '#roster-toggle', '#search-toggle', '#roster', '#composer', '#timeline'].filter(shown);
            return shown('#invitation') && !others.length || others";
        page.until_true("the invitation alone", alone).await;
        page.click("#invitation-accept").await;
        page.until_true(
            "the room",
            "return !!document.querySelector('#room-menu') && !!document.querySelector('#composer')",
        )
        .await;
    });
}
