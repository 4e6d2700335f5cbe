//! What was said before one came, and while one was away.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Desktop, Page, Server, Stage, Window, keys, stage, stage_in_each};

/// A server that takes any number of messages at once.
fn patient_server() -> Server {
    Server::start_with(&["--messages-per-minute", "0", "--burst", "10000"])
}

fn line(n: usize) -> String {
    // Some are broken in two on the screen, so that rows differ in height.
    let more = if n.is_multiple_of(3) {
        ", and some more words about nothing in particular".repeat(3)
    } else {
        String::new()
    };
    format!("Line {n}{more}")
}

/// Somebody says lines of these numbers; waits until the server has them all.
async fn say(lili: &mut Desktop, numbers: std::ops::Range<usize>) {
    let last = format!("lili:{}", line(numbers.end - 1));
    numbers.for_each(|n| lili.talk(&line(n)));
    lili.until("the last of it comes back", |seen| seen.lines.contains(&last)).await;
}

fn lines(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(line).collect()
}

/// Waits until a line is on the screen, or near it.
async fn until_it_shows(page: &Page, n: usize) {
    let script = format!(
        "const all = [...document.querySelectorAll('#timeline .content')].map((e) => e.textContent); \
         return all.includes('{}') || [all[0], all.at(-1)]",
        line(n)
    );
    page.until_true(&format!("line {n}"), &script).await;
}

/// `true`, or how far it is.
const AT_END: &str = "const frame = document.querySelector('#timeline'); \
    const away = frame.scrollHeight - frame.clientHeight - frame.scrollTop; return away <= 2 || away";

async fn tom(stage: &Stage, server: &Server) -> Page {
    let page = stage.window("tom", Window::default()).await;
    page.with_plug().await;
    page.goto(&server.url()).await;
    page
}

#[test]
fn a_newcomer_reads_back_to_the_beginning() {
    stage_in_each("a_newcomer_reads_back_to_the_beginning", async |stage| {
        let server = patient_server();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 0..650).await;
        let tom = stage.open("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        until_it_shows(&tom, 649).await;
        tom.until_true("the newest is seen", AT_END).await;
        let view = tom.until("a round trip", |view| view.round_trip.is_some()).await;
        assert!(!view.jump && view.lines("beginning").is_empty() && view.lines("gap").is_empty());
        // As fast as a wheel turns: what is older is there before the reader is.
        let moved = tom.fling(60.0, 150).await;
        assert!(moved <= 1.0, "a line moved by {moved} px more than the reader did");
        // Faster than it can be loaded.
        let moved = tom.fling(900.0, 60).await;
        assert!(moved <= 1.0, "a line moved by {moved} px more than the reader did");
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        until_it_shows(&tom, 0).await;
        tom.until("the beginning", |view| view.lines("beginning").len() == 1 && view.jump).await;
        tom.until_true(
            "it is where it begins",
            "return document.querySelector('#timeline').scrollTop === 0 || document.querySelector('#timeline').scrollTop",
        )
        .await;
        let pill = "return !document.querySelector('.day-of-screen')";
        tom.until_true("nothing lies over the beginning, which says its day itself", pill).await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 900", vec![]).await;
        let pill = "return document.querySelector('.day-of-screen')?.textContent === 'Today'";
        tom.until_true("further down the day stands over it", pill).await;
        assert_eq!(tom.read_contents().await, lines(0..650));
        tom.until("at the end", |view| !view.jump).await;
        // None of it is news.
        tom.eval::<()>("document.querySelector('#timeline').scrollTop -= 2000", vec![]).await;
        tom.until("the way back", |view| view.jump).await;
        let new = "return document.querySelector('#jump-to-end').dataset.new";
        assert_eq!(tom.eval::<String>(new, vec![]).await, "0");
        say(&mut lili, 650..652).await;
        tom.until_true("what is new is", "return document.querySelector('#jump-to-end').dataset.new === '2'")
            .await;
    });
}

#[test]
fn who_has_missed_much_comes_back_with_a_seam() {
    stage("who_has_missed_much_comes_back_with_a_seam", async |stage| {
        let server = patient_server();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 0..20).await;
        let tom = tom(stage, &server).await;
        tom.log_in("tom").await;
        until_it_shows(&tom, 19).await;

        tom.pull_plug().await;
        say(&mut lili, 20..640).await;
        tom.put_plug_back().await;
        until_it_shows(&tom, 639).await;
        tom.until_true("the newest is seen", AT_END).await;
        // Nothing is loaded meanwhile.
        tom.eval::<()>("plug.swallow()", vec![]).await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        until_it_shows(&tom, 0).await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop += 800", vec![]).await;
        let seam = "const gap = document.querySelector('.gap:not(.top)')?.closest('.item'); \
            return gap?.previousElementSibling.textContent.includes('Line 19') || gap?.previousElementSibling.textContent || 'no seam'";
        tom.until_true("the seam is behind what was known", seam).await;
        tom.pull_plug().await;
        tom.put_plug_back().await;
        assert_eq!(tom.read_contents().await, lines(0..640));
        assert_eq!(tom.eval::<usize>("return document.querySelectorAll('.gap').length", vec![]).await, 0);
    });
}

#[test]
fn a_little_that_was_missed_is_there_without_a_seam() {
    stage("a_little_that_was_missed_is_there_without_a_seam", async |stage| {
        let mut server = patient_server();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 0..3).await;
        let tom = tom(stage, &server).await;
        tom.log_in("tom").await;
        until_it_shows(&tom, 2).await;
        let watch = "window.seams = 0; new MutationObserver(() => { window.seams += document.querySelectorAll('.gap').length; }) \
            .observe(document.querySelector('#timeline'), { childList: true, subtree: true }); document.querySelector('#exit').focus()";
        tom.eval::<()>(watch, vec![]).await;
        tom.pull_plug().await;
        server.stop().await;
        server.start_again();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 3..250).await;
        tom.put_plug_back().await;
        until_it_shows(&tom, 249).await;
        say(&mut lili, 250..251).await;
        until_it_shows(&tom, 250).await;
        // Coming back takes the focus from nothing.
        tom.until_true("the focus is where it was", "return document.activeElement.id === 'exit'").await;
        let view = tom.look().await;
        assert!(view.lines("notice").is_empty(), "{:#?}", view.lines("notice"));
        assert_eq!(tom.read_contents().await, lines(0..251));
        assert_eq!(tom.eval::<usize>("return window.seams", vec![]).await, 0, "no seam was ever seen");
    });
}

#[test]
fn by_keyboard_alone() {
    stage("by_keyboard_alone", async |stage| {
        let server = patient_server();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 0..450).await;
        let page = tom(stage, &server).await;
        page.log_in("tom").await;
        until_it_shows(&page, 449).await;
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::HOME).await;
        until_it_shows(&page, 0).await;
        page.press(keys::END).await;
        page.until_true("the newest is seen", AT_END).await;
        page.until_true("the messages have the focus", "return document.activeElement.id === 'timeline'")
            .await;

        // The button, while it takes long.
        page.eval::<()>("plug.swallow()", vec![]).await;
        page.eval::<()>(
            "const frame = document.querySelector('#timeline'); frame.scrollTop = frame.scrollHeight / 2",
            vec![],
        )
        .await;
        let busy = "return document.querySelector('.load')?.getAttribute('aria-busy') === 'true'";
        page.until_true("it says that it is loading", busy).await;
        page.press(keys::TAB).await;
        let focused = "return document.activeElement.matches('.load') || document.activeElement.outerHTML";
        page.until_true("the button has the focus", focused).await;
        page.pull_plug().await;
        page.until_true("it still has", focused).await;
        page.put_plug_back().await;
        // What is here is loaded; what is missing above keeps its button, out of sight, for who has the focus there.
        // How tall is thought what was not seen, decides which line is in the middle.
        let middle = "const all = [...document.querySelectorAll('#timeline .content')].map((e) => e.textContent); \
            return all.some((text) => /^Line 2[0-4]\\d/.test(text)) || [all[0], all.at(-1)]";
        page.until_true("lines from the middle", middle).await;
        page.until_true("it still has", focused).await;
        assert_eq!(page.read_contents().await, lines(0..450));
        let handed_on = "return document.activeElement.id === 'timeline' || document.activeElement.outerHTML";
        page.until_true("the messages have it", handed_on).await;
    });
}

#[test]
fn what_can_not_be_loaded_leaves_its_button() {
    stage("what_can_not_be_loaded_leaves_its_button", async |stage| {
        let server = patient_server();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 0..150).await;
        let tom = tom(stage, &server).await;
        tom.log_in("tom").await;
        until_it_shows(&tom, 149).await;
        tom.eval::<()>("plug.swallow()", vec![]).await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        let busy = "return document.querySelector('.load')?.hasAttribute('aria-busy')";
        tom.until_true("it loads", busy).await;
        tom.pull_plug().await;
        tom.until_true(
            "it does not any more",
            "return !document.querySelector('.load').hasAttribute('aria-busy')",
        )
        .await;
        tom.put_plug_back().await;
        until_it_shows(&tom, 0).await;
        assert_eq!(tom.read_contents().await, lines(0..150));
    });
}
