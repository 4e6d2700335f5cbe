//! Messages that a page sends again from another account.
//!
//! A page without the capability "rooms" passes its send queue on to the next account: when its user leaves and logs in
//! again, when it continues under another nick, and when it has lost its secret. Then it sends what was not acknowledged,
//! with the same ids. The log has such a message already if only its acknowledgement was lost. It does not recognise it,
//! because ids belong to accounts, so the hub looks for it among the recent messages. The new account does not own the
//! message: it is only told that it is stored.

use parlour_core::{
    model::{MessageId, UserId},
    validate,
};

use super::{Hub, connection::Peer};
use crate::store::Place;

/// A message that is stored as that of another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resent {
    /// Of one with the same nick.
    UnderThisNick(Place),
    /// Of one with another nick.
    UnderAnotherNick,
}

impl Hub {
    /// Looks for a message with this id and text that a client has sent from a former account, which is offline.
    pub(super) fn sent_from_former_account(
        &self,
        peer: &Peer,
        id: MessageId,
        content: &str,
    ) -> Option<Resent> {
        if peer.shares_session {
            return None;
        }
        let stored = self.lobby.recent.message(id)?;
        let former = UserId::from_wire(&stored.sender).filter(|former| *former != peer.account)?;
        if stored.content != content || self.accounts.online(former).is_some() {
            return None;
        }
        let key = &self.accounts.get(peer.account)?.key;
        Some(match validate::nick_key(&stored.user_name) == **key {
            true => Resent::UnderThisNick(Place { seq: 0, ord: stored.ord, time: stored.time }),
            false => Resent::UnderAnotherNick,
        })
    }
}
