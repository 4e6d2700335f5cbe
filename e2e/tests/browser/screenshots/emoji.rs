//! Screenshots of the emoji picker.

use parlour_e2e::{Server, TestContext, browser_test_within, keys};

use super::{NARROW, SCREENS_DEADLINE, Screenshots, WIDE, open_window};

async fn emoji_screens(test: &TestContext, language: &str) {
    let server = Server::start();
    let page = open_window(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    page.goto(&server.url()).await;
    page.log_in("tom").await;
    page.send_and_wait("See you all tonight 👋🏽").await;
    page.resize(WIDE.0, WIDE.1).await;
    let all_are_there = "return document.querySelectorAll('#emoji-list [role=option]').length > 1700
        && document.querySelector('#emoji-list').scrollTop === 0";
    for (text, emoji) in [("tada", "🎉"), ("+1", "👍"), ("rocket", "🚀")] {
        page.click("#composer-emoji").await;
        page.until_focused("emoji-search").await;
        page.type_text(text).await;
        let is_found = format!(
            "return document.querySelector('#emoji-results [aria-selected]')?.textContent === '{emoji}'"
        );
        page.until_true("the emoji is found", &is_found).await;
        page.press(keys::ENTER).await;
        page.until_none("#emoji").await;
    }
    for size in [WIDE, NARROW] {
        page.resize(size.0, size.1).await;
        page.click("#composer-emoji").await;
        page.until_true("all emoji", all_are_there).await;
        screenshots.shoot_at("emoji", size).await;
        page.click("#emoji-list .emoji-section:nth-child(3) [role=option]:nth-child(9)").await;
        page.until_none("#emoji").await;
        page.click("#composer-emoji").await;
        page.until_true("all emoji", all_are_there).await;
        page.click(".emoji-group:nth-child(5)").await;
        screenshots.shoot_at("emoji-group", size).await;
        page.fill("#emoji-search", "heart").await;
        page.until_true(
            "results",
            "return document.querySelectorAll('#emoji-results [role=option]').length > 20",
        )
        .await;
        screenshots.shoot_at("emoji-search", size).await;
        page.fill("#emoji-search", "nothing of the kind").await;
        page.until_true("no results", "return document.querySelector('#emoji-results').hidden").await;
        screenshots.shoot_at("emoji-none", size).await;
        page.click("#emoji-close").await;
        page.until_none("#emoji").await;
    }
    screenshots.assert_no_problems();
}

#[test]
fn emoji_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "emoji_screens_in_english", async |test| {
        emoji_screens(test, "en").await;
    });
}

#[test]
fn emoji_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "emoji_screens_in_chinese", async |test| {
        emoji_screens(test, "zh").await;
    });
}
