//! Data that a browser persists for the page: the login, the room, and unsent messages.

use parlour_e2e::{
    DesktopPeer, Entry, Page, Server, View, WindowOptions, browser_test, browser_test_in_each, eventually,
};

/// The number of entries in each object store: account, send queue, messages.
const STORED: &str = r"
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const tables = database.transaction(database.objectStoreNames);
            const counts = ['account', 'queue', 'messages'].map((name) => tables.objectStore(name).count());
            tables.oncomplete = () => (database.close(), done(counts.map((count) => count.result)));
        };
    });
";

/// Waits until the numbers of [`STORED`] pass a test.
pub async fn until_stored(page: &Page, what: &str, test: impl Fn([u32; 3]) -> bool) {
    eventually(what, async || {
        let stored = page.eval(STORED, vec![]).await;
        if test(stored) { Ok(()) } else { Err(format!("{stored:?}")) }
    })
    .await;
}

/// The number of notices that nothing can be persisted.
fn storage_notices(view: &View) -> usize {
    view.row_texts("notice").iter().filter(|line| line.contains("store data")).count()
}

/// Waits for the room, without logging in.
pub async fn until_resumed(page: &Page) {
    page.until("back in the room", |view| view.room && view.online()).await;
}

#[test]
fn reload_resumes_the_session_and_exit_clears_the_storage() {
    browser_test("reload_resumes_the_session_and_exit_clears_the_storage", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("before").await;
        tom.reload().await;
        until_resumed(&tom).await;
        tom.until("the message", |view| view.has_sent("before")).await;
        tom.send_and_wait("after").await;
        tom.click("#exit").await;
        tom.until("the login page", |view| view.login).await;
        until_stored(&tom, "the storage is empty", |stored| stored == [0; 3]).await;
        tom.reload().await;
        tom.until("the login page after a reload", |view| view.login).await;
        tom.log_in("tom").await;
        tom.until("the messages from the server", |view| view.has_sent("before") && view.has_sent("after"))
            .await;
    });
}

#[test]
fn large_batch_is_persisted_completely() {
    browser_test("large_batch_is_persisted_completely", async |test| {
        let server = Server::start_with(&["--burst", "1000"]);
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        for n in 0..180 {
            lili.send(&format!("Message {n}"));
        }
        let last = "lili:Message 179".to_owned();
        lili.until("the echo of the last message", |seen| seen.lines.contains(&last)).await;
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.until("the newest message", |view| view.has_sent("Message 179")).await;
        // More than boot/device.js writes in one task.
        until_stored(&tom, "the newest history page", |[.., messages]| messages >= 50).await;
    });
}

#[test]
fn unsent_messages_survive_a_browser_restart() {
    browser_test("unsent_messages_survive_a_browser_restart", async |test| {
        let mut server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        for page in [&tom, &lili] {
            page.expect_lost_connections();
        }
        tom.log_in("tom").await;
        lili.log_in("lili").await;
        tom.send_and_wait("before").await;
        server.kill();
        tom.until("Tom is disconnected", |view| view.connection.as_deref() == Some("reconnecting")).await;
        for text in ["first", "second"] {
            tom.send(text).await;
            tom.until("it is queued", |view| view.has_in_state(text, "queued")).await;
        }
        // From here on the messages must survive.
        until_stored(&tom, "both are persisted", |stored| stored[1] == 2).await;
        // The browser is closed and opened again.
        let tom = test.reopen("tom again", WindowOptions::default(), &tom).await;
        server.restart();
        tom.goto(&server.url()).await;
        until_resumed(&tom).await;
        for page in [&tom, &lili] {
            page.until("both messages, once", |view| view.has_sent("first") && view.has_sent("second")).await;
            assert_eq!(page.view().await.contents(), ["before", "first", "second"]);
        }
    });
}

#[test]
fn unsent_messages_survive_a_killed_browser() {
    browser_test("unsent_messages_survive_a_killed_browser", async |test| {
        let mut server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        lili.expect_lost_connections();
        tom.log_in("tom").await;
        lili.log_in("lili").await;
        server.kill();
        tom.until("Tom is disconnected", |view| view.connection.as_deref() == Some("reconnecting")).await;
        for text in ["one", "two"] {
            tom.send(text).await;
        }
        until_stored(&tom, "both are persisted", |stored| stored[1] == 2).await;
        // Without it the next page would show the login page.
        let scope_persisted =
            async || tom.is_in_storage_files("parlour.scope").then_some(()).ok_or_else(String::new);
        eventually("the scope is in a file", scope_persisted).await;
        let tom = test.kill_and_reopen("tom again", WindowOptions::default(), &tom).await;
        server.restart();
        tom.goto(&server.url()).await;
        until_resumed(&tom).await;
        for page in [&tom, &lili] {
            page.until("both messages, once", |view| view.has_sent("one") && view.has_sent("two")).await;
            assert_eq!(page.view().await.contents(), ["one", "two"]);
        }
        until_stored(&tom, "the send queue is empty", |stored| stored[1] == 0).await;
    });
}

#[test]
fn page_and_room_open_offline() {
    browser_test_in_each("page_and_room_open_offline", async |test| {
        let mut server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("persisted").await;
        let cached = "const room = document.querySelector('link[rel=part][data-parts=room]')?.href ?? '/'; \
                    return caches.open('parlour').then((cache) => cache.keys()).then((keys) => \
                    ['_bg.wasm', '.css', '.js', '/', room].every((end) => \
                    keys.some(({ url }) => url.endsWith(end))))";
        tom.until_true("the page is cached", cached).await;
        until_stored(&tom, "the message is persisted", |stored| stored[2] == 1).await;
        server.kill();
        tom.expect_lost_connections();
        for words in ["Failed to load resource", "ERR_CONNECTION_REFUSED", "config.json", "Failed to fetch"] {
            tom.expect_error(words);
        }
        tom.reload().await;
        tom.until("the room with its message", |view: &View| {
            view.room && view.has_sent("persisted") && view.connection.as_deref() == Some("reconnecting")
        })
        .await;
        let marked_offline =
            |view: &View| view.connection_text.as_ref().is_some_and(|text| text.contains("this device"));
        tom.until("the bar says that the content is from this device", marked_offline).await;
        tom.send("and this").await;
        tom.until("it is queued", |view| view.has_in_state("and this", "queued")).await;
        server.restart();
        tom.until("it is sent", |view| view.has_sent("and this") && view.online() && !marked_offline(view))
            .await;
    });
}

#[test]
fn unusable_storage_is_reported_once_and_chat_continues() {
    for (name, script) in [
        ("throws", "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"),
        ("unanswered", "IDBFactory.prototype.open = () => ({});"),
        (
            "full",
            "IDBObjectStore.prototype.put = () => { throw new DOMException('no', 'QuotaExceededError'); };",
        ),
        ("absent", "Object.defineProperty(globalThis, 'indexedDB', { value: undefined });"),
        (
            "aborted",
            "const { put } = IDBObjectStore.prototype;
             IDBObjectStore.prototype.put = function (...what) {
                 const request = put.apply(this, what);
                 this.transaction.abort();
                 return request;
             };",
        ),
        (
            "incomplete",
            "const { transaction } = IDBDatabase.prototype;
             IDBDatabase.prototype.transaction = function (...how) {
                 const made = transaction.apply(this, how);
                 if (how[1]) Object.defineProperty(made, 'oncomplete', { set() {} });
                 return made;
             };",
        ),
    ] {
        browser_test(&format!("unusable_storage-{name}"), async |test| {
            let server = Server::start();
            let tom = test.open_blank("tom", WindowOptions::default()).await;
            tom.before_load(script).await;
            tom.goto(&server.url()).await;
            tom.log_in("tom").await;
            tom.send_and_wait("hello").await;
            tom.send_and_wait("still here").await;
            tom.until("one notice", |view| storage_notices(view) == 1).await;
            let steps_down =
                |entry: &Entry| entry.message.contains("another tab has taken the connection over");
            assert!(!tom.console().await.iter().any(steps_down), "{name}: the only tab is not superseded");
        });
    }
}

/// `break_handles()` makes all transactions of the database handles that are open fail in some way; later handles work.
const BREAK_HANDLES: &str = "
    const { transaction } = IDBDatabase.prototype, { commit } = IDBTransaction.prototype;
    const handles = new Set(), broken = new Set();
    globalThis.break_handles = () => handles.forEach((handle) => broken.add(handle));
    IDBDatabase.prototype.transaction = function (...how) {
        handles.add(this);
        if (!broken.has(this)) return transaction.apply(this, how);
        return fail(() => transaction.apply(this, how));
    };
";

#[test]
fn broken_database_handle_is_replaced() {
    for (name, fail) in [
        ("aborts", "made.commit = () => {}; queueMicrotask(() => made.abort()); return made;"),
        ("throws", "made.abort(); throw new DOMException('no', 'InvalidStateError');"),
        (
            "is_silent",
            "const request = () => ({}); return { objectStore: () => ({ put: request, delete: request, getAll: request }), \
             abort() {}, commit() {} };",
        ),
    ] {
        browser_test(&format!("broken_database_handle_is_replaced-{name}"), async |test| {
            let mut server = Server::start();
            let tom = test.open_blank("tom", WindowOptions::default()).await;
            let fail = format!("const fail = (make) => {{ const made = make(); {fail} }};");
            tom.before_load(&format!("{{ {fail} {BREAK_HANDLES} }}")).await;
            tom.goto(&server.url()).await;
            tom.log_in("tom").await;
            tom.send_and_wait("before").await;
            until_stored(&tom, "the message is persisted", |stored| stored[2] == 1).await;
            tom.expect_lost_connections();
            server.kill();
            tom.until("Tom is disconnected", |view| view.connection.as_deref() == Some("reconnecting")).await;
            tom.eval::<()>("break_handles()", vec![]).await;
            tom.send("after").await;
            until_stored(&tom, "the next message is persisted", |stored| stored[1] == 1).await;
            assert_eq!(storage_notices(&tom.view().await), 0);
            // Nothing is left in the page that could send it.
            let tom = test.reopen("tom again", WindowOptions::default(), &tom).await;
            server.restart();
            tom.goto(&server.url()).await;
            until_resumed(&tom).await;
            tom.until("the messages", |view| view.has_sent("before") && view.has_sent("after")).await;
        });
    }
}

#[test]
fn repeated_writes_keep_their_order() {
    browser_test("repeated_writes_keep_their_order", async |test| {
        let server = Server::start();
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        // The first transaction with this text is aborted; those after it work.
        let abort_first = "
            const { put } = IDBObjectStore.prototype;
            let aborted = false;
            IDBObjectStore.prototype.put = function (...what) {
                const request = put.apply(this, what);
                if (what[0] === 'first' && !aborted) {
                    aborted = true;
                    const { transaction } = this;
                    transaction.commit = () => {};
                    request.onsuccess = () => transaction.abort();
                }
                return request;
            };
        ";
        tom.before_load(abort_first).await;
        tom.goto(&server.url()).await;
        tom.until("the login page", |view| view.login).await;
        let write = "
            const all = [[0, '']];
            const put = (text) => device.write('test', [[0, 'key', undefined, text]]);
            return Promise.all([put('first'), put('second'), device.read('test', all).then(() => true)])
                .then((done) => Promise.all([...done, device.read('test', all)]))
                .then(([first, second, , [values]]) => [first, second, values]);
        ";
        let written: serde_json::Value = tom.eval(write, vec![]).await;
        assert_eq!(written, serde_json::json!([true, true, ["second"]]));
    });
}

#[test]
fn storage_is_released_to_a_newer_version() {
    browser_test("storage_is_released_to_a_newer_version", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("before").await;
        let upgrade = "return new Promise((done) => { const request = indexedDB.open('parlour', 1000); \
                       request.onsuccess = () => done(true); request.onblocked = () => done('blocked'); })";
        tom.until_true("another version opens the storage", upgrade).await;
        tom.send_and_wait("after").await;
        tom.until("one notice that nothing is persisted", |view| storage_notices(view) == 1).await;
    });
}

#[test]
fn cleared_storage_is_recreated() {
    browser_test("cleared_storage_is_recreated", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        let clear = "return new Promise((done) => { const request = indexedDB.deleteDatabase('parlour'); \
                     request.onsuccess = () => done(true); request.onblocked = () => done('blocked'); })";
        tom.until_true("the storage is deleted", clear).await;
        tom.send_and_wait("after").await;
        until_stored(&tom, "account and message are persisted again", |stored| {
            stored[0] == 1 && stored[2] == 1
        })
        .await;
        assert_eq!(storage_notices(&tom.view().await), 0);
    });
}

/// Opens another tab of a browser.
async fn new_tab(page: &Page, server: &Server) {
    let tab = page.client().new_window(true).await.unwrap().handle;
    page.client().switch_to_window(tab).await.unwrap();
    page.goto(&server.url()).await;
}

#[test]
fn other_accounts_do_not_end_the_session_of_a_device() {
    browser_test("other_accounts_do_not_end_the_session_of_a_device", async |test| {
        let server = Server::start();
        let lili = test.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        // Somebody fails to log in.
        new_tab(&tom, &server).await;
        tom.submit_login("lili", None).await;
        tom.until("the name is taken", |view| view.login_error.is_some()).await;
        let tom = test.reopen("tom again", WindowOptions::default(), &tom).await;
        tom.goto(&server.url()).await;
        tom.until("back in the room", |view| view.online() && view.lists("tom")).await;
        // Somebody else logs in, and the first one leaves.
        let first = tom.client().window().await.unwrap();
        new_tab(&tom, &server).await;
        tom.log_in("ann").await;
        tom.client().switch_to_window(first).await.unwrap();
        tom.click("#exit").await;
        tom.until("the login page", |view| view.login).await;
        let ann = test.reopen("ann", WindowOptions::default(), &tom).await;
        ann.goto(&server.url()).await;
        ann.until("back in the room", |view| view.online() && view.lists("ann")).await;
    });
}
