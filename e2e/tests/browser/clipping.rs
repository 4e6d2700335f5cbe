//! Text with many combining marks, which fonts stack: it is not painted over other rows.

use parlour_e2e::{BasicServer, DesktopPeer, Page, Server, browser_test, socket::BINARY, wire::Envelope};
use serde_json::{Value, json};

/// A picture of the page without the first element that matches a selector, at which nothing is painted.
async fn picture_outside(page: &Page, selector: &str) -> Value {
    let script = r"
        const { left, top, width, height } = document.querySelector(arguments[0]).getBoundingClientRect();
        const cover = document.querySelector('#cover') ?? document.body.appendChild(document.createElement('div'));
        cover.id = 'cover';
        Object.assign(cover.style, { position: 'fixed', zIndex: 9, background: '#888', pointerEvents: 'none',
            left: `${left - 1}px`, top: `${top - 1}px`, width: `${width + 2}px`, height: `${height + 2}px` });
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())));
    ";
    page.eval::<Value>(script, vec![selector.into()]).await;
    page.devtools("Page.captureScreenshot", json!({ "format": "png" })).await["data"].clone()
}

/// Asserts that the text of an element is painted nowhere outside of `row`.
async fn assert_clipped(page: &Page, text: &str, row: &str) {
    let shown = picture_outside(page, row).await;
    let hide = "document.querySelector(arguments[0]).style.visibility = 'hidden'";
    page.eval::<()>(hide, vec![text.into()]).await;
    let hidden = picture_outside(page, row).await;
    assert!(shown == hidden, "{text} is painted outside of {row}");
    page.eval::<()>("document.querySelector(arguments[0]).style.visibility = ''", vec![text.into()]).await;
}

#[test]
fn stacked_marks_are_clipped_to_their_row() {
    browser_test("stacked_marks_are_clipped_to_their_row", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        tom.log_in_to_basic("tom", &server).await;
        let (tall, deep) = (format!("a{}", "\u{0301}".repeat(30)), format!("a{}", "\u{0323}".repeat(30)));
        let names = ["amy", &tall, "oscar", &deep, "tom"];
        let marked: String =
            "abcdefghijklmnopqrst".chars().map(|c| format!("{c}{}", "\u{0301}".repeat(99))).collect();
        for (nick, text) in
            [("amy", "above"), (&*tall, "a word"), (&*deep, "another"), ("amy", &*marked), ("oscar", "below")]
        {
            // In a Binary frame: the original server's Text frames are readable only if they are short.
            server.send_bytes(BINARY, &Envelope::new(nick, "talk", text).with_list(names).encode());
        }
        tom.until("the last message", |view| view.has_sent("below")).await;
        // A caret that blinks would be a difference.
        tom.eval::<()>("document.activeElement.blur()", vec![]).await;
        let rows: Vec<String> = tom
            .eval(
                r"
                const mark = (e, id) => { e.id = id; return `#${id}`; };
                const rows = [...document.querySelectorAll('.item')].filter((e) => e.querySelector('.message'));
                const people = [...document.querySelectorAll('#roster li')];
                return [mark(rows[1], 'tall'), mark(rows[2], 'deep'), mark(rows[3], 'marked'),
                    mark(people[2], 'tall-person'), mark(people[1], 'deep-person')];
                ",
                vec![],
            )
            .await;
        for row in rows {
            for part in [".avatar", ".head", ".name", ".content"] {
                let text = format!("{row} {part}");
                let exists = format!("return !!document.querySelector('{text}')");
                if tom.eval::<bool>(&exists, vec![]).await {
                    assert_clipped(&tom, &text, &row).await;
                }
            }
        }
        let marks: Vec<usize> = tom
            .eval(
                "return [...document.querySelectorAll('.avatar')].map((e) => [...e.textContent].length)",
                vec![],
            )
            .await;
        assert!(marks.iter().all(|count| *count <= 3), "avatars with many marks: {marks:?}");
    });
}

#[test]
fn stacked_marks_are_clipped_to_their_search_result() {
    browser_test("stacked_marks_are_clipped_to_their_search_result", async |test| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        let marked = |mark: &str| -> String {
            let letters = "abcdefghijkl".chars();
            letters.map(|c| format!("{c}{}", mark.repeat(99))).collect()
        };
        // The newest is the first result.
        for text in ["word below".into(), format!("word {}", marked("\u{0323}"))] {
            lili.send(&text);
        }
        lili.send(&format!("word {}", marked("\u{0301}")));
        lili.send("word above");
        lili.until("the echo", |seen| seen.lines.iter().any(|line| line.ends_with("word above"))).await;
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.click("#search-toggle").await;
        tom.until_true("the field", "return document.activeElement.id === 'search-words'").await;
        tom.type_text("word").await;
        let all = "return document.querySelectorAll('#search li').length === 4";
        tom.until_true("all results", all).await;
        // A caret that blinks would be a difference.
        tom.eval::<()>("document.activeElement.blur()", vec![]).await;
        for row in ["#search li:nth-child(2)", "#search li:nth-child(3)"] {
            assert_clipped(&tom, &format!("{row} .result-text"), row).await;
        }
    });
}
