//! Reads and writes of the device for the client, and their results.

use gloo_timers::callback::Timeout;
use parlour_core::{
    client::{self, AccountRecord, Event, device::DeviceRooms},
    persist::Change,
    timeline::Notice,
};
use wasm_bindgen_futures::spawn_local;

use super::{
    Inner, Report, Service, Then, browser,
    role::Role,
    storage::{self, Written},
};

/// The delay before changes of rooms are written, in ms. If they were lost, the server would tell them again.
const WRITE_DELAY_MS: u32 = 1_000;

impl Service {
    /// Writes the changes of the client, then reports the result to it.
    pub(super) fn persist(&self, ticket: u64, changes: Vec<client::Change>) {
        let (changes, login_number, client_number, lease) = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let Role::Leader(leader, client) = &inner.role else { return };
            let changes = inner.device.encode(client.state(), None, changes);
            (changes, inner.login_number, inner.client_number, leader.lease())
        };
        self.write(
            &changes,
            Some(lease),
            Box::new(move |service, written| {
                if service.inner.borrow().client_number != client_number {
                    return;
                }
                let is_current = service.is_current(login_number);
                if written == Written::Superseded && is_current {
                    return service.step_down();
                }
                service.guarded(move |service| {
                    if service.inner.borrow().client_number == client_number {
                        service.with_client(|client| client.handle_persisted(browser::now(), ticket));
                    }
                });
                if is_current {
                    service.handle_write(written);
                }
            }),
        );
    }

    /// Writes the account that a link has logged in to, which can't be continued without its secret.
    pub(super) fn persist_account(&self, record: AccountRecord) {
        let (changes, login_number, lease) = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let Role::Leader(leader, client) = &inner.role else { return };
            let change = client::Change::PutAccount(Box::new(record));
            (inner.device.encode(client.state(), None, vec![change]), inner.login_number, leader.lease())
        };
        self.write_as_leader(&changes, lease, login_number);
    }

    /// Writes the changes of rooms some time later.
    pub(super) fn schedule_write(&self, inner: &mut Inner) {
        if inner.write_timer.is_none() {
            let service = self.clone();
            inner.write_timer = Some(Timeout::new(WRITE_DELAY_MS, move || service.write_rooms()));
        }
    }

    /// Writes the changes of rooms now, if there are any. The device refuses them if this tab is not the leader any more.
    pub(super) fn write_rooms(&self) {
        let (changes, login_number, lease) = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            inner.write_timer = None;
            let Role::Leader(leader, client) = &inner.role else { return };
            let changes = inner.device.encode(client.state(), client.record().as_ref(), Vec::new());
            (changes, inner.login_number, leader.lease())
        };
        if !changes.is_empty() {
            self.write_as_leader(&changes, lease, login_number);
        }
    }

    fn write_as_leader(&self, changes: &[Change], lease: u64, login_number: u64) {
        self.write(
            changes,
            Some(lease),
            Box::new(move |service, written| {
                if !service.is_current(login_number) {
                    return;
                }
                if written == Written::Superseded {
                    return service.step_down();
                }
                service.handle_write(written);
            }),
        );
    }

    fn handle_write(&self, written: Written) {
        if written == Written::Failed {
            // Everything is written again: the device may have the rows without what they refer to.
            self.inner.borrow_mut().device = DeviceRooms::default();
        }
        self.handle_storage_result(written == Written::Persisted);
    }

    /// Writes changes to the device and calls `then` with the result. They come with the lease number of the leader, which
    /// is this tab, or the one that it follows.
    pub(super) fn write(&self, changes: &[Change], lease: Option<u64>, then: Then<Written>) {
        let written = storage::persist(&self.inner.borrow().scope, changes, lease);
        let service = self.clone();
        spawn_local(async move { then(&service, written.await) });
    }

    /// Notifies the user, once per login, that the storage does not work.
    pub(super) fn handle_storage_result(&self, works: bool) {
        if !works && !std::mem::replace(&mut self.inner.borrow_mut().storage_failure_reported, true) {
            (self.sink)(Report::Event(Event::Notice(Notice::NotPersisted)));
        }
    }
}
