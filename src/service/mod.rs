//! Drives core's [`Session`]: gives it the time, randomness and what the socket reports, does what it asks, and
//! hands its events up through a sink.
//!
//! Absent here: signals, words, what an event means to the user.

mod browser;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_timers::callback::Timeout;
use parlour_core::{
    Millis,
    event::Event,
    kept::Kept,
    model::{Member, MessageId},
    session::{Command, Session},
    status::Status,
};

use crate::ws::{Report, Socket};

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
    url: String,
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
        let session = Session::new(browser::random_u64(), agent);
        let inner = Inner { session, url: String::new(), socket: None, generation: 0, timer: None };
        let service =
            Self { inner: Rc::new(RefCell::new(inner)), sink: Rc::new(sink), telling: Rc::default() };
        let woken = service.clone();
        browser::on_wake(move || woken.with(|session| session.handle_wake(browser::now())));
        service
    }

    /// Logs in on the server at a `ws://` or `wss://` URL.
    ///
    /// # Errors
    /// What the session says to the nick.
    pub fn log_in(&self, nick: &str, url: &str) -> Result<(), Status> {
        self.inner.borrow_mut().url = url.into();
        self.with(|session| {
            session.handle_random(browser::random());
            session.handle_login(browser::now(), nick, Kept::default())
        })
    }

    /// Says something.
    ///
    /// # Errors
    /// What the session says to the text.
    pub fn talk(&self, text: &str) -> Result<(), Status> {
        let id = browser::message_id();
        self.with(|session| session.handle_talk(browser::now(), id, text))
    }

    /// How many bytes a text is over what the server takes.
    #[must_use]
    pub fn excess(&self, text: &str) -> usize {
        self.inner.borrow().session.excess(text)
    }

    /// Sends a failed message once more.
    pub fn retry(&self, id: MessageId) {
        self.with(|session| session.handle_retry(browser::now(), id));
    }

    /// Forgets a failed message.
    pub fn discard(&self, id: MessageId) {
        self.with(|session| session.handle_discard(browser::now(), id));
    }

    /// Asks for the newest part of the gap that ends with this sequence number.
    pub fn load(&self, to: u64) {
        self.with(|session| session.handle_load(browser::now(), to));
    }

    /// The page shows nothing any more up to this sequence number.
    pub fn dropped(&self, seq: u64) {
        self.with(|session| session.handle_dropped(seq));
    }

    /// Asks who is there.
    pub fn who(&self) {
        self.with(Session::handle_who);
    }

    /// Leaves.
    pub fn exit(&self) {
        self.with(|session| session.handle_exit(browser::now()));
    }

    /// Tries at once instead of waiting.
    pub fn retry_now(&self) {
        self.with(|session| session.handle_retry_now(browser::now()));
    }

    /// Who is there, in order, and how many in all.
    #[must_use]
    pub fn roster(&self) -> (Vec<Member>, usize) {
        self.inner.borrow().session.roster()
    }

    /// The clock that [`Event`]s count on.
    #[must_use]
    pub fn clock(&self) -> Millis {
        browser::now().mono
    }

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
                Some(Command::Keep { ticket, .. }) => {
                    self.inner.borrow_mut().session.handle_kept(browser::now(), ticket);
                }
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

    fn open(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.generation += 1;
        let generation = inner.generation;
        let service = self.clone();
        let opened = Socket::open(&inner.url, move |report| service.reported(generation, report));
        match opened {
            Ok(socket) => inner.socket = Some(socket),
            Err(_) => inner.session.handle_unopenable(Status::BadAddress),
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
        inner.timer = inner.session.poll_timeout().map(|at| {
            let wait = at.saturating_sub(browser::now().mono).min(60 * 60_000);
            let service = self.clone();
            // An hour fits; a timer that fires early finds nothing due and is set again.
            #[allow(clippy::cast_possible_truncation)]
            Timeout::new(wait as u32, move || service.with(|session| session.handle_timeout(browser::now())))
        });
    }

    /// Hands events up, with nothing borrowed: what a signal sets off may call back in here.
    fn tell(&self) {
        if self.telling.replace(true) {
            return;
        }
        loop {
            let event = self.inner.borrow_mut().session.poll_event();
            let Some(event) = event else { break };
            (self.sink)(event);
        }
        self.telling.set(false);
    }
}
