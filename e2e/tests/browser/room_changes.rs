//! State that belongs to one room and must not reach the next one that is opened, and the members of the open room.

use parlour_e2e::{Page, SeedRoom, Server, TestContext, browser_test};

/// The field of `ListMembers` in `ClientCommand`.
const LIST_MEMBERS: u32 = 16;

/// Opens a page of an account that is in these rooms. Returns their ids.
async fn open(test: &TestContext, server: &mut Server, rooms: &[SeedRoom]) -> (Page, Vec<String>) {
    let page = test.open_with_network_switch("tom", &server.url()).await;
    page.resize(1280, 800).await;
    let ids = page.log_in_with_rooms("tom", server, rooms).await;
    (page, ids)
}

/// Opens a page that can lose the network, and logs in.
async fn log_in(test: &TestContext, server: &Server, nick: &str) -> Page {
    let page = test.open_with_network_switch(nick, &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in(nick).await;
    page
}

async fn follow(page: &Page, fragment: &str) {
    page.eval::<()>("location.hash = arguments[0]", vec![fragment.into()]).await;
}

/// Waits until the member list has exactly these nicks, in this order.
async fn until_members(page: &Page, nicks: &[&str]) {
    page.until(&format!("the members {nicks:?}"), |view| view.members == nicks).await;
}

#[test]
fn seek_that_is_answered_late_does_not_move_another_room() {
    browser_test("seek_that_is_answered_late_does_not_move_another_room", async |test| {
        let mut server = Server::start();
        let rooms =
            [SeedRoom::public("Attic").with_messages(400), SeedRoom::public("Balcony").with_messages(300)];
        let (page, ids) = open(test, &mut server, &rooms).await;
        for (name, id, last) in [("Balcony", &*ids[1], "Balcony 300"), ("Attic", &*ids[0], "Attic 400")] {
            page.open_room(name, id).await;
            page.until("the newest message", |view| view.has_sent(last)).await;
            page.until_at_end().await;
        }
        page.hold_history_requests().await;
        follow(&page, &format!("#/room/{}/7", ids[0])).await;
        page.until_requests_held(1).await;
        page.open_room("Balcony", &ids[1]).await;
        page.until("the newest message", |view| view.has_sent("Balcony 300")).await;
        page.until_at_end().await;
        page.hold_received().await;
        page.release_history_requests().await;
        page.until_received_held(1).await;
        page.deliver_received().await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        page.until_at_end().await;
        page.until_in_view("Balcony 300").await;
    });
}

#[test]
fn search_ends_when_another_room_is_opened() {
    browser_test("search_ends_when_another_room_is_opened", async |test| {
        let mut server = Server::start();
        let rooms =
            [SeedRoom::public("Attic").with_messages(3), SeedRoom::public("Balcony").with_messages(3)];
        let (page, ids) = open(test, &mut server, &rooms).await;
        page.open_room("Attic", &ids[0]).await;
        page.open_search().await;
        page.type_text("Attic 2").await;
        page.until_found(&["[Attic] [2]"]).await;
        // Before the request for it is sent.
        let script = "const field = document.querySelector('#search-words');
            field.value = 'Attic 3';
            field.dispatchEvent(new Event('input', { bubbles: true }));
            location.hash = arguments[0]";
        page.eval::<()>(script, vec![format!("#/room/{}", ids[1]).into()]).await;
        page.until_room_open("Balcony", &ids[1]).await;
        let cleared =
            "const { value } = document.querySelector('#search-words'); return value === '' || value";
        page.until_true("the field is empty", cleared).await;
        page.until_found(&[]).await;
    });
}

#[test]
fn people_who_are_only_invited_are_not_members() {
    browser_test("people_who_are_only_invited_are_not_members", async |test| {
        let server = Server::start();
        let tom = log_in(test, &server, "tom").await;
        let ann = log_in(test, &server, "ann").await;
        tom.create_room("plans", "private").await;
        tom.send("/invite ann").await;
        tom.until_text("#outcome", "ann was invited.").await;
        ann.until_room_has("plans", "!!room.badge").await;
        tom.reload().await;
        tom.until_text("#room-name", "plans").await;
        until_members(&tom, &["tom"]).await;
        tom.until_text("#roster-count", "1").await;

        ann.open_listed("plans").await;
        ann.click("#invitation-accept").await;
        until_members(&tom, &["ann", "tom"]).await;
    });
}

#[test]
fn absent_members_are_told_apart_from_those_who_are_present() {
    browser_test("absent_members_are_told_apart_from_those_who_are_present", async |test| {
        let mut server = Server::start();
        let (page, ids) = open(test, &mut server, &[SeedRoom::public("Attic").with_people(2)]).await;
        page.hold_received().await;
        page.open_room("Attic", &ids[0]).await;
        page.send("/who").await;
        page.until("the list is being loaded", |view| {
            view.row_texts("notice") == ["The list of people is still being loaded. Try again in a moment."]
        })
        .await;
        page.deliver_received().await;
        until_members(&page, &["tom", "Amara Okafor", "Benoît Okafor", "Room owner"]).await;
        page.until_text("#roster-count", "4").await;
        let absent = "const items = [...document.querySelectorAll('#roster li.absent')].map((item) => item.dataset.nick);
            return items.join() === 'Amara Okafor,Benoît Okafor,Room owner' || items";
        page.until_true("the absent members are marked", absent).await;
        page.send("/who").await;
        page.until("who is here", |view| {
            view.row_texts("notice").last().is_some_and(|text| *text == "One person is here: tom")
        })
        .await;
    });
}

#[test]
fn many_changes_of_a_room_cause_one_request_for_its_members() {
    browser_test("many_changes_of_a_room_cause_one_request_for_its_members", async |test| {
        let server = Server::start();
        let ann = log_in(test, &server, "ann").await;
        ann.create_room("rust", "public").await;
        let tom = log_in(test, &server, "tom").await;
        tom.send("/join rust").await;
        tom.until_text("#room-name", "rust").await;
        until_members(&tom, &["ann", "tom"]).await;
        tom.hold_received().await;
        for n in 1..=8 {
            ann.send(&format!("/topic News {n}")).await;
            ann.until_text("#room-topic", &format!("News {n}")).await;
        }
        tom.until_true(
            "the changes",
            "return testNetwork.receivedCount() >= 8 || testNetwork.receivedCount()",
        )
        .await;
        tom.eval::<()>("testNetwork.recordSent()", vec![]).await;
        tom.deliver_received().await;
        tom.until_text("#room-topic", "News 8").await;
        let count = format!("return testNetwork.sentCount({LIST_MEMBERS})");
        let requested =
            format!("return testNetwork.sentCount({LIST_MEMBERS}).then((count) => count >= 1 || count)");
        tom.until_true("the members are requested", &requested).await;
        let requests: u32 = tom.eval(&count, vec![]).await;
        assert!(requests <= 2, "{requests} requests");
        until_members(&tom, &["ann", "tom"]).await;
    });
}
