//! The room is loaded apart from the login page: when, and what is told when it can't be.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Files, Page, Server, Stage, View, Window, stage};

/// A host of the bundle, and a server that lets its page in.
fn hosted() -> (Files, Server) {
    let files = Files::serve("/some/path/");
    let server = Server::start_with(&["--allow-origin", &files.origin()]);
    files.put("config.json", format!(r#"{{ "server": "{}" }}"#, server.address()));
    (files, server)
}

/// A window that may talk with the server.
async fn window(stage: &Stage, name: &str, language: &str, server: &Server) -> Page {
    let page = stage.window(name, Window { language }).await;
    page.may_reach(server.address());
    page
}

/// The room waits for `release()`. Noted are whether a frame had been drawn with the login page when it was asked for, and
/// when it is there and all that waited for it has gone on.
const HOLD: &str = "
    const ask = globalThis.fetch;
    const held = new Promise((go) => (globalThis.release = go));
    let stands = false;
    const look = () => {
        stands = Boolean(document.querySelector('#login'));
        if (!stands) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    globalThis.asked = [];
    globalThis.fetch = async (what, how) => {
        if (String(what).includes('/room-')) {
            asked.push(stands);
            await held;
        }
        return ask(what, how);
    };
    const make = WebAssembly.instantiate;
    globalThis.there = false;
    WebAssembly.instantiate = async (...what) => {
        const made = await make(...what);
        setTimeout(() => (there = true));
        return made;
    };
";

#[test]
fn it_comes_by_itself_once_the_login_page_stands() {
    stage("it_comes_by_itself_once_the_login_page_stands", async |stage| {
        let (files, server) = hosted();
        let room = files.room();
        let tom = window(stage, "tom", "en-US", &server).await;
        tom.before_load(HOLD).await;
        tom.goto(&files.url()).await;
        tom.until_true("it is asked for", "return asked.length > 0").await;
        let stood: Vec<bool> = tom.eval("return asked", vec![]).await;
        assert_eq!(stood, [true], "once, and after what is needed first");
        let named =
            format!("return document.querySelector('link[rel=part]').href === '{}{room}'", files.url());
        tom.until_true("it is what the page names", &named).await;
        let kept = "const { href } = document.querySelector('link[rel=part]'); \
                    return caches.match(href).then((kept) => kept !== undefined)";
        tom.until_true("it is kept for a time without a network, whoever is quicker", kept).await;
        tom.eval::<()>("release()", vec![]).await;
        tom.log_in("tom").await;
        tom.say_and_see("here").await;
    });
}

#[test]
fn the_settings_are_asked_for_with_the_module() {
    stage("the_settings_are_asked_for_with_the_module", async |stage| {
        let (files, server) = hosted();
        let tom = window(stage, "tom", "en-US", &server).await;
        tom.before_load(
            "
            const ask = globalThis.fetch;
            globalThis.events = [];
            globalThis.fetch = (what, how) => {
                const name = String(what).split('/').at(-1);
                if (name === 'config.json') events.push(name);
                return ask(what, how);
            };
            for (const name of ['instantiate', 'instantiateStreaming']) {
                const make = WebAssembly[name];
                WebAssembly[name] = async (...what) => {
                    const made = await make(...what);
                    events.push('module');
                    return made;
                };
            }
            ",
        )
        .await;
        tom.goto(&files.url()).await;
        tom.until("the login page", |view| view.login).await;
        let events: Vec<String> = tom.eval("return events.slice(0, 2)", vec![]).await;
        assert_eq!(events, ["config.json", "module"]);
        tom.log_in("tom").await;
        let asked: usize =
            tom.eval("return events.filter((event) => event === 'config.json').length", vec![]).await;
        assert_eq!(asked, 1);
    });
}

#[test]
fn who_is_quicker_can_think_better_of_it() {
    stage("who_is_quicker_can_think_better_of_it", async |stage| {
        let (files, server) = hosted();
        let tom = window(stage, "tom", "en-US", &server).await;
        tom.before_load(HOLD).await;
        tom.goto(&files.url()).await;
        let state = |wanted: &'static str| move |view: &View| view.connection.as_deref() == Some(wanted);
        tom.submit_login("tom", None).await;
        tom.until("it says that it is on its way", state("connecting")).await;
        tom.click("#login-cancel").await;
        let view = tom.until("it is not any more", state("idle")).await;
        assert_eq!((view.login, view.login_error), (true, None));
        tom.eval::<()>("release()", vec![]).await;
        tom.until_true("it is there", "return there").await;
        let view = tom.look().await;
        assert!(view.login && view.connection.as_deref() == Some("idle"), "who cancelled comes in: {view:?}");
    });
}

#[test]
fn who_is_quicker_and_waits_comes_in() {
    stage("who_is_quicker_and_waits_comes_in", async |stage| {
        let (files, server) = hosted();
        let tom = window(stage, "tom", "en-US", &server).await;
        tom.before_load(HOLD).await;
        tom.goto(&files.url()).await;
        tom.submit_login("tom", None).await;
        tom.until("it says that it is on its way", |view| view.connection.as_deref() == Some("connecting"))
            .await;
        tom.eval::<()>("release()", vec![]).await;
        tom.until("the room", View::online).await;
        tom.say_and_see("here").await;
    });
}

#[test]
fn who_comes_back_has_it_fetched_beside_the_settings() {
    stage("who_comes_back_has_it_fetched_beside_the_settings", async |stage| {
        let (files, server) = hosted();
        let tom = window(stage, "tom", "en-US", &server).await;
        tom.goto(&files.url()).await;
        tom.log_in("tom").await;
        tom.before_load(
            "
            const ask = globalThis.fetch;
            const asked = new Promise((go) => (globalThis.go = go));
            globalThis.fetch = async (what, how) => {
                if (String(what).includes('/room-')) go();
                if (String(what).includes('config.json')) await asked;
                return ask(what, how);
            };
            ",
        )
        .await;
        tom.reload().await;
        tom.until("the room, whose settings waited until it was asked for", View::online).await;
    });
}

/// The sentence is there, and nothing waits.
fn told(words: &str) -> impl Fn(&View) -> bool {
    move |view| {
        let told = view.login_error.as_deref().is_some_and(|error| error.contains(words));
        view.login && told && view.connection.as_deref() == Some("idle")
    }
}

#[test]
fn when_it_can_not_be_had_the_login_says_so_and_can_be_tried_again() {
    stage("when_it_can_not_be_had_the_login_says_so_and_can_be_tried_again", async |stage| {
        for (language, words, instead) in [
            ("en-US", "A part of the page could not be loaded", None),
            ("zh-CN", "页面的一部分未能加载", Some("something else")),
        ] {
            let (files, server) = hosted();
            let room = files.room();
            let built = files.get(&room);
            match instead {
                Some(content) => files.put(&room, content),
                None => files.remove(&room),
            }
            let tom = window(stage, language, language, &server).await;
            // A missing file and one with another digest are told by the browser, the former by us too.
            tom.expect_error("");
            tom.goto(&files.url()).await;
            let view = tom.until("the login page", |view| view.login && view.boot.is_none()).await;
            assert_eq!(view.login_error, None, "nobody has missed it yet");
            tom.submit_login("tom", None).await;
            tom.until("it is told", told(words)).await;
            tom.click("#login-submit").await;
            tom.until("it is told again", told(words)).await;
            files.put(&room, built);
            tom.click("#login-submit").await;
            tom.until("the room", View::online).await;
            tom.say_and_see("here").await;
        }
    });
}

#[test]
fn who_comes_back_and_can_not_have_it_is_told_and_goes_on_later() {
    stage("who_comes_back_and_can_not_have_it_is_told_and_goes_on_later", async |stage| {
        let (files, server) = hosted();
        let room = files.room();
        let built = files.get(&room);
        let tom = window(stage, "tom", "en-US", &server).await;
        tom.goto(&files.url()).await;
        tom.log_in("tom").await;
        tom.say_and_see("before").await;
        let forget = "
            const workers = navigator.serviceWorker;
            return workers.ready
                .then((worker) => worker.unregister())
                .then(() => caches.delete('parlour'))
                .then(() => true)
        ";
        tom.until_true("what the device has of the page is gone", forget).await;
        files.remove(&room);
        tom.expect_error("");
        tom.reload().await;
        tom.until("it is told", told("A part of the page could not be loaded")).await;
        files.put(&room, built);
        tom.click("#login-submit").await;
        tom.until("the room as it was", |view| view.online() && view.has("before")).await;
    });
}
