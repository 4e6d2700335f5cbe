//! What a browser keeps for the page: who one is, the room, and what is not sent yet.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Page, Server, View, Window, stage};

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
        tom.reload().await;
        tom.until("who leaves has left", |view| view.login).await;
        tom.log_in("tom").await;
        tom.until("the room is the server's to tell", |view| view.has("before") && view.has("after")).await;
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
fn the_page_and_its_room_open_without_a_network() {
    stage("the_page_and_its_room_open_without_a_network", async |stage| {
        let mut server = Server::start();
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.say_and_see("kept").await;
        let kept = "return caches.open('parlour').then((cache) => cache.keys()).then((keys) => \
                    ['.wasm', '.css', '.js', 'index.html', '/'].every((end) => \
                    keys.some(({ url }) => url.endsWith(end) || end === 'index.html')))";
        tom.until_true("the page is on the device", kept).await;
        let message = "return new Promise((done) => { indexedDB.open('parlour').onsuccess = ({ target: { result } }) => \
                       (result.transaction('messages').objectStore('messages').count().onsuccess = \
                       ({ target }) => (result.close(), done(target.result > 0))); })";
        tom.until_true("the message too", message).await;
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
        tom.say("and this").await;
        tom.until("it waits", |view| view.has_as("and this", "queued")).await;
        server.start_again();
        tom.until("it is sent", |view| view.has("and this") && view.online()).await;
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
    ] {
        stage(&format!("a_browser_that_keeps_nothing-{name}"), async |stage| {
            let server = Server::start();
            let tom = stage.window("tom", Window::default()).await;
            tom.before_load(script).await;
            tom.goto(&server.url()).await;
            tom.log_in("tom").await;
            tom.say_and_see("hello").await;
            tom.say_and_see("still here").await;
            let notices =
                |view: &View| view.lines("notice").iter().filter(|l| l.contains("keep anything")).count();
            tom.until("it is said", |view| notices(view) == 1).await;
        });
    }
}
