//! Changes of messages that the server has not confirmed.

use parlour_e2e::{Server, browser_test, eventually, keys};

use super::{until_composer, until_messages, use_tool};

/// The keys of the browser's local storage that belong to changes.
const STORED_CHANGES: &str =
    "return Object.keys(localStorage).filter((key) => key.startsWith('parlour.change')).length";

#[test]
fn changes_without_a_connection_are_made_later() {
    browser_test("changes_without_a_connection_are_made_later", async |test| {
        let server = Server::start();
        let ann = test.open("ann", &server.url()).await;
        ann.log_in("ann").await;
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("the first").await;
        tom.send_and_wait("the second").await;
        tom.expect_lost_connections();
        tom.go_offline().await;
        tom.click("#composer-text").await;
        tom.press(keys::UP).await;
        until_composer(&tom, "the second", true).await;
        tom.type_text(" one").await;
        tom.press(keys::ENTER).await;
        until_composer(&tom, "", false).await;
        let saving = [("the first", ""), ("the second one", "Saving…")];
        until_messages(&tom, &saving).await;
        tom.go_online().await;
        let saved = [("the first", ""), ("the second one", "edited")];
        until_messages(&tom, &saved).await;
        until_messages(&ann, &saved).await;

        // A logout would lose them, so it asks first.
        tom.go_offline().await;
        tom.press(keys::UP).await;
        until_composer(&tom, "the second one", true).await;
        tom.type_text("?").await;
        tom.press(keys::ENTER).await;
        until_messages(&tom, &[("the first", ""), ("the second one?", "Saving…")]).await;
        tom.click("#exit").await;
        tom.until_true(
            "the question",
            "return document.body.innerText.includes('1 message or change was not')",
        )
        .await;
        tom.press(keys::ESCAPE).await;
        tom.until_none("dialog").await;
        tom.go_online().await;
        let asked = [("the first", ""), ("the second one?", "edited")];
        until_messages(&tom, &asked).await;
        until_messages(&ann, &asked).await;
        tom.click("#composer-text").await;

        // The next page makes them too. A deletion that is undone gives an edit back that is not made yet.
        tom.go_offline().await;
        tom.press(keys::UP).await;
        tom.type_text(" more").await;
        tom.press(keys::ENTER).await;
        let more = [("the first", ""), ("the second one? more", "Saving…")];
        until_messages(&tom, &more).await;
        use_tool(&tom, "the second one? more", "#message-delete").await;
        until_messages(&tom, &[("the first", ""), ("", "Message deleted")]).await;
        tom.click("#undo-delete").await;
        until_messages(&tom, &more).await;
        tom.click("#composer-text").await;
        until_composer(&tom, "", false).await;
        tom.press(keys::UP).await;
        tom.type_text("!").await;
        tom.press(keys::ENTER).await;
        use_tool(&tom, "the first", "#message-delete").await;
        until_messages(&tom, &[("", "Message deleted"), ("the second one? more!", "Saving…")]).await;
        assert_eq!(tom.eval::<u32>(STORED_CHANGES, vec![]).await, 2);
        // The next page shows them before they are made.
        tom.before_load("testNetwork.goOffline();").await;
        tom.reload().await;
        until_messages(&tom, &[("", "Message deleted"), ("the second one? more!", "Saving…")]).await;
        tom.allow_connections().await;
        let changed = [("", "Message deleted"), ("the second one? more!", "edited")];
        until_messages(&ann, &changed).await;
        until_messages(&tom, &changed).await;
        eventually("nothing is stored", async || match tom.eval::<u32>(STORED_CHANGES, vec![]).await {
            0 => Ok(()),
            count => Err(count.to_string()),
        })
        .await;
    });
}

#[test]
fn logout_without_a_connection_deletes_the_changes() {
    browser_test("logout_without_a_connection_deletes_the_changes", async |test| {
        let server = Server::start();
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("the first").await;
        tom.expect_lost_connections();
        tom.go_offline().await;
        tom.click("#composer-text").await;
        tom.press(keys::UP).await;
        until_composer(&tom, "the first", true).await;
        tom.type_text(" one").await;
        tom.press(keys::ENTER).await;
        until_messages(&tom, &[("the first one", "Saving…")]).await;
        // Another page of the account, which has not loaded the part that handles them.
        tom.eval::<()>(
            "const [key] = Object.keys(localStorage).filter((key) => key.startsWith('parlour.change'));
            localStorage.setItem(`${key}0`, localStorage.getItem(key));",
            vec![],
        )
        .await;
        assert_eq!(tom.eval::<u32>(STORED_CHANGES, vec![]).await, 2);
        tom.click("#exit").await;
        tom.submit_dialog().await;
        tom.until("the login page", |view| view.login).await;
        assert_eq!(tom.eval::<u32>(STORED_CHANGES, vec![]).await, 0);
    });
}

#[test]
fn deletion_is_shown_while_somebody_else_changes_the_message() {
    browser_test("deletion_is_shown_while_somebody_else_changes_the_message", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("the first").await;
        let link = tom.device_link().await;
        let phone = test.open("phone", &link).await;
        phone.log_in_by_link("tom").await;
        until_messages(&phone, &[("the first", "")]).await;
        use_tool(&tom, "the first", "#message-delete").await;
        // There is more time while the button has the focus.
        let due = "const [key] = Object.keys(localStorage).filter((key) => key.startsWith('parlour.change'));
            return parseInt(localStorage.getItem(key), 10) - Date.now()";
        assert!(tom.eval::<f64>(due, vec![]).await < 6_000.0);
        tom.eval::<()>("document.querySelector('#undo-delete').focus()", vec![]).await;
        assert!(tom.eval::<f64>(due, vec![]).await > 50_000.0);
        phone.click("#composer-text").await;
        phone.press(keys::UP).await;
        until_composer(&phone, "the first", true).await;
        phone.type_text(" one").await;
        phone.press(keys::ENTER).await;
        until_messages(&phone, &[("the first one", "edited")]).await;
        phone.send_and_wait("of the phone").await;
        tom.until("the message of the phone", |view| view.has_sent("of the phone")).await;
        until_messages(&tom, &[("", "Message deleted"), ("of the phone", "")]).await;
        // Undone, it is as it was changed.
        tom.press(keys::ENTER).await;
        until_messages(&tom, &[("the first one", "edited"), ("of the phone", "")]).await;
        tom.until_none("#undo-delete").await;
        let focused = "return document.activeElement?.matches('.item') || document.activeElement?.outerHTML";
        tom.until_true("the message has the focus", focused).await;
        // The focus does not get lost when the time is over.
        use_tool(&tom, "the first one", "#message-delete").await;
        tom.eval::<()>("document.querySelector('#undo-delete').focus()", vec![]).await;
        use_tool(&tom, "of the phone", "#message-delete").await;
        until_messages(&phone, &[("", "Message deleted"), ("of the phone", "")]).await;
        until_messages(&phone, &[("", "Message deleted"), ("", "Message deleted")]).await;
        let focused = "return document.activeElement !== document.body";
        tom.until_true("something has the focus", focused).await;
    });
}
