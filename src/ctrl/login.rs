//! Login, resume and logout. The service and the room's views are in the room module, which is loaded while the user
//! types. A login that is submitted before, or a session to resume, waits here until it is loaded.

use std::{pin::Pin, rc::Rc};

use leptos::{prelude::*, task::spawn_local};
use parlour_core::{address, model::Connection, status::Status};

use super::{diagnostics::start_logging, dialog::DialogKind, store::Store};
use crate::{
    config::{self, HistoryChange, Remembered},
    service::{ChatSession, Service},
};

/// Loads the room module, which then calls [`Store::start_service`]. Retried at the next call if loading failed.
pub type LoadRoom = fn(Store) -> Pin<Box<dyn Future<Output = ()>>>;

/// A submitted login, with the WebSocket URL of its server.
pub(super) enum PendingLogin {
    /// With a nick.
    Nick(Remembered, String),
    /// With the code of a link.
    Link(String, String),
}

impl Store {
    /// Starts logging and the service, unless they run. Only [`LoadRoom`] may call this: any other caller would link the
    /// service into the login page's module.
    pub fn start_service(&self) {
        if self.service_if_loaded().is_none() {
            if let Some(level) = self.inner.with_value(|inner| inner.log_level) {
                start_logging(level);
            }
            let store = *self;
            let service = Service::new(move |report| store.apply(report));
            service.open_room(self.open_room.get_untracked());
            self.inner.update_value(|inner| inner.service = Some(Rc::new(service)));
        }
    }

    /// Logs in with a nick and a server address as typed. A failure is reported in [`Store::login_error`].
    pub fn log_in(&self, nick: &str, server: &str) {
        self.set.login_error.set(None);
        let url = match address::socket_url(server, &config::page_address()) {
            Ok(url) => url,
            Err(status) => return self.set.login_error.set(Some(status.into())),
        };
        let login = Remembered { nick: nick.trim().into(), server: server.trim().into() };
        self.inner.update_value(|inner| inner.link_server = None);
        self.submit_when_loaded(PendingLogin::Nick(login, url));
    }

    /// Submits a login once the room module is loaded, unless it is cancelled or replaced before.
    fn submit_when_loaded(&self, login: PendingLogin) {
        self.inner.update_value(|inner| inner.pending_login = Some(login));
        if let Some(service) = self.service_if_loaded() {
            return self.submit_login(&*service);
        }
        self.set.connection.set(Connection::Connecting);
        let store = *self;
        spawn_local(async move {
            let service = store.load_service().await;
            if store.inner.with_value(|inner| inner.pending_login.is_none()) {
                // Cancelled meanwhile.
                return;
            }
            store.set.connection.set(Connection::Idle);
            match service {
                Ok(service) => store.submit_login(&*service),
                Err(status) => store.load_failed(status),
            }
        });
    }

    /// Logs in to the account of another device, with the code of a link that was made there. A failure is reported in
    /// [`Store::login_error`].
    pub fn log_in_with_link(&self, code: &str, server: &str) {
        self.set.login_error.set(None);
        let url = match address::socket_url(server, &config::page_address()) {
            Ok(url) => url,
            Err(status) => return self.set.login_error.set(Some(status.into())),
        };
        self.inner.update_value(|inner| inner.link_server = Some(server.trim().into()));
        self.submit_when_loaded(PendingLogin::Link(code.to_owned(), url));
    }

    /// Resumes the session of this tab, or of the tab that was open last. Completes once it is known whether the room or
    /// the login page is to be shown.
    pub async fn resume(&self) {
        if config::has_session() {
            match self.load_service().await {
                Ok(service) => service.resume().await,
                Err(status) => self.load_failed(status),
            }
        }
    }

    /// Logs out, but asks first if messages would be lost.
    pub fn log_out(&self) {
        if self.unsent() > 0 { self.open_dialog(DialogKind::LogOut) } else { self.leave() }
    }

    /// Logs out, or cancels a login in progress.
    pub fn leave(&self) {
        if let Some(editor) = self.inner.with_value(|inner| inner.editor) {
            editor.finish_deletion();
        }
        self.inner.update_value(|inner| inner.pending_login = None);
        match self.service_if_loaded() {
            Some(service) => service.leave(),
            None => self.set.connection.set(Connection::Idle),
        }
    }

    /// Continues under another nick, because the server has refused the user's.
    ///
    /// # Errors
    /// The nick is invalid, or the server has accepted the user's meanwhile.
    pub fn rename(&self, nick: &str) -> Result<(), Status> {
        self.service().rename(nick)?;
        self.set_attempting(true);
        Ok(())
    }

    /// The user continues under another nick, which is that of the next login too.
    pub(super) fn renamed(&self, nick: &str) {
        self.inner.update_value(|inner| {
            inner.remembered.nick = nick.into();
            config::remember(&inner.remembered);
        });
    }

    /// The user has logged in: a link is used up, and the next login begins with its server and the nick.
    pub(super) fn forget_link(&self, nick: &str) {
        let Some(server) = self.inner.try_update_value(|inner| inner.link_server.take()).flatten() else {
            return;
        };
        self.inner.update_value(|inner| inner.remembered.server = server);
        self.renamed(nick);
        config::set_fragment("", HistoryChange::Replace, false);
    }

    /// Connects now instead of at the scheduled time.
    pub fn retry_now(&self) {
        if let Some(service) = self.service_if_loaded() {
            self.set_attempting(true);
            service.retry_now();
        }
    }

    /// Records whether an attempt to connect that the user has started is in progress. Returns whether one was.
    pub(super) fn set_attempting(&self, is_attempting: bool) -> bool {
        self.inner
            .try_update_value(|inner| std::mem::replace(&mut inner.is_attempting, is_attempting))
            .unwrap_or(false)
    }

    fn submit_login(&self, service: &dyn ChatSession) {
        let pending = self.inner.try_update_value(|inner| inner.pending_login.take()).flatten();
        let result = match pending {
            None => return,
            Some(PendingLogin::Link(code, url)) => service.log_in_with_link(&code, &url),
            Some(PendingLogin::Nick(login, url)) => service.log_in(&login.nick, &url).map(|()| {
                config::remember(&login);
                self.inner.update_value(|inner| inner.remembered = login);
            }),
        };
        if let Err(status) = result {
            self.set.login_error.set(Some(status.into()));
        }
    }

    /// Loads the room module and returns its service.
    async fn load_service(&self) -> Result<Rc<dyn ChatSession>, Status> {
        let load_room = self.inner.with_value(|inner| inner.load_room);
        load_room(*self).await;
        match self.service_if_loaded() {
            Some(service) => Ok(service),
            None => Err(missing_part_status().await),
        }
    }

    fn load_failed(&self, status: Status) {
        self.inner.update_value(|inner| inner.pending_login = None);
        self.set.login_error.set(Some(status.into()));
    }

    pub(super) fn service_if_loaded(&self) -> Option<Rc<dyn ChatSession>> {
        self.inner.with_value(|inner| inner.service.clone())
    }

    /// The service, for actions of the room.
    pub(super) fn service(&self) -> Rc<dyn ChatSession> {
        // The room's views are loaded together with the service, and only the service emits events.
        #[allow(clippy::expect_used)]
        self.service_if_loaded().expect("the service is started before the room is shown")
    }
}

/// Finds out why a part of the page could not be loaded.
pub async fn missing_part_status() -> Status {
    if config::page_is_outdated().await { Status::PageOutdated } else { Status::PageIncomplete }
}
