//! The page on a basic server such as the original one: only the four fields of the basic dialect, and the resulting
//! limitations.

use parlour_e2e::{
    BasicServer, DesktopPeer, Page, PeerInput, Server, TestContext, View, browser_test, eventually,
    wire::Envelope,
};

/// Opens the page and logs in to a basic server.
async fn log_in_to(test: &TestContext, page: &Server, basic: &BasicServer, nick: &str) -> Page {
    let window = test.open(nick, &page.url()).await;
    window.submit_login(nick, Some(&basic.address())).await;
    window.until("the room, in the basic dialect", |view| view.basic() && view.lists(nick)).await;
    window
}

#[test]
fn page_exchanges_messages_through_a_basic_server() {
    browser_test("page_exchanges_messages_through_a_basic_server", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let mut ann = DesktopPeer::connect(&server.address(), "ann");
        ann.send("first");
        let tom = log_in_to(test, &host, &server, "tom").await;
        tom.until("Ann is listed", |view| view.lists("ann")).await;
        ann.until("Tom is listed, and his join shows no line", |seen| {
            seen.list.contains("tom") && seen.lines == ["ann:first"]
        })
        .await;
        let words = tom.view().await.connection_text.unwrap();
        assert!(
            words.contains("500 bytes") && words.contains("does not confirm"),
            "the limitations are listed: {words}"
        );
        tom.click("#basic-toggle").await;
        tom.until("the explanation is closed", |view| {
            !view.connection_text.as_deref().unwrap_or_default().contains("500 bytes")
        })
        .await;

        // The server broadcasts a message to its sender too, which is the only confirmation.
        tom.send_and_wait("hello").await;
        ann.until("Tom's message", |seen| seen.lines.iter().any(|line| line == "tom:hello")).await;
        ann.send("你好");
        tom.until("Ann's message", |view| view.has_sent("你好")).await;
        // The same text again is another message.
        tom.send("hello").await;
        let twice = |view: &View| {
            let messages = view.messages_with("hello");
            messages.len() == 2
                && messages.iter().all(|row| row.own && row.delivery.as_deref() == Some("sent"))
        };
        tom.until("both messages, confirmed", twice).await;
    });
}

#[test]
fn joined_messages_are_shown_separately() {
    browser_test("joined_messages_are_shown_separately", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = log_in_to(test, &host, &server, "tom").await;
        server.broadcast_joined(&[
            Envelope::new("ann", "talk", "one").with_list(["ann", "tom"]),
            Envelope::new("ann", "talk", "two\nlines").with_list(["ann", "tom"]),
            // The separating line feed is also the tag byte of field 1; a frame may also begin with another field.
            Envelope::new("", "", "nobody").with_list(["ann", "tom"]),
            Envelope::new("bob", "talk", "three").with_list(["ann", "bob", "tom"]),
        ]);
        tom.until("all messages", |view| view.contents() == ["one", "two\nlines", "nobody", "three"]).await;
        let view = tom.view().await;
        assert_eq!(view.members, ["ann", "bob", "tom"]);
    });
}

#[test]
fn message_too_long_for_a_basic_server_is_not_sent() {
    browser_test("message_too_long_for_a_basic_server_is_not_sent", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = log_in_to(test, &host, &server, "tom").await;
        let long = "字".repeat(200);
        tom.send(&long).await;
        let view = tom.until("a note", |view| view.note.is_some()).await;
        assert!(view.note.as_deref().unwrap_or_default().contains("byte"), "{:?}", view.note);
        assert_eq!(view.composer.as_deref(), Some(&*long), "the text stays in the composer");
        assert!(view.messages_with(&long).is_empty());
        let refused = |input: &PeerInput| matches!(input, PeerInput::Refused(_) | PeerInput::Close(_));
        tom.send_and_wait("short").await;
        assert!(!server.received().iter().any(refused), "{:#?}", server.received());
    });
}

#[test]
fn long_message_is_sent_in_parts_that_browsers_accept() {
    browser_test("long_message_is_sent_in_parts_that_browsers_accept", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let mut ann = DesktopPeer::connect(&server.address(), "ann");
        ann.send("first");
        let tom = log_in_to(test, &host, &server, "tom").await;
        let connections = server.connections();
        let text = "A sentence with 8 words, and one more. ".repeat(10);
        let text = text.trim_end();
        tom.send_and_wait(text).await;
        ann.until("all parts, in order", |seen| {
            let parts = seen.lines.iter().filter_map(|line| line.strip_prefix("tom:"));
            parts.collect::<String>() == text
        })
        .await;
        let parts = ann.seen().lines.iter().filter(|line| line.starts_with("tom:")).count();
        assert!(parts > 2, "{parts} parts");
        tom.send_and_wait("short").await;
        assert_eq!(server.connections(), connections, "the connection does not break");
        let words = tom.view().await.connection_text.unwrap();
        assert!(words.contains("in several parts"), "{words}");
    });
}

#[test]
fn who_and_exit_commands_work_on_a_basic_server() {
    browser_test("who_and_exit_commands_work_on_a_basic_server", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let mut ann = DesktopPeer::connect(&server.address(), "ann");
        ann.send("first");
        let tom = log_in_to(test, &host, &server, "tom").await;
        tom.until("Ann is listed", |view| view.lists("ann")).await;
        tom.send("/who").await;
        tom.until("the answer", |view| {
            view.row_texts("notice").iter().any(|line| line.contains("ann") && line.contains("tom"))
        })
        .await;
        assert!(tom.view().await.contents().is_empty(), "the user list is not shown as a message");
        ann.leave();
        tom.until("Ann has left", |view| !view.lists("ann") && view.presence_sentences("ann", "left") == 1)
            .await;

        let lili = DesktopPeer::connect(&server.address(), "lili");
        tom.send("/exit").await;
        tom.until("the login page", |view| view.login && !view.room).await;
        // An exit frame and an empty Close frame, as the original sends.
        eventually("the exit and an empty Close", async || {
            let received = server.received();
            let end = &received[received.len().saturating_sub(2)..];
            let exit = Envelope::new("tom", "exit", "exit");
            if end == [PeerInput::Envelope(exit), PeerInput::Close(None)] {
                Ok(())
            } else {
                Err(format!("{received:#?}"))
            }
        })
        .await;
        lili.until("Tom's exit, once", |seen| seen.exits_of("tom") == 1).await;
        assert_eq!(tom.view().await.login_error, None);
    });
}

#[test]
fn invalid_utf8_text_frame_is_explained_and_page_reconnects() {
    browser_test("invalid_utf8_text_frame_is_explained_and_page_reconnects", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = log_in_to(test, &host, &server, "tom").await;
        tom.expect_error("WebSocket connection to");
        let connections = server.connections();
        // With 128 or more bytes of content, the encoded length contains bytes that are not valid UTF-8.
        server.broadcast(Envelope::new("ann", "talk", &"x".repeat(200)));
        // The explanation is in the connection bar while that is shown, or in a notice.
        tom.until("an explanation", |view| {
            let mut words = view.row_texts("notice");
            words.extend(view.connection_text.as_deref());
            words.iter().any(|words| words.contains("that browsers do not accept"))
        })
        .await;
        tom.until("reconnected automatically", |view| view.basic() && view.lists("tom")).await;
        assert_eq!(server.connections(), connections + 1);
        tom.until("a notice that messages may be missing", |view| {
            view.row_texts("notice").iter().any(|line| line.contains("may be missing"))
        })
        .await;
        tom.send_and_wait("still here").await;
    });
}

#[test]
fn unconfirmed_message_can_be_retried_edited_or_discarded() {
    browser_test("unconfirmed_message_can_be_retried_edited_or_discarded", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = log_in_to(test, &host, &server, "tom").await;
        tom.expect_lost_connections();
        server.set_unresponsive(true);
        tom.send("did it arrive?").await;
        tom.until("it is pending", |view| view.has_in_state("did it arrive?", "pending")).await;
        server.set_unresponsive(false);
        server.drop_connections();
        tom.until("it has failed", |view| view.has_in_state("did it arrive?", "failed")).await;
        tom.until("reconnected automatically", View::basic).await;
        assert!(tom.view().await.has_in_state("did it arrive?", "failed"), "not resent automatically");
        tom.click(".retry").await;
        tom.until("sent", |view| view.has_sent("did it arrive?")).await;

        server.set_unresponsive(true);
        tom.send("never mind").await;
        tom.until("it is pending", |view| view.has_in_state("never mind", "pending")).await;
        server.set_unresponsive(false);
        server.drop_connections();
        tom.until("it has failed", |view| view.has_in_state("never mind", "failed")).await;
        tom.until("reconnected automatically", View::basic).await;
        tom.fill("#composer-text", "and one more").await;
        tom.click(".edit").await;
        tom.until("its text is in the composer", |view| {
            view.messages_with("never mind").is_empty()
                && view.composer.as_deref() == Some("never mind\nand one more")
        })
        .await;
        let focused = "return document.activeElement.id === 'composer-text'";
        tom.until_true("the composer has the focus", focused).await;

        tom.fill("#composer-text", "").await;
        server.set_unresponsive(true);
        tom.send("forget it").await;
        tom.until("it is pending", |view| view.has_in_state("forget it", "pending")).await;
        server.set_unresponsive(false);
        server.drop_connections();
        tom.until("it has failed", |view| view.has_in_state("forget it", "failed")).await;
        tom.click(".discard").await;
        tom.until("it is removed", |view| view.messages_with("forget it").is_empty()).await;
        let focused = "return document.activeElement.id === 'timeline'";
        tom.until_true("the timeline has the focus", focused).await;
    });
}
