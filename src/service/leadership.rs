//! The change of this tab's role. When the leader is closed, the follower that acquires the lock is promoted and continues
//! from the data persisted on the device. When the leader does not respond, a follower steals the lock; the old leader
//! steps down when it resumes, see [`parlour_core::client::tabs`].

use parlour_core::{
    Millis,
    client::{
        AccountRecord, Client, Event, Origin, OwnMessage, Persisted, Setup,
        device::{self, DeviceRooms},
        tabs::{Follower, FollowerEvent, Gate, Leader, Promoted, SUSPENSION_MS, TabCommand},
    },
    model::{MessageId, RoomId},
    persist::Stored,
    send_queue::QueuedMessage,
};
use wasm_bindgen_futures::spawn_local;

use super::{Inner, Report, Service, browser, role::Role, scopes, storage, tab_channel::LockChange};

/// The program's name and version, for the server's log.
pub(super) const AGENT: &str = concat!("parlour-web/", env!("CARGO_PKG_VERSION"));

/// What a tab that becomes the leader has read from the device; `None` where the storage does not work.
struct Read {
    stored: Option<Stored>,
    /// The open room, and its values.
    room: Option<[Vec<Vec<u8>>; 2]>,
}

impl Service {
    /// Changes the role as the lock requires.
    pub(super) fn handle_lock_change(&self, change: LockChange) {
        match change {
            LockChange::Granted => self.promote(),
            LockChange::Lost => self.step_down(),
            LockChange::Refused => {
                self.with_follower(|follower| follower.handle_lock_refused(browser::now().monotonic));
            }
        }
    }

    /// Starts to become the leader: reads the device, then continues in [`Self::lead`].
    fn promote(&self) {
        let (lease, tab, login_number, scope, open) = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let lease = match &inner.role {
                Role::Follower(follower) => follower.next_lease(browser::now().unix),
                _ => return,
            };
            inner.role = match std::mem::replace(&mut inner.role, Role::LoggedOut) {
                Role::Follower(follower) => Role::Promoting(follower, Vec::new(), lease),
                other => other,
            };
            (lease, inner.tab, inner.login_number, inner.scope.clone(), inner.rooms.open)
        };
        // Followers that also miss the old leader wait for this one.
        self.post(&Leader::announcement(tab, lease));
        let (service, started) = (self.clone(), browser::now().monotonic);
        spawn_local(async move {
            if scopes::is_left(&scope) {
                service.delete_left(&scope).await;
            }
            let claimed = storage::claim_lease(&scope, lease).await;
            let stored = storage::load(&scope).await;
            // Data that could not be deleted is nobody's.
            let stored = if scopes::is_left(&scope) { Some(Stored::default()) } else { stored };
            let room = match open {
                Some(room) if stored.is_some() => storage::load_room(&scope, room).await,
                _ => None,
            };
            if service.may_have_lock(started).await && service.is_current(login_number) {
                service.lead(lease, claimed.unwrap_or(lease), Read { stored, room });
            }
        });
    }

    /// Returns `false` if this tab was suspended since a time, and another one has taken the lock: [`Self::step_down`] follows.
    async fn may_have_lock(&self, since: Millis) -> bool {
        let is_held = {
            let inner = self.inner.borrow();
            let channel = inner.tab_channel.as_ref();
            let is_late = browser::now().monotonic.saturating_sub(since) >= SUSPENSION_MS;
            channel.filter(|_| is_late).map(|channel| channel.is_lock_held())
        };
        match is_held {
            Some(is_held) => is_held.await,
            None => true,
        }
    }

    /// Becomes the leader, with the data of the device. `requested` is the lease number of [`Self::promote`], `lease` the
    /// one that was recorded.
    fn lead(&self, requested: u64, lease: u64, read: Read) {
        if let Some((scope, login)) = self.avoid_other_account(read.stored.as_ref()) {
            return self.join(&scope, login);
        }
        let storage_works = read.stored.is_some();
        let is_empty = read.stored.as_ref().is_some_and(|stored| stored.account.is_none());
        let Some((promoted, received)) = self.inner.borrow_mut().become_leader(requested, lease, read) else {
            return;
        };
        let Some(Promotion { linked, reported, sends, settled, commands, events }) = promoted else {
            // The previous leader has logged out.
            (self.sink)(Report::Event(Event::LoggedOut));
            let scope = self.inner.borrow().scope.clone();
            self.end();
            if is_empty {
                // Tabs that did not know of the logout may have stored messages.
                self.empty_scope(&scope);
            }
            return;
        };
        (self.sink)(Report::OutdatedSince(None));
        for event in events {
            match event {
                FollowerEvent::Client(event) => self.pass_on(event),
                FollowerEvent::CommandFailed(status) => (self.sink)(Report::CommandFailed(status)),
                FollowerEvent::OutdatedSince(_) => {}
            }
        }
        let now = browser::now();
        self.with_client(|client| {
            // Cannot fail: the client is new.
            let _ = client.handle_connect(now);
            client.handle_adopt_reported(now, reported);
            sends.into_iter().for_each(|(room, message)| client.handle_adopt(now, room, message));
            for (room, id) in settled {
                let _ = client.handle_settled(now, room, id);
            }
        });
        self.handle_storage_result(storage_works);
        if let Some(record) = linked {
            self.persist_account(record);
        }
        self.post_snapshot();
        for (number, command) in commands {
            self.guarded(move |service| {
                if command == TabCommand::LogOut {
                    return service.log_out();
                }
                let now = browser::now();
                service.with_client(|client| command.execute(now, Origin::LOCAL, number, client));
            });
        }
        // Before the socket is open, so that the login states its position.
        let open = self.inner.borrow().rooms.open;
        if let Some(room) = open.filter(|_| self.has_account()) {
            self.subscribe(room);
        }
        received.into_iter().for_each(|bytes| self.handle_tab_message(bytes));
        self.report_visibility();
    }

    /// Reports an event of the time as a follower.
    fn pass_on(&self, event: Event) {
        match event {
            Event::Answer { number, result, .. } => self.inner.borrow_mut().requests.answer(number, result),
            event => (self.sink)(Report::Event(event)),
        }
    }

    /// Returns `true` if this tab is the leader and has logged in before.
    fn has_account(&self) -> bool {
        self.inner.borrow_mut().client().is_some_and(|client| client.account().is_some())
    }

    /// Becomes a follower, because another tab is the leader. Nothing is sent or persisted.
    pub(super) fn step_down(&self) {
        let now = browser::now();
        let held = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let follower = match std::mem::replace(&mut inner.role, Role::LoggedOut) {
                Role::Leader(leader, mut client) => {
                    let rooms = inner.rooms.subscribed.iter().copied();
                    Box::new(Follower::after_leading(now, inner.tab, *leader, &mut client, rooms))
                }
                Role::Follower(follower) | Role::Promoting(follower, ..) => follower,
                other @ (Role::Linking(_) | Role::LoggedOut) => {
                    inner.role = other;
                    return;
                }
            };
            tracing::info!("another tab has taken the connection over");
            inner.role = Role::Follower(follower);
            inner.client_number += 1;
            inner.visibility = super::Visibility::default();
            inner.device = DeviceRooms::default();
            inner.rooms.of_others.clear();
            inner.write_timer = None;
            if let Some(channel) = &inner.tab_channel {
                channel.request_lock();
            }
            inner.socket.close(None);
            inner.gate.open(now.monotonic)
        };
        self.report_visibility();
        held.into_iter().for_each(|act| act(self));
    }
}

/// What a new leader does with what it was as a follower.
struct Promotion {
    /// The account that the device does not have yet.
    linked: Option<AccountRecord>,
    reported: Vec<OwnMessage>,
    sends: Vec<(RoomId, QueuedMessage)>,
    settled: Vec<(RoomId, MessageId)>,
    commands: Vec<(u32, TabCommand)>,
    events: Vec<FollowerEvent>,
}

impl Inner {
    /// Replaces the follower that has claimed this lease by a leader with a client. `None` if the lock was lost and acquired
    /// again meanwhile; no promotion if nobody is logged in, or another account is. Also returns the messages of other tabs that
    /// were received meanwhile.
    fn become_leader(
        &mut self,
        requested: u64,
        lease: u64,
        read: Read,
    ) -> Option<(Option<Promotion>, Vec<Vec<u8>>)> {
        match std::mem::replace(&mut self.role, Role::LoggedOut) {
            Role::Promoting(follower, received, promoted) if promoted == requested => {
                Some((self.create_client(*follower, lease, !received.is_empty(), read), received))
            }
            other => {
                self.role = other;
                None
            }
        }
    }

    fn create_client(
        &mut self,
        follower: Follower,
        lease: u64,
        has_received: bool,
        read: Read,
    ) -> Option<Promotion> {
        let is_logged_in = |account| scopes::is_logged_in(&self.scope, account);
        let stored = read.stored.as_ref().map(Persisted::from);
        let mut persisted = follower.continued(stored, self.is_listed, is_logged_in)?;
        let linked = self.linked.take().filter(|_| persisted.account.is_none() && self.is_new_login);
        persisted.account = persisted.account.or_else(|| linked.clone());
        if persisted.account.is_none() && !self.is_new_login {
            return None;
        }
        let now = browser::now();
        let promoted = follower.promote(now, lease, has_received, &mut persisted);
        let Promoted { leader, mut state, reported, sends, settled, commands, events } = promoted;
        let account = |record: &AccountRecord| record.account;
        let is_continued = |stored: &Stored| {
            stored.account.as_ref().map(|stored| stored.account) == persisted.account.as_ref().map(account)
        };
        let stored = read.stored.filter(is_continued).unwrap_or_default();
        self.device = DeviceRooms::restore(&mut state, &stored);
        if let Some(room) = self.rooms.open {
            if let Some([rows, messages]) = &read.room {
                device::restore_room(&mut state, room, rows, messages);
            }
            // After the list was restored, so that the line above new messages is where the user has read up to.
            state.open_room(None);
            state.open_room(Some(room));
        }
        let setup = Setup {
            seed: u64::from_le_bytes(browser::random()),
            agent: AGENT.into(),
            nick: match &persisted.account {
                Some(account) => account.identity.nick.to_string(),
                None => self.nick.clone(),
            },
            secret: browser::random(),
            link_code: None,
            left: std::mem::take(&mut self.left.1),
            state,
            persisted,
        };
        // Cannot fail: the nick is validated.
        let client = Client::new(setup).ok()?;
        self.client_number += 1;
        self.gate = Gate::default();
        self.role = Role::Leader(Box::new(leader), Box::new(client));
        Some(Promotion { linked, reported, sends, settled, commands, events })
    }
}
