//! Every screen in two sizes, two schemes of colours and two languages: a picture of each in
//! `target/screenshots/`, and what can be checked of all of them without looking.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    cell::{Cell, RefCell},
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use parlour_e2e::{
    BasicServer, Desktop, Environment, Page, Server, Stage, View, Window, keys, stage, wire::Frame,
};
use serde::Deserialize;
use serde_json::{Value, json};

const WIDE: (u32, u32) = (1280, 800);
const NARROW: (u32, u32) = (390, 844);

/// What is wrong with a screen, in sentences.
const LOOK_OVER: &str = include_str!("look_over.js");

/// The pictures of a page.
struct Album<'a> {
    page: &'a Page,
    language: &'a str,
    /// What is wrong in any of them.
    faults: RefCell<Vec<String>>,
    /// What is looked at is not the newest.
    further_up: Cell<bool>,
}

impl Album<'_> {
    /// In both sizes.
    async fn shoot(&self, name: &str) {
        for size in [WIDE, NARROW] {
            self.shoot_at(name, size).await;
        }
    }

    async fn shoot_at(&self, name: &str, size: (u32, u32)) {
        let (width, height) = size;
        self.page.resize(width, height).await;
        for theme in ["light", "dark"] {
            self.page.choose("#theme", theme).await;
            self.page.until("the colours", |view| view.theme.as_deref() == Some(theme)).await;
            // Two frames: one to lay out what changed, one to paint it.
            let painted = "const size = arguments; return new Promise((done) => requestAnimationFrame(() => \
                requestAnimationFrame(() => done(innerWidth === size[0] && innerHeight === size[1]))))";
            let painted: bool = self.page.eval(painted, vec![width.into(), height.into()]).await;
            assert!(painted, "the page has the size of the screen");
            let file = format!("{name}-{width}x{height}-{theme}-{}.png", self.language);
            fs::write(folder().join(&file), self.page.screenshot().await).unwrap();

            // What is wrong is still so in a later frame; a clock may just have changed what has not been drawn yet.
            let mut wrong: Vec<String> = self.page.eval(LOOK_OVER, vec![]).await;
            if !wrong.is_empty() {
                self.page.still("document.querySelector('#timeline')?.scrollTop ?? 0").await;
                let later: Vec<String> = self.page.eval(LOOK_OVER, vec![]).await;
                wrong.retain(|fault| later.contains(fault));
            }
            wrong.retain(|fault| !(self.further_up.get() && fault.contains("out of sight")));
            wrong.extend(self.unnamed().await);
            self.faults.borrow_mut().extend(wrong.iter().map(|fault| format!("{file}: {fault}")));
        }
    }

    /// What is missing, or the beginning, in both sizes.
    async fn shoot_seam(&self, name: &str, selector: &str) {
        self.further_up.set(true);
        for size in [WIDE, NARROW] {
            self.page.resize(size.0, size.1).await;
            // More than once: a reader at the end is put back there when the frame changes its shape.
            let scroll = format!(
                "document.querySelector('{selector}').scrollIntoView({{ block: 'center' }}); \
                 return !!document.querySelector('#jump-to-end')"
            );
            self.page.until_true("further up", &scroll).await;
            self.shoot_at(name, size).await;
        }
    }

    fn done(self) {
        let faults = self.faults.into_inner();
        assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
    }

    /// What an assistive technology would have to call nothing, as the browser itself works names out.
    async fn unnamed(&self) -> Vec<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node {
            ignored: bool,
            role: Option<Value>,
            name: Option<Value>,
            #[serde(rename = "backendDOMNodeId")]
            element: Option<u64>,
        }
        self.page.devtools("Accessibility.enable", json!({})).await;
        let tree = self.page.devtools("Accessibility.getFullAXTree", json!({})).await;
        let nodes: Vec<Node> = serde_json::from_value(tree["nodes"].clone()).unwrap();
        let text = |value: &Option<Value>| {
            value.as_ref().and_then(|value| value["value"].as_str()).unwrap_or_default().to_owned()
        };
        let seen = nodes.iter().filter(|node| !node.ignored);
        let roles: Vec<_> = seen.clone().map(|node| text(&node.role)).collect();
        let mut wrong: Vec<_> = seen
            .filter(|node| {
                let named =
                    ["button", "textbox", "searchbox", "combobox", "log", "form", "group", "complementary"];
                named.contains(&&*text(&node.role)) && text(&node.name).trim().is_empty()
            })
            .map(|node| format!("a {} without a name: element {:?}", text(&node.role), node.element))
            .collect();
        // Under an open drawer the rest of the page can't be used, and is not there for who can't see it.
        let covered: bool = self.page.eval("return !!document.querySelector('main[inert]')", vec![]).await;
        if !covered && roles.iter().filter(|role| *role == "main").count() != 1 {
            wrong.push(format!("one main part of the page, not: {roles:?}"));
        }
        wrong
    }
}

fn folder() -> PathBuf {
    Environment::target("screenshots")
}

/// A place on earth where it is after ten in the evening: no time of a day is longer to write.
fn late() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let hour = i64::try_from(seconds / 3600 % 24).unwrap();
    // Hours east, of which there are 14 at most. The names count them the other way.
    let east = if hour < 8 { -2 - hour } else { 22 - hour };
    format!("Etc/GMT{:+}", -east)
}

/// A window whose clock can be moved by `window.shift` ms, and in which nothing moves by itself.
async fn window(stage: &Stage, language: &str) -> Page {
    let page = stage.window("page", Window { language }).await;
    let still = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    page.devtools("Emulation.setEmulatedMedia", still).await;
    page.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": late() })).await;
    page.before_load("const now = Date.now; window.shift = 0; Date.now = () => now() + window.shift").await;
    page
}

fn is_basic(view: &View) -> bool {
    view.connection.as_deref() == Some("basic")
}

/// How far the page has moved under the reader's eyes since it was opened, as browsers measure it.
async fn shifted(page: &Page) -> f64 {
    let script = r"
        let sum = 0;
        const add = (list) => list.forEach((entry) => { if (!entry.hadRecentInput) sum += entry.value; });
        const observer = new PerformanceObserver((list) => add(list.getEntries()));
        observer.observe({ type: 'layout-shift', buffered: true });
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            add(observer.takeRecords());
            done(sum);
        })));
    ";
    page.eval(script, vec![]).await
}

async fn every_screen(stage: &Stage, language: &str) {
    let mut server = Server::start();
    let page = window(stage, language).await;
    let album = Album { page: &page, language, faults: RefCell::default(), further_up: Cell::new(false) };
    page.expect_lost_connections();

    page.goto(&server.url()).await;
    page.until("the login page", |view| view.login).await;
    let moved = shifted(&page).await;
    assert!(moved < 0.01, "the page moves while it loads, by {moved}");
    album.shoot("login").await;
    page.submit_login("", None).await;
    page.until("an error", |view| view.login_error.is_some()).await;
    album.shoot("login-error").await;
    page.log_in("tom").await;
    album.shoot("room-empty").await;
    page.click("#exit").await;
    page.until("the login page", |view| view.login).await;
    let mut lili = Desktop::connect(server.address(), "lili");
    lili.talk("Is anybody here?");
    page.submit_login("Lili", None).await;
    page.until("it is taken", |view| view.suggestion.is_some()).await;
    album.shoot("login-taken").await;

    page.log_in("tom").await;
    fill_room(&page, &server, &mut lili).await;
    album.shoot("room").await;
    page.click("#roster-toggle").await;
    album.shoot_at("drawer", NARROW).await;
    page.click("#roster-close").await;
    page.resize(WIDE.0, WIDE.1).await;
    the_search(&page, &album).await;
    page.say("/help").await;
    page.say("/who").await;
    page.say("/nonsense").await;
    page.until("what the program says", |view| view.lines("notice").len() == 2 && view.note.is_some()).await;
    album.shoot("notices").await;

    page.fill("#composer-text", "").await;
    server.kill();
    page.until("it tries again", |view| view.retry_now).await;
    page.say("This one waits.").await;
    page.until("it waits", |view| view.has_as("This one waits.", "queued")).await;
    album.shoot("reconnecting").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search-toggle").await;
    page.fill("#search-words", "tonight").await;
    page.until_true("it says so", "return document.querySelector('#search .search-more').checkVisibility()")
        .await;
    album.shoot("search-offline").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search-close").await;
    for words in ["Failed to load resource", "ERR_CONNECTION_REFUSED", "config.json", "Failed to fetch"] {
        page.expect_error(words);
    }
    page.reload().await;
    page.until("the room as it was", |view| view.retry_now && view.has("See you all tonight 👋🏽")).await;
    album.shoot("offline").await;
    album.done();
}

/// The panel in which one looks for what was said, empty and with something found.
async fn the_search(page: &Page, album: &Album<'_>) {
    page.click("#search-toggle").await;
    page.until_true("the field", "return document.activeElement.id === 'search-words'").await;
    album.shoot("search-empty").await;
    for (words, name, count) in [
        ("nowhere", "search-nothing", 0),
        ("吃饭", "search-chinese", 1),
        ("of s", "search", 8),
        ("library", "search-long", 1),
    ] {
        page.fill("#search-words", words).await;
        let script = format!(
            "return !!document.querySelector('#search mark') === {} && document.querySelectorAll('#search li').length \
             === {count} && !/…/.test(document.querySelector('#search-state').textContent)",
            count > 0
        );
        page.until_true("it is searched", &script).await;
        album.shoot(name).await;
    }
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search .result").await;
    page.until_true("it is opened", "return !!document.querySelector('#search [aria-current]')").await;
    album.further_up.set(true);
    album.shoot_at("search-opened", WIDE).await;
    album.further_up.set(false);
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#search-close").await;
    page.click("#jump-to-end").await;
    page.until_true("the end", "return !document.querySelector('#jump-to-end')").await;
}

async fn fill_room(page: &Page, server: &Server, lili: &mut Desktop) {
    lili.talk("Hello, Tom! How was the journey?");
    page.say_and_see("Long. The train stood for an hour outside of Basel, and nobody said why.").await;
    page.say_and_see("But now I'm here. 🎉").await;
    lili.talk("太好了！晚上一起吃饭吧？");
    let mut ann = Desktop::connect(server.address(), "Ann-Sophie von Hohenstein");
    ann.talk("Count me in!");
    let long = "A word about Saturday: we meet at nine in front of the library, walk along the river to the old mill, \
        have lunch there, and are back by four. Bring something warm; it will be windy. "
        .repeat(3);
    ann.talk(&long);
    ann.talk("https://example.org/a/very/long/address/that/has/no/place/where/it/could/be/broken/into/lines?at=all&x=1");
    let mut guest = Desktop::connect(server.address(), "محمد");
    guest.talk("مرحبا بكم جميعا");
    page.say_and_see("let x = 1;\nlet y = 2;\n    x + y").await;
    guest.exit();
    page.until("he is gone", |view| view.lines("movement").len() >= 2 && !view.lists("محمد")).await;
    for n in 0..6 {
        lili.talk(&format!("Message {n} of some more"));
    }
    page.until("the last of them", |view| view.has("Message 5 of some more")).await;
    ann.exit();
    page.until("she is gone", |view| !view.lists("Ann-Sophie von Hohenstein")).await;
    page.say_and_see("See you all tonight 👋🏽").await;
}

async fn the_basic_screens(stage: &Stage, language: &str) {
    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    let (host, server) = (Server::start(), BasicServer::start());
    let page = window(stage, language).await;
    let album = Album { page: &page, language, faults: RefCell::default(), further_up: Cell::new(false) };
    page.expect_lost_connections();
    page.goto(&host.url()).await;
    page.submit_login("tom", Some(&server.address())).await;
    page.until("the room", is_basic).await;
    album.shoot("basic").await;
    page.resize(WIDE.0, WIDE.1).await;
    page.click("#basic-about").await;
    for (days, text) in [(-200, "long ago"), (-3, "three days ago"), (-1, "yesterday"), (0, "today")] {
        let shift = async |ms: i64| page.eval::<()>("window.shift = arguments[0]", vec![json!(ms)]).await;
        shift(days * DAY).await;
        page.say_and_see(&format!("What Tom said {text}.")).await;
        shift(days * DAY + 17 * MINUTE).await;
        server.say(Frame::new("lili", "talk", &format!("What Lili said {text}.")));
        page.until("hers", |view| view.has(&format!("What Lili said {text}."))).await;
    }
    server.be_deaf(true);
    page.say("Has this arrived?").await;
    page.until("nobody knows yet", |view| view.has_as("Has this arrived?", "pending")).await;
    album.shoot("sending").await;
    page.resize(WIDE.0, WIDE.1).await;
    server.be_deaf(false);
    server.cut();
    page.until("nobody will", |view| view.has_as("Has this arrived?", "failed") && is_basic(view)).await;
    page.fill("#composer-text", &"too long for it ".repeat(40)).await;
    page.press(keys::ENTER).await;
    page.until("it says so", |view| view.note.is_some()).await;
    album.shoot("days-and-a-failed-message").await;
    album.done();
}

/// Who says too much has to wait.
async fn the_waiting_screens(stage: &Stage, language: &str) {
    let server = Server::start_with(&["--messages-per-minute", "1", "--burst", "2"]);
    let page = window(stage, language).await;
    let album = Album { page: &page, language, faults: RefCell::default(), further_up: Cell::new(false) };
    page.goto(&server.url()).await;
    page.log_in("tom").await;
    page.say_and_see("One.").await;
    page.say_and_see("Two.").await;
    for text in ["And three, which is one too many.", "Four."] {
        page.say(text).await;
        page.until("it waits", |view| view.has_as(text, "queued") && view.note.is_some()).await;
    }
    album.shoot("ahead").await;
    album.done();
}

/// What is missing, in a browser that loads it by the button only.
async fn the_history_screens(stage: &Stage, language: &str) {
    const SAID: [&str; 4] =
        ["And then?", "We took the boat.", "It rained all day, of course. 🌧", "下次一起去吧！"];
    let server = Server::start_with(&["--messages-per-minute", "0", "--burst", "10000"]);
    let mut lili = Desktop::connect(server.address(), "lili");
    let say = async |lili: &mut Desktop, count: usize, last: &str| {
        (0..count).for_each(|n| lili.talk(SAID[n % SAID.len()]));
        lili.talk(last);
        let last = format!("lili:{last}");
        lili.until("it comes back", |seen| seen.lines.contains(&last)).await;
    };
    say(&mut lili, 130, "Who else is here?").await;
    let page = window(stage, language).await;
    let album = Album { page: &page, language, faults: RefCell::default(), further_up: Cell::new(false) };
    page.with_plug().await;
    page.goto(&server.url()).await;
    page.log_in("tom").await;
    page.say_and_see("Me!").await;
    page.withhold_history().await;
    let to_top = "const frame = document.querySelector('#timeline'); frame.scrollTop = 0; return !!frame.querySelector('SELECTOR')";
    page.until_true("what is missing", &to_top.replace("SELECTOR", ".gap")).await;
    album.shoot_seam("older", ".gap").await;
    page.pull_plug().await;
    page.put_plug_back().await;
    page.until_true("the beginning", &to_top.replace("SELECTOR", ".beginning")).await;
    page.until_true("all is there", "return !document.querySelector('.gap')").await;
    album.shoot_seam("beginning", ".beginning").await;

    page.pull_plug().await;
    say(&mut lili, 620, "That was a long story.").await;
    page.put_plug_back().await;
    page.withhold_history().await;
    page.click("#jump-to-end").await;
    page.until("the end of it", |view| view.has("That was a long story.")).await;
    let further_up = "const frame = document.querySelector('#timeline'); frame.scrollTop -= 400; return !!frame.querySelector('.gap')";
    page.until_true("what is missing", further_up).await;
    album.shoot_seam("seam", ".gap .seam").await;
    album.done();
}

#[test]
fn the_waiting_screens_in_english() {
    stage("the_waiting_screens_in_english", async |stage| the_waiting_screens(stage, "en").await);
}

#[test]
fn the_waiting_screens_in_chinese() {
    stage("the_waiting_screens_in_chinese", async |stage| the_waiting_screens(stage, "zh").await);
}

#[test]
fn the_history_screens_in_english() {
    stage("the_history_screens_in_english", async |stage| the_history_screens(stage, "en").await);
}

#[test]
fn the_history_screens_in_chinese() {
    stage("the_history_screens_in_chinese", async |stage| the_history_screens(stage, "zh").await);
}

#[test]
fn every_screen_in_english() {
    stage("every_screen_in_english", async |stage| every_screen(stage, "en").await);
}

#[test]
fn every_screen_in_chinese() {
    stage("every_screen_in_chinese", async |stage| every_screen(stage, "zh").await);
}

#[test]
fn the_basic_screens_in_english() {
    stage("the_basic_screens_in_english", async |stage| the_basic_screens(stage, "en").await);
}

#[test]
fn the_basic_screens_in_chinese() {
    stage("the_basic_screens_in_chinese", async |stage| the_basic_screens(stage, "zh").await);
}
