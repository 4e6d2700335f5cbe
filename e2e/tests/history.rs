//! What was said before one came, and while one was away.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Desktop, Page, Server, Stage, View, Window, keys, stage};

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

/// All the page has, in order.
async fn contents(page: &Page) -> Vec<String> {
    let script = "return [...document.querySelectorAll('#timeline .content')].map((e) => e.textContent)";
    page.eval(script, vec![]).await
}

fn lines(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(line).collect()
}

async fn until_it_has(page: &Page, count: usize) {
    let script = format!(
        "const n = document.querySelectorAll('#timeline .content').length; return n === {count} || n"
    );
    page.until_true(&format!("{count} messages"), &script).await;
}

/// `true`, or how far it is.
const AT_END: &str = "const frame = document.querySelector('#timeline'); \
    const away = frame.scrollHeight - frame.clientHeight - frame.scrollTop; return away <= 2 || away";

/// Scrolls to what is missing, and from then on looks after each frame where the message under it is.
const READ: &str = r"
    const frame = document.querySelector('#timeline'), gap = frame.querySelector('.gap');
    frame.scrollTop += gap.getBoundingClientRect().top - frame.getBoundingClientRect().top;
    let line = gap;
    while (!line.classList.contains('message')) line = line.nextElementSibling;
    const place = () => line.getBoundingClientRect().top;
    const before = place();
    window.moved = 0;
    const reading = window.reading = {};
    // Behind the frame: what is seen in it is settled by then.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { window.moved = Math.max(window.moved, Math.abs(place() - before)); };
    const look = () => {
        if (window.reading !== reading) return;
        port2.postMessage(0);
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
";

/// Two frames later, how far the line has been from its place at most.
const MOVED: &str = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => \
    requestAnimationFrame(() => { window.reading = null; done(window.moved); }))))";

/// Scrolls to what is missing, which loads as much as there is on a page.
async fn load_by_scrolling(page: &Page, then: usize) {
    page.eval::<()>(READ, vec![]).await;
    until_it_has(page, then).await;
    let moved: f64 = page.eval(MOVED, vec![]).await;
    assert!(moved <= 1.0, "the line being read moved by {moved} px when there were {then} messages");
}

async fn tom(stage: &Stage, server: &Server) -> Page {
    let page = stage.window("tom", Window::default()).await;
    page.with_plug().await;
    page.goto(&server.url()).await;
    page
}

fn seams(view: &View) -> usize {
    view.lines("gap").len()
}

#[test]
fn a_newcomer_reads_back_to_the_beginning() {
    stage("a_newcomer_reads_back_to_the_beginning", async |stage| {
        let server = patient_server();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 0..350).await;
        let tom = tom(stage, &server).await;
        tom.log_in("tom").await;
        until_it_has(&tom, 100).await;
        tom.until_true("the newest is seen", AT_END).await;
        let view = tom.until("a round trip", |view| view.round_trip.is_some()).await;
        assert_eq!(contents(&tom).await, lines(250..350), "nothing more before it is asked for");
        assert!(!view.jump && view.lines("beginning").is_empty());
        for (count, from) in [(200, 150), (300, 50), (350, 0)] {
            load_by_scrolling(&tom, count).await;
            assert_eq!(contents(&tom).await, lines(from..350));
        }
        let begins = "return document.querySelector('.beginning')?.textContent.includes('begin') ?? null";
        tom.until_true("the room begins here", begins).await;
        assert_eq!(tom.eval::<usize>("return document.querySelectorAll('.gap').length", vec![]).await, 0);
        // None of it is news.
        tom.until("the way back", |view| view.jump).await;
        let new = "return document.querySelector('#jump-to-end').dataset.new";
        assert_eq!(tom.eval::<String>(new, vec![]).await, "0");
        say(&mut lili, 350..352).await;
        until_it_has(&tom, 352).await;
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
        until_it_has(&tom, 20).await;
        tom.until("the beginning", |view| view.lines("beginning").len() == 1 && seams(view) == 0).await;

        tom.pull_plug().await;
        say(&mut lili, 20..640).await;
        tom.put_plug_back().await;
        until_it_has(&tom, 120).await;
        tom.until_true("the newest is seen", AT_END).await;
        let held: Vec<_> = lines(0..20).into_iter().chain(lines(540..640)).collect();
        assert_eq!(contents(&tom).await, held);
        let seam = "const gap = document.querySelector('.gap:not(.top)'); \
            return [gap.previousElementSibling, gap.nextElementSibling].map((e) => e.textContent.split('Line ')[1].split(',')[0])";
        assert_eq!(tom.eval::<Vec<String>>(seam, vec![]).await, ["19", "540"]);
        for count in [220, 320, 420, 520, 620, 640] {
            load_by_scrolling(&tom, count).await;
        }
        assert_eq!(contents(&tom).await, lines(0..640));
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
        until_it_has(&tom, 3).await;
        let watch = "window.seams = 0; new MutationObserver(() => { window.seams += document.querySelectorAll('.gap').length; }) \
            .observe(document.querySelector('#timeline'), { childList: true, subtree: true }); document.querySelector('#exit').focus()";
        tom.eval::<()>(watch, vec![]).await;
        tom.pull_plug().await;
        server.stop().await;
        server.start_again();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 3..250).await;
        tom.put_plug_back().await;
        until_it_has(&tom, 250).await;
        say(&mut lili, 250..251).await;
        until_it_has(&tom, 251).await;
        assert_eq!(contents(&tom).await, lines(0..251));
        assert_eq!(tom.eval::<usize>("return window.seams", vec![]).await, 0, "no seam was ever seen");
        let view = tom.look().await;
        assert!(view.lines("notice").is_empty(), "{:#?}", view.lines("notice"));
        // Coming back takes the focus from nothing.
        tom.until_true("the focus is where it was", "return document.activeElement.id === 'exit'").await;
    });
}

#[test]
fn by_keyboard_alone() {
    stage("by_keyboard_alone", async |stage| {
        let server = patient_server();
        let mut lili = Desktop::connect(server.address(), "lili");
        say(&mut lili, 0..250).await;
        let page = stage.window("tom", Window::default()).await;
        // What comes into view would be loaded before a key is pressed.
        page.before_load("delete window.IntersectionObserver").await;
        page.with_plug().await;
        page.goto(&server.url()).await;
        page.log_in("tom").await;
        until_it_has(&page, 100).await;
        let watch = "window.busy = 0; new MutationObserver(() => { window.busy += document.querySelectorAll('.load[aria-busy=true]').length; }) \
            .observe(document.querySelector('#timeline'), { attributes: true, subtree: true }); document.querySelector('#timeline').focus()";
        page.eval::<()>(watch, vec![]).await;
        page.press(keys::TAB).await;
        let focused = "return document.activeElement.matches('.load') || document.activeElement.outerHTML";
        page.until_true("the button has the focus", focused).await;
        page.press(keys::ENTER).await;
        until_it_has(&page, 200).await;
        page.until_true("it still has", focused).await;
        assert!(page.eval::<usize>("return window.busy", vec![]).await > 0, "it said that it was loading");
        page.press(keys::ENTER).await;
        until_it_has(&page, 250).await;
        let focused = "return document.activeElement.id === 'timeline' || document.activeElement.outerHTML";
        page.until_true("the messages have it", focused).await;
        assert_eq!(contents(&page).await, lines(0..250));
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
        until_it_has(&tom, 100).await;
        tom.eval::<()>("plug.swallow()", vec![]).await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        let busy = "return document.querySelector('.load').hasAttribute('aria-busy')";
        tom.until_true("it loads", busy).await;
        tom.pull_plug().await;
        tom.until_true(
            "it does not any more",
            "return !document.querySelector('.load').hasAttribute('aria-busy')",
        )
        .await;
        assert_eq!(contents(&tom).await, lines(50..150));
        tom.put_plug_back().await;
        until_it_has(&tom, 150).await;
        assert_eq!(contents(&tom).await, lines(0..150));
    });
}
