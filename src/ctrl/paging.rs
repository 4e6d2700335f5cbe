//! Loading parts of the open room: gaps near the viewport, and the messages around a target.

use leptos::prelude::*;
use parlour_core::{
    client::{Command, PageStart, Reply, room::RoomState, state::ClientState},
    limits::HISTORY_PAGE_MESSAGES,
    model::{Connection, RoomId, SeekTarget},
};
// Leptos' own works only after mounting, and a session is resumed before.
use wasm_bindgen_futures::spawn_local;

use super::{store::Store, values::SeekResult};

impl Store {
    /// Loads the newest part of the gap that ends with the ord `to`.
    pub fn load_gap(&self, to: u64) {
        let Some(room) = self.open_room.get_untracked() else { return };
        let (store, page) = (*self, self.load_page(room, PageStart::Before(to + 1), Some(to)));
        spawn_local(async move {
            page.await;
            store.page_finished(room);
        });
    }

    /// Loads the messages around the scroll position without jumping. Does nothing during a seek, which has precedence.
    pub fn load_around(&self, ord: u64) {
        let Some(room) = self.open_room.get_untracked().filter(|_| !self.seeking.get_untracked()) else {
            return;
        };
        let (store, page) = (*self, self.load_page(room, PageStart::Around(ord), Some(ord)));
        spawn_local(async move {
            page.await;
            store.page_finished(room);
        });
    }

    /// Jumps to a part of the open room, loading it if necessary; the outcome is [`Store::seek_result`].
    pub fn seek(&self, target: SeekTarget) {
        let Some(room) = self.open_room.get_untracked() else { return };
        let number = self.inner.try_update_value(|inner| {
            inner.seeks = inner.seeks.wrapping_add(1);
            inner.seeks
        });
        self.inner.update_value(|inner| inner.link = None);
        self.set.seeking.set(true);
        let (start, ord) = match target {
            SeekTarget::Ord(ord) => {
                let (ord, is_known) =
                    self.with_state(|state| nearest(state, room, ord)).unwrap_or((ord, false));
                if is_known {
                    return self.seek_finished(Some(ord));
                }
                (PageStart::Around(ord), Some(ord))
            }
            SeekTarget::Time(time) => (PageStart::At(time), None),
        };
        if !matches!(self.connection.get_untracked(), Connection::Online { .. }) {
            return self.seek_finished(None);
        }
        let (store, page) = (*self, self.load_page(room, start, ord));
        spawn_local(async move {
            let loaded = page.await;
            if store.inner.try_with_value(|inner| inner.seeks) != number {
                // Another seek has replaced this one, or another room is open.
                return;
            }
            let is_reached = |(ord, time): &&(u64, i64)| match target {
                SeekTarget::Ord(target) => *ord >= target,
                SeekTarget::Time(target) => *time >= target,
            };
            let found = loaded.iter().find(is_reached).or(loaded.last()).map(|(ord, _)| *ord);
            store.seek_finished(found);
        });
    }

    /// Jumps to the message of the link that was opened, once that is possible: the device has the message, or its room is
    /// subscribed.
    pub(super) fn follow_link(&self) {
        let room = self.open_room.get_untracked();
        let link = self.inner.with_value(|inner| inner.link).filter(|(linked, _)| Some(*linked) == room);
        let Some((room, ord)) = link else { return };
        let is_loadable = self.with_state(|state| {
            nearest(state, room, ord).1 || state.room(room).is_some_and(RoomState::is_subscribed)
        });
        if is_loadable.unwrap_or_default() {
            self.seek(SeekTarget::Ord(ord));
        }
    }

    /// Loads a page. Its gap is shown as loading until it is answered; `ord` is in it. Returns the ord and the time of each
    /// message, by ord; none if that has failed.
    fn load_page(
        &self,
        room: RoomId,
        start: PageStart,
        ord: Option<u64>,
    ) -> impl Future<Output = Vec<(u64, i64)>> + use<> {
        let store = *self;
        let answer = self.request(Command::LoadPage { room, start, count: HISTORY_PAGE_MESSAGES });
        store.set_loading(room, |loading| loading.extend(ord));
        async move {
            let answer = answer.await;
            store.set_loading(room, |loading| {
                if let Some(at) = loading.iter().position(|other| Some(*other) == ord) {
                    loading.remove(at);
                }
            });
            match answer {
                Ok(Reply::Loaded(page)) => {
                    page.messages.iter().map(|message| (message.ord, message.time)).collect()
                }
                _ => Vec::new(),
            }
        }
    }

    fn set_loading(&self, room: RoomId, change: impl FnOnce(&mut Vec<u64>)) {
        let loading = self.inner.try_update_value(|inner| {
            let loading = inner.loading.or_default(room);
            change(loading);
            loading.clone()
        });
        if let Some((service, loading)) = self.service_if_loaded().zip(loading) {
            service.set_loading(room, loading);
        }
    }

    fn page_finished(&self, room: RoomId) {
        if self.open_room.get_untracked() == Some(room) {
            self.set.finished_pages.update(|finished| *finished = finished.wrapping_add(1));
        }
    }

    /// Another room is opened, or none: the seek in progress is not for it.
    pub(super) fn cancel_seek(&self) {
        self.inner.update_value(|inner| inner.seeks = inner.seeks.wrapping_add(1));
        self.set.seek_result.set(None);
        self.set.seeking.set(false);
    }

    fn seek_finished(&self, ord: Option<u64>) {
        // A seek replaces the loading of a gap.
        self.set.finished_pages.update(|finished| *finished = finished.wrapping_add(1));
        self.set.seeking.set(false);
        self.set.seek_result.update(|result| {
            let number = result.map_or(0, |last| last.number).wrapping_add(1);
            *result = Some(SeekResult { ord, number });
        });
    }
}

/// The ord of the message of a room that is nearest to this one, and whether it is loaded.
fn nearest(state: &ClientState, room: RoomId, ord: u64) -> (u64, bool) {
    let Some(room) = state.room(room) else { return (ord, false) };
    let ord = ord.min(room.head_ord()).max(room.first_ord());
    (ord, room.known().contains(ord))
}
