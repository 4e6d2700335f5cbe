//! The scope of this tab, which is chosen at a login and stays the same until the logout. The table of scopes, see
//! [`Scopes`], is in the browser's local storage, because another tab that logs in has to see a change of a nick at once.

use parlour_core::{
    model::UserId,
    persist::{ScopeChange, Scopes, Stored, draft, server_url},
};
use wasm_bindgen_futures::spawn_local;

use super::{Service, membership::Login, storage};
use crate::config;

fn read() -> Scopes {
    Scopes::read(config::scope_rows())
}

fn write(changes: impl IntoIterator<Item = ScopeChange>) {
    for (scope, value) in changes {
        config::write_scope_row(&scope, value.as_deref());
    }
}

/// The scope for a login with a nick.
pub(super) fn of_nick(server: &str, nick: &str) -> String {
    read().of_nick(server, nick)
}

/// The scope of an account that has a nick.
pub(super) fn of_account(server: &str, account: UserId, nick: &str) -> String {
    read().of_account(server, account, nick)
}

/// Notes that the account of a scope is logged in with this nick.
pub(super) fn logged_in(scope: &str, nick: &str, account: Option<UserId>) {
    write(read().logged_in(scope, nick, account));
}

impl Service {
    /// Notes that the account of a scope has logged out, or that nobody has logged in.
    pub(super) fn release_scope(&self, scope: &str) {
        write(read().logged_out(scope));
        let (service, scope) = (self.clone(), scope.to_owned());
        let login_number = self.inner.borrow().login_number;
        spawn_local(async move {
            let drafts = storage::load_tab_data(&scope).await.map(|[drafts, _]| draft::rooms(&drafts));
            if drafts.is_some_and(|rooms| rooms.is_empty()) && service.is_current(login_number) {
                write(read().free(&scope));
            }
        });
    }

    /// Another scope for this login, and the login itself, if the device has another account in the scope that was chosen. This
    /// happens only if the table does not list the scope: an earlier version has used it, or the table was lost.
    pub(super) fn avoid_other_account(&self, stored: Option<&Stored>) -> Option<(String, Login)> {
        let mut inner = self.inner.borrow_mut();
        let found = stored?.account.as_ref().filter(|_| inner.is_new_login)?;
        let mut scopes = read();
        let is_wanted = match &inner.linked {
            Some(record) => record.account == found.account,
            None => inner.nick.eq_ignore_ascii_case(&found.identity.nick),
        };
        if is_wanted || scopes.is_listed(&inner.scope) {
            return None;
        }
        write(scopes.logged_in(&inner.scope, &found.identity.nick, found.account));
        let linked = inner.linked.take();
        let server = server_url(&inner.scope);
        Some(match linked {
            Some(record) => {
                let account = record.account?;
                let scope = scopes.of_account(server, account, &record.identity.nick);
                (scope, Login::Linked(Box::new(record)))
            }
            None => (scopes.of_nick(server, &inner.nick), Login::Nick(inner.nick.clone())),
        })
    }
}
