//! The commands of the user. In a follower they are sent to the leader, otherwise the session executes them.

use std::{pin::Pin, rc::Rc};

use parlour_core::{
    Millis,
    client::{self, Reply, state::ClientState},
    event::Event,
    limits::Limits,
    model::{Connection, Member, MessageId, Refusal, RoomId, SeekTarget},
    persist::Scope,
    ranges::Range,
    session::Session,
    status::Status,
    tabs::{Command, Follower, FollowerMessage},
    validate,
};

use super::{ChatSession, Service, browser, random_id, role::Role, storage::Written, tab_channel};

impl ChatSession for Service {
    fn log_in(&self, nick: &str, url: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        if !self.inner.borrow().scope.is_empty() {
            return Err(Status::SignedIn);
        }
        self.join(&Scope::of_nick(url, &nick).to_string(), nick, true);
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
        self.execute(Command::Retry(id));
    }

    fn discard(&self, id: MessageId) {
        self.execute(Command::Discard(id));
    }

    fn load_gap(&self, to: u64) {
        self.request(
            move |session| session.handle_load_gap(browser::now(), to),
            move |follower| follower.handle_load_gap(to),
        );
    }

    fn seek(&self, target: SeekTarget) {
        self.request(
            move |session| session.handle_seek(browser::now(), target),
            move |follower| follower.handle_seek(target),
        );
    }

    fn search(&self, words: &str, before: u64) {
        let words: Rc<str> = words.into();
        self.request(
            {
                let words = words.clone();
                move |session| session.handle_search(browser::now(), &words, before)
            },
            move |follower| follower.handle_search(&words, before),
        );
    }

    fn evicted(&self, range: Range) {
        if !self.is_follower() {
            return self.with_session(|session| session.handle_evicted(range));
        }
        self.with_follower(|follower| follower.handle_evicted(range));
    }

    fn set_focused(&self, focused: bool) {
        let changed = self.inner.borrow_mut().unread.handle_focus(focused);
        self.update_unread(changed);
    }

    fn list_members(&self) {
        self.request(Session::handle_list_members, Follower::handle_list_members);
    }

    fn leave(&self) {
        if self.is_follower() && !self.is_logged_in_follower() {
            // No leader has answered yet, so there is none to forward the command to.
            (self.sink)(Event::Connection(Connection::Idle));
            (self.sink)(Event::LoggedOut);
            return self.end();
        }
        self.execute(Command::Leave);
    }

    fn rename(&self, nick: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        if self.is_follower() {
            self.execute(Command::Rename(nick));
            return Ok(());
        }
        self.with_session(|session| {
            session.handle_new_secret(browser::random());
            session.handle_rename(browser::now(), &nick)
        })
    }

    fn retry_now(&self) {
        self.execute(Command::Reconnect);
    }

    fn members(&self) -> (Vec<Member>, usize) {
        let inner = self.inner.borrow();
        match &inner.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => follower.members(),
            _ => inner.session.members(),
        }
    }

    fn with_state(&self, _: &mut dyn FnMut(&ClientState)) {}

    fn request(&self, _: client::Command) -> Pin<Box<dyn Future<Output = Result<Reply, Refusal>>>> {
        let status = Status::NotOnThisServer;
        let refusal = Refusal { status, text: String::new(), suggestion: None, retry_after: 0 };
        Box::pin(std::future::ready(Err(refusal)))
    }

    fn new_id(&self) -> MessageId {
        browser::message_id()
    }

    fn unsent(&self) -> usize {
        0
    }

    fn open_room(&self, _: Option<RoomId>) {}

    fn mark_read(&self, _: RoomId) {}

    fn mark_unread(&self, _: RoomId, _: u64) {}

    fn mark_all_read(&self) {}

    fn log_in_with_link(&self, _: &str, _: &str) -> Result<(), Status> {
        Err(Status::NotOnThisServer)
    }

    fn monotonic_ms(&self) -> Millis {
        browser::now().monotonic
    }
}

impl Service {
    /// Sends a message with the session, or through the leader.
    fn send_now(&self, id: MessageId, text: &str) -> Result<(), Status> {
        if self.is_follower() {
            return self.send_as_follower(id, text);
        }
        self.with_session(|session| session.handle_send(browser::now(), id, text))
    }

    /// Persists a message, then posts it to the leader. In this order, because the leader may be closed at any moment.
    fn send_as_follower(&self, id: MessageId, text: &str) -> Result<(), Status> {
        let queued = {
            let mut inner = self.inner.borrow_mut();
            let Some(follower) = inner.follower() else { return Err(Status::NotConnected) };
            follower.handle_send(browser::now(), id, text)?
        };
        self.emit_events();
        self.set_timer();
        self.forward(queued);
        Ok(())
    }

    /// Forwards the messages that the device may have refused from this tab as the leader.
    pub(super) fn forward_unpersisted(&self) {
        let next = || self.inner.borrow_mut().follower().and_then(Follower::poll_unpersisted);
        while let Some(queued) = next() {
            self.forward(queued);
        }
    }

    /// Persists a message, then posts it to the leader.
    fn forward(&self, queued: FollowerMessage) {
        let (login_number, scope) = {
            let inner = self.inner.borrow();
            (inner.login_number, inner.scope.clone())
        };
        self.write(
            std::slice::from_ref(&queued.change),
            None,
            Box::new(move |service, written| {
                if !service.is_current(login_number) {
                    // The message is for the next login in its own scope. If the leader of that one has read the device
                    // already, it does not know of the message.
                    return tab_channel::post_to(&scope, &queued.command);
                }
                service.handle_storage_result(written != Written::Failed);
                service.guarded(move |service| {
                    let is_following = service.is_following();
                    service.with_follower(|follower| follower.handle_stored(queued.id));
                    if is_following {
                        service.post(&queued.command);
                    } else if !service.is_follower() {
                        // This tab was promoted meanwhile.
                        service.with_session(|session| session.handle_adopt(browser::now(), &queued.value));
                    }
                });
            }),
        );
    }

    /// Requests something from the server: in a follower through the leader, otherwise with the session.
    fn request(
        &self,
        in_session: impl FnOnce(&mut Session) + 'static,
        in_follower: impl FnOnce(&mut Follower) + 'static,
    ) {
        self.guarded(move |service| {
            if service.is_follower() {
                service.with_follower(in_follower);
            } else {
                service.with_session(in_session);
            }
        });
    }

    /// Executes a command: in a follower by sending it to the leader, otherwise by passing it to the session.
    pub(super) fn execute(&self, command: Command) {
        self.guarded(move |service| {
            if service.is_follower() {
                return service
                    .with_follower(|follower| follower.handle_command(browser::now(), random_id(), command));
            }
            if command == Command::Leave {
                // Also cancels a login in progress.
                service.inner.borrow_mut().login_number += 1;
            }
            service.with_session(|session| command.execute(browser::now(), session));
        });
    }
}
