//! The markup of messages, as it is drawn.

mod links;
mod paste;

use parlour_e2e::{DesktopPeer, Page, Server, WindowOptions, browser_test, browser_test_in_each, keys};

/// Waits until the last message has this markup: names of elements with their content in parentheses, and texts.
async fn until_shape(page: &Page, expected: &str) {
    let script = format!(
        "const shape = (node) => node.nodeType === Node.COMMENT_NODE ? ''
            : node.nodeType === Node.TEXT_NODE ? node.data : `${{node.localName}}(${{children(node)}})`;
        const children = (node) => [...node.childNodes].map(shape).join('');
        const content = [...document.querySelectorAll('.message .content')].at(-1);
        return children(content) === {};",
        serde_json::Value::from(expected)
    );
    page.until_true(&format!("the markup {expected}"), &script).await;
}

#[test]
fn markup_is_drawn_and_html_is_text() {
    browser_test_in_each("markup_is_drawn_and_html_is_text", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        for (text, shape) in [
            ("**bold** *italic* ~~strike~~ `code`", "p(strong(bold) em(italic) s(strike) code(code))"),
            ("<b onclick=alert(1)>html</b> &amp;", "p(<b onclick=alert(1)>html</b> &amp;)"),
            ("> quote\nreply", "blockquote(p(quote))p(reply)"),
            ("- a\n- b", "ul(li(p(a))li(p(b)))"),
            ("a\nb", "a\nb"),
            ("# head", "p(strong(head))"),
            ("[a](https://example.org) [b](javascript:alert(1))", "p(a(a) [b](javascript:alert(1)))"),
        ] {
            page.send(text).await;
            until_shape(&page, shape).await;
        }
    });
}

#[test]
fn messages_of_emoji_are_large() {
    browser_test_in_each("messages_of_emoji_are_large", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        for (text, scale) in [
            ("👍", 2.0),
            ("👨\u{200D}👩\u{200D}👧 ❤\u{FE0F} 1\u{FE0F}\u{20E3}", 2.0),
            ("👍 ok", 1.0),
            ("1 2", 1.0),
        ] {
            page.send(text).await;
            let script = format!(
                "const content = [...document.querySelectorAll('.message .content')].at(-1);
                if (content.textContent !== {}) return content.textContent;
                const size = (element) => parseFloat(getComputedStyle(element).fontSize);
                return size(content.querySelector('p') ?? content) / size(content) === {scale}",
                serde_json::Value::from(text)
            );
            page.until_true(&format!("{text} is {scale} times as large"), &script).await;
        }
    });
}

#[test]
fn spoilers_are_shown_by_a_click_or_a_key() {
    browser_test_in_each("spoilers_are_shown_by_a_click_or_a_key", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.send("a ||secret|| and ||another||").await;
        let hidden = "return [...document.querySelectorAll('.spoiler .secret')].map((secret) => secret.checkVisibility({
            visibilityProperty: true }))";
        page.until_true("two spoilers", "return document.querySelectorAll('.spoiler').length === 2").await;
        assert_eq!(page.eval::<Vec<bool>>(hidden, vec![]).await, [false, false]);
        let height = "return document.querySelector('.message .content').getBoundingClientRect().height";
        let before: f64 = page.eval(height, vec![]).await;
        page.click(".spoiler").await;
        assert_eq!(page.eval::<Vec<bool>>(hidden, vec![]).await, [true, false]);
        page.eval::<()>("document.querySelectorAll('.spoiler')[1].focus()", vec![]).await;
        page.press(keys::ENTER).await;
        assert_eq!(page.eval::<Vec<bool>>(hidden, vec![]).await, [true, true]);
        assert_eq!(page.eval::<f64>(height, vec![]).await, before, "nothing moves");
    });
}

#[test]
fn texts_are_shown_as_typed_until_markup_can_be_drawn() {
    browser_test("texts_are_shown_as_typed_until_markup_can_be_drawn", async |test| {
        let server = Server::start();
        let page = test.open_blank("tom", WindowOptions::default()).await;
        page.before_load(
            "{
                const { fetch } = globalThis;
                globalThis.fetch = async (...request) => {
                    if (/markup.*wasm/.test(String(request[0]?.url ?? request[0])))
                        await new Promise((resolve) => (globalThis.deliverMarkup = resolve));
                    return fetch(...request);
                };
            }",
        )
        .await;
        page.goto(&server.url()).await;
        page.log_in("tom").await;
        page.send("**bold**").await;
        until_shape(&page, "**bold**").await;
        page.eval::<()>("deliverMarkup()", vec![]).await;
        until_shape(&page, "p(strong(bold))").await;
    });
}

#[test]
fn search_results_and_announcements_have_no_marks() {
    browser_test("search_results_and_announcements_have_no_marks", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.until_true("markup can be drawn", MARKUP_IS_LOADED).await;
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        lili.send("the **needle** is `here`, and ||the rest|| not");
        let announced = "return [...document.querySelectorAll('.announcer')].some((it) => it.innerText.includes('lili: the needle is here, and ▒▒▒ not'))";
        page.until_true("the message is announced", announced).await;
        page.open_search().await;
        page.fill("#search-words", "needle").await;
        page.press(keys::ENTER).await;
        let found = "return document.querySelector('#search .result-text')?.textContent === 'the needle is here, and ▒▒▒ not'
            && document.querySelector('#search mark').textContent === 'needle'";
        page.until_true("the result", found).await;
    });
}

#[test]
fn shortcuts_add_and_remove_markup() {
    browser_test_in_each("shortcuts_add_and_remove_markup", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.until_true("markup can be drawn", MARKUP_IS_LOADED).await;
        page.fill("#composer-text", "ein 李 word").await;
        let select = |from: u32, to: u32| {
            format!("document.querySelector('#composer-text').setSelectionRange({from}, {to})")
        };
        page.eval::<()>(&select(6, 10), vec![]).await;
        let value = async |expected: &str| {
            page.until(&format!("the text {expected}"), |view| view.composer.as_deref() == Some(expected))
                .await;
        };
        page.press(&keys::with_control("b")).await;
        value("ein 李 **word**").await;
        page.press(&keys::with_control("i")).await;
        value("ein 李 ***word***").await;
        page.press(&keys::with_control("b")).await;
        value("ein 李 *word*").await;
        page.press(&keys::with_control("i")).await;
        value("ein 李 word").await;
        page.press(&keys::with_control("e")).await;
        value("ein 李 `word`").await;
        page.press(&keys::with_control("z")).await;
        value("ein 李 word").await;
        page.eval::<()>(&select(6, 10), vec![]).await;
        page.press(&keys::with_control("k")).await;
        value("ein 李 [word]()").await;
        page.press("https://example.org").await;
        page.press(keys::ENTER).await;
        until_shape(&page, "p(ein 李 a(word))").await;
        page.press(&keys::with_control("k")).await;
        page.until_true("the switcher", "return document.activeElement.id === 'switcher-field'").await;
    });
}

const MARKUP_IS_LOADED: &str = "return performance.getEntriesByType('resource').some((it) => /markup-.*wasm$/.test(it.name) && it.responseEnd > 0)";
