//! Links to rooms and messages: opened in a new document, in another tab, without the right to read the room, and with back and
//! forward; and what the keys and the switcher do beside them.

use parlour_e2e::{Page, SeedRoom, Server, TestContext, browser_test, keys};
use serde_json::Value;

/// Opens a page of an account that is in these rooms. Returns their ids.
async fn open(test: &TestContext, server: &mut Server, rooms: &[SeedRoom]) -> (Page, Vec<String>) {
    let page = test.open("tom", &server.url()).await;
    page.resize(1280, 800).await;
    page.expect_lost_connections();
    page.log_in("tom").await;
    server.stop().await;
    let ids = server.add_rooms("tom", rooms);
    server.restart();
    page.reconnect_now().await;
    page.until("the connection is back", |view| view.online()).await;
    for id in rooms.iter().zip(&ids).filter_map(|(room, id)| room.is_listed().then_some(id)) {
        let listed = format!("return !!document.querySelector('#room-list a[data-room=\"{id}\"]')");
        page.until_true("the room is in the list", &listed).await;
    }
    (page, ids)
}

/// Opens a link as from another program: in a new document.
async fn open_cold(page: &Page, url: &str) {
    page.client().goto("about:blank").await.unwrap();
    page.goto(url).await;
    page.until("the page", |view| view.online()).await;
}

/// Waits until a message is on the screen as a whole.
async fn until_on_screen(page: &Page, text: &str) {
    let text = Value::from(text);
    let script = format!(
        "const {{ top, bottom }} = document.querySelector('#timeline').getBoundingClientRect();
         const rows = [...document.querySelectorAll('.row.message')];
         const row = rows.find((row) => row.querySelector('.content').textContent === {text});
         const box = row?.getBoundingClientRect();
         if (box && box.top >= top && box.bottom <= bottom) return true;
         const seen = rows.filter((row) => {{
             const box = row.getBoundingClientRect(); return box.bottom > top && box.top < bottom;
         }});
         return seen.map((row) => row.querySelector('.content').textContent)"
    );
    page.until_true(&format!("{text} is on the screen"), &script).await;
}

/// Waits until the URL has this fragment.
async fn until_fragment(page: &Page, fragment: &str) {
    let script = format!("return location.hash === '{fragment}' || location.hash");
    page.until_true(&format!("the fragment {fragment}"), &script).await;
}

#[test]
fn link_leads_to_its_message_in_a_new_document() {
    browser_test("link_leads_to_its_message_in_a_new_document", async |test| {
        let mut server = Server::start();
        let rooms = [SeedRoom::public("Balcony").with_messages(400), SeedRoom::public("Attic")];
        let (page, ids) = open(test, &mut server, &rooms).await;
        let to = |ord: &str| format!("{}#/room/{}{ord}", server.url(), ids[0]);
        open_cold(&page, &to("/7")).await;
        page.until_text("#room-name", "Balcony").await;
        until_on_screen(&page, "Balcony 7").await;

        // Also in a tab beside another one, and after a reload.
        page.reload().await;
        page.until("the connection is back", |view| view.online()).await;
        until_on_screen(&page, "Balcony 7").await;
        let first = page.tab().await;
        page.open_tab(&to("/200")).await;
        page.submit_login("tom", None).await;
        page.until("the page", |view| view.online()).await;
        until_on_screen(&page, "Balcony 200").await;
        page.switch_to(&first).await;
        until_on_screen(&page, "Balcony 7").await;

        // In the same document, with back and forward.
        let follow =
            async |hash: &str| page.eval::<()>("location.hash = arguments[0]", vec![hash.into()]).await;
        let hash = |ord: u32| format!("#/room/{}/{ord}", ids[0]);
        follow(&hash(300)).await;
        until_on_screen(&page, "Balcony 300").await;
        page.open_listed("Attic").await;
        page.eval::<()>("history.back()", vec![]).await;
        until_on_screen(&page, "Balcony 300").await;
        until_fragment(&page, &hash(300)).await;
        page.eval::<()>("history.back()", vec![]).await;
        until_on_screen(&page, "Balcony 7").await;
        page.eval::<()>("history.forward()", vec![]).await;
        until_on_screen(&page, "Balcony 300").await;
        // The same link once more, after scrolling away.
        page.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        until_on_screen(&page, "Balcony 1").await;
        page.open_listed("Attic").await;
        follow(&hash(300)).await;
        until_on_screen(&page, "Balcony 300").await;
        // The same, while its room is shown.
        page.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        until_on_screen(&page, "Balcony 1").await;
        let click = "const link = document.createElement('a');
            link.href = arguments[0]; document.body.append(link); link.click(); link.remove()";
        page.eval::<()>(click, vec![hash(300).into()]).await;
        until_on_screen(&page, "Balcony 300").await;
    });
}

#[test]
fn link_to_a_message_that_does_not_exist_leads_to_the_nearest_one() {
    browser_test("link_to_a_message_that_does_not_exist_leads_to_the_nearest_one", async |test| {
        let mut server = Server::start();
        let rooms = [SeedRoom::public("Balcony").with_messages(400)];
        let (page, ids) = open(test, &mut server, &rooms).await;
        let url = server.url();
        let to = |ord: u32| format!("{url}#/room/{}/{ord}", ids[0]);
        open_cold(&page, &to(99_999)).await;
        until_on_screen(&page, "Balcony 400").await;
        // The server has deleted the oldest messages.
        server.stop().await;
        server.restart_with(&["--keep-messages", "100"]);
        open_cold(&page, &to(7)).await;
        until_on_screen(&page, "Balcony 301").await;
        page.send_and_wait("still usable").await;
    });
}

#[test]
fn link_to_a_room_of_others_says_so() {
    browser_test("link_to_a_room_of_others_says_so", async |test| {
        let server = Server::start();
        let ann = test.open("ann", &server.url()).await;
        ann.resize(1280, 800).await;
        ann.log_in("ann").await;
        ann.create_room("secrets", "private").await;
        ann.send_and_wait("nobody else may read this").await;
        let link: String = ann.eval("return location.href", vec![]).await;
        let fragment = link.split_once('#').unwrap().1;

        let tom = test.open("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        for link in [link.clone(), format!("{link}/1"), format!("{link}/members")] {
            open_cold(&tom, &link).await;
            tom.until_text("#no-room h2", "You are not in this room").await;
            let shown: String = tom.eval("return document.body.innerText", vec![]).await;
            assert!(!shown.contains("nobody else") && !shown.contains("secrets"), "{shown}");
            // Nothing can be written into a room that is not shown.
            let composer = "return document.querySelector('#composer')?.checkVisibility({ visibilityProperty: true }) ?? false";
            assert!(!tom.eval::<bool>(composer, vec![]).await, "a composer is shown");
        }
        tom.click("#join-room").await;
        tom.until_true("a refusal", "return document.querySelector('.no-room-error').textContent !== ''")
            .await;
        tom.until_text(".no-room-error", "There is no such room.").await;
        // An invitation opens it.
        ann.send("/invite tom").await;
        tom.until_text("#invitation-text", "You are invited to secrets.").await;
        let hash: String = tom.eval("return location.hash", vec![]).await;
        assert!(hash.starts_with(&format!("#{fragment}")), "{hash}");
        tom.click("#invitation-accept").await;
        tom.until("the message", |view| view.has_sent("nobody else may read this")).await;
    });
}

/// The rooms that the switcher offers, and the one that is chosen by Enter, after checking the attributes that screen readers
/// need.
const OFFERED: &str = r"
    const field = document.querySelector('#switcher-field'), list = document.querySelector('#switcher-list');
    if (document.activeElement !== field) return 'the field has no focus';
    const options = [...list.querySelectorAll('[role=option]')];
    const names = options.map((option) => option.querySelector('.room-label').textContent);
    const selected = options.filter((option) => option.ariaSelected === 'true');
    const active = document.getElementById(field.getAttribute('aria-activedescendant') ?? 'none');
    const expected = { role: 'combobox', 'aria-expanded': String(options.length > 0), 'aria-controls': 'switcher-list',
        'aria-autocomplete': 'list' };
    for (const [name, value] of Object.entries(expected)) {
        if (field.getAttribute(name) !== value) return `${name} is ${field.getAttribute(name)}`;
    }
    if (list.getAttribute('role') !== 'listbox' || !list.ariaLabel || !field.ariaLabel) return 'no listbox, or no name';
    if (selected.length !== Math.min(1, options.length) || active !== (selected[0] ?? null)) return 'another option is selected';
    const shown = `${names}: ${active?.querySelector('.room-label').textContent ?? ''}`;
";

#[test]
fn switcher_is_usable_with_input_methods_and_screen_readers() {
    browser_test("switcher_is_usable_with_input_methods_and_screen_readers", async |test| {
        let mut server = Server::start();
        let rooms = [
            SeedRoom::public("Attic"),
            SeedRoom::public("Ätna").with_messages(2),
            SeedRoom::public("上海").with_messages(1),
            SeedRoom::direct("lili").with_messages(1),
        ];
        let (page, _) = open(test, &mut server, &rooms).await;
        let offers = async |expected: &str| {
            let script = format!("{OFFERED} return shown === '{expected}' || shown");
            page.until_true(&format!("the switcher offers {expected}"), &script).await;
        };
        page.click("#composer-text").await;
        page.press(&keys::with_control("k")).await;
        // What asks for attention comes first, then what is unread, but not the open room.
        offers("lili,Ätna,上海,Attic: lili").await;
        page.press(keys::UP).await;
        offers("lili,Ätna,上海,Attic: Attic").await;
        page.press(keys::DOWN).await;
        offers("lili,Ätna,上海,Attic: lili").await;
        page.type_text("ATN").await;
        offers("Ätna: Ätna").await;
        page.type_text("x").await;
        offers(": ").await;
        page.until_text("#switcher [role=status]", "No room or person of yours has this name.").await;
        page.press(keys::ENTER).await;
        page.press(keys::DOWN).await;
        offers(": ").await;

        // While an input method composes, its keys neither choose nor close, and nothing is searched for.
        let key = async |kind: &str, key: &str, code: u32, composing: bool| {
            let script = "const field = document.querySelector('#switcher-field'), [kind, key, keyCode, isComposing] = arguments;
                const event = kind === 'keydown' ? new KeyboardEvent(kind, { key, keyCode, isComposing, bubbles: true, cancelable: true })
                    : kind === 'input' ? new InputEvent(kind, { isComposing, bubbles: true })
                    : new CompositionEvent(kind, { bubbles: true });
                if (key && kind === 'input') field.value = key;
                field.dispatchEvent(event);";
            page.eval::<()>(script, vec![kind.into(), key.into(), code.into(), composing.into()]).await;
        };
        page.fill("#switcher-field", "").await;
        offers("lili,Ätna,上海,Attic: lili").await;
        key("compositionstart", "", 0, true).await;
        key("input", "shang", 0, true).await;
        for pressed in ["ArrowDown", "Enter"] {
            key("keydown", pressed, 229, true).await;
        }
        page.eval::<()>(
            "document.querySelector('#switcher').dispatchEvent(new Event('cancel', { cancelable: true }))",
            vec![],
        )
        .await;
        offers("lili,Ätna,上海,Attic: lili").await;
        key("input", "上", 0, true).await;
        key("compositionend", "", 0, false).await;
        offers("上海: 上海").await;
        // Safari reports the Enter that ends a composition after it.
        key("keydown", "Enter", 229, false).await;
        offers("上海: 上海").await;
        page.press(keys::ESCAPE).await;
        page.until_none("#switcher").await;
        page.until_text("#room-name", "Lobby").await;
        page.until_focused("composer-text").await;

        // By a click, and closed by the same keys.
        page.press(&keys::with_control("k")).await;
        page.type_text("lil").await;
        offers("lili: lili").await;
        page.click("#switcher-list [role=option]").await;
        page.until_text("#room-name", "lili").await;
        page.until_none("#switcher").await;
        page.until_focused("composer-text").await;
        page.press(&keys::with_control("k")).await;
        page.until_focused("switcher-field").await;
        page.press(&keys::with_control("k")).await;
        page.until_none("#switcher").await;
        page.until_focused("composer-text").await;
    });
}

#[test]
fn list_is_searched_with_an_input_method_and_arrow_keys() {
    browser_test("list_is_searched_with_an_input_method_and_arrow_keys", async |test| {
        let mut server = Server::start();
        let rooms = [
            SeedRoom::public("Attic"),
            SeedRoom::public("上海").with_messages(1),
            SeedRoom::direct("Attila").with_messages(3),
        ];
        let (page, ids) = open(test, &mut server, &rooms).await;
        let event = async |kind: &str, text: &str| {
            let script = "const field = document.querySelector('#room-search'), [kind, text] = arguments;
                if (kind === 'input') field.value = text;
                const all = { bubbles: true, cancelable: true, isComposing: kind !== 'compositionend', key: text };
                field.dispatchEvent(kind === 'keydown' ? new KeyboardEvent(kind, all)
                    : kind === 'input' ? new InputEvent(kind, all) : new CompositionEvent(kind, all));";
            page.eval::<()>(script, vec![kind.into(), text.into()]).await;
        };
        let all = [
            ("Unread", "Attila", "3"),
            ("Unread", "上海", "1"),
            ("Rooms", "Lobby", ""),
            ("Rooms", "Attic", ""),
        ];
        page.until_listed(&all).await;
        page.click("#room-search").await;
        event("compositionstart", "").await;
        event("input", "shang").await;
        event("keydown", "Enter").await;
        page.until_listed(&all).await;
        page.until_text("#room-name", "Lobby").await;
        event("input", "上").await;
        event("compositionend", "").await;
        page.until_listed(&[("", "上海", "1")]).await;
        page.press(keys::ESCAPE).await;
        page.until_listed(&all).await;
        page.until_focused("room-search").await;
        // Without a text Enter chooses nothing. The key after it is handled later.
        page.press(keys::ENTER).await;
        page.type_text("s").await;
        page.press(keys::ESCAPE).await;
        page.until_listed(&all).await;
        page.until_text("#room-name", "Lobby").await;

        // The results are a list of its own, without sections; the arrow keys lead into it.
        page.type_text("att").await;
        page.until_listed(&[("", "Attila", "3"), ("", "Attic", "")]).await;
        page.press(keys::DOWN).await;
        let focused = |name: &str| {
            format!(
                "const name = document.activeElement.querySelector('.room-label')?.textContent; return name === '{name}' || name"
            )
        };
        page.until_true("the first result has the focus", &focused("Attila")).await;
        page.press(keys::DOWN).await;
        page.until_true("the second result has the focus", &focused("Attic")).await;
        page.press(keys::ENTER).await;
        page.until_text("#room-name", "Attic").await;
        until_fragment(&page, &format!("#/room/{}", ids[0])).await;
        page.until_listed(&all).await;

        // The next room with something unread, as long as there is one.
        for name in ["Attila", "上海"] {
            page.press(&keys::with_alt_shift(keys::DOWN)).await;
            page.until_text("#room-name", name).await;
        }
        // Nothing is unread any more, so the first key does nothing.
        page.press(&keys::with_alt_shift(keys::DOWN)).await;
        page.press(&keys::with_alt(keys::DOWN)).await;
        page.until_text("#room-name", "Attila").await;
        page.press(&keys::with_alt(keys::UP)).await;
        page.press(&keys::with_alt(keys::UP)).await;
        page.until_text("#room-name", "Attic").await;
    });
}
