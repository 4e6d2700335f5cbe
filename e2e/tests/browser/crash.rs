//! Errors at start-up and panics: the page reports them and can be reloaded.

use parlour_e2e::{Page, Server, StaticHost, WindowOptions, browser_test};

/// Makes the creation of `bdi` elements fail, which the page uses for every nick.
const BREAK_ELEMENT_CREATION: &str = r"
    for (const name of ['createElement', 'createElementNS']) {
        const make = document[name];
        document[name] = function (...args) {
            if (args.some((tag) => String(tag).toLowerCase() === 'bdi')) throw new Error('injected failure');
            return make.apply(this, args);
        };
    }
";

#[test]
fn panic_is_reported_and_page_can_be_reloaded() {
    browser_test("panic_is_reported_and_page_can_be_reloaded", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        // The panic is also logged to the console.
        for words in ["panicked at", "unreachable"] {
            tom.expect_error(words);
        }
        tom.eval::<()>(BREAK_ELEMENT_CREATION, vec![]).await;
        tom.send("what now").await;
        let view = tom.until("the crash page", |view| view.crash.is_some()).await;
        let words = view.crash.unwrap();
        assert!(words.contains("Something went wrong") && words.contains("Reload"), "{words}");
        let focused = "return document.activeElement?.id === 'reload'";
        tom.until_true("the button has the focus", focused).await;
        let logged = tom.console().await.iter().any(|entry| entry.message.contains("panicked at"));
        assert!(logged, "the console has the panic");
        tom.click("#reload").await;
        tom.until("the room", |view| view.online() && view.crash.is_none()).await;
        tom.send_and_wait("back again").await;
    });
}

async fn expect_failed_start(page: &Page, files: &StaticHost, words: [&str; 2], name: &str, content: &[u8]) {
    page.expect_error("");
    let built = files.get(name);
    files.put(name, content);
    page.goto(&files.url()).await;
    let view = page
        .until("the loader's error", |view| view.boot.as_deref().is_some_and(|b| b.contains(words[0])))
        .await;
    assert!(view.boot.unwrap_or_default().contains(words[1]), "a reload button");
    files.put(name, built);
    page.click("#boot button").await;
    page.until("the login page", |view| view.login && view.boot.is_none()).await;
}

#[test]
fn broken_wasm_file_is_reported_with_a_reload_button() {
    browser_test("broken_wasm_file_is_reported_with_a_reload_button", async |test| {
        let files = StaticHost::serve("/");
        let words = ["could not be loaded", "Reload"];
        let wasm = files.only_file("_bg.wasm");
        let half = files.get(&wasm).len() / 2;
        for (name, content) in [
            ("no-wasm", b"no wasm at all".to_vec()),
            ("nothing", Vec::new()),
            ("half", files.get(&wasm)[..half].to_vec()),
        ] {
            // Each in a new browser, because a working module would be cached.
            let english = test.open_blank(name, WindowOptions::default()).await;
            expect_failed_start(&english, &files, words, &wasm, &content).await;
            english.close().await;
        }
        let chinese = test.open_blank("chinese", WindowOptions { language: "zh-CN" }).await;
        expect_failed_start(&chinese, &files, ["未能加载", "重新加载"], &wasm, b"").await;
    });
}

#[test]
fn missing_webassembly_is_reported() {
    browser_test("missing_webassembly_is_reported", async |test| {
        let server = Server::start();
        let page = test.open_blank("old", WindowOptions::default()).await;
        page.before_load("delete globalThis.WebAssembly").await;
        page.goto(&server.url()).await;
        page.until("the reason", |view| view.boot.as_deref().is_some_and(|b| b.contains("no WebAssembly")))
            .await;
    });
}
