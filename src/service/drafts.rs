//! Stores what this tab keeps of each room: what is typed and not sent, as it is typed, and where the timeline is; see
//! [`draft`] and [`scroll`].

use parlour_core::sorted::SortedMap;
use std::{cell::RefCell, rc::Rc};

use parlour_core::{
    model::RoomId,
    persist::{
        Change, draft,
        scroll::{self, Position},
    },
};
use wasm_bindgen_futures::spawn_local;

use super::{browser, storage, tab_channel};
use crate::config;

/// The drafts and scroll positions of this tab. Clones share them.
#[derive(Clone)]
pub(super) struct TabData {
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    /// The id under which this tab stores its data. Each [`TabData::load`] makes a new one.
    tab: Option<Rc<str>>,
    /// The scope in which it is stored. Still set after a logout: the typed command that logs out is a draft, which is removed
    /// afterwards.
    scope: Rc<str>,
    /// The texts that were stored last.
    drafts: SortedMap<RoomId, String>,
    /// The positions that were stored last. No entry means the end.
    scroll: SortedMap<RoomId, Position>,
    /// A change is being written.
    writing: bool,
    /// The newest changes, which are to be written next.
    unwritten: Vec<Unwritten>,
}

struct Unwritten {
    scope: Rc<str>,
    room: RoomId,
    /// A draft rather than a scroll position.
    is_draft: bool,
    change: Change,
}

impl TabData {
    pub(super) fn new() -> Self {
        let tab = config::take_tab_id().map(Into::into);
        Self { state: Rc::new(RefCell::new(State { tab, ..State::default() })) }
    }

    /// Reads the data of this tab in a scope, and takes over the drafts of closed tabs.
    pub(super) async fn load(&self, scope: &str) {
        let scope: Rc<str> = scope.into();
        let tab: Rc<str> = format!("{:016x}", u64::from_le_bytes(browser::random())).into();
        let previous = {
            let mut state = self.state.borrow_mut();
            state.scope = scope.clone();
            state.drafts.clear();
            state.scroll.clear();
            state.tab.replace(tab.clone())
        };
        let open_tabs = tab_channel::open_tabs(&tab).await;
        let [drafts, positions] = storage::load_tab_data(&scope).await.unwrap_or_default();
        if self.state.borrow().tab.as_ref() != Some(&tab) {
            // Another account has logged in meanwhile, and what was read is not for it.
            return;
        }
        let now = browser::now().unix;
        let (positions, mut changes) = scroll::take_over(previous.as_deref(), &tab, &open_tabs, &positions);
        for room in draft::rooms(&drafts) {
            let (text, taken) = draft::take_over(room, previous.as_deref(), &tab, &open_tabs, &drafts, now);
            changes.extend(taken);
            let mut state = self.state.borrow_mut();
            // Below what was typed meanwhile is what was typed before.
            let typed = state.drafts.remove(&room).filter(|typed| !typed.is_empty());
            let texts: Vec<_> = [text].into_iter().chain(typed).filter(|text| !text.is_empty()).collect();
            if !texts.is_empty() {
                state.drafts.insert(room, texts.join("\n"));
            }
        }
        {
            let mut state = self.state.borrow_mut();
            for (room, position) in positions {
                state.scroll.or_insert_with(room, || position);
            }
        }
        if !changes.is_empty() {
            // If this fails, the drafts are taken over again next time.
            let _ = storage::persist(&scope, &changes, None).await;
        }
    }

    /// What was typed in a room and not sent.
    pub(super) fn draft(&self, room: RoomId) -> String {
        self.state.borrow().drafts.get(&room).cloned().unwrap_or_default()
    }

    /// Where the timeline of a room was; `None` for its end.
    pub(super) fn scroll(&self, room: RoomId) -> Option<Position> {
        self.state.borrow().scroll.get(&room).copied()
    }

    /// Stores a draft. While something is being written, only the newest of each room waits.
    pub(super) fn save_draft(&self, room: RoomId, text: &str) {
        let (scope, tab) = {
            let mut state = self.state.borrow_mut();
            if text.is_empty() {
                state.drafts.remove(&room);
            } else {
                state.drafts.insert(room, text.into());
            }
            // Nothing is typed before the drafts were loaded.
            let Some(tab) = state.tab.clone() else { return };
            (state.scope.clone(), tab)
        };
        let change = draft::save(room, &tab, text, browser::now().unix);
        self.save(Unwritten { scope, room, is_draft: true, change });
    }

    /// Stores where the timeline of a room is; `None` for its end.
    pub(super) fn save_scroll(&self, room: RoomId, position: Option<Position>) {
        let (scope, tab) = {
            let mut state = self.state.borrow_mut();
            let before = match position {
                Some(position) => state.scroll.insert(room, position),
                None => state.scroll.remove(&room),
            };
            let Some(tab) = state.tab.clone().filter(|_| before != position) else { return };
            (state.scope.clone(), tab)
        };
        let change = scroll::save(room, &tab, position, browser::now().unix);
        self.save(Unwritten { scope, room, is_draft: false, change });
    }

    fn save(&self, unwritten: Unwritten) {
        let writing = {
            let mut state = self.state.borrow_mut();
            state.unwritten.retain(|other| {
                let of = |one: &Unwritten| (one.scope.clone(), one.room, one.is_draft);
                of(other) != of(&unwritten)
            });
            state.unwritten.push(unwritten);
            state.writing
        };
        if !writing {
            self.write();
        }
    }

    /// Writes everything that waits at once, and keeps the id of this tab for the page after a reload.
    pub(super) fn handle_suspending(&self) {
        while self.write() {}
        if let Some(tab) = &self.state.borrow().tab {
            config::keep_tab_id(tab);
        }
    }

    /// Removes the id again, so that a duplicate of this tab does not get it.
    pub(super) fn handle_resumed() {
        let _ = config::take_tab_id();
    }

    /// Writes the change that waits for the longest time; `false` if none does.
    fn write(&self) -> bool {
        let written = {
            let mut state = self.state.borrow_mut();
            if state.unwritten.is_empty() {
                return false;
            }
            let Unwritten { scope, change, .. } = state.unwritten.remove(0);
            state.writing = true;
            storage::persist(&scope, &[change], None)
        };
        let data = self.clone();
        spawn_local(async move {
            // The client's own writes report that the storage does not work.
            let _ = written.await;
            data.state.borrow_mut().writing = false;
            data.write();
        });
        true
    }
}
