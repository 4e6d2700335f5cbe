//! Drives core's [`Session`]: passes it the time, random bytes, socket reports and storage results, executes its commands
//! and forwards its events to a sink. In a tab that is not the leader it drives core's [`Follower`](tabs::Follower)
//! instead.
//!
//! Absent here: signals, translations, and what an event means to the user.

mod browser;
mod chat_session;
mod drafts;
mod leadership;
mod refusal_query;
mod rename;
mod storage;
mod tab_channel;
mod visibility;

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
};

use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use parlour_core::{
    Millis,
    event::Event,
    limits::Limits,
    model::{Connection, Member, MessageId, SeekTarget},
    persist::{self, Change},
    ranges::Range,
    session::{Command, Session},
    status::Status,
    tabs::{self, FollowerAction, Gate, Unread},
    timeline::Notice,
    validate,
};
use wasm_bindgen_futures::spawn_local;

pub use self::chat_session::ChatSession;
use self::{
    drafts::Drafts, leadership::Role, refusal_query::RefusalQuery, storage::Written, tab_channel::TabChannel,
    visibility::Visibility,
};
use crate::ws::{Report, Socket};

/// A timer that fires this late means that the device was asleep.
const SLEEP_THRESHOLD_MS: Millis = 3_000;

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
    /// Nick and server of the session, see [`persist::scope`]; empty when logged out.
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
    socket: Option<Socket>,
    /// Incremented with each socket, so that late reports of an earlier one are ignored.
    socket_number: u64,
    /// For the next socket to the server of the session.
    refusal_query: RefusalQuery,
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
            socket: None,
            socket_number: 0,
            refusal_query: RefusalQuery::default(),
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

impl ChatSession for Service {
    fn log_in(&self, nick: &str, url: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        if !self.inner.borrow().scope.is_empty() {
            return Err(Status::SignedIn);
        }
        self.join(&persist::scope(url, &nick), nick, true);
        Ok(())
    }

    fn resume(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let service = self.clone();
        Box::pin(async move { service.resume_session().await })
    }

    fn send(&self, text: &str) -> Result<(), Status> {
        let id = browser::message_id();
        let is_held_back = {
            let inner = self.inner.borrow();
            inner.lease().is_some() && !inner.gate.is_open(browser::now().monotonic)
        };
        if !is_held_back {
            return self.send_now(id, text);
        }
        let inner = self.inner.borrow();
        let identity = inner.session.identity().ok_or(Status::NotConnected)?;
        let text = validate::content(text, &identity.limits)?.to_owned();
        drop(inner);
        self.guarded(move |service| {
            if let Err(status) = service.send_now(id, &text) {
                (service.sink)(Event::CommandFailed(status));
            }
        });
        Ok(())
    }

    fn load_draft(&self) -> Pin<Box<dyn Future<Output = String>>> {
        let (drafts, scope) = (self.drafts.clone(), self.inner.borrow().scope.clone());
        Box::pin(async move { drafts.load(&scope).await })
    }

    fn save_draft(&self, text: &str) {
        self.drafts.save(text);
    }

    fn excess_bytes(&self, text: &str) -> usize {
        let inner = self.inner.borrow();
        match &inner.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => follower.excess_bytes(text),
            _ => inner.session.excess_bytes(text),
        }
    }

    fn retry(&self, id: MessageId) {
        self.execute(tabs::Command::Retry(id));
    }

    fn discard(&self, id: MessageId) {
        self.execute(tabs::Command::Discard(id));
    }

    fn load_gap(&self, to: u64) {
        self.guarded(move |service| {
            if !service.is_follower() {
                return service.with_session(|session| session.handle_load_gap(browser::now(), to));
            }
            service.with_follower(|follower| {
                follower.handle_load_gap(to);
                FollowerAction::Nothing
            });
        });
    }

    fn seek(&self, target: SeekTarget) {
        self.guarded(move |service| {
            if !service.is_follower() {
                return service.with_session(|session| session.handle_seek(browser::now(), target));
            }
            service.with_follower(|follower| {
                follower.handle_seek(target);
                FollowerAction::Nothing
            });
        });
    }

    fn search(&self, words: &str, before: u64) {
        let words = words.to_owned();
        self.guarded(move |service| {
            if !service.is_follower() {
                let now = browser::now();
                return service.with_session(|session| session.handle_search(now, &words, before));
            }
            service.with_follower(|follower| {
                follower.handle_search(&words, before);
                FollowerAction::Nothing
            });
        });
    }

    fn evicted(&self, range: Range) {
        if !self.is_follower() {
            return self.with_session(|session| session.handle_evicted(range));
        }
        self.with_follower(|follower| {
            follower.handle_evicted(range);
            FollowerAction::Nothing
        });
    }

    fn set_focused(&self, focused: bool) {
        let changed = self.inner.borrow_mut().unread.handle_focus(focused);
        self.update_unread(changed);
    }

    fn list_members(&self) {
        self.guarded(|service| {
            if !service.is_follower() {
                return service.with_session(Session::handle_list_members);
            }
            service.with_follower(|follower| {
                follower.handle_list_members();
                FollowerAction::Nothing
            });
        });
    }

    fn leave(&self) {
        if self.is_follower() && !self.is_logged_in_follower() {
            // No leader has answered yet, so there is none to forward the command to.
            (self.sink)(Event::Connection(Connection::Idle));
            (self.sink)(Event::LoggedOut);
            return self.end();
        }
        self.execute(tabs::Command::Leave);
    }

    fn rename(&self, nick: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        if self.is_follower() {
            self.post(&tabs::rename_command(&nick));
            return Ok(());
        }
        self.with_session(|session| {
            session.handle_new_secret(browser::random());
            session.handle_rename(browser::now(), &nick)
        })
    }

    fn retry_now(&self) {
        self.execute(tabs::Command::Reconnect);
    }

    fn members(&self) -> (Vec<Member>, usize) {
        let inner = self.inner.borrow();
        match &inner.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => follower.members(),
            _ => inner.session.members(),
        }
    }

    fn monotonic_ms(&self) -> Millis {
        browser::now().monotonic
    }
}

impl Inner {
    /// Sets the scope for a login. A session is never used in two scopes, so that nothing of one server or account reaches
    /// another.
    fn enter_scope(&mut self, scope: &str) {
        self.scope = scope.into();
        if *self.session_scope != *scope {
            self.session = new_session();
            self.session_scope = self.scope.clone();
            self.session_number += 1;
            self.refusal_query = RefusalQuery::default();
        }
    }
}

impl Service {
    fn send_now(&self, id: MessageId, text: &str) -> Result<(), Status> {
        if self.is_follower() {
            return self.send_as_follower(id, text);
        }
        self.with_session(|session| session.handle_send(browser::now(), id, text))
    }

    /// Passes input to the session, then executes its commands and emits its events.
    fn with_session<T>(&self, act: impl FnOnce(&mut Session) -> T) -> T {
        let out = act(&mut self.inner.borrow_mut().session);
        self.run_commands();
        self.emit_events();
        out
    }

    fn run_commands(&self) {
        loop {
            let command = self.inner.borrow_mut().session.poll_command();
            match command {
                None => break,
                Some(Command::Open) => self.open_socket(),
                Some(Command::Send(bytes)) => {
                    if let Some(socket) = &self.inner.borrow().socket {
                        socket.send(&bytes);
                    }
                }
                Some(Command::Persist { ticket, changes }) => self.persist(ticket, &changes),
                Some(Command::Close(code)) => {
                    let mut inner = self.inner.borrow_mut();
                    inner.socket_number += 1;
                    if let Some(socket) = inner.socket.take() {
                        socket.close(code);
                    }
                }
            }
        }
        self.set_timer();
    }

    fn persist(&self, ticket: u64, changes: &[Change]) {
        let (login_number, session_number, lease) = {
            let inner = self.inner.borrow();
            (inner.login_number, inner.session_number, inner.lease())
        };
        self.write(
            changes,
            lease,
            Box::new(move |service, written| {
                if service.inner.borrow().session_number != session_number {
                    return;
                }
                if written == Written::Superseded && service.is_current(login_number) {
                    return service.step_down();
                }
                service.guarded(move |service| {
                    if service.inner.borrow().session_number == session_number {
                        service.with_session(|session| session.handle_persisted(browser::now(), ticket));
                    }
                });
                if service.is_current(login_number) {
                    service.storage_result(written == Written::Persisted);
                }
            }),
        );
    }

    /// Writes changes to the device and calls `then` with the result. The changes of a leader come with its lease number.
    fn write(&self, changes: &[Change], lease: Option<u64>, then: Then<Written>) {
        let written = storage::persist(&self.inner.borrow().scope, changes, lease);
        let service = self.clone();
        spawn_local(async move { then(&service, written.await) });
    }

    /// Notifies the user, once per login, that the storage does not work.
    fn storage_result(&self, works: bool) {
        if !works && !std::mem::replace(&mut self.inner.borrow_mut().storage_failure_reported, true) {
            (self.sink)(Event::Notice(Notice::NotPersisted));
        }
    }

    fn open_socket(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.socket_number += 1;
        let socket_number = inner.socket_number;
        let service = self.clone();
        let server = persist::server_url(&inner.scope).to_owned();
        let opened = Socket::open(&inner.refusal_query.url(&server), move |report| {
            service.handle_report(socket_number, report);
        });
        match opened {
            Ok(socket) => inner.socket = Some(socket),
            Err(_) => inner.session.handle_open_failed(Status::BadAddress),
        }
    }

    fn handle_report(&self, socket_number: u64, report: Report) {
        if self.inner.borrow().socket_number != socket_number {
            return;
        }
        self.guarded(move |service| {
            if service.inner.borrow().socket_number != socket_number {
                return;
            }
            let may_be_refused = service.inner.borrow_mut().refusal_query.handle_report(&report);
            // Nobody else repeats a first login.
            if may_be_refused && service.inner.borrow().session.identity().is_none() {
                service.open_socket();
                return service.with_session(|_| ());
            }
            let now = browser::now();
            service.with_session(|session| match report {
                Report::Opened => session.handle_opened(now),
                Report::Message(bytes) => session.handle_message(now, &bytes),
                Report::Text(text) => session.handle_text(now, text.as_bytes()),
                Report::Closed(code) => {
                    tracing::info!(code, "the connection was closed");
                    session.handle_closed(now, code);
                }
            });
        });
    }

    fn set_timer(&self) {
        let mut inner = self.inner.borrow_mut();
        let due = match &inner.role {
            Role::Follower(follower) => follower.poll_timeout(),
            // Reading the device has a timeout of its own.
            Role::Promoting(..) => None,
            Role::Leader(_) | Role::LoggedOut => inner.session.poll_timeout(),
        };
        inner.timer = due.map(|at| {
            let wait = at.saturating_sub(browser::now().monotonic).min(60 * 60_000);
            let service = self.clone();
            // An hour fits in a u32. A timer that fires too early finds nothing due and is set again.
            #[allow(clippy::cast_possible_truncation)]
            Timeout::new(wait as u32, move || service.handle_timeout(at))
        });
    }

    fn handle_timeout(&self, due: Millis) {
        self.guarded(move |service| {
            let now = browser::now();
            if service.is_follower() {
                return service.with_follower(|follower| follower.handle_timeout(now.monotonic));
            }
            if now.monotonic > due + SLEEP_THRESHOLD_MS {
                service.with_session(|session| session.handle_wake(now));
            } else {
                service.with_session(|session| session.handle_timeout(now));
            }
            service.report_visibility();
        });
    }

    /// Emits all pending events. Nothing is borrowed while the sink runs, because an effect may call the service.
    fn emit_events(&self) {
        if self.emitting.replace(true) {
            return;
        }
        let mut is_over = false;
        loop {
            let mut inner = self.inner.borrow_mut();
            let Some(event) = inner.next_event() else { break };
            let message = inner.tab_message(browser::now().monotonic, &event);
            let previous_channel = match &event {
                Event::Renamed(nick) => {
                    drop(inner);
                    let channel = self.enter_scope_of(nick);
                    inner = self.inner.borrow_mut();
                    channel
                }
                _ => None,
            };
            if let Some(message) = message
                && let Some(channel) = previous_channel.as_ref().or(inner.tab_channel.as_ref())
            {
                channel.post(&message);
            }
            is_over = inner.is_over(&event);
            let unread_changed = inner.unread.handle_event(&event);
            drop(inner);
            if previous_channel.is_some() {
                // Its own callback may be running.
                self.defer(Box::new(move |_| drop(previous_channel)));
            }
            let resumed = matches!(
                event,
                Event::LoggedIn(_) | Event::LoggedOut | Event::Connection(Connection::Failed { .. })
            );
            (self.sink)(event);
            self.update_unread(unread_changed);
            if resumed {
                self.finish_resume();
            }
        }
        self.emitting.set(false);
        if is_over {
            self.end();
        }
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
