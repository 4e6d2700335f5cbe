//! Drives core's [`Session`]: passes it the time, random bytes, socket reports and storage results, executes its commands
//! and forwards its events to a sink. In a tab that is not the leader it drives core's
//! [`Follower`](parlour_core::tabs::Follower) instead. The modules below extend [`Service`], each by one concern.
//!
//! Absent here: signals, translations, and what an event means to the user.

mod browser;
mod chat_session;
mod commands;
mod drafts;
mod driver;
mod events;
mod input_gate;
mod leadership;
mod membership;
mod persistence;
mod refusal_query;
mod rename;
mod role;
mod socket;
mod storage;
mod tab_channel;
mod tab_messages;
mod unread;
mod visibility;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use parlour_core::{
    event::Event,
    session::Session,
    tabs::{Gate, Unread},
};
use wasm_bindgen_futures::spawn_local;

pub use self::chat_session::ChatSession;
use self::{
    drafts::Drafts, role::Role, socket::SessionSocket, tab_channel::TabChannel, visibility::Visibility,
};

/// Input that is handled later.
type Act = Box<dyn FnOnce(&Service)>;
/// The continuation of an asynchronous operation.
type Then<T> = Box<dyn FnOnce(&Service, T)>;

/// A handle to the session of this tab. Clones share the session.
#[derive(Clone)]
pub struct Service {
    inner: Rc<RefCell<Inner>>,
    sink: Rc<dyn Fn(Event)>,
    drafts: Drafts,
    /// Events are being emitted; a nested call leaves its events to the outer one.
    emitting: Rc<Cell<bool>>,
}

struct Inner {
    session: Session,
    /// The scope that the session belongs to; empty before the first login.
    session_scope: Rc<str>,
    /// Incremented with each session, so that late results for an earlier one are dropped.
    session_number: u64,
    role: Role,
    /// Holds back the input of a leader that was suspended.
    gate: Gate<Act>,
    /// Nick and server of the session, see [`scope`](parlour_core::persist::scope); empty when logged out.
    scope: Rc<str>,
    nick: String,
    /// The user typed the nick, so a login is allowed although the device has no session.
    is_new_login: bool,
    /// Incremented at each login and logout, so that the continuation of an operation started before is skipped.
    login_number: u64,
    tab_channel: Option<TabChannel>,
    /// Completes [`ChatSession::resume`].
    resumed: Option<oneshot::Sender<()>>,
    visibility: Visibility,
    unread: Unread,
    /// Runs until the other tabs are told what was read.
    read_timer: Option<Timeout>,
    /// The user was notified that the storage does not work.
    storage_failure_reported: bool,
    socket: SessionSocket,
    timer: Option<Timeout>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// Makes a service that sends its events to `sink`.
    #[must_use]
    pub fn new(sink: impl Fn(Event) + 'static) -> Self {
        let inner = Inner {
            session: new_session(),
            session_scope: "".into(),
            session_number: 0,
            role: Role::LoggedOut,
            gate: Gate::default(),
            scope: "".into(),
            nick: String::new(),
            is_new_login: false,
            login_number: 0,
            tab_channel: None,
            resumed: None,
            visibility: Visibility::default(),
            unread: Unread::default(),
            read_timer: None,
            storage_failure_reported: false,
            socket: SessionSocket::default(),
            timer: None,
        };
        let service = Self {
            inner: Rc::new(RefCell::new(inner)),
            sink: Rc::new(sink),
            drafts: Drafts::new(),
            emitting: Rc::default(),
        };
        let listener = service.clone();
        browser::on_lifecycle_event(move |event| listener.handle_lifecycle_event(event));
        service
    }
}

impl Inner {
    /// Replaces the session by one to which nobody is logged in.
    fn replace_session(&mut self) {
        self.session = new_session();
        self.session_number += 1;
        self.visibility = Visibility::default();
    }
}

impl Service {
    /// Returns `true` until the user logs in or out after the login with this number.
    fn is_current(&self, login_number: u64) -> bool {
        self.inner.borrow().login_number == login_number
    }

    /// Calls `act` in a microtask, when nothing is borrowed.
    fn defer(&self, act: Box<dyn FnOnce(&Self)>) {
        let service = self.clone();
        spawn_local(async move { act(&service) });
    }

    /// [`Self::defer`], unless the user logs out or in again before.
    fn defer_in_login(&self, login_number: u64, act: impl FnOnce(&Self) + 'static) {
        self.defer(Box::new(move |service| {
            if service.is_current(login_number) {
                act(service);
            }
        }));
    }
}

fn new_session() -> Session {
    let agent = concat!("parlour-web/", env!("CARGO_PKG_VERSION"));
    Session::new(u64::from_le_bytes(browser::random()), agent)
}

/// Makes an id that no other tab uses.
fn random_id() -> u64 {
    u64::from_le_bytes(browser::random())
}
