//! The room list, and what is done with rooms and with the account.

use serde_json::{Value, json};

use super::Page;
use crate::{seed_rooms::SeedRoom, server::Server};

/// Reads the rows that are in the document: section, name, badge, whether the badge asks for attention, and whether the room is
/// muted.
const READ_LIST: &str = r"
    const text = (element, selector) => element?.querySelector(selector)?.textContent ?? '';
    const list = [...document.querySelectorAll('#room-list .room-item')].map((item) => ({
        section: text(item.closest('section'), 'h2'), name: text(item, '.room-label'), badge: text(item, '.badge'),
        attention: !!item.querySelector('.badge.attention'), muted: item.classList.contains('muted'),
        presence: item.querySelector('.presence-dot')?.dataset.state ?? '',
    }));
";

/// The number of rooms in the list, of which not all are in the document.
const LISTED: &str = r"
    const sets = [...document.querySelectorAll('#room-list ul:not([hidden])')].map((list) => Number(list.firstElementChild.ariaSetSize));
    const archived = Number(document.querySelector('#rooms-archived[aria-expanded=false] .room-section-count')?.textContent ?? 0);
    const listed = sets.reduce((sum, size) => sum + size, archived);
";

impl Page {
    /// Presses the button that reconnects, unless the page has reconnected by itself before.
    ///
    /// # Panics
    /// If the page does not respond.
    pub async fn reconnect_now(&self) {
        self.eval::<()>("document.querySelector('#retry-now')?.click()", vec![]).await;
    }

    /// Logs in, and adds the account to these rooms while the server is restarted. Returns the ids of the rooms in hexadecimal
    /// digits.
    ///
    /// # Panics
    /// If the page or the server does not respond.
    pub async fn log_in_with_rooms(
        &self,
        nick: &str,
        server: &mut Server,
        rooms: &[SeedRoom],
    ) -> Vec<String> {
        self.expect_lost_connections();
        self.log_in(nick).await;
        server.stop().await;
        let ids = server.add_rooms(nick, rooms);
        server.restart();
        self.reconnect_now().await;
        self.until("the connection is back", |view| view.online()).await;
        // Each frame of rows makes the list longer; the last one completes it.
        let count = 1 + rooms.iter().filter(|room| room.is_listed()).count();
        let script = format!("{LISTED} return listed === {count} || listed");
        self.until_true("all rooms are in the list", &script).await;
        ids
    }

    /// Opens a room of the list by its id; the lobby's is `lobby`. Waits until it is shown, beside its link in the list and in
    /// the URL.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn open_room(&self, name: &str, id: &str) {
        self.click(&format!("#room-list a[href='#/room/{id}']")).await;
        self.until_room_open(name, id).await;
    }

    /// Waits until a room is open, beside its link in the list and in the URL.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_room_open(&self, name: &str, id: &str) {
        let [name, hash] = [name.to_owned(), format!("#/room/{id}")].map(Value::from);
        let script = format!(
            "const current = document.querySelector('#room-list [aria-current=page] .room-label')?.textContent;
             const shown = [document.querySelector('#room-name')?.textContent, current, location.hash];
             return JSON.stringify(shown) === JSON.stringify([{name}, {name}, {hash}]) || shown"
        );
        self.until_true(&format!("{name} is open"), &script).await;
    }

    /// Waits until an element has this text.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_text(&self, selector: &str, text: &str) {
        let [selector, text] = [selector, text].map(Value::from);
        let script = format!(
            "const shown = document.querySelector({selector})?.textContent.trim(); return shown === {text} || shown"
        );
        self.until_true(&format!("{selector} is {text}"), &script).await;
    }

    /// Waits until no element matches a selector.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_none(&self, selector: &str) {
        let selector = Value::from(selector);
        let script = format!(
            "const found = document.querySelector({selector}); return !found || found.outerHTML.slice(0, 200)"
        );
        self.until_true(&format!("{selector} does not exist"), &script).await;
    }

    /// Waits until the list shows exactly rooms with these sections, names and badges.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_listed(&self, expected: &[(&str, &str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(section, name, badge)| json!({ "section": section, "name": name, "badge": badge }))
            .collect();
        let expected = serde_json::to_string(&expected).expect("JSON");
        let script = format!(
            "{READ_LIST} const shown = list.map(({{ section, name, badge }}) => ({{ badge, name, section }}));
             return JSON.stringify(shown) === JSON.stringify({expected}) || shown"
        );
        self.until_true(&format!("the list {expected}"), &script).await;
    }

    /// Waits until a room of the list meets a condition: an expression of JavaScript with `room`, which has `section`, `name`,
    /// `badge`, `attention`, `muted` and `presence`.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_room_has(&self, name: &str, condition: &str) {
        let quoted = Value::from(name);
        let script = format!(
            "{READ_LIST} const room = list.find((room) => room.name === {quoted});
             return (!!room && ({condition})) || list"
        );
        self.until_true(&format!("{name} in the list has {condition}"), &script).await;
    }

    /// Waits until no room of the list has this name.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_not_listed(&self, name: &str) {
        let quoted = Value::from(name);
        let script = format!("{READ_LIST} return !list.some((room) => room.name === {quoted}) || list");
        self.until_true(&format!("{name} is not in the list"), &script).await;
    }

    /// Opens a room from the list, as a click on it does, once it is there.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn open_listed(&self, name: &str) {
        let quoted = Value::from(name);
        let script = format!(
            "const link = [...document.querySelectorAll('#room-list a')].find((link) =>
                link.querySelector('.room-label')?.textContent === {quoted});
             link?.click(); return !!link"
        );
        self.until_true(&format!("{name} is in the list"), &script).await;
        self.until_text("#room-name", name).await;
    }

    /// Chooses an item of a menu.
    ///
    /// # Panics
    /// If it is not offered.
    pub async fn choose_item(&self, menu: &str, item: &str) {
        self.click(&format!("#{menu}")).await;
        self.click(&format!("#{item}")).await;
    }

    /// Opens a dialog from a menu.
    ///
    /// # Panics
    /// If it does not open.
    pub async fn open_dialog(&self, menu: &str, dialog: &str) {
        self.choose_item(menu, dialog).await;
        let opened = format!("return !!document.querySelector('dialog#{dialog}-dialog:modal')");
        self.until_true(&format!("the dialog {dialog}"), &opened).await;
    }

    /// Submits the open dialog, and waits until it is closed.
    ///
    /// # Panics
    /// If it stays open.
    pub async fn submit_dialog(&self) {
        self.click("dialog button[type=submit]").await;
        self.until_none("dialog").await;
    }

    /// Creates a room and waits until it is open; `kind` is `public` or `private`.
    ///
    /// # Panics
    /// If the dialog does not end.
    pub async fn create_room(&self, name: &str, kind: &str) {
        self.open_dialog("rooms-menu", "create-room").await;
        self.fill("#create-room-name", name).await;
        self.click(&format!("#create-room-{kind}")).await;
        self.submit_dialog().await;
        self.until_text("#room-name", name).await;
    }

    /// The link that logs another device in to the account of this page.
    ///
    /// # Panics
    /// If the dialog does not show it.
    pub async fn device_link(&self) -> String {
        self.open_dialog("account-menu", "link-device").await;
        self.until_true("a link", "return !!document.querySelector('#link-device-link')?.value").await;
        let link = self.eval("return document.querySelector('#link-device-link').value", vec![]).await;
        self.press(super::keys::ESCAPE).await;
        self.until_none("dialog").await;
        link
    }

    /// Logs in by a device link, on which the page was opened.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn log_in_by_link(&self, nick: &str) {
        self.until_true("what the link does", "return !!document.querySelector('#login-other')").await;
        self.click("#login-submit").await;
        self.until(&format!("{nick} is in the room"), |view| view.online() && view.lists(nick)).await;
    }

    /// Waits until the whole page indicates this number of unread messages, in its title and by its icon.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_unread(&self, unread: u32) {
        let title = if unread == 0 {
            "!/^\\(/.test(document.title)".into()
        } else {
            format!("document.title.startsWith('({unread}) ')")
        };
        let script = format!(
            "const is_plain = !document.querySelector('link[rel~=icon]').href.startsWith('data:');
             return ({title} && is_plain === {}) || [document.title, is_plain]",
            unread == 0
        );
        self.until_true(&format!("{unread} unread messages"), &script).await;
    }
}
