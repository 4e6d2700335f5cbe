//! The original desktop program, which exchanges messages with browsers through our server.

use parlour_e2e::{DesktopPeer, Server, browser_test};

#[test]
fn desktop_peer_and_browser_exchange_messages() {
    browser_test("desktop_peer_and_browser_exchange_messages", async |test| {
        let server = Server::start();
        let lili = test.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let mut tom = DesktopPeer::connect(server.address(), "tom");
        let watcher = {
            let mut watcher = DesktopPeer::connect(server.address(), "watcher");
            watcher.send("I watch");
            watcher
        };

        // Its first message adds its name to the list.
        tom.send("hello from the desktop");
        lili.until("Tom and his message", |view| {
            view.lists("tom")
                && view
                    .messages_with("hello from the desktop")
                    .iter()
                    .any(|row| row.nick.as_deref() == Some("tom"))
        })
        .await;
        assert!(lili.view().await.presence_sentences("tom", "joined") == 1);
        let all = ["lili", "tom", "watcher"].map(ToOwned::to_owned);
        tom.until("the member list", |seen| seen.list.iter().eq(&all)).await;
        tom.until("his own message", |seen| seen.lines.iter().any(|l| l == "tom:hello from the desktop"))
            .await;

        lili.send_and_wait("hello from the browser").await;
        tom.until("her message", |seen| seen.lines.iter().any(|l| l == "lili:hello from the browser")).await;
        let envelopes = tom.seen().envelopes;
        let hers = envelopes.iter().find(|envelope| envelope.content == "hello from the browser").unwrap();
        assert_eq!((&*hers.user_name, &*hers.kind), ("lili", "talk"));

        // 128 and more bytes of content make a Text frame that is not valid UTF-8.
        let long = "很长的话，".repeat(60);
        tom.send(&long);
        lili.until("the whole message", |view| view.has_sent(&long)).await;
        let longer = "é".repeat(2_000);
        lili.send_and_wait(&longer).await;
        let line = format!("lili:{longer}");
        tom.until("her whole message", |seen| seen.lines.contains(&line)).await;

        tom.request_user_list();
        let answered = |line: &String| {
            let mut names: Vec<_> = line.rsplit(':').next().unwrap_or_default().split(',').collect();
            names.sort_unstable();
            line.ends_with(',') && names == ["", "lili", "tom", "watcher"]
        };
        tom.until("the answer to its request", |seen| seen.lines.iter().any(answered)).await;

        // Additions of the rich dialect must not be visible in its window.
        let lines = tom.seen().lines;
        let known = |line: &String| {
            line.starts_with("tom:") || line.starts_with("lili:") || line.starts_with("watcher:")
        };
        assert!(lines.iter().all(|line| known(line) || answered(line)), "{lines:#?}");

        tom.leave();
        lili.until("Tom has left", |view| !view.lists("tom") && view.presence_sentences("tom", "left") == 1)
            .await;
        watcher.until("Tom has left", |seen| seen.exits_of("tom") == 1 && !seen.list.contains("tom")).await;
        lili.send_and_wait("so quiet").await;
        watcher.until("the next message", |seen| seen.lines.iter().any(|l| l == "lili:so quiet")).await;
        assert_eq!(watcher.seen().exits_of("tom"), 1, "announced once");
        assert_eq!(lili.view().await.presence_sentences("tom", "left"), 1, "announced once");
    });
}

#[test]
fn lost_desktop_peer_is_announced_once_with_the_right_name() {
    browser_test("lost_desktop_peer_is_announced_once_with_the_right_name", async |test| {
        let server = Server::start();
        let lili = test.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let mut tom = DesktopPeer::connect(server.address(), "tom");
        let mut ann = DesktopPeer::connect(server.address(), "ann");
        tom.send("here");
        ann.send("here as well");
        lili.until("both", |view| view.lists("tom") && view.has_sent("here as well")).await;
        tom.disconnect();
        lili.until("Tom has left", |view| !view.lists("tom") && view.presence_sentences("tom", "left") == 1)
            .await;
        ann.until("Tom has left", |seen| seen.exits_of("tom") == 1 && !seen.list.contains("tom")).await;
        lili.click("#exit").await;
        ann.until("Lili has left", |seen| seen.exits_of("lili") == 1 && seen.list.len() == 1).await;
        assert_eq!((ann.seen().exits_of("tom"), ann.seen().exits_of("ann")), (1, 0));
    });
}

#[test]
fn desktop_peer_cannot_take_a_nick_in_use() {
    browser_test("desktop_peer_cannot_take_a_nick_in_use", async |test| {
        let server = Server::start();
        let lili = test.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let mut other = DesktopPeer::connect(server.address(), "lili");
        other.send("I am Lili");
        let seen = other.until("it is disconnected", |seen| seen.ended).await;
        assert_eq!(seen.lines.len(), 1, "only the refusal: {:#?}", seen.lines);
        assert!(seen.lines[0].starts_with("Parlour:This name is taken"), "{:#?}", seen.lines);
        assert!(seen.list.is_empty(), "it must not receive the user list: {:?}", seen.list);
        lili.send_and_wait("No, I am").await;
        let view = lili.view().await;
        assert_eq!(view.members, ["lili"]);
        assert!(view.messages_with("I am Lili").is_empty(), "no message appears under her nick");
    });
}
