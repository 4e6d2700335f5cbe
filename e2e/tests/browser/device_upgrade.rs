//! A newer version of the page upgrades the database of an earlier one.

use parlour_e2e::{Page, Server, View, WindowOptions, browser_test, browser_test_in_each, eventually};

/// The number of entries in each object store.
const STORED: &str = "
    return new Promise((done) => {
        indexedDB.open('parlour').onsuccess = ({ target: { result: database } }) => {
            const names = ['account', 'queue', 'messages', 'drafts', 'leases'];
            const tables = database.transaction(names);
            const counts = names.map((name) => tables.objectStore(name).count());
            tables.oncomplete = () => (database.close(), done(counts.map((count) => count.result)));
        };
    });
";

async fn until_stored(page: &Page, what: &str, test: impl Fn([u32; 5]) -> bool) {
    eventually(what, async || {
        let stored = page.eval(STORED, vec![]).await;
        if test(stored) { Ok(()) } else { Err(format!("{stored:?}")) }
    })
    .await;
}

/// Replaces the database by one of version 1 with the same data, as the page of that version has stored it. The page in
/// this tab can't use it.
const DOWNGRADE: &str = "
    const settled = (request) => new Promise((done, fail) => {
        request.onsuccess = () => done(request.result);
        request.onerror = fail;
    });
    const open = IDBFactory.prototype.open.bind(indexedDB);
    IDBFactory.prototype.open = () => ({});
    const database = await settled(open('parlour'));
    const tables = database.transaction(database.objectStoreNames);
    const rows = async (name) => {
        const store = tables.objectStore(name);
        const [keys, values] = await Promise.all([settled(store.getAllKeys()), settled(store.getAll())]);
        return keys.map((key, at) => [key, values[at]]);
    };
    const [account, queue, messages, drafts, leases] =
        await Promise.all(['account', 'queue', 'messages', 'drafts', 'leases'].map(rows));
    database.close();
    await settled(indexedDB.deleteDatabase('parlour'));

    const request = open('parlour', 1);
    request.onupgradeneeded = () =>
        ['account', 'outbox', 'messages'].forEach((name) => request.result.createObjectStore(name));
    const former = await settled(request);
    const transaction = former.transaction(former.objectStoreNames, 'readwrite');
    const put = (name, key, value) => transaction.objectStore(name).put(value, key);
    const withoutRoom = (key) => key.slice(16);
    for (const [key, value] of account) put('account', key, value);
    for (const [[scope, key], value] of queue) put('outbox', [scope, withoutRoom(key)], value);
    for (const [[scope, key], value] of messages) put('messages', [scope, withoutRoom(key)], value);
    for (const [[scope, key], value] of drafts) put('account', [`${scope}\\ndrafts`, withoutRoom(key)], value);
    for (const [scope, value] of leases) put('account', [`${scope}\\nlease`], value);
    await new Promise((done) => (transaction.oncomplete = done));
    former.close();
    return [queue, messages, drafts, leases].map(({ length }) => length);
";

#[test]
fn data_of_the_first_version_survives_the_upgrade() {
    // The second name is that of a table.
    for nick in ["tom", "drafts"] {
        browser_test_in_each(
            &format!("data_of_the_first_version_survives_the_upgrade-{nick}"),
            async |test| {
                let mut server = Server::start();
                let tom = test.open("tom", &server.url()).await;
                let lili = test.open("lili", &server.url()).await;
                [&tom, &lili].into_iter().for_each(Page::expect_lost_connections);
                tom.log_in(nick).await;
                lili.log_in("lili").await;
                tom.send_and_wait("before").await;
                until_stored(&tom, "the message is persisted", |[_, _, messages, ..]| messages == 1).await;
                server.kill();
                tom.until("disconnected", |view| view.connection.as_deref() == Some("reconnecting")).await;
                for text in ["one", "two"] {
                    tom.send(text).await;
                    tom.until("it is queued", |view| view.has_in_state(text, "queued")).await;
                }
                tom.fill("#composer-text", "half a thought").await;
                until_stored(&tom, "it is persisted", |[_, queue, _, drafts, _]| (queue, drafts) == (2, 1))
                    .await;
                let moved: Vec<u32> =
                    tom.eval(&format!("return (async () => {{ {DOWNGRADE} }})()"), vec![]).await;
                assert_eq!(moved, [2, 1, 1, 1]);

                let tom = test.reopen("tom again", WindowOptions::default(), &tom).await;
                tom.expect_lost_connections();
                server.restart();
                tom.goto(&server.url()).await;
                // Only the secret gives the name back so soon.
                tom.until("back in the room with the draft", |view| {
                    view.room && view.online() && view.composer.as_deref() == Some("half a thought")
                })
                .await;
                for page in [&tom, &lili] {
                    page.until("both messages", |view| view.has_sent("one") && view.has_sent("two")).await;
                    assert_eq!(page.view().await.contents(), ["before", "one", "two"], "each once");
                }
                let is_upgraded = |stored| stored == [1, 0, 3, 1, 1];
                until_stored(&tom, "everything is in the tables of the new version", is_upgraded).await;
            },
        );
    }
}

/// Opens version 1 of the database, as the page of that version does, in a tab that may be suspended: then it does not
/// close the database when it is asked to.
const HOLD_FIRST_VERSION: &str = "
    const [closes] = arguments;
    return new Promise((done) => {
        const request = indexedDB.open('parlour', 1);
        request.onupgradeneeded = () =>
            ['account', 'outbox', 'messages'].forEach((name) => request.result.createObjectStore(name));
        request.onsuccess = () => {
            globalThis.held = request.result;
            if (closes) held.onversionchange = () => held.close();
            done(true);
        };
    });
";

/// The number of notices that nothing can be persisted.
fn storage_notices(view: &View) -> usize {
    view.row_texts("notice").iter().filter(|line| line.contains("store data")).count()
}

#[test]
fn tab_of_the_first_version_does_not_block_the_page() {
    for closes in [true, false] {
        browser_test(&format!("tab_of_the_first_version_does_not_block_the_page-{closes}"), async |test| {
            let server = Server::start();
            // Not the page: a file of the same origin.
            let tom = test.open_blank("tom", WindowOptions::default()).await;
            tom.expect_error("favicon.ico");
            tom.goto(&format!("{}config.json", server.url())).await;
            let _: bool = tom.eval(HOLD_FIRST_VERSION, vec![closes.into()]).await;
            let first = tom.tab().await;
            let second = tom.open_tab(&server.url()).await;
            tom.log_in("tom").await;
            tom.send_and_wait("hello").await;
            if !closes {
                tom.until("one notice", |view| storage_notices(view) == 1).await;
                tom.switch_to(&first).await;
                tom.eval::<()>("held.close()", vec![]).await;
                tom.switch_to(&second).await;
            }
            tom.send_and_wait("persisted").await;
            until_stored(&tom, "account and message", |[account, queue, messages, ..]| {
                account == 1 && queue == 0 && messages >= 1
            })
            .await;
            assert_eq!(storage_notices(&tom.view().await), usize::from(!closes));
            tom.reload().await;
            tom.until("back in the room", |view| view.room && view.online()).await;
            tom.until("the messages", |view| view.has_sent("hello") && view.has_sent("persisted")).await;
        });
    }
}
