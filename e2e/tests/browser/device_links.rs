//! Links that log another device in to an account.

use parlour_e2e::{BasicServer, Page, Server, View, browser_test, keys};

/// Makes a link in the page of a user who is logged in, and closes the dialog.
async fn make_link(page: &Page) -> String {
    page.click("#account-menu").await;
    page.click("#link-device").await;
    page.until_true(
        "a QR code",
        "return document.querySelector('#link-device-qr path')?.getAttribute('d').length > 500",
    )
    .await;
    let link = page.eval("return document.querySelector('#link-device-link').value", vec![]).await;
    page.press(keys::ESCAPE).await;
    page.until_true("no dialog is open", "return !document.querySelector('dialog')").await;
    link
}

async fn submit_link(page: &Page) {
    page.until_true("what the link does", "return !!document.querySelector('#login-other')").await;
    page.click("#login-submit").await;
}

/// The number of leaders among the tabs.
async fn leaders(page: &Page) -> u32 {
    let script = "return navigator.locks.query().then(({ held }) => \
                  held.filter(({ name }) => name.startsWith('parlour rooms ')).length)";
    page.eval(script, vec![]).await
}

#[test]
fn link_logs_another_device_in_once() {
    browser_test("link_logs_another_device_in_once", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.click("#account-menu").await;
        tom.click("#link-device").await;
        let left =
            "return /^Valid for [45]:\\d\\d$/.test(document.querySelector('#link-device-left')?.textContent)";
        tom.until_true("the time left", left).await;
        tom.press(keys::ESCAPE).await;
        tom.until_true("no dialog is open", "return !document.querySelector('dialog')").await;
        let link = make_link(&tom).await;
        assert!(link.starts_with(&format!("{}#/link/", server.url())), "{link}");

        let phone = test.open("phone", &link).await;
        submit_link(&phone).await;
        phone.until("the room", |view| view.online() && view.lists("tom")).await;
        phone.send_and_wait("from the phone").await;
        tom.until("an own message", |view| {
            view.has_sent("from the phone") && view.messages_with("from the phone")[0].own
        })
        .await;

        let third = test.open("third", &link).await;
        submit_link(&third).await;
        let used = |view: &View| {
            view.login_error.as_deref().is_some_and(|error| error.contains("was used before or has expired"))
        };
        third.until("the link was used", used).await;
        third.click("#login-other").await;
        third.log_in("eve").await;
    });
}

#[test]
fn login_with_a_link_is_like_any_other() {
    browser_test("login_with_a_link_is_like_any_other", async |test| {
        let server = Server::start();
        let other = BasicServer::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("before").await;
        let link = make_link(&tom).await;

        // The device was at another server before.
        let phone = test.open("phone", &server.url()).await;
        phone.log_in_to_basic("lili", &other).await;
        phone.click("#exit").await;
        phone.until("the login page", |view| view.login).await;
        phone.goto(&link).await;
        submit_link(&phone).await;
        phone.until("the room", |view| view.online() && view.has_sent("before")).await;
        phone.fill("#composer-text", "half a thought").await;
        phone.reload().await;
        phone
            .until("back in the room", |view| {
                view.online() && view.has_sent("before") && view.composer.as_deref() == Some("half a thought")
            })
            .await;
        // A link that is made here is for the same server.
        let tablet = test.open("tablet", &make_link(&phone).await).await;
        submit_link(&tablet).await;
        tablet.until("the room", |view| view.online() && view.has_sent("before")).await;
        phone.click("#exit").await;
        phone.until("the login page", |view| view.login).await;
        let values =
            "return ['nick', 'server'].map((name) => document.querySelector(`#login-${name}`).value)";
        let shown: [String; 2] = phone.eval(values, vec![]).await;
        assert_eq!(shown, ["tom".to_owned(), server.address().to_owned()]);
        assert!(!other.received().is_empty());
    });
}

#[test]
fn link_to_an_account_that_the_device_has_joins_its_tabs() {
    browser_test("link_to_an_account_that_the_device_has_joins_its_tabs", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        // Its scope has another name.
        tom.send("/nick tom2").await;
        tom.until("the other name", |view| view.online() && view.lists("tom2")).await;
        let link = make_link(&tom).await;
        let first = tom.tab().await;
        let second = tom.open_tab(&link).await;
        submit_link(&tom).await;
        tom.until("the room", |view| view.online() && view.lists("tom2")).await;
        assert_eq!(leaders(&tom).await, 1, "the tabs share the session");
        tom.send_and_wait("from the second tab").await;
        tom.reload().await;
        tom.until("back in the room", |view| view.online() && view.has_sent("from the second tab")).await;
        tom.click("#exit").await;
        for tab in [&first, &second] {
            tom.switch_to(tab).await;
            tom.until("the login page", |view| view.login).await;
        }
        let left = "return Object.keys(localStorage).filter((key) => key.startsWith('parlour.account')).length === 0";
        tom.until_true("nothing is left", left).await;
    });
}

#[test]
fn link_that_is_opened_while_logged_in_is_explained() {
    browser_test("link_that_is_opened_while_logged_in_is_explained", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        let lili = test.open("lili", &server.url()).await;
        lili.log_in("lili").await;
        let link = make_link(&lili).await;
        let english = "You are logged in as tom already; to use the link, log out first and open it again.";
        let chinese = "你已以 tom 的身份登录；要使用此链接，请先退出登录，再重新打开它。";
        for (language, sentence) in [("en", english), ("zh-CN", chinese)] {
            tom.eval::<()>(&format!("localStorage.setItem('parlour.language', '{language}')"), vec![]).await;
            tom.reload().await;
            tom.until("the room", |view| view.online() && view.lang == language).await;
            // In the page that is open, and in one that is loaded.
            for loads in [false, true] {
                if loads {
                    tom.eval::<()>(&format!("history.replaceState(null, '', '{link}')"), vec![]).await;
                    tom.reload().await;
                } else {
                    tom.eval::<()>(&format!("location.href = '{link}'"), vec![]).await;
                }
                let shows = format!(
                    "const shown = document.querySelector('#unused-link-dialog:modal p')?.textContent;
                     return shown === '{sentence}' || shown"
                );
                tom.until_true("the sentence", &shows).await;
                let url: String = tom.eval("return location.href", vec![]).await;
                assert!(url.ends_with("#/room/lobby"), "the code is not kept: {url}");
                tom.press(keys::ESCAPE).await;
                tom.until_true("no dialog is open", "return !document.querySelector('dialog')").await;
            }
        }
        assert!(tom.view().await.lists("tom"));
        // It was not used.
        tom.click("#exit").await;
        tom.until("the login page", |view| view.login).await;
        tom.goto(&link).await;
        submit_link(&tom).await;
        tom.until("the account of the link", |view| view.online() && view.lists("lili")).await;
    });
}

#[test]
fn link_does_not_lead_to_another_account_that_had_the_name() {
    browser_test("link_does_not_lead_to_another_account_that_had_the_name", async |test| {
        let server = Server::start_with(&["--name-grace", "1s"]);
        let first = test.open("first", &server.url()).await;
        first.log_in("tom").await;
        first.send_and_wait("said by the first").await;
        // As after the visit of an earlier version: the account is on the device, but not in the table of scopes.
        first.eval::<()>("localStorage.clear(); sessionStorage.clear()", vec![]).await;
        first.reload().await;
        let second = test.open("second", &server.url()).await;
        second.log_in_when_free("tom", &server).await;
        second.send_and_wait("said by the second").await;
        let link = make_link(&second).await;
        first.until("the login page", |view| view.login).await;
        first.goto(&link).await;
        submit_link(&first).await;
        for _ in 0..2 {
            first
                .until("the account of the link", |view| {
                    let is_own = |text| view.messages_with(text).iter().any(|row| row.own);
                    view.online()
                        && view.has_sent("said by the first")
                        && !is_own("said by the first")
                        && is_own("said by the second")
                })
                .await;
            first.reload().await;
        }
    });
}
