//! What a browser keeps for the page: who one is, the room, and what is not sent yet.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Desktop, Page, Server, View, Window, eventually, stage, stage_in_each};

/// How much the storage has in each of its tables: account, outbox, messages.
const STORED: &str = r"
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const tables = database.transaction(database.objectStoreNames);
            const counts = ['account', 'outbox', 'messages'].map((name) => tables.objectStore(name).count());
            tables.oncomplete = () => (database.close(), done(counts.map((count) => count.result)));
        };
    });
";

async fn until_stored(page: &Page, what: &str, test: impl Fn([u32; 3]) -> bool) {
    eventually(what, async || {
        let stored = page.eval(STORED, vec![]).await;
        if test(stored) { Ok(()) } else { Err(format!("{stored:?}")) }
    })
    .await;
}

/// How often the page says that it can't keep anything.
fn told(view: &View) -> usize {
    view.lines("notice").iter().filter(|line| line.contains("store data")).count()
}

/// In the room, without having logged in.
async fn back_by_itself(page: &Page) {
    page.until("back in the room", |view| view.room && view.online()).await;
}

#[test]
fn a_page_that_is_loaded_again_goes_on_where_it_was() {
    stage("a_page_that_is_loaded_again_goes_on_where_it_was", async |stage| {
        let server = Server::start();
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.say_and_see("before").await;
        tom.reload().await;
        back_by_itself(&tom).await;
        tom.until("what was said", |view| view.has("before")).await;
        tom.say_and_see("after").await;
        tom.click("#exit").await;
        tom.until("the login page", |view| view.login).await;
        until_stored(&tom, "nothing is left", |stored| stored == [0; 3]).await;
        tom.reload().await;
        tom.until("who leaves has left", |view| view.login).await;
        tom.log_in("tom").await;
        tom.until("the room is the server's to tell", |view| view.has("before") && view.has("after")).await;
    });
}

#[test]
fn much_that_is_kept_at_once_is_kept_whole() {
    stage("much_that_is_kept_at_once_is_kept_whole", async |stage| {
        let server = Server::start_with(&["--burst", "1000"]);
        let mut lili = Desktop::connect(server.address(), "lili");
        for n in 0..180 {
            lili.talk(&format!("Message {n}"));
        }
        let last = "lili:Message 179".to_owned();
        lili.until("the last of it comes back", |seen| seen.lines.contains(&last)).await;
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.until("the newest", |view| view.has("Message 179")).await;
        // More than is handed to the storage in one go.
        until_stored(&tom, "the newest page", |[.., messages]| messages >= 100).await;
    });
}

#[test]
fn what_was_typed_without_a_server_outlives_the_browser() {
    stage("what_was_typed_without_a_server_outlives_the_browser", async |stage| {
        let mut server = Server::start();
        let [tom, lili] = [stage.open("tom", &server.url()).await, stage.open("lili", &server.url()).await];
        for page in [&tom, &lili] {
            page.expect_lost_connections();
        }
        tom.log_in("tom").await;
        lili.log_in("lili").await;
        tom.say_and_see("before").await;
        server.kill();
        tom.until("he sees that it is gone", |view| view.connection.as_deref() == Some("reconnecting")).await;
        for text in ["first", "second"] {
            tom.say(text).await;
            tom.until("it waits", |view| view.has_as(text, "queued")).await;
        }
        // What is shown at once is promised from here on.
        until_stored(&tom, "both are written down", |stored| stored[1] == 2).await;
        // The browser is gone, and opened again.
        let tom = stage.reopen("tom again", Window::default(), &tom).await;
        server.start_again();
        tom.goto(&server.url()).await;
        back_by_itself(&tom).await;
        for page in [&tom, &lili] {
            page.until("both, once", |view| view.has("first") && view.has("second")).await;
            assert_eq!(page.look().await.contents(), ["before", "first", "second"]);
        }
    });
}

#[test]
fn what_was_typed_outlives_a_browser_that_is_killed() {
    stage("what_was_typed_outlives_a_browser_that_is_killed", async |stage| {
        let mut server = Server::start();
        let [tom, lili] = [stage.open("tom", &server.url()).await, stage.open("lili", &server.url()).await];
        lili.expect_lost_connections();
        tom.log_in("tom").await;
        lili.log_in("lili").await;
        server.kill();
        tom.until("he sees that it is gone", |view| view.connection.as_deref() == Some("reconnecting")).await;
        for text in ["one", "two"] {
            tom.say(text).await;
        }
        until_stored(&tom, "both are written down", |stored| stored[1] == 2).await;
        // Without it the next page would not know where to look, and ask who one is.
        let remembered = async || tom.has_in_file("parlour.scope").then_some(()).ok_or_else(String::new);
        eventually("where one was is in a file", remembered).await;
        let tom = stage.revive("tom again", Window::default(), &tom).await;
        server.start_again();
        tom.goto(&server.url()).await;
        back_by_itself(&tom).await;
        for page in [&tom, &lili] {
            page.until("both, once", |view| view.has("one") && view.has("two")).await;
            assert_eq!(page.look().await.contents(), ["one", "two"]);
        }
        until_stored(&tom, "nothing waits any more", |stored| stored[1] == 0).await;
    });
}

#[test]
fn the_page_and_its_room_open_without_a_network() {
    stage_in_each("the_page_and_its_room_open_without_a_network", async |stage| {
        let mut server = Server::start();
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.say_and_see("kept").await;
        let kept = "const room = document.querySelector('link[rel=part]')?.href ?? '/'; \
                    return caches.open('parlour').then((cache) => cache.keys()).then((keys) => \
                    ['_bg.wasm', '.css', '.js', '/', room].every((end) => \
                    keys.some(({ url }) => url.endsWith(end))))";
        tom.until_true("the page is on the device", kept).await;
        until_stored(&tom, "the message too", |stored| stored[2] == 1).await;
        server.kill();
        tom.expect_lost_connections();
        for words in ["Failed to load resource", "ERR_CONNECTION_REFUSED", "config.json", "Failed to fetch"] {
            tom.expect_error(words);
        }
        tom.reload().await;
        tom.until("the room as it was", |view: &View| {
            view.room && view.has("kept") && view.connection.as_deref() == Some("reconnecting")
        })
        .await;
        let marked =
            |view: &View| view.connection_text.as_ref().is_some_and(|text| text.contains("this device"));
        tom.until("it says from where it is", marked).await;
        tom.say("and this").await;
        tom.until("it waits", |view| view.has_as("and this", "queued")).await;
        server.start_again();
        tom.until("it is sent", |view| view.has("and this") && view.online() && !marked(view)).await;
    });
}

#[test]
fn a_browser_that_keeps_nothing_says_so_once_and_the_chat_goes_on() {
    for (name, script) in [
        ("throws", "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"),
        ("silent", "IDBFactory.prototype.open = () => ({});"),
        (
            "full",
            "IDBObjectStore.prototype.put = () => { throw new DOMException('no', 'QuotaExceededError'); };",
        ),
        ("absent", "Object.defineProperty(globalThis, 'indexedDB', { value: undefined });"),
        (
            "full when all is there",
            "const { put } = IDBObjectStore.prototype;
             IDBObjectStore.prototype.put = function (...what) {
                 const request = put.apply(this, what);
                 this.transaction.abort();
                 return request;
             };",
        ),
        (
            "stuck",
            "const { transaction } = IDBDatabase.prototype;
             IDBDatabase.prototype.transaction = function (...how) {
                 const made = transaction.apply(this, how);
                 if (how[1]) Object.defineProperty(made, 'oncomplete', { set() {} });
                 return made;
             };",
        ),
    ] {
        stage(&format!("a_browser_that_keeps_nothing-{name}"), async |stage| {
            let server = Server::start();
            let tom = stage.window("tom", Window::default()).await;
            tom.before_load(script).await;
            tom.goto(&server.url()).await;
            tom.log_in("tom").await;
            tom.say_and_see("hello").await;
            tom.say_and_see("still here").await;
            tom.until("it is said", |view| told(view) == 1).await;
        });
    }
}

#[test]
fn a_later_version_of_the_page_gets_the_storage() {
    stage("a_later_version_of_the_page_gets_the_storage", async |stage| {
        let server = Server::start();
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.say_and_see("before").await;
        let upgrade = "return new Promise((done) => { const asked = indexedDB.open('parlour', 2); \
                       asked.onsuccess = () => done(true); asked.onblocked = () => done('blocked'); })";
        tom.until_true("another version has it", upgrade).await;
        tom.say_and_see("after").await;
        tom.until("nothing more is kept", |view| told(view) == 1).await;
    });
}

#[test]
fn a_storage_that_is_cleared_is_made_again() {
    stage("a_storage_that_is_cleared_is_made_again", async |stage| {
        let server = Server::start();
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        let clear = "return new Promise((done) => { const asked = indexedDB.deleteDatabase('parlour'); \
                     asked.onsuccess = () => done(true); asked.onblocked = () => done('blocked'); })";
        tom.until_true("it is cleared", clear).await;
        tom.say_and_see("after").await;
        until_stored(&tom, "it is kept again", |stored| stored[0] == 1 && stored[2] == 1).await;
        assert_eq!(told(&tom.look().await), 0);
    });
}
