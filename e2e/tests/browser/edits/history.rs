//! The earlier texts of a message, and the place of the tools of one.

use parlour_e2e::{Page, browser_test, keys};

use super::{focus_last_message, hover, two_users, until_composer, until_messages, use_tool};

/// Waits until the history has these texts, newest first, each with the nick of its author.
async fn until_history(page: &Page, expected: &[(&str, &str)]) {
    let script = format!(
        "const items = [...document.querySelectorAll('#message-history[open] li')];
        const texts = items.map((item) => [item.querySelector('bdi').innerText, item.querySelector('.revision-text').innerText]);
        return JSON.stringify(texts) === JSON.stringify({}) || JSON.stringify(texts)",
        serde_json::json!(expected)
    );
    page.until_true(&format!("the history {expected:?}"), &script).await;
}

/// Edits the last own message.
async fn edit_last(page: &Page, before: &str, text: &str) {
    page.click("#composer-text").await;
    page.press(keys::UP).await;
    until_composer(page, before, true).await;
    page.fill("#composer-text", text).await;
    page.press(keys::ENTER).await;
    page.until_none("#edit-bar").await;
}

#[test]
fn earlier_texts_of_a_message_are_listed() {
    browser_test("earlier_texts_of_a_message_are_listed", async |test| {
        let (server, tom, ann) = two_users(test).await;
        tom.send("the *first* text").await;
        until_messages(&ann, &[("the first text", "")]).await;
        edit_last(&tom, "the *first* text", "the second text").await;
        until_messages(&ann, &[("the second text", "edited")]).await;
        edit_last(&tom, "the second text", "the **third** text").await;
        until_messages(&ann, &[("the third text", "edited")]).await;
        let all = [("tom", "the third text"), ("tom", "the second text"), ("tom", "the first text")];
        use_tool(&ann, "the third text", "#message-history-open").await;
        until_history(&ann, &all).await;
        ann.until_true("it has markup", "return !!document.querySelector('.revision-text strong')").await;
        ann.press(keys::ESCAPE).await;
        ann.until_none("dialog").await;
        // By key, in a tab without a connection of its own.
        let [first, second] = ann.open_second_window("ann", &server).await;
        until_messages(&ann, &[("the third text", "edited")]).await;
        focus_last_message(&ann).await;
        ann.press("h").await;
        until_history(&ann, &all).await;
        ann.press(keys::ESCAPE).await;
        ann.close_tab(&second, &first).await;

        // Nothing is left of a deleted message, also if the dialog is opened before.
        use_tool(&ann, "the third text", "#message-link").await;
        use_tool(&tom, "the third text", "#message-delete").await;
        tom.send_and_wait("another one").await;
        use_tool(&tom, "another one", "#message-delete").await;
        until_messages(&ann, &[("", "Message deleted"), ("another one", "")]).await;
        let script = format!(
            "{} return !!document.querySelector('#message-link') && !document.querySelector('#message-history-open')",
            hover("Message deleted")
        );
        ann.until_true("no history", &script).await;
    });
}

/// The size of the area that the tools and the text of the message have in common, in square CSS pixels.
async fn covered_area(page: &Page, text: &str) -> f64 {
    page.until_true(
        "the tools",
        &format!("{} return !!document.querySelector('.message-tools')", hover(text)),
    )
    .await;
    let script = format!(
        "const row = [...document.querySelectorAll('.row.message')].find((e) => e.textContent.includes({text:?}));
        const [a, b] = [row.querySelector('.content'), document.querySelector('.message-tools')]
            .map((element) => element.getBoundingClientRect());
        if (b.left < 0 || b.right > innerWidth || b.top < 0) throw new Error('outside: ' + JSON.stringify(b));
        return Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
            * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top))"
    );
    page.eval(&script, vec![]).await
}

#[test]
fn tools_cover_no_text_of_their_message() {
    browser_test("tools_cover_no_text_of_their_message", async |test| {
        let (_server, tom, ann) = two_users(test).await;
        let long = "A message that is longer than a line of the column for messages is wide, so that its text needs \
                    more than one of them, and nothing is left beside it.";
        ann.send_and_wait("hello").await;
        for page in [&tom, &ann] {
            page.until("the first message", |view| view.has_sent("hello")).await;
        }
        ann.send_and_wait("hi").await;
        tom.send_and_wait("yes").await;
        tom.send_and_wait("no").await;
        tom.send_and_wait(long).await;
        ann.until("all messages", |view| view.has_sent(long)).await;
        for width in [1280, 800, 390] {
            for page in [&tom, &ann] {
                page.resize(width, 800).await;
                page.until_at_end().await;
                for text in ["hello", "hi", "yes", "no", "A message"] {
                    assert!(covered_area(page, text).await < 1.0, "{text} at {width}");
                }
            }
        }
    });
}
