//! Drafts: what is typed and not sent survives everything but being sent.

use parlour_e2e::{Page, Server, View, WindowOptions, browser_test, browser_test_in_each, eventually, keys};

/// The number of stored drafts.
const DRAFTS: &str = "
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const count = database.transaction('drafts').objectStore('drafts').count();
            count.onsuccess = () => (database.close(), done(count.result));
        };
    });
";

async fn until_stored(page: &Page, count: u32) {
    eventually("the drafts are stored", async || {
        let stored: u32 = page.eval(DRAFTS, vec![]).await;
        if stored == count { Ok(()) } else { Err(format!("{stored} drafts")) }
    })
    .await;
}

fn has_draft(text: &str) -> impl Fn(&View) -> bool {
    move |view| view.room && view.composer.as_deref() == Some(text)
}

#[test]
fn draft_survives_reload_and_logout_until_it_is_sent() {
    browser_test_in_each("draft_survives_reload_and_logout_until_it_is_sent", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.fill("#composer-text", "half a thought").await;
        // At once: a page that is replaced has no time to wait for a timer.
        tom.reload().await;
        tom.until("the draft after a reload", has_draft("half a thought")).await;
        tom.click("#composer-text").await;
        for key in [keys::END, keys::SHIFT_ENTER] {
            tom.press(key).await;
        }
        tom.type_text("second line").await;
        tom.until("the whole draft", has_draft("half a thought\nsecond line")).await;
        tom.click("#exit").await;
        tom.until("the login page", |view| view.login).await;
        // Others find nothing.
        tom.log_in("lili").await;
        tom.until("an empty composer", has_draft("")).await;
        tom.send("/exit").await;
        tom.until("the login page", |view| view.login).await;
        tom.log_in("tom").await;
        let view = tom.until("the draft after a logout", |view| view.composer.as_deref() != Some("")).await;
        assert_eq!(view.composer.as_deref(), Some("half a thought\nsecond line"));
        tom.click("#composer-text").await;
        tom.press(keys::ENTER).await;
        tom.until("it is sent", |view| view.has_sent("half a thought\nsecond line") && has_draft("")(view))
            .await;
        until_stored(&tom, 0).await;
        tom.reload().await;
        tom.until("the message", |view| view.online() && view.has_sent("half a thought\nsecond line")).await;
        tom.until("an empty composer", has_draft("")).await;
        // A command that leaves is not a draft either.
        tom.send("/exit").await;
        tom.until("the login page", |view| view.login).await;
        until_stored(&tom, 0).await;
    });
}

/// Types into the composer after the drafts have been requested and before they are read.
const TYPE_WHILE_READING: &str = "
    const { query, request } = LockManager.prototype;
    let isTyped = !sessionStorage.typed, isReading = false;
    LockManager.prototype.request = function (name, ...rest) {
        isReading ||= name.startsWith('parlour tab ');
        return request.call(this, name, ...rest);
    };
    // The drafts are read after the answer.
    LockManager.prototype.query = async function () {
        if (isReading && !isTyped) {
            isTyped = true;
            let field;
            while (!(field = document.querySelector('#composer-text'))) await new Promise((done) => setTimeout(done, 5));
            field.value = sessionStorage.typed;
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }
        return query.call(this);
    };
";

#[test]
fn text_typed_while_the_draft_is_read_is_kept_once() {
    browser_test("text_typed_while_the_draft_is_read_is_kept_once", async |test| {
        let server = Server::start();
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        tom.before_load(TYPE_WHILE_READING).await;
        tom.goto(&server.url()).await;
        tom.log_in("tom").await;
        tom.fill("#composer-text", "half a thought").await;
        until_stored(&tom, 1).await;
        tom.eval::<()>("sessionStorage.typed = 'and more'", vec![]).await;
        tom.reload().await;
        let view = tom
            .until("the composer", |view| view.composer.as_deref().is_some_and(|text| text.contains('\n')))
            .await;
        assert_eq!(view.composer.as_deref(), Some("half a thought\nand more"));
        until_stored(&tom, 1).await;
        tom.eval::<()>("sessionStorage.removeItem('typed')", vec![]).await;
        tom.reload().await;
        tom.until("the same after a reload", has_draft("half a thought\nand more")).await;
    });
}

#[test]
fn draft_that_cannot_be_read_is_not_replaced() {
    browser_test("draft_that_cannot_be_read_is_not_replaced", async |test| {
        let server = Server::start();
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        tom.expect_error("DOMException: no");
        // The storage reads no drafts, but it writes them.
        tom.before_load(
            "
            const { getAll } = IDBObjectStore.prototype;
            IDBObjectStore.prototype.getAll = function (range) {
                if (!sessionStorage.broken || this.name !== 'drafts') return getAll.call(this, range);
                throw new DOMException('no', 'UnknownError');
            };
            ",
        )
        .await;
        tom.goto(&server.url()).await;
        tom.log_in("tom").await;
        tom.fill("#composer-text", "half a thought").await;
        until_stored(&tom, 1).await;
        tom.eval::<()>("sessionStorage.broken = 1", vec![]).await;
        tom.reload().await;
        tom.until("an empty composer", has_draft("")).await;
        tom.fill("#composer-text", "another").await;
        tom.eval::<()>("sessionStorage.removeItem('broken')", vec![]).await;
        until_stored(&tom, 2).await;
        tom.reload().await;
        tom.until("both", has_draft("half a thought\nanother")).await;
    });
}

#[test]
fn draft_survives_a_killed_browser() {
    browser_test("draft_survives_a_killed_browser", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.fill("#composer-text", "half a thought").await;
        until_stored(&tom, 1).await;
        // Without it the next page would show the login page.
        let scope_persisted =
            async || tom.is_in_storage_files("parlour.scope").then_some(()).ok_or_else(String::new);
        eventually("the scope is in a file", scope_persisted).await;
        let tom = test.kill_and_reopen("tom again", WindowOptions::default(), &tom).await;
        tom.goto(&server.url()).await;
        tom.until("the draft", has_draft("half a thought")).await;
        let tom = test.reopen("tom once more", WindowOptions::default(), &tom).await;
        tom.goto(&server.url()).await;
        tom.until("the draft", has_draft("half a thought")).await;
        until_stored(&tom, 1).await;
    });
}

#[test]
fn tabs_keep_their_own_drafts() {
    browser_test("tabs_keep_their_own_drafts", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        let first = tom.tab().await;
        tom.fill("#composer-text", "of the first tab").await;
        let second = tom.open_tab(&server.url()).await;
        tom.log_in("tom").await;
        tom.until("no draft, because the first tab is open", has_draft("")).await;
        tom.fill("#composer-text", "of the second tab").await;
        until_stored(&tom, 2).await;
        tom.reload().await;
        tom.until("its draft", has_draft("of the second tab")).await;
        tom.switch_to(&first).await;
        tom.reload().await;
        tom.until("its draft", has_draft("of the first tab")).await;
        tom.close_tab(&first, &second).await;
        tom.until("the second tab is unchanged", has_draft("of the second tab")).await;
        let closed = "return navigator.locks.query().then(({ held }) => \
                      held.filter(({ name }) => name.startsWith('parlour tab ')).length === 1)";
        tom.until_true("the first tab is closed", closed).await;
        tom.reload().await;
        tom.until("both drafts", has_draft("of the first tab\nof the second tab")).await;
        until_stored(&tom, 1).await;
    });
}

#[test]
fn drafts_of_one_name_on_two_servers_stay_apart() {
    browser_test("drafts_of_one_name_on_two_servers_stay_apart", async |test| {
        let first = Server::start();
        let second = Server::start_with(&["--allow-origin", first.url().trim_end_matches('/')]);
        let tom = test.open("tom", &first.url()).await;
        for round in 1..=2 {
            for (server, text) in [(&first, "for the first server"), (&second, "for the second server")] {
                tom.submit_login("tom", Some(server.address())).await;
                tom.until("the room", |view| view.online()).await;
                if round == 1 {
                    tom.until("no draft", has_draft("")).await;
                    tom.fill("#composer-text", text).await;
                    tom.until("the draft", has_draft(text)).await;
                } else {
                    tom.until("its own draft", has_draft(text)).await;
                    tom.reload().await;
                    tom.until("its own draft after a reload", has_draft(text)).await;
                }
                tom.click("#exit").await;
                tom.until("the login page", |view| view.login).await;
            }
            until_stored(&tom, 2).await;
        }
    });
}
