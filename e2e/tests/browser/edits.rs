//! Messages that are edited and deleted by somebody else.

use parlour_e2e::{Page, RichPeer, Server, browser_test, eventually};

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
