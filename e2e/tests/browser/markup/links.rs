//! Links in messages: to rooms of the page, to other pages, and to hosts that their texts do not show.

use parlour_e2e::{Page, Server, browser_test, browser_test_in_each, eventually};
use serde_json::json;

use super::until_shape;

#[test]
fn links_open_in_a_new_tab_without_a_way_back() {
    browser_test("links_open_in_a_new_tab_without_a_way_back", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        let own = server.url();
        // A link of another device does more than to show something.
        page.send_and_wait(&format!("see https://example.org/a_(b). and {own}#/link/abc {own}#/rooms")).await;
        let links = "return [...document.querySelectorAll('.content a')].map(
            (link) => [link.getAttribute('href'), link.rel, link.target, link.title])";
        page.until_true("three links", "return document.querySelectorAll('.content a').length === 3").await;
        let links: Vec<[String; 4]> = page.eval(links, vec![]).await;
        assert_eq!(links[0][0], "https://example.org/a_(b)");
        assert!(
            links.iter().all(|[_, rel, target, _]| rel == "noopener noreferrer" && target == "_blank"),
            "{links:?}"
        );
        assert_eq!(links[0][3], "https://example.org/a_(b)");
    });
}

#[test]
fn hosts_that_the_text_does_not_show_are_beside_it() {
    browser_test_in_each("hosts_that_the_text_does_not_show_are_beside_it", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        for (text, shape) in [
            (
                "[https://bank.example](https://evil.example/a)",
                "a(https://bank.example code((evil.example)))",
            ),
            (
                "https://bank.example@evil.example/",
                "a(https://bank.example@evil.example/ code((evil.example)))",
            ),
            ("https://\u{440}\u{430}y.com", "a(https://\u{440}\u{430}y.com code((xn--y-7sb1c.com)))"),
            ("[pay](https://\u{440}\u{430}y.com/)", "a(pay code((xn--y-7sb1c.com)))"),
            ("https://xn--y-7sb1c.com/", "a(https://xn--y-7sb1c.com/)"),
            ("<http://2130706433/>", "a(http://2130706433/ code((127.0.0.1)))"),
            (
                "[a@bank.example](mailto:a@\u{435}vil.example)",
                "a(a@bank.example code((xn--vil-qdd.example)))",
            ),
            ("https://例え.jp/ [here](https://bücher.example)", "a(https://例え.jp/) a(here)"),
            ("[bank](https://bank.example/a) <a.b@bank.example>", "a(bank) a(a.b@bank.example)"),
        ] {
            page.send(text).await;
            until_shape(&page, &format!("p({shape})")).await;
        }
    });
}

/// Waits until the last message has one link, with this text, that is opened in the same tab.
async fn until_link(page: &Page, text: &str) {
    let script = format!(
        "const content = [...document.querySelectorAll('.message .content')].at(-1);
        const links = [...content.querySelectorAll('a')].map((link) => [link.innerText, link.target].join());
        return ['{text},', '{text},_self'].includes(links.join()) || links"
    );
    page.until_true(&format!("a link {text}"), &script).await;
}

const LAST_LINK: &str = "[...document.querySelectorAll('.message .content a')].at(-1)";

#[test]
fn links_to_rooms_are_names_and_opened_here() {
    browser_test_in_each("links_to_rooms_are_names_and_opened_here", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.resize(1280, 800).await;
        page.log_in("tom").await;
        page.create_room("Balcony", "public").await;
        page.send_and_wait("on the balcony").await;
        let url: String = page.eval("return location.href", vec![]).await;
        page.open_listed("Lobby").await;
        page.eval::<()>("window.isSameDocument = true", vec![]).await;
        let here = "return window.isSameDocument === true && history.length";
        let before: u32 = page.eval(here, vec![]).await;

        page.send(&format!("see {url}.")).await;
        until_link(&page, "#Balcony").await;
        let title: [String; 2] =
            page.eval(&format!("const {{ title, href }} = {LAST_LINK}; return [title, href]"), vec![]).await;
        assert_eq!(title, [url.clone(), url.clone()]);
        page.eval::<()>(&format!("{LAST_LINK}.click()"), vec![]).await;
        page.until_text("#room-name", "Balcony").await;
        assert_eq!(page.eval::<u32>(here, vec![]).await, before + 1, "one entry of the history");
        page.eval::<()>("history.back()", vec![]).await;
        page.until_text("#room-name", "Lobby").await;

        let server_url = server.url();
        for (text, link) in [
            (format!("{server_url}#/room/lobby"), "#Lobby".to_owned()),
            (format!("{url}/1"), "#Balcony".to_owned()),
            (format!("[that *room*]({url})"), "that room".to_owned()),
            (
                format!("{server_url}#/room/{}", "ab".repeat(16)),
                format!("{server_url}#/room/{}", "ab".repeat(16)),
            ),
        ] {
            page.send(&text).await;
            until_link(&page, &link).await;
        }
        page.eval::<()>(&format!("{LAST_LINK}.click()"), vec![]).await;
        page.until_text("#no-room h2", "You are not in this room").await;
        assert!(page.eval::<bool>("return window.isSameDocument === true", vec![]).await);
    });
}

#[test]
fn link_to_a_room_that_is_joined_gets_its_name() {
    browser_test("link_to_a_room_that_is_joined_gets_its_name", async |test| {
        let server = Server::start();
        let ann = test.open("ann", &server.url()).await;
        ann.resize(1280, 800).await;
        ann.log_in("ann").await;
        ann.create_room("Balcony", "public").await;
        let url: String = ann.eval("return location.href", vec![]).await;
        let tom = test.open("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        tom.send(&url).await;
        until_link(&tom, &url).await;
        tom.eval::<()>(&format!("{LAST_LINK}.click()"), vec![]).await;
        tom.until_text("#no-room h2", "You are not in this room").await;
        tom.click("#no-room button").await;
        tom.until_text("#room-name", "Balcony").await;
        tom.eval::<()>("history.back()", vec![]).await;
        tom.until_text("#room-name", "Lobby").await;
        until_link(&tom, "#Balcony").await;
    });
}

/// The modifier of a mouse event.
const CONTROL: u8 = 2;

#[test]
fn link_to_a_room_opens_another_tab_if_asked() {
    browser_test("link_to_a_room_opens_another_tab_if_asked", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.log_in("tom").await;
        page.send(&format!("{}#/room/lobby", server.url())).await;
        until_link(&page, "#Lobby").await;
        let middle = format!(
            "const {{ x, y, width, height }} = {LAST_LINK}.getBoundingClientRect();
            return [x + width / 2, y + height / 2]"
        );
        let [x, y]: [f64; 2] = page.eval(&middle, vec![]).await;
        for (tabs, button, modifiers) in [(2, "left", CONTROL), (3, "middle", 0)] {
            for kind in ["mousePressed", "mouseReleased"] {
                let event = json!({
                    "type": kind, "x": x, "y": y, "button": button, "clickCount": 1, "modifiers": modifiers,
                });
                page.devtools("Input.dispatchMouseEvent", event).await;
            }
            eventually("another tab", async || {
                let open = page.client().windows().await.unwrap().len();
                if open == tabs { Ok(()) } else { Err(format!("{open} tabs")) }
            })
            .await;
        }
    });
}
