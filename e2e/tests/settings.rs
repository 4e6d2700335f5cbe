//! Language and colours, chosen while the page runs, and remembered.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Page, Server, stage};
use serde_json::json;

/// All the words that a reader, a hoverer or a listener gets, but for what people said and are called.
const WORDS: &str = r"
    const words = [];
    const add = (where, text) => { if (text && text.trim()) words.push(`${where}: ${text.trim()}`); };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        // The names of people and languages stay what they are; so do names of keys and commands. And what people said is
        // read out, a second after it came.
        if (parent.closest('bdi, .content, .announcer, option[lang], kbd, noscript, script, h1')) continue;
        add(parent.tagName, walker.currentNode.data);
    }
    for (const element of document.body.querySelectorAll('*')) {
        if (element.closest('li[data-nick], option[lang]')) continue;
        for (const name of ['aria-label', 'aria-description', 'title', 'placeholder', 'alt']) {
            add(`${element.tagName} ${name}`, element.getAttribute(name));
        }
    }
    return words;
";

/// What is called the same in Chinese: keys, protocols, commands.
const NAMES: [&str; 7] = ["Enter", "Shift", "Ctrl", "wss", "WebSocket", "Parlour", "help"];

async fn no_english(page: &Page, place: &str) {
    let words: Vec<String> = page.eval(WORDS, vec![]).await;
    assert!(words.len() > 5, "{place} has words");
    let english = |words: &&String| {
        let (_, said) = words.split_once(": ").unwrap();
        let latin = said.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
        latin.into_iter().any(|word| !NAMES.contains(&word))
    };
    let left: Vec<_> = words.iter().filter(english).collect();
    assert!(left.is_empty(), "English in {place}: {left:#?}");
}

#[test]
fn the_language_changes_all_words_at_once_and_stays() {
    stage("the_language_changes_all_words_at_once_and_stays", async |stage| {
        let server = Server::start();
        let page = stage.open("page", &server.url()).await;
        page.submit_login("", None).await;
        let view = page.until("an error", |view| view.login_error.is_some()).await;
        assert_eq!((&*view.lang, view.login_error.as_deref()), ("en", Some("Type a name.")));
        page.choose("#language", "zh-CN").await;
        page.until("the error in Chinese", |view| {
            view.lang == "zh-CN" && view.login_error.as_deref() == Some("请输入名字。")
        })
        .await;
        no_english(&page, "the login page").await;

        page.reload().await;
        page.until("the login page in Chinese", |view| view.login && view.lang == "zh-CN").await;
        no_english(&page, "the login page, loaded again").await;
        page.choose("#language", "en").await;
        page.until("English again", |view| view.lang == "en").await;

        page.log_in("tom").await;
        let lili = stage.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        lili.say_and_see("hello").await;
        page.say_and_see("hi").await;
        lili.click("#exit").await;
        page.until("Lili is gone", |view| view.movements("lili", "left") == 1).await;
        for typed in ["/help", "/who", "/nonsense"] {
            page.say(typed).await;
        }
        page.until("what the program says", |view| view.note.is_some() && view.lines("notice").len() == 2)
            .await;
        page.click("#search-toggle").await;
        page.choose("#language", "zh-CN").await;
        let view = page
            .until("all in Chinese", |view| view.lang == "zh-CN" && view.movements("lili", "离开") == 1)
            .await;
        no_english(&page, "the room").await;
        assert!(view.has("hello") && view.has("hi"), "what people said stays as it was");

        page.expect_lost_connections();
        drop(server);
        page.until("the connection is lost", |view| view.connection.as_deref() == Some("reconnecting")).await;
        no_english(&page, "the room without a connection").await;
    });
}

/// The colour that is behind everything.
async fn ground(page: &Page) -> String {
    page.eval("return getComputedStyle(document.body).backgroundColor", vec![]).await
}

#[test]
fn the_colours_can_be_chosen_and_stay() {
    stage("the_colours_can_be_chosen_and_stay", async |stage| {
        let server = Server::start();
        let page = stage.open("page", &server.url()).await;
        page.until("the login page", |view| view.login).await;
        let system = async |scheme: &str| {
            let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            page.devtools("Emulation.setEmulatedMedia", media).await;
        };
        system("light").await;
        let light = ground(&page).await;
        system("dark").await;
        let dark = ground(&page).await;
        assert_ne!(light, dark, "the page follows the system");

        page.choose("#theme", "light").await;
        page.until("light is chosen", |view| view.theme.as_deref() == Some("light")).await;
        assert_eq!(ground(&page).await, light, "whatever the system says");
        system("light").await;
        page.choose("#theme", "dark").await;
        page.until("dark is chosen", |view| view.theme.as_deref() == Some("dark")).await;
        assert_eq!(ground(&page).await, dark, "whatever the system says");

        page.reload().await;
        page.until("dark is remembered", |view| view.login && view.theme.as_deref() == Some("dark")).await;
        assert_eq!(ground(&page).await, dark);
        let chosen = "return document.querySelector('#theme').value === 'dark'";
        page.until_true("the menu shows it", chosen).await;
        page.choose("#theme", "system").await;
        page.until("the system's again", |view| view.theme.is_none()).await;
        assert_eq!(ground(&page).await, light);
    });
}
