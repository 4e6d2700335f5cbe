//! Where the reader is stays where the reader is, in every browser: no line moves because something else does.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Desktop, Page, Server, Stage, stage_in_each};

/// A room with much more in it than a screen shows, and a page that shows its newest.
async fn full_room(stage: &Stage, server: &Server) -> (Page, Desktop) {
    let mut lili = Desktop::connect(server.address(), "lili");
    for n in 0..240 {
        lili.talk(&line(n));
    }
    let last = format!("lili:{}", line(239));
    lili.until("the last of it comes back", |seen| seen.lines.contains(&last)).await;
    let page = stage.open("tom", &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in("tom").await;
    page.until("the newest", |view| view.has(&line(239))).await;
    page.until_true("the newest is seen", AT_END).await;
    (page, lili)
}

/// Many have two lines on a screen as narrow as that of a phone, and some have two on any.
fn line(n: usize) -> String {
    let more = ", and some more words about nothing in particular".repeat(n % 3);
    format!("Line {n}, long enough to be broken in two on a screen as narrow as that of a phone{more}.")
}

/// `true`, or how far it is.
const AT_END: &str = "const frame = document.querySelector('#timeline'); \
    const away = frame.scrollHeight - frame.clientHeight - frame.scrollTop; return away <= 2 || away";

/// Has a reader go up, to where what is older has not been loaded yet.
async fn go_up(page: &Page) {
    let moved = page.fling(40.0, 80).await;
    assert!(moved <= 1.0, "a line moved by {moved} px more than the reader did");
    page.until("the way back", |view| view.jump).await;
}

/// Nothing that `act` does moves the line being read.
async fn unmoved(page: &Page, what: &str, act: impl AsyncFnOnce()) {
    page.watch_line().await;
    act().await;
    let moved = page.moved().await;
    assert!(moved <= 1.0, "the line being read moved by {moved} px as {what}");
}

/// Changes something as a page does itself: within a frame, so that no half of it is ever seen.
async fn change(page: &Page, script: &str) {
    let script =
        format!("return new Promise((done) => requestAnimationFrame(() => {{ {script}; done(); }}))");
    page.eval::<()>(&script, vec![]).await;
}

/// The page is of another size.
async fn resized(page: &Page, width: u32, height: u32) {
    page.resize(width, height).await;
    // Once it is drawn.
    page.still("document.querySelector('#timeline').scrollTop").await;
}

#[test]
fn who_reads_the_newest_goes_on_reading_the_newest() {
    stage_in_each("who_reads_the_newest_goes_on_reading_the_newest", async |stage| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(stage, &server).await;
        lili.talk("one more");
        page.until("it is there", |view| view.has("one more")).await;
        page.until_true("the newest is seen", AT_END).await;
        for (width, height) in [(390, 844), (844, 390), (1280, 800), (1280, 400)] {
            page.resize(width, height).await;
            page.until_true(&format!("the newest is seen on {width} by {height}"), AT_END).await;
            assert!(!page.look().await.jump, "nothing to jump to on {width} by {height}");
        }
        page.resize(1280, 800).await;
        for grow in [LARGER_LETTERS, "document.querySelector('.row.message').style.paddingTop = '90px'"] {
            page.eval::<()>(grow, vec![]).await;
            page.until_true("the newest is seen", AT_END).await;
        }
        for n in 0..300 {
            lili.talk(&line(1000 + n));
        }
        page.until("all of them", |view| view.has(&line(1299))).await;
        page.until_true("the newest is seen", AT_END).await;
    });
}

#[test]
fn who_goes_up_slowly_is_not_held_at_the_end_by_what_comes() {
    stage_in_each("who_goes_up_slowly_is_not_held_at_the_end_by_what_comes", async |stage| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(stage, &server).await;
        for round in 0..8 {
            // Some of it comes while the reader is still near the end.
            for n in 0..20 {
                lili.talk(&line(1000 + 20 * round + n));
            }
            let moved = page.fling(2.0, 40).await;
            assert!(moved <= 1.0, "a line moved by {moved} px more than the reader did");
            page.until("the way back", |view| view.jump).await;
            page.click("#jump-to-end").await;
            page.until_true("back at the newest", AT_END).await;
            page.until("no way back is needed", |view| !view.jump).await;
        }
        // A little up and no further is still the end.
        page.fling(2.0, 10).await;
        page.until("no way back is needed", |view| !view.jump).await;
        lili.talk("the newest");
        page.until("it is there", |view| view.has("the newest")).await;
        page.until_true("the newest is seen", AT_END).await;
    });
}

/// As when a font comes, or the reader zooms in.
const LARGER_LETTERS: &str = "document.documentElement.style.fontSize = '19px'";

#[test]
fn who_reads_what_is_older_is_not_moved() {
    stage_in_each("who_reads_what_is_older_is_not_moved", async |stage| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(stage, &server).await;
        go_up(&page).await;
        unmoved(&page, "something new came", async || {
            for n in 0..5 {
                lili.talk(&format!("News {n}"));
            }
            let words = "return /5 new/.test(document.querySelector('#jump-to-end').innerText)";
            page.until_true("they are counted", words).await;
        })
        .await;
        unmoved(&page, "a row above it grew", async || {
            change(&page, "document.querySelector('.row.message').style.paddingTop = '90px'").await;
        })
        .await;
        unmoved(&page, "a row above it shrank", async || {
            change(&page, "document.querySelector('.row.message').style.paddingTop = ''").await;
        })
        .await;
        unmoved(&page, "the letters grew", async || change(&page, LARGER_LETTERS).await).await;
        unmoved(&page, "the keyboard of a phone came", async || resized(&page, 1280, 420).await).await;
        unmoved(&page, "and went", async || resized(&page, 1280, 800).await).await;
        unmoved(&page, "the screen became narrow", async || resized(&page, 390, 800).await).await;
        unmoved(&page, "it was turned", async || resized(&page, 844, 390).await).await;
        // A fling through all that is older, some of which is not there yet, while others go on talking.
        resized(&page, 1280, 800).await;
        for n in 0..60 {
            lili.talk(&format!("Meanwhile {n}"));
        }
        let moved = page.fling(70.0, 400).await;
        assert!(moved <= 1.0, "a line moved by {moved} px more than the reader did");

        page.click("#jump-to-end").await;
        page.until_true("back at the newest", AT_END).await;
        page.until("no way back is needed", |view| !view.jump).await;
        // What one says oneself is seen, wherever one was.
        go_up(&page).await;
        page.say_and_see("an answer").await;
        page.until_true("back at the newest", AT_END).await;
    });
}
