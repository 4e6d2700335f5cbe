//! Reactions to messages.

use parlour_e2e::{Page, RichPeer, Server, browser_test, keys};

/// Waits until the message with this text has these reactions: emoji, number, and whether they are own ones.
async fn until_reactions(page: &Page, text: &str, expected: &[(&str, u32, bool)]) {
    let script = format!(
        "const row = [...document.querySelectorAll('.row.message')].find((e) => e.textContent.includes({text:?}));
        if (!row) return 'no such message';
        const chips = [...row.querySelectorAll('.reaction:not(.add)')];
        const shown = chips.map((chip) => [chip.dataset.emoji, parseInt(chip.innerText.replace(chip.dataset.emoji, ''), 10),
            chip.ariaPressed === 'true']);
        return JSON.stringify(shown) === JSON.stringify({}) || JSON.stringify(shown)",
        serde_json::json!(expected)
    );
    page.until_true(&format!("the reactions {expected:?}"), &script).await;
}

/// Picks an emoji by its name.
async fn pick(page: &Page, name: &str, emoji: &str) {
    page.until_focused("emoji-search").await;
    page.type_text(name).await;
    let script = format!(
        "const id = document.querySelector('#emoji-search').getAttribute('aria-activedescendant');
        return document.getElementById(id)?.textContent === {emoji:?}"
    );
    page.until_true(&format!("{emoji} is found"), &script).await;
    page.press(keys::ENTER).await;
}

#[test]
fn reactions_are_added_and_removed() {
    browser_test("reactions_are_added_and_removed", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        let mut lili = RichPeer::log_in(server.address(), "lili");
        lili.send(1, "the first");
        lili.react(1, 1, "👍", false);
        until_reactions(&tom, "the first", &[("👍", 1, false)]).await;
        tom.click(".reaction").await;
        until_reactions(&tom, "the first", &[("👍", 2, true)]).await;
        // The focus stays on the emoji, and who has reacted is shown.
        tom.until_true("the focus", "return document.activeElement?.dataset.emoji === '👍'").await;
        tom.until_text(".reaction-people", "lili and tom reacted with 👍").await;
        tom.press(" ").await;
        until_reactions(&tom, "the first", &[("👍", 1, false)]).await;
        lili.react(1, 1, "🎉", false);
        lili.react(1, 1, "👍", true);
        until_reactions(&tom, "the first", &[("🎉", 1, false)]).await;
        tom.click(".reaction").await;
        until_reactions(&tom, "the first", &[("🎉", 2, true)]).await;

        // They are the same after a reload, and on another device.
        let link = tom.device_link().await;
        let phone = test.open("phone", &link).await;
        phone.log_in_by_link("tom").await;
        until_reactions(&phone, "the first", &[("🎉", 2, true)]).await;
        tom.reload().await;
        until_reactions(&tom, "the first", &[("🎉", 2, true)]).await;
        phone.click(".reaction").await;
        until_reactions(&tom, "the first", &[("🎉", 1, false)]).await;
        lili.react(1, 1, "🎉", true);
        until_reactions(&tom, "the first", &[]).await;
        until_reactions(&phone, "the first", &[]).await;
        // A deletion removes them.
        lili.react(1, 1, "👍", false);
        until_reactions(&tom, "the first", &[("👍", 1, false)]).await;
        lili.change(1, 1, "");
        until_reactions(&tom, "Message deleted", &[]).await;
    });
}

#[test]
fn emoji_are_picked_for_a_message() {
    browser_test("emoji_are_picked_for_a_message", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        tom.send_and_wait("the first").await;
        // With a tool, by the name of the emoji.
        let open = "document.querySelector('.row.message').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
            document.querySelector('#message-react')?.click(); return !!document.querySelector('#emoji-search')";
        tom.until_true("the picker", open).await;
        pick(&tom, "party popper", "🎉").await;
        until_reactions(&tom, "the first", &[("🎉", 1, true)]).await;
        // By key; the focus goes to the reaction.
        tom.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        tom.press(keys::ENTER).await;
        tom.press("r").await;
        pick(&tom, "thumbs up", "👍").await;
        until_reactions(&tom, "the first", &[("🎉", 1, true), ("👍", 1, true)]).await;
        tom.until_true("the focus", "return document.activeElement?.dataset.emoji === '👍'").await;
        // An emoji that is there already stays.
        tom.click(".reaction.add").await;
        pick(&tom, "thumbs up", "👍").await;
        tom.until_none("#emoji-search").await;
        until_reactions(&tom, "the first", &[("🎉", 1, true), ("👍", 1, true)]).await;
    });
}

#[test]
fn reaction_that_is_refused_is_not_shown() {
    browser_test("reaction_that_is_refused_is_not_shown", async |test| {
        let server = Server::start();
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        let mut lili = RichPeer::log_in(server.address(), "lili");
        lili.send(1, "the first");
        lili.react(1, 1, "👍", false);
        until_reactions(&tom, "the first", &[("👍", 1, false)]).await;
        tom.expect_lost_connections();
        tom.go_offline().await;
        tom.click(".reaction").await;
        until_reactions(&tom, "the first", &[("👍", 2, true)]).await;
        // It was not made in time.
        until_reactions(&tom, "the first", &[("👍", 1, false)]).await;
        tom.until_true("a note", "return !!document.querySelector('#composer-note').innerText").await;
        tom.go_online().await;
    });
}
