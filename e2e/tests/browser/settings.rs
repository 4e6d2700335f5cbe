//! Language and theme: changed at run time, and persisted.

use parlour_e2e::{Page, Server, browser_test};
use serde_json::json;

/// All text and accessible names, except message contents and nicks.
const ALL_TEXT: &str = r"
    const words = [];
    const add = (where, text) => { if (text && text.trim()) words.push(`${where}: ${text.trim()}`); };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        // Names of people, languages, keys and commands are not translated. The announcer repeats message contents for
        // screen readers, a second after they arrive.
        if (parent.closest('bdi, .content, .announcer, option[lang], kbd, noscript, script, h1')) continue;
        add(parent.tagName, walker.currentNode.data);
    }
    for (const element of document.body.querySelectorAll('*')) {
        if (element.closest('li[data-nick], bdi, option[lang]')) continue;
        for (const name of ['aria-label', 'aria-description', 'title', 'placeholder', 'alt']) {
            add(`${element.tagName} ${name}`, element.getAttribute(name));
        }
    }
    return words;
";

/// Terms that are the same in Chinese.
const UNTRANSLATED: [&str; 7] = ["Enter", "Shift", "Ctrl", "wss", "WebSocket", "Parlour", "help"];

async fn assert_no_english(page: &Page, place: &str) {
    let words: Vec<String> = page.eval(ALL_TEXT, vec![]).await;
    assert!(words.len() > 5, "{place} has text");
    let english = |words: &&String| {
        let (_, text) = words.split_once(": ").unwrap();
        let latin = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
        latin.into_iter().any(|word| !UNTRANSLATED.contains(&word))
    };
    let left: Vec<_> = words.iter().filter(english).collect();
    assert!(left.is_empty(), "English in {place}: {left:#?}");
}

#[test]
fn language_change_translates_all_text_and_persists() {
    browser_test("language_change_translates_all_text_and_persists", async |test| {
        let mut server = Server::start();
        let page = test.open("page", &server.url()).await;
        page.submit_login("", None).await;
        let view = page.until("an error", |view| view.login_error.is_some()).await;
        assert_eq!((&*view.lang, view.login_error.as_deref()), ("en", Some("Type a name.")));
        page.choose("#language", "zh-CN").await;
        page.until("the error in Chinese", |view| {
            view.lang == "zh-CN" && view.login_error.as_deref() == Some("请输入名字。")
        })
        .await;
        assert_no_english(&page, "the login page").await;

        page.reload().await;
        page.until("the login page in Chinese", |view| view.login && view.lang == "zh-CN").await;
        assert_no_english(&page, "the login page, loaded again").await;
        page.choose("#language", "en").await;
        page.until("English again", |view| view.lang == "en").await;

        page.log_in("tom").await;
        let lili = test.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        lili.send_and_wait("hello").await;
        page.send_and_wait("hi").await;
        lili.click("#exit").await;
        page.until("Lili has left", |view| view.presence_sentences("lili", "left") == 1).await;
        for typed in ["/help", "/who", "/nonsense"] {
            page.send(typed).await;
        }
        page.until("two notices and a note", |view| {
            view.note.is_some() && view.row_texts("notice").len() == 2
        })
        .await;
        page.click("#search-toggle").await;
        page.choose("#language", "zh-CN").await;
        let view = page
            .until("the room in Chinese", |view| {
                view.lang == "zh-CN" && view.presence_sentences("lili", "离开") == 1
            })
            .await;
        assert_no_english(&page, "the room").await;
        assert!(view.has_sent("hello") && view.has_sent("hi"), "message contents are not translated");

        page.expect_lost_connections();
        server.kill();
        page.until("the connection is lost", |view| view.connection.as_deref() == Some("reconnecting")).await;
        assert_no_english(&page, "the room without a connection").await;
    });
}

/// The background colour of the page.
async fn background(page: &Page) -> String {
    page.eval("return getComputedStyle(document.body).backgroundColor", vec![]).await
}

#[test]
fn theme_choice_overrides_the_system_and_persists() {
    browser_test("theme_choice_overrides_the_system_and_persists", async |test| {
        let server = Server::start();
        let page = test.open("page", &server.url()).await;
        page.until("the login page", |view| view.login).await;
        let system = async |scheme: &str| {
            let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            page.devtools("Emulation.setEmulatedMedia", media).await;
        };
        system("light").await;
        let light = background(&page).await;
        system("dark").await;
        let dark = background(&page).await;
        assert_ne!(light, dark, "the page follows the system");

        page.choose("#theme", "light").await;
        page.until("light is chosen", |view| view.theme.as_deref() == Some("light")).await;
        assert_eq!(background(&page).await, light, "independent of the system");
        system("light").await;
        page.choose("#theme", "dark").await;
        page.until("dark is chosen", |view| view.theme.as_deref() == Some("dark")).await;
        assert_eq!(background(&page).await, dark, "independent of the system");

        page.reload().await;
        page.until("dark is still chosen", |view| view.login && view.theme.as_deref() == Some("dark")).await;
        assert_eq!(background(&page).await, dark);
        let chosen = "return document.querySelector('#theme').value === 'dark'";
        page.until_true("the menu shows it", chosen).await;
        page.choose("#theme", "system").await;
        page.until("no theme is set", |view| view.theme.is_none()).await;
        assert_eq!(background(&page).await, light);
    });
}
