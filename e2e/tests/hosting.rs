//! The bundle on any web host: under a path, with a config.json of the host's, and with nothing let in that is
//! not its own.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Files, Page, Server, stage};
use serde_json::{Value, json};

/// What the page knows before anybody logs in: title, language, colours, server.
async fn settings(page: &Page) -> (String, String, Option<String>, String) {
    let view = page.until("the login page", |view| view.login).await;
    let server = page.eval("return document.querySelector('#login-server').value", vec![]).await;
    (view.title, view.lang, view.theme, server)
}

#[test]
fn a_host_sets_server_title_language_and_colours() {
    stage("a_host_sets_server_title_language_and_colours", async |stage| {
        let files = Files::serve("/some/sub/path/");
        let server = Server::start_with(&["--allow-origin", &files.origin()]);
        let config = json!({
            "server": server.address(), "title": "Salon", "language": "zh", "theme": "dark", "log": "off",
        });
        files.put("config.json", config.to_string());
        let page = stage.open("page", &files.url()).await;
        page.may_reach(server.address());
        let expected = ("Salon".into(), "zh-CN".into(), Some("dark".into()), server.address().into());
        assert_eq!(settings(&page).await, expected);

        page.log_in("tom").await;
        page.say_and_see("from another host").await;
        let view = page.look().await;
        assert_eq!((&*view.title, &*view.lang), ("Salon", "zh-CN"), "the host's, not the server's");
        let logged: Vec<_> =
            page.console().await.into_iter().filter(|entry| entry.source == "console-api").collect();
        assert!(logged.is_empty(), "a log that is off says nothing: {logged:#?}");

        // What the user chose goes before what the host did.
        page.choose("#language", "en").await;
        page.choose("#theme", "light").await;
        page.say("/exit").await;
        page.until("the login page", |view| view.login && !view.room).await;
        page.reload().await;
        let expected = ("Salon".into(), "en".into(), Some("light".into()), server.address().into());
        assert_eq!(settings(&page).await, expected);
    });
}

#[test]
fn a_page_from_elsewhere_is_not_let_in_unless_it_is_listed() {
    stage("a_page_from_elsewhere_is_not_let_in_unless_it_is_listed", async |stage| {
        let files = Files::serve("/");
        let server = Server::start();
        let page = stage.open("page", &files.url()).await;
        page.expect_lost_connections();
        page.submit_login("tom", Some(server.address())).await;
        let view = page.until("it is told", |view| view.login && view.login_error.is_some()).await;
        assert!(!view.room);
    });
}

#[test]
fn without_a_good_config_the_defaults_serve() {
    stage("without_a_good_config_the_defaults_serve", async |stage| {
        let files = Files::serve("/");
        let page = stage.open("page", &files.url()).await;
        let host = files.origin().replace("http://", "");
        let defaults = ("Parlour".to_owned(), "en".to_owned(), None, host);
        assert_eq!(settings(&page).await, defaults, "the config.json of the bundle sets nothing");
        // A browser tells of a missing file by itself.
        page.expect_error("404");
        let wrong = r#"{ "title": 5, "language": [], "theme": "puce", "server": null }"#;
        for (config, warnings) in
            [(Some("{ not json"), 1), (Some("[]"), 0), (Some("7"), 1), (None, 1), (Some(wrong), 2)]
        {
            match config {
                Some(config) => files.put("config.json", config),
                None => files.remove("config.json"),
            }
            let before = page.console().await.len();
            page.reload().await;
            assert_eq!(settings(&page).await, defaults, "with {config:?}");
            let console = page.console().await;
            let warned = |entry: &&parlour_e2e::Entry| {
                entry.message.contains("WARN") && entry.message.contains("config.json:")
            };
            assert_eq!(
                console[before..].iter().filter(warned).count(),
                warnings,
                "with {config:?}: {console:#?}"
            );
        }
    });
}

#[test]
fn a_language_that_can_not_be_had_leaves_the_page_as_it_is() {
    stage("a_language_that_can_not_be_had_leaves_the_page_as_it_is", async |stage| {
        let files = Files::serve("/");
        files.remove("lang/zh-CN.json");
        let page = stage.open("page", &files.url()).await;
        page.until("the login page", |view| view.login && view.lang == "en").await;
        page.expect_error("404");
        page.choose("#language", "zh-CN").await;
        let told = |error: &str| error.contains("does not answer");
        let view = page.until("it is told", |view| view.login_error.as_deref().is_some_and(told)).await;
        assert_eq!(view.lang, "en");
        let chosen: String = page.eval("return document.querySelector('#language').value", vec![]).await;
        assert_eq!(chosen, "en", "the menu says what is so");

        // Asked for by the host, too.
        files.put("config.json", json!({ "language": "zh" }).to_string());
        page.reload().await;
        page.until("the login page in English", |view| view.login && view.lang == "en").await;
        let console = page.console().await;
        assert!(console.iter().any(|entry| entry.message.contains("zh-CN")), "{console:#?}");
    });
}

#[test]
fn nothing_runs_in_the_page_that_is_not_its_own() {
    stage("nothing_runs_in_the_page_that_is_not_its_own", async |stage| {
        let (server, files) = (Server::start(), Files::serve("/"));
        let elsewhere = Server::start();
        // The server says it in a header, any other host has it in the page.
        for (name, url) in [("served", server.url()), ("hosted", files.url())] {
            let page = stage.open(name, &url).await;
            page.until("the login page", |view| view.login).await;
            let loaded = "return performance.getEntriesByType('resource').map((entry) => entry.name)";
            let loaded: Vec<String> = page.eval(loaded, vec![]).await;
            assert!(loaded.len() >= 4 && loaded.iter().all(|asked| asked.starts_with(&url)), "{loaded:#?}");

            page.expect_error("Content Security Policy");
            // The browser says so twice.
            page.expect_error("Fetch API cannot load");
            page.may_reach(elsewhere.address());
            let inject = r"
                const script = document.createElement('script');
                script.textContent = 'window.injected = 1';
                document.body.append(script);
                const box = document.createElement('div');
                box.innerHTML = `<img src='data:,' onerror='window.injected = 2'><a href='javascript:window.injected = 3'>x</a>`;
                document.body.append(box);
                box.querySelector('a').click();
                const [url] = arguments;
                const foreign = document.createElement('script');
                foreign.src = `${url}boot.js`;
                document.body.append(foreign);
                return fetch(url, { mode: 'no-cors' }).then(() => 'fetched', () => 'refused');
            ";
            let fetched: String = page.eval(inject, vec![elsewhere.url().into()]).await;
            assert_eq!(fetched, "refused", "the page asks no other host for anything but a socket");
            let injected: Value = page.eval("return window.injected ?? null", vec![]).await;
            assert_eq!(injected, Value::Null, "nothing that was put into the page runs");
            let reports = page.console().await;
            let reports =
                reports.iter().filter(|entry| entry.message.contains("Content Security Policy")).count();
            assert!(reports >= 3, "the browser stopped each of them, not chance: {reports}");
        }
    });
}
