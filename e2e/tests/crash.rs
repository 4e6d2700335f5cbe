//! The end: a page that can't start, and one that has stopped, say so and can be loaded again.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Files, Page, Server, Window, stage};

/// From now on the page can't make an element that every name is shown in.
const BREAK: &str = r"
    for (const name of ['createElement', 'createElementNS']) {
        const make = document[name];
        document[name] = function (...args) {
            if (args.some((tag) => String(tag).toLowerCase() === 'bdi')) throw new Error('no more of these');
            return make.apply(this, args);
        };
    }
";

#[test]
fn a_panic_is_told_and_the_page_can_be_loaded_again() {
    stage("a_panic_is_told_and_the_page_can_be_loaded_again", async |stage| {
        let server = Server::start();
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        // The panic itself is written to the console, which is where it belongs.
        for words in ["panicked at", "unreachable"] {
            tom.expect_error(words);
        }
        tom.eval::<()>(BREAK, vec![]).await;
        tom.say("what now").await;
        let view = tom.until("it says that it has stopped", |view| view.crash.is_some()).await;
        let words = view.crash.unwrap();
        assert!(words.contains("Something went wrong") && words.contains("Reload"), "{words}");
        let focused = "return document.activeElement?.id === 'reload'";
        tom.until_true("the button has the focus", focused).await;
        let told = tom.console().await.iter().any(|entry| entry.message.contains("panicked at"));
        assert!(told, "the console has the panic");
        tom.click("#reload").await;
        tom.until("the room", |view| view.online() && view.crash.is_none()).await;
        tom.say_and_see("back again").await;
    });
}

async fn can_not_start(page: &Page, files: &Files, words: [&str; 2], name: &str, content: &[u8]) {
    page.expect_error("");
    let built = files.get(name);
    files.put(name, content);
    page.goto(&files.url()).await;
    let view = page
        .until("the words of the loader", |view| view.boot.as_deref().is_some_and(|b| b.contains(words[0])))
        .await;
    assert!(view.boot.unwrap_or_default().contains(words[1]), "a button to load it again");
    files.put(name, built);
    page.click("#boot button").await;
    page.until("the login page", |view| view.login && view.boot.is_none()).await;
}

#[test]
fn a_page_that_can_not_be_loaded_says_so() {
    stage("a_page_that_can_not_be_loaded_says_so", async |stage| {
        let files = Files::serve("/");
        let words = ["could not be loaded", "Reload"];
        let wasm = files.only("_bg.wasm");
        let half = files.get(&wasm).len() / 2;
        for (name, content) in [
            ("no-wasm", b"no wasm at all".to_vec()),
            ("nothing", Vec::new()),
            ("half", files.get(&wasm)[..half].to_vec()),
        ] {
            // Each in a browser of its own: one in which it has worked before has it on the device.
            let english = stage.window(name, Window::default()).await;
            can_not_start(&english, &files, words, &wasm, &content).await;
            english.close().await;
        }
        let chinese = stage.window("chinese", Window { language: "zh-CN" }).await;
        can_not_start(&chinese, &files, ["未能加载", "重新加载"], &wasm, b"").await;
    });
}

#[test]
fn a_browser_without_webassembly_is_told() {
    stage("a_browser_without_webassembly_is_told", async |stage| {
        let server = Server::start();
        let page = stage.window("old", Window::default()).await;
        page.before_load("delete globalThis.WebAssembly").await;
        page.goto(&server.url()).await;
        page.until("it says why", |view| view.boot.as_deref().is_some_and(|b| b.contains("no WebAssembly")))
            .await;
    });
}
