//! Pasting URLs and tables into the composer.

use parlour_e2e::{Page, Server, browser_test, browser_test_in_each, keys};
use serde_json::{Value, json};

use super::{MARKUP_IS_LOADED, until_shape};

/// Pastes a text and HTML at the selection, as far as the page handles it. Returns whether it does.
async fn paste(page: &Page, text: &str, html: &str) -> bool {
    let script = "
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', arguments[0]);
        if (arguments[1]) clipboardData.setData('text/html', arguments[1]);
        // Firefox makes no event of a script with data.
        const event = new Event('paste', { bubbles: true, cancelable: true });
        Object.defineProperty(event, 'clipboardData', { value: clipboardData });
        return !document.querySelector('#composer-text').dispatchEvent(event)";
    page.eval(script, vec![text.into(), html.into()]).await
}

async fn select(page: &Page, from: u32, to: u32) {
    let script = format!("document.querySelector('#composer-text').setSelectionRange({from}, {to})");
    page.eval::<()>(&script, vec![]).await;
}

async fn until_written(page: &Page, text: &str) {
    page.until(&format!("the text {text}"), |view| view.composer.as_deref() == Some(text)).await;
}

async fn log_in(page: &Page) {
    page.log_in("tom").await;
    page.until_true("markup can be drawn", MARKUP_IS_LOADED).await;
}

#[test]
fn url_pasted_onto_a_text_makes_it_a_link() {
    browser_test_in_each("url_pasted_onto_a_text_makes_it_a_link", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        log_in(&page).await;
        page.fill("#composer-text", "see 李 word.").await;
        select(&page, 6, 10).await;
        assert!(paste(&page, "https://example.org/a_(b)\n", "").await);
        until_written(&page, "see 李 [word](https://example.org/a_(b)).").await;
        page.press(&keys::with_control("z")).await;
        until_written(&page, "see 李 word.").await;
        // The browser pastes everything else.
        for (from, to, text) in [
            (6, 6, "https://a.io"),
            (6, 10, "a https://a.io"),
            (6, 10, "javascript:alert(1)"),
            (6, 10, "a\tb"),
        ] {
            select(&page, from, to).await;
            assert!(!paste(&page, text, "").await, "{text}");
        }
        select(&page, 6, 10).await;
        assert!(paste(&page, "https://example.org", "<a href='https://example.org'>other</a>").await);
        page.press(keys::ENTER).await;
        until_shape(&page, "p(see 李 a(word).)").await;
    });
}

#[test]
fn key_pastes_a_link_or_a_text() {
    browser_test("key_pastes_a_link_or_a_text", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        log_in(&page).await;
        page.fill("#composer-text", "word").await;
        let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        page.devtools("Browser.grantPermissions", permissions).await;
        let copy = "return navigator.clipboard.writeText('https://example.org')";
        page.eval::<Value>(copy, vec![]).await;
        let key = json!({
            "type": "rawKeyDown", "key": "v", "code": "KeyV", "windowsVirtualKeyCode": 86, "modifiers": 2,
            "commands": ["Paste"],
        });
        select(&page, 0, 4).await;
        page.devtools("Input.dispatchKeyEvent", key.clone()).await;
        until_written(&page, "[word](https://example.org)").await;
        page.devtools("Input.dispatchKeyEvent", key).await;
        until_written(&page, "[word](https://example.org)https://example.org").await;
    });
}

#[test]
fn tables_are_pasted_as_aligned_text() {
    browser_test_in_each("tables_are_pasted_as_aligned_text", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        log_in(&page).await;
        let block = "```\nname  size\n李    1\na b   <b>\n```\n";
        let html = "<html><head><style>td { color: red }</style></head><body><script>window.ran = 1</script>
            <table><tr><th>name</th><th>size</th></tr> <tr><td>李</td><td>1</td></tr>
            <tr><td>a<br>b</td><td>&lt;b&gt;<img src='/loaded.png' onerror='window.ran = 1'></td></tr></table></body></html>";
        // Browsers log what the policy refuses, although nothing would come of it in that document.
        page.expect_error("Applying inline style violates");
        page.expect_error("Executing inline event handler violates");
        page.expect_error("Content-Security-Policy");
        assert!(paste(&page, "not the table", html).await);
        until_written(&page, block).await;
        let harmless = "return window.ran === undefined
            && performance.getEntriesByType('resource').every((it) => !it.name.includes('loaded.png'))";
        assert!(page.eval::<bool>(harmless, vec![]).await, "nothing of the table runs or is loaded");
        page.press(&keys::with_control("z")).await;
        until_written(&page, "").await;

        page.fill("#composer-text", "sizes:").await;
        select(&page, 6, 6).await;
        assert!(paste(&page, "a\tb\r\nlong\t2\r\n", "").await);
        until_written(&page, "sizes:\n```\na     b\nlong  2\n```\n").await;
        page.press(keys::ENTER).await;
        until_shape(&page, "p(sizes:)pre(code(a     b\nlong  2))").await;

        // A page with a table, a table that is too large, and code.
        let large = "a\tb\n".repeat(101);
        for (text, html) in [
            ("plain", "<p>text</p><table><tr><td>a</td><td>b</td></tr><tr><td>a</td><td>b</td></tr></table>"),
            (large.as_str(), ""),
            ("\tfn a() {\n\t}", ""),
            ("plain", "<b>bold</b>"),
        ] {
            assert!(!paste(&page, text, html).await, "{text} {html}");
        }
    });
}
