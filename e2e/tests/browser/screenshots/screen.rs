//! Taking and checking a screenshot.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use parlour_e2e::{Environment, Page};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NARROW, WIDE};

/// A problem that lasts longer than this is not a view that still follows a resize.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Script that returns the problems of a screen as sentences.
const CHECK_SCREEN: &str = include_str!("check_screen.js");

/// Takes and checks the screenshots of a page.
pub struct Screenshots<'a> {
    page: &'a Page,
    language: &'a str,
    /// The problems found.
    problems: RefCell<Vec<String>>,
    /// The view is intentionally not at the end of the timeline.
    pub scrolled_up: Cell<bool>,
}

impl<'a> Screenshots<'a> {
    pub fn new(page: &'a Page, language: &'a str) -> Self {
        Self { page, language, problems: RefCell::default(), scrolled_up: Cell::new(false) }
    }

    /// Takes screenshots in both sizes.
    pub async fn shoot(&self, name: &str) {
        for size in [WIDE, NARROW] {
            self.shoot_at(name, size).await;
        }
    }

    pub async fn shoot_at(&self, name: &str, size: (u32, u32)) {
        let (width, height) = size;
        self.page.resize(width, height).await;
        for theme in ["light", "dark"] {
            self.page.choose("#theme", theme).await;
            self.page.until("the theme", |view| view.theme.as_deref() == Some(theme)).await;
            // Two frames: one to lay out what changed, one to paint it.
            let painted = "const size = arguments; return new Promise((done) => requestAnimationFrame(() => \
                requestAnimationFrame(() => done(innerWidth === size[0] && innerHeight === size[1]))))";
            let painted: bool = self.page.eval(painted, vec![width.into(), height.into()]).await;
            assert!(painted, "the page has the size of the screen");
            let file = format!("{name}-{width}x{height}-{theme}-{}.png", self.language);
            fs::write(folder().join(&file), self.page.screenshot().await).unwrap();

            // Only problems that persist in a later frame are reported, because a timer may have changed something that
            // is not drawn yet.
            let mut found: Vec<String> = self.page.eval(CHECK_SCREEN, vec![]).await;
            let deadline = Instant::now() + SETTLE_TIMEOUT;
            while !found.is_empty() && Instant::now() < deadline {
                self.page.stable_value("document.querySelector('#timeline')?.scrollTop ?? 0").await;
                let later: Vec<String> = self.page.eval(CHECK_SCREEN, vec![]).await;
                found.retain(|problem| later.contains(problem));
            }
            found.retain(|problem| !(self.scrolled_up.get() && problem.contains("out of sight")));
            found.extend(self.accessibility_problems().await);
            found.extend(self.page.axe_violations().await);
            self.problems.borrow_mut().extend(found.iter().map(|problem| format!("{file}: {problem}")));
        }
    }

    /// Takes screenshots of an element further up, in both sizes.
    pub async fn shoot_further_up(&self, name: &str, selector: &str) {
        self.scrolled_up.set(true);
        for size in [WIDE, NARROW] {
            self.page.resize(size.0, size.1).await;
            // Repeated, because a resize can return a view at the end to the end.
            let scroll = format!(
                "document.querySelector('{selector}').scrollIntoView({{ block: 'center' }}); \
                 return !!document.querySelector('#jump-to-end')"
            );
            self.page.until_true("the element is further up", &scroll).await;
            self.shoot_at(name, size).await;
        }
    }

    pub fn assert_no_problems(self) {
        let problems = self.problems.into_inner();
        assert!(problems.is_empty(), "{} problems: {problems:#?}", problems.len());
    }

    /// Elements without an accessible name, as computed by the browser.
    async fn accessibility_problems(&self) -> Vec<String> {
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
        let mut found: Vec<_> = seen
            .filter(|node| {
                let named =
                    ["button", "textbox", "searchbox", "combobox", "log", "form", "group", "complementary"];
                named.contains(&&*text(&node.role)) && text(&node.name).trim().is_empty()
            })
            .map(|node| format!("a {} without a name: element {:?}", text(&node.role), node.element))
            .collect();
        // Behind an open dialog, and beside the people's screen, the rest of the page is inert.
        let covered = "return !!document.querySelector('main[inert], dialog[open]')";
        let covered: bool = self.page.eval(covered, vec![]).await;
        if !covered && roles.iter().filter(|role| *role == "main").count() != 1 {
            found.push(format!("the page needs exactly one main landmark: {roles:?}"));
        }
        found
    }
}

fn folder() -> PathBuf {
    Environment::target("screenshots")
}
