//! The keyboard focus when the focused element disappears or changes.

use parlour_e2e::{Page, Server, TestContext, browser_test, keys};

/// Opens a page of this size and logs in.
async fn log_in(test: &TestContext, server: &Server, nick: &str, (width, height): (u32, u32)) -> Page {
    let page = test.open(nick, &server.url()).await;
    page.resize(width, height).await;
    page.log_in(nick).await;
    page
}

const WIDE: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (390, 844);

#[test]
fn focus_returns_to_the_message_when_its_tools_disappear() {
    browser_test("focus_returns_to_the_message_when_its_tools_disappear", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom", WIDE).await;
        tom.create_room("rust", "public").await;
        tom.send_and_wait("first").await;
        let leave =
            "document.querySelector('.timeline-frame').dispatchEvent(new PointerEvent('pointerleave'))";
        // Over the timeline, but not over a message.
        let leave_message = "document.querySelector('#timeline').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))";
        let scroll = "document.querySelector('#timeline').dispatchEvent(new Event('scroll'))";
        for script in [leave, leave_message, scroll] {
            tom.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
            tom.press(keys::ENTER).await;
            tom.press(keys::ENTER).await;
            tom.until_focused("message-link").await;
            tom.eval::<()>(script, vec![]).await;
            tom.until_none(".message-tools").await;
            let on_message = "const focused = document.activeElement;
                return focused.matches('.item') && focused.textContent.includes('first') || focused.outerHTML.slice(0, 200)";
            tom.until_true(&format!("the message has the focus after {script}"), on_message).await;
        }
    });
}

#[test]
fn focus_moves_into_a_room_that_was_joined() {
    browser_test("focus_moves_into_a_room_that_was_joined", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom", WIDE).await;
        tom.create_room("rust", "public").await;
        tom.until_text("#room-name", "rust").await;
        let fragment: String = tom.eval("return location.hash", vec![]).await;
        for (nick, size, focused) in [("ann", WIDE, "composer-text"), ("bob", PHONE, "room-name")] {
            let page = log_in(test, &server, nick, size).await;
            page.eval::<()>("location.hash = arguments[0]", vec![fragment.clone().into()]).await;
            page.click("#join-room").await;
            page.until_text("#room-name", "rust").await;
            page.until_focused(focused).await;
        }
    });
}

#[test]
fn focus_moves_into_a_room_whose_invitation_was_accepted() {
    browser_test("focus_moves_into_a_room_whose_invitation_was_accepted", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom", WIDE).await;
        let ann = log_in(test, &server, "ann", PHONE).await;
        tom.create_room("plans", "private").await;
        tom.send("/invite ann").await;
        tom.until_text("#outcome", "ann was invited.").await;
        ann.click("#rooms-back").await;
        ann.open_listed("plans").await;
        ann.until_focused("room-name").await;
        // The focus is on the button that disappears.
        ann.eval::<()>("document.querySelector('#invitation-accept').focus()", vec![]).await;
        ann.press(keys::ENTER).await;
        ann.until_true("the composer", "return !!document.querySelector('#composer')").await;
        ann.until_focused("room-name").await;
    });
}

#[test]
fn menu_for_a_role_keeps_the_focus() {
    browser_test("menu_for_a_role_keeps_the_focus", async |test| {
        let server = Server::start();
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        let ann = log_in(test, &server, "ann", WIDE).await;
        tom.create_room("rust", "public").await;
        ann.send("/join rust").await;
        ann.until_text("#room-name", "rust").await;
        tom.open_dialog("room-menu", "room-settings").await;
        let menu = "#room-settings-list [data-nick=ann] .role-menu";
        let found = format!("return !!document.querySelector('{menu}')");
        tom.until_true("the menu for Ann's role", &found).await;
        tom.eval::<()>("document.querySelector(arguments[0]).focus()", vec![menu.into()]).await;
        tom.hold_received().await;
        tom.choose(menu, "moderator").await;
        // A change before the answer to the one before is not made.
        tom.choose(menu, "owner").await;
        let state = |busy: bool, value: &str| {
            format!(
                "const menu = document.querySelector('{menu}');
                 const shown = [document.activeElement === menu, menu.value, menu.ariaDisabled === 'true'];
                 return JSON.stringify(shown) === '[true,\"{value}\",{busy}]' || shown"
            )
        };
        // The browser takes the focus from a disabled element with the next frame.
        tom.eval::<()>(
            "window.drawn = false; requestAnimationFrame(() => setTimeout(() => { drawn = true }))",
            vec![],
        )
        .await;
        tom.until_true("a frame", "return window.drawn").await;
        tom.until_true("the menu while the request runs", &state(true, "moderator")).await;
        tom.eval::<()>("testNetwork.deliverReceived()", vec![]).await;
        tom.until_true("the menu afterwards", &state(false, "moderator")).await;
    });
}
