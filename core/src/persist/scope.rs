//! Scopes: the names under which the data of accounts is stored on a device.
//!
//! A scope belongs to one account on one server, whatever its nick is. Its name is the first part of every key, and part of
//! the name of the lock and of the channel of its tabs. It begins with the URL of the server's socket and a line feed; the
//! rest is the nick that the account had when it logged in first.

use crate::ids::UserId;

/// The URL of the server's socket in the name of a scope.
#[must_use]
pub fn server_url(scope: &str) -> &str {
    scope.split('\n').next().unwrap_or_default()
}

/// The scopes that are in use on a device, and the account that each belongs to. A scope that is not listed belongs to an
/// account with the nick in its name, or to nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<(String, Owner)>);

/// The account of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    /// Its nick; empty if another account on this device has taken it, or may.
    nick: String,
    /// `None` if the server has no accounts, or if the account has logged out.
    account: Option<UserId>,
    /// It has logged out, and what the device has of it is not deleted yet.
    is_left: bool,
}

/// The word after the nick of an account that [has left](Owner::is_left).
const LEFT: &str = "left";

/// A row of the table of scopes that is to be written: the name of a scope, and its value; `None` deletes the row.
pub type ScopeChange = (String, Option<String>);

impl Scopes {
    /// Reads the rows of the table, each a scope and its value.
    #[must_use]
    pub fn read(rows: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(rows.into_iter().map(|(scope, value)| (scope, Owner::decode(&value))).collect())
    }

    /// The scope for a login with a nick: that of the account which has the nick, or else a new one. Depends on nothing but the
    /// table, so that two tabs which log in at once share a scope.
    #[must_use]
    pub fn of_nick(&self, server: &str, nick: &str) -> String {
        self.find(server, nick, |_| true)
    }

    /// The scope of an account on a server that has accounts, or a new one.
    #[must_use]
    pub fn of_account(&self, server: &str, account: UserId, nick: &str) -> String {
        let of_account = self.on(server).find(|(_, owner)| owner.account == Some(account));
        match of_account {
            Some((scope, _)) => scope.clone(),
            None => self.find(server, nick, |owner| owner.account.is_none()),
        }
    }

    fn find(&self, server: &str, nick: &str, is_allowed: impl Fn(&Owner) -> bool) -> String {
        let has_nick = |owner: &Owner| owner.nick.eq_ignore_ascii_case(nick) && is_allowed(owner);
        if let Some((scope, _)) = self.on(server).find(|(_, owner)| has_nick(owner)) {
            return scope.clone();
        }
        let first = name(server, nick);
        // No nick has a comma.
        let others = (2..).map(|number: u32| format!("{first},{number}"));
        let mut names = std::iter::once(first.clone()).chain(others);
        // There are more names than scopes.
        names.find(|name| self.owner(name).is_none()).unwrap_or(first)
    }

    /// Returns `true` if it is known whose scope this is.
    #[must_use]
    pub fn is_listed(&self, scope: &str) -> bool {
        self.owner(scope).is_some()
    }

    /// The account of a scope is logged in and has this nick. Returns what has changed.
    pub fn logged_in(&mut self, scope: &str, nick: &str, account: Option<UserId>) -> Vec<ScopeChange> {
        let server = server_url(scope);
        let mut changes = Vec::new();
        for (other, owner) in &mut self.0 {
            if other != scope && server_url(other) == server && owner.nick.eq_ignore_ascii_case(nick) {
                owner.nick.clear();
                changes.push((other.clone(), Some(owner.encode())));
            }
        }
        changes.extend(self.set(scope, Some(Owner { nick: nick.into(), account, is_left: false })));
        changes
    }

    /// An account has logged out in a scope: what the device has of it is to be [deleted](Self::deleted). Returns what has
    /// changed: nothing if another account has logged in there since.
    pub fn logged_out(&mut self, scope: &str, account: Option<UserId>) -> Option<ScopeChange> {
        let is_left = |owner: &&Owner| owner.account.is_none() || owner.account == account;
        let nick = self.owner(scope).filter(is_left)?.nick.clone();
        self.set(scope, Some(Owner { nick, account: None, is_left: true }))
    }

    /// Returns `true` if the account of a scope has logged out, and what the device has of it is not deleted yet.
    #[must_use]
    pub fn is_left(&self, scope: &str) -> bool {
        self.owner(scope).is_some_and(|owner| owner.is_left)
    }

    /// Returns `true` if an account is logged in in a scope. A login lists its scope, so after a logout it is no longer listed, or
    /// without an account.
    #[must_use]
    pub fn is_logged_in(&self, scope: &str, account: Option<UserId>) -> bool {
        self.owner(scope).is_some_and(|owner| !owner.is_left && owner.account == account)
    }

    /// The scopes whose data is not deleted yet although their accounts have logged out.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, owner)| owner.is_left).map(|(scope, _)| &**scope)
    }

    /// The data of a scope that [is left](Self::is_left) can't be deleted, so the next login under its nick uses another scope.
    /// Returns what has changed.
    pub fn avoid(&mut self, scope: &str) -> Option<ScopeChange> {
        let owner = self.owner(scope).filter(|owner| owner.is_left)?;
        let nameless = Owner { nick: String::new(), ..owner.clone() };
        self.set(scope, Some(nameless))
    }

    /// Another scope for a login with a nick, if its own one can't be read and belongs to an account: the login may be to another
    /// account.
    #[must_use]
    pub fn beside(&self, scope: &str, nick: &str) -> Option<String> {
        self.owner(scope).filter(|owner| !owner.is_left && owner.account.is_some())?;
        Some(self.find(server_url(scope), nick, |_| false))
    }

    /// The data of an account that has logged out is deleted, except its drafts. They are for the next login under
    /// its nick, so the scope stays reserved for that until it is [free](Self::free), unless the login finds it by its name.
    /// Returns what has changed.
    pub fn deleted(&mut self, scope: &str) -> Option<ScopeChange> {
        let owner = self.owner(scope).filter(|owner| owner.is_left)?;
        let nick = owner.nick.clone();
        let is_reserved = scope != name(server_url(scope), &nick);
        self.set(scope, is_reserved.then_some(Owner { nick, account: None, is_left: false }))
    }

    /// A scope has no drafts. Anybody may use it if its account has logged out. Returns what has changed.
    pub fn free(&mut self, scope: &str) -> Option<ScopeChange> {
        let is_unused = self.owner(scope).is_some_and(|owner| owner.account.is_none() && !owner.is_left);
        is_unused.then(|| self.set(scope, None))?
    }

    fn on(&self, server: &str) -> impl Iterator<Item = &(String, Owner)> {
        self.0.iter().filter(move |(scope, _)| server_url(scope) == server)
    }

    fn owner(&self, scope: &str) -> Option<&Owner> {
        self.0.iter().find(|(listed, _)| listed == scope).map(|(_, owner)| owner)
    }

    fn set(&mut self, scope: &str, owner: Option<Owner>) -> Option<ScopeChange> {
        if self.owner(scope) == owner.as_ref() {
            return None;
        }
        let change = (scope.to_owned(), owner.as_ref().map(Owner::encode));
        self.0.retain(|(listed, _)| listed != scope);
        self.0.extend(owner.map(|owner| (scope.to_owned(), owner)));
        Some(change)
    }
}

/// The first choice for the scope of an account. The nick is in ASCII lower case, because a server may change its case.
fn name(server: &str, nick: &str) -> String {
    format!("{server}\n{}", nick.to_ascii_lowercase())
}

impl Owner {
    /// The nick. If the account is known, a line feed and its hexadecimal digits follow; if it has left, a line feed and
    /// [`LEFT`].
    fn encode(&self) -> String {
        match self.account {
            Some(account) => format!("{}\n{account:?}", self.nick),
            None if self.is_left => format!("{}\n{LEFT}", self.nick),
            None => self.nick.clone(),
        }
    }

    fn decode(value: &str) -> Self {
        let (nick, digits) = value.split_once('\n').unwrap_or((value, ""));
        // `from_str_radix` accepts a sign.
        let is_id = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let account = u128::from_str_radix(digits, 16).ok().filter(|_| is_id);
        let account = account.map(|account| UserId(account.to_be_bytes()));
        Self { nick: nick.into(), account, is_left: digits == LEFT }
    }
}

#[cfg(test)]
mod tests;
