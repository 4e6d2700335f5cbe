//! Logouts while the device can't be written, so that the data of the account stays there.

use parlour_e2e::{Page, Server, TestContext, WindowOptions, browser_test, eventually};

use crate::device::{until_resumed, until_stored};

/// The accounts that are persisted, encoded.
const ACCOUNTS: &str = r"
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const all = database.transaction('account').objectStore('account').getAll();
            all.onsuccess = () => (database.close(), done(all.result.map((account) => [...account].join())));
        };
    });
";

/// While the local storage has `broken`, the device can't be written.
const BREAKABLE: &str = "
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (...how) {
        if (localStorage.getItem('broken') && how[1] === 'readwrite') throw new DOMException('no', 'InvalidStateError');
        return transaction.apply(this, how);
    };
";

/// A page that is logged in and has stored this message.
async fn logged_in(test: &TestContext, server: &Server, message: &str) -> Page {
    let tom = test.open_blank("tom", WindowOptions::default()).await;
    tom.before_load(BREAKABLE).await;
    tom.goto(&server.url()).await;
    tom.log_in("tom").await;
    tom.send_and_wait(message).await;
    until_stored(&tom, "the message is persisted", |stored| stored[2] == 1).await;
    tom
}

/// Logs out while the device can't be written, so that the data of the account stays there.
async fn log_out_without_storage(page: &Page) {
    page.eval::<()>("localStorage.setItem('broken', 'yes');", vec![]).await;
    page.click("#exit").await;
    page.until("the login page", |view| view.login).await;
    until_stored(page, "the device has the account still", |stored| stored[0] == 1 && stored[2] == 1).await;
}

#[test]
fn account_that_could_not_be_deleted_at_the_logout_is_deleted_by_the_next_page() {
    browser_test("account_that_could_not_be_deleted", async |test| {
        let server = Server::start();
        let tom = logged_in(test, &server, "hello").await;
        log_out_without_storage(&tom).await;
        tom.eval::<()>("localStorage.removeItem('broken');", vec![]).await;
        // Nothing is left in this page that could delete it.
        let tom = test.reopen("tom again", WindowOptions::default(), &tom).await;
        tom.goto(&server.url()).await;
        tom.until("the login page after a reload", |view| view.login).await;
        until_stored(&tom, "the storage is empty", |stored| stored == [0; 3]).await;
    });
}

#[test]
fn login_beside_an_account_that_could_not_be_deleted_is_to_another_account() {
    browser_test("login_beside_an_account_that_could_not_be_deleted", async |test| {
        let server = Server::start();
        let tom = logged_in(test, &server, "of the first").await;
        let first: Vec<String> = tom.eval(ACCOUNTS, vec![]).await;
        log_out_without_storage(&tom).await;
        tom.log_in("tom").await;
        tom.send_and_wait("of the second").await;
        tom.eval::<()>("localStorage.removeItem('broken');", vec![]).await;
        tom.send_and_wait("also of the second").await;
        until_stored(&tom, "both accounts are persisted", |stored| stored[0] == 2).await;
        tom.reload().await;
        until_resumed(&tom).await;
        tom.until("all messages", |view| {
            view.contents() == ["of the first", "of the second", "also of the second"]
        })
        .await;
        let view = tom.view().await;
        let messages = view.rows.iter().filter(|row| row.content.is_some());
        assert_eq!(messages.map(|row| row.own).collect::<Vec<_>>(), [false, true, true]);
        eventually("only the second account is persisted", async || {
            let accounts: Vec<String> = tom.eval(ACCOUNTS, vec![]).await;
            if accounts.len() == 1 && accounts != first { Ok(()) } else { Err(format!("{accounts:?}")) }
        })
        .await;
    });
}
