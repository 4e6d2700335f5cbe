//! Changes of the nick: the account, its session, messages and drafts stay the same.

use parlour_e2e::{DesktopPeer, Server, View, WindowOptions, browser_test, keys};

/// Exactly one message has this content; it is sent, and shows this nick.
fn has_sent_as(view: &View, nick: &str, content: &str) -> bool {
    view.has_sent(content) && view.messages_with(content)[0].nick.as_deref() == Some(nick)
}

#[test]
fn queued_messages_are_sent_under_another_name_when_the_own_is_taken() {
    browser_test("queued_messages_are_sent_under_another_name_when_the_own_is_taken", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("before").await;
        // Another tab, which follows this one.
        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.switch_to(&first).await;

        tom.go_offline().await;
        for text in ["one", "two"] {
            tom.send(text).await;
            tom.until("it is queued", |view| view.has_in_state(text, "queued")).await;
        }
        let other = test.take_nick(&tom, "tom", &server).await;
        let suggests =
            "return document.querySelector('#rename-suggestion')?.textContent.includes('tom2') ?? false";
        tom.until_true("another name is suggested", suggests).await;
        tom.click("#rename-suggestion").await;

        let all = ["before", "one", "two"];
        tom.until("online under the other name", |view| view.online() && view.lists("tom2")).await;
        for page in [&tom, &other] {
            page.until("both messages, once, from the new name", |view| {
                view.contents() == all && ["one", "two"].iter().all(|text| has_sent_as(view, "tom2", text))
            })
            .await;
        }
        tom.switch_to(&second).await;
        tom.until("the other tab has the new name too", |view| view.online() && view.lists("tom2")).await;
        tom.send("from the second tab").await;
        tom.until("it is sent", |view| has_sent_as(view, "tom2", "from the second tab")).await;
        tom.switch_to(&first).await;
        tom.reload().await;
        tom.until("the same after a reload", |view| view.online() && view.contents().len() == 4).await;
        tom.send("later").await;
        other.until("it is from the new name", |view| has_sent_as(view, "tom2", "later")).await;
        other.send_and_wait("I am tom").await;
        assert_eq!(other.view().await.contents().len(), 6, "nothing was sent twice");
    });
}

#[test]
fn drafts_stay_when_the_name_changes() {
    browser_test("drafts_stay_when_the_name_changes", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        let first = tom.tab().await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.fill("#composer-text", "of the second tab").await;
        tom.switch_to(&first).await;
        tom.fill("#composer-text", "of the first tab").await;
        tom.go_offline().await;
        let _other = test.take_nick(&tom, "tom", &server).await;
        tom.click("#rename-suggestion").await;
        tom.until("online under the other name", |view| view.online() && view.lists("tom2")).await;
        for (tab, text) in [(first, "of the first tab"), (second, "of the second tab")] {
            tom.switch_to(&tab).await;
            tom.until("the tab has the name", |view| view.online() && view.lists("tom2")).await;
            tom.reload().await;
            tom.until(text, |view| view.online() && view.composer.as_deref() == Some(text)).await;
        }
    });
}

/// The moment of a reload after the user has chosen another nick.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reload {
    /// At once.
    AtOnce,
    /// The page has the nick, and nothing of it is stored.
    BeforeItIsStored,
    /// The page has the nick.
    Later,
}

const RELOADS: [Reload; 3] = [Reload::AtOnce, Reload::BeforeItIsStored, Reload::Later];

/// From `isClosing` on, nothing that the page writes to the database is stored: the page is being replaced.
const CLOSING_PAGE: &str = "
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (names, mode, ...rest) {
        const begun = transaction.call(this, names, mode, ...rest);
        if (globalThis.isClosing && mode === 'readwrite') begun.abort();
        return begun;
    };
";

/// Chooses the suggested name, once; `true` when the user is in the room under it.
const CHOOSE_SUGGESTION: &str = "
    const suggestion = globalThis.isChosen ? undefined : document.querySelector('#rename-suggestion');
    if (suggestion) {
        globalThis.isChosen = true;
        suggestion.click();
    }
    return document.querySelector('.account-nick')?.textContent === 'tom2';
";

#[test]
fn reload_at_any_moment_of_a_change_of_a_taken_name_loses_nothing() {
    for moment in RELOADS {
        let name = format!("reload_at_any_moment_of_a_change_of_a_taken_name_loses_nothing-{moment:?}");
        browser_test(&name, async |test| {
            let server = Server::start_with(&["--name-grace", "1s"]);
            let tom = test.open_blank("tom", WindowOptions::default()).await;
            tom.install_network_switch().await;
            tom.before_load(CLOSING_PAGE).await;
            tom.goto(&server.url()).await;
            tom.log_in("tom").await;
            tom.go_offline().await;
            for text in ["one", "two"] {
                tom.send(text).await;
                tom.until("it is queued", |view| view.has_in_state(text, "queued")).await;
            }
            tom.fill("#composer-text", "half a thought").await;
            let other = test.take_nick(&tom, "tom", &server).await;
            let suggests = "return !!document.querySelector('#rename-suggestion')";
            tom.until_true("another name is suggested", suggests).await;
            if moment == Reload::BeforeItIsStored {
                tom.eval::<()>("globalThis.isClosing = true", vec![]).await;
            }
            tom.click("#rename-suggestion").await;
            if moment != Reload::AtOnce {
                tom.until("the other name", |view| view.online() && view.lists("tom2")).await;
            }
            tom.reload().await;
            // If the server has not been told of the choice, the page asks again.
            tom.until_true("the other name", CHOOSE_SUGGESTION).await;
            for page in [&tom, &other] {
                page.until("both messages, once, from the other name", |view| {
                    let all = ["one", "two"];
                    view.contents() == all && all.iter().all(|text| has_sent_as(view, "tom2", text))
                })
                .await;
            }
            let draft = tom.view().await.composer;
            assert_eq!(draft.as_deref(), Some("half a thought"));
        });
    }
}

#[test]
fn another_name_can_be_chosen_when_the_own_is_taken() {
    browser_test("another_name_can_be_chosen_when_the_own_is_taken", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.go_offline().await;
        tom.send("queued").await;
        tom.until("it is queued", |view| view.has_in_state("queued", "queued")).await;
        let other = test.take_nick(&tom, "tom", &server).await;
        let error = async |name: &str, words: &str| {
            tom.fill("#rename-nick", name).await;
            tom.press(keys::ENTER).await;
            let shows = format!(
                "return document.querySelector('#rename')?.parentElement.textContent.includes('{words}') ?? false"
            );
            tom.until_true("the reason", &shows).await;
        };
        error("a,b", "invisible or easily confused").await;
        // The server's refusal of the new name suggests a free one.
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        lili.send("hello");
        error("lili", "lili2").await;
        tom.fill("#rename-nick", "thomas").await;
        tom.press(keys::ENTER).await;
        for page in [&tom, &other] {
            page.until("the message, from the new name", |view| has_sent_as(view, "thomas", "queued")).await;
        }
        let is_gone = "return !document.querySelector('#rename')";
        tom.until_true("nothing more is to be done", is_gone).await;
    });
}

#[test]
fn reload_at_any_moment_of_a_change_of_the_name_keeps_the_session() {
    for moment in RELOADS {
        let name = format!("reload_at_any_moment_of_a_change_of_the_name_keeps_the_session-{moment:?}");
        browser_test(&name, async |test| {
            let server = Server::start();
            let tom = test.open_blank("tom", WindowOptions::default()).await;
            tom.before_load(CLOSING_PAGE).await;
            tom.goto(&server.url()).await;
            tom.log_in("tom").await;
            tom.send_and_wait("before").await;
            let first = tom.tab().await;
            let second = tom.open_tab(&server.url()).await;
            tom.log_in("tom").await;
            tom.fill("#composer-text", "of the second tab").await;
            tom.switch_to(&first).await;
            if moment == Reload::BeforeItIsStored {
                tom.eval::<()>("globalThis.isClosing = true", vec![]).await;
            }
            tom.send("/nick tom2").await;
            if moment != Reload::AtOnce {
                tom.until("the other name", |view| view.online() && view.lists("tom2")).await;
            }
            tom.reload().await;
            tom.until("back in the room, as the author", |view| {
                view.online() && view.has_sent("before") && view.messages_with("before")[0].own
            })
            .await;
            tom.send("/nick tom3").await;
            for tab in [&first, &second] {
                tom.switch_to(tab).await;
                tom.until("the name", |view| view.lists("tom3") && has_sent_as(view, "tom3", "before")).await;
            }
            let draft = tom.view().await.composer;
            assert_eq!(draft.as_deref(), Some("of the second tab"));
            tom.reload().await;
            tom.until("the draft", |view| view.online() && view.composer == draft).await;
        });
    }
}
