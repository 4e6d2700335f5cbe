//! What this page is among those of its user: the one that leads and has the session, or one that follows.

use bytes::Bytes;
use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use parlour_core::{
    Millis,
    event::Event,
    model::{Connection, MessageId},
    persist::Persisted,
    session::Session,
    status::Status,
    tabs::{self, Follower, FollowerAction, Leader, LeaderAction, TabCommand},
};
use wasm_bindgen_futures::spawn_local;

use super::{
    Chat as _, Inner, Service, Then,
    browser::{self, Outside},
    pages::{self, Pages},
    storage,
};
use crate::config;

/// How long a page that goes on may show nothing, in ms.
const PATIENCE: u32 = 1_500;
/// How often a follower that is looked at says so, in ms.
const TICK: Millis = 4_000;
/// For how long that counts, in ms.
const COUNTS: Millis = 10_000;

/// What this page is.
pub(super) enum Role {
    /// Nobody is logged in.
    Nobody,
    /// It follows, or waits to hear from one that leads.
    Following(Box<Follower>),
    /// It is about to lead; what it was told so far, and what others tell meanwhile.
    Rising(Box<Follower>, Vec<Vec<u8>>),
    /// It leads.
    Leading(Box<Leader>),
}

/// Who looks.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Another page is looked at, until then.
    others: Millis,
    /// What the session was told last.
    told: Option<bool>,
}

impl Watch {
    /// When a follower is to say again that it is looked at.
    pub fn tick(&self, now: Millis) -> Option<Millis> {
        browser::is_visible().then_some(now + TICK)
    }
}

impl Inner {
    pub(super) fn next_event(&mut self) -> Option<Event> {
        match &mut self.role {
            Role::Following(mirror) => mirror.poll_event(),
            _ => self.session.poll_event(),
        }
    }

    /// An event as others are told of it, if this page leads.
    pub(super) fn letter(&mut self, now: Millis, event: &Event) -> Option<Bytes> {
        match &mut self.role {
            Role::Leading(lead) => lead.publish(now, event, &self.session),
            _ => None,
        }
    }

    /// After this event nobody is logged in here any more.
    pub(super) fn is_over(&self, event: &Event) -> bool {
        match &self.role {
            Role::Following(_) => {
                matches!(event, Event::LoggedOut)
                    || (matches!(event, Event::Connection(Connection::Failed { .. })) && self.anew)
            }
            Role::Leading(_) | Role::Rising(..) => self.session.is_logged_out(),
            Role::Nobody => false,
        }
    }
}

impl Service {
    /// Goes on where this page, or the last one that was open, was logged in. Where another window is, it does not: then
    /// somebody else may want to log in here.
    pub(super) async fn go_on(&self) {
        let own = config::scope_of_page();
        let Some(scope) = own.clone().or_else(config::last_scope) else { return };
        let led = pages::is_led(&scope).await;
        if led && own.is_none() {
            return;
        }
        let mut nick = scope.split('\n').nth(1).unwrap_or_default().to_owned();
        if !led {
            let kept = storage::kept(&scope).await;
            match kept.as_ref().and_then(Persisted::nick) {
                Some(known) => nick = known.into(),
                None => return,
            }
        }
        self.join(&scope, nick, false);
        // The room is there at once, or something is very slow; then the page says that it is connecting.
        let (arrive, arrived) = oneshot::channel();
        self.inner.borrow_mut().arrive = Some(arrive);
        let service = self.clone();
        let patience = Timeout::new(PATIENCE, move || service.arrived());
        let _ = arrived.await;
        drop(patience);
    }

    /// It is known whether the room is to be shown.
    pub(super) fn arrived(&self) {
        if let Some(arrive) = self.inner.borrow_mut().arrive.take() {
            let _ = arrive.send(());
        }
    }

    /// Joins the pages of a scope: follows, until it is its turn to lead.
    pub(super) fn join(&self, scope: &str, nick: String, anew: bool) {
        let visit = {
            let mut inner = self.inner.borrow_mut();
            inner.visit += 1;
            inner.scope = scope.into();
            inner.nick = nick;
            inner.anew = anew;
            inner.told_unkept = false;
            inner.role = Role::Following(Box::default());
            inner.visit
        };
        config::remember_scope(scope);
        (self.sink)(Event::Connection(Connection::Connecting));
        let (hearing, leading) = (self.clone(), self.clone());
        let pages = Pages::join(
            scope,
            move |bytes| {
                if hearing.is_at(visit) {
                    hearing.heard(&bytes);
                }
            },
            move || {
                if leading.is_at(visit) {
                    leading.rise();
                }
            },
        );
        pages.tell(&tabs::command(TabCommand::RequestSnapshot));
        self.inner.borrow_mut().pages = Some(pages);
        self.set_timer();
    }

    /// Nobody is logged in here any more.
    pub(super) fn ends(&self) {
        self.arrived();
        let mut inner = self.inner.borrow_mut();
        inner.visit += 1;
        inner.scope = "".into();
        inner.role = Role::Nobody;
        let pages = inner.pages.take();
        drop(inner);
        config::forget_scope();
        // Not from within a callback of theirs.
        self.later(Box::new(|_| drop(pages)));
        self.set_timer();
    }

    pub(super) fn is_at(&self, visit: u64) -> bool {
        self.inner.borrow().visit == visit
    }

    pub(super) fn follows(&self) -> bool {
        matches!(self.inner.borrow().role, Role::Following(_))
    }

    /// It follows somebody who is logged in.
    pub(super) fn is_mirroring(&self) -> bool {
        matches!(&self.inner.borrow().role, Role::Following(mirror) if mirror.is_logged_in())
    }

    /// The turn is this page's: it goes on from what the device has.
    fn rise(&self) {
        let followed = self.is_mirroring();
        if let Role::Following(mirror) = &mut self.inner.borrow_mut().role {
            mirror.handle_leader_gone();
        }
        self.tell();
        let mut inner = self.inner.borrow_mut();
        let mirror = match std::mem::replace(&mut inner.role, Role::Nobody) {
            Role::Following(mirror) => mirror,
            _ => Box::default(),
        };
        inner.role = Role::Rising(mirror, Vec::new());
        drop(inner);
        self.read(Box::new(move |service, kept| service.lead(kept, followed)));
    }

    /// Reads what the device has, and goes on with it if the page is still where it was.
    fn read(&self, then: Then<Option<Persisted>>) {
        let (visit, scope) = {
            let inner = self.inner.borrow();
            (inner.visit, inner.scope.clone())
        };
        let service = self.clone();
        spawn_local(async move {
            let kept = storage::kept(&scope).await;
            if service.is_at(visit) {
                then(&service, kept);
            }
        });
    }

    fn lead(&self, kept: Option<Persisted>, followed: bool) {
        let logged_in = kept.as_ref().is_some_and(Persisted::is_logged_in);
        if !logged_in && !self.inner.borrow().anew {
            // Whoever led before has left.
            (self.sink)(Event::LoggedOut);
            return self.ends();
        }
        let works = kept.is_some();
        let now = browser::now();
        let (heard, waiting, nick) = {
            let mut inner = self.inner.borrow_mut();
            let lead = Leader::new(u64::from_le_bytes(browser::random()), followed);
            let (heard, waiting) = match std::mem::replace(&mut inner.role, Role::Leading(Box::new(lead))) {
                Role::Rising(mut mirror, heard) => {
                    // The last that was told by who led before.
                    for bytes in &heard {
                        mirror.handle_message(now.monotonic, bytes);
                    }
                    (heard, mirror.take_queued())
                }
                _ => Default::default(),
            };
            (heard, waiting, inner.nick.clone())
        };
        self.with(|session| {
            session.handle_new_secret(browser::random());
            // The nick was looked at, and nobody is logged in.
            let _ = session.handle_login(browser::now(), &nick, kept.unwrap_or_default());
            session.handle_adopt_queued(waiting);
        });
        self.kept(works);
        self.tell_whole();
        heard.iter().for_each(|bytes| self.heard(bytes));
        self.look();
    }

    /// Another page has told something.
    fn heard(&self, bytes: &[u8]) {
        let now = browser::now();
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        match &mut inner.role {
            Role::Nobody => {}
            Role::Rising(_, heard) => heard.push(bytes.to_vec()),
            Role::Leading(lead) => {
                let heed = lead.handle_message(now, bytes, &mut inner.session);
                self.later(Box::new(move |service| service.heed(heed)));
            }
            Role::Following(mirror) => {
                let took = mirror.handle_message(now.monotonic, bytes);
                inner.anew &= !mirror.is_logged_in();
                self.later(Box::new(move |service| service.took(took)));
            }
        }
    }

    /// Does something when nothing is borrowed any more.
    fn later(&self, act: Box<dyn FnOnce(&Self)>) {
        let service = self.clone();
        spawn_local(async move { act(&service) });
    }

    fn heed(&self, heed: LeaderAction) {
        match heed {
            LeaderAction::Nothing => self.with(|_| ()),
            LeaderAction::Leave => self.exit(),
            LeaderAction::Visibility(watched) => {
                let now = browser::now();
                self.inner.borrow_mut().watch.others = if watched { now.monotonic + COUNTS } else { 0 };
                self.with(|session| session.handle_timeout(now));
                self.look();
            }
            LeaderAction::PublishSnapshot => {
                // What is read after this was written before.
                self.with(Session::handle_hidden);
                self.tell_whole();
            }
        }
    }

    /// Tells the others everything anew.
    fn tell_whole(&self) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let (Role::Leading(lead), Some(pages)) = (&mut inner.role, &inner.pages) {
            pages.tell(&lead.snapshot(browser::now().monotonic, &inner.session));
        }
    }

    fn took(&self, took: FollowerAction) {
        self.tell();
        match took {
            FollowerAction::Nothing => {}
            FollowerAction::RequestSnapshot => self.say(&tabs::command(TabCommand::RequestSnapshot)),
            FollowerAction::LoadPersisted => self.read(Box::new(|service, kept| {
                if let (Some(kept), Role::Following(mirror)) = (kept, &mut service.inner.borrow_mut().role) {
                    mirror.handle_persisted(kept);
                }
                service.tell();
                service.look();
            })),
        }
    }

    pub(super) fn say(&self, bytes: &[u8]) {
        if let Some(pages) = &self.inner.borrow().pages {
            pages.tell(bytes);
        }
    }

    /// Has the session do something, here or where it is.
    pub(super) fn wish(&self, letter: Bytes, act: impl FnOnce(&mut Session)) {
        if self.follows() {
            self.say(&letter);
            self.tell();
        } else {
            self.with(act);
        }
    }

    /// Says something that another page is to send: written down first.
    pub(super) fn talk_as_follower(&self, id: MessageId, text: &str) -> Result<(), Status> {
        let said = {
            let mut inner = self.inner.borrow_mut();
            let Role::Following(mirror) = &mut inner.role else { return Err(Status::NotConnected) };
            mirror.handle_send(browser::now(), id, text)?
        };
        self.tell();
        self.write(
            std::slice::from_ref(&said.change),
            Box::new(move |service, written| {
                service.kept(written);
                if service.follows() {
                    service.say(&said.command);
                } else {
                    // By now this page leads.
                    service.with(|session| session.handle_adopt(browser::now(), &said.value));
                }
            }),
        );
        Ok(())
    }

    /// Something happens to the page from outside.
    pub(super) fn outside(&self, outside: Outside) {
        if self.follows() {
            return self.look();
        }
        let now = browser::now();
        match outside {
            Outside::Wake => self.with(|session| session.handle_wake(now)),
            Outside::Offline => self.with(|session| session.handle_offline(now)),
            Outside::Hide => self.with(Session::handle_hidden),
            Outside::Look => {
                if !browser::is_visible() {
                    self.with(Session::handle_hidden);
                }
                self.look();
            }
        }
    }

    /// Tells whether somebody looks, here or at another page: the session, or the page that has it.
    pub(super) fn look(&self) {
        let visible = browser::is_visible();
        if self.follows() {
            self.say(&tabs::command(if visible { TabCommand::Visible } else { TabCommand::Hidden }));
            return self.set_timer();
        }
        let now = browser::now();
        let watched = {
            let mut inner = self.inner.borrow_mut();
            let watched = visible || inner.watch.others > now.monotonic;
            (inner.watch.told.replace(watched) != Some(watched)).then_some(watched)
        };
        if let Some(watched) = watched {
            self.with(|session| session.handle_visibility(now, watched));
        }
    }
}
