//! Coming in and going out. The room and the service are loaded apart from the login page, while a name is typed; who is
//! quicker than that, or comes back to a room, waits for them here.

use std::{pin::Pin, rc::Rc};

use leptos::task::spawn_local;
use parlour_core::{address, model::Connection, status::Status};

use super::store::Store;
use crate::{
    config::{self, Remembered},
    service::{Chat, Service},
};

/// Loads what only those need who log in, and has it call [`Store::begin`]. When it can't be loaded it is tried anew
/// the next time.
pub type Bring = fn(Store) -> Pin<Box<dyn Future<Output = ()>>>;

/// A login, and the URL of its server.
pub(super) struct Login(Remembered, String);

impl Store {
    /// Makes the service, unless there is one. For [`Bring`]: whatever else called this would bring it to the login page.
    pub fn begin(&self) {
        if self.chat().is_none() {
            let store = *self;
            let service = Service::new(move |event| store.apply(event));
            self.inner.update_value(|inner| inner.service = Some(Rc::new(service)));
        }
    }

    /// Logs in under a nick on a server, as typed. What goes wrong is in [`Store::login_error`].
    pub fn log_in(&self, nick: &str, server: &str) {
        self.login_error.set(None);
        let url = match address::socket_url(server, config::page_is_secure()) {
            Ok(url) => url,
            Err(status) => return self.login_error.set(Some(status.into())),
        };
        let login = Login(Remembered { nick: nick.trim().into(), server: server.trim().into() }, url);
        self.inner.update_value(|inner| inner.login = Some(login));
        if let Some(chat) = self.chat() {
            return self.go_in(&*chat);
        }
        self.connection.set(Connection::Connecting);
        let store = *self;
        spawn_local(async move {
            let chat = store.bring().await;
            if store.inner.with_value(|inner| inner.login.is_none()) {
                // It was cancelled.
                return;
            }
            store.connection.set(Connection::Idle);
            match chat {
                Some(chat) => store.go_in(&*chat),
                None => store.missed(),
            }
        });
    }

    /// Goes on where this page was logged in, or the last one was, if there is such a place; comes back when it is known.
    pub async fn resume(&self) {
        if config::is_known() {
            match self.bring().await {
                Some(chat) => chat.resume().await,
                None => self.missed(),
            }
        }
    }

    /// Leaves: back to the login page, nothing is tried any more.
    pub fn exit(&self) {
        self.inner.update_value(|inner| inner.login = None);
        match self.chat() {
            Some(chat) => chat.exit(),
            None => self.connection.set(Connection::Idle),
        }
    }

    /// Tries to connect at once instead of waiting.
    pub fn retry_now(&self) {
        if let Some(chat) = self.chat() {
            chat.retry_now();
        }
    }

    /// Logs in where it was wished to.
    fn go_in(&self, chat: &dyn Chat) {
        let Some(Login(login, url)) = self.inner.update_value(|inner| inner.login.take()).flatten() else {
            return;
        };
        match chat.log_in(&login.nick, &url) {
            Ok(()) => {
                config::remember(&login);
                self.inner.update_value(|inner| inner.remembered = login);
            }
            Err(status) => self.login_error.set(Some(status.into())),
        }
    }

    /// The service, which is loaded for it; `None` when it can't be.
    async fn bring(&self) -> Option<Rc<dyn Chat>> {
        let bring = self.inner.with_value(|inner| inner.bring);
        bring(*self).await;
        self.chat()
    }

    /// What could not be loaded was needed.
    fn missed(&self) {
        self.inner.update_value(|inner| inner.login = None);
        self.login_error.set(Some(Status::PageIncomplete.into()));
    }

    fn chat(&self) -> Option<Rc<dyn Chat>> {
        self.inner.with_value(|inner| inner.service.clone())
    }

    /// The service, for the room.
    pub(super) fn service(&self) -> Rc<dyn Chat> {
        // The room is loaded with it, and nothing is told but by it.
        #[allow(clippy::expect_used)]
        self.chat().expect("the service has begun")
    }
}
