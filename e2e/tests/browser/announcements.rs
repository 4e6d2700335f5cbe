//! Announcements of screen readers. A live region announces a change of its content and nothing else, so every
//! announcement has to change it.

use parlour_e2e::{BasicServer, DesktopPeer, Server, StaticHost, View, WindowOptions, browser_test, keys};
use serde_json::json;

#[test]
fn same_announcement_is_made_each_time() {
    browser_test("same_announcement_is_made_each_time", async |test| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.record_announcements(".announcer").await;
        for n in 1..=3 {
            lili.send("ok");
            tom.until_announced(".announcer", "lili: ok", n).await;
        }
        for n in 1..=2 {
            (0..5).for_each(|_| lili.send("many"));
            tom.until_announced(".announcer", "5 new messages", n).await;
        }

        tom.record_announcements("#composer-note").await;
        let unknown = "There is no such command; /help lists them.";
        tom.fill("#composer-text", "/unknown").await;
        for n in 1..=2 {
            tom.press(keys::ENTER).await;
            tom.until_announced("#composer-note", unknown, n).await;
        }
    });
}

#[test]
fn notices_are_announced() {
    browser_test("notices_are_announced", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        tom.log_in_to_basic("tom", &server).await;
        tom.record_announcements(".announcer.other").await;
        for n in 1..=2 {
            tom.send("/who").await;
            tom.until_announced(".announcer.other", "One person is here: tom", n).await;
        }
    });
}

#[test]
fn messages_that_fail_are_announced_once() {
    browser_test("messages_that_fail_are_announced_once", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        tom.log_in_to_basic("tom", &server).await;
        tom.record_announcements(".announcer.other").await;
        let three = "The connection was lost before the server confirmed 3 messages; \
                     check whether they arrived before you send them again.";
        let one = "The connection was lost before the server confirmed this; \
                   check whether it arrived before you send it again.";
        for (reason, texts) in [(three, &["one", "two", "three"][..]), (one, &["four"])] {
            server.set_unresponsive(true);
            for text in texts {
                tom.send(text).await;
                tom.until("it is on its way", |view| view.has_in_state(text, "pending")).await;
            }
            server.drop_connections();
            server.set_unresponsive(false);
            for text in texts {
                tom.until("it has failed", |view| view.has_in_state(text, "failed")).await;
            }
            tom.until_announced(".announcer.other", reason, 1).await;
            tom.until("connected again", View::basic).await;
        }
        tom.choose("#language", "zh-CN").await;
        tom.until("the page in Chinese", |view| view.lang == "zh-CN").await;
        server.set_unresponsive(true);
        tom.send("five").await;
        tom.until("it is on its way", |view| view.has_in_state("five", "pending")).await;
        server.drop_connections();
        tom.until_announced(".announcer.other", "连接中断，不确定是否已送达，重发前请先确认一下。", 1).await;
    });
}

/// The live regions that tell about sending.
const REGIONS: [&str; 2] = ["#composer-note", ".announcer.other"];

#[test]
fn countdown_of_the_composer_is_announced_once() {
    browser_test("countdown_of_the_composer_is_announced_once", async |test| {
        // The next message may be sent after 30 seconds.
        let server = Server::start_with(&["--messages-per-minute", "2", "--burst", "1"]);
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        for region in REGIONS {
            tom.record_announcements(region).await;
        }
        tom.send_and_wait("one").await;
        tom.send("two").await;
        let announced = async || {
            let mut all = Vec::new();
            for region in REGIONS {
                all.extend(tom.announcements(region).await);
            }
            all
        };
        let sentence = "You are sending too fast. Sending resumes in 30 seconds.";
        tom.until_announced(".announcer.other", sentence, 1).await;
        for seconds in [28, 26] {
            tom.until("it counts down", |view| {
                view.note.as_deref().is_some_and(|note| note.contains(&format!("in {seconds} seconds")))
            })
            .await;
            // Starts the countdown again.
            tom.send("three").await;
        }
        assert_eq!(announced().await, [sentence]);
    });
}

#[test]
fn change_of_the_time_zone_announces_nothing() {
    browser_test("change_of_the_time_zone_announces_nothing", async |test| {
        let server = Server::start_with_history(1, |n| format!("Line {n}"));
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        let set_zone = async |zone: &str| {
            tom.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
        };
        set_zone("UTC").await;
        tom.goto(&server.url()).await;
        tom.log_in("tom").await;
        tom.open_search().await;
        tom.send("/unknown").await;
        tom.until("a note", |view| view.note.is_some()).await;
        let until_time = async |time: &str| {
            let script =
                "const time = document.querySelector('.message time')?.textContent.replace(/\\s/, ' ')";
            tom.until_true(time, &format!("{script}; return time === '{time}' || time")).await;
        };
        until_time("10:13 PM").await;
        let regions = ["#composer-note", "#search-state", "#connection [role=status]"];
        for region in regions {
            tom.record_announcements(region).await;
        }
        set_zone("Asia/Tokyo").await;
        until_time("7:13 AM").await;
        for region in regions {
            assert_eq!(tom.announcements(region).await, Vec::<String>::new(), "{region}");
        }
    });
}

#[test]
fn same_reason_is_announced_each_time_a_login_fails() {
    browser_test("same_reason_is_announced_each_time_a_login_fails", async |test| {
        let server = Server::start();
        let lili = test.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let tom = test.open("tom", &server.url()).await;
        tom.until("the login page", |view| view.login).await;
        tom.record_announcements("#login-error").await;
        for (nick, reason) in [("a,b", INVALID_NAME), ("lili", NAME_TAKEN)] {
            for n in 1..=2 {
                tom.submit_login(nick, None).await;
                tom.until_announced("#login-error", reason, n).await;
            }
        }
    });
}

const INVALID_NAME: &str =
    "This name contains characters that are invisible or easily confused; use plain letters.";
const NAME_TAKEN: &str = "This name is taken; choose another one.";

#[test]
fn same_reason_is_announced_each_time_another_name_is_refused() {
    browser_test("same_reason_is_announced_each_time_another_name_is_refused", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.go_offline().await;
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        lili.send("hello");
        let _other = test.take_nick(&tom, "tom", &server).await;
        tom.until_true("another name can be chosen", "return !!document.querySelector('#rename')").await;
        tom.record_announcements("#rename-error").await;
        tom.record_announcements("#connection [role=status]").await;
        for n in 1..=2 {
            tom.fill("#rename-nick", "a,b").await;
            tom.press(keys::ENTER).await;
            tom.until_announced("#rename-error", INVALID_NAME, n).await;
        }
        for n in 1..=2 {
            tom.fill("#rename-nick", "lili").await;
            tom.press(keys::ENTER).await;
            tom.until_announced("#connection [role=status]", NAME_TAKEN, n).await;
        }
    });
}

#[test]
fn same_reason_is_announced_each_time_the_user_tries_to_connect() {
    browser_test("same_reason_is_announced_each_time_the_user_tries_to_connect", async |test| {
        let mut server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.expect_lost_connections();
        tom.log_in("tom").await;
        server.kill();
        let reason = "The server does not answer.";
        // Otherwise the page might begin an attempt of its own before the click.
        let pauses = "const text = document.querySelector('#connection').textContent;
            return /does not answer.* in ([3-9]|\\d\\d) seconds/.test(text) || text";
        tom.until_true("a long pause before the next attempt", pauses).await;
        tom.record_announcements("#connection [role=status]").await;
        for n in 1..=2 {
            tom.until_true("a long pause before the next attempt", pauses).await;
            tom.click("#retry-now").await;
            tom.until_announced("#connection [role=status]", reason, n).await;
        }
    });
}

#[test]
fn same_outcome_of_a_search_is_announced_each_time() {
    browser_test("same_outcome_of_a_search_is_announced_each_time", async |test| {
        let server = Server::start();
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("hello").await;
        tom.open_search().await;
        for region in ["#search-state", "#search-note"] {
            tom.record_announcements(region).await;
        }
        let nothing = "Nothing found.";
        for (n, words) in [(1, "nobody"), (2, "nowhere")] {
            tom.fill("#search-words", words).await;
            tom.until_announced("#search-state", nothing, n).await;
        }
        let hint =
            "Finds words by their first letters. With several words, a message must contain all of them.";
        tom.fill("#search-words", "").await;
        tom.until_announced("#search-state", hint, 1).await;
        // The state is the same for each key.
        for _ in 0..3 {
            tom.press(" ").await;
        }
        tom.fill("#search-words", "hello").await;
        tom.until_announced("#search-state", "1 message found", 1).await;
        tom.until_announced("#search-state", hint, 1).await;

        tom.go_offline().await;
        tom.fill("#search-words", "hello again").await;
        let offline = "You are not connected; wait until the connection is back.";
        tom.until_announced("#search-state", offline, 1).await;
        tom.press(keys::ENTER).await;
        tom.until_announced("#search-state", offline, 2).await;
        for n in 1..=2 {
            tom.eval::<()>(
                "const field = document.querySelector('#search-date');
                 field.value = '2024-01-01';
                 field.dispatchEvent(new Event('change', { bubbles: true }));",
                vec![],
            )
            .await;
            tom.until_announced("#search-note", "These messages can’t be loaded now.", n).await;
        }
    });
}

#[test]
fn search_part_that_is_missing_is_announced_each_time() {
    browser_test("search_part_that_is_missing_is_announced_each_time", async |test| {
        let files = StaticHost::serve("/");
        let server = files.start_server();
        files.remove(&files.part("search"));
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        tom.allow_host(server.address());
        tom.expect_error("");
        tom.goto(&files.url()).await;
        tom.log_in("tom").await;
        tom.click("#search-toggle").await;
        tom.until_true(
            "the button",
            "return !!document.querySelector('#search .search-more')?.checkVisibility()",
        )
        .await;
        tom.record_announcements("#search [role=alert]").await;
        let reason = "A part of the page could not be loaded; check your connection and try again, or reload the page.";
        for n in 1..=2 {
            tom.click("#search .search-more").await;
            tom.until_announced("#search [role=alert]", reason, n).await;
            let has_focus = "return document.activeElement.matches('#search .search-more')";
            assert!(tom.eval::<bool>(has_focus, vec![]).await, "the button keeps the focus");
        }
    });
}
