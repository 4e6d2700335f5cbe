//! The emoji picker: inserting by mouse and by keyboard, searching, the skin tone, and the emoji that were picked last.

use parlour_e2e::{Page, Server, StaticHost, TestContext, WindowOptions, browser_test, keys};
use serde_json::json;

/// A user in a wide window.
async fn logged_in(test: &TestContext, server: &Server, language: &'static str) -> Page {
    let page = test.open_blank("tom", WindowOptions { language }).await;
    page.goto(&server.url()).await;
    page.resize(1280, 800).await;
    page.log_in("tom").await;
    page
}

async fn open_picker(page: &Page) {
    page.click("#composer-emoji").await;
    page.until_focused("emoji-search").await;
}

async fn until_closed(page: &Page) {
    page.until_none("#emoji").await;
}

/// Waits until the text is in the composer.
async fn until_text(page: &Page, text: &str) {
    let value = "document.querySelector('#composer-text').value";
    page.until_true(&format!("the text {text:?}"), &format!("return {value} === {text:?} || {value}")).await;
}

/// Waits until this emoji is the one that Enter picks.
async fn until_active(page: &Page, emoji: &str) {
    let script = format!(
        "const id = document.querySelector('#emoji-search').getAttribute('aria-activedescendant');
        const option = id && document.getElementById(id);
        return (option?.textContent === {emoji:?} && option.ariaSelected === 'true') || [id, option?.outerHTML]"
    );
    page.until_true(&format!("{emoji} is active"), &script).await;
}

/// The emoji of the first section.
async fn first_section(page: &Page) -> Vec<String> {
    let script = "const section = document.querySelector('#emoji-list .emoji-section');
        return [...section.querySelectorAll('[role=option]')].map((option) => option.textContent)";
    page.eval(script, vec![]).await
}

#[test]
fn emoji_are_inserted_at_the_caret_by_mouse() {
    browser_test("emoji_are_inserted_at_the_caret_by_mouse", async |test| {
        let server = Server::start();
        let tom = logged_in(test, &server, "en-US").await;
        tom.click("#composer-text").await;
        tom.type_text("a b").await;
        tom.eval::<()>("document.querySelector('#composer-text').setSelectionRange(1, 1)", vec![]).await;
        open_picker(&tom).await;
        tom.click("#emoji-list [aria-label='grinning face']").await;
        until_closed(&tom).await;
        until_text(&tom, "a😀 b").await;
        tom.until_focused("composer-text").await;
        tom.type_text("!").await;
        until_text(&tom, "a😀! b").await;

        // With Shift the picker stays open.
        open_picker(&tom).await;
        let shift = "document.querySelector('#emoji-list [aria-label=\"winking face\"]')
            .dispatchEvent(new MouseEvent('click', { bubbles: true, shiftKey: true }))";
        for text in ["a😀!😉 b", "a😀!😉😉 b"] {
            tom.eval::<()>(shift, vec![]).await;
            until_text(&tom, text).await;
            tom.until_focused("emoji-search").await;
        }
        // A press beside it closes it, and the focus returns to the button.
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": 400, "y": 300, "button": "left", "clickCount": 1 });
            tom.devtools("Input.dispatchMouseEvent", event).await;
        }
        until_closed(&tom).await;
        tom.until_focused("composer-emoji").await;
        tom.click("#composer-text").await;
        tom.press(&keys::with_control("z")).await;
        until_text(&tom, "a😀!😉 b").await;
        tom.press(keys::ENTER).await;
        tom.until("the message", |view| view.has_sent("a😀!😉 b")).await;
    });
}

#[test]
fn emoji_are_picked_by_keyboard() {
    browser_test("emoji_are_picked_by_keyboard", async |test| {
        let server = Server::start();
        let tom = logged_in(test, &server, "en-US").await;
        tom.until_true("the button", "return !!document.querySelector('#composer-emoji')").await;
        tom.eval::<()>("document.querySelector('#composer-emoji').focus()", vec![]).await;
        tom.press(keys::ENTER).await;
        tom.until_focused("emoji-search").await;
        // Escape gives the focus back.
        tom.press(keys::ESCAPE).await;
        until_closed(&tom).await;
        tom.until_focused("composer-emoji").await;

        tom.press(keys::ENTER).await;
        tom.until_focused("emoji-search").await;
        tom.press(keys::DOWN).await;
        until_active(&tom, "😀").await;
        tom.press(keys::RIGHT).await;
        until_active(&tom, "😃").await;
        tom.press(keys::LEFT).await;
        tom.press(keys::DOWN).await;
        tom.press(keys::UP).await;
        until_active(&tom, "😀").await;
        tom.type_text("cat wry").await;
        until_active(&tom, "😼").await;
        tom.until_text("#emoji .emoji-preview", "😼cat with wry smile").await;
        // While the input method has the text, its keys are not those of the picker.
        let composing = "for (const key of ['Enter', 'ArrowDown']) {
            document.querySelector('#emoji-search').dispatchEvent(new KeyboardEvent('keydown', {
                key, keyCode: 229, isComposing: true, bubbles: true, cancelable: true }));
        }";
        tom.eval::<()>(composing, vec![]).await;
        until_active(&tom, "😼").await;
        tom.press(keys::ENTER).await;
        until_closed(&tom).await;
        until_text(&tom, "😼").await;
        tom.until_focused("composer-text").await;

        // Tab leads to the skin tone, the button that closes, the groups, and back. The groups are one stop.
        open_picker(&tom).await;
        for id in ["emoji-tone", "emoji-close"] {
            tom.press(keys::TAB).await;
            tom.until_focused(id).await;
        }
        tom.press(keys::TAB).await;
        let group = |name: &str| {
            format!(
                "return document.activeElement.ariaLabel === '{name}' || document.activeElement.outerHTML"
            )
        };
        tom.until_true("the first group has the focus", &group("Recent")).await;
        tom.press(keys::END).await;
        tom.until_true("the last group has the focus", &group("Flags")).await;
        tom.press(keys::ENTER).await;
        until_active(&tom, "🏁").await;
        let is_shown =
            "const { top, bottom } = document.querySelector('#emoji-list').getBoundingClientRect();
            const flag = document.querySelector('#emoji-list [aria-selected]').getBoundingClientRect();
            return (flag.top > top && flag.bottom <= bottom) || [top, bottom, flag.top]";
        tom.until_true("the flags are visible", is_shown).await;
        // A group is shown from its beginning, also where the ones before it have not been laid out.
        tom.click(".emoji-group[aria-label='Food']").await;
        until_active(&tom, "🍇").await;
        let is_below = "const section = document.querySelector('#emoji-list [aria-label=Food]');
            const [heading, option] = ['.emoji-heading', '[role=option]'].map((part) => section.querySelector(part).getBoundingClientRect());
            return Math.abs(option.top - heading.bottom) < 2 || [option.top, heading.bottom]";
        tom.until_true("the group is visible from its beginning", is_below).await;
    });
}

/// Types into the field in place of its text, and waits for the first result.
async fn until_found(page: &Page, text: &str, emoji: &str) {
    page.fill("#emoji-search", text).await;
    until_active(page, emoji).await;
}

#[test]
fn emoji_are_found_in_english_and_in_the_language_of_the_page() {
    browser_test("emoji_are_found_in_english_and_in_the_language_of_the_page", async |test| {
        let server = Server::start();
        let tom = logged_in(test, &server, "zh-CN").await;
        open_picker(&tom).await;
        for (text, emoji) in
            [("拉炮", "🎉"), ("tada", "🎉"), ("笑哭", "😂"), (":+1:", "👍"), ("thumbs u", "👍")]
        {
            until_found(&tom, text, emoji).await;
        }
        let name = "return document.querySelector('#emoji-results [aria-selected]').ariaLabel";
        assert_eq!(tom.eval::<String>(name, vec![]).await, "拇指向上");
        tom.until_true(
            "the number is announced",
            "return /\\d 表情/.test(document.querySelector('#emoji [role=status]').textContent)",
        )
        .await;
        tom.fill("#emoji-search", "没有的").await;
        tom.until_text("#emoji [role=status]", "没有找到表情。").await;
        tom.press(keys::ENTER).await;
        until_found(&tom, "红心", "❤️").await;
        tom.press(keys::ENTER).await;
        until_text(&tom, "❤️").await;
    });
}

#[test]
fn skin_tone_is_remembered() {
    browser_test("skin_tone_is_remembered", async |test| {
        let server = Server::start();
        let tom = logged_in(test, &server, "en-US").await;
        open_picker(&tom).await;
        tom.choose("#emoji-tone", "3").await;
        until_found(&tom, "+1", "👍🏽").await;
        tom.press(keys::ENTER).await;
        until_text(&tom, "👍🏽").await;
        tom.reload().await;
        tom.until("the page", |view| view.online()).await;
        open_picker(&tom).await;
        assert_eq!(
            tom.eval::<String>("return document.querySelector('#emoji-tone').value", vec![]).await,
            "3"
        );
        until_found(&tom, "waving hand", "👋🏽").await;
        // Recent emoji keep the tone with which they were picked.
        tom.choose("#emoji-tone", "0").await;
        until_active(&tom, "👋").await;
        assert_eq!(first_section(&tom).await, ["👍🏽"]);
    });
}

#[test]
fn emoji_that_were_picked_last_are_remembered_until_the_logout() {
    browser_test("emoji_that_were_picked_last_are_remembered_until_the_logout", async |test| {
        const STORED: &str =
            "return Object.keys(localStorage).filter((key) => key.startsWith('parlour.emoji\\n')).length";
        let server = Server::start();
        let tom = logged_in(test, &server, "en-US").await;
        for (text, emoji) in [("tada", "🎉"), ("rocket", "🚀"), ("tada", "🎉")] {
            open_picker(&tom).await;
            until_found(&tom, text, emoji).await;
            tom.press(keys::ENTER).await;
            until_closed(&tom).await;
        }
        open_picker(&tom).await;
        assert_eq!(first_section(&tom).await, ["🎉", "🚀"]);
        assert_eq!(tom.eval::<usize>(STORED, vec![]).await, 1);
        tom.press(keys::ESCAPE).await;
        tom.fill("#composer-text", "/exit").await;
        tom.press(keys::ENTER).await;
        tom.until("the login page", |view| view.login).await;
        assert_eq!(tom.eval::<usize>(STORED, vec![]).await, 0);
        tom.log_in("ann").await;
        open_picker(&tom).await;
        assert_eq!(first_section(&tom).await[0], "😀");
    });
}

#[test]
fn picker_is_a_sheet_in_a_narrow_viewport_and_going_back_closes_it() {
    browser_test("picker_is_a_sheet_in_a_narrow_viewport_and_going_back_closes_it", async |test| {
        let server = Server::start();
        let tom = logged_in(test, &server, "en-US").await;
        tom.resize(390, 844).await;
        let history = tom.eval::<usize>("return history.length", vec![]).await;
        tom.click("#composer-emoji").await;
        let is_sheet = "const box = document.querySelector('#emoji')?.getBoundingClientRect();
            return (box?.left === 0 && box.right === 390 && box.bottom === 844) || box";
        tom.until_true("the sheet", is_sheet).await;
        let focused = "return document.activeElement.id";
        assert_eq!(tom.eval::<String>(focused, vec![]).await, "emoji", "no keyboard covers the emoji");
        assert_eq!(tom.eval::<usize>("return history.length", vec![]).await, history + 1);
        tom.eval::<()>("history.back()", vec![]).await;
        until_closed(&tom).await;
        tom.until_focused("composer-emoji").await;
    });
}

#[test]
fn missing_picker_and_missing_emoji_are_reported_and_can_be_retried() {
    browser_test("missing_picker_and_missing_emoji_are_reported", async |test| {
        let files = StaticHost::serve("/");
        let server = files.start_server();
        let missing = [files.part("emoji"), "emoji/en.json".to_owned()];
        let built = missing.clone().map(|name| files.get(&name));
        missing.iter().for_each(|name| files.remove(name));
        let tom = test.open_blank("tom", WindowOptions { language: "en-US" }).await;
        tom.allow_host(server.address());
        tom.expect_error("");
        tom.goto(&files.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        let note = "#emoji-slot [role=alert]";
        let is_told = format!(
            "const note = document.querySelector('{note}');
            return (note?.checkVisibility() && note.textContent.includes('could not be loaded')) || note?.textContent"
        );
        tom.click("#composer-emoji").await;
        tom.until_true("the error", &is_told).await;
        // The button closes it.
        tom.click("#composer-emoji").await;
        tom.until_none("#emoji-slot").await;
        tom.click("#composer-emoji").await;
        tom.until_true("the error", &is_told).await;
        for (name, built) in missing.iter().zip(built) {
            let can_retry = "const button = document.querySelector('#emoji-slot > .part-missing .button');
                return (button.checkVisibility() && button.ariaDisabled !== 'true') || button.outerHTML";
            tom.until_true("the button to try again", can_retry).await;
            files.put(name, built);
            tom.click("#emoji-slot > .part-missing .button").await;
        }
        tom.until_focused("emoji-search").await;
        assert_eq!(first_section(&tom).await[0], "😀");
    });
}
