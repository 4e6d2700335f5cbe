//! A browser that does not let the page store data: every kind of storage is forbidden, fails, or never answers. The chat
//! works all the same.

use parlour_e2e::{Page, Server, StaticHost, View, WindowOptions, browser_test, browser_test_in_each};

/// Using any of them throws an error, as in a sandboxed frame.
const THROWING: &str = "
    const refuse = () => { throw new DOMException('no', 'SecurityError'); };
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches', 'BroadcastChannel']) {
        Object.defineProperty(globalThis, name, { get: refuse });
    }
    for (const name of ['locks', 'serviceWorker']) Object.defineProperty(navigator, name, { get: refuse });
";

/// Every promise is rejected, and every request fails.
const REJECTING: &str = "
    const reject = () => Promise.reject(new DOMException('no', 'SecurityError'));
    for (const name of ['request', 'query']) LockManager.prototype[name] = reject;
    for (const name of ['open', 'match', 'delete', 'has', 'keys']) CacheStorage.prototype[name] = reject;
    ServiceWorkerContainer.prototype.register = reject;
    IDBFactory.prototype.open = () => {
        const request = {};
        setTimeout(() => request.onerror?.({}));
        return request;
    };
    for (const name of ['getItem', 'setItem', 'removeItem']) {
        Storage.prototype[name] = () => { throw new DOMException('no', 'QuotaExceededError'); };
    }
    globalThis.BroadcastChannel = class { constructor() { throw new DOMException('no', 'SecurityError'); } };
";

/// No promise ever settles, no request succeeds or fails, and no message arrives.
const SILENT: &str = "
    const hang = () => new Promise(() => {});
    for (const name of ['request', 'query']) LockManager.prototype[name] = hang;
    for (const name of ['open', 'match', 'delete', 'has', 'keys']) CacheStorage.prototype[name] = hang;
    ServiceWorkerContainer.prototype.register = hang;
    IDBFactory.prototype.open = () => ({});
    BroadcastChannel.prototype.postMessage = () => {};
";

/// The number of notices that nothing can be stored.
fn storage_notices(view: &View) -> usize {
    view.row_texts("notice").iter().filter(|line| line.contains("store data")).count()
}

/// Cancels a login, logs in, sends, leaves, and logs in again.
async fn use_chat(page: &Page, server: &Server) {
    page.expect_lost_connections();
    let unanswered = StaticHost::serve("/");
    unanswered.hang();
    let idle = |view: &View| view.login && view.connection.as_deref() == Some("idle");
    for _ in 0..2 {
        let host = unanswered.origin().replace("http://", "");
        page.submit_login("tom", Some(&host)).await;
        page.until("the login is in progress", |view| view.connection.as_deref() == Some("connecting")).await;
        page.click("#login-cancel").await;
        page.until("the login is cancelled", idle).await;
    }
    page.submit_login("tom", Some(server.address())).await;
    page.until("the room", |view| view.online() && view.lists("tom")).await;
    page.send_and_wait("hello").await;
    page.send_and_wait("still here").await;
    page.until("one notice", |view| storage_notices(view) == 1).await;
    page.click("#exit").await;
    page.until("the login page", idle).await;
    page.click("#login-submit").await;
    page.until("the room with its messages", |view| view.online() && view.has_sent("still here")).await;
    page.send_and_wait("again").await;
    page.until("one notice", |view| storage_notices(view) == 1).await;
}

#[test]
fn chat_works_if_the_browser_blocks_site_data() {
    browser_test_in_each("chat_works_if_the_browser_blocks_site_data", async |test| {
        let server = Server::start();
        let page = test.open_without_site_data("tom").await;
        page.goto(&server.url()).await;
        use_chat(&page, &server).await;
    });
}

#[test]
fn chat_works_if_storage_throws_fails_or_never_answers() {
    for (name, script) in [("throws", THROWING), ("rejects", REJECTING), ("is_silent", SILENT)] {
        browser_test(&format!("chat_works_if_storage-{name}"), async |test| {
            let server = Server::start();
            let page = test.open_blank("tom", WindowOptions::default()).await;
            page.before_load(script).await;
            page.goto(&server.url()).await;
            use_chat(&page, &server).await;
        });
    }
}

#[test]
fn login_can_be_retried_if_the_cache_never_answers() {
    browser_test("login_can_be_retried_if_the_cache_never_answers", async |test| {
        let host = StaticHost::serve("/");
        let server = Server::start_with(&["--allow-origin", &host.origin()]);
        let room = host.room_module();
        let built = host.get(&room);
        host.remove(&room);
        let page = test.open_blank("tom", WindowOptions::default()).await;
        page.before_load(SILENT).await;
        page.expect_error("");
        page.goto(&host.url()).await;
        page.submit_login("tom", Some(server.address())).await;
        page.until("the error is shown", |view| view.login_error.is_some()).await;
        host.put(&room, built);
        page.click("#login-submit").await;
        page.until("the room", View::online).await;
    });
}

#[test]
fn page_starts_if_the_settings_never_arrive() {
    browser_test("page_starts_if_the_settings_never_arrive", async |test| {
        let server = Server::start();
        let page = test.open_blank("tom", WindowOptions { language: "zh-CN" }).await;
        // As if the connection hung: only the page's own limit ends the request.
        page.before_load(
            "{
                const { fetch } = globalThis, { timeout } = AbortSignal;
                AbortSignal.timeout = () => timeout.call(AbortSignal, 0);
                globalThis.fetch = (url, options) => String(url).endsWith('.json')
                    ? new Promise((_, reject) => options?.signal?.addEventListener('abort', () => reject(options.signal.reason)))
                    : fetch(url, options);
            }",
        )
        .await;
        page.goto(&server.url()).await;
        let view = page.until("the login page", |view| view.login).await;
        assert_eq!(view.lang, "en", "the only language that is part of the client");
        page.log_in("tom").await;
        page.send_and_wait("hello").await;
    });
}
