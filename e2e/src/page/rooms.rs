//! Rooms: being in some, and opening them.

use serde_json::Value;

use super::Page;
use crate::{seed_rooms::SeedRoom, server::Server};

/// The number of rooms in the list, of which not all are in the document.
const LISTED: &str = r"
    const sets = [...document.querySelectorAll('#room-list ul')].map((list) => Number(list.firstElementChild.ariaSetSize));
    const listed = sets.reduce((sum, size) => sum + size, 0);
";

impl Page {
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
        self.click("#retry-now").await;
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
             const shown = [document.querySelector('#room-name').textContent, current, location.hash];
             return JSON.stringify(shown) === JSON.stringify([{name}, {name}, {hash}]) || shown"
        );
        self.until_true(&format!("{name} is open"), &script).await;
    }
}
