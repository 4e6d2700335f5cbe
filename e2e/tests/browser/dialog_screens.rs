//! Screenshots of every dialog in two sizes, two themes and two languages, stored in `target/screenshots/`; and automatic checks
//! of layout, contrast and accessibility on each.

use std::{fs, time::Duration};

use parlour_e2e::{Environment, Page, Server, TestContext, WindowOptions, browser_test_within, keys};
use serde_json::{Value, json};

/// Maximum duration of a test, which takes fifty screenshots and checks each of them.
const DEADLINE: Duration = Duration::from_secs(600);

const SIZES: [(u32, u32); 2] = [(1280, 800), (390, 844)];

/// Script that returns the problems of a screen as sentences.
const CHECK_SCREEN: &str = include_str!("screenshots/check_screen.js");

/// Script that excludes what is behind the dialog from the checks; the screenshots of the rooms check that.
const HIDE_REST: &str = "for (const part of document.querySelectorAll('#room > *')) {
    if (document.querySelector('dialog') && !part.querySelector('dialog')) {
        part.dataset.inert = part.inert;
        part.inert = true;
    }
}";
const SHOW_REST: &str = "for (const part of document.querySelectorAll('[data-inert]')) {
    part.inert = part.dataset.inert === 'true';
    delete part.dataset.inert;
}";

/// Takes screenshots of the open dialog and returns the problems found.
async fn shoot(page: &Page, name: &str, language: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (width, height) in SIZES {
        page.resize(width, height).await;
        for theme in ["light", "dark"] {
            // The menu of themes is behind the dialog.
            let choose = "const menu = document.querySelector('#theme'); menu.value = arguments[0];
                menu.dispatchEvent(new Event('change', { bubbles: true }))";
            page.eval::<()>(choose, vec![theme.into()]).await;
            page.until("the theme", |view| view.theme.as_deref() == Some(theme)).await;
            page.stable_value("document.querySelector('dialog')?.getBoundingClientRect().height ?? 0").await;
            let file = format!("dialog-{name}-{width}x{height}-{theme}-{language}.png");
            fs::write(Environment::target("screenshots").join(&file), page.screenshot().await).unwrap();
            page.eval::<()>(HIDE_REST, vec![]).await;
            let found: Vec<String> = page.eval(CHECK_SCREEN, vec![]).await;
            page.eval::<()>(SHOW_REST, vec![]).await;
            let concerns_room = |problem: &&String| {
                ["the composer", "the newest"].iter().any(|start| problem.starts_with(start))
            };
            let found = found.iter().filter(|problem| !concerns_room(problem));
            problems.extend(found.map(|problem| format!("{file}: {problem}")));
            let found = [unnamed(page).await, page.axe_violations().await].concat();
            problems.extend(found.into_iter().map(|problem| format!("{file}: {problem}")));
        }
    }
    page.resize(1280, 800).await;
    problems
}

/// Controls without an accessible name, as computed by the browser.
async fn unnamed(page: &Page) -> Vec<String> {
    page.devtools("Accessibility.enable", json!({})).await;
    let tree = page.devtools("Accessibility.getFullAXTree", json!({})).await;
    let text = |node: &Value, name: &str| node[name]["value"].as_str().unwrap_or_default().to_owned();
    let named = [
        "button",
        "textbox",
        "searchbox",
        "combobox",
        "listbox",
        "dialog",
        "radio",
        "radiogroup",
        "switch",
        "option",
        "image",
    ];
    let nodes = tree["nodes"].as_array().unwrap().iter();
    nodes
        .filter(|node| node["ignored"] == false && named.contains(&&*text(node, "role")))
        .filter(|node| text(node, "name").trim().is_empty())
        .map(|node| format!("a {} without a name", text(node, "role")))
        .collect()
}

async fn close(page: &Page) {
    page.press(keys::ESCAPE).await;
    page.until_none("dialog").await;
}

async fn create_room(page: &Page, name: &str, topic: &str) {
    page.open_dialog("rooms-menu", "create-room").await;
    page.fill("#create-room-name", name).await;
    page.fill("#create-room-topic", topic).await;
    page.submit_dialog().await;
}

async fn shoot_all(test: &TestContext, language: &str, tag: &str) -> Vec<String> {
    let mut server = Server::start();
    let page = test.open_blank("page", WindowOptions { language }).await;
    let reduced_motion = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    page.devtools("Emulation.setEmulatedMedia", reduced_motion).await;
    page.goto(&server.url()).await;
    page.resize(1280, 800).await;
    page.log_in("李明").await;
    let mut peers = Vec::new();
    for nick in ["Ann", "Bartholomew of the long name", "محمد"] {
        let peer = test.open(nick, &server.url()).await;
        peer.log_in(nick).await;
        peers.push(peer);
    }
    create_room(&peers[0], "Cooking", "Recipes, and what became of them").await;
    create_room(&peers[0], "A room with a name that is as long as names of rooms can be", "").await;
    create_room(&peers[1], "Gardening", "Seeds, soil and slugs; and a topic that is too long for a single line of the list of rooms, so it is cut off somewhere").await;

    let mut problems = Vec::new();
    page.open_dialog("rooms-menu", "create-room").await;
    page.click("dialog button[type=submit]").await;
    page.until_focused("create-room-name").await;
    let refused = "return !!document.querySelector('#create-room-name-error').textContent";
    page.until_true("an error", refused).await;
    problems.extend(shoot(&page, "create-room", tag).await);
    close(&page).await;

    page.open_dialog("rooms-menu", "browse-rooms").await;
    page.until_true("rooms", "return document.querySelectorAll('.public-room').length === 3").await;
    problems.extend(shoot(&page, "browse-rooms", tag).await);
    close(&page).await;

    page.open_dialog("rooms-menu", "direct-message").await;
    page.until_true("people", "return document.querySelectorAll('.person').length === 3").await;
    for _ in 0..2 {
        page.press(keys::DOWN).await;
        page.press(keys::ENTER).await;
    }
    page.until_true("two are chosen", "return document.querySelectorAll('.chip').length === 2").await;
    problems.extend(shoot(&page, "direct-message", tag).await);
    close(&page).await;

    page.open_dialog("account-menu", "change-nick").await;
    problems.extend(shoot(&page, "change-nick", tag).await);
    close(&page).await;

    page.open_dialog("account-menu", "link-device").await;
    page.until_true("a QR code", "return !!document.querySelector('#link-device-qr path')").await;
    problems.extend(shoot(&page, "link-device", tag).await);
    close(&page).await;
    page.eval::<()>("location.hash = '#/link/code'", vec![]).await;
    page.until_true("what the link does", "return !!document.querySelector('#unused-link-dialog:modal')")
        .await;
    problems.extend(shoot(&page, "unused-link", tag).await);
    close(&page).await;

    create_room(&page, "Chess", "Openings").await;
    page.send("/invite Ann").await;
    page.until_true("Ann is invited", "return !!document.querySelector('#outcome').textContent").await;
    page.open_dialog("room-menu", "room-settings").await;
    page.until_true("members", "return document.querySelectorAll('.member').length === 2").await;
    problems.extend(shoot(&page, "room-settings", tag).await);
    close(&page).await;
    page.open_dialog("room-menu", "invite-people").await;
    page.until_true("people", "return document.querySelectorAll('.person').length === 3").await;
    problems.extend(shoot(&page, "invite-people", tag).await);
    close(&page).await;
    page.open_dialog("room-menu", "room-settings").await;
    page.click("#room-settings-leave").await;
    page.until_true("a question", "return !!document.querySelector('#leave-room-dialog:modal')").await;
    problems.extend(shoot(&page, "leave-room", tag).await);
    close(&page).await;

    peers[0].send("/invite 李明").await;
    let listed = "const link = [...document.querySelectorAll('#room-list a')].find((link) =>
        link.textContent.includes('A room with a name')); link?.click(); return !!document.querySelector('#invitation')";
    page.until_true("an invitation", listed).await;
    problems.extend(shoot(&page, "invitation", tag).await);

    page.click("#rooms-menu").await;
    page.click("#direct-message").await;
    page.until_true("people", "return document.querySelectorAll('.person').length === 3").await;
    page.press(keys::DOWN).await;
    page.press(keys::ENTER).await;
    page.click("dialog button[type=submit]").await;
    page.until_true("the conversation", "return !document.querySelector('dialog')").await;
    page.open_dialog("room-menu", "room-settings").await;
    problems.extend(shoot(&page, "conversation-settings", tag).await);
    close(&page).await;

    page.expect_lost_connections();
    peers.iter().for_each(Page::expect_lost_connections);
    server.kill();
    page.until("the connection is lost", |view| view.connection.as_deref() == Some("reconnecting")).await;
    page.send("unsent").await;
    page.until("it waits", |view| view.has_in_state("unsent", "queued")).await;
    page.click("#exit").await;
    page.until_true("a question", "return !!document.querySelector('#log-out-dialog:modal')").await;
    problems.extend(shoot(&page, "log-out", tag).await);
    problems
}

#[test]
fn dialogs_have_no_problems() {
    browser_test_within(DEADLINE, "dialogs_have_no_problems", async |test| {
        fs::create_dir_all(Environment::target("screenshots")).unwrap();
        let problems = shoot_all(test, "en-US", "en").await;
        assert!(problems.is_empty(), "{} problems: {problems:#?}", problems.len());
    });
}

#[test]
fn dialogs_in_chinese_have_no_problems() {
    browser_test_within(DEADLINE, "dialogs_in_chinese_have_no_problems", async |test| {
        fs::create_dir_all(Environment::target("screenshots")).unwrap();
        let problems = shoot_all(test, "zh-CN", "zh-CN").await;
        assert!(problems.is_empty(), "{} problems: {problems:#?}", problems.len());
    });
}
