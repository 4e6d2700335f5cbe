//! The bundle on a static web host: under a path, with the host's config.json, and protected by the content security
//! policy.

use parlour_e2e::{Page, Server, StaticHost, View, browser_test, socket};
use serde_json::{Value, json};

/// The state of the login page: title, language, theme, server.
async fn settings(page: &Page) -> (String, String, Option<String>, String) {
    let view = page.until("the login page", |view| view.login).await;
    let server = page.eval("return document.querySelector('#login-server').value", vec![]).await;
    (view.title, view.lang, view.theme, server)
}

#[test]
fn config_sets_server_title_language_and_theme() {
    browser_test("config_sets_server_title_language_and_theme", async |test| {
        let files = StaticHost::serve("/some/sub/path/");
        let server = Server::start_with(&["--allow-origin", &files.origin()]);
        let config = json!({
            "server": server.address(), "title": "Salon", "language": "zh", "theme": "dark", "log": "off",
        });
        files.put("config.json", config.to_string());
        let page = test.open("page", &files.url()).await;
        page.allow_host(server.address());
        let expected = ("Salon".into(), "zh-CN".into(), Some("dark".into()), server.address().into());
        assert_eq!(settings(&page).await, expected);

        page.log_in("tom").await;
        page.send_and_wait("from another host").await;
        let view = page.view().await;
        assert_eq!(
            (&*view.title, &*view.lang),
            ("Salon", "zh-CN"),
            "from the host's config, not the server's"
        );
        let logged: Vec<_> =
            page.console().await.into_iter().filter(|entry| entry.source == "console-api").collect();
        assert!(logged.is_empty(), "console output although the log is off: {logged:#?}");

        // The user's choice overrides the host's.
        page.choose("#language", "en").await;
        page.choose("#theme", "light").await;
        page.send("/exit").await;
        page.until("the login page", |view| view.login && !view.room).await;
        page.reload().await;
        let expected = ("Salon".into(), "en".into(), Some("light".into()), server.address().into());
        assert_eq!(settings(&page).await, expected);
    });
}

#[test]
fn page_from_an_unlisted_origin_is_refused() {
    browser_test("page_from_an_unlisted_origin_is_refused", async |test| {
        let files = StaticHost::serve("/");
        let server = Server::start();
        let page = test.open("page", &files.url()).await;
        page.expect_lost_connections();
        page.submit_login("tom", Some(server.address())).await;
        let expected = "This server does not allow pages of this address; its operator has to add the address to the \
            setting allow_origin.";
        page.until("the reason", |view| view.login && view.login_error.as_deref() == Some(expected)).await;
        page.choose("#language", "zh-CN").await;
        let expected = "此服务器不允许来自该网址的页面连接，请服务器管理员把该网址加入设置项 allow_origin。";
        page.until("the reason in Chinese", |view| view.login_error.as_deref() == Some(expected)).await;
        // Only to a page that asks for the reason is it given after the handshake.
        let connect = |origin: &str| socket::connect(server.address(), &format!("Origin: {origin}"));
        let refused = connect(&files.origin()).expect_err("the origin is refused").to_string();
        assert!(refused.contains(" 403 "), "{refused}");
        connect(server.url().trim_end_matches('/')).expect("the server's own origin is accepted");
    });
}

#[test]
fn page_that_is_not_allowed_any_more_says_so_and_reconnects_when_it_is() {
    browser_test("page_that_is_not_allowed_any_more_says_so_and_reconnects_when_it_is", async |test| {
        let files = StaticHost::serve("/");
        let allowed = ["--allow-origin", &files.origin()];
        let mut server = Server::start_with(&allowed);
        let page = test.open("page", &files.url()).await;
        page.expect_lost_connections();
        page.submit_login("tom", Some(server.address())).await;
        page.until("the room", |view| view.online()).await;
        server.stop().await;
        server.restart_with(&[]);
        let says_why =
            |view: &View| view.connection_text.as_deref().is_some_and(|it| it.contains("allow_origin"));
        page.until("the reason", says_why).await;
        server.stop().await;
        server.restart_with(&allowed);
        page.until("it is online again", |view| view.online()).await;
        page.send_and_wait("back").await;
    });
}

#[test]
fn invalid_config_falls_back_to_defaults() {
    browser_test("invalid_config_falls_back_to_defaults", async |test| {
        let files = StaticHost::serve("/");
        let page = test.open("page", &files.url()).await;
        let host = files.origin().replace("http://", "");
        let defaults = ("Parlour".to_owned(), "en".to_owned(), None, host);
        assert_eq!(settings(&page).await, defaults, "the bundle's config.json sets nothing");
        // The browser itself logs the missing file.
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
fn unavailable_language_keeps_the_current_one() {
    browser_test("unavailable_language_keeps_the_current_one", async |test| {
        let files = StaticHost::serve("/");
        files.remove("lang/zh-CN.json");
        let page = test.open("page", &files.url()).await;
        page.until("the login page", |view| view.login && view.lang == "en").await;
        page.expect_error("404");
        page.choose("#language", "zh-CN").await;
        let no_answer = |error: &str| error.contains("does not answer");
        let view = page.until("an error", |view| view.login_error.as_deref().is_some_and(no_answer)).await;
        assert_eq!(view.lang, "en");
        let chosen: String = page.eval("return document.querySelector('#language').value", vec![]).await;
        assert_eq!(chosen, "en", "the menu shows the language in use");

        // The same if the host's config sets the language.
        files.put("config.json", json!({ "language": "zh" }).to_string());
        page.reload().await;
        page.until("the login page in English", |view| view.login && view.lang == "en").await;
        let console = page.console().await;
        assert!(console.iter().any(|entry| entry.message.contains("zh-CN")), "{console:#?}");
    });
}

#[test]
fn csp_blocks_injected_scripts_and_foreign_requests() {
    browser_test("csp_blocks_injected_scripts_and_foreign_requests", async |test| {
        let (server, files) = (Server::start(), StaticHost::serve("/"));
        let elsewhere = Server::start();
        // Our server sends the policy in a header; on other hosts it is in the document.
        for (name, url) in [("served", server.url()), ("hosted", files.url())] {
            let page = test.open(name, &url).await;
            page.until("the login page", |view| view.login).await;
            // A host that ends during a download is an error of its own.
            let prefetched = r"
                const loaded = performance.getEntriesByType('resource').filter((it) => it.responseEnd > 0).map((it) => it.name);
                const parts = [...document.querySelectorAll('link[rel=part]')].filter(({ dataset }) =>
                    /\b(room|side|members|diagnostics)\b/.test(dataset.parts));
                return (parts.length > 3 && parts.every(({ href }) => loaded.includes(href))) || loaded
            ";
            page.until_true("the parts that are loaded before a login", prefetched).await;
            let loaded = "return performance.getEntriesByType('resource').map((entry) => entry.name)";
            let loaded: Vec<String> = page.eval(loaded, vec![]).await;
            assert!(loaded.len() >= 4 && loaded.iter().all(|name| name.starts_with(&url)), "{loaded:#?}");

            page.expect_error("Content Security Policy");
            // Chromium logs this in addition to the policy report.
            page.expect_error("Fetch API cannot load");
            page.allow_host(elsewhere.address());
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
            assert_eq!(fetched, "refused", "the page may fetch nothing from other hosts");
            let injected: Value = page.eval("return window.injected ?? null", vec![]).await;
            assert_eq!(injected, Value::Null, "no injected script runs");
            let reports = page.console().await;
            let reports =
                reports.iter().filter(|entry| entry.message.contains("Content Security Policy")).count();
            assert!(reports >= 3, "the policy blocked each attempt: {reports} reports");
        }
    });
}

#[test]
fn bundle_works_behind_a_password() {
    browser_test("bundle_works_behind_a_password", async |test| {
        let files = StaticHost::serve("/");
        let server = files.start_server();
        files.protect("lili", "s3cret");
        let page = test.open_blank("page", parlour_e2e::WindowOptions::default()).await;
        page.allow_host(server.address());
        page.goto(&files.url().replace("http://", "http://lili:s3cret@")).await;
        page.log_in("tom").await;
        page.send_and_wait("hello").await;
        let manifest = page.devtools("Page.getAppManifest", json!({})).await;
        let text = manifest["data"].as_str().unwrap_or_default();
        assert!(text.contains("\"name\"") && manifest["errors"] == json!([]), "{manifest:#}");
    });
}
