//! Messages that a page sends again from another account.
//!
//! The page starts a new account when its user leaves and logs in again, and when it continues under another nick. Then it
//! sends what was not acknowledged, with the same ids. The log has one of these messages already if only its
//! acknowledgement was lost. It does not recognise it, because ids belong to accounts, so the hub looks for it among the
//! recent messages. The new account does not own the message: it is only told that it is stored.

use parlour_core::{
    model::{MessageId, UserId},
    validate,
};

use super::Hub;
use crate::store::Place;

/// A message that is stored as that of another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resent {
    /// Of an account with the same nick, to which nobody can return.
    Known(Place),
    /// Of an account with another nick that is offline.
    UnderAnotherNick,
}

impl Hub {
    /// Looks for a message that the user of an account has sent from a former account.
    pub(super) fn resent_message(
        &self,
        account: UserId,
        key: &str,
        id: MessageId,
        content: &str,
    ) -> Option<Resent> {
        let stored = self.lobby.recent.message(id)?;
        let former = UserId::from_wire(&stored.sender).filter(|former| *former != account)?;
        if stored.content != content || self.accounts.online(former).is_some() {
            return None;
        }
        if validate::nick_key(&stored.user_name) != *key {
            return Some(Resent::UnderAnotherNick);
        }
        // Somebody else may have the nick of an account that is only away.
        let is_gone = self.accounts.get(former).is_none();
        is_gone.then_some(Resent::Known(Place { seq: 0, ord: stored.ord, time: stored.time }))
    }
}
