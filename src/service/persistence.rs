//! Reads and writes of the device for the session, and their results.

use parlour_core::{
    event::Event,
    persist::{Change, Persisted},
    timeline::Notice,
};
use wasm_bindgen_futures::spawn_local;

use super::{
    Service, Then, browser,
    storage::{self, Written},
};

impl Service {
    /// Reads the persisted data and calls `then`, unless the user has logged out or in again meanwhile.
    pub(super) fn load(&self, then: Then<Option<Persisted>>) {
        let (login_number, scope) = {
            let inner = self.inner.borrow();
            (inner.login_number, inner.scope.clone())
        };
        let service = self.clone();
        spawn_local(async move {
            let persisted = storage::load(&scope).await;
            if service.is_current(login_number) {
                then(&service, persisted);
            }
        });
    }

    /// Writes the changes of the session, then reports the result to it.
    pub(super) fn persist(&self, ticket: u64, changes: &[Change]) {
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
                    service.handle_storage_result(written == Written::Persisted);
                }
            }),
        );
    }

    /// Writes changes to the device and calls `then` with the result. The changes of a leader come with its lease number.
    pub(super) fn write(&self, changes: &[Change], lease: Option<u64>, then: Then<Written>) {
        let written = storage::persist(&self.inner.borrow().scope, changes, lease);
        let service = self.clone();
        spawn_local(async move { then(&service, written.await) });
    }

    /// Notifies the user, once per login, that the storage does not work.
    pub(super) fn handle_storage_result(&self, works: bool) {
        if !works && !std::mem::replace(&mut self.inner.borrow_mut().storage_failure_reported, true) {
            (self.sink)(Event::Notice(Notice::NotPersisted));
        }
    }
}
