//! Roles in the lobby that the operator gives. Nobody owns a new lobby, so nobody there could give them.

use std::path::Path;

use parlour_core::{
    model::{MessageId, Role},
    validate::nick_key,
};
use thiserror::Error;

use super::{
    EventLog as _, LogError,
    check::{CheckError, path},
    sqlite::SqliteLog,
};

/// The reason why a role can't be given.
#[derive(Debug, Error)]
pub enum RoleError {
    /// The log does not exist, or it can't be written.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// Nobody has the nick.
    #[error("Nobody has the name {0:?}; the user must have logged in with it before.")]
    NoSuchNick(String),
    /// There are no random numbers for the id of the event.
    #[error("The operating system has no random numbers: {0}.")]
    Random(getrandom::Error),
}

impl From<LogError> for RoleError {
    fn from(error: LogError) -> Self {
        Self::Check(error.into())
    }
}

/// Gives the account with a nick a role in the lobby, by an event of the lobby that the account itself has caused. `unix_ms` is
/// the time of the event. Returns the nick as it is spelled.
///
/// # Errors
/// [`RoleError`]; [`LogError::InUse`] while a server uses the directory.
pub fn give_role(dir: &Path, nick: &str, role: Role, unix_ms: i64) -> Result<String, RoleError> {
    path(dir)?;
    let mut log = SqliteLog::open(dir)?;
    let key = nick_key(nick.trim());
    // Those whose nicks look the same are not meant.
    let is_it = |account: &super::Account| account.holds_nick && nick_key(&account.nick) == key;
    let account = log.reader()?.holders(nick.trim())?.into_iter().find(is_it);
    let account = account.ok_or_else(|| RoleError::NoSuchNick(nick.trim().into()))?;
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(RoleError::Random)?;
    let id = MessageId::new(u64::try_from(unix_ms).unwrap_or(0), random);
    log.give_lobby_role(account.user, role, id, unix_ms)?;
    Ok(account.nick)
}
