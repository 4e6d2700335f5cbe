//! The input of a leader that was suspended. Another tab may have taken the leadership over meanwhile, so the input waits
//! until it is known who the leader is; see [`Gate`](parlour_core::client::tabs::Gate).

use parlour_core::client::tabs::Admission;
use wasm_bindgen_futures::spawn_local;

use super::{Service, browser, role::Role};

impl Service {
    /// Handles input that a leader must not handle after another tab has taken the leadership over while this one was
    /// suspended: at once, or when it is known who the leader is.
    pub(super) fn guarded(&self, act: impl FnOnce(&Self) + 'static) {
        let admission = {
            let mut inner = self.inner.borrow_mut();
            match inner.role {
                Role::Leader(..) => inner.gate.admit(browser::now().monotonic, Box::new(act) as Box<_>),
                _ => Admission::Admitted(Box::new(act) as Box<_>),
            }
        };
        match admission {
            Admission::Admitted(act) => act(self),
            Admission::Check => self.check_lock(),
            Admission::Held => {}
        }
    }

    /// Checks whether this tab still holds the lock, then handles the input that was held back.
    fn check_lock(&self) {
        let (check, login_number, client_number) = {
            let inner = self.inner.borrow();
            let Some(channel) = &inner.tab_channel else { return };
            (channel.is_lock_held(), inner.login_number, inner.client_number)
        };
        let service = self.clone();
        spawn_local(async move {
            let is_held = check.await;
            let is_current = {
                let inner = service.inner.borrow();
                inner.login_number == login_number && inner.client_number == client_number
            };
            if !is_current {
                // The input was handled when the role changed.
            } else if is_held {
                let held = service.inner.borrow_mut().gate.open(browser::now().monotonic);
                held.into_iter().for_each(|act| service.guarded(act));
            } else {
                service.step_down();
            }
        });
    }
}
