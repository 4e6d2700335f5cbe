//! Drives core's [`Client`](parlour_core::client::Client): passes it the time, random bytes, socket reports and storage
//! results, executes its outputs and reports its events, and the changes of the state of this tab, to a sink. In a tab that
//! is not the leader it drives core's [`Follower`](parlour_core::client::tabs::Follower) instead. The modules below extend
//! [`Service`], each by one concern.
//!
//! Absent here: signals, translations, and what an event means to the user.

mod browser;
mod chat_session;
mod commands;
mod drafts;
mod driver;
mod fold;
mod input_gate;
mod leadership;
mod linking;
mod membership;
mod persistence;
mod reading;
mod refusal_query;
mod reports;
mod requests;
mod role;
mod rooms;
mod scopes;
mod socket;
mod storage;
mod tab_channel;
mod tab_messages;
mod visibility;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use parlour_core::{
    client::{AccountRecord, Origin, device::DeviceRooms, tabs::Gate},
    left_sessions::LeftSessions,
};
use wasm_bindgen_futures::spawn_local;

pub use self::chat_session::{ChatSession, Report, SearchResults};
use self::{
    drafts::TabData, requests::Requests, role::Role, rooms::ShownRooms, socket::ClientSocket,
    tab_channel::TabChannel, visibility::Visibility,
};

/// Input that is handled later.
type Act = Box<dyn FnOnce(&Service)>;
/// The continuation of an asynchronous operation.
type Then<T> = Box<dyn FnOnce(&Service, T)>;

/// A handle to the chat session of this tab. Clones share the session.
#[derive(Clone)]
pub struct Service {
    inner: Rc<RefCell<Inner>>,
    sink: Rc<dyn Fn(Report)>,
    tab_data: TabData,
    /// Reports are being emitted; a nested call leaves its reports to the outer one.
    emitting: Rc<Cell<bool>>,
}

struct Inner {
    /// This page among the tabs of the user.
    tab: Origin,
    role: Role,
    /// Incremented with each client, so that late results for an earlier one are dropped.
    client_number: u64,
    /// Holds back the input of a leader that was suspended.
    gate: Gate<Act>,
    /// The scope of the account, see [`persist`](parlour_core::persist); empty when logged out.
    scope: Rc<str>,
    /// The table of scopes has had the scope since this tab joined it, or its account logged in. A browser that stores nothing has
    /// no table.
    is_listed: bool,
    /// The nick that the user has typed; empty if they have not.
    nick: String,
    /// The account to which a link has logged in, until this tab is the leader.
    linked: Option<AccountRecord>,
    /// The user has typed the nick or followed a link, so a login is allowed although the device has no session.
    is_new_login: bool,
    /// Incremented at each login and logout, so that the continuation of an operation started before is skipped.
    login_number: u64,
    /// The sessions that the user has left on this server, which may not know it.
    left: (Rc<str>, LeftSessions),
    tab_channel: Option<TabChannel>,
    /// Completes [`ChatSession::resume`].
    resumed: Option<oneshot::Sender<()>>,
    visibility: Visibility,
    requests: Requests,
    rooms: ShownRooms,
    /// What the device has of the rooms, in the leader.
    device: DeviceRooms,
    /// Runs until the changes of rooms are written.
    write_timer: Option<Timeout>,
    /// The user was notified that the storage does not work.
    storage_failure_reported: bool,
    socket: ClientSocket,
    timer: Option<Timeout>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// Makes a service that sends its reports to `sink`. Deletes what could not be deleted at logouts.
    #[must_use]
    pub fn new(sink: impl Fn(Report) + 'static) -> Self {
        let inner = Inner {
            // 0 is no tab.
            tab: Origin(random_id() | 1),
            role: Role::LoggedOut,
            client_number: 0,
            gate: Gate::default(),
            scope: "".into(),
            is_listed: false,
            nick: String::new(),
            linked: None,
            is_new_login: false,
            login_number: 0,
            left: ("".into(), LeftSessions::default()),
            tab_channel: None,
            resumed: None,
            visibility: Visibility::default(),
            requests: Requests::default(),
            rooms: ShownRooms::default(),
            device: DeviceRooms::default(),
            write_timer: None,
            storage_failure_reported: false,
            socket: ClientSocket::default(),
            timer: None,
        };
        let service = Self {
            inner: Rc::new(RefCell::new(inner)),
            sink: Rc::new(sink),
            tab_data: TabData::new(),
            emitting: Rc::default(),
        };
        let listener = service.clone();
        browser::on_lifecycle_event(move |event| listener.handle_lifecycle_event(event));
        service.empty_left_scopes();
        service
    }

    /// Returns `true` until the user logs in or out after the login with this number.
    fn is_current(&self, login_number: u64) -> bool {
        self.inner.borrow().login_number == login_number
    }

    /// Calls `act` in a microtask, when nothing is borrowed.
    fn defer(&self, act: impl FnOnce(&Self) + 'static) {
        let service = self.clone();
        spawn_local(async move { act(&service) });
    }
}

/// Makes an id that no other tab uses.
fn random_id() -> u64 {
    u64::from_le_bytes(browser::random())
}
