//! The original server is a peer: our page talks through it, in four fields, and says what it can't do.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{BasicServer, Desktop, Heard, Page, Server, Stage, View, eventually, stage, wire::Frame};

/// A page of ours at a basic server, logged in.
async fn at(stage: &Stage, page: &Server, basic: &BasicServer, nick: &str) -> Page {
    let window = stage.open(nick, &page.url()).await;
    window.submit_login(nick, Some(&basic.address())).await;
    window.until("the room, in the basic dialect", |view| is_basic(view) && view.lists(nick)).await;
    window
}

fn is_basic(view: &View) -> bool {
    view.room && view.connection.as_deref() == Some("basic")
}

#[test]
fn a_page_talks_through_a_basic_server() {
    stage("a_page_talks_through_a_basic_server", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let mut ann = Desktop::connect(&server.address(), "ann");
        ann.talk("first");
        let tom = at(stage, &host, &server, "tom").await;
        tom.until("Ann is there", |view| view.lists("ann")).await;
        ann.until("Tom is there, and nothing else is seen of his coming", |seen| {
            seen.list.contains("tom") && seen.lines == ["ann:first"]
        })
        .await;
        let words = tom.look().await.connection_text.unwrap();
        assert!(
            words.contains("500 bytes") && words.contains("does not confirm"),
            "what it can't do: {words}"
        );
        tom.click("#basic-about").await;
        tom.until("the explanation is put away", |view| {
            !view.connection_text.as_deref().unwrap_or_default().contains("500 bytes")
        })
        .await;

        // Its own words come back to it, which is all the confirmation there is.
        tom.say_and_see("hello").await;
        ann.until("Tom's words", |seen| seen.lines.iter().any(|line| line == "tom:hello")).await;
        ann.talk("你好");
        tom.until("Ann's words", |view| view.has("你好")).await;
        // The same words again are another message.
        tom.say("hello").await;
        let twice = |view: &View| {
            let said = view.said("hello");
            said.len() == 2 && said.iter().all(|row| row.own && row.delivery.as_deref() == Some("sent"))
        };
        tom.until("both, confirmed", twice).await;
    });
}

#[test]
fn messages_that_come_joined_are_shown_apart() {
    stage("messages_that_come_joined_are_shown_apart", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = at(stage, &host, &server, "tom").await;
        server.say_joined(&[
            Frame::new("ann", "talk", "one").with_list(["ann", "tom"]),
            Frame::new("ann", "talk", "two\nlines").with_list(["ann", "tom"]),
            // The line feed that joins is the tag of a name, too; a frame may also begin without one.
            Frame::new("", "", "nobody").with_list(["ann", "tom"]),
            Frame::new("bob", "talk", "three").with_list(["ann", "bob", "tom"]),
        ]);
        tom.until("all of them", |view| view.contents() == ["one", "two\nlines", "nobody", "three"]).await;
        let view = tom.look().await;
        assert_eq!(view.roster, ["ann", "bob", "tom"]);
    });
}

#[test]
fn what_is_too_long_for_it_is_not_sent() {
    stage("what_is_too_long_for_it_is_not_sent", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = at(stage, &host, &server, "tom").await;
        let long = "字".repeat(200);
        tom.say(&long).await;
        let view = tom.until("it says so", |view| view.note.is_some()).await;
        assert!(view.note.as_deref().unwrap_or_default().contains("byte"), "{:?}", view.note);
        assert_eq!(view.composer.as_deref(), Some(&*long), "the text is still there");
        assert!(view.said(&long).is_empty());
        let refused = |heard: &Heard| matches!(heard, Heard::Refused(_) | Heard::Close(_));
        tom.say_and_see("short").await;
        assert!(!server.heard().iter().any(refused), "{:#?}", server.heard());
    });
}

#[test]
fn who_and_exit() {
    stage("who_and_exit", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let mut ann = Desktop::connect(&server.address(), "ann");
        ann.talk("first");
        let tom = at(stage, &host, &server, "tom").await;
        tom.until("Ann is there", |view| view.lists("ann")).await;
        tom.say("/who").await;
        tom.until("the answer", |view| {
            view.lines("notice").iter().any(|line| line.contains("ann") && line.contains("tom"))
        })
        .await;
        assert!(tom.look().await.contents().is_empty(), "the list is no message");
        ann.exit();
        tom.until("Ann is gone", |view| !view.lists("ann") && view.movements("ann", "left") == 1).await;

        let lili = Desktop::connect(&server.address(), "lili");
        tom.say("/exit").await;
        tom.until("the login page", |view| view.login && !view.room).await;
        // An exit frame, and an empty Close, as the original says good-bye.
        eventually("the exit and an empty Close", async || {
            let heard = server.heard();
            let end = &heard[heard.len().saturating_sub(2)..];
            let exit = Frame::new("tom", "exit", "exit");
            if end == [Heard::Frame(exit), Heard::Close(None)] { Ok(()) } else { Err(format!("{heard:#?}")) }
        })
        .await;
        lili.until("Tom is gone, once", |seen| seen.exits_of("tom") == 1).await;
        assert_eq!(tom.look().await.login_error, None);
    });
}

#[test]
fn text_that_is_not_utf_8_is_told_in_words() {
    stage("text_that_is_not_utf_8_is_told_in_words", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = at(stage, &host, &server, "tom").await;
        tom.expect_error("WebSocket connection to");
        let connections = server.connections();
        // A content of 128 bytes and more has a length that is no UTF-8.
        server.say(Frame::new("ann", "talk", &"x".repeat(200)));
        // In the bar as long as it lasts, or in a line that stays.
        tom.until("it says what happened", |view| {
            let mut words = view.lines("notice");
            words.extend(view.connection_text.as_deref());
            words.iter().any(|words| words.contains("a browser may not accept"))
        })
        .await;
        tom.until("back by itself", |view| is_basic(view) && view.lists("tom")).await;
        assert_eq!(server.connections(), connections + 1);
        tom.until("what may be missing is told", |view| {
            view.lines("notice").iter().any(|line| line.contains("may be missing"))
        })
        .await;
        tom.say_and_see("still here").await;
    });
}

#[test]
fn what_was_not_confirmed_is_left_to_the_user() {
    stage("what_was_not_confirmed_is_left_to_the_user", async |stage| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = at(stage, &host, &server, "tom").await;
        tom.expect_lost_connections();
        server.be_deaf(true);
        tom.say("did it arrive?").await;
        tom.until("it is on its way", |view| view.has_as("did it arrive?", "pending")).await;
        server.be_deaf(false);
        server.cut();
        tom.until("nobody knows", |view| view.has_as("did it arrive?", "failed")).await;
        tom.until("back by itself", is_basic).await;
        assert!(tom.look().await.has_as("did it arrive?", "failed"), "not sent again by itself");
        tom.click(".retry").await;
        tom.until("sent", |view| view.has("did it arrive?")).await;

        server.be_deaf(true);
        tom.say("never mind").await;
        tom.until("it is on its way", |view| view.has_as("never mind", "pending")).await;
        server.be_deaf(false);
        server.cut();
        tom.until("nobody knows", |view| view.has_as("never mind", "failed")).await;
        tom.until("back by itself", is_basic).await;
        tom.fill("#composer-text", "and one more").await;
        tom.click(".edit").await;
        tom.until("it is where one writes", |view| {
            view.said("never mind").is_empty() && view.composer.as_deref() == Some("never mind\nand one more")
        })
        .await;
        let focused = "return document.activeElement.id === 'composer-text'";
        tom.until_true("it can be written on at once", focused).await;

        tom.fill("#composer-text", "").await;
        server.be_deaf(true);
        tom.say("forget it").await;
        tom.until("it is on its way", |view| view.has_as("forget it", "pending")).await;
        server.be_deaf(false);
        server.cut();
        tom.until("nobody knows", |view| view.has_as("forget it", "failed")).await;
        tom.click(".discard").await;
        tom.until("it is gone", |view| view.said("forget it").is_empty()).await;
        let focused = "return document.activeElement.id === 'timeline'";
        tom.until_true("the keyboard is still among the messages", focused).await;
    });
}
