//! Messages that are edited and deleted: by somebody else, and in the composer.

mod history;
mod pending;

use parlour_e2e::{Page, RichPeer, Server, TestContext, browser_test, eventually, keys};

/// The text of everything that the device has of messages.
const STORED: &str = r"
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const all = database.transaction('messages').objectStore('messages').getAll();
            const text = (value) => new TextDecoder().decode(value instanceof Uint8Array ? value : value.value ?? value);
            all.onsuccess = () => (database.close(), done(all.result.map(text).join(' ')));
        };
    });
";

/// Waits until the messages are these: each with its text, and the note below it.
async fn until_messages(page: &Page, expected: &[(&str, &str)]) {
    let script = format!(
        "const text = (row, selector) => row.querySelector(selector)?.innerText ?? '';
        const rows = [...document.querySelectorAll('.message')];
        const messages = rows.map((row) => [text(row, '.content'), text(row, '.text-state')]);
        return JSON.stringify(messages) === JSON.stringify({});",
        serde_json::json!(expected)
    );
    page.until_true(&format!("the messages {expected:?}"), &script).await;
}

#[test]
fn edited_and_deleted_messages_say_so_also_after_a_reload() {
    browser_test("edited_and_deleted_messages_say_so_also_after_a_reload", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        let mut lili = RichPeer::log_in(server.address(), "lili");
        lili.send(1, "the first text");
        lili.send(2, "a secret");
        until_messages(&page, &[("the first text", ""), ("a secret", "")]).await;
        lili.change(1, 1, "the second text");
        lili.change(2, 2, "");
        let expected = [("the second text", "edited"), ("", "Message deleted")];
        until_messages(&page, &expected).await;
        eventually("nothing of the secret is on the device", async || {
            let stored: String = page.eval(STORED, vec![]).await;
            let is_done = stored.contains("the second text") && !stored.contains("a secret");
            if is_done { Ok(()) } else { Err(stored) }
        })
        .await;
        page.reload().await;
        until_messages(&page, &expected).await;
        // Another change while the page is open again.
        lili.change(1, 1, "the third text");
        until_messages(&page, &[("the third text", "edited"), ("", "Message deleted")]).await;
    });
}

/// The text in the composer, and whether an edit is in progress there.
async fn until_composer(page: &Page, text: &str, is_edit: bool) {
    let script = format!(
        "const field = document.querySelector('#composer-text'), bar = document.querySelector('#edit-bar');
        const is_focused = document.activeElement === field;
        return (field.value === {text:?} && !!bar === {is_edit} && is_focused) || [field.value, !!bar, document.activeElement.outerHTML.slice(0, 80)]"
    );
    page.until_true(&format!("the composer with {text:?}, editing: {is_edit}"), &script).await;
}

/// Shows the tools of the message with this text, and uses one of them.
async fn use_tool(page: &Page, text: &str, tool: &str) {
    let script = format!(
        "{} document.querySelector('{tool}')?.click(); return !!document.querySelector('{tool}')",
        hover(text)
    );
    page.until_true(&format!("{tool} of {text:?}"), &script).await;
}

/// A script that moves the pointer to the message with this text.
fn hover(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('.row.message')].find((e) => e.textContent.includes({text:?}))
            ?.dispatchEvent(new PointerEvent('pointerover', {{ bubbles: true }}));"
    )
}

/// Waits until the message with this text has tools, but not those that change it.
async fn until_unchangeable(page: &Page, text: &str) {
    let script = format!(
        "{} const has = (tool) => !!document.querySelector(tool);
        return has('#message-link') && !has('#message-edit') && !has('#message-delete')",
        hover(text)
    );
    page.until_true(&format!("{text:?} can't be changed"), &script).await;
}

/// Moves the focus from the composer to the last message.
async fn focus_last_message(page: &Page) {
    page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
    page.press(keys::ENTER).await;
}

/// A user and another one in the lobby.
async fn two_users(test: &TestContext) -> (Server, Page, Page) {
    let server = Server::start();
    let tom = test.open("tom", &server.url()).await;
    tom.resize(1280, 800).await;
    tom.log_in("tom").await;
    let ann = test.open("ann", &server.url()).await;
    ann.log_in("ann").await;
    (server, tom, ann)
}

#[test]
fn last_own_message_is_edited_in_the_composer() {
    browser_test("last_own_message_is_edited_in_the_composer", async |test| {
        let (_server, tom, ann) = two_users(test).await;
        tom.send_and_wait("the first").await;
        tom.send_and_wait("the second").await;
        ann.send_and_wait("of ann").await;
        tom.until("the message of ann", |view| view.has_sent("of ann")).await;
        // Only an empty field begins an edit.
        tom.click("#composer-text").await;
        tom.type_text("a draft").await;
        tom.press(keys::UP).await;
        until_composer(&tom, "a draft", false).await;
        tom.fill("#composer-text", "").await;
        tom.press(keys::UP).await;
        until_composer(&tom, "the second", true).await;
        tom.until_text("#edit-bar", "Edit the message the second").await;
        tom.type_text(" one").await;
        tom.press(keys::ENTER).await;
        until_composer(&tom, "", false).await;
        let expected = [("the first", ""), ("the second one", "edited"), ("of ann", "")];
        until_messages(&tom, &expected).await;
        until_messages(&ann, &expected).await;

        // The text of an edit in progress is not replaced by another edit.
        tom.press(keys::UP).await;
        until_composer(&tom, "the second one", true).await;
        tom.type_text("!").await;
        use_tool(&tom, "the first", "#message-edit").await;
        until_composer(&tom, "the second one!", true).await;
        tom.press(keys::ESCAPE).await;
        until_composer(&tom, "", false).await;

        // Escape gives up, but not during a composition.
        tom.press(keys::UP).await;
        until_composer(&tom, "the second one", true).await;
        tom.type_text("!").await;
        let composing =
            "document.querySelector('#composer-text').dispatchEvent(new KeyboardEvent('keydown', {
            key: 'Escape', keyCode: 229, isComposing: true, bubbles: true, cancelable: true }))";
        tom.eval::<()>(composing, vec![]).await;
        until_composer(&tom, "the second one!", true).await;
        tom.press(keys::ESCAPE).await;
        until_composer(&tom, "", false).await;
        until_messages(&tom, &expected).await;
    });
}

#[test]
fn drafts_survive_an_edit_and_edits_survive_another_room() {
    browser_test("drafts_survive_an_edit_and_edits_survive_another_room", async |test| {
        let (_server, tom, _ann) = two_users(test).await;
        tom.send_and_wait("the first").await;
        tom.create_room("Garden", "public").await;
        tom.send_and_wait("in the garden").await;
        tom.open_listed("Lobby").await;
        tom.click("#composer-text").await;
        tom.type_text("a draft").await;
        use_tool(&tom, "the first", "#message-edit").await;
        until_composer(&tom, "the first", true).await;
        tom.type_text(", longer").await;
        tom.open_listed("Garden").await;
        tom.click("#composer-text").await;
        until_composer(&tom, "", false).await;
        tom.open_listed("Lobby").await;
        tom.click("#composer-text").await;
        until_composer(&tom, "the first, longer", true).await;
        tom.click("#edit-cancel").await;
        until_composer(&tom, "a draft", false).await;
        // An edit is no draft: a reload shows what was typed before.
        use_tool(&tom, "the first", "#message-edit").await;
        until_composer(&tom, "the first", true).await;
        tom.type_text("!").await;
        tom.reload().await;
        tom.until("the page", |view| view.online()).await;
        tom.click("#composer-text").await;
        until_composer(&tom, "a draft", false).await;
        until_messages(&tom, &[("the first", "")]).await;
    });
}

#[test]
fn refused_edit_can_be_continued() {
    browser_test("refused_edit_can_be_continued", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("the first").await;
        let link = tom.device_link().await;
        let phone = test.open("phone", &link).await;
        phone.log_in_by_link("tom").await;
        until_messages(&phone, &[("the first", "")]).await;
        tom.click("#composer-text").await;
        tom.press(keys::UP).await;
        until_composer(&tom, "the first", true).await;
        tom.type_text(" edited").await;
        use_tool(&phone, "the first", "#message-delete").await;
        until_messages(&tom, &[("", "Message deleted")]).await;
        tom.press(keys::ENTER).await;
        tom.until_text("#composer-note", "This message no longer exists.").await;
        until_composer(&tom, "the first edited", true).await;
        tom.fill("#composer-text", "").await;
        tom.press(keys::ENTER).await;
        tom.until_none("#undo-delete").await;
        until_messages(&tom, &[("", "Message deleted")]).await;
        until_composer(&tom, "", false).await;
    });
}

#[test]
fn deleted_message_can_be_restored_for_a_while() {
    browser_test("deleted_message_can_be_restored_for_a_while", async |test| {
        let (_server, tom, ann) = two_users(test).await;
        for text in ["the first", "the second", "the third"] {
            tom.send_and_wait(text).await;
        }
        ann.until("the messages", |view| view.has_sent("the third")).await;
        use_tool(&tom, "the second", "#message-delete").await;
        until_messages(&tom, &[("the first", ""), ("", "Message deleted"), ("the third", "")]).await;
        tom.click("#undo-delete").await;
        let all = [("the first", ""), ("the second", ""), ("the third", "")];
        until_messages(&tom, &all).await;
        tom.until_none("#undo-delete").await;

        // By keys; the focus stays.
        focus_last_message(&tom).await;
        tom.press(keys::DELETE).await;
        let expected = [("the first", ""), ("the second", ""), ("", "Message deleted")];
        until_messages(&tom, &expected).await;
        let focused =
            "return document.activeElement?.matches('.item:last-child') || document.activeElement?.outerHTML";
        tom.until_true("the message has the focus", focused).await;
        until_messages(&ann, &all).await;
        // The time is over.
        tom.until_none("#undo-delete").await;
        until_messages(&ann, &expected).await;
        // Another deletion, and a logout, end the time.
        use_tool(&tom, "the first", "#message-delete").await;
        use_tool(&tom, "the second", "#message-delete").await;
        until_messages(&ann, &[("", "Message deleted"), ("the second", ""), ("", "Message deleted")]).await;
        tom.click("#composer-text").await;
        tom.type_text("/exit").await;
        tom.press(keys::ENTER).await;
        until_messages(&ann, &[("", "Message deleted"), ("", "Message deleted"), ("", "Message deleted")])
            .await;
    });
}

#[test]
fn emptied_message_is_deleted_and_others_cannot_be_changed() {
    browser_test("emptied_message_is_deleted_and_others_cannot_be_changed", async |test| {
        let (_server, tom, ann) = two_users(test).await;
        tom.send_and_wait("the first").await;
        ann.send_and_wait("of ann").await;
        tom.until("the message of ann", |view| view.has_sent("of ann")).await;
        until_unchangeable(&tom, "of ann").await;
        focus_last_message(&tom).await;
        tom.press(keys::DELETE).await;
        tom.press("e").await;
        tom.press(keys::UP).await;
        tom.press("e").await;
        until_composer(&tom, "the first", true).await;
        tom.fill("#composer-text", "").await;
        tom.press(keys::ENTER).await;
        until_composer(&tom, "", false).await;
        until_messages(&tom, &[("", "Message deleted"), ("of ann", "")]).await;
        // Leaving the page ends the time for which it can be undone.
        tom.reload().await;
        until_messages(&ann, &[("", "Message deleted"), ("of ann", "")]).await;
        until_messages(&tom, &[("", "Message deleted"), ("of ann", "")]).await;
        until_unchangeable(&tom, "Message deleted").await;
    });
}
