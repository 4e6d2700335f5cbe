//! Screenshots of edited and deleted messages.

use parlour_e2e::{RichPeer, Server, TestContext, browser_test_within, keys};

use super::{NARROW, SCREENS_DEADLINE, Screenshots, WIDE, open_window};

async fn edit_screens(test: &TestContext, language: &str) {
    let server = Server::start();
    let page = open_window(test, language).await;
    let screenshots = Screenshots::new(&page, language);
    page.goto(&server.url()).await;
    page.log_in("tom").await;
    let mut lili = RichPeer::log_in(server.address(), "lili");
    let texts = ["We meet at three.", "This one was deleted", "Bring the slides, please.", "And this one"];
    for (id, text) in (1..).zip(texts) {
        lili.send(id, text);
        page.until(&format!("message {id}"), |view| view.has_sent(text)).await;
    }
    page.send_and_wait("Fine with me.").await;
    lili.change(1, 1, "We meet at four, in the room at the end of the corridor.");
    lili.change(2, 2, "");
    lili.change(4, 4, "");
    let is_drawn = "return document.querySelectorAll('.text-state').length === 3";
    page.until_true("all changes are drawn", is_drawn).await;
    screenshots.shoot("edits").await;
    let open = "const row = [...document.querySelectorAll('.row.message')].find((row) => row.innerText.includes('We meet'));
        row.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
        document.querySelector('#message-history-open')?.click();
        return document.querySelectorAll('#message-history[open] li').length === 2";
    page.until_true("the history", open).await;
    screenshots.shoot("history").await;
    page.press(keys::ESCAPE).await;
    page.until_none("dialog").await;
    // Reactions, with who has reacted.
    for (id, emoji) in [(3, "👍"), (3, "🎉"), (1, "❤️")] {
        lili.react(id.into(), id, emoji, false);
    }
    let react = "document.querySelector('.reaction[data-emoji=\"👍\"]:not([aria-pressed=true])')?.click();
        return !!document.querySelector('.reaction[aria-pressed=true]')";
    page.until_true("an own reaction", react).await;
    page.eval::<()>("document.querySelector('.reaction[aria-pressed=true]').focus()", vec![]).await;
    page.until_true("the names", "return !!document.querySelector('.reaction-people')?.innerText").await;
    screenshots.shoot("reactions").await;
    // The editor, with the tools of the message; then the choice to undo a deletion.
    page.click("#composer-text").await;
    page.press(keys::UP).await;
    page.until_true("the editor", "return !!document.querySelector('#edit-bar')").await;
    let hover = "const row = [...document.querySelectorAll('.row.message')].at(-1);
        row.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
        return !!document.querySelector('#message-delete')";
    page.until_true("the tools", hover).await;
    screenshots.shoot("editor").await;
    page.press(keys::ESCAPE).await;
    let delete =
        "document.querySelector('#message-delete')?.click(); return !!document.querySelector('#undo-delete')";
    for size in [WIDE, NARROW] {
        page.send_and_wait("This was too early.").await;
        page.until_true("the tools", hover).await;
        page.until_true("the bar", delete).await;
        screenshots.shoot_at("undo", size).await;
    }
    screenshots.assert_no_problems();
}

#[test]
fn edit_screens_in_english() {
    browser_test_within(SCREENS_DEADLINE, "edit_screens_in_english", async |test| {
        edit_screens(test, "en").await;
    });
}

#[test]
fn edit_screens_in_chinese() {
    browser_test_within(SCREENS_DEADLINE, "edit_screens_in_chinese", async |test| {
        edit_screens(test, "zh").await;
    });
}
