//! Facts that the page does not know for a moment: who is present while there is no connection, and whether a room has been left while
//! the server has not answered.

use parlour_e2e::{SeedRoom, Server, browser_test};

#[test]
fn presence_of_a_partner_is_unknown_without_a_connection() {
    browser_test("presence_of_a_partner_is_unknown_without_a_connection", async |test| {
        let mut server = Server::start();
        let ann = test.open("ann", &server.url()).await;
        ann.expect_lost_connections();
        ann.log_in("ann").await;
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in_with_rooms("tom", &mut server, &[SeedRoom::direct("ann")]).await;
        tom.until_room_has("ann", "room.presence === 'online'").await;
        tom.go_offline().await;
        tom.until_room_has("ann", "room.presence === 'unknown'").await;
        tom.go_online().await;
        tom.until_room_has("ann", "room.presence === 'online'").await;
    });
}

#[test]
fn nothing_is_sent_in_a_room_that_is_being_left() {
    browser_test("nothing_is_sent_in_a_room_that_is_being_left", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.resize(1280, 800).await;
        page.log_in("tom").await;
        page.create_room("garden", "public").await;
        // The server gets the request late.
        let hold = "window.held = []; const { send } = WebSocket.prototype;
            WebSocket.prototype.send = function (message) { held.push(() => send.call(this, message)); };
            window.release = () => { WebSocket.prototype.send = send; held.forEach((send) => send()); };";
        page.eval::<()>(hold, vec![]).await;
        page.send("/leave").await;
        page.until("the command is accepted", |view| view.composer.as_deref() == Some("")).await;
        page.send("too late").await;
        let refused = |view: &parlour_e2e::View| {
            view.composer.as_deref() == Some("too late")
                && view.note.as_deref().is_some_and(|note| note.contains("leaving this room"))
        };
        let view = page.until("the message is refused", refused).await;
        assert!(view.messages_with("too late").is_empty(), "{:?}", view.rows);
        page.eval::<()>("window.release()", vec![]).await;
        page.until_text("#room-name", "Lobby").await;
        page.until_not_listed("garden").await;
    });
}
