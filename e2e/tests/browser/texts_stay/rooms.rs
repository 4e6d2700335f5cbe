//! Texts are where they were when a room is opened again.

use std::collections::BTreeMap;

use parlour_e2e::{Page, SeedRoom, Server, browser_test, browser_test_in_each};
use serde_json::json;

use super::{TEXTS, line};

/// The first text that begins in the viewport, and its distance from the upper edge.
type Position = (String, f64);

async fn first_text(page: &Page) -> Position {
    page.stable_value("document.querySelector('#timeline').scrollTop").await;
    let texts: BTreeMap<String, f64> = page.eval(TEXTS, vec![]).await;
    texts.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("a text in the viewport")
}

/// Asserts that a text is, and stays, where it was.
async fn assert_at(page: &Page, what: &str, position: &Position) {
    let script = format!(
        "const texts = (() => {{ {TEXTS} }})(), [text, top] = {};
         return Math.abs(texts[text] - top) <= 0.6 || [texts[text], texts]",
        json!(position)
    );
    page.until_true(&format!("{what}: {position:?}"), &script).await;
    page.stable_value("document.querySelector('#timeline').scrollTop").await;
    page.until_true(&format!("{what}, after a moment: {position:?}"), &script).await;
}

#[test]
fn texts_stay_while_other_rooms_are_visited() {
    browser_test_in_each("texts_stay_while_other_rooms_are_visited", async |test| {
        let mut server = Server::start();
        let page = test.open("tom", &server.url()).await;
        scroll_in_two_rooms(&page, &mut server, false).await;
    });
}

#[test]
fn texts_stay_while_messages_of_two_rooms_are_loaded() {
    browser_test("texts_stay_while_messages_of_two_rooms_are_loaded", async |test| {
        let mut server = Server::start();
        let page = test.open_with_network_switch("tom", &server.url()).await;
        scroll_in_two_rooms(&page, &mut server, true).await;
    });
}

/// Scrolls in two rooms in turn, and then goes from one to the other. With `holds_requests` the messages that are requested in both
/// rooms arrive at once, while one of them is open.
async fn scroll_in_two_rooms(page: &Page, server: &mut Server, holds_requests: bool) {
    // Several senders, so that some messages have a name and some have not.
    let talk: Vec<_> = (0..300).map(|n| (["lili", "jim", "ann"][n / 4 % 3], line(n))).collect();
    let talk: Vec<_> = talk.iter().map(|(nick, text)| (*nick, &**text)).collect();
    let rooms = ["Attic", "Balcony"].map(|name| SeedRoom::public(name).with_talk(&talk));
    page.resize(1280, 800).await;
    let ids = page.log_in_with_rooms("tom", server, &rooms).await;
    let rooms = [("Attic", &*ids[0]), ("Balcony", &*ids[1])];
    let mut positions: [Option<Position>; 2] = [None, None];
    if holds_requests {
        page.hold_history_requests().await;
    }
    // By fractions of a pixel too, where the browser has them.
    for (round, by) in [700.0, 333.3, 90.5, 411.7, 500.0, 260.4].into_iter().enumerate() {
        for ((name, id), position) in rooms.into_iter().zip(&mut positions) {
            page.open_room(name, id).await;
            if let Some(position) = position {
                assert_at(page, &format!("{name} in round {round}"), position).await;
            } else {
                page.until("the newest message", |view| view.has_sent(&line(299))).await;
                page.until_at_end().await;
            }
            let scroll = "document.querySelector('#timeline').scrollTop -= arguments[0]";
            page.eval::<()>(scroll, vec![by.into()]).await;
            page.until("the jump button", |view| view.jump).await;
            *position = Some(first_text(page).await);
        }
        if holds_requests && round == 2 {
            page.release_history_requests().await;
        }
    }
    // Any number of visits does not add up to a distance, nor does a reload.
    for round in 0..6 {
        for ((name, id), position) in rooms.into_iter().zip(&positions) {
            page.open_room(name, id).await;
            let position = position.as_ref().expect("it was scrolled");
            assert_at(page, &format!("{name} in visit {round}"), position).await;
            if round == 3 {
                page.reload().await;
                page.until("the connection is back", |view| view.online()).await;
                page.until_room_open(name, id).await;
                assert_at(page, &format!("{name} after a reload"), position).await;
            }
        }
    }
}
