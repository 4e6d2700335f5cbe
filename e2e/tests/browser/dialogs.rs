//! The dialogs about rooms, people and the account, and the commands that do the same.

use parlour_e2e::{Page, Server, TestContext, browser_test, keys};
use serde_json::Value;

/// Opens a page and logs in.
async fn log_in(test: &TestContext, server: &Server, nick: &str) -> Page {
    let page = test.open(nick, &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in(nick).await;
    page
}

async fn until_dialog(page: &Page, dialog: &str) {
    let script = format!("return !!document.querySelector('dialog#{dialog}-dialog:modal')");
    page.until_true(&format!("the dialog {dialog}"), &script).await;
}

async fn submit(page: &Page) {
    page.click("dialog button[type=submit]").await;
}

/// Waits until an element has a text that contains this.
async fn until_contains(page: &Page, selector: &str, text: &str) {
    let [selector, text] = [selector, text].map(Value::from);
    let script = format!(
        "const shown = document.querySelector({selector})?.textContent; return shown?.includes({text}) || shown"
    );
    page.until_true(&format!("{selector} contains {text}"), &script).await;
}

/// Chooses a person in the open dialog by the beginning of the nick.
async fn choose_person(page: &Page, field: &str, prefix: &str, nick: &str) {
    page.fill(field, prefix).await;
    let found = format!("{field}-list .active[data-nick='{nick}']");
    page.until_true(&format!("{nick} is found"), &format!("return !!document.querySelector(\"{found}\")"))
        .await;
    page.press(keys::ENTER).await;
    let chip = format!("return !!document.querySelector(\".chip[data-nick='{nick}']\")");
    page.until_true(&format!("{nick} is chosen"), &chip).await;
}

async fn invite(page: &Page, nick: &str) {
    page.open_dialog("room-menu", "invite-people").await;
    choose_person(page, "#invite-people-people", &nick[..2], nick).await;
    page.submit_dialog().await;
    page.until_text("#outcome", &format!("{nick} was invited.")).await;
}

#[test]
fn public_room_is_created_found_and_joined() {
    browser_test("public_room_is_created_found_and_joined", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;

        tom.open_dialog("rooms-menu", "create-room").await;
        tom.until_focused("create-room-name").await;
        submit(&tom).await;
        tom.until_text("#create-room-name-error", "Type a name.").await;
        tom.until_focused("create-room-name").await;
        tom.fill("#create-room-name", "rust").await;
        tom.fill("#create-room-topic", "Crabs only").await;
        tom.press(keys::ENTER).await;
        tom.until_none("dialog").await;
        tom.until_text("#room-name", "rust").await;
        until_contains(&tom, "#room-topic", "Crabs only").await;
        tom.send_and_wait("hello").await;

        ann.open_dialog("rooms-menu", "create-room").await;
        ann.fill("#create-room-name", "Rust").await;
        submit(&ann).await;
        ann.until_text("#create-room-name-error", "There is a room with this name; choose another name.")
            .await;
        ann.click(".dialog-close").await;
        ann.until_none("dialog").await;

        ann.open_dialog("rooms-menu", "browse-rooms").await;
        ann.until_focused("browse-rooms-query").await;
        ann.until_text("#browse-rooms-state", "1 room found").await;
        ann.fill("#browse-rooms-query", "zzz").await;
        ann.until_text("#browse-rooms-state", "No public room has this in its name.").await;
        ann.fill("#browse-rooms-query", "us").await;
        ann.until_text(".public-room .topic", "Crabs only").await;
        ann.click(".public-room[data-name=rust] button").await;
        ann.until_none("dialog").await;
        ann.until_text("#room-name", "rust").await;
        ann.until("Tom's message", |view| view.has_sent("hello")).await;
        ann.send_and_wait("hi").await;
        tom.until("Ann's message", |view| view.has_sent("hi")).await;

        ann.open_dialog("rooms-menu", "browse-rooms").await;
        ann.until_text(".public-room[data-name=rust] button", "Open").await;
        until_contains(&ann, ".public-room", "2 members").await;
    });
}

#[test]
fn people_are_invited_and_accept_or_decline() {
    browser_test("people_are_invited_and_accept_or_decline", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        let bob = log_in(test, &server, "bob").await;
        tom.create_room("plans", "private").await;
        tom.send_and_wait("secret").await;

        tom.open_dialog("room-menu", "invite-people").await;
        submit(&tom).await;
        tom.until_text("#invite-people-people-error", "Choose somebody first.").await;
        tom.press(keys::ESCAPE).await;
        tom.until_none("dialog").await;
        invite(&tom, "ann").await;
        invite(&tom, "bob").await;

        ann.open_listed("plans").await;
        ann.until_text("#invitation-text", "You are invited to plans.").await;
        let has_composer = "return !!document.querySelector('#composer')";
        assert!(!ann.eval::<bool>(has_composer, vec![]).await);
        ann.click("#invitation-accept").await;
        ann.until("the room", |view| view.has_sent("secret")).await;
        ann.send_and_wait("I am in").await;
        tom.until("Ann's message", |view| view.has_sent("I am in")).await;

        bob.open_listed("plans").await;
        bob.click("#invitation-decline").await;
        let is_listed = "return ![...document.querySelectorAll('#room-list .room-label')]
            .some((name) => name.textContent === 'plans')";
        bob.until_true("the room is not in the list", is_listed).await;

        // Members can't be invited again.
        tom.open_dialog("room-menu", "invite-people").await;
        tom.fill("#invite-people-people", "an").await;
        let option = "#invite-people-people-list [data-nick=ann]";
        tom.until_text(&format!("{option} .tag"), "Member").await;
        tom.click(option).await;
        assert!(!tom.eval::<bool>("return !!document.querySelector('.chip')", vec![]).await);
    });
}

#[test]
fn settings_change_name_topic_roles_and_archive() {
    browser_test("settings_change_name_topic_roles_and_archive", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        tom.create_room("rust", "public").await;
        ann.send("/join rust").await;
        ann.until_text("#room-name", "rust").await;

        // A member may change nothing but the notifications.
        ann.open_dialog("room-menu", "room-settings").await;
        ann.until_text("#room-settings-list [data-nick=ann] .role", "Member").await;
        for hidden in [
            "#room-settings-name",
            "#room-settings-save",
            "#room-settings-archive",
            ".role-menu",
            ".member-remove",
        ] {
            let script = format!("return !document.querySelector('{hidden}')");
            assert!(ann.eval::<bool>(&script, vec![]).await, "{hidden} is offered");
        }
        ann.click("#room-settings-mute").await;
        let muted = "return document.querySelector('#room-settings-mute').ariaChecked === 'true'";
        ann.until_true("the room is muted", muted).await;
        ann.press(keys::ESCAPE).await;
        ann.until_none("dialog").await;

        tom.open_dialog("room-menu", "room-settings").await;
        tom.fill("#room-settings-name", "rust news").await;
        tom.fill("#room-settings-topic", "What is new").await;
        tom.click("#room-settings-save").await;
        until_contains(&tom, "#room-settings-dialog", "Saved.").await;
        ann.until_text("#room-name", "rust news").await;
        until_contains(&ann, "#room-topic", "What is new").await;

        tom.choose("#room-settings-list [data-nick=ann] .role-menu", "moderator").await;
        until_contains(&ann, "#timeline", "ann a moderator").await;
        ann.send("/topic Ann's topic").await;
        until_contains(&tom, "#room-topic", "Ann's topic").await;
        // The only owner can't give up the role; the menu returns to it.
        tom.choose("#room-settings-list [data-nick=tom] .role-menu", "member").await;
        until_contains(&tom, "#room-settings-list [data-nick=tom] .field-error", "You are the only owner")
            .await;
        let kept = "return document.querySelector('[data-nick=tom] .role-menu').value === 'owner'";
        tom.until_true("the menu shows the owner", kept).await;

        tom.click("#room-settings-archive").await;
        tom.until_text("#room-settings-archive", "Restore room").await;
        until_contains(&ann, ".composer-closed", "archived").await;
        tom.click("#room-settings-archive").await;
        tom.until_text("#room-settings-archive", "Archive room").await;
        ann.until_true("the composer", "return !!document.querySelector('#composer')").await;

        tom.click("#room-settings-list [data-nick=ann] .member-remove").await;
        tom.click(".member-confirm").await;
        let removed = "return !document.querySelector('#room-settings-list [data-nick=ann]')";
        tom.until_true("Ann is removed", removed).await;
        tom.until_focused("room-settings-filter").await;

        tom.click("#room-settings-leave").await;
        until_dialog(&tom, "leave-room").await;
        tom.submit_dialog().await;
        tom.until_text("#room-name", "Lobby").await;
        tom.until_text("#outcome", "You have left rust news.").await;
    });
}

#[test]
fn conversation_is_the_same_for_the_same_people() {
    browser_test("conversation_is_the_same_for_the_same_people", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        tom.open_dialog("rooms-menu", "direct-message").await;
        choose_person(&tom, "#direct-message-people", "an", "ann").await;
        tom.submit_dialog().await;
        tom.until_text("#room-name", "ann").await;
        tom.send_and_wait("just us").await;

        ann.open_dialog("rooms-menu", "direct-message").await;
        choose_person(&ann, "#direct-message-people", "t", "tom").await;
        ann.submit_dialog().await;
        ann.until_text("#room-name", "tom").await;
        ann.until("Tom's message", |view| view.has_sent("just us")).await;
    });
}

#[test]
fn nick_is_changed_by_dialog_and_command() {
    browser_test("nick_is_changed_by_dialog_and_command", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        tom.send_and_wait("who am I").await;
        ann.until("Tom's message", |view| view.has_sent("who am I")).await;

        tom.open_dialog("account-menu", "change-nick").await;
        tom.fill("#change-nick-nick", "ann").await;
        submit(&tom).await;
        until_contains(&tom, "#change-nick-nick-error", "This name").await;
        tom.until_focused("change-nick-nick").await;
        tom.fill("#change-nick-nick", "thomas").await;
        tom.submit_dialog().await;
        tom.until_text("#outcome", "Your name is now thomas.").await;
        let named = |nick: &'static str| {
            move |view: &parlour_e2e::View| {
                view.messages_with("who am I").iter().any(|row| row.nick.as_deref() == Some(nick))
            }
        };
        ann.until("the message has the new name", named("thomas")).await;

        tom.send("/nick tommy").await;
        ann.until("the message has the newest name", named("tommy")).await;
        tom.send("/nick ann").await;
        tom.until("a refusal", |view| view.note.as_deref().is_some_and(|note| note.contains("This name")))
            .await;
    });
}

#[test]
fn commands_act_on_rooms_or_open_dialogs() {
    browser_test("commands_act_on_rooms_or_open_dialogs", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        for (typed, dialog) in [("/nick", "change-nick"), ("/join", "browse-rooms")] {
            tom.send(typed).await;
            until_dialog(&tom, dialog).await;
            tom.press(keys::ESCAPE).await;
            tom.until_none("dialog").await;
            tom.until_focused("composer-text").await;
        }
        tom.send("/leave").await;
        tom.until("nobody leaves the lobby", |view| view.note.is_some()).await;
        tom.send("/join nowhere").await;
        tom.until("no such room", |view| view.note.as_deref() == Some("There is no such room.")).await;

        tom.create_room("rust", "public").await;
        tom.send("/topic News of crabs").await;
        until_contains(&tom, "#room-topic", "News of crabs").await;
        tom.send("/invite @ann").await;
        tom.until_text("#outcome", "ann was invited.").await;
        ann.open_listed("rust").await;
        ann.click("#invitation-accept").await;
        ann.until_true("the composer", "return !!document.querySelector('#composer')").await;
        ann.send("/leave").await;
        ann.until_text("#room-name", "Lobby").await;
        ann.send("/join #rust").await;
        ann.until_text("#room-name", "rust").await;
    });
}

#[test]
fn dialog_keeps_the_focus_inside_and_returns_it() {
    browser_test("dialog_keeps_the_focus_inside_and_returns_it", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        for (menu, dialog) in
            [("rooms-menu", "create-room"), ("rooms-menu", "direct-message"), ("account-menu", "change-nick")]
        {
            tom.open_dialog(menu, dialog).await;
            // Beyond the last element the focus is on the browser itself, or on the first one again.
            let is_inside = "const focused = document.activeElement;
                return focused === document.body || !!focused.closest('dialog')";
            for key in [keys::TAB, keys::SHIFT_TAB] {
                for _ in 0..20 {
                    tom.press(key).await;
                    assert!(tom.eval::<bool>(is_inside, vec![]).await, "the focus left {dialog}");
                }
            }
            tom.press(keys::ESCAPE).await;
            tom.until_none("dialog").await;
            tom.until_focused(menu).await;
        }
        // By the button and by a press beside the dialog too.
        tom.open_dialog("rooms-menu", "browse-rooms").await;
        tom.click(".dialog-close").await;
        tom.until_none("dialog").await;
        tom.until_focused("rooms-menu").await;
    });
}

#[test]
fn logging_out_asks_before_messages_are_lost() {
    browser_test("logging_out_asks_before_messages_are_lost", async |test| {
        let mut server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        tom.expect_lost_connections();
        server.kill();
        tom.until("the connection is lost", |view| view.connection.as_deref() == Some("reconnecting")).await;
        tom.send("unsent").await;
        tom.until("it waits", |view| view.has_in_state("unsent", "queued")).await;
        tom.send("/exit").await;
        until_dialog(&tom, "log-out").await;
        tom.press(keys::ESCAPE).await;
        tom.until_none("dialog").await;
        tom.until_focused("composer-text").await;
        tom.click("#exit").await;
        until_dialog(&tom, "log-out").await;
        until_contains(&tom, "#log-out-dialog", "1 message or change was not sent yet.").await;
        tom.press(keys::ESCAPE).await;
        tom.until_none("dialog").await;
        tom.until_focused("exit").await;
        tom.click("#exit").await;
        until_dialog(&tom, "log-out").await;
        submit(&tom).await;
        tom.until("the login page", |view| view.login).await;
    });
}
