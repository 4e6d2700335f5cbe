//! The original desktop program is a peer: it talks with browsers through our server.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Desktop, Server, stage};

#[test]
fn a_desktop_peer_and_a_browser_talk() {
    stage("a_desktop_peer_and_a_browser_talk", async |stage| {
        let server = Server::start();
        let lili = stage.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let mut tom = Desktop::connect(server.address(), "tom");
        let watcher = {
            let mut watcher = Desktop::connect(server.address(), "watcher");
            watcher.talk("I watch");
            watcher
        };

        // Its first talk puts its name on the list.
        tom.talk("hello from the desktop");
        lili.until("Tom and what he says", |view| {
            view.lists("tom")
                && view.said("hello from the desktop").iter().any(|row| row.nick.as_deref() == Some("tom"))
        })
        .await;
        assert!(lili.look().await.movements("tom", "joined") == 1);
        let all = ["lili", "tom", "watcher"].map(ToOwned::to_owned);
        tom.until("the list", |seen| seen.list.iter().eq(&all)).await;
        tom.until("his own words", |seen| seen.lines.iter().any(|l| l == "tom:hello from the desktop")).await;

        lili.say_and_see("hello from the browser").await;
        tom.until("her words", |seen| seen.lines.iter().any(|l| l == "lili:hello from the browser")).await;
        let frames = tom.seen().frames;
        let hers = frames.iter().find(|frame| frame.content == "hello from the browser").unwrap();
        assert_eq!((&*hers.user_name, &*hers.kind), ("lili", "talk"));

        // 128 bytes and more make a Text frame that is not UTF-8.
        let long = "很长的话，".repeat(60);
        tom.talk(&long);
        lili.until("all of it", |view| view.has(&long)).await;
        let longer = "é".repeat(2_000);
        lili.say_and_see(&longer).await;
        let line = format!("lili:{longer}");
        tom.until("all of hers", |seen| seen.lines.contains(&line)).await;

        tom.ask_who();
        let answered = |line: &String| {
            let mut names: Vec<_> = line.rsplit(':').next().unwrap_or_default().split(',').collect();
            names.sort_unstable();
            line.ends_with(',') && names == ["", "lili", "tom", "watcher"]
        };
        tom.until("the names in a line", |seen| seen.lines.iter().any(answered)).await;

        // What the rich dialect adds is invisible to it.
        let lines = tom.seen().lines;
        let known = |line: &String| {
            line.starts_with("tom:") || line.starts_with("lili:") || line.starts_with("watcher:")
        };
        assert!(lines.iter().all(|line| known(line) || answered(line)), "{lines:#?}");

        tom.exit();
        lili.until("Tom is gone", |view| !view.lists("tom") && view.movements("tom", "left") == 1).await;
        watcher.until("Tom is gone", |seen| seen.exits_of("tom") == 1 && !seen.list.contains("tom")).await;
        lili.say_and_see("so quiet").await;
        watcher.until("what came after", |seen| seen.lines.iter().any(|l| l == "lili:so quiet")).await;
        assert_eq!(watcher.seen().exits_of("tom"), 1, "told once");
        assert_eq!(lili.look().await.movements("tom", "left"), 1, "told once");
    });
}

#[test]
fn one_who_vanishes_is_announced_once_and_by_the_right_name() {
    stage("one_who_vanishes_is_announced_once_and_by_the_right_name", async |stage| {
        let server = Server::start();
        let lili = stage.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let mut tom = Desktop::connect(server.address(), "tom");
        let mut ann = Desktop::connect(server.address(), "ann");
        tom.talk("here");
        ann.talk("here as well");
        lili.until("both", |view| view.lists("tom") && view.has("here as well")).await;
        tom.vanish();
        lili.until("Tom is gone", |view| !view.lists("tom") && view.movements("tom", "left") == 1).await;
        ann.until("Tom is gone", |seen| seen.exits_of("tom") == 1 && !seen.list.contains("tom")).await;
        lili.click("#exit").await;
        ann.until("Lili is gone", |seen| seen.exits_of("lili") == 1 && seen.list.len() == 1).await;
        assert_eq!((ann.seen().exits_of("tom"), ann.seen().exits_of("ann")), (1, 0));
    });
}

#[test]
fn a_name_in_use_is_refused_to_a_desktop_peer() {
    stage("a_name_in_use_is_refused_to_a_desktop_peer", async |stage| {
        let server = Server::start();
        let lili = stage.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let mut other = Desktop::connect(server.address(), "lili");
        other.talk("I am Lili");
        other.until("it is told, or cut off", |seen| seen.ended || !seen.lines.is_empty()).await;
        lili.say_and_see("No, I am").await;
        let view = lili.look().await;
        assert_eq!(view.roster, ["lili"]);
        assert!(view.said("I am Lili").is_empty(), "nobody speaks in her name");
    });
}
