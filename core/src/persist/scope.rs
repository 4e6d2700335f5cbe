//! The names under which the data of an account is stored.

use std::fmt;

use crate::ids::UserId;

/// The account on a server that data belongs to. Its text is the first part of every key, and the name of the lock and the
/// channel of its tabs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// An account whose id is not known, because nobody has logged in yet, or because the server has no accounts.
    Nick {
        /// The URL of the server's socket.
        server: String,
        /// The nick in ASCII lower case, because a server may change its case.
        nick: String,
    },
    /// An account of a server that has accounts.
    Account {
        /// The URL of the server's socket.
        server: String,
        /// The id of the account.
        account: UserId,
    },
}

impl Scope {
    /// The scope of a nick.
    #[must_use]
    pub fn of_nick(server: &str, nick: &str) -> Self {
        Self::Nick { server: server.into(), nick: nick.to_ascii_lowercase() }
    }

    /// The scope of an account.
    #[must_use]
    pub fn of_account(server: &str, account: UserId) -> Self {
        Self::Account { server: server.into(), account }
    }

    /// Reads the text of a scope; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (server, rest) = text.split_once('\n')?;
        let Some(digits) = rest.strip_prefix('\n') else {
            let is_nick = !rest.is_empty() && !rest.contains('\n');
            return is_nick.then(|| Self::of_nick(server, rest));
        };
        if digits.len() != 32 || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let account = u128::from_str_radix(digits, 16).ok()?;
        Some(Self::of_account(server, UserId(account.to_be_bytes())))
    }

    /// The URL of the server's socket.
    #[must_use]
    pub fn server(&self) -> &str {
        match self {
            Self::Nick { server, .. } | Self::Account { server, .. } => server,
        }
    }
}

/// The URL of the server's socket in the text of a scope.
#[must_use]
pub fn server_url(scope: &str) -> &str {
    scope.split('\n').next().unwrap_or_default()
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nick { server, nick } => write!(f, "{server}\n{nick}"),
            // No nick is empty.
            Self::Account { server, account } => write!(f, "{server}\n\n{account:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_were_written() {
        let server = "ws://[::1]:8080/ws";
        for scope in [
            Scope::of_nick(server, "tom"),
            Scope::of_nick(server, "李"),
            Scope::of_account(server, UserId([0; 16])),
            Scope::of_account(server, UserId(*b"\x00\x01\x02345678\xFFabcdef")),
        ] {
            assert_eq!(Scope::parse(&scope.to_string()), Some(scope.clone()));
            assert_eq!((scope.server(), server_url(&scope.to_string())), (server, server));
        }
        assert_eq!(Scope::of_nick(server, "Tom"), Scope::of_nick(server, "tom"));
    }

    #[test]
    fn other_texts_are_not_scopes() {
        let long = format!("ws://a/ws\n\n{}", "0".repeat(33));
        let signed = format!("ws://a/ws\n\n+{}", "0".repeat(31));
        for text in
            ["", "ws://a/ws", "ws://a/ws\n", "ws://a/ws\n\n", "ws://a/ws\ntom\ndrafts", &long, &signed]
        {
            assert_eq!(Scope::parse(text), None, "{text:?}");
        }
    }
}
