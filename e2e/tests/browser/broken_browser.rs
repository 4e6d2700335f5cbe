//! Browsers whose interfaces are missing, refuse the user's settings, throw, or never answer: the page works all the same.

use parlour_e2e::{DesktopPeer, Server, View, browser_test};

/// The defects of browsers, each with a script that causes it.
const BROKEN: [(&str, &str); 11] = [
    ("a language with a variant of POSIX", "fake(navigator, 'languages', ['en-US@posix'])"),
    ("unknown languages", "fake(navigator, 'languages', ['x', 'tlh-Latn-', 'C.UTF-8', '', null, 5])"),
    ("no languages", "fake(navigator, 'languages', undefined); fake(navigator, 'language', undefined)"),
    ("no Intl", "delete globalThis.Intl"),
    (
        "constructors that throw",
        "for (const name of Object.getOwnPropertyNames(Intl)) if (/^[A-Z]/.test(name)) \
         Intl[name] = class { constructor() { throw new RangeError(`no ${name}`); } }",
    ),
    (
        "methods that throw",
        "const broken = () => { throw new RangeError('broken'); };
         for (const { prototype } of [Intl.DateTimeFormat, Intl.NumberFormat, Intl.PluralRules, Intl.ListFormat, Intl.Segmenter])
             for (const name of Object.getOwnPropertyNames(prototype)) if (name !== 'constructor')
                 Object.defineProperty(prototype, name, { get: broken });",
    ),
    ("no media queries", "window.matchMedia = () => { throw new Error('no media queries'); }"),
    ("no resize observer", "delete window.ResizeObserver"),
    (
        "storage that is forbidden",
        "for (const name of ['localStorage', 'sessionStorage'])
             Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError'); } });",
    ),
    (
        "a channel that refuses messages",
        "BroadcastChannel.prototype.postMessage = () => { throw new DOMException('no memory', 'DataCloneError'); }",
    ),
    ("no selection", "document.getSelection = window.getSelection = () => null"),
];

const FAKE: &str =
    "const fake = (object, name, value) => Object.defineProperty(object, name, { get: () => value });";

#[test]
fn page_works_in_a_browser_that_is_broken() {
    browser_test("page_works_in_a_browser_that_is_broken", async |test| {
        for (what, script) in BROKEN {
            let server = Server::start();
            let mut lili = DesktopPeer::connect(server.address(), "lili");
            let page = test.open_blank("tom", Default::default()).await;
            page.before_load(&format!("{FAKE}{script}")).await;
            page.goto(&server.url()).await;
            page.log_in("tom").await;
            let (own, other) = (format!("own, with {what}"), format!("lili’s, with {what}"));
            page.send_and_wait(&own).await;
            lili.send(&other);
            let view = page.until(what, |view: &View| view.has_sent(&other)).await;
            assert_eq!((&*view.lang, view.crash.as_deref()), ("en", None), "{what}");
            assert!(view.row_texts("day").iter().any(|day| day.contains("Today")), "{what}: {view:#?}");
            let times: Vec<String> = page
                .eval(
                    "return [...document.querySelectorAll('.message time')].map((e) => e.textContent)",
                    vec![],
                )
                .await;
            let is_time = |time: &String| time.contains(':') && time.chars().any(|c| c.is_ascii_digit());
            assert!(times.iter().all(is_time), "{what}: {times:?}");
            page.send("/who").await;
            page.until("the names of both", |view| {
                view.row_texts("notice").iter().any(|line| line.contains("tom") && line.contains("lili"))
            })
            .await;
            let errors = page.unexpected_errors().await;
            assert!(errors.is_empty(), "{what}: {errors:?}");
            page.close().await;
        }
    });
}

/// Browsers that refuse locks, channels or queries, or never answer.
const REFUSALS: [(&str, &str); 4] = [
    (
        "rejected",
        "navigator.locks.request = () => Promise.reject(new DOMException('refused', 'SecurityError'));
         navigator.locks.query = () => Promise.reject(new DOMException('refused', 'SecurityError'));",
    ),
    (
        "thrown",
        "navigator.locks.request = () => { throw new DOMException('refused', 'SecurityError') };
         navigator.locks.query = navigator.locks.request;
         window.BroadcastChannel = class { constructor() { throw new DOMException('refused', 'SecurityError') } };",
    ),
    (
        "unanswered",
        "navigator.locks.request = () => new Promise(() => {});
         navigator.locks.query = () => new Promise(() => {});",
    ),
    ("missing", "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });"),
];

#[test]
fn chat_works_in_a_browser_without_locks() {
    browser_test("chat_works_in_a_browser_without_locks", async |test| {
        let server = Server::start();
        for (name, script) in REFUSALS {
            let page = test.open_blank(name, Default::default()).await;
            page.before_load(script).await;
            page.before_load(
                "const now = performance.now.bind(performance); window.skipped = 0;
                 performance.now = () => now() + window.skipped;",
            )
            .await;
            page.goto(&server.url()).await;
            page.log_in(name).await;
            page.send_and_wait(&format!("hello from {name}")).await;
            // After a pause a leader checks that it still holds the lock.
            page.eval::<()>("window.skipped = 2500; return null", vec![]).await;
            page.send_and_wait(&format!("again from {name}")).await;
            page.reload().await;
            page.until("the room", |view| view.online() && view.has_sent(&format!("again from {name}")))
                .await;
            page.click("#exit").await;
            page.until("the login page", |view| view.login).await;
        }
    });
}

#[test]
fn login_can_be_cancelled_while_the_browser_does_not_answer() {
    browser_test("login_can_be_cancelled_while_the_browser_does_not_answer", async |test| {
        let server = Server::start();
        let page = test.open_blank("tom", Default::default()).await;
        page.before_load(
            "navigator.locks.request = () => new Promise(() => {}); indexedDB.open = () => ({});",
        )
        .await;
        page.goto(&server.url()).await;
        page.submit_login("tom", None).await;
        page.click("#login-cancel").await;
        page.until("it is cancelled", |view| view.login && !view.room).await;
        page.until_true(
            "the form can be submitted again",
            "return document.querySelector('#login-submit').getAttribute('aria-busy') !== 'true'",
        )
        .await;
        page.log_in("tom").await;
    });
}
