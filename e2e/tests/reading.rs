//! Where the reader is stays where the reader is.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Desktop, Page, Server, Stage, stage_in_each};

/// A room with more in it than a screen shows.
async fn full_room(stage: &Stage, server: &Server) -> (Page, Desktop) {
    let page = stage.open("tom", &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in("tom").await;
    let mut lili = Desktop::connect(server.address(), "lili");
    for n in 0..60 {
        lili.talk(&format!(
            "Line {n}, long enough to be broken in two on a screen as narrow as that of a phone."
        ));
    }
    let last = "Line 59, long enough to be broken in two on a screen as narrow as that of a phone.";
    page.until("all of them", |view| view.has(last)).await;
    page.until_true("the newest is seen", AT_END).await;
    (page, lili)
}

/// `true`, or how far it is.
const AT_END: &str = "const frame = document.querySelector('#timeline'); \
    const away = frame.scrollHeight - frame.clientHeight - frame.scrollTop; return away <= 2 || away";

#[test]
fn who_reads_the_newest_goes_on_reading_the_newest() {
    stage_in_each("who_reads_the_newest_goes_on_reading_the_newest", async |stage| {
        let server = Server::start_with(&["--burst", "100"]);
        let (page, mut lili) = full_room(stage, &server).await;
        lili.talk("one more");
        page.until("it is there", |view| view.has("one more")).await;
        page.until_true("the newest is seen", AT_END).await;
        for (width, height) in [(390, 844), (844, 390), (1280, 800), (1280, 400)] {
            page.resize(width, height).await;
            page.until_true(&format!("the newest is seen on {width} by {height}"), AT_END).await;
            assert!(!page.look().await.jump, "nothing to jump to on {width} by {height}");
        }
    });
}

#[test]
fn who_reads_what_is_older_is_not_moved() {
    stage_in_each("who_reads_what_is_older_is_not_moved", async |stage| {
        let server = Server::start_with(&["--burst", "100"]);
        let (page, mut lili) = full_room(stage, &server).await;
        let line = "document.querySelectorAll('.row.message')[20].getBoundingClientRect().top";
        let up = "document.querySelectorAll('.row.message')[20].scrollIntoView({ block: 'center' })";
        page.eval::<()>(up, vec![]).await;
        page.until("the way back", |view| view.jump).await;
        // It is not the uppermost on the screen: those between come to their real size only once they are painted.
        let before = page.still(line).await;
        for n in 0..5 {
            lili.talk(&format!("News {n}"));
        }
        page.until("they are there", |view| view.has("News 4")).await;
        let words = "return /5 new/.test(document.querySelector('#jump-to-end').innerText)";
        page.until_true("they are counted", words).await;
        let after = page.still(line).await;
        assert!((before - after).abs() <= 1.0, "the line being read moved from {before} to {after}");
        page.click("#jump-to-end").await;
        page.until_true("back at the newest", AT_END).await;
        page.until("no way back is needed", |view| !view.jump).await;
        // What one says oneself is seen, wherever one was.
        page.eval::<()>(up, vec![]).await;
        page.until("up again", |view| view.jump).await;
        page.say_and_see("an answer").await;
        page.until_true("back at the newest", AT_END).await;
    });
}
