//! Forms of dialogs while the server's answer is awaited, and while others change what they show.

use parlour_e2e::{Page, SeedRoom, Server, TestContext, browser_test, keys};

/// Opens a page whose network can be held up, and logs in.
async fn log_in(test: &TestContext, server: &Server, nick: &str) -> Page {
    let page = test.open_with_network_switch(nick, &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in(nick).await;
    page
}

/// Delivers the messages from the server that were held back.
async fn deliver(page: &Page) {
    page.eval::<()>("testNetwork.deliverReceived()", vec![]).await;
}

async fn until_value(page: &Page, selector: &str, value: &str) {
    let script = format!(
        "const {{ value }} = document.querySelector('{selector}'); return value === \"{value}\" || value"
    );
    page.until_true(&format!("{value} in {selector}"), &script).await;
}

async fn until_busy(page: &Page) {
    let busy = "return document.querySelector('dialog [type=submit]').ariaBusy === 'true'";
    page.until_true("the request runs", busy).await;
}

/// Waits until a person is the one that Enter chooses.
async fn until_active(page: &Page, nick: &str) {
    let script = format!("return !!document.querySelector('dialog .person.active[data-nick={nick}]')");
    page.until_true(&format!("{nick} is found"), &script).await;
}

async fn exists(page: &Page, selector: &str) -> bool {
    page.eval(&format!("return !!document.querySelector('{selector}')"), vec![]).await
}

#[test]
fn settings_that_were_not_edited_are_those_of_the_room() {
    browser_test("settings_that_were_not_edited_are_those_of_the_room", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        tom.create_room("rust", "public").await;
        tom.send("/topic Crabs").await;
        tom.until_text("#room-topic", "Crabs").await;
        ann.send("/join rust").await;
        ann.until_text("#room-name", "rust").await;
        tom.open_dialog("room-menu", "room-settings").await;
        let ann_is_listed =
            "return !!document.querySelector('#room-settings-list [data-nick=ann] .role-menu')";
        tom.until_true("the menu for Ann's role", ann_is_listed).await;
        tom.choose("#room-settings-list [data-nick=ann] .role-menu", "moderator").await;
        until_value(&tom, "#room-settings-topic", "Crabs").await;
        tom.fill("#room-settings-name", "rust news").await;

        let may_set_topic = "return document.querySelector('#timeline').textContent.includes('a moderator')";
        ann.until_true("Ann may change the topic", may_set_topic).await;
        ann.send("/topic Lobsters").await;
        tom.until_text("#room-topic", "Lobsters").await;
        tom.click("#room-settings-save").await;
        tom.until_text("#room-settings-dialog .section-form [role=status]", "Saved.").await;
        until_value(&tom, "#room-settings-topic", "Lobsters").await;
        tom.press(keys::ESCAPE).await;
        tom.until_none("dialog").await;
        tom.send_and_wait("renamed").await;
        ann.until("a message after the change", |view| view.has_sent("renamed")).await;
        ann.until_text("#room-name", "rust news").await;
        ann.until_text("#room-topic", "Lobsters").await;
    });
}

#[test]
fn settings_are_filled_in_when_the_room_has_arrived() {
    browser_test("settings_are_filled_in_when_the_room_has_arrived", async |test| {
        let mut server = Server::start();
        let page = test.open_with_network_switch("tom", &server.url()).await;
        page.resize(1280, 800).await;
        let rooms = [SeedRoom::direct("Mathilda").with_topic("Tea at four")];
        page.log_in_with_rooms("tom", &mut server, &rooms).await;
        page.hold_received().await;
        page.open_listed("Mathilda").await;
        page.open_dialog("room-menu", "room-settings").await;
        until_value(&page, "#room-settings-topic", "").await;
        deliver(&page).await;
        until_value(&page, "#room-settings-topic", "Tea at four").await;
    });
}

#[test]
fn second_submission_before_the_answer_does_nothing() {
    browser_test("second_submission_before_the_answer_does_nothing", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        tom.open_dialog("rooms-menu", "create-room").await;
        tom.hold_received().await;
        tom.fill("#create-room-name", "rust").await;
        tom.press(keys::ENTER).await;
        until_busy(&tom).await;
        tom.fill("#create-room-name", "java").await;
        tom.press(keys::ENTER).await;
        deliver(&tom).await;
        tom.until_none("dialog").await;
        tom.until_text("#room-name", "rust").await;
        tom.send_and_wait("here").await;
        tom.until_listed(&[("Rooms", "Lobby", ""), ("Rooms", "rust", "")]).await;

        tom.open_dialog("account-menu", "change-nick").await;
        tom.hold_received().await;
        tom.fill("#change-nick-nick", "thomas").await;
        tom.press(keys::ENTER).await;
        until_busy(&tom).await;
        // The outcome is about the name that was requested.
        tom.fill("#change-nick-nick", "tommy").await;
        deliver(&tom).await;
        tom.until_none("dialog").await;
        tom.until_text("#outcome", "Your name is now thomas.").await;
    });
}

#[test]
fn enter_in_the_people_picker_waits_for_those_found() {
    browser_test("enter_in_the_people_picker_waits_for_those_found", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let _ann = log_in(test, &server, "ann").await;
        let _bob = log_in(test, &server, "bob").await;
        tom.open_dialog("rooms-menu", "direct-message").await;
        let field = "#direct-message-people";
        tom.fill(field, "an").await;
        until_active(&tom, "ann").await;

        // Not the person found for the text before.
        tom.hold_received().await;
        tom.fill(field, "bo").await;
        tom.press(keys::ENTER).await;
        assert!(!exists(&tom, "dialog .chip").await, "another person was chosen");
        let error = "return document.querySelector('#direct-message-people-error').textContent";
        assert_eq!(tom.eval::<String>(error, vec![]).await, "", "the form was submitted");
        deliver(&tom).await;
        until_active(&tom, "bob").await;
        tom.press(keys::ENTER).await;
        tom.until_true("Bob is chosen", "return !!document.querySelector('.chip[data-nick=bob]')").await;
        // Without a text the form is submitted.
        tom.press(keys::ENTER).await;
        tom.until_none("dialog").await;
        tom.until_text("#room-name", "bob").await;
    });
}

#[test]
fn failed_message_in_an_archived_room_keeps_its_text() {
    browser_test("failed_message_in_an_archived_room_keeps_its_text", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        ann.create_room("rust", "public").await;
        tom.send("/join rust").await;
        tom.until_text("#room-name", "rust").await;
        tom.go_offline().await;
        tom.send("too late").await;
        tom.until("it waits", |view| view.has_in_state("too late", "queued")).await;
        ann.open_dialog("room-menu", "room-settings").await;
        ann.click("#room-settings-archive").await;
        ann.until_text("#room-settings-archive", "Restore room").await;
        tom.go_online().await;
        tom.until("it has failed", |view| view.has_in_state("too late", "failed")).await;
        tom.until_none("#composer").await;
        assert!(exists(&tom, ".failure .discard").await);
        assert!(!exists(&tom, ".failure .edit").await, "the text can't be edited anywhere");

        ann.click("#room-settings-archive").await;
        tom.click(".failure .edit").await;
        tom.until("the text", |view| view.composer.as_deref() == Some("too late")).await;
    });
}
