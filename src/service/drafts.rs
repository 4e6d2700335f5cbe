//! Stores what is typed and not sent, as it is typed; see [`draft`].

use std::{cell::RefCell, rc::Rc};

use parlour_core::persist::draft;
use wasm_bindgen_futures::spawn_local;

use super::{browser, storage, tab_channel};
use crate::config;

/// The draft of this tab. Clones share it.
#[derive(Clone)]
pub(super) struct Drafts {
    /// The id of this tab.
    tab: Rc<str>,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    /// The scope in which drafts are stored. Still set after a logout, because the command that logs out is the last
    /// draft.
    scope: Rc<str>,
    /// A draft is being written.
    writing: bool,
    /// The newest draft, to be written next, and its scope.
    next: Option<(Rc<str>, String)>,
}

impl Drafts {
    pub(super) fn new() -> Self {
        let new_id = || format!("{:016x}", u64::from_le_bytes(browser::random()));
        Self { tab: config::take_tab_id().unwrap_or_else(new_id).into(), state: Rc::default() }
    }

    /// Reads the draft of this tab in a user's scope, and takes over those of closed tabs.
    pub(super) async fn load(&self, user: &str) -> String {
        let scope: Rc<str> = draft::scope(user).into();
        self.state.borrow_mut().scope = scope.clone();
        let open_tabs = tab_channel::open_tabs(&self.tab).await;
        let stored = storage::load_values(&scope).await.unwrap_or_default();
        let (text, changes) = draft::take_over(&self.tab, &open_tabs, &stored, browser::now().unix);
        if !changes.is_empty() {
            // If this fails, the drafts are taken over again next time.
            let _ = storage::persist(&scope, &changes, None).await;
        }
        text
    }

    /// Stores a draft. While one is being written, only the newest of the others waits.
    pub(super) fn save(&self, text: &str) {
        let writing = {
            let mut state = self.state.borrow_mut();
            state.next = Some((state.scope.clone(), text.to_owned()));
            state.writing
        };
        if !writing {
            self.write();
        }
    }

    /// Writes the waiting draft at once, and keeps the id of this tab for the page after a reload.
    pub(super) fn handle_suspending(&self) {
        self.write();
        config::keep_tab_id(&self.tab);
    }

    /// Removes the id again, so that a duplicate of this tab does not get it.
    pub(super) fn handle_resumed() {
        let _ = config::take_tab_id();
    }

    fn write(&self) {
        let written = {
            let mut state = self.state.borrow_mut();
            let Some((scope, text)) = state.next.take() else { return };
            state.writing = true;
            storage::persist(&scope, &[draft::save(&self.tab, &text, browser::now().unix)], None)
        };
        let drafts = self.clone();
        spawn_local(async move {
            // The session's own writes report that the storage does not work.
            let _ = written.await;
            drafts.state.borrow_mut().writing = false;
            drafts.write();
        });
    }
}
