//! Continuing under another nick: the tabs, the persisted data and the drafts move to its scope.

use parlour_core::persist::{Scope, server_url};
use wasm_bindgen_futures::spawn_local;

use super::{Service, storage, tab_channel::TabChannel};
use crate::config;

impl Service {
    /// Enters the scope of the nick under which the user continues. The leader takes the persisted data along, and
    /// requests the leadership before the followers hear of it. Returns the channel of the previous scope.
    pub(super) fn enter_scope_of(&self, nick: &str) -> Option<TabChannel> {
        let (previous, scope, login_number) = {
            let inner = self.inner.borrow();
            let scope = Scope::of_nick(server_url(&inner.scope), nick).to_string();
            (inner.scope.clone(), scope, inner.login_number)
        };
        if *previous == *scope {
            return None;
        }
        self.tab_data.enter_scope(&scope);
        if !self.is_follower() {
            let (service, moved) = (self.clone(), storage::rename(&previous, &scope));
            spawn_local(async move {
                let moved = moved.await;
                if service.is_current(login_number) {
                    service.handle_storage_result(moved);
                }
            });
        }
        config::remember_scope(&scope);
        let channel = self.open_channel(&scope, login_number);
        let mut inner = self.inner.borrow_mut();
        inner.scope = scope.into();
        inner.nick = nick.into();
        inner.tab_channel.replace(channel)
    }
}
