//! Several tabs of one browser share one connection; the leader and the followers behave alike.

use parlour_e2e::{Page, Server, browser_test, eventually};

#[test]
fn two_tabs_share_one_session() {
    browser_test("two_tabs_share_one_session", async |test| {
        let server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        lili.log_in("lili").await;
        tom.log_in("tom").await;
        tom.send_and_wait("one").await;
        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.until("the second tab asks for a login", |view| view.login).await;
        tom.log_in("tom").await;
        tom.until("the room with its message and members", |view| {
            view.has_sent("one") && view.lists("lili") && view.lists("tom")
        })
        .await;
        assert_eq!(lili.view().await.members, ["lili", "tom"], "still one member");
        let sockets = tom.requests().await.into_iter().filter(|url| url.starts_with("ws:")).count();
        assert_eq!(sockets, 1, "the tabs share one connection");
        tom.send("/who").await;
        tom.until("the member list", |view| view.row_texts("notice").len() == 1).await;
        tom.send_and_wait("two").await;
        lili.send_and_wait("three").await;
        for tab in [&first, &second] {
            tom.switch_to(tab).await;
            tom.until("all messages, once", |view| view.contents() == ["one", "two", "three"]).await;
            let notices = tom.view().await.row_texts("notice").len();
            assert_eq!(notices, usize::from(*tab == second), "only the requesting tab shows the member list");
        }

        // The leader is closed: the follower takes over.
        tom.close_tab(&first, &second).await;
        tom.until("it is the leader", |view| view.online() && view.round_trip.is_some()).await;
        tom.send_and_wait("four").await;
        lili.send_and_wait("five").await;
        for page in [&tom, &lili] {
            let all = ["one", "two", "three", "four", "five"];
            page.until("all messages, once", |view| view.contents() == all).await;
        }
        assert!(lili.view().await.presence_sentences("tom", "left") == 0, "Tom never left");

        // Leaving in one tab leaves in all.
        let third = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.until("the room", |view| view.has_sent("five")).await;
        tom.click("#exit").await;
        for tab in [&second, &third] {
            tom.switch_to(tab).await;
            tom.until("the login page", |view| view.login && !view.room).await;
        }
        lili.until("Tom has left", |view| !view.lists("tom")).await;
        // Each tab can log in again.
        for (tab, text) in [(&third, "back"), (&second, "and here")] {
            tom.switch_to(tab).await;
            tom.log_in("tom").await;
            tom.send_and_wait(text).await;
            lili.until("his message", |view| view.has_sent(text)).await;
        }
    });
}

#[test]
fn follower_takes_over_from_a_crashed_leader() {
    browser_test("follower_takes_over_from_a_crashed_leader", async |test| {
        let server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        lili.log_in("lili").await;
        tom.log_in("tom").await;
        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("one").await;
        let mark = "document.querySelector('.row.message').dataset.mark = 'here'; return null";
        tom.eval::<()>(mark, vec![]).await;
        tom.switch_to(&first).await;
        tom.crash().await;
        tom.switch_to(&second).await;
        tom.send_and_wait("two").await;
        lili.send_and_wait("three").await;
        for page in [&tom, &lili] {
            page.until("all messages, once", |view| view.contents() == ["one", "two", "three"]).await;
        }
        let stays = "return document.querySelector('.row.message').dataset.mark === 'here'";
        assert!(tom.eval::<bool>(stays, vec![]).await, "the existing rows stay");
        assert_eq!(lili.view().await.presence_sentences("tom", "left"), 0, "Tom never left");
    });
}

#[test]
fn duplicated_tab_enters_the_room_without_login() {
    browser_test("duplicated_tab_enters_the_room_without_login", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        let first = tom.tab().await;
        tom.eval::<()>("window.open(location.href); return null", vec![]).await;
        let duplicate = eventually("a second tab", async || {
            let mut tabs = tom.client().windows().await.unwrap().into_iter();
            tabs.find(|tab| *tab != first).ok_or_else(String::new)
        })
        .await;
        tom.switch_to(&duplicate).await;
        tom.until("the room", |view| view.online() && view.lists("tom")).await;
        tom.send_and_wait("from the duplicate").await;
        tom.switch_to(&first).await;
        tom.until("the message of the duplicate", |view| view.has_sent("from the duplicate")).await;
        // The duplicate becomes the leader.
        tom.reload().await;
        tom.until("the room again", |view| view.online() && view.has_sent("from the duplicate")).await;
        tom.send_and_wait("loaded again").await;
        tom.switch_to(&duplicate).await;
        tom.until("the message of the first tab", |view| view.has_sent("loaded again")).await;
        assert_eq!(tom.view().await.members, ["tom"]);
    });
}

#[test]
fn closed_leader_tab_loses_no_message() {
    browser_test("closed_leader_tab_loses_no_message", async |test| {
        let mut server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        for page in [&tom, &lili] {
            page.expect_lost_connections();
        }
        lili.log_in("lili").await;
        tom.log_in("tom").await;
        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.until("the room", |view| view.lists("lili")).await;
        server.kill();
        tom.until("disconnected", |view| view.connection.as_deref() == Some("reconnecting")).await;
        tom.send("sent in the second").await;
        tom.until("it is queued", |view| view.has_in_state("sent in the second", "queued")).await;
        tom.switch_to(&first).await;
        tom.until("it is queued in the first tab", |view| view.has_in_state("sent in the second", "queued"))
            .await;
        // The tab is closed before this message is persisted.
        tom.eval::<()>("IDBObjectStore.prototype.put = () => {}", vec![]).await;
        tom.send("sent in the first").await;
        tom.until("it is queued", |view| view.has_in_state("sent in the first", "queued")).await;
        tom.close_tab(&first, &second).await;
        server.restart();
        let all = ["sent in the second", "sent in the first"];
        for page in [&tom, &lili] {
            page.until("both messages, once", |view| {
                view.contents() == all && all.iter().all(|text| view.has_sent(text))
            })
            .await;
        }
    });
}

#[test]
fn second_tab_with_another_nick_is_another_user() {
    browser_test("second_tab_with_another_nick_is_another_user", async |test| {
        let server = Server::start();
        let page = test.open("both", &server.url()).await;
        page.log_in("tom").await;
        let first = page.tab().await;
        let second = page.open_tab(&server.url()).await;
        page.until("the login page", |view| view.login).await;
        page.log_in("lili").await;
        page.send_and_wait("hello tom").await;
        page.switch_to(&first).await;
        page.until("Lili is another member", |view| view.lists("lili") && view.has_sent("hello tom")).await;
        page.send_and_wait("hello lili").await;
        // After a reload, each tab still has the same user.
        for (tab, own) in [(&first, "hello lili"), (&second, "hello tom")] {
            page.switch_to(tab).await;
            page.reload().await;
            page.until("the same user", |view| {
                view.online() && view.messages_with(own).iter().any(|row| row.own)
            })
            .await;
        }
        // Leaving in one does not affect the other.
        page.click("#exit").await;
        page.until("the login page", |view| view.login && !view.room).await;
        page.switch_to(&first).await;
        page.until("Lili has left", |view| view.online() && !view.lists("lili")).await;
    });
}

#[test]
fn reading_in_one_tab_marks_messages_as_read_in_all() {
    browser_test("reading_in_one_tab_marks_messages_as_read_in_all", async |test| {
        let server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        lili.log_in("lili").await;
        // Each tab has to believe that it is hidden or in front of the user, whatever the window manager does.
        tom.log_in("tom").await;
        let [first, second] = tom.open_second_window("tom", &server).await;
        let focus =
            "Object.defineProperty(document, 'hasFocus', { configurable: true, value: () => arguments_0 });
            window.dispatchEvent(new Event('focus')); return null";
        let set_focus = async |focused: bool| {
            tom.eval::<()>(&focus.replace("arguments_0", if focused { "true" } else { "false" }), vec![])
                .await;
        };
        for (reads, other) in [(&first, &second), (&second, &first)] {
            tom.switch_to(other).await;
            set_focus(false).await;
            tom.switch_to(reads).await;
            set_focus(false).await;
            for text in ["one", "two", "three"] {
                lili.send_and_wait(&format!("{text} {reads:?}")).await;
            }
            for tab in [other, reads] {
                tom.switch_to(tab).await;
                tom.until("three are unread", |view| view.title.starts_with("(3) ")).await;
            }
            set_focus(true).await;
            tom.until("read", |view| !view.title.starts_with('(')).await;
            tom.switch_to(other).await;
            tom.until("read in the other tab", |view| !view.title.starts_with('(')).await;
            // What arrives while the other tab is in front is read at once.
            lili.send_and_wait(&format!("four {reads:?}")).await;
            tom.until("the message", |view| view.has_sent(&format!("four {reads:?}"))).await;
            tom.until("it is read", |view| !view.title.starts_with('(')).await;
        }
    });
}

/// The number of messages on the device that are not of the lobby.
const STORED_ELSEWHERE: &str = r"
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const keys = database.transaction('messages').objectStore('messages').getAllKeys();
            const isElsewhere = ([, key]) => new Uint8Array(key).slice(0, 16).some((byte) => byte > 0);
            keys.onsuccess = () => (database.close(), done(keys.result.filter(isElsewhere).length));
        };
    });
";

async fn until_stored_elsewhere(page: &Page, count: u32) {
    eventually("the messages are on the device", async || {
        let stored: u32 = page.eval(STORED_ELSEWHERE, vec![]).await;
        if stored == count { Ok(()) } else { Err(format!("{stored} messages")) }
    })
    .await;
}

#[test]
fn messages_of_a_room_that_only_a_follower_shows_are_persisted() {
    browser_test("messages_of_a_room_that_only_a_follower_shows_are_persisted", async |test| {
        let server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        tom.log_in("tom").await;
        lili.log_in("lili").await;
        lili.click("#rooms-menu").await;
        lili.click("#create-room").await;
        lili.fill("#create-room-name", "rust").await;
        lili.click("dialog button[type=submit]").await;
        let in_rust = "return document.querySelector('#room-name')?.textContent.trim() === 'rust'";
        lili.until_true("the room", in_rust).await;
        lili.send_and_wait("before").await;

        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.send("/join rust").await;
        tom.until_true("the room", in_rust).await;
        tom.until("its message", |view| view.has_sent("before")).await;
        lili.send_and_wait("after").await;
        until_stored_elsewhere(&tom, 2).await;
        // The first tab opens the room and leaves it, and the second one shows it all the time.
        tom.switch_to(&first).await;
        let open = "const link = [...document.querySelectorAll('#room-list a')].find((link) => \
                    link.querySelector('.room-label')?.textContent === 'rust'); link?.click(); return !!link";
        tom.until_true("the room is in the list", open).await;
        tom.until("its messages", |view| view.contents() == ["before", "after"]).await;
        tom.eval::<()>("history.back()", vec![]).await;
        lili.send_and_wait("last").await;
        until_stored_elsewhere(&tom, 3).await;
        tom.switch_to(&second).await;
        tom.until("all messages, once", |view| view.contents() == ["before", "after", "last"]).await;
    });
}
