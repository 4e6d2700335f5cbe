//! Screenshots of messages with markup.

use parlour_e2e::{DesktopPeer, Server, TestContext, browser_test_within};

use super::{SCREENS_DEADLINE, Screenshots, open_window};

const MARKUP: [&str; 4] = [
    "# Release 2.1\nThe **new build** is *much* faster, ~~and smaller~~. See https://parlour.example/changes_(2026).",
    "> Does it run on the old machine?\n> The one in the lab?\nYes: `cargo xtask run` is all it needs. The password is ||swordfish||.",
    "Two steps:\n1. stop the server\n2. replace the program\n\n- first\n- second with [a link](https://example.org/)",
    "```rust\nfn main() {\n    println!(\"a line that is longer than the bubble of a message on a phone, so that it is scrolled\");\n}\n```\n中文也可以**加粗**。",
];

/// Links that show where they lead, emoji, and a table that was pasted.
const LINKS: [&str; 4] = [
    "👍🏽 🏳\u{FE0F}\u{200D}🌈 ❤\u{FE0F}",
    "```\nname   size\n李小龙     12\nanna      7\n```",
    "[https://bank.example](https://evil.example/), https://\u{440}\u{430}y.example/ and https://例え.jp/",
    "👍 thanks",
];

/// Messages with markup, of others and own ones.
async fn markup_screens(test: &TestContext, language: &str) {
    let server = Server::start();
    let page = open_window(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    page.goto(&server.url()).await;
    page.log_in("tom").await;
    let mut lili = DesktopPeer::connect(server.address(), "lili");
    for text in MARKUP {
        lili.send(text);
        page.send(text).await;
    }
    let is_drawn = "return document.querySelectorAll('.content pre').length === 2";
    page.until_true("all messages are drawn", is_drawn).await;
    screenshots.shoot("markup").await;
    let rooms = ["lobby", "ab".repeat(16).as_str()].map(|room| format!("{}#/room/{room}", server.url()));
    let to_rooms = format!("It is in {} or {}.", rooms[0], rooms[1]);
    for text in LINKS.into_iter().chain([to_rooms.as_str()]) {
        lili.send(text);
        page.send(text).await;
    }
    let is_drawn = "return document.querySelectorAll('.content a:not([target=_blank])').length === 4";
    page.until_true("all links are drawn", is_drawn).await;
    screenshots.shoot("markup-links").await;
    screenshots.assert_no_problems();
}

#[test]
fn markup_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "markup_screens_in_english", async |test| {
        markup_screens(test, "en").await;
    });
}

#[test]
fn markup_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "markup_screens_in_chinese", async |test| {
        markup_screens(test, "zh").await;
    });
}
