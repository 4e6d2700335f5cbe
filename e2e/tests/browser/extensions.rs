//! Browser features and extensions that intervene in the page: translation, forms that are filled in, and dropped files.

use std::fs;

use parlour_e2e::{DesktopPeer, Server, View, WindowOptions, browser_test};
use serde_json::json;

/// Translates the page as browsers do: replaces each text node by elements with another text, now and whenever one is added,
/// unless the element forbids it.
const TRANSLATE: &str = "
    const translate = (root) => {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), nodes = [];
        while (walker.nextNode()) nodes.push(walker.currentNode);
        for (const node of nodes) {
            const parent = node.parentElement;
            if (!node.data.trim() || !parent?.translate || parent.closest('font, script, style')) continue;
            const [outer, inner] = ['font', 'font'].map((name) => document.createElement(name));
            inner.textContent = `(${node.data})`;
            outer.append(inner);
            node.replaceWith(outer);
        }
    };
    translate(document.body);
    new MutationObserver((records) => {
        for (const { addedNodes } of records) for (const { parentNode } of addedNodes) if (parentNode) translate(parentNode);
    }).observe(document.body, { childList: true, subtree: true });
";

#[test]
fn page_that_the_browser_translates_works() {
    browser_test("page_that_the_browser_translates_works", async |test| {
        let mut server = Server::start();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        let tom = test.open("tom", &server.url()).await;
        tom.expect_lost_connections();
        tom.log_in("tom").await;
        tom.eval::<()>(TRANSLATE, vec![]).await;
        lili.send("hola");
        tom.until("the translated message", |view| view.has_sent("(hola)")).await;
        tom.send("salut").await;
        tom.until("the own one", |view| view.has_sent("(salut)")).await;
        let mut ann = DesktopPeer::connect(server.address(), "ann");
        ann.send("hej");
        tom.until("three people", |view| view.member_count.as_deref() == Some("3")).await;
        server.kill();
        tom.until("the reason", |view| {
            view.connection_text.as_deref().is_some_and(|text| text.contains("Trying again in"))
        })
        .await;
        server.restart();
        tom.until("online", View::online).await;
        tom.choose("#language", "zh-CN").await;
        tom.until_true(
            "the language",
            "return document.querySelector('#roster-title').textContent.includes('成员')",
        )
        .await;
        tom.click("#exit").await;
        tom.log_in("tom").await;
        tom.until("the room", |view| view.has_sent("(hola)") && view.crash.is_none()).await;
    });
}

/// Events as extensions and the browser's own autofill dispatch them, without the properties that those of the user have.
/// Returns the errors.
const BARE_EVENTS: &str = "
    const errors = [];
    addEventListener('error', (event) => errors.push(event.message));
    const names = ['keydown', 'keypress', 'keyup', 'beforeinput', 'input', 'change', 'compositionstart', 'compositionupdate',
        'compositionend', 'focus', 'blur', 'paste', 'drop', 'dragover'];
    for (const target of [...document.querySelectorAll('input, textarea, select, #timeline, #search, #roster'), document, window])
        for (const name of names) target.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }));
    return errors;
";

#[test]
fn events_without_properties_are_ignored() {
    browser_test("events_without_properties_are_ignored", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.until("the login page", |view| view.login).await;
        let no_errors = async |what: &str| {
            let errors: Vec<String> = tom.eval(BARE_EVENTS, vec![]).await;
            assert!(errors.is_empty(), "{what}: {errors:?}");
        };
        no_errors("the login page").await;
        tom.log_in("tom").await;
        tom.click("#search-toggle").await;
        tom.until_true("the panel", "return !!document.querySelector('#search-date')").await;
        no_errors("the room").await;
        tom.send_and_wait("hello").await;
    });
}

#[test]
fn dropped_file_does_not_replace_the_page() {
    browser_test("dropped_file_does_not_replace_the_page", async |test| {
        let server = Server::start();
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        tom.goto(&server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("before").await;
        tom.eval::<()>("window.isSamePage = true", vec![]).await;
        let file = std::env::temp_dir().join(format!("parlour-e2e-dropped-{}.txt", std::process::id()));
        fs::write(&file, "dropped").unwrap();
        for selector in ["#timeline", "#composer-text"] {
            let place = "const { left, top, width, height } = document.querySelector(arguments[0]).getBoundingClientRect();
                return [left + width / 2, top + height / 2]";
            let [x, y]: [f64; 2] = tom.eval(place, vec![selector.into()]).await;
            for kind in ["dragEnter", "dragOver", "drop"] {
                let data = json!({ "items": [], "files": [file], "dragOperationsMask": 1 });
                let event = json!({ "type": kind, "x": x, "y": y, "data": data });
                tom.devtools("Input.dispatchDragEvent", event).await;
            }
            // A page that is replaced answers before.
            tom.send_and_wait(&format!("after a drop on {selector}")).await;
            assert!(tom.eval::<bool>("return window.isSamePage === true", vec![]).await, "{selector}");
        }
        fs::remove_file(file).unwrap();
    });
}
