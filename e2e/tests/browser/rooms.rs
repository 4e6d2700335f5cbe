//! The room list; in `ways` the ways from room to room, in `narrow` the screens of a narrow viewport, and in `unanswered` what is
//! not known yet.

mod narrow;
mod unanswered;
mod ways;

use parlour_e2e::{DesktopPeer, Page, SeedRoom, Server, TestContext, browser_test, keys};

/// The rows in the document by section, in their order.
const READ_LIST: &str = r"
    const text = (element, selector) => element?.querySelector(selector)?.textContent ?? '';
    const list = [...document.querySelectorAll('#room-list .room-item')].map((item) => ({
        badge: text(item, '.badge'), name: text(item, '.room-label'), section: text(item.closest('section'), 'h2'),
    }));
";

/// Opens a page whose account is in these rooms and in the lobby. Returns the ids of the rooms in hexadecimal digits.
async fn open_with_rooms(test: &TestContext, server: &mut Server, rooms: &[SeedRoom]) -> (Page, Vec<String>) {
    let page = test.open("tom", &server.url()).await;
    page.resize(1280, 800).await;
    let ids = page.log_in_with_rooms("tom", server, rooms).await;
    (page, ids)
}

/// Waits until the list shows rooms with these sections, names and badges.
async fn until_listed(page: &Page, expected: &[(&str, &str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(section, name, badge)| serde_json::json!({ "section": section, "name": name, "badge": badge }))
        .collect();
    let expected = serde_json::to_string(&expected).unwrap();
    let script = format!("{READ_LIST} return JSON.stringify(list) === JSON.stringify({expected}) || list");
    page.until_true(&format!("the list {expected}"), &script).await;
}

/// Waits until a room is open, beside its link in the list and in the URL.
async fn until_open(page: &Page, name: &str, id: &str) {
    page.until_room_open(name, id).await;
}

async fn open_room(page: &Page, id: &str) {
    page.click(&format!("#room-list a[data-room='{id}']")).await;
}

/// Reads the `numbers` of the rooms in the viewport of the list; returns what is wrong unless its rows are complete and those of
/// consecutive rooms.
const VISIBLE_NUMBERS: &str = r"
    const viewport = document.querySelector('#room-list'), { top, bottom } = viewport.getBoundingClientRect();
    const box = (e) => e.getBoundingClientRect();
    const rows = [...viewport.querySelectorAll('.room-row')].filter((row) => box(row).bottom > top && box(row).top < bottom);
    const numbers = rows.map((row) => Number(/\d+/.exec(row.textContent)?.[0] ?? 0));
    if (!rows.length || numbers.some((n, at) => at > 0 && n !== numbers[at - 1] + 1)) return `not consecutive: ${numbers}`;
    if (box(rows[0]).top > top + 80 || box(rows.at(-1)).bottom < bottom - 80) return `not complete: ${numbers}`;
";

#[test]
fn thousand_rooms_are_scrolled_and_searched() {
    browser_test("thousand_rooms_are_scrolled_and_searched", async |test| {
        let mut server = Server::start();
        let rooms: Vec<_> = (1..=1000).map(|n| SeedRoom::public(&format!("Room {n:04}"))).collect();
        let (page, ids) = open_with_rooms(test, &mut server, &rooms).await;
        let size = "return document.querySelector('#room-list li').getAttribute('aria-setsize') === '1001'";
        page.until_true("all rooms are in the list", size).await;

        // Every part of the list can be reached, and few rows are in the document.
        for part in [0.0, 0.5, 0.1, 0.99, 0.33, 1.0] {
            let scroll = "const list = document.querySelector('#room-list'); \
                list.scrollTop = arguments[0] * (list.scrollHeight - list.clientHeight)";
            page.eval::<()>(scroll, vec![part.into()]).await;
            let near = format!(
                "{VISIBLE_NUMBERS} return Math.abs(numbers[numbers.length >> 1] - {part} * 1000) < 20 || numbers"
            );
            page.until_true(&format!("rooms at {part}"), &near).await;
            let rows: usize =
                page.eval("return document.querySelectorAll('#room-list li').length", vec![]).await;
            assert!(rows <= 80, "{rows} rows are in the document");
        }

        // One row is a stop of the tab key; arrow keys lead to the others, also to those that are not in the document.
        let stops: usize = page
            .eval("return document.querySelectorAll('#room-list a[tabindex=\"0\"]').length", vec![])
            .await;
        assert_eq!(stops, 1);
        let focused = |name: &str| {
            format!(
                "const name = document.activeElement.querySelector('.room-label')?.textContent; return name === '{name}' || name"
            )
        };
        page.eval::<()>("document.querySelector('#room-list a[tabindex=\"0\"]').focus()", vec![]).await;
        page.press(keys::END).await;
        page.until_true("the last room has the focus", &focused("Room 1000")).await;
        page.press(keys::UP).await;
        page.until_true("the room above", &focused("Room 0999")).await;
        page.eval::<()>("document.querySelector('#room-list').scrollTop = 0", vec![]).await;
        page.until_true("the first rooms", &format!("{VISIBLE_NUMBERS} return numbers.includes(1)")).await;
        page.press(keys::DOWN).await;
        page.until_true("the focus is where it was", &focused("Room 1000")).await;
        page.until_true(
            "it is visible",
            &format!("{VISIBLE_NUMBERS} return numbers.includes(1000) || numbers"),
        )
        .await;
        page.press(keys::HOME).await;
        page.until_true("the first room has the focus", &focused("Lobby")).await;

        // The search finds rooms by any part of their names, the lobby by the name that is shown, and announces the number.
        page.record_announcements("nav [role=status]:last-child").await;
        page.fill("#room-search", "077").await;
        let names = "return [...document.querySelectorAll('#room-list .room-label')].map((name) => name.textContent).join()";
        let found = (0..10).map(|n| format!("Room 077{n}")).chain(["Room 0077".into()]);
        let mut found: Vec<_> = found.collect();
        found.sort();
        let sorted = format!("{} === '{}'", names.replace(".join()", ".sort().join()"), found.join(","));
        page.until_true("the rooms found", &sorted).await;
        page.until_announced("nav [role=status]:last-child", "11 rooms found", 1).await;
        page.fill("#room-search", "lob").await;
        page.until_true("the lobby", &format!("{names} === 'Lobby'")).await;
        page.fill("#room-search", "nothing").await;
        page.until_true(
            "a note",
            "return document.querySelector('.room-note').textContent.includes('No room')",
        )
        .await;
        page.press(keys::ESCAPE).await;
        page.until_true("all rooms again", size).await;
        page.fill("#room-search", "0500").await;
        page.until_true("one room", &format!("{names} === 'Room 0500'")).await;
        page.press(keys::ENTER).await;
        until_open(&page, "Room 0500", &ids[499]).await;
        page.until_focused("composer-text").await;
        let field: String = page.eval("return document.querySelector('#room-search').value", vec![]).await;
        assert_eq!(field, "", "the search ends when a room is opened");
        page.until_true(
            "its row is visible",
            &format!("{VISIBLE_NUMBERS} return numbers.includes(500) || numbers"),
        )
        .await;
    });
}

#[test]
fn badges_show_what_is_unread() {
    browser_test("badges_show_what_is_unread", async |test| {
        let mut server = Server::start();
        let rooms = [
            SeedRoom::public("Attic").with_messages(3),
            SeedRoom::public("Balcony").with_messages(120),
            SeedRoom::direct("lili").with_messages(2),
            SeedRoom::invitation("Cellar"),
            SeedRoom::public("Dungeon").archived(),
        ];
        let (page, ids) = open_with_rooms(test, &mut server, &rooms).await;
        until_listed(
            &page,
            &[
                ("Invitations", "Cellar", "!"),
                ("Unread", "lili", "2"),
                ("Unread", "Attic", "3"),
                ("Unread", "Balcony", "99+"),
                ("Rooms", "Lobby", ""),
            ],
        )
        .await;
        let spoken = format!(
            "return document.querySelector('a[data-room=\"{}\"]').textContent.replaceAll(/\\s+/g, ' ')",
            ids[0]
        );
        assert_eq!(page.eval::<String>(&spoken, vec![]).await, "Attic 33 unread messages");
        let live: usize = page
            .eval(
                "return document.querySelectorAll('.room-rows [aria-live], .room-rows [role=status]').length",
                vec![],
            )
            .await;
        assert_eq!(live, 0, "a badge is not announced each time that it changes");

        // Archived rooms are below the heading of their section if it is open, and the open one always is.
        let dungeon = |is_listed: bool| {
            format!(
                "{READ_LIST} return list.some((room) => room.name === 'Dungeon' && room.section === 'Archived 1') === {is_listed} || list"
            )
        };
        page.until_true("no archived room", &dungeon(false)).await;
        page.click("#rooms-archived").await;
        page.until_true("the archived room", &dungeon(true)).await;
        page.click("#rooms-archived").await;
        page.until_true("no archived room", &dungeon(false)).await;
        page.click("#rooms-archived").await;

        // Another member writes in the lobby while another room is open.
        open_room(&page, &ids[4]).await;
        page.click("#rooms-archived").await;
        page.until_true(
            "it is closed",
            "return document.querySelector('#rooms-archived').ariaExpanded === 'false'",
        )
        .await;
        page.until_true("the open archived room", &dungeon(true)).await;
        until_open(&page, "Dungeon", &ids[4]).await;
        page.until_true("no composer in an archived room", "return !document.querySelector('#composer')")
            .await;
        let mut ann = DesktopPeer::connect(server.address(), "ann");
        ann.send("one");
        ann.send("two");
        let unread = |name: &str, badge: &str| {
            format!(
                "{READ_LIST} return list.some((room) => room.name === '{name}' && room.badge === '{badge}') || list"
            )
        };
        page.until_true("two messages", &unread("Lobby", "2")).await;

        // The menus mark rooms as read and unread.
        open_room(&page, &ids[0]).await;
        until_open(&page, "Attic", &ids[0]).await;
        page.until_true("it is read", &unread("Attic", "")).await;
        page.click("#room-menu").await;
        page.until_focused("mark-unread").await;
        page.press(keys::ENTER).await;
        page.until_true("one message is unread", &unread("Attic", "1")).await;
        page.until_focused("room-menu").await;
        page.click("#room-menu").await;
        page.click("#mark-read").await;
        page.until_true("it is read again", &unread("Attic", "")).await;
        page.click("#room-menu").await;
        page.click("#mute-room").await;
        let muted = format!(
            "return document.querySelector('a[data-room=\"{}\"]').classList.contains('muted')",
            ids[0]
        );
        page.until_true("it is muted", &muted).await;
        page.click("#rooms-menu").await;
        page.click("#mark-all-read").await;
        until_listed(
            &page,
            &[
                ("Invitations", "Cellar", "!"),
                ("Unread", "Attic", ""),
                ("Direct messages", "lili", ""),
                ("Rooms", "Lobby", ""),
                ("Rooms", "Balcony", ""),
            ],
        )
        .await;
    });
}
