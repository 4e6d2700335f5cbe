//! Stores what is typed and not sent, as it is typed; see [`draft`].

use std::{cell::RefCell, rc::Rc};

use parlour_core::{model::RoomId, persist::draft};
use wasm_bindgen_futures::spawn_local;

use super::{browser, storage, tab_channel};
use crate::config;

/// The draft of this tab. Clones share it.
#[derive(Clone)]
pub(super) struct Drafts {
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    /// The id under which this tab stores its draft. Each [`Drafts::load`] makes a new one.
    tab: Option<Rc<str>>,
    /// The scope in which drafts are stored. Still set after a logout, because the command that logs out is the last
    /// draft.
    scope: Rc<str>,
    /// The text that was stored last.
    text: String,
    /// A draft is being written.
    writing: bool,
    /// The newest draft of each scope that is to be written next.
    unwritten: Vec<Unwritten>,
}

struct Unwritten {
    scope: Rc<str>,
    tab: Rc<str>,
    text: String,
}

impl Drafts {
    pub(super) fn new() -> Self {
        let tab = config::take_tab_id().map(Into::into);
        Self { state: Rc::new(RefCell::new(State { tab, ..State::default() })) }
    }

    /// Reads the draft of this tab in a user's scope, and takes over those of closed tabs.
    pub(super) async fn load(&self, user: &str) -> String {
        let scope: Rc<str> = user.into();
        let tab: Rc<str> = format!("{:016x}", u64::from_le_bytes(browser::random())).into();
        let previous = {
            let mut state = self.state.borrow_mut();
            state.scope = scope.clone();
            state.text.clear();
            state.tab.replace(tab.clone())
        };
        let open_tabs = tab_channel::open_tabs(&tab).await;
        let stored = storage::load_drafts(&scope).await.unwrap_or_default();
        let now = browser::now().unix;
        let (text, changes) =
            draft::take_over(RoomId::LOBBY, previous.as_deref(), &tab, &open_tabs, &stored, now);
        if !changes.is_empty() {
            // If this fails, the drafts are taken over again next time.
            let _ = storage::persist(&scope, &changes, None).await;
        }
        text
    }

    /// Stores a draft. While one is being written, only the newest of the others waits.
    pub(super) fn save(&self, text: &str) {
        let scope = {
            let mut state = self.state.borrow_mut();
            state.text = text.into();
            state.scope.clone()
        };
        self.save_in(scope, text);
    }

    /// The user continues under another nick: the draft moves to its scope.
    pub(super) fn enter_scope(&self, user: &str) {
        let scope: Rc<str> = user.into();
        let (previous, text) = {
            let mut state = self.state.borrow_mut();
            (std::mem::replace(&mut state.scope, scope.clone()), state.text.clone())
        };
        // In this order, because the page may be closed between the two writes.
        self.save_in(scope, &text);
        self.save_in(previous, "");
    }

    fn save_in(&self, scope: Rc<str>, text: &str) {
        let writing = {
            let mut state = self.state.borrow_mut();
            // Nothing is typed before a draft was loaded.
            let Some(tab) = state.tab.clone() else { return };
            state.unwritten.retain(|other| other.scope != scope || other.tab != tab);
            state.unwritten.push(Unwritten { scope, tab, text: text.into() });
            state.writing
        };
        if !writing {
            self.write();
        }
    }

    /// Writes the waiting drafts at once, and keeps the id of this tab for the page after a reload.
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

    /// Writes the draft that waits for the longest time; `false` if none does.
    fn write(&self) -> bool {
        let written = {
            let mut state = self.state.borrow_mut();
            if state.unwritten.is_empty() {
                return false;
            }
            let Unwritten { scope, tab, text } = state.unwritten.remove(0);
            state.writing = true;
            let change = draft::save(RoomId::LOBBY, &tab, &text, browser::now().unix);
            storage::persist(&scope, &[change], None)
        };
        let drafts = self.clone();
        spawn_local(async move {
            // The session's own writes report that the storage does not work.
            let _ = written.await;
            drafts.state.borrow_mut().writing = false;
            drafts.write();
        });
        true
    }
}
