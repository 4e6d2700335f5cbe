//! An account with a thousand rooms: no frame is long. What is done in the list, and what happens in a room, costs the page little
//! more than with ten rooms, and the number of elements does not depend on that of the rooms.

use parlour_e2e::{DesktopPeer, Page, SeedRoom, Server, TestContext, View, Work, browser_test};

/// The number of rooms of the accounts that are compared.
const FEW: usize = 10;
const MANY: usize = 1_000;

/// The number of times that each step is measured. The least of each cost counts.
const ROUNDS: usize = 4;

/// A page, and the server of its own.
struct Account {
    page: Page,
    server: Server,
}

/// Opens a page of an account with so many rooms and conversations, of which some have something new.
async fn open(test: &TestContext, rooms: usize) -> Account {
    let mut server = Server::start_without_rate_limit();
    let page = test.open(&format!("with-{rooms}"), &server.url()).await;
    page.resize(1280, 800).await;
    page.expect_lost_connections();
    page.log_in("tom").await;
    server.stop().await;
    let seed = |n: usize| {
        let room = if n % 4 == 3 {
            SeedRoom::direct(&format!("Person {n:04}"))
        } else {
            SeedRoom::public(&format!("Room {n:04}"))
        };
        if n % 25 == 1 { room.with_messages(2) } else { room }
    };
    server.add_rooms("tom", &(1..=rooms).map(seed).collect::<Vec<_>>());
    server.restart();
    page.reconnect_now().await;
    page.until("the connection is back", View::online).await;
    // Not all rows are in the document, but the height of each section is that of all of its rows.
    let listed = format!(
        "const heights = [...document.querySelectorAll('#room-list ul')].map((list) => list.style.height);
         const listed = heights.reduce((sum, height) => sum + Number(/\\d+/.exec(height)), 0);
         return listed === {} || [listed, heights]",
        rooms + 1
    );
    page.until_true("all rooms are in the list", &listed).await;
    page.stable_value("document.querySelector('#room-list').scrollHeight").await;
    Account { page, server }
}

/// The cost of the most costly of some steps in each account. The accounts take turns.
async fn longest<const N: usize>(accounts: &[Account; N], what: &str, steps: &[String]) -> [Work; N] {
    let most = Work { cpu_ms: f64::INFINITY, layouts: f64::INFINITY, styles: f64::INFINITY };
    let mut least = vec![[most; N]; steps.len()];
    for _ in 0..ROUNDS {
        for (at, account) in accounts.iter().enumerate() {
            for (step, least) in steps.iter().zip(&mut least) {
                let work = account.page.work_of(&format!("{step}; await frame();")).await;
                // Anything else that the page does meanwhile only adds to each of them.
                let least = &mut least[at];
                least.cpu_ms = least.cpu_ms.min(work.cpu_ms);
                least.layouts = least.layouts.min(work.layouts);
                least.styles = least.styles.min(work.styles);
            }
        }
    }
    let longest: [Work; N] = std::array::from_fn(|at| {
        let works = least.iter().map(|works| works[at]);
        works.max_by(|one, other| one.cpu_ms.total_cmp(&other.cpu_ms)).unwrap_or_default()
    });
    eprintln!("{what}: {longest:.1?}");
    longest
}

/// Asserts that the cost with many rooms is at most `limit` times that with few.
fn assert_similar(what: &str, works: [Work; 2], limit: f64) {
    let [few, many] = works;
    let ratio = many.cpu_ms / few.cpu_ms;
    assert!(ratio <= limit, "{what} costs {ratio:.1} times as much with {MANY} rooms: {works:?}");
}

/// The steps of typing these texts into a field.
fn typed(field: &str, texts: &[&str]) -> Vec<String> {
    let step = |text: &&str| {
        format!(
            "const field = document.querySelector('{field}'); field.value = '{text}';
             field.dispatchEvent(new Event('input', {{ bubbles: true }}))"
        )
    };
    texts.iter().map(step).collect()
}

#[test]
fn no_frame_is_long_with_a_thousand_rooms() {
    browser_test("no_frame_is_long_with_a_thousand_rooms", async |test| {
        let accounts = [open(test, FEW).await, open(test, MANY).await];
        let [_, many] = &accounts;

        let texts = ["r", "ro", "room", "room 0", "room 00", ""];
        let search = longest(&accounts, "searching the list", &typed("#room-search", &texts)).await;
        assert_similar("searching the list", search, 5.0);

        let toggle =
            "dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, cancelable: true }))";
        let mut steps = typed("#switcher-field", &texts);
        steps.insert(0, toggle.into());
        steps.push(toggle.into());
        let switcher = longest(&accounts, "the switcher", &steps).await;
        assert_similar("the switcher", switcher, 3.0);

        let open = |at: usize| {
            format!("document.querySelectorAll('#room-list a:not([aria-current])')[{at}].click()")
        };
        let rooms = longest(&accounts, "opening a room", &[open(0), open(1)]).await;
        assert_similar("opening a room", rooms, 3.0);

        // Each step shows rows that were not in the document. They are laid out once.
        let scroll = "document.querySelector('#room-list').scrollTop += 400";
        let [_, work] = longest(&accounts, "scrolling the list", &vec![scroll.to_owned(); 12]).await;
        assert!(work.layouts <= 2.0 && work.styles <= 2.0, "scrolling the list: {work:?}");
        for account in &accounts {
            account.page.eval::<()>("document.querySelector('#room-list').scrollTop = 0", vec![]).await;
        }
        let elements: usize =
            many.page.eval("return document.querySelectorAll('#room-list *').length", vec![]).await;
        assert!(elements <= 80 * 12, "{elements} elements in the list");

        // Messages in the open room, one at a time: each moves the read cursor and changes the list.
        let mut works = [Work::default(); 2];
        for (account, work) in accounts.iter().zip(&mut works) {
            account.page.eval::<()>("location.hash = '#/room/lobby'", vec![]).await;
            account.page.until_text("#room-name", "Lobby").await;
            let mut lili = DesktopPeer::connect(account.server.address(), "lili");
            lili.send("first");
            account.page.until("the first message", |view| view.has_sent("first")).await;
            let before = account.page.work().await;
            for n in 0..30 {
                lili.send(&format!("message {n}"));
                let shown = format!(
                    "return [...document.querySelectorAll('.row.message')].at(-1)?.textContent.includes('message {n}')"
                );
                account.page.until_true("the message", &shown).await;
            }
            *work = account.page.work().await - before;
        }
        eprintln!("30 messages: {works:.1?}");
        assert_similar("a message", works, 3.0);
    });
}
