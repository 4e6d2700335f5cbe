//! Many tabs of one browser: one of them has the connection, and nobody sees which.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fantoccini::wd::WindowHandle;
use parlour_e2e::{Page, Server, eventually, stage};

/// Opens one more tab of a browser, and looks at it.
async fn new_tab(page: &Page, server: &Server) -> WindowHandle {
    let tab = page.client().new_window(true).await.unwrap().handle;
    look_at(page, &tab).await;
    page.goto(&server.url()).await;
    tab
}

async fn look_at(page: &Page, tab: &WindowHandle) {
    page.client().switch_to_window(tab.clone()).await.unwrap();
}

async fn close_tab(page: &Page, tab: &WindowHandle, next: &WindowHandle) {
    look_at(page, tab).await;
    page.client().close_window().await.unwrap();
    look_at(page, next).await;
}

#[test]
fn two_tabs_are_one_person() {
    stage("two_tabs_are_one_person", async |stage| {
        let server = Server::start();
        let [tom, lili] = [stage.open("tom", &server.url()).await, stage.open("lili", &server.url()).await];
        lili.log_in("lili").await;
        tom.log_in("tom").await;
        tom.say_and_see("one").await;
        let first = tom.client().window().await.unwrap();
        let second = new_tab(&tom, &server).await;
        tom.until("another window asks who one is", |view| view.login).await;
        tom.log_in("tom").await;
        tom.until("the room as it is", |view| view.has("one") && view.lists("lili") && view.lists("tom"))
            .await;
        assert_eq!(lili.look().await.roster, ["lili", "tom"], "it is one person still");
        let sockets = tom.requests().await.into_iter().filter(|url| url.starts_with("ws:")).count();
        assert_eq!(sockets, 1, "the tabs share one connection");
        tom.say("/who").await;
        tom.until("who is there", |view| view.lines("notice").len() == 1).await;
        tom.say_and_see("two").await;
        lili.say_and_see("three").await;
        for tab in [&first, &second] {
            look_at(&tom, tab).await;
            tom.until("all of it, once", |view| view.contents() == ["one", "two", "three"]).await;
            let notices = tom.look().await.lines("notice").len();
            assert_eq!(notices, usize::from(*tab == second), "who is there is told where it was asked");
        }

        // The tab that leads is closed: the other one takes over.
        close_tab(&tom, &first, &second).await;
        tom.until("it leads", |view| view.online() && view.round_trip.is_some()).await;
        tom.say_and_see("four").await;
        lili.say_and_see("five").await;
        for page in [&tom, &lili] {
            let all = ["one", "two", "three", "four", "five"];
            page.until("all of it, once", |view| view.contents() == all).await;
        }
        assert!(lili.look().await.movements("tom", "left") == 0, "he was there all the time");

        // Who leaves in one tab has left in all.
        let third = new_tab(&tom, &server).await;
        tom.log_in("tom").await;
        tom.until("the room", |view| view.has("five")).await;
        tom.click("#exit").await;
        for tab in [&second, &third] {
            look_at(&tom, tab).await;
            tom.until("the login page", |view| view.login && !view.room).await;
        }
        lili.until("he is gone", |view| !view.lists("tom")).await;
        // And can come back, from either.
        for (tab, text) in [(&third, "back"), (&second, "and here")] {
            look_at(&tom, tab).await;
            tom.log_in("tom").await;
            tom.say_and_see(text).await;
            lili.until("what he says", |view| view.has(text)).await;
        }
    });
}

#[test]
fn a_tab_that_leads_crashes_and_the_other_goes_on() {
    stage("a_tab_that_leads_crashes_and_the_other_goes_on", async |stage| {
        let server = Server::start();
        let [tom, lili] = [stage.open("tom", &server.url()).await, stage.open("lili", &server.url()).await];
        lili.log_in("lili").await;
        tom.log_in("tom").await;
        let first = tom.client().window().await.unwrap();
        let second = new_tab(&tom, &server).await;
        tom.log_in("tom").await;
        tom.say_and_see("one").await;
        let mark = "document.querySelector('.row.message').dataset.mark = 'here'; return null";
        tom.eval::<()>(mark, vec![]).await;
        look_at(&tom, &first).await;
        tom.crash().await;
        look_at(&tom, &second).await;
        tom.say_and_see("two").await;
        lili.say_and_see("three").await;
        for page in [&tom, &lili] {
            page.until("all of it, once", |view| view.contents() == ["one", "two", "three"]).await;
        }
        let stays = "return document.querySelector('.row.message').dataset.mark === 'here'";
        assert!(tom.eval::<bool>(stays, vec![]).await, "what is on the screen stays");
        assert_eq!(lili.look().await.movements("tom", "left"), 0, "he was there all the time");
    });
}

#[test]
fn the_double_of_a_tab_is_in_the_room_at_once() {
    stage("the_double_of_a_tab_is_in_the_room_at_once", async |stage| {
        let server = Server::start();
        let tom = stage.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        let first = tom.client().window().await.unwrap();
        tom.eval::<()>("window.open(location.href); return null", vec![]).await;
        let double = eventually("one more tab", async || {
            let mut tabs = tom.client().windows().await.unwrap().into_iter();
            tabs.find(|tab| *tab != first).ok_or_else(String::new)
        })
        .await;
        look_at(&tom, &double).await;
        tom.until("the room", |view| view.online() && view.lists("tom")).await;
        tom.say_and_see("from the double").await;
        look_at(&tom, &first).await;
        tom.until("what the double said", |view| view.has("from the double")).await;
        // The double leads meanwhile.
        tom.reload().await;
        tom.until("the room again", |view| view.online() && view.has("from the double")).await;
        tom.say_and_see("loaded again").await;
        look_at(&tom, &double).await;
        tom.until("what was said there", |view| view.has("loaded again")).await;
        assert_eq!(tom.look().await.roster, ["tom"]);
    });
}

#[test]
fn a_tab_that_dies_takes_nothing_along() {
    stage("a_tab_that_dies_takes_nothing_along", async |stage| {
        let mut server = Server::start();
        let [tom, lili] = [stage.open("tom", &server.url()).await, stage.open("lili", &server.url()).await];
        for page in [&tom, &lili] {
            page.expect_lost_connections();
        }
        lili.log_in("lili").await;
        tom.log_in("tom").await;
        let first = tom.client().window().await.unwrap();
        let second = new_tab(&tom, &server).await;
        tom.log_in("tom").await;
        tom.until("the room", |view| view.lists("lili")).await;
        server.kill();
        tom.until("no server", |view| view.connection.as_deref() == Some("reconnecting")).await;
        tom.say("said in the second").await;
        tom.until("it waits", |view| view.has_as("said in the second", "queued")).await;
        look_at(&tom, &first).await;
        tom.until("it is seen in the first", |view| view.has_as("said in the second", "queued")).await;
        // It is closed before the device has this.
        tom.eval::<()>("IDBObjectStore.prototype.put = () => {}", vec![]).await;
        tom.say("said in the first").await;
        tom.until("it waits", |view| view.has_as("said in the first", "queued")).await;
        close_tab(&tom, &first, &second).await;
        server.start_again();
        let all = ["said in the second", "said in the first"];
        for page in [&tom, &lili] {
            page.until("both, once", |view| view.contents() == all && all.iter().all(|text| view.has(text)))
                .await;
        }
    });
}

#[test]
fn another_name_in_another_window_is_another_person() {
    stage("another_name_in_another_window_is_another_person", async |stage| {
        let server = Server::start();
        let page = stage.open("both", &server.url()).await;
        page.log_in("tom").await;
        let first = page.client().window().await.unwrap();
        let second = new_tab(&page, &server).await;
        page.until("the login page, with the last name", |view| view.login).await;
        page.log_in("lili").await;
        page.say_and_see("hello tom").await;
        look_at(&page, &first).await;
        page.until("she is another", |view| view.lists("lili") && view.has("hello tom")).await;
        page.say_and_see("hello lili").await;
        // Loaded again, each is who it was.
        for (tab, own) in [(&first, "hello lili"), (&second, "hello tom")] {
            look_at(&page, tab).await;
            page.reload().await;
            page.until("back", |view| view.online() && view.said(own).iter().any(|row| row.own)).await;
        }
        // And who leaves in one has not left in the other.
        page.click("#exit").await;
        page.until("the login page", |view| view.login && !view.room).await;
        look_at(&page, &first).await;
        page.until("she is gone", |view| view.online() && !view.lists("lili")).await;
    });
}
