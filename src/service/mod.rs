//! Drives core's [`Session`]: gives it the time, randomness and what socket and storage report, does what it asks, and
//! hands its events up through a sink. Where this page is not the one that leads, it drives core's [`Follower`] instead.
//!
//! Absent here: signals, words, what an event means to the user.

mod browser;
mod chat;
mod pages;
mod role;
mod storage;

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
    tabs::{self, TabCommand},
    timeline::Notice,
    validate,
};
use wasm_bindgen_futures::spawn_local;

pub use self::chat::Chat;
use self::{
    pages::Pages,
    role::{Role, Watch},
};
use crate::ws::{Report, Socket};

/// A timer that fires so much later than it was set for says that the device was asleep, in ms.
const ASLEEP: Millis = 3_000;

/// What is done with an answer that takes its time.
type Then<T> = Box<dyn FnOnce(&Service, T)>;

/// A handle to the one session of this page; clones are the same session.
#[derive(Clone)]
pub struct Service {
    inner: Rc<RefCell<Inner>>,
    sink: Rc<dyn Fn(Event)>,
    /// Events are being handed up; what that brings about waits its turn.
    telling: Rc<Cell<bool>>,
}

struct Inner {
    session: Session,
    role: Role,
    /// Who is logged in or on the way there, and on which server; see [`persist::scope`]. Empty when nobody is.
    scope: Rc<str>,
    nick: String,
    /// The user has just typed the nick, and may log in anew.
    anew: bool,
    /// Counts logins and exits: what was begun before is not gone on with.
    visit: u64,
    pages: Option<Pages>,
    /// A page that goes on waits for this before it shows anything.
    arrive: Option<oneshot::Sender<()>>,
    watch: Watch,
    /// It was told that the storage does not work.
    told_unkept: bool,
    socket: Option<Socket>,
    /// Counts sockets, so that a late report of an old one is known as such.
    generation: u64,
    timer: Option<Timeout>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// A service whose events go to `sink`.
    #[must_use]
    pub fn new(sink: impl Fn(Event) + 'static) -> Self {
        let agent = concat!("parlour-web/", env!("CARGO_PKG_VERSION"));
        let session = Session::new(u64::from_le_bytes(browser::random()), agent);
        let inner = Inner {
            session,
            role: Role::Nobody,
            scope: "".into(),
            nick: String::new(),
            anew: false,
            visit: 0,
            pages: None,
            arrive: None,
            watch: Watch::default(),
            told_unkept: false,
            socket: None,
            generation: 0,
            timer: None,
        };
        let service =
            Self { inner: Rc::new(RefCell::new(inner)), sink: Rc::new(sink), telling: Rc::default() };
        let told = service.clone();
        browser::on_outside(move |outside| told.outside(outside));
        service
    }
}

impl Chat for Service {
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
        Box::pin(async move { service.go_on().await })
    }

    fn talk(&self, text: &str) -> Result<(), Status> {
        let id = browser::message_id();
        if self.follows() {
            return self.talk_as_follower(id, text);
        }
        self.with(|session| session.handle_send(browser::now(), id, text))
    }

    fn excess(&self, text: &str) -> usize {
        let inner = self.inner.borrow();
        match &inner.role {
            Role::Following(mirror) => mirror.excess_bytes(text),
            _ => inner.session.excess_bytes(text),
        }
    }

    fn retry(&self, id: MessageId) {
        self.wish(tabs::message_command(TabCommand::Retry, id), |session| {
            session.handle_retry(browser::now(), id)
        });
    }

    fn discard(&self, id: MessageId) {
        self.wish(tabs::message_command(TabCommand::Discard, id), |session| {
            session.handle_discard(browser::now(), id)
        });
    }

    fn load(&self, to: u64) {
        if let Role::Following(mirror) = &self.inner.borrow().role
            && !mirror.handle_load_gap(to)
        {
            return;
        }
        self.wish(tabs::load_gap_command(to), |session| session.handle_load_gap(browser::now(), to));
    }

    fn seek(&self, seek: SeekTarget) {
        let wish = match &mut self.inner.borrow_mut().role {
            Role::Following(mirror) => mirror.handle_seek(number(), seek),
            _ => None,
        };
        if let Some(wish) = wish {
            self.say(&wish);
        }
        if self.follows() {
            self.tell()
        } else {
            self.with(|session| session.handle_seek(browser::now(), seek))
        }
    }

    fn search(&self, words: &str, before: u64) {
        let wish = match &mut self.inner.borrow_mut().role {
            Role::Following(mirror) => Some(mirror.handle_search(number(), words, before)),
            _ => None,
        };
        match wish {
            Some(wish) => self.say(&wish),
            None => self.with(|session| session.handle_search(browser::now(), words, before)),
        }
    }

    fn dropped(&self, range: Range) {
        if let Role::Following(mirror) = &mut self.inner.borrow_mut().role {
            mirror.handle_evicted(range);
        }
        if self.follows() { self.tell() } else { self.with(|session| session.handle_evicted(range)) }
    }

    fn who(&self) {
        if let Role::Following(mirror) = &mut self.inner.borrow_mut().role {
            mirror.handle_list_members();
        }
        if self.follows() { self.tell() } else { self.with(Session::handle_list_members) }
    }

    fn exit(&self) {
        if self.follows() && !self.is_mirroring() {
            // Nobody was heard of yet: there is nobody to tell.
            (self.sink)(Event::LoggedOut);
            return self.ends();
        }
        // Also what is only beginning.
        self.inner.borrow_mut().visit += u64::from(!self.follows());
        self.wish(tabs::command(TabCommand::Leave), |session| session.handle_leave(browser::now()));
    }

    fn retry_now(&self) {
        self.wish(tabs::command(TabCommand::Reconnect), |session| session.handle_reconnect(browser::now()));
    }

    fn roster(&self) -> (Vec<Member>, usize) {
        let inner = self.inner.borrow();
        match &inner.role {
            Role::Following(mirror) => mirror.members(),
            _ => inner.session.members(),
        }
    }

    fn clock(&self) -> Millis {
        browser::now().monotonic
    }
}

impl Service {
    /// Lets the session do something, then does what it asks for and tells what it has to tell.
    fn with<T>(&self, act: impl FnOnce(&mut Session) -> T) -> T {
        let out = act(&mut self.inner.borrow_mut().session);
        self.obey();
        self.tell();
        out
    }

    fn obey(&self) {
        loop {
            let command = self.inner.borrow_mut().session.poll_command();
            match command {
                None => break,
                Some(Command::Open) => self.open(),
                Some(Command::Send(bytes)) => {
                    if let Some(socket) = &self.inner.borrow().socket {
                        socket.send(&bytes);
                    }
                }
                Some(Command::Persist { ticket, changes }) => self.keep(ticket, &changes),
                Some(Command::Close(code)) => {
                    let mut inner = self.inner.borrow_mut();
                    inner.generation += 1;
                    if let Some(socket) = inner.socket.take() {
                        socket.close(code);
                    }
                }
            }
        }
        self.set_timer();
    }

    fn keep(&self, ticket: u64, changes: &[Change]) {
        let visit = self.inner.borrow().visit;
        self.write(
            changes,
            Box::new(move |service, kept| {
                service.with(|session| session.handle_persisted(browser::now(), ticket));
                if service.is_at(visit) {
                    service.kept(kept);
                }
            }),
        );
    }

    /// Has the storage make changes, and goes on when it is known whether that worked.
    fn write(&self, changes: &[Change], then: Then<bool>) {
        let (service, made) = (self.clone(), storage::keep(&self.inner.borrow().scope, changes));
        spawn_local(async move { then(&service, made.await) });
    }

    /// The storage has done what it was asked, or can't. The latter is told once: the chat goes on.
    fn kept(&self, kept: bool) {
        if !kept && !std::mem::replace(&mut self.inner.borrow_mut().told_unkept, true) {
            (self.sink)(Event::Notice(Notice::NotPersisted));
        }
    }

    fn open(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.generation += 1;
        let generation = inner.generation;
        let service = self.clone();
        let opened = Socket::open(persist::server_url(&inner.scope), move |report| {
            service.reported(generation, report)
        });
        match opened {
            Ok(socket) => inner.socket = Some(socket),
            Err(_) => inner.session.handle_open_failed(Status::BadAddress),
        }
    }

    fn reported(&self, generation: u64, report: Report) {
        if self.inner.borrow().generation != generation {
            return;
        }
        let now = browser::now();
        self.with(|session| match report {
            Report::Opened => session.handle_opened(now),
            Report::Message(bytes) => session.handle_message(now, &bytes),
            Report::Closed(code) => {
                tracing::info!(code, "the connection ended");
                session.handle_closed(now, code);
            }
        });
    }

    fn set_timer(&self) {
        let mut inner = self.inner.borrow_mut();
        let due = if let Role::Following(_) = inner.role {
            inner.watch.tick(browser::now().monotonic)
        } else {
            inner.session.poll_timeout()
        };
        inner.timer = due.map(|at| {
            let wait = at.saturating_sub(browser::now().monotonic).min(60 * 60_000);
            let service = self.clone();
            // An hour fits; a timer that fires early finds nothing due and is set again.
            #[allow(clippy::cast_possible_truncation)]
            Timeout::new(wait as u32, move || service.timeout(at))
        });
    }

    fn timeout(&self, due: Millis) {
        if self.follows() {
            return self.look();
        }
        let now = browser::now();
        if now.monotonic > due + ASLEEP {
            self.with(|session| session.handle_wake(now));
        } else {
            self.with(|session| session.handle_timeout(now));
        }
        self.look();
    }

    /// Hands events up, with nothing borrowed: what a signal sets off may call back in here.
    fn tell(&self) {
        if self.telling.replace(true) {
            return;
        }
        let mut over = false;
        loop {
            let mut inner = self.inner.borrow_mut();
            let Some(event) = inner.next_event() else { break };
            let letter = inner.letter(browser::now().monotonic, &event);
            if let (Some(letter), Some(pages)) = (letter, &inner.pages) {
                pages.tell(&letter);
            }
            over = inner.is_over(&event);
            drop(inner);
            let known = matches!(
                event,
                Event::LoggedIn(_) | Event::LoggedOut | Event::Connection(Connection::Failed { .. })
            );
            (self.sink)(event);
            if known {
                self.arrived();
            }
        }
        self.telling.set(false);
        if over {
            self.ends();
        }
    }
}

/// A number that no other page draws.
fn number() -> u64 {
    u64::from_le_bytes(browser::random())
}
