//! Browsers whose interfaces are missing, refuse the user's settings, or throw: the page works all the same.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

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
