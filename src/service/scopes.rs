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

/// Returns `true` if the account of a scope has logged out, and what the device has of it is not deleted yet.
pub(super) fn is_left(scope: &str) -> bool {
    read().is_left(scope)
}

/// Returns `true` if the table lists a scope: it does when an account has logged in there, if the browser stores anything.
pub(super) fn is_listed(scope: &str) -> bool {
    read().is_listed(scope)
}

/// Returns `true` if an account is logged in in a scope.
pub(super) fn is_logged_in(scope: &str, account: Option<UserId>) -> bool {
    read().is_logged_in(scope, account)
}

impl Service {
    /// Notes that an account has logged out in a scope, or that nobody has logged in. What the device has of it is deleted
    /// after that, so that it will be deleted even if the tab is closed first.
    pub(super) fn leave_scope(&self, scope: &str, account: Option<UserId>) {
        write(read().logged_out(scope, account));
        if let Some(account) = account {
            config::forget_account(&format!("{account:?}"));
        }
        if is_left(scope) {
            self.empty_scope(scope);
        }
    }

    /// Deletes what is in a scope without an account.
    pub(super) fn empty_scope(&self, scope: &str) {
        let (service, scope) = (self.clone(), scope.to_owned());
        spawn_local(async move { service.delete_left(&scope).await });
    }

    /// Deletes what could not be deleted at logouts, because the tab was closed or the storage has failed.
    pub(super) fn empty_left_scopes(&self) {
        read().left().for_each(|scope| self.empty_scope(scope));
    }

    /// Deletes what the device has in a scope whose account has logged out, or that is not listed. Only drafts stay. Without
    /// any, the scope can be used by anybody, unless this tab logs in meanwhile.
    pub(super) async fn delete_left(&self, scope: &str) {
        let login_number = self.inner.borrow().login_number;
        let name = scope.to_owned();
        let is_left = move || {
            let scopes = read();
            scopes.is_left(&name) || !scopes.is_listed(&name)
        };
        if storage::delete_left(scope, is_left).await {
            write(read().deleted(scope));
        }
        let drafts = storage::load_tab_data(scope).await.map(|[drafts, _]| draft::rooms(&drafts));
        if drafts.is_some_and(|rooms| rooms.is_empty()) && self.is_current(login_number) {
            write(read().free(scope));
        }
    }

    /// Another scope for this login, and the login itself, if the device has another account in the scope that was chosen:
    /// one that has logged out and can't be deleted, or one that the table does not list, because an earlier version has used
    /// the scope or the table was lost. Also if it may be another one, because the device can't be read.
    pub(super) fn avoid_other_account(&self, stored: Option<&Stored>) -> Option<(String, Login)> {
        let mut inner = self.inner.borrow_mut();
        let mut scopes = read();
        if !inner.is_new_login {
            return None;
        }
        if scopes.is_left(&inner.scope) {
            write(scopes.avoid(&inner.scope));
        } else if let Some(stored) = stored {
            let found = stored.account.as_ref()?;
            let is_wanted = match &inner.linked {
                Some(record) => record.account == found.account,
                None => inner.nick.eq_ignore_ascii_case(&found.identity.nick),
            };
            if is_wanted || scopes.is_listed(&inner.scope) {
                return None;
            }
            write(scopes.logged_in(&inner.scope, &found.identity.nick, found.account));
        } else {
            let is_known = inner.follower().is_some_and(|follower| follower.is_logged_in());
            let scope = scopes.beside(&inner.scope, &inner.nick)?;
            let login = Login::Nick(inner.nick.clone());
            return Some((scope, login)).filter(|_| inner.linked.is_none() && !is_known);
        }
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
